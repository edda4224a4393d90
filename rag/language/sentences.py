"""Sentence boundaries in Arabic and English press text, as offsets into the original.

A sentence ends at . ! ? ؟ ؛ … with its closing quotes, and at a line break. Decimals, initials, titles («د.», "Mr."), dot runs inside a
sentence and a dot before a lower-case word do not end one. A sentence longer than `max_chars` is divided at its commas; what runs on
without any, as a list or the dump of a table does, between its cells or words, so that no part outgrows what an embedding model reads.

    >>> [(s.start, s.end) for s in sentences("قتل ٣٫٥ آلاف. وقال د. سامر: لا.")]
    [(0, 13), (14, 31)]
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from rag.language.fold import fold
from rag.language.resources import entries
from rag.schema import Span

MAX_CHARS = 420
LONGEST = 1_000  # characters without a pause, heavy ones counted twice: some 500 tokens of the 512 that e5 reads, of vowelled Arabic too
NEAR = 300  # characters looked at either side of the middle: a line may have millions
LONGEST_WORD = 40  # characters looked at before a dot
_CLOSERS = "\"'”’»)]}›"
_END = re.compile(rf"[.!?؟؛…]+[{re.escape(_CLOSERS)}]*")
_LINE = re.compile(r"[^\r\n\u0085\u2028\u2029\v\f]+")
_LAST_WORD = re.compile(r"[^\W\d_]+(?:\.[^\W\d_])*$")
_PAUSE = re.compile(rf"[،,;:][{re.escape(_CLOSERS)}]*(?=\s)|[،؛](?=[^\s\d{re.escape(_CLOSERS)}])")
_GAPS = [re.compile(gap) for gap in (r"\s*[\t|•·▪●]\s*|\s{2,}|\s[-–—]\s", r"\s+(?!\d)|(?<!\d)\s+", r"\s+", r"[^\w\s](?!\d)")]  # best first
_HEAVY = re.compile(r"[^\x00-\x7f\u0620-\u064a]")  # vowel signs, Arabic digits, emoji: models read each alone
_SPACES = re.compile(r"\s*")
_ARABIC_LETTER = re.compile(r"[\u0620-\u064A]")


def sentences(text: str, start: int = 0, end: int | None = None, *, max_chars: int = MAX_CHARS) -> list[Span]:
    """Return the sentences of `text[start:end]` in order, without surrounding white space, as offsets into `text`."""
    stop = len(text) if end is None else end
    found: list[Span] = []
    for line in _LINE.finditer(text, start, stop):
        for span in _split_line(text, line.start(), line.end()):
            found.extend(part for part in _divide(text, span, max_chars) if _says_something(text, part))
    return found


def _split_line(text: str, start: int, end: int) -> list[Span]:
    spans, begin = [], start
    for match in _END.finditer(text, start, end):
        if _ends_sentence(text, match, begin, end):
            spans.append(_trim(text, begin, match.end()))
            begin = match.end()
    spans.append(_trim(text, begin, end))
    return [span for span in spans if _says_something(text, span)]


def _says_something(text: str, span: Span) -> bool:
    return any(char.isalnum() for char in text[span.start : span.end])


def _ends_sentence(text: str, match: re.Match[str], begin: int, end: int) -> bool:
    mark, after = match.group(), match.end()
    following = _SPACES.match(text, after, end).end()  # type: ignore[union-attr]  # matches the empty string at least
    if following == end or mark[0] != ".":
        return True
    before = _LAST_WORD.search(text[max(begin, match.start() - LONGEST_WORD) : match.start()])
    if following == after:  # «اليوم.وأضاف»: the space was forgotten between two Arabic words
        return bool(before and len(before.group()) > 2 and len(mark) == 1 and _ARABIC_LETTER.match(text, after))
    if mark.startswith("..") or text[following].islower():
        return False
    return not (before and len(mark) == 1 and _is_abbreviation(before.group()))


def _is_abbreviation(word: str) -> bool:
    return len(word) == 1 or "." in word or fold(word) in _abbreviations()


def _divide(text: str, span: Span, max_chars: int) -> list[Span]:
    """Divide a run-on sentence at the pause nearest its middle until each part fits; a part without pauses stays whole, within LONGEST."""
    if span.end - span.start <= max_chars:
        return [span]
    cut = _nearest(_PAUSE, text, span) or (_forced_cut(text, span) if _outgrows(text, span, max(max_chars, LONGEST)) else None)
    if cut is None:
        return [span]
    left, right = _trim(text, span.start, cut), _trim(text, cut, span.end)
    return _divide(text, left, max_chars) + _divide(text, right, max_chars)


def _nearest(pattern: re.Pattern[str], text: str, span: Span) -> int | None:
    """Return the end of the match nearest the middle, if there is one in the middle three fifths and within NEAR."""
    middle, margin = (span.start + span.end) // 2, (span.end - span.start) // 5
    start, end = max(span.start + margin, middle - NEAR), min(span.end - margin, middle + NEAR)
    return min((m.end() for m in pattern.finditer(text, start, end)), key=lambda at: abs(at - middle), default=None)


def _forced_cut(text: str, span: Span) -> int:
    """Return where to divide what has no pauses: between cells, then words, then after any sign, else in the middle of an endless word."""
    if cut := next(filter(None, (_nearest(gap, text, span) for gap in _GAPS)), None):
        return cut
    middle = (span.start + span.end) // 2
    whole = (at for at in range(middle, min(middle + NEAR, span.end)) if not unicodedata.combining(text[at]))
    return next(whole, middle)


def _outgrows(text: str, span: Span, limit: int) -> bool:
    length = span.end - span.start
    return length > limit or length + sum(1 for _ in _HEAVY.finditer(text, span.start, span.end)) > limit


def _trim(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


@cache
def _abbreviations() -> frozenset[str]:
    return frozenset(fold(word) for word in entries("abbreviations.txt"))
