"""Question sets: read and checked.

Bayan's own format is one JSON object a line; any one of the `evidence` strings in a quote makes the quote right:

    {"id": "s01", "question": "…", "language": "ar", "answerable": true, "evidence": ["…"], "statement": "file-stem", "tags": ["number"]}

SQuAD JSON (XQuAD, ARCD, TyDiQA-GoldP) is read by `read_squad`, its contexts becoming the corpus.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rag.errors import SourceError
from rag.schema import Language


@dataclass(frozen=True)
class Question:
    question_id: str
    question: str
    language: Language
    answerable: bool
    evidence: tuple[str, ...]
    statement: str | None = None  # for SQuAD sets: the context itself
    tags: tuple[str, ...] = ()


def read_questions(path: Path) -> list[Question]:
    """Read a JSONL set. Raises SourceError naming every bad line, and every id that occurs twice."""
    found, problems = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                found.append(_question(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                problems.append(f"line {number}: {error!r}")
    ids = [question.question_id for question in found]
    problems += [f'id "{key}" occurs twice' for key in sorted({key for key in ids if ids.count(key) > 1})]
    if problems or not found:
        raise SourceError(f'"{path}" is not a question set: {"; ".join(problems) or "it is empty"}')
    return found


def _question(record: dict[str, object]) -> Question:
    if record["language"] not in ("ar", "en"):
        raise ValueError(f'language "{record["language"]}" is neither ar nor en')
    evidence = tuple(map(str, record["evidence"]))  # type: ignore[call-overload]
    if bool(evidence) != record["answerable"]:
        raise ValueError("an answerable question needs evidence, an unanswerable one has none")
    return Question(
        str(record["id"]),
        str(record["question"]),
        record["language"],
        bool(record["answerable"]),
        evidence,
        str(record["statement"]) if record.get("statement") else None,
        tuple(record.get("tags", ())),  # type: ignore[arg-type]
    )


def read_squad(path: Path, language: Language) -> list[Question]:
    """Read a SQuAD-format file; `statement` is the paragraph that answers."""
    paragraphs = [p for article in json.loads(path.read_text(encoding="utf-8"))["data"] for p in article["paragraphs"]]
    return [
        Question(
            str(qa["id"]),
            qa["question"].strip(),
            language,
            True,
            tuple(a["text"] for a in qa["answers"]),
            paragraph["context"].strip(),
        )
        for paragraph in paragraphs
        for qa in paragraph["qas"]
    ]
