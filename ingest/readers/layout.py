"""A page's text as a browser lays it out: a line for each block, without what is hidden; and which of its lines a text lacks.

>>> [line.text for line in laid_out(parsed("<p>بيان <b>قصير</b>.</p><ul><li>أول</li></ul>"))]
['بيان قصير.', 'أول']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
STRUCK = ("del", "s", "strike")  # what its author took back
MAX_LEFT_OUT = 500  # lines, and
MAX_LEFT_OUT_CHARS = 20_000  # characters of a page that are kept beside its statement; more are told by a last line, "…"
_BLOCK = re.compile(
    "address|article|aside|blockquote|body|button|caption|center|d[dlt]|details|dialog|dir|div|fieldset|figcaption|figure|footer|form|h[1-6]"
    "|header|hgroup|hr|html|legend|li|main|menu|nav|ol|option|p|pre|search|section|select|summary|table|tbody|tfoot|thead|tr|ul"
)
_CELLS = ("td", "th")
_UNSEEN = re.compile("script|style|noscript|template|head|title|iframe|object|svg|math|canvas|audio|video|datalist|textarea")
_UNSEEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_RUN = 3  # words in a row: a text in which all of a line's runs occur holds the line, however it parts its cells and list items


@dataclass(frozen=True)
class Line:
    """A line, the tag of the block it stands in, and which block of the page that is: a block broken by `<br>` has several lines."""

    text: str
    tag: str
    block: int


def parsed(html: str) -> Any:
    """Return a page's tree, without comments; lxml closes what is left open."""
    from lxml import html as parser

    options = {"encoding": "utf-8", "remove_comments": True, "remove_pis": True}
    return parser.fromstring(f"<div>{html}</div>".encode("utf-8", errors="replace"), parser=parser.HTMLParser(**options))


def laid_out(tree: Any, *, without: Collection[str] = ()) -> Iterator[Line]:
    """Yield the lines that a browser shows of a page, cells of a row joined by a dash; `without` the elements of these tags."""
    from lxml import etree

    walker = etree.iterwalk(tree, events=("start", "end"))  # not recursive: pages are nested deeply to exhaust what is
    blocks: list[tuple[str, int]] = [("body", 0)]
    pieces: list[str] = []
    found = 0

    def broken() -> Iterator[Line]:
        text = " ".join("".join(pieces).split())
        pieces.clear()
        if text.strip("— "):
            yield Line(text, *blocks[-1])

    for event, node in walker:
        unseen = node.tag in without or _is_hidden(node)
        if event == "end":
            if not unseen and _BLOCK.fullmatch(node.tag):
                yield from broken()
                blocks.pop()
            pieces.append(node.tail or "")
            continue
        if unseen:
            walker.skip_subtree()
            pieces.append(" ")
            continue
        if node.tag == "br" and blocks[-1][0] not in HEADINGS:
            yield from broken()
        elif node.tag == "br":
            pieces.append(" ")
        elif _BLOCK.fullmatch(node.tag):
            yield from broken()
            found += 1
            blocks.append((node.tag, found))
        elif node.tag in _CELLS and node.getprevious() is not None:
            pieces.append(" — ")
        pieces.append(node.text or "")
    yield from broken()


def left_out(lines: Iterable[Line], kept: str) -> tuple[str, ...]:
    """Return the lines whose words do not occur in the text that was kept, each once, within bounds that a last line "…" tells of."""
    known, found, chars = _runs(_words(kept), *range(1, _RUN + 1)), dict[str, str](), 0
    for line in lines:
        words = _words(line.text)
        key = " ".join(words)
        if not words or key in found or _runs(words, min(_RUN, len(words))) <= known:
            continue
        chars += len(line.text)
        if len(found) == MAX_LEFT_OUT or chars > MAX_LEFT_OUT_CHARS:
            return (*found.values(), "…")
        found[key] = line.text
    return tuple(found.values())


def _runs(words: Sequence[str], *lengths: int) -> set[str]:
    return {" ".join(words[at : at + length]) for length in lengths for at in range(len(words) - length + 1)}


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text))


def _is_hidden(node: Any) -> bool:
    if node.get("hidden") is not None or (node.tag == "dialog" and node.get("open") is None):
        return True
    return bool(_UNSEEN.fullmatch(node.tag) or _UNSEEN_STYLE.search(node.get("style") or ""))
