"""Questions that a chat model proposes for a set, and how a person accepts them.

A proposal is a line of the set like any other but for its field `proposed`, which names the model: such lines are left out of every run
until the field is gone. What the model gives is kept only when its evidence stands in the statement, word for word. Knows nothing of runs.

    for record in propose(statements, model, "openai:gpt-5.5", each=2):
        ...
    accept(Path("questions.jsonl"), {"p001"}, dropped={"p002"})
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from evals.questions.overlap import holds
from evals.questions.questions import SetError, json_lines
from rag.language import content_words, fold, language_of
from rag.prompts import fill

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from rag.schema import Language, Statement

MAX_CHARS = 6_000  # of a statement that a model is shown; whole sentences are not needed, evidence is looked up in the whole text
LONGEST_EVIDENCE = 300
Record = dict[str, Any]


def propose(
    statements: Iterable[Statement], model: BaseChatModel, name: str, *, each: int = 1, language: Language | None = None
) -> Iterator[list[Record]]:
    """Yield the usable proposals for each statement, lines of a set; `language`: of the questions, by default that of the statement.

    Raises what the model raises: a provider that is not there cannot propose.
    """
    seen: set[str] = set()
    for statement in statements:
        said = str(model.invoke(proposal_messages(statement, each=each, language=language)).text)
        fresh = {key: found for found in _usable(said, statement) if (key := fold(found["question"])) not in seen}
        kept = dict(list(fresh.items())[:each])
        yield [_line(f"p{number:03}", found, statement, name) for number, found in enumerate(kept.values(), len(seen) + 1)]
        seen.update(kept)


def proposal_messages(statement: Statement, *, each: int, language: Language | None = None) -> list[tuple[str, str]]:
    """Return what the model is given. The statement is one line of JSON, so that nothing in it can speak from outside."""
    spoken = language or statement.language
    about = {"title": statement.title, "issuer": statement.issuer, "date": statement.date, "text": statement.text[:MAX_CHARS]}
    record = json.dumps({key: value for key, value in about.items() if value}, ensure_ascii=False)
    return [("system", fill("propose", spoken, "system", count=each)), ("user", fill("propose", spoken, "ask", statement=record))]


def _usable(said: str, statement: Statement) -> Iterator[Record]:
    """What a model wrote that is a question with evidence of this statement, and does not give its own answer away."""
    for line in said.splitlines():
        try:
            found = json.loads(line.strip().rstrip(","))
        except ValueError:
            continue
        if isinstance(found, dict) and all(isinstance(found.get(key), str) for key in ("question", "evidence")):
            question, evidence = " ".join(found["question"].split()), found["evidence"].strip()
            sound = content_words(question) and content_words(evidence) and len(evidence) <= LONGEST_EVIDENCE
            if sound and evidence in statement.text and not holds(question, evidence):
                yield {"question": question, "evidence": evidence, "answer": str(found.get("answer") or "").strip()}


def _line(key: str, found: Mapping[str, str], statement: Statement, name: str) -> Record:
    return {
        "id": key,
        "question": found["question"],
        "language": language_of(found["question"]),
        "answerable": True,
        "evidence": [found["evidence"]],
        "answers": [found["answer"]] if found["answer"] else [],
        "statement": statement.statement_id,
        "tags": [],
        "note": " · ".join(part for part in (statement.title, statement.issuer, statement.date) if part),
        "proposed": name,
    }


# A person's say


def proposals(path: Path) -> list[Record]:
    """Return the lines of a set that wait to be accepted. Raises SetError when the file cannot be read."""
    return [record for _, record in _records(path) if record.get("proposed")]


def accept(path: Path, accepted: AbstractSet[str], *, dropped: AbstractSet[str] = frozenset()) -> None:
    """Make proposals questions of the set, or take them out, by id; every other line stays as it is, byte for byte. Raises SetError."""
    with FileLock(path.with_suffix(".lock")):
        decided = {line: record for line, record in _records(path) if record.get("proposed") and record.get("id") in accepted | dropped}
        lines = path.read_text(encoding="utf-8").split("\n")
        kept = [_decided(text, decided.get(number), dropped) for number, text in enumerate(lines, 1)]
        partial = path.with_suffix(".partial")
        partial.write_text("\n".join(text for text in kept if text is not None), encoding="utf-8")
        os.replace(partial, path)


def _decided(text: str, record: Record | None, dropped: AbstractSet[str]) -> str | None:
    if record is None:
        return text
    if record["id"] in dropped:
        return None
    return json.dumps({key: value for key, value in record.items() if key != "proposed"}, ensure_ascii=False)


def _records(path: Path) -> list[tuple[int, Record]]:
    problems: list[str] = []
    found = list(json_lines(path, problems))
    if problems:
        raise SetError(problems)
    return found
