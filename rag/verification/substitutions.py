"""What a sentence that repeats one of a quote nearly word for word has put in place of a figure, a date or a name.

That the quote has it elsewhere does not bear it out: of "27 hurt, 8 in care" neither "8 hurt" nor "27 in care" follows. The words of both
are laid side by side, and where a few differ between words that agree, what stands there is compared. Knows nothing of citations.

    >>> [(kind, "8 were hurt"[span.start : span.end]) for kind, span in swaps("8 were hurt", ["27 were hurt, 8 are in care"])]
    [('number', '8')]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex  # type: ignore[import-untyped, unused-ignore]

from rag.language import dates, fold, numbers, same_number, stem
from rag.language.alignment import aligned
from rag.language.calendar_words import months, weekdays
from rag.language.mentions import TANWIN, Mention, can_be_name, is_announced, mentions, wording
from rag.language.polarity import turns
from rag.language.tokens import key
from rag.schema import CheckKind, Span

REPEATED = 0.6  # share of a sentence's words, in their order, in one of the quote's from which it repeats that one
LONGEST = 3  # words put in place of others, and these
LEAST = 3  # words repeated
NEIGHBOURS = 2  # of these, right before and after what stands in place of other words
_WORD = regex.compile(r"[\p{L}\p{N}\p{Mn}\p{Cf}]+(?:[.,٫٬]\p{N}+|['’](?!s\b)\p{L}+)*")
_DIGITS = regex.compile(r"\p{N}+")
Swap = tuple[CheckKind, Span]


@dataclass(frozen=True, slots=True)
class _Word:
    sentence: str
    span: Span
    stem: str
    turns: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of a sentence, and what the whole sentence makes of it."""

    sentence: str
    span: Span

    @property
    def text(self) -> str:
        return self.sentence[self.span.start : self.span.end]

    def within(self, start: int, end: int) -> bool:
        return start < self.span.end and self.span.start < end

    @property
    def figures(self) -> list[Span]:
        """The numbers here, whole, and other words with digits in them (CO2)."""
        read = [Span(number.start, number.end) for number in numbers(self.sentence) if self.within(number.start, number.end)]
        return read or ([self.span] if _DIGITS.search(self.text) else [])

    @property
    def names(self) -> list[Mention]:
        return [name for name in mentions(self.sentence) if self.within(name.start, name.end)]


def swaps(said: str, quoted: Sequence[str]) -> Iterator[Swap]:
    """Yield what stands in `said` where the sentence of `quoted` that it repeats has another figure, day or name."""
    for mine, other in _differences(said, quoted):
        yield from _figures(mine, other)
        yield from _calendar(mine, other)
        yield from _names(mine, other)


def turned(said: str, quoted: Sequence[str]) -> bool:
    """Say whether `said` negates or denies once more or less than the sentence of `quoted` that it repeats ("denied" for "said")."""
    beside = _beside(said, quoted)
    for at, (what, mine, other) in enumerate(beside):
        left_out = not mine and at in (0, len(beside) - 1) and not all(word.turns for word in other)  # the quote begins before, goes on
        if what != "equal" and not left_out and max(len(mine), len(other)) <= LONGEST and _turns(mine) != _turns(other):
            return True
    return False


def _turns(words: Sequence[_Word]) -> bool:
    return sum(word.turns for word in words) % 2 == 1


def _differences(said: str, quoted: Sequence[str]) -> Iterator[tuple[_Part, _Part]]:
    """Pairs of stretches that differ between words that agree, one word each where they are as many."""
    beside = [("equal", [], []), *_beside(said, quoted), ("equal", [], [])]
    for (_, before, _), (what, mine, other), (_, after, _) in zip(beside, beside[1:], beside[2:], strict=False):
        if what != "replace" or len(before) + len(after) < NEIGHBOURS:
            continue
        if not after:
            other = other[: len(mine)]  # the quote goes on
        elif not before:
            other = other[-len(mine) :]
        if max(len(mine), len(other)) <= LONGEST:
            pairs = [([one], [two]) for one, two in zip(mine, other, strict=False)] if len(mine) == len(other) else [(mine, other)]
            yield from ((_Part(said, _span(one)), _Part(two[0].sentence, _span(two))) for one, two in pairs)


def _beside(said: str, quoted: Sequence[str]) -> list[tuple[str, list[_Word], list[_Word]]]:
    """`said` laid beside the sentence that has most of its words in order: stretches that are equal or not; nothing if too few are."""
    own, best, most = _words(said), None, 0
    for found in map(_words, quoted):
        laid = aligned([word.stem for word in own], [word.stem for word in found])
        agreeing = sum(end - begin for begin, end, _, _, equal in laid if equal)
        if agreeing > most:
            best, most = (found, laid), agreeing
    if best is None or most < max(LEAST, REPEATED * len(own)):
        return []
    found, laid = best
    return [(_kind(to_i - i, to_j - j, equal), own[i:to_i], found[j:to_j]) for i, to_i, j, to_j, equal in laid]


def _kind(mine: int, other: int, equal: bool) -> str:
    """What a stretch of so many words is to one of the quote: equal to it, in its place, or there alone."""
    return "equal" if equal else "replace" if mine and other else "alone"


@lru_cache(maxsize=256)
def _words(text: str) -> list[_Word]:
    """The words with their stems; a figure is its own."""
    found = [(fold(TANWIN.sub("", match[0])), match) for match in _WORD.finditer(text)]
    return [
        _Word(text, Span(match.start(), match.end()), word if _DIGITS.search(word) else stem(word), turns(match[0]))
        for word, match in found
        if word
    ]


def _span(words: Sequence[_Word]) -> Span:
    return Span(words[0].span.start, words[-1].span.end)


def _figures(mine: _Part, other: _Part) -> Iterator[Swap]:
    """Figures in place of figures, unless one of them is the same in other words."""
    if not (mine.figures and other.figures):
        return
    stated, quoted = ([n for n in numbers(part.sentence) if part.within(n.start, n.end)] for part in (mine, other))
    same = any(same_number(one, two) for one in stated for two in quoted) or _digits(mine.text) == _digits(other.text)
    for span in mine.figures if not same else ():
        date = next((date for date in dates(mine.sentence) if date.start <= span.start < date.end), None)
        yield ("date", Span(date.start, date.end)) if date else ("number", span)


def _digits(text: str) -> list[str]:
    return _DIGITS.findall(fold(text)) or [text]


def _calendar(mine: _Part, other: _Part) -> Iterator[Swap]:
    """A month or weekday in place of another."""
    for known in (_months, _weekdays):
        stated, quoted = known(mine.text), known(other.text)
        if stated and quoted and not stated & quoted:
            date = next((date for date in dates(mine.sentence) if mine.within(date.start, date.end)), None)
            yield "date", Span(date.start, date.end) if date else mine.span


def _months(text: str) -> set[object]:
    return {(name.calendar, name.month) for word in text.split() for name in months().get(key(word), ()) if len(name.words) == 1}


def _weekdays(text: str) -> set[object]:
    return {weekdays()[key(word)][0] for word in text.split() if key(word) in weekdays()}


def _names(mine: _Part, other: _Part) -> Iterator[Swap]:
    """A name in place of another. What no vocabulary has may be one, where the other surely is, or both are written with capitals."""
    sure = mine.names or other.names or (mine.text[0].isupper() and other.text[0].isupper())
    if sure and all(part.names or can_be_name(part.text) or is_announced(part.sentence, part.span.start) for part in (mine, other)):
        for name in mine.names or [Mention(mine.span.start, mine.span.end, mine.text)]:
            if not (name.stands_in(wording(other.text)) or name.means_in(other.text)):
                yield "name", Span(name.start, name.end)
