"""Headings that a file names, found again as lines of the text that was read from it.

Readers alter a text on its way (white space, list marks, cells): a heading's place in the file says little of its place in the text.

    >>> lines_of("بيان\\n\\nالضحايا\\nجُرح ثلاثة.", [(2, "الضحايا"), (2, "الأضرار")])
    (Heading(start=6, end=13, level=2),)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from rag.schema import Heading

MAX_HEADING_CHARS = 250  # as of a title; a longer one is a paragraph in a heading's style
Named = tuple[int, str]  # level, from 1 for the outermost, and words
_LINE = re.compile(r"[^\s][^\r\n]*")


def lines_of(text: str, named: Iterable[Named]) -> tuple[Heading, ...]:
    """Return the lines of a text that its headings, named in its order, are.

    A heading that is no line of the text is left out, and so is one whose words are also a line that is none, as in a table of contents:
    nobody could say where its section begins.
    """
    levels: dict[str, list[int]] = defaultdict(list)
    for level, words in named:
        if any(map(str.isalnum, words)) and len(words) <= MAX_HEADING_CHARS:
            levels[_plain(words)].append(level)
    if not levels:
        return ()
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for line in _LINE.finditer(text):
        if len(line[0]) <= MAX_HEADING_CHARS and (words := _plain(line[0])) in levels:
            places[words].append((line.start(), line.start() + len(line[0].rstrip())))
    alike = (zip(places[words], found, strict=True) for words, found in levels.items() if len(places[words]) == len(found))
    return tuple(sorted((Heading(*place, level) for pairs in alike for place, level in pairs), key=lambda heading: heading.start))


def _plain(line: str) -> str:
    return " ".join(line.split())
