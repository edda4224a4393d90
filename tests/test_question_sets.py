"""The question sets on the sample statements are what they claim: evidence that can be quoted, follow-ups that follow, all cells filled."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, SAMPLES
from fakes import FakeEmbeddings

from ingest import ingest
from ingest.passages import split
from rag import Assistant
from rag.schema import Statement

SETS = REPOSITORY / "evals" / "sets"
FIELDS = {"id", "question", "language", "answerable", "evidence", "statement", "tags"}
KINDS = ("topic", "entity", "premise", "offtopic")
Record = dict[str, Any]
Passages = dict[str, list[str]]


def records(name: str) -> list[Record]:
    return [json.loads(line) for line in (SETS / name).read_text(encoding="utf-8").splitlines()]


FIRST, WIDE = records("samples.jsonl"), records("samples-wide.jsonl")
EVERY = FIRST + WIDE


@pytest.fixture
def statements(fake: FakeEmbeddings) -> dict[str, Statement]:
    """The sample statements as ingest reads them, by the name of their file without its ending."""
    ingest([SAMPLES])
    return {Path(statement.source).stem: statement for statement in Assistant.open().statements()}


@pytest.fixture
def passages(statements: dict[str, Statement]) -> Passages:
    """What can be quoted of each: titles, front matter and leftovers are in no passage."""
    return {name: [passage.text for passage in split(statement)] for name, statement in statements.items()}


def holding(phrase: str, passages: Passages) -> Counter[str]:
    """How often the passages of each statement hold a phrase."""
    return +Counter({name: sum(text.count(phrase) for text in texts) for name, texts in passages.items()})


def story(name: str) -> str:
    """What the versions of one statement have in common: the beginning of their names."""
    return re.sub(r"-(wire|courier)$|\.(ar|en)$", "", name)


def test_there_are_enough_questions_and_each_is_asked_once() -> None:
    assert len(WIDE) >= 150
    for key in ("id", "question"):
        asked = Counter((record[key], record.get("follows") if key == "question" else None) for record in EVERY)
        assert [value for value, times in asked.items() if times > 1] == []


@pytest.mark.parametrize("record", EVERY, ids=lambda record: record["id"])
def test_every_line_is_well_formed(record: Record) -> None:
    assert set(record) - {"follows"} == FIELDS
    assert record["question"] == record["question"].strip() != ""
    letters = re.search(r"[\u0621-\u064a]", record["question"]) is not None
    assert record["language"] == ("ar" if letters else "en")
    assert record["answerable"] == bool(record["evidence"]) == (record["statement"] is not None)
    kinds = [tag for tag in record["tags"] if tag.startswith("unanswerable-")]
    assert len(kinds) == (0 if record["answerable"] else 1)


def test_every_tag_is_documented_and_used() -> None:
    table = (SETS / "README.md").read_text(encoding="utf-8").split("## Tags")[1]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == {
        tag for record in (*EVERY, *records("follow-ups.jsonl")) for tag in record["tags"]
    }


def test_the_documented_sizes_are_right() -> None:
    text = (SETS / "README.md").read_text(encoding="utf-8")
    assert f"| `samples.jsonl` | {len(FIRST)} |" in text
    assert f"| `samples-wide.jsonl` | {len(WIDE)} |" in text


def test_a_follow_up_comes_right_after_the_question_it_follows() -> None:
    follow_ups = [record for record in EVERY if "follows" in record]
    assert follow_ups == [record for record in EVERY if "follow-up" in record["tags"]]
    languages = Counter(record["language"] for record in follow_ups)
    assert min(languages["ar"], languages["en"]) >= 5
    before = {record["id"]: previous for previous, record in zip([None, *EVERY], EVERY, strict=False)}
    for record in follow_ups:
        previous = before[record["id"]]
        assert previous and (previous["id"], previous["language"]) == (record["follows"], record["language"]), record["id"]


def test_evidence_is_verbatim_and_can_be_quoted_from_the_named_statement(statements: dict[str, Statement], passages: Passages) -> None:
    for record in EVERY:
        for phrase in record["evidence"]:
            assert any(phrase in statement.text for statement in statements.values()), f'{record["id"]}: "{phrase}" is in no statement'
        if record["answerable"]:
            quotable = any(record["statement"] in holding(phrase, passages) for phrase in record["evidence"])
            assert quotable, f"{record['id']}: no evidence in {record['statement']}"


def test_evidence_stands_once_in_a_statement_and_in_no_other_story(passages: Passages) -> None:
    for record in WIDE:
        for phrase in record["evidence"]:
            names = holding(phrase, passages)
            assert len(phrase.split()) >= 2, f'{record["id"]}: "{phrase}" is short'
            assert set(names.values()) == {1}, f'{record["id"]}: "{phrase}" does not occur just once: {dict(names)}'
            assert len(set(map(story, names))) == 1, f'{record["id"]}: "{phrase}" occurs in {sorted(names)}'


def test_cross_questions_are_those_that_only_the_other_language_answers(statements: dict[str, Statement], passages: Passages) -> None:
    for record in WIDE:
        languages = {statements[name].language for phrase in record["evidence"] for name in holding(phrase, passages)}
        assert ("cross" in record["tags"]) == (record["answerable"] and record["language"] not in languages), record["id"]
        if record["language"] in languages:
            assert statements[record["statement"]].language == record["language"], record["id"]


def test_all_cells_are_filled(statements: dict[str, Statement]) -> None:
    cells = Counter((record["language"], statements[record["statement"]].language) for record in WIDE if record["answerable"])
    assert all(cells[question, statement] >= 22 for question in ("ar", "en") for statement in ("ar", "en")), cells
    assert {record["statement"] for record in WIDE if record["answerable"]} == set(statements)
    unanswerable = Counter((record["language"], record["tags"][0]) for record in WIDE if not record["answerable"])
    assert sum(unanswerable.values()) >= 38
    for kind in KINDS:
        arabic, english = unanswerable["ar", f"unanswerable-{kind}"], unanswerable["en", f"unanswerable-{kind}"]
        assert min(arabic, english) >= 5 and abs(arabic - english) <= 2, kind
