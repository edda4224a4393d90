"""Question sets: what a question expects, and Bayan's own formats, read and checked.

JSONL, one object a line; CSV (or TSV) with the same names in its header, several values of a field separated by `|`:

    {"id": "s01", "question": "…", "language": "ar", "answerable": true, "evidence": ["…"], "statement": "school-calendar",
     "tags": ["number"], "answers": ["1,140"], "follows": "s00", "note": "…"}

    id          names the question within its set
    question    what is asked
    language    "ar" or "en"; by default that of the question's script
    answerable  whether the statements answer it; by default whether there is evidence or an answer
    evidence    stretches of a statement; a quote that holds any one of them is right
    answers     the answer in few words, each a way to say it, for F1 and exact match; by default the evidence
    statement   id of the statement that answers, or the name of its file without the suffix
    tags        anything to count by
    follows     id of the question that this one is asked after, in one conversation
    note        for people; not read
    proposed    the model that thought the question up: it is left out until a person accepts it (`bayan eval accept`)

Other formats are in `evals.questions.formats`. What is wrong is collected, never raised at the first: see `SetError`.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import BayanError
from rag.language import language_of
from rag.schema import Language, Statement

TEXTS, LISTS = ("question", "language", "statement", "follows"), ("evidence", "answers", "tags")
FIELDS = ("id", *TEXTS, "answerable", *LISTS, "note", "proposed")
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class SetError(BayanError):
    """Question sets that cannot be run; the message names every problem of every set."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        super().__init__(f"{count} in the question sets, nothing was run: {'; '.join(problems)}")
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Question:
    """A question and what its answer is expected to rest on. `line`: where it stands in its file."""

    question_id: str
    question: str
    language: Language
    answerable: bool
    evidence: tuple[str, ...] = ()
    statement: str | None = None
    tags: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    follows: str | None = None
    line: int = 0


@dataclass(frozen=True)
class Document:
    """A text of a set that brings its own corpus."""

    document_id: str
    text: str
    title: str = ""


@dataclass(frozen=True)
class EvalSet:
    """Questions to ask together: of the user's index or, when there is one, of the set's own `corpus`.

    `qrels`: for each question the statements that are relevant to it, with their grades, where the set says so. `proposed`: how many
    questions are left out because a model proposed them and nobody has accepted them yet.
    """

    name: str
    path: Path
    questions: tuple[Question, ...]
    corpus: tuple[Document, ...] | None = None
    qrels: Mapping[str, Mapping[str, int]] | None = None
    proposed: int = 0


def read_questions(path: Path) -> list[Question]:
    """Read one set in a format of Bayan's own. Raises SetError."""
    problems: list[str] = []
    questions = list(read_own(path, problems).questions)
    if problems:
        raise SetError(problems)
    return questions


def read_own(path: Path, problems: list[str]) -> EvalSet:
    """Read a JSONL, CSV or TSV set, adding what is wrong with it to `problems`."""
    rows = _json_rows if path.suffix == ".jsonl" else _csv_rows
    lines = list(rows(path, problems))
    found = [question for line, row in lines if not row.get("proposed") and (question := _question(row, line, path, problems))]
    return EvalSet(path.stem, path, tuple(found), proposed=sum(bool(row.get("proposed")) for _, row in lines))


def check(found: EvalSet, problems: list[str]) -> None:
    """Add what is wrong with the set as a whole: no questions, an id twice, follow-ups of nothing or in a circle."""
    if not found.questions and not any(f'"{found.path}"' in problem for problem in problems):
        waiting = f" but {found.proposed} that wait to be accepted: bayan eval accept {found.path}" if found.proposed else ""
        problems.append(f'"{found.path}" holds no questions{waiting}')
    counts = Counter(question.question_id for question in found.questions)
    problems += [f'"{found.path}": the id "{key}" occurs {count} times' for key, count in counts.items() if count > 1]
    before = {question.question_id: question.follows for question in found.questions}
    for question in found.questions:
        if question.follows is not None and question.follows not in before:
            problems.append(f'{at(found.path, question.line)} follows "{question.follows}", which is not a question of the set')
        elif _in_circle(question.question_id, before):
            problems.append(f'{at(found.path, question.line)} follows itself, through "{question.follows}"')


def _in_circle(start: str, before: Mapping[str, str | None]) -> bool:
    seen, key = {start}, before.get(start)
    while key is not None and key != start and key not in seen:
        seen.add(key)
        key = before.get(key)
    return key == start


def draft(statements: Iterable[Statement]) -> str:
    """Return a JSONL set to fill in by hand: one line a statement, its title as the note."""
    lines = [
        {
            "id": f"q{number:03}",
            "question": "",
            "language": statement.language,
            "answerable": True,
            "evidence": [],
            "statement": statement.statement_id,
            "tags": [],
            "note": " · ".join(part for part in (statement.title, statement.issuer, statement.date) if part),
        }
        for number, statement in enumerate(statements, 1)
    ]
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


# Reading


def at(path: Path, line: int) -> str:
    """Return how a place in a file is named."""
    return f'"{path}" line {line}'


def read_text(path: Path, problems: list[str]) -> str:
    """Return a file's text; when it is not UTF-8 or cannot be read, say so and return nothing."""
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        problems.append(f'"{path}" cannot be read ({error.strerror})')
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(f"{at(path, line)} is not UTF-8 (byte 0x{data[error.start]:02x}); save the file as UTF-8")
    return ""


def json_lines(path: Path, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a JSONL file with their line numbers."""
    for number, line in enumerate(read_text(path, problems).split("\n"), 1):  # splitlines() also splits inside strings, at U+2028
        if line.strip():
            try:
                record = json.loads(line)
            except ValueError as error:
                problems.append(f"{at(path, number)} is not JSON ({error})")
                continue
            if isinstance(record, dict):
                yield number, record
            else:
                problems.append(f"{at(path, number)} is not a JSON object")


_json_rows = json_lines


def _csv_rows(path: Path, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(
        io.StringIO(read_text(path, problems), newline=""), delimiter="\t" if path.suffix == ".tsv" else ",", strict=True, restkey="…"
    )
    begin = 2
    try:
        if unknown := [name for name in reader.fieldnames or () if name.strip() not in FIELDS]:
            problems.append(f'{at(path, 1)}: unknown column "{", ".join(unknown)}"; known are {", ".join(FIELDS)}')
            return
        for row in reader:
            if "…" in row:
                problems.append(f"{at(path, begin)} has more fields than the header")
            else:
                yield begin, {name.strip(): _csv_value(name.strip(), value) for name, value in row.items() if value}
            begin = reader.line_num + 1
    except csv.Error as error:
        problems.append(f"{at(path, reader.line_num)} is not CSV ({error})")


def _csv_value(name: str, value: str) -> Any:
    if name in LISTS:
        return [part.strip() for part in value.split("|") if part.strip()]
    return _YES_NO.get(value.strip().lower(), value) if name == "answerable" else value


def _question(record: Mapping[str, Any], line: int, path: Path, problems: list[str]) -> Question | None:
    """Make a question of a record, or name all that is wrong with it."""
    wrong = list(_wrong_fields(record))
    if not wrong:
        evidence, answers, tags = (tuple(dict.fromkeys(record.get(name) or ())) for name in LISTS)
        answerable = record.get("answerable", bool(evidence or answers))
        if answerable != bool(evidence or answers):
            wrong.append("an answerable question needs evidence or answers, an unanswerable one has none")
    if wrong:
        problems += [f"{at(path, line)}: {sentence}" for sentence in wrong]
        return None
    text = record["question"].strip()
    return Question(
        question_id=str(record["id"]),
        question=text,
        language=record.get("language") or language_of(text),
        answerable=answerable,
        evidence=evidence,
        statement=record.get("statement") or None,
        tags=tags,
        answers=answers,
        follows=record.get("follows") or None,
        line=line,
    )


def _wrong_fields(record: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(set(record) - set(FIELDS)):
        yield f'unknown field "{name}"; known are {", ".join(FIELDS)}'
    if not isinstance(record.get("id"), str | int) or not str(record["id"]).strip():
        yield '"id" is missing or empty'
    for name in TEXTS:
        if not isinstance(record.get(name, ""), str | None):
            yield f'"{name}" is not a text: {record[name]!r}'
    if not (isinstance(record.get("question"), str) and record["question"].strip()):
        yield '"question" is missing or empty'
    if record.get("language") not in (None, "", "ar", "en"):
        yield f'"language" is "{record["language"]}", allowed are ar and en'
    if not isinstance(record.get("answerable", True), bool):
        yield f'"answerable" is {record["answerable"]!r}, allowed are true and false'
    for name in LISTS:
        value = record.get(name) or []
        if not (isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)):
            yield f'"{name}" is not a list of texts: {value!r}'
