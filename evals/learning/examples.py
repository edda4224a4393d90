"""Rows made into what the reader is shown: a question, a stretch of text of the size of a passage, and what is right to say of it.

What makes the reader more than a measure of nearness is made here: passages with the answer's sentence taken out (and as often with
another one, lest the gap give it away), stretches of the same text without the answer, other texts of the same subject, other years and
figures put into the question. Knows nothing of tokens or torch.

    mixture = Mixture(public_rows(shared), translated_pairs(shared), seed=1)
    mixture.draw(Random(0))  # Example
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from evals.learning.rows import Row
from rag.language.sentences import sentences

MIN_CHARS, MAX_CHARS = 180, 620  # of the stretch that is shown; what the pipeline shows is at most 700 long
_DIGITS = re.compile(r"[0-9]+|[٠-٩]+")


@dataclass(frozen=True)
class Example:
    """What is shown, and what is right. `spans` are offsets into `passage`, which begins after `head`."""

    question: str
    passage: str
    head: str
    answers: bool
    contradicts: bool | None  # None: not known, and not learnt from
    spans: tuple[tuple[int, int], ...]
    borne: tuple[tuple[int, int], ...] = ()  # the sentences that bear the answer
    spans_known: bool = True


@dataclass(frozen=True)
class Mixture:
    """Draws public examples: each source in its share, each kind of absence in its own."""

    rows: Sequence[Row]
    pairs: Sequence[tuple[str, str]]
    shares: Mapping[str, float] = field(
        default_factory=lambda: {
            "squad2.0-dev": 2.2, "squad2.0-train-part": 1.4, "squadshifts-new-wiki": 1.2, "tydiqa-goldp-en-train": 1.0, "mlqa-dev": 4.0,
            "pquad": 1.2, "xquad-dev": 4.0, "tydiqa-dev": 2.2, "arcd-dev": 2.2, "pairs": 1.0,
        }
    )  # fmt: skip

    def __post_init__(self) -> None:
        by_source: dict[str, list[Row]] = defaultdict(list)
        by_group: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            by_source[row.source].append(row)
            by_group[row.group].append(row)
        object.__setattr__(self, "_by_source", by_source)
        object.__setattr__(self, "_neighbours", {group: list({row.text: row for row in rows}.values()) for group, rows in by_group.items()})
        names = [name for name in self.shares if name in by_source or (name == "pairs" and self.pairs)]
        object.__setattr__(self, "_names", names)

    def draw(self, random: Random) -> Example:
        """Draw one example."""
        names: list[str] = self._names  # type: ignore[attr-defined]
        name = random.choices(names, [self.shares[name] for name in names])[0]
        if name == "pairs":
            return self._translation(random)
        row = random.choice(self._by_source[name])  # type: ignore[attr-defined]
        if row.label == "absent":
            return unanswered(row, random)
        return self._made(row, random)

    def _made(self, row: Row, random: Random) -> Example:
        chance = random.random()
        if chance < 0.46:
            return answered(row, random, gap=random.random() < 0.5)
        if chance < 0.68:
            return without_answer(row, random) or answered(row, random)
        if chance < 0.74:
            return altered(row, random) or answered(row, random)
        return self._elsewhere(row, random) or answered(row, random)

    def _elsewhere(self, row: Row, random: Random) -> Example | None:
        """Another text on the same subject, the likest of a few drawn; where the group has none, of the same source."""
        others = [other for other in self._neighbours[row.group] if other.text != row.text]  # type: ignore[attr-defined]
        rows = self._by_source[row.source]  # type: ignore[attr-defined]
        others = others or [random.choice(rows) for _ in range(30)]
        others = [o for o in others if o.text_language == row.text_language and not any(row.text[s:e] in o.text for s, e in row.spans)]
        if not others:
            return None
        nearest = max(random.sample(others, min(len(others), 12)), key=lambda other: _shared(row.question + " " + row.head, other.text))
        passage, _ = stretch(nearest.text, (), random)
        return Example(row.question, passage, _head(nearest, random), answers=False, contradicts=None, spans=())

    def _translation(self, random: Random) -> Example:
        """A sentence as the question, its translation among others as the passage: what says the same is the answer."""
        pairs = random.sample(self.pairs, random.randint(3, 6))
        asked = random.randrange(2)
        parts = [pair[1 - asked].strip() for pair in pairs]
        right = random.randrange(len(parts))
        there = random.random() < 0.5
        question = pairs[right][asked] if there else random.choice(self.pairs)[asked]
        start = sum(len(part) + 1 for part in parts[:right])
        span = ((start, start + len(parts[right])),) if there else ()
        return Example(question, " ".join(parts), "", answers=there, contradicts=None, spans=span, borne=span)


class OwnMixture:
    """Draws examples from the authored statements: every question as it is and as its minimal pair without the answer's sentence."""

    def __init__(self, rows: Sequence[Row], replay: Callable[[Random], Example], *, replayed: float = 0.3) -> None:
        self.rows, self._replay, self._replayed = rows, replay, replayed

    def draw(self, random: Random) -> Example:
        """Draw one example."""
        if random.random() < self._replayed:
            return self._replay(random)
        row = random.choice(self.rows)
        if row.label == "answerable":
            if random.random() < 0.3:
                return without_answer(row, random) or answered(row, random)
            return answered(row, random, gap=random.random() < 0.4)
        chance = random.random()
        if row.label == "contradicted" and chance < 0.75:
            return answered(row, random, contradicts=True)
        if row.label == "contradicted":
            return without_answer(row, random) or answered(row, random, contradicts=True)
        if chance < 0.15:
            other = random.choice(self.rows)
            if other.group != row.group:
                passage, _ = stretch(other.text, (), random)
                return Example(row.question, passage, _head(other, random), answers=False, contradicts=False, spans=())
        return unanswered(row, random)


def answered(row: Row, random: Random, *, gap: bool = False, contradicts: bool = False) -> Example:
    """A stretch that holds an answer; with `gap`, one other sentence is taken out. With `contradicts`, it says otherwise."""
    text, spans = row.text, row.spans
    if gap:
        free = [part for part in _parts(text) if not any(s < part[1] and part[0] < e for s, e in spans)]
        if len(free) > 1:
            text, spans = _cut(text, random.choice(free), spans)
    passage, kept = stretch(text, spans, random)
    borne = tuple(part for part in _parts(passage) if any(s < part[1] and part[0] < e for s, e in kept))
    known = row.source == "own"
    return Example(
        row.question,
        passage,
        _head(row, random),
        answers=not contradicts,
        contradicts=contradicts if known else None,
        spans=kept,
        borne=borne,
    )


def unanswered(row: Row, random: Random) -> Example:
    """A stretch of the text that does not answer: of authored rows most often one with the sentence that misleads."""
    at = row.text.find(row.misleading) if row.misleading else -1
    near = ((at, at + len(row.misleading)),) if at >= 0 and random.random() < 0.8 else ()
    passage, _ = stretch(row.text, near, random)
    return Example(row.question, passage, _head(row, random), answers=False, contradicts=False if row.source == "own" else None, spans=())


def without_answer(row: Row, random: Random) -> Example | None:
    """The text with every sentence taken out that has one of the answers' words; None where nothing is left."""
    text, words = row.text, {row.text[s:e] for s, e in row.spans}
    parts = [part for part in _parts(text) if not any(word in text[part[0] : part[1]] for word in words)]
    left = "".join(text[s:e] + (" " if e < len(text) and text[e : e + 1] not in "\n" else "\n") for s, e in parts).strip()
    if len(left) < 120 or any(word in left for word in words):
        return None
    at = left.find(row.misleading) if row.misleading else -1
    near = ((at, at + len(row.misleading)),) if at >= 0 else ()
    passage, _ = stretch(left, near, random)
    return Example(row.question, passage, _head(row, random), answers=False, contradicts=False if row.source == "own" else None, spans=())


def altered(row: Row, random: Random) -> Example | None:
    """The question with another figure or year than the one it names and the text has: it is no longer answered."""
    found = [match for match in _DIGITS.finditer(row.question) if match[0] in row.text]
    if not found:
        return None
    match = random.choice(found)
    figures = [other for other in _DIGITS.findall(row.text) if len(other) == len(match[0]) and other != match[0]]
    other = (
        random.choice(figures) if figures and random.random() < 0.5 else str(int(match[0]) + random.choice((-7, -3, -2, -1, 1, 2, 3, 5)))
    )
    question = row.question[: match.start()] + other + row.question[match.end() :]
    passage, _ = stretch(row.text, row.spans, random)
    return Example(question, passage, _head(row, random), answers=False, contradicts=None, spans=())


def stretch(text: str, spans: Sequence[tuple[int, int]], random: Random) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Cut a stretch of whole sentences of a passage's size round one of the spans, or anywhere; return it and the spans that it holds."""
    parts = _parts(text)
    limit = random.randint(MIN_CHARS, MAX_CHARS)
    if len(text) <= limit or not parts:
        return text[: MAX_CHARS * 2], tuple(spans)
    span = random.choice(spans) if spans else None
    held = [i for i, part in enumerate(parts) if span and span[0] < part[1] and part[0] < span[1]] or [random.randrange(len(parts))]
    first, last = held[0], held[-1]
    while True:
        sides = [side for side in (-1, 1) if 0 <= (first - 1 if side < 0 else last + 1) < len(parts)]
        if not sides:
            break
        side = random.choice(sides)
        nfirst, nlast = (first - 1, last) if side < 0 else (first, last + 1)
        if parts[nlast][1] - parts[nfirst][0] > limit:
            break
        first, last = nfirst, nlast
    start, end = parts[first][0], parts[last][1]
    return text[start:end], tuple((s - start, e - start) for s, e in spans if start <= s and e <= end)


def _cut(text: str, part: tuple[int, int], spans: Sequence[tuple[int, int]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    gap = part[1] - part[0]
    return text[: part[0]] + text[part[1] :], tuple((s, e) if e <= part[0] else (s - gap, e - gap) for s, e in spans)


def _parts(text: str) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in sentences(text)]


def _head(row: Row, random: Random) -> str:
    return row.head if random.random() < (0.85 if row.source == "own" else 0.4) else ""


def _shared(question: str, text: str) -> int:
    return len(set(question.split()) & set(text.split()))
