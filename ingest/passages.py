"""A statement's text to passages: whole sentences, packed up to a length, with offsets into the original.

>>> [p.text for p in split(statement)]  # doctest: +SKIP
['أكدت الإدارة …', …]
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.language import language_of, sentences
from rag.schema import Cut, Passage, Span, Statement


def split(statement: Statement, *, max_chars: int = 700) -> list[Passage]:
    """Return the passages of a statement in order. None crosses a cut; a sentence longer than `max_chars` makes one of its own, and
    none is longer than the 1,000 characters that `sentences` allows for what runs on without a pause.
    """
    spans = [span for begin, end in _kept(statement) for span in _pack(statement.text, begin, end, max_chars)]
    return [_passage(statement, number, group) for number, group in enumerate(spans)]


def _kept(statement: Statement) -> list[tuple[int, int]]:
    """The stretches of the text between its cuts."""
    borders: list[tuple[int, int]] = []
    begin = 0
    for cut in sorted(statement.cuts, key=lambda cut: cut.start):
        borders.append((begin, cut.start))
        begin = max(begin, cut.end)
    borders.append((begin, len(statement.text)))
    return [(start, end) for start, end in borders if start < end]


def _pack(text: str, begin: int, end: int, max_chars: int) -> list[list[Span]]:
    """Group sentences so that each group spans at most `max_chars`, lengths evened out so that no crumb is left at the end."""
    found = sentences(text, begin, end)
    if not found:
        return []
    whole = found[-1].end - found[0].start
    target = whole / max(1, -(-whole // max_chars))
    groups: list[list[Span]] = [[]]
    for span in found:
        group = groups[-1]
        full = group and (span.end - group[0].start > max_chars or (group[-1].end - group[0].start) >= target)
        if full:
            groups.append([span])
        else:
            group.append(span)
    return groups


def _passage(statement: Statement, number: int, group: Sequence[Span]) -> Passage:
    start, end = group[0].start, group[-1].end
    text = statement.text[start:end]
    return Passage(
        passage_id=f"{statement.statement_id}:{statement.revision}:{number}",
        statement_id=statement.statement_id,
        revision=statement.revision,
        language=language_of(text),
        text=text,
        start=start,
        end=end,
        sentences=tuple(group),
    )


def merge_cuts(cuts: Sequence[Cut]) -> tuple[Cut, ...]:
    """Return the cuts in order, without any that begins inside an earlier one."""
    kept: list[Cut] = []
    for cut in sorted(cuts, key=lambda cut: (cut.start, -cut.end)):
        if not kept or cut.start >= kept[-1].end:
            kept.append(cut)
    return tuple(kept)
