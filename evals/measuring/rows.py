"""A row: what a system did with one question, and what was expected, complete enough to be measured without asking again.

Rows go to and from JSON field by field, so that a stored run can be measured, reported and compared later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from evals.questions.questions import Question
from rag.language import language_of
from rag.schema import Answer, Check, Citation, Copy, Hit, Statement, Timings, to_json

NOTHING = "none"  # the statement's side of a cell when no statement answers


@dataclass(frozen=True)
class Row:
    """`answer` is None when it was not `asked` for, only the search, or when the system failed: then `error` says how.

    `cell`: "ar->en" is an Arabic question that an English statement answers. `verbatim`: for each quote, cited or offered, whether it is
    the indexed statement's text between its offsets. `relevant`: graded statement ids, of sets that have them. `usage`: tokens.
    """

    set_name: str
    question: Question
    cell: str
    hits: tuple[Hit, ...] = ()
    answer: Answer | None = None
    verbatim: tuple[bool, ...] = ()
    relevant: Mapping[str, int] | None = None
    confidence: float | None = None
    latency_ms: float = 0.0
    usage: Mapping[str, int] | None = None
    error: str | None = None
    asked: bool = True

    @property
    def quotes(self) -> tuple[Citation, ...]:
        """The quotes, cited or merely offered."""
        return (*self.answer.citations, *self.answer.nearest) if self.answer else ()

    @property
    def answered(self) -> bool:
        return self.answer is not None and self.answer.status == "answered"


def to_record(row: Row) -> dict[str, Any]:
    """Return the row as JSON-ready values."""
    record: dict[str, Any] = to_json(row)
    return record


def from_record(record: Mapping[str, Any]) -> Row:
    """Make a row of its JSON. Raises TypeError or KeyError when it is not one."""
    return Row(
        **{
            **record,
            "question": Question(**_tuples(record["question"])),
            "hits": tuple(_hit(hit) for hit in record["hits"]),
            "answer": answer_of(record["answer"]) if record["answer"] else None,
            "verbatim": tuple(record["verbatim"]),
        }
    )


def answer_of(record: Mapping[str, Any]) -> Answer:
    """Make an Answer of its JSON, leaving out fields that this version does not know."""
    known = {field.name for field in fields(Answer)}
    parts = {
        "citations": tuple(Citation(**_tuples(item)) for item in record["citations"]),
        "nearest": tuple(Citation(**_tuples(item)) for item in record["nearest"]),
        "checks": tuple(Check(**item) for item in record["checks"]),
        "timings_ms": Timings(**record["timings_ms"]),
    }
    return Answer(**{**{key: value for key, value in record.items() if key in known}, **parts})


def cell_of(question: Question, statements: Mapping[str, Statement], relevant: Mapping[str, int] | None) -> str:
    """Return "QUESTION->STATEMENT", by language: of the named statement, else of a relevant one, else of the evidence."""
    named = [question.statement or "", *(key for key, grade in (relevant or {}).items() if grade > 0)]
    languages = [statements[key].language for key in named if key in statements]
    languages += [language_of(text) for text in (*question.evidence, *question.answers)[:1]]
    return f"{question.language}->{languages[0] if question.answerable and languages else NOTHING}"


def is_verbatim(quotes: Sequence[Citation], statements: Mapping[str, Statement]) -> tuple[bool, ...]:
    """Compare each quote with the text of the statement that it names, between its offsets; what the answer says of itself is not asked."""
    return tuple(
        quote.statement_id in statements and statements[quote.statement_id].text[quote.start : quote.end] == quote.quote != ""
        for quote in quotes
    )


def _tuples(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in record.items()}


def _hit(record: dict[str, Any]) -> Hit:
    return Hit(**{**_tuples(record), "copies": tuple(Copy(**copy) for copy in record.get("copies", ()))})
