"""Statements that nearly repeat one another, and what differs between them: a figure, a date, a denial or the wording.

A sketch (MinHash, by datasketch) of a statement is kept with its record; two sketches tell how many runs of three words two statements
share, without their texts. Knows nothing of storage.

    >>> [(found.kind, found.text, found.other) for found in differences("قُتل سبعة أشخاص في الهجوم.", "قُتل تسعة أشخاص في الهجوم.")]
    [('number', 'سبعة', 'تسعة')]
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rag.language import dates, fold, numbers, same_date, same_number, words
from rag.language.alignment import aligned
from rag.language.polarity import clauses
from rag.schema import Difference, DifferenceKind, Related, Span, Statement, Version

Sketch = npt.NDArray[np.uint32]
Fetch = Callable[[Sequence[str]], Mapping[str, Statement]]
PERMUTATIONS = 64  # an estimate is off by .06 at .5, by .04 at .9
SCHEME: Literal["affine32"] = "affine32"  # of datasketch: named, for sketches outlive its default
ALIKE = 0.5  # of two reports of 40 words, one figure changed leaves .86, two changed .75
RUN = 3  # words
MAX_RELATED = 20
MAX_WORDS = 5_000  # compared; what stands behind them is not
_WORD = re.compile(r"[\w\u064b-\u065f\u0670]+(?:[.,٫٬/:'’-]\w+)*[%٪]?")


def prose(statement: Statement) -> str:
    """Return what counts of a statement: its text without the stretches that were cut."""
    borders = [0, *(edge for cut in statement.cuts for edge in (cut.start, cut.end)), len(statement.text)]
    kept = (statement.text[begin:end].strip() for begin, end in zip(borders[::2], borders[1::2], strict=True))
    return "\n".join(filter(None, kept))


def sketch(statement: Statement) -> Sketch:
    """Return the sketch of a statement, shape (PERMUTATIONS,)."""
    from datasketch import MinHash  # a second to import, for ingests only

    found = words(fold(prose(statement)))
    runs = {" ".join(found[at : at + RUN]) for at in range(max(1, len(found) - RUN + 1))}
    made = MinHash(num_perm=PERMUTATIONS, scheme=SCHEME)
    made.update_batch([run.encode() for run in runs])
    return np.asarray(made.hashvalues, dtype=np.uint32)


def likeness(one: Sketch, others: npt.NDArray[np.uint32]) -> npt.NDArray[np.float64]:
    """Return the estimated share, 0 to 1, of runs that a statement has in common with each of `others`, shape (n, PERMUTATIONS)."""
    return np.asarray((others == one).mean(axis=1))


def differences(text: str, other: str) -> list[Difference]:
    """Return what differs between two texts, in order: what the first says and, in its place, the second; either may be empty."""
    (text, ours), (other, theirs) = _compared(text), _compared(other)
    keys = [[fold(body[span.start : span.end]) for span in spans] for body, spans in ((text, ours), (other, theirs))]
    found = []
    for begin, end, other_begin, other_end, equal in aligned(*keys):
        if not equal:
            mine, yours = _stretch(ours, begin, end, len(text)), _stretch(theirs, other_begin, other_end, len(other))
            kind, mine, yours = _judge(text, mine, other, yours)
            found.append(Difference(kind, text[mine.start : mine.end], other[yours.start : yours.end]))
    return list(dict.fromkeys(found))


def related(statement: Statement, sketches: Mapping[str, Sketch], fetch: Fetch) -> list[Related]:
    """Return the statements most like one, of those whose sketches are given, the likest first; `fetch` gets them by their ids."""
    others = [key for key in sketches if key != statement.statement_id]
    if statement.statement_id not in sketches or not others:
        return []
    values = likeness(sketches[statement.statement_id], np.array([sketches[key] for key in others]))
    near = [(others[at], float(values[at])) for at in np.argsort(-values, kind="stable")[:MAX_RELATED] if values[at] >= ALIKE]
    found = fetch([key for key, _ in near])
    return [_related(statement, found[key], value) for key, value in near if key in found]


def versions(statement: Statement, earlier: Sequence[tuple[str, Statement]]) -> list[Version]:
    """Return the earlier texts of a statement, newest first, from (until, statement), each beside the text that took its place."""
    kept = (pair for pair in earlier if pair[1].revision != statement.revision)  # it was killed before the new text counted, or restored
    newest_first = sorted(kept, key=lambda pair: pair[0], reverse=True)
    after = [statement, *(version for _, version in newest_first)]
    return [
        Version(until, version, tuple(differences(prose(version), prose(later))))
        for (until, version), later in zip(newest_first, after, strict=False)
    ]


def groups(sketches: Mapping[str, Sketch]) -> list[list[str]]:
    """Return the ids of statements that are alike, directly or through others, largest group first."""
    from datasketch import MinHash, MinHashLSH

    index, leader = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS), {key: key for key in sketches}

    def first(key: str) -> str:
        while leader[key] != key:
            key = leader[key]
        return key

    for key, values in sketches.items():
        made = MinHash(num_perm=PERMUTATIONS, hashvalues=values, scheme=SCHEME)
        for near in index.query(made):
            if likeness(values, sketches[near][np.newaxis])[0] >= ALIKE:
                leader[first(near)] = first(key)
        index.insert(key, made)
    gathered: dict[str, list[str]] = {}
    for key in sketches:
        gathered.setdefault(first(key), []).append(key)
    return sorted((group for group in gathered.values() if len(group) > 1), key=len, reverse=True)


def _related(statement: Statement, other: Statement, value: float) -> Related:
    differ = tuple(differences(prose(statement), prose(other)))
    return Related(other.statement_id, other.title, other.issuer, other.date, other.source, round(value, 2), differ)


def _compared(text: str) -> tuple[str, list[Span]]:
    """The words of a text that are compared, and the text as far as they reach."""
    found = [Span(match.start(), match.end()) for match in islice(_WORD.finditer(text), MAX_WORDS)]
    return (text[: found[-1].end] if len(found) == MAX_WORDS else text), found


def _stretch(spans: Sequence[Span], begin: int, end: int, length: int) -> Span:
    """From the first to the last word; of none, the place between two."""
    if begin < end:
        return Span(spans[begin].start, spans[end - 1].end)
    at = spans[begin].start if begin < len(spans) else length
    return Span(at, at)


def _judge(text: str, mine: Span, other: str, yours: Span) -> tuple[DifferenceKind, Span, Span]:
    """Say what kind of difference two stretches make, each widened to the whole of the date or number that it is part of."""
    for kind, read, same in (("date", dates, same_date), ("number", numbers, same_number)):
        ours, theirs = _touched(read(text), mine), _touched(read(other), yours)
        if len(ours) != len(theirs) or not all(same(a, b) for a, b in zip(ours, theirs, strict=True)):
            return kind, _widened(mine, ours), _widened(yours, theirs)  # type: ignore[return-value]
    negative = [any(clause.negative for clause in _touched(clauses(body), span)) for body, span in ((text, mine), (other, yours))]
    return ("polarity" if negative[0] != negative[1] else "wording"), mine, yours


def _touched(found: Sequence[Any], span: Span) -> list[Any]:
    begin = bisect_right(found, span.start, key=lambda item: item.end)
    return list(found[begin : bisect_left(found, max(span.end, span.start + 1), key=lambda item: item.start)])


def _widened(span: Span, found: Sequence[Any]) -> Span:
    return Span(min([span.start, *(item.start for item in found)]), max([span.end, *(item.end for item in found)]))
