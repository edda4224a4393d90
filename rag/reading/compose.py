"""Answering without a language model: the best sentences, verbatim, in a short frame in the question's language.

The frame says where the quotes come from and only that of their meaning which `rag.reading.frame` can read off them. Knows nothing of
search.

    compose_quotes(evidence, "ar")
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.prompts import fill
from rag.reading.evidence import Evidence, Quotable
from rag.reading.frame import differing, looked_for, newest, read_aloud
from rag.schema import Check, Citation, Language, Statement


def cite(quotes: Sequence[Quotable]) -> tuple[Citation, ...]:
    """Number the quotes as citations, from 1."""
    return tuple(_citation(number, quote) for number, quote in enumerate(quotes, 1))


def compose_quotes(evidence: Evidence, language: Language, *, question: str = "") -> str:
    """Return the answer's text: a frame and the quotes with their [1] markers, or the sentence that there is no answer.

    With the `question`: statements that answer it differently are set side by side, the newer marked; what its answer is in the reader's
    terms stands below quotes of the other language; and when there is no answer, what was looked for.
    """
    if not evidence.answers:
        nearest = fill("quote", language, "nearest") if evidence.quotes else ""
        return " ".join(filter(None, (fill("quote", language, "not_found"), looked_for(question, language), nearest)))
    statements = {_statement(quote).statement_id: _statement(quote) for quote in evidence.quotes}
    if len(statements) == 1:
        frame = fill("quote", language, "one_statement", origin=_origin(evidence.quotes[0], language))
        lines = [fill("quote", language, "quote", text=quote.text, number=n) for n, quote in enumerate(evidence.quotes, 1)]
    else:
        differ = differing(question, [(_statement(quote), quote.text) for quote in evidence.quotes])
        frame = fill("quote", language, "differing" if differ else "several_statements")
        newer = newest(list(statements.values())) if differ else None
        lines = [_attributed(n, quote, language, newer=newer) for n, quote in enumerate(evidence.quotes, 1)]
    return "\n".join([frame, *lines, *read_aloud(question, cite(evidence.quotes), language)])


def check_quotes(citations: Sequence[Citation], statements: dict[str, Statement]) -> tuple[Check, ...]:
    """Compare every quote with the stored original, character by character."""
    return tuple(
        Check("quote", c.quote, supported=statements[c.statement_id].text[c.start : c.end] == c.quote, citation=c.number) for c in citations
    )


def _statement(quote: Quotable) -> Statement:
    return quote.sentence.candidate.statement


def _attributed(number: int, quote: Quotable, language: Language, *, newer: str | None) -> str:
    statement = _statement(quote)
    mark = fill("quote", language, "newer") if statement.statement_id == newer else ""
    return fill("quote", language, "quote_of", text=quote.text, number=number, origin=_origin(quote, language) + mark)


def _origin(quote: Quotable, language: Language) -> str:
    """Title, issuer and date of a quote's statement and the quote's language, as far as they are known and need saying."""
    statement = _statement(quote)
    return fill(
        "quote",
        language,
        "origin",
        title=statement.title,
        issuer=fill("quote", language, "origin_issuer", issuer=statement.issuer) if statement.issuer else "",
        date=fill("quote", language, "origin_date", date=statement.date) if statement.date else "",
        language=fill("quote", language, "origin_language") if quote.sentence.candidate.passage.language != language else "",
    )


def _citation(number: int, quote: Quotable) -> Citation:
    statement = _statement(quote)
    return Citation(
        number=number,
        statement_id=statement.statement_id,
        title=statement.title,
        issuer=statement.issuer,
        date=statement.date,
        source=statement.source,
        language=quote.sentence.candidate.passage.language,
        quote=quote.text,
        start=quote.span.start,
        end=quote.span.end,
        score=round(quote.sentence.score, 4),
        section=statement.section(quote.span.start),
    )
