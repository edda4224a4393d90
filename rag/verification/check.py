"""An answer against the quotes it cites, without any model: each sentence, and each figure, date, name and quotation in it.

What a sentence says must stand in the quotes that it cites or in the title, issuer and date of their statements, however it is written:
numbers in words or digits, dates in any family of months, names in either script. What is in quotation marks must be verbatim. What a
quote denies may not be stated, nor the reverse. Knows nothing of models, prompts or storage.

    [finding.check for finding in check_answer("27 were hurt [1].", citations)]
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import chain, pairwise

from rag.language import (
    Amount,
    Date,
    Number,
    amounts,
    content_words,
    date_within,
    dates,
    fold,
    language_of,
    numbers,
    same_number,
    sentences,
    words,
)
from rag.language.calendar_words import weekdays
from rag.language.decades import Decade, decades
from rag.language.lexicon import Term, question_terms
from rag.language.mentions import TANWIN, Mention, Wording, mentions, possible_names, rows_of_names, wording
from rag.language.polarity import Clause, clauses
from rag.language.taken import Taken
from rag.language.tokens import tokens
from rag.schema import Check, CheckKind, Citation, Language, Span
from rag.verification.claims import Claim, claims, quotations
from rag.verification.substitutions import Swap, swaps, turned

DETAILS: tuple[CheckKind, ...] = ("number", "date", "name", "quote")
KEY_KINDS: tuple[CheckKind, ...] = ("number", "date", "name", "polarity")  # where one of these fails, the answer is not to be shown
NEAR = 0.75  # share of a sentence's terms in one of the quote's from which it repeats that one
AGES = frozenset(map(fold, ("عمر", "عمره", "عمرها", "العمر", "سن", "السن", "age", "aged", "ages")))  # over the age of 18: years
ATTRIBUTES = tuple(map(fold, ("بحسب ", "وبحسب ", "وفق ", "وفقاً ", "according to ")))
CLOSE = 0.5  # share of a clause's terms in a quoted clause from which both speak of the same
# Share of a sentence's terms in its quotes, of the same language or the other, from which they are its source. Sentences of the parallel
# sample statements reach .17 to .83 in the other language's statement, quotations of speech apart.
RELATED_SAME, RELATED_CROSS = 0.25, 0.15
_SHORT_RANGE = re.compile(r"(?<!\d)(\d\d)(\d\d)\s?[-–—]\s?$")
_LANGUAGE_NAMES: dict[Language, str] = {"ar": "العربية Arabic", "en": "الإنجليزية English"}  # "the statement is in Arabic"


@dataclass(frozen=True)
class Finding:
    """A check and the stretch of the answer that it is about."""

    check: Check
    span: Span


def check_answer(text: str, citations: Sequence[Citation]) -> list[Finding]:
    """Check every sentence of an answer; the findings come in the order of the text."""
    sources = {citation.number: Source(citation) for citation in citations}
    found = [finding for claim in claims(text, citations) for finding in _check(claim, text, sources)]
    return sorted(found, key=lambda finding: finding.span.start)


# What a citation supports


class Source:
    """One citation and all that can be looked up in it."""

    def __init__(self, citation: Citation, *, quote: str | None = None) -> None:
        self.number, self.language = citation.number, citation.language
        self.quote, self.narrowed = quote or citation.quote, quote is not None
        self.text = "\n".join(filter(None, (self.quote, citation.title, citation.issuer)))
        self._citation, self._issued = citation, citation.date

    def narrow(self, said: str) -> Source:
        """The sentences alone that `said` repeats nearly word for word, figures aside, or all: "27 hurt, 8 in care" is no "8 hurt"."""
        parts = [self.quote[span.start : span.end] for span in sentences(self.quote)]
        near = [part for part in parts if _share(_without_figures(said), part, self.language) >= NEAR]
        return Source(self._citation, quote="\n".join(near)) if near and content_words(_without_figures(said)) else self

    @cached_property
    def _whole(self) -> str:
        """The quote with all its sentences, and what is known of its statement."""
        return _plain("\n".join(filter(None, (self._citation.quote, self._citation.title, self._citation.issuer))))

    @cached_property
    def sentences(self) -> list[str]:
        return [self._citation.quote[span.start : span.end] for span in sentences(self._citation.quote)]

    @cached_property
    def dates(self) -> list[Date]:
        return [*dates(self.text), *(dates(self._issued) if self._issued else ())]

    @cached_property
    def numbers(self) -> list[Number]:
        """The title's too, unless a sentence of the quote is repeated."""
        return _counting(self.quote if self.narrowed else self.text)

    @cached_property
    def amounts(self) -> list[Amount]:
        return amounts(self.text)

    @cached_property
    def weekdays(self) -> set[int]:
        return {day for day, _ in _weekdays(self.text)} | {date.weekday for date in self.dates if date.weekday}

    @cached_property
    def wording(self) -> Wording:
        return wording(f"{self.text}\n{_LANGUAGE_NAMES[self.language]}")

    @cached_property
    def clauses(self) -> tuple[Clause, ...]:
        return clauses(self.text)

    def states_date(self, date: Date) -> bool:
        """Whether a date stands here; a day and month without a year may be given that of the statement's own date."""
        issued = [other.year for other in dates(self._issued)] if self._issued else []
        whole = [replace(other, year=other.year or (issued[0] if issued else None)) for other in self.dates]
        if date.year and not date.month and any(number.value == date.year for number in self.numbers):
            return True  # the 1975 Act, which no word there says to be of a year
        return any(date_within(date, other) and (None in (date.weekday, other.weekday) or date.weekday == other.weekday) for other in whole)

    def states_decade(self, decade: Decade) -> bool:
        """Whether a decade stands here, or a year of it."""
        years = [*(date.year for date in self.dates if date.year), *(int(n.value) for n in self.numbers if 1000 <= n.value < 10_000)]
        return any(decade.is_same(other) for other in decades(self.text)) or (decade.century is not None and any(map(decade.holds, years)))

    def states_number(self, number: Number, amount: Amount | None) -> bool:
        """Whether a number stands here, with its unit; an ordinal may be a day, a number of four digits a year."""
        if any(same_number(number, other) and _bounds_agree(number, other) for other in self.numbers):
            return amount is None or self.states_amount(amount)
        calendar = [part for date in self.dates for part in ((date.day,) if number.kind == "ordinal" else (date.year,))]
        return number.value in calendar and (number.kind == "ordinal" or number.value >= 1000)

    def states_amount(self, amount: Amount) -> bool:
        """Whether a number counts the same here: its own unit, or, where it has none (a six-week course), one that the text names."""
        alike = [other for other in self.amounts if same_number(amount.number, other.number)]
        bare = sum(same_number(amount.number, number) for number in self.numbers) > len(alike)
        return amount.unit in {other.unit for other in alike} or (bare and amount.unit in _units(self.text))

    def quotes(self, quoted: str) -> bool:
        """Whether words stand here verbatim, white space and the last punctuation aside."""
        return bool(re.search(rf"(?<!\w){re.escape(quoted)}(?!\w)", self._whole))

    def relates_to(self, said: str) -> bool:
        least = RELATED_SAME if language_of(said) == self.language else RELATED_CROSS
        return _share(_without_figures(said), self.text, self.language) >= least


def _bounds_agree(one: Number, other: Number) -> bool:
    """Whether "more than 50" is not made 50: an estimate may be, a bound may not."""
    stated = [number.bound if number.bound in ("over", "under") else "" for number in (one, other)]
    return stated[0] == stated[1]


def _counting(text: str) -> list[Number]:
    """The numbers of a text but those of its dates and decades; of 1620–21 the last is 1621."""
    within = Taken(len(text), chain(dates(text), decades(text)))
    counting = [number for number in numbers(text) if number.start not in within]
    return [replace(number, value=_full_year(number, text)) for number in counting]


def _full_year(number: Number, text: str) -> Decimal:
    if not 10 <= number.value < 100 or number.end - number.start != 2:
        return number.value
    before = _SHORT_RANGE.search(text, max(0, number.start - 8), number.start)
    return int(before[1]) * 100 + number.value if before and int(before[2]) < number.value else number.value


def _without_figures(text: str) -> str:
    letters, stretches = list(text), chain[Number | Date](numbers(text), dates(text))
    for found in stretches:
        letters[found.start : found.end] = " " * (found.end - found.start)
    return "".join(letters)


def _units(text: str) -> set[str]:
    """The units that the words of a text name."""
    said = words(text)
    return {amount.unit for word in said for amount in amounts(f"5 {word}")} | ({"year"} if AGES.intersection(said) else set())


def _weekdays(text: str) -> list[tuple[int, Span]]:
    named = [(token.key.removesuffix("s") if token.latin else token.key, token) for token in tokens(text)]  # on Fridays
    eleven = {token.start for token, following in pairwise(tokens(text)) if fold(text[following.start : following.end]) in ("عشر", "عشرة")}
    found = [(weekdays()[name][0], token) for name, token in named if name in weekdays() and token.start not in eleven]  # الأحد عشر
    return [(day, Span(token.start, token.end)) for day, token in found if not token.latin or text[token.start].isupper()]


def _plain(text: str) -> str:
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return " ".join(visible.split())


@lru_cache(maxsize=1024)
def _terms(said: str, language: Language) -> tuple[Term, ...]:
    return tuple(question_terms(said, language))


def _share(said: str, source: str, language: Language) -> float:
    """The share of a text's terms that a source in `language` holds, in whatever form; 1 when there are none."""
    terms, known = _terms(TANWIN.sub("", said), language), wording(source)
    held = known.stems.union(known.arabic, known.latin)
    return sum(term.said_in(held) for term in terms) / len(terms) if terms else 1.0


# The checks


def _check(claim: Claim, text: str, sources: dict[int, Source]) -> Iterator[Finding]:
    cited = [sources[number] for number in claim.numbers if number in sources]
    for marker, number in claim.markers:
        if number not in sources:
            yield _finding("citation", text, marker, False, None)
    if not claim.introduces:
        related = [source.number for source in cited if source.relates_to(claim.said)]
        if content_words(claim.said) and not related:
            yield _finding("citation", text, claim.span, False, cited[0].number if cited else None)
    yield from _check_details(claim, text, [source.narrow(claim.said) for source in cited or sources.values()])


def _check_details(claim: Claim, text: str, sources: Sequence[Source]) -> Iterator[Finding]:
    for kind, span, supporting in _details(claim.said, sources):
        number = next((source.number for source in (*supporting, *sources)), None)
        yield _finding(kind, text, Span(claim.span.start + span.start, claim.span.start + span.end), bool(supporting), number)


def _details(said: str, sources: Sequence[Source]) -> Iterator[tuple[CheckKind, Span, list[Source]]]:
    """Each detail of a sentence, where it stands, and the sources that support it; one in a verbatim quotation is supported by that.

    One and two are let pass across languages: Arabic seldom writes them as numbers (مشفى is one hospital, لقاءان two meetings).
    """
    verbatim, swapped = list(_verbatim(said, sources)), dict.fromkeys(_swapped(said, sources))
    facts = [*_figures(said, sources), *_names(said, sources)]
    for kind, span, supporting in facts:
        around = [source for quoted, found in verbatim if quoted.start <= span.start and span.end <= quoted.end for source in found]
        yield kind, span, [*(() if any(span.overlaps(other) for _, other in swapped) else supporting), *around]
    yield from ((kind, span, []) for kind, span in swapped if not any(span.overlaps(other) for _, other, _ in facts))
    yield from (("quote", span, found) for span, found in verbatim)
    yield from (("polarity", span, []) for span in _turned(said, sources))


def _swapped(said: str, sources: Sequence[Source]) -> Iterator[Swap]:
    """Figures, days and names that stand where the sentence repeated, of a quote in the same language, has others."""
    quoted = _alike(said, sources)
    if not any(_plain(said.strip(" .")) in _plain(text) for text in quoted):
        yield from swaps(said, quoted)


def _alike(said: str, sources: Sequence[Source]) -> list[str]:
    """The sentences quoted in the language of what is said."""
    language = language_of(said)
    return [text for source in sources if source.language == language for text in source.sentences]


def _verbatim(said: str, sources: Sequence[Source]) -> Iterator[tuple[Span, list[Source]]]:
    """What stands in quotation marks, and the sources that have it word for word."""
    for span in quotations(said, ()):
        quoted = _plain(said[span.start + 1 : span.end - 1]).rstrip(" .,،؛;:!?؟…")
        if content_words(quoted):
            yield Span(span.start + 1, span.end - 1), [source for source in sources if source.quotes(quoted)]


def _figures(said: str, sources: Sequence[Source]) -> Iterator[tuple[CheckKind, Span, list[Source]]]:
    written, named, language = amounts(said), decades(said), language_of(said)
    stated = [date for date in dates(said) if not any(decade.start <= date.start < decade.end for decade in named)]
    for decade in named:
        yield "date", Span(decade.start, decade.end), [s for s in sources if s.states_decade(decade)]
    for number in _counting(said):
        amount = next((amount for amount in written if amount.number == number), None)
        span = Span(amount.start, amount.end) if amount else Span(number.start, number.end)
        yield "number", span, [s for s in sources if s.states_number(number, amount) or (number.value <= 2 and s.language != language)]
    for date in stated:
        yield "date", Span(date.start, date.end), [s for s in sources if s.states_date(date)]
    for day, span in _weekdays(said):
        if not any(date.start <= span.start < date.end for date in stated):
            yield "date", span, [s for s in sources if day in s.weekdays]


def _names(said: str, sources: Sequence[Source]) -> Iterator[tuple[CheckKind, Span, list[Source]]]:
    names, stated = mentions(said), dates(said)
    for name in (*names, *_strangers(said, names, sources)):
        if not any(date.start <= name.start < date.end for date in stated):
            yield "name", Span(name.start, name.end), [s for s in sources if name.stands_in(s.wording)]


def _strangers(said: str, names: Sequence[Mention], sources: Sequence[Source]) -> list[Mention]:
    """Words that may be names, which the quotes have neither themselves nor in synonyms.

    In a sentence repeated nearly word for word each of them, in others two in a row.
    """
    own = said.rpartition(" — ")[0] or said  # whose words they are, after a dash, is not repeated from them
    alike = [source for source in sources if source.language == language_of(said)]
    copied = [source for source in alike if source.narrowed]
    possible = possible_names(own) if copied else rows_of_names(own) if len(alike) == len(sources) else []
    new = [name for name in possible if not any(name.stands_in(s.wording) or name.means_in(s.quote) for s in copied or alike)]
    if not copied:
        new = [name for name in new if any(own[min(name.end, o.end) : max(name.start, o.start)] == " " for o in new)]
    return [name for name in new if not any(n.start <= name.start < n.end for n in names)]


def _turned(said: str, sources: Sequence[Source]) -> Iterator[Span]:
    """Stretches that state what the nearest clause of the quotes denies, or deny what it states."""
    quoted = [(clause, source.language) for source in sources for clause in source.clauses]
    spoken = clauses(said)
    for clause in spoken:
        if fold(clause.text).startswith(ATTRIBUTES):
            continue  # who says it is neither stated nor denied
        near = [(_share(clause.said, other.said, language), other.negative) for other, language in quoted]
        best = max((share for share, _ in near), default=0.0)
        comparable = best >= CLOSE and len(content_words(clause.said)) > 1
        alike = [negative for share, negative in near if share == best] if comparable else [negative for _, negative in near]
        if clause.negative not in alike and (comparable or clause.negative):
            yield Span(clause.start, clause.end)
            return
    stated = not any(clause.negative for clause in spoken) and any(_is_stated(said, other.said) for other, _ in quoted if other.negative)
    if stated or turned(said, _alike(said, sources)):
        yield Span(0, len(said))


def _is_stated(said: str, denied: str) -> bool:
    """Whether a sentence holds every term of a clause that a quote denies."""
    return len(content_words(denied)) > 1 and _share(denied, said, language_of(said)) == 1


def _finding(kind: CheckKind, text: str, span: Span, supported: bool, citation: int | None) -> Finding:
    return Finding(Check(kind, text[span.start : span.end], supported, citation), span)
