"""Which sentences of a statement must be quoted together, so that a quote says what its author said.

A part of a long sentence stays with its other parts; a sentence with the one before it that denies or introduces it, with the whole of
the quotation it stands in, and with the list it is part of and what introduces that. Knows nothing of questions, passages or scores.

    >>> text = "حدد البيان مطلبين:\\n- فتح الطريق.\\n- عودة الماء."
    >>> together(text, sentences(text), 2, 2)
    (0, 2)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from rag.language import sentences
from rag.language.polarity import denies
from rag.schema import Span, Statement
from rag.verification.claims import quotations

LONGEST = 900  # characters of what is kept together; of more, as much as fits
LINE = 5_000  # characters of its line looked at either side of a place: a line may have millions
ITEM = 200  # characters of a line that is an item of a list without a mark that says so
_MARKED = re.compile(r"\s*(?:[-*•–]|\d{1,2}[.)])\s")
_ENDED = re.compile(r"[.!?؟؛…][^\w\s]*$")
_BREAKS = "\n\r\v\f\u0085\u2028\u2029"
_LINE_BREAK = re.compile(rf"\r\n|[{_BREAKS}]")


def together(text: str, spans: Sequence[Span], first: int, last: int, *, taken: Sequence[Span] = ()) -> tuple[int, int]:
    """Return the first and last of the sentences that are quoted with those from `first` to `last`.

    `spans`: sentences of `text` in order. Nothing is added that makes the quote longer than LONGEST, or that is `taken` by another.
    """
    while True:
        for begin, end in _wider(text, spans, first, last):
            whole = Span(spans[begin].start, spans[end].end)
            if whole.end - whole.start <= LONGEST and not any(whole.overlaps(span) for span in taken):
                first, last = begin, end
                break
        else:
            return first, last


def around(statement: Statement, within: Span) -> tuple[list[Span], list[Span]]:
    """Return the sentences shortly before a stretch of a statement and after it, as far as nothing was cut between."""
    start = max((cut.end for cut in statement.cuts if cut.end <= within.start), default=0)
    end = min((cut.start for cut in statement.cuts if cut.start >= within.end), default=len(statement.text))
    near, far = max(start, within.start - LONGEST), min(end, within.end + LONGEST)
    before, after = sentences(statement.text, near, within.start), sentences(statement.text, within.end, far)
    return before[near > start :], after[: len(after) - (far < end)]  # what the limit may have cut through is no sentence


def adjoin(text: str, one: Span, other: Span) -> bool:
    """Whether nothing but space and at most one line break lies between two sentences."""
    return _breaks(text, one, other) <= 1


def _wider(text: str, spans: Sequence[Span], first: int, last: int) -> Iterator[tuple[int, int]]:
    """What these sentences must not be parted from, each by itself."""
    yield from _whole(text, spans, first, last)
    for begin, end in _lists(text, spans):
        if begin <= last and first <= end and (begin < first or last < end):
            yield min(begin, first), max(end, last)
    if first > 0:
        before = text[spans[first - 1].start : spans[first - 1].end]
        leads = adjoin(text, spans[first - 1], spans[first]) and (denies(before) or _introduces(before))
        if leads or _is_quoted(text, spans[first].start):
            yield first - 1, last
    if last + 1 < len(spans):
        if _is_quoted(text, spans[last].end):
            yield first, last + 1
        if _is_marked(text, spans[last + 1]) and _introduces(text[spans[first].start : spans[first].end]):  # a list that is too long
            yield first, last + 1


def _whole(text: str, spans: Sequence[Span], first: int, last: int) -> Iterator[tuple[int, int]]:
    """With the other parts of what `rag.language.sentences` has divided."""
    begin, end = first, last
    while begin > 0 and _goes_on(text, spans[begin - 1], spans[begin]):
        begin -= 1
    while end + 1 < len(spans) and _goes_on(text, spans[end], spans[end + 1]):
        end += 1
    if (begin, end) != (first, last):
        yield begin, end


def _lists(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """The first and last sentence of each list, which what introduces it begins; no blank line is in one whose items bear no mark."""
    for begin in range(len(spans) - 1):
        if not _introduces(text[spans[begin].start : spans[begin].end]) or not _breaks(text, spans[begin], spans[begin + 1]):
            continue
        end, marked = begin, _is_marked(text, spans[begin + 1])
        for at in range(begin + 1, len(spans)):
            gap, (start, stop) = _breaks(text, spans[at - 1], spans[at]), _line(text, spans[at].start)
            if gap > 2 or not (_is_marked(text, spans[at]) if marked else gap <= 1 and stop - start <= ITEM):
                break
            end = at
        if end > begin:
            yield begin, end


def _goes_on(text: str, one: Span, other: Span) -> bool:
    return not _breaks(text, one, other) and not _ENDED.search(text, max(one.start, one.end - 9), one.end)


def _introduces(text: str) -> bool:
    return text.rstrip().endswith(":")


def _is_marked(text: str, span: Span) -> bool:
    """Whether a sentence stands on a line that is marked as an item of a list."""
    begin, _ = _line(text, span.start)
    return (begin == 0 or text[begin - 1] in _BREAKS) and bool(_MARKED.match(text, begin))


def _is_quoted(text: str, at: int) -> bool:
    """Whether a place lies inside quotation marks that are opened and closed on its line."""
    start, end = _line(text, at)
    return any(span.start < at - start < span.end for span in _quotations(text[start:end]))


@lru_cache(maxsize=64)
def _quotations(line: str) -> list[Span]:
    return quotations(line, ())


def _line(text: str, at: int) -> tuple[int, int]:
    """Where the line of a place begins and ends, as far as LINE from it."""
    near, far = max(0, at - LINE), min(len(text), at + LINE)
    after = _LINE_BREAK.search(text, at, far)
    begin = max(text.rfind(mark, near, at) for mark in _BREAKS) + 1
    return begin or near, after.start() if after else far


def _breaks(text: str, one: Span, other: Span) -> int:
    return len(_LINE_BREAK.findall(text, one.end, other.start))
