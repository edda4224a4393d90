"""The words of a quote that may answer: a number for "how many", a date for "when", a name for "who" and "where".

Of several figures those go first that count what is asked for; else what stands in the sentence nearest to the question is taken. What the
question itself states is no answer. A reader's help, never a claim: where nothing of the kind asked for stands, nothing is emphasised.
Knows nothing of search, scores or interfaces.

    >>> [FERRY[span.start : span.end] for span in emphasised("How many passengers were injured?", FERRY)]
    ['Thirty-one passengers']
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.language import amounts, date_within, dates, fold, language_of, numbers, same_date, same_number, sentences
from rag.language.lexicon import Term, question_terms
from rag.language.mentions import Mention, mentions, wording
from rag.language.questions import Kind, asked_for, counted, is_vague
from rag.language.resources import entries
from rag.language.taken import Taken
from rag.language.tokens import Token, tokens
from rag.schema import Language, Span

COUNTS = 2
COUNTED_BEFORE, COUNTED_AFTER = 3, 3  # words between a figure and what it counts: "the number of dead rose to 12", "12 more people died"


@dataclass(frozen=True)
class Bearing:
    """A stretch of a text of the kind asked for. `fit`: COUNTS what is asked for, or 1, is of the kind; `share`: of the question's terms
    that its sentence holds."""

    span: Span
    fit: int
    share: float


def emphasised(question: str, quote: str) -> tuple[Span, ...]:
    """Return the stretches of a quote that may answer, in order, as offsets into the quote; none when nothing tells."""
    found = bearings(question, quote)
    best = max(((bearing.fit, bearing.share) for bearing in found), default=None)
    return tuple(bearing.span for bearing in found if (bearing.fit, bearing.share) == best)


@lru_cache(maxsize=2048)
def bearings(question: str, text: str) -> tuple[Bearing, ...]:
    """Return every stretch of a text that is of the kind asked for, in order; none when the question asks for no kind."""
    kind = asked_for(question)
    if kind is None:
        return ()
    terms, parts = _terms(question, language_of(text)), [(span, text[span.start : span.end]) for span in sentences(text)]
    shares = [(span, share_held(terms, part)) for span, part in parts]
    of_kind: dict[Kind, Callable[[str, str], Iterator[tuple[Span, int]]]] = {
        "number": _figures,
        "date": _times,
        "person": _persons,
        "place": _places,
    }
    found = sorted(of_kind[kind](question, text), key=lambda item: item[0].start)
    return tuple(Bearing(span, fit, _share_at(span, shares)) for span, fit in found)


def names_counted(question: str, text: str) -> bool:
    """Say whether a figure of a text stands with the very thing that a question counts: "five hundred and twenty TONNES"."""
    said = (text[bearing.span.start : bearing.span.end] for bearing in bearings(question, text) if bearing.fit == COUNTS)
    return asked_for(question) == "number" and any(
        len(part.split()) > sum(len(part[n.start : n.end].split()) for n in numbers(part)) for part in said
    )


def share_held(terms: Sequence[Term], text: str) -> float:
    """Return the share of terms that stand in a text, in whatever form; 0 when there are none."""
    known = wording(text)
    held = known.stems.union(known.arabic, known.latin)
    return sum(term.found_in(held) for term in terms) / len(terms) if terms else 0.0


@lru_cache(maxsize=256)
def _terms(question: str, language: Language) -> tuple[Term, ...]:
    return tuple(question_terms(question, language))


def _share_at(span: Span, shares: Sequence[tuple[Span, float]]) -> float:
    before = bisect_right(shares, span.start, key=lambda part: part[0].start)
    return shares[before - 1][1] if before and span.start < shares[before - 1][0].end else 0.0


def _dated(text: str) -> Taken:
    """The places of a text that its dates take."""
    return Taken(len(text), dates(text))


# Figures


def _figures(question: str, text: str) -> Iterator[tuple[Span, int]]:
    """The numbers of a text, with their units or what they count, and words such as "dozens"."""
    within, asked, units = _dated(text), numbers(question), {a.number: a for a in amounts(text)}
    said, language = tokens(text), language_of(text)
    things = _things(question, language)
    for number in numbers(text):
        if number.kind == "ordinal" or number.start in within or any(same_number(number, n) for n in asked):
            continue
        amount = units.get(number)
        span = Span(amount.start, amount.end) if amount else Span(number.start, number.end)
        before, after = ([text[word.start : word.end] for word in side] for side in _around(said, span))
        counts = any(_names(word, things) for word in (*before, *after)) or (amount is not None and _names_unit(amount.unit, question))
        reach = text.index(after[0], span.end) + len(after[0]) if after and _names(after[0], things) else span.end
        yield Span(span.start, reach), COUNTS if counts else 1
    yield from ((Span(word.start, word.end), 1) for word in said if not word.role and is_vague(word.key, "number"))


def _around(said: list[Token], span: Span) -> tuple[list[Token], list[Token]]:
    """The words before and after a figure, up to the next sign."""
    begin, end = _until(said, span.start), bisect_left(said, span.end, key=lambda token: token.start)
    before, after = said[max(0, begin - COUNTED_BEFORE) : begin], said[end : end + COUNTED_AFTER]
    for at, token in enumerate(after):
        if token.role:  # a sign, or another figure, which counts what follows it
            after = after[:at]
            break
    for at in range(len(before) - 1, -1, -1):
        if before[at].role:  # what follows another figure is counted by that
            before = before[at + 1 + (before[at].role != "sign") :]
            break
    return before, after


def _until(said: Sequence[Token], at: int) -> int:
    """How many tokens end before a place."""
    return bisect_right(said, at, key=lambda token: token.end)


@lru_cache(maxsize=256)
def _things(question: str, language: Language) -> tuple[Term, ...]:
    """What a question counts, with the ways a text in `language` says it; كم راكباً asks for it with an ending that the lexicon lacks."""
    said = [form for word in counted(question) for form in dict.fromkeys((word, word.removesuffix("ا") or word))]
    return tuple(term for word in said for term in question_terms(word, language))


def _names(word: str, things: Sequence[Term]) -> bool:
    """Whether a word names what is counted."""
    stems = wording(word).stems
    return any(thing.found_in(stems) for thing in things)


def _names_unit(unit: str, question: str) -> bool:
    """Whether a question asks for a figure in this unit: "how many HOURS"."""
    return unit in {amount.unit for word in counted(question) for amount in amounts(f"5 {word}")}


# Times


def _times(question: str, text: str) -> Iterator[tuple[Span, int]]:
    """The dates of a text that the question does not state, and words such as "yesterday" and the days of the week."""
    asked, within = dates(question), _dated(text)
    for date in dates(text):
        if not any(same_date(date, other) or date_within(date, other) for other in asked):
            yield Span(date.start, date.end), 2
    for token in tokens(text):
        if not token.role and token.start not in within and is_vague(token.key, "date") and token.key not in fold(question).split():
            yield Span(token.start, token.end), 1


# Names


def _persons(question: str, text: str) -> Iterator[tuple[Span, int]]:
    """The names that are said to be no places; a name of several words is most often that of a person or a body."""
    yield from ((span, 1 + (" " in text[span.start : span.end])) for span, placed in _mentioned(question, text) if not placed)


def _places(question: str, text: str) -> Iterator[tuple[Span, int]]:
    yield from ((span, 1) for span, placed in _mentioned(question, text) if placed)


def _mentioned(question: str, text: str) -> Iterator[tuple[Span, bool]]:
    """The names of a text that the question does not give, neighbours as one, and whether a word before them says that they are places."""
    asked, said, within = wording(question), tokens(text), _dated(text)
    new = [name for name in mentions(text) if name.start not in within]
    for run in _runs(text, new):
        if not all(name.stands_in(asked) for name in run):
            yield Span(run[0].start, run[-1].end), _is_placed(run[0], said, _until(said, run[0].start))


def _runs(text: str, names: Sequence[Mention]) -> Iterator[list[Mention]]:
    run: list[Mention] = []
    for name in names:
        if run and text[run[-1].end : name.start] != " ":
            yield run
            run = []
        run.append(name)
    if run:
        yield run


def _is_placed(name: Mention, said: Sequence[Token], at: int) -> bool:
    """Whether a preposition or a word such as "town" stands before a name; a listed name may have the preposition glued to it (بدمشق)."""
    while at and said[at - 1].key == "of":  # the village of Tolm
        at -= 1
    if at and (said[at - 1].key in _heads() or said[at - 1].key[1:] in _heads()):
        return True
    return bool(name.forms) and fold(name.text)[:1] == "ب"


@lru_cache(maxsize=1)
def _heads() -> frozenset[str]:
    return frozenset(fold(word) for name in ("name_heads.txt", "place_words.txt") for word in entries(name))
