"""What can be said of quotes without translating them: figures in digits, dates in the reader's wording, listed names in the reader's
script; whether statements differ; and what was looked for in vain. All of it is read off the question and the quotes, none is guessed, and
what `rag.verification.check` does not find in its quote is not said.

Knows nothing of search or models.

    >>> reading("How many were killed?", "قتل مئة وواحد وعشرون مقاتلاً.", "en")
    [Reading(text='مئة وواحد وعشرون', value='121')]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rag.language import Date, dates, fold, language_of, numbers
from rag.language.calendar_words import month_names
from rag.language.mentions import mentions
from rag.language.numbers import in_digits
from rag.language.questions import asked_for
from rag.language.resources import entries
from rag.prompts import fill
from rag.reading.emphasis import COUNTS, Bearing, bearings, emphasised
from rag.schema import Citation, Language, Statement
from rag.verification.check import check_answer

NEAR = 0.5  # share of a question's terms in the sentence of a figure that is set against another statement's


@dataclass(frozen=True)
class Reading:
    """Words of a quote that may answer, and what they are in the reader's terms."""

    text: str
    value: str


def reading(question: str, quote: str, language: Language) -> list[Reading]:
    """Return what of a quote's answer-bearing words can be said in `language` without a translation, in order, each once."""
    if language_of(quote) == language:
        return []
    found: dict[str, Reading] = {}
    for span in emphasised(question, quote):
        for read in _read(quote[span.start : span.end], language):
            if read.value != read.text:
                found.setdefault(read.value, read)
    return list(found.values())


def read_aloud(question: str, citations: Sequence[Citation], language: Language) -> list[str]:
    """Return a line for each quote in the other language of which something can be said, checked against that quote.

    Only the quotes are read that hold what fits the question best: beside the figure that counts what is asked for no other is given.
    """
    lines = []
    fits = {citation.number: max((b.fit for b in bearings(question, citation.quote)), default=0) for citation in citations}
    for citation in (citation for citation in citations if fits[citation.number] == max(fits.values())):
        said = [
            fill("quote", language, "reading", text=read.text, value=read.value) for read in reading(question, citation.quote, language)
        ]
        supported = [part for part in said if _is_supported(f"{part} [{citation.number}].", citation)]
        if supported:
            lines.append(fill("quote", language, "readings", readings=_joined(supported, language), number=citation.number))
    return lines


def differing(question: str, quotes: Sequence[tuple[Statement, str]]) -> bool:
    """Say whether quotes of different statements give one figure or date each, and not the same, for what a question asks for.

    Copies that agree do not differ, nor do sentences that hold less than half of the question's terms. One that corrects another and names
    its figure ("27 were injured, not 31") does.
    """
    told = [(statement.statement_id, _value(question, text), _counting(question, text)) for statement, text in quotes]
    pairs = [(a, b) for at, a in enumerate(told) for b in told[at + 1 :] if a[0] != b[0] and a[1] and b[1]]
    return any(a[1] not in b[2] and b[1] not in a[2] for a, b in pairs)


def looked_for(question: str, language: Language) -> str:
    """Return a sentence that says what was looked for: the kind of fact, the names, dates and figures; empty when nothing stands out."""
    kind = asked_for(question)
    stated = dates(question)
    names = [question[name.start : name.end] for name in mentions(question) if not _within(name.start, stated)]
    days = [question[date.start : date.end] for date in stated]
    figures = [question[n.start : n.end] for n in numbers(question) if n.written != "dual" and not _within(n.start, stated)]
    parts = [
        *([fill("quote", language, f"kind_{kind}")] if kind else []),
        *(
            fill("quote", language, key, what=_joined(what, language))
            for key, what in (("names", names), ("dates", days), ("figures", figures))
            if what
        ),
    ]
    return fill("quote", language, "looked_for", what=_listed(parts, language)) if parts else ""


def newest(statements: Sequence[Statement]) -> str | None:
    """Return the id of the statement that is newer than all others; None when dates are missing or the same."""
    dated = sorted(((statement.date, statement.statement_id) for statement in statements if statement.date), reverse=True)
    if len(dated) < len(statements) or len(dated) < 2 or dated[0][0] == dated[1][0]:
        return None
    return dated[0][1]


def _within(at: int, stated: Sequence[Date]) -> bool:
    return any(date.start <= at < date.end for date in stated)


def _value(question: str, text: str) -> str | None:
    """The figure or date that counts what a question asks for, in the sentence nearest to it; None when there are several or none."""
    near = [bearing for bearing in bearings(question, text) if bearing.fit == COUNTS and bearing.share >= NEAR]
    best = max((bearing.share for bearing in near), default=0.0)
    found = _told(question, text, [bearing for bearing in near if bearing.share == best])
    return found.pop() if len(found) == 1 else None


def _counting(question: str, text: str) -> set[str]:
    """Every figure or date of a text that counts what a question asks for, in whatever sentence."""
    return _told(question, text, [bearing for bearing in bearings(question, text) if bearing.fit == COUNTS])


def _told(question: str, text: str, found: Sequence[Bearing]) -> set[str]:
    parts = [text[bearing.span.start : bearing.span.end] for bearing in found]
    if asked_for(question) == "number":
        return {in_digits(number) for part in parts for number in numbers(part)}
    written = (date for part in parts for date in dates(part))
    return {str((date.calendar, date.year, date.month, date.day)) for date in written} if asked_for(question) == "date" else set()


def _is_supported(line: str, citation: Citation) -> bool:
    return all(finding.check.supported for finding in check_answer(line, [citation]) if finding.check.kind != "citation")


def _read(text: str, language: Language) -> Iterator[Reading]:
    stated = dates(text)
    for date in stated:
        if date.month or (date.year and not text[date.start : date.end].isdecimal()):
            yield Reading(text[date.start : date.end], _date(date, language))
    for number in numbers(text):
        if not _within(number.start, stated):
            yield Reading(text[number.start : number.end], in_digits(number))
    for name in mentions(text) if not stated else ():
        if rendered := _gazetteer(language).get(fold(name.text).removeprefix("ال")):
            yield Reading(name.text, rendered)


def _date(date: Date, language: Language) -> str:
    month = month_names(language, date.calendar)[date.month - 1] if date.month else None
    return " ".join(str(part) for part in (date.day, month, date.year) if part)


@cache
def _gazetteer(language: Language) -> dict[str, str]:
    """The listed names of the other language, folded, each with its first form in this one."""
    found = {}
    for line in entries("lexicon.tsv"):
        english, arabic = (part.split("|") for part in line.split("\t"))
        if line[0].isupper() and english[0].strip() and arabic[0].strip():
            forms, written = (arabic, english[0]) if language == "en" else (english, arabic[0])
            found.update({fold(form.strip()).removeprefix("ال"): written.strip() for form in forms})
    return found


def _joined(parts: Sequence[str], language: Language) -> str:
    return ("، " if language == "ar" else ", ").join(parts)


def _listed(parts: Sequence[str], language: Language) -> str:
    return ("؛ " if language == "ar" else "; ").join(parts)
