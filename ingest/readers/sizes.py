"""Headings of a printed text, told by the size of its letters where nothing else names them.

A paragraph in clearly larger letters than the text heads what is below it, if it is short and no sentence. What is large above the text's
first sentences is letterhead and title; what is large with nothing below it closes the statement.

    >>> text = Paragraph("أعلنت الوزارة أن تسعة أشخاص أصيبوا.", 12)
    >>> large_headings([Paragraph("وزارة النقل", 20), text, Paragraph("الأضرار", 14), text])
    [(1, 'الأضرار')]
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.readers.headings import Named

_LARGER = 1.12  # of the text's letters; browsers print third headings in 1.17, Word second ones in 1.18
_EQUAL = 0.05  # share by which letters of one kind differ in size, as scaled pages round it
_MAX_CHARS = 120
_PROSE_CHARS = 80  # a paragraph of so many is text even where it ends without a full stop
_SENTENCE = re.compile(r"[.!?؟؛…][»”\"')\]]*$")
_QUOTED = re.compile(r"[«“\"‹]")  # a quotation set large between paragraphs
_ITEM = re.compile(r"[•▪●◦–—*-]\s|[\d٠-٩]{1,2}[.)-]\s")


@dataclass(frozen=True)
class Paragraph:
    """A paragraph with the size of its smallest line's letters, in points; `table`: a row of one; `repeated`: on most pages."""

    text: str
    size: float
    table: bool = False
    repeated: bool = False


def large_headings(paragraphs: Sequence[Paragraph]) -> list[Named]:
    """Return the headings among a text's paragraphs, in order, the largest letters as level 1."""
    seen = [paragraph for paragraph in paragraphs if not paragraph.repeated]
    usual = _usual(seen)
    begins = next((at for at, paragraph in enumerate(seen) if _is_prose(paragraph, usual)), len(seen))
    said = Counter(paragraph.text for paragraph in seen)
    large = [at for at, paragraph in enumerate(seen) if said[paragraph.text] == 1 and _can_head(paragraph, usual)]
    heads = [at for at in large if _has_below(seen, at, usual)]
    found = [at for at in heads if at > begins]
    # A first section may begin under the title at once; its heading is then like the others, and the title larger.
    if begins - 1 in heads and any(_alike(seen[begins - 1], seen[at]) for at in found):
        found = [begins - 1] * any(seen[at].size > seen[begins - 1].size * (1 + _EQUAL) for at in range(begins - 1)) + found
    ranks = list(_ranks(sorted((seen[at].size for at in found), reverse=True)))
    return [(1 + sum(rank > seen[at].size * (1 + _EQUAL) for rank in ranks), seen[at].text) for at in found]


def _usual(paragraphs: Sequence[Paragraph]) -> float:
    """The size that most letters have."""
    letters: Counter[float] = Counter()
    for paragraph in paragraphs:
        letters[round(paragraph.size, 1)] += len(paragraph.text)
    return max(letters, key=lambda size: letters[size], default=0.0)


def _is_prose(paragraph: Paragraph, usual: float) -> bool:
    in_sentences = len(paragraph.text) >= _PROSE_CHARS or bool(_SENTENCE.search(paragraph.text))
    return not paragraph.table and paragraph.size <= usual * _LARGER and in_sentences


def _can_head(paragraph: Paragraph, usual: float) -> bool:
    text = paragraph.text
    is_words = any(map(str.isalpha, text)) and not _SENTENCE.search(text) and not _QUOTED.match(text)
    return is_words and len(text) <= _MAX_CHARS and not paragraph.table and paragraph.size > usual * _LARGER


def _has_below(paragraphs: Sequence[Paragraph], at: int, usual: float) -> bool:
    """Whether text follows before another heading of its size or a larger one."""
    for below in paragraphs[at + 1 :]:
        if below.table or _is_prose(below, usual) or (below.size <= usual * _LARGER and _ITEM.match(below.text)):
            return True
        if below.size > usual * _LARGER and below.size >= paragraphs[at].size * (1 - _EQUAL):
            return False
    return False


def _alike(one: Paragraph, other: Paragraph) -> bool:
    return abs(one.size - other.size) <= _EQUAL * other.size


def _ranks(sizes: Sequence[float]) -> Iterator[float]:
    """Of sizes in falling order, the largest of each kind."""
    kind = float("inf")
    for size in sizes:
        if size < kind * (1 - _EQUAL):
            kind = size
            yield kind
