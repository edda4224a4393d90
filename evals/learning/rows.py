"""The rows the reader learns from: questions on passages, public ones from beside the checkout and the project's own.

Knows the files; nothing of tokens, batches or torch (`evals.learning.examples`, `evals.learning.train`).

    public_rows(Path("../shared"))  # list[Row]
    own_rows()  # the authored statements, each with its questions
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from evals.questions.formats import read_squad
from rag.schema import Language

Label = Literal["answerable", "absent", "contradicted"]
OWN = Path(__file__).with_name("statements")
UNSEEN_OF_TEN = 1  # statements kept from training, by a digest of their family's name
PUBLIC_FILES = ("mlqa-dev", "squad2", "tydiqa-en", "squadshifts-wiki", "pquad-fa")
DEVELOPMENT: dict[str, Language] = {"xquad-dev.ar": "ar", "xquad-dev.en": "en", "tydiqa-dev.ar": "ar", "arcd-dev": "ar"}


@dataclass(frozen=True)
class Row:
    """A question on a text. `spans`: where the text answers, or with "contradicted" says otherwise. `group`: texts on the same subject."""

    question: str
    text: str
    label: Label
    spans: tuple[tuple[int, int], ...]
    source: str
    question_language: str
    text_language: str
    group: str
    head: str = ""  # title, issuer and date, as the pipeline puts them before a passage
    kind: str = ""  # what is asked for; own rows only
    misleading: str = ""  # the sentence that is nearest and does not answer; own rows only


def own_rows(folder: Path = OWN) -> list[Row]:
    """Read the authored statements, `folder/*.jsonl`, one statement with its questions a line."""
    return [row for path in sorted(folder.glob("*.jsonl")) for line in path.open(encoding="utf-8") for row in _own(json.loads(line))]


def is_unseen(row: Row) -> bool:
    """Say whether a row belongs to the tenth of the authored statements that nothing is fitted to; both languages of one go together."""
    return int(sha256(row.group.encode()).hexdigest(), 16) % 10 < UNSEEN_OF_TEN


def public_rows(shared: Path) -> list[Row]:
    """Read the public rows and the development halves from the folder beside the checkout, as far as they are there."""
    rows = [row for name in PUBLIC_FILES for row in _public(shared / "training" / f"{name}.jsonl.gz")]
    return rows + list(_development(shared / "evalsets"))


def translated_pairs(shared: Path) -> list[tuple[str, str]]:
    """Return Arabic and English sentences that say the same."""
    path = shared / "training" / "parallel.jsonl.gz"
    return [(pair["ar"], pair["en"]) for pair in _lines(path)] if path.exists() else []


def _own(statement: Mapping[str, Any]) -> Iterator[Row]:
    text, identity = statement["text"], statement["statement_id"]
    head = " · ".join(part for part in (statement["title"], statement.get("issuer"), statement.get("date")) if part)
    for question in statement["questions"]:
        yield Row(
            question=question["question"],
            text=text,
            label=question["label"],
            spans=tuple(span for answer in question["answers"] for span in _occurrences(text, answer)),
            source="own",
            question_language=question["language"],
            text_language=statement["language"],
            group=identity[:-1] if identity[-1] in "ae" else identity,
            head=head,
            kind=question.get("type", ""),
            misleading=question.get("misleading", ""),
        )


def _occurrences(text: str, answer: str) -> Iterator[tuple[int, int]]:
    start = text.find(answer)
    while start >= 0:
        yield start, start + len(answer)
        start = text.find(answer, start + 1)


def _public(path: Path) -> Iterator[Row]:
    for number, row in enumerate(_lines(path) if path.exists() else ()):
        if row["language_c"] not in ("ar", "en", "fa") or not row["question"].strip():
            continue
        spans = tuple((answer["start"], answer["start"] + len(answer["text"])) for answer in row["answers"])
        label: Label = "answerable" if row["answerable"] else "absent"
        title = row.get("title", "").replace("_", " ")
        languages = row["language_q"], row["language_c"]
        yield Row(row["question"].strip(), row["context"], label, spans, row["source"], *languages, title or f"{path.stem}-{number}", title)


def _development(folder: Path) -> Iterator[Row]:
    for name, language in DEVELOPMENT.items():
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        asked = read_squad(path, language)
        spans = _squad_spans(path)
        other = folder / ("xquad-dev.en.json" if language == "ar" else "xquad-dev.ar.json")
        across = {q.question_id: q.question for q in read_squad(other, "en" if language == "ar" else "ar")} if "xquad" in name else {}
        for question in asked:
            text, found = spans[question.question_id]
            for spoken in filter(None, (question.question, across.get(question.question_id))):
                said: str = language if spoken == question.question else ("en" if language == "ar" else "ar")
                yield Row(
                    spoken.strip(" -"), text, "answerable", found, name.partition(".")[0], said, language, sha256(text.encode()).hexdigest()
                )


def _squad_spans(path: Path) -> dict[str, tuple[str, tuple[tuple[int, int], ...]]]:
    """Each question's paragraph and where it answers, by the question's id; answers that do not stand where the file says are sought."""
    found = {}
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            for asked in paragraph["qas"]:
                places = ((answer["answer_start"], answer["text"]) for answer in asked["answers"])
                starts = ((at if text.startswith(words, at) else text.find(words), words) for at, words in places)
                found[str(asked["id"])] = text, tuple({(at, at + len(words)) for at, words in starts if at >= 0})
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
