"""An answer that was not right becomes a question of a set: what the chat's thumbs-down writes.

One line is added at a time, under a lock and in one write, so that neither a second window nor a crash loses what is there; a file that
was edited by hand is only ever added to.

    add_question(path, Doubt("كم عدد الجرحى؟", "ar", ("…",)), answerable=True, evidence=["أصيب واحد وثلاثون"], statements=statements)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from filelock import FileLock

from evals.questions.overlap import holds
from evals.questions.questions import json_lines
from rag.errors import BayanError
from rag.language import fold
from rag.schema import Language, Statement

NAME = "feedback.jsonl"
Flaw = Literal["no_question", "unmarked", "too_long", "no_evidence", "not_in_statements", "known"]
MAX_QUESTION_CHARS, MAX_EVIDENCE_CHARS = 2_000, 20_000
SENTENCES: dict[Flaw, str] = {
    "no_question": "the question is empty",
    "unmarked": "it is not said whether the statements answer the question",
    "too_long": "the question or its evidence is too long; a question has at most 2,000 characters, evidence 20,000",
    "no_evidence": "a question that the statements answer needs evidence: a stretch of a statement",
    "not_in_statements": 'the evidence "{text}" is in no statement of the index',
    "known": 'the question "{text}" is in the set already',
}


class FeedbackError(BayanError):
    """A question that was not taken: `flaw` says what is wrong with it, `text` with which part."""

    def __init__(self, flaw: Flaw, text: str = "") -> None:
        super().__init__(SENTENCES[flaw].format(text=text))
        self.flaw, self.text = flaw, text


@dataclass(frozen=True)
class Doubt:
    """What was asked and quoted, `statement_ids` from where."""

    question: str
    language: Language
    quoted: tuple[str, ...] = ()
    statement_ids: tuple[str, ...] = ()


def add_question(path: Path, doubt: Doubt, *, answerable: bool, evidence: Sequence[str], statements: Iterable[Statement]) -> dict[str, Any]:
    """Add a question to the set at `path`, made if it is not there, and return its line. Raises FeedbackError."""
    question = " ".join(doubt.question.split())
    stretches = tuple(dict.fromkeys(filter(None, map(str.strip, evidence)))) if answerable else ()
    if not question:
        raise FeedbackError("no_question")
    if len(question) > MAX_QUESTION_CHARS or sum(map(len, stretches)) > MAX_EVIDENCE_CHARS:
        raise FeedbackError("too_long")
    if answerable and not stretches:
        raise FeedbackError("no_evidence")
    record = {
        "id": f"feedback-{uuid4().hex[:12]}",
        "question": question,
        "language": doubt.language,
        "answerable": answerable,
        "evidence": list(stretches),
        "statement": _statement_of(stretches, doubt, list(statements)),
        "tags": ["feedback"],
        "note": " · ".join(("quoted then:", *doubt.quoted)) if doubt.quoted else "nothing was quoted then",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if fold(question) in _questions(path):
            raise FeedbackError("known", question)
        _append(path, json.dumps(record, ensure_ascii=False) + "\n")
    return record


def _statement_of(stretches: Sequence[str], doubt: Doubt, statements: Sequence[Statement]) -> str | None:
    """The statement that holds the first stretch, one that was quoted rather than another. Raises FeedbackError for a stretch in none."""
    holders: list[str] = []
    for stretch in stretches:
        found = [statement.statement_id for statement in statements if holds(statement.text, stretch)]
        if not found:
            raise FeedbackError("not_in_statements", stretch)
        holders = holders or found
    return next((key for key in doubt.statement_ids if key in holders), holders[0] if holders else None)


def _questions(path: Path) -> Iterator[str]:
    """Lines that cannot be read are `bayan eval`'s to complain of."""
    for _, record in json_lines(path, []):
        yield fold(" ".join(str(record.get("question", "")).split()))


def _append(path: Path, line: str) -> None:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(file).st_size
        ended = size == 0 or os.pread(file, 1, size - 1) == b"\n"  # a hand-edited last line may lack its end
        os.write(file, (line if ended else "\n" + line).encode("utf-8"))
        os.fsync(file)
    finally:
        os.close(file)
