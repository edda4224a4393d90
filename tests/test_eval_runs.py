"""Runs end to end through the command line, with fake embeddings: kept, resumed, reported, compared, gated."""

from __future__ import annotations

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import pytest
from fakes import FakeEmbeddings
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from test_cli import HARVEST, PRISON, bayan, refused
from test_eval_sets import parallel
from test_eval_sets import write as write_file

import evals.measuring.asking
import evals.measuring.places
import rag.index.manifest
from evals.measuring.asking import conversations
from evals.measuring.runs import read_run
from evals.measuring.systems import Response, RunnableSystem, refuses
from evals.questions.questions import Question
from rag import Answer

LINES = [
    {"id": "1", "question": "How many tonnes did the olive harvest reach?", "evidence": ["40 tonnes"], "statement": "harvest"},
    {"id": "2", "question": "كم شخصا استشهد في هجوم سجن الصناعة؟", "evidence": ["121"], "statement": "prison", "tags": ["number"]},
    {"id": "3", "question": "When were farmers paid for the olive harvest?", "evidence": ["in March"], "tags": ["date"]},
    {"id": "4", "question": "Which footballer scored twice yesterday evening?"},
    {"id": "5", "question": "And when?", "evidence": ["in March"], "follows": "3"},
]


def peer(question: str) -> dict[str, Any]:
    """A chain under test: it knows one answer."""
    said = "40 tonnes" if "tonnes" in question else "I do not know."
    return {"answer": said, "context": [Document("reached 40 tonnes", metadata={"source": "folder/harvest.txt"})]}


@pytest.fixture
def ingested(tmp_path: Path, fake: FakeEmbeddings) -> Path:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "prison.txt").write_text(PRISON, encoding="utf-8")
    (folder / "harvest.txt").write_text(HARVEST, encoding="utf-8")
    assert bayan("ingest", folder).status == 0
    return folder


@pytest.fixture
def questions(tmp_path: Path, ingested: Path) -> Path:
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES), encoding="utf-8")
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_json_is_as_designed(questions: Path, runs: Path) -> None:
    outcome = bayan("eval", questions, "--json", "--runs", runs)
    assert outcome.status == 0, outcome.stderr
    assert set(outcome.json) == {"sets", "run"}
    [found] = outcome.json["sets"]
    assert set(found) == {"name", "questions", "measures", "by_cell"}
    assert (found["name"], found["questions"]) == ("set", 5)
    assert {"R@1", "R@5", "RR", "nDCG@10", "verbatim", "refused.wrong", "latency.p95"} <= set(found["measures"])
    assert found["measures"]["verbatim"] == 1.0
    assert set(found["by_cell"]) == {"ar->ar", "en->en", "en->none"}
    run = outcome.json["run"]
    assert run["models"] == [{"kind": "embedding", "name": "fake-words", "digest": "fa" * 32}]
    assert (run["system"], run["failed"], run["seed"]) == ("bayan", 0, 7)
    assert run["code"]["digest"] and run["sets"][0]["statements"] == 2


def test_a_killed_run_goes_on_where_it_was(questions: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    opened = evals.measuring.asking.open_system

    class Counting:
        def __init__(self, system: Any, until: int) -> None:
            self.system, self.until = system, until

        def ask(self, question: str, history: Any) -> Response:
            if len(asked) == self.until:
                raise KeyboardInterrupt
            asked.append(question)
            return self.system.ask(question, history)  # type: ignore[no-any-return]

    monkeypatch.setattr(evals.measuring.asking, "open_system", lambda *a, **k: Counting(opened(*a, **k), 2))
    assert bayan("eval", questions, "--runs", runs).status == 1  # click says that it was aborted
    [folder] = runs.iterdir()
    assert len((folder / "rows.jsonl").read_text("utf-8").splitlines()) == 2
    assert not (folder / "summary.json").exists()
    with open(folder / "rows.jsonl", "a", encoding="utf-8") as file:
        file.write('{"set_name": "set", "quest')  # a row that the kill cut short

    monkeypatch.setattr(evals.measuring.asking, "open_system", lambda *a, **k: Counting(opened(*a, **k), -1))
    assert bayan("eval", questions, "--runs", runs).status == 0
    assert sorted(asked) == sorted(str(line["question"]) for line in LINES), "each once"
    assert len(read_run(folder).rows) == 5

    assert bayan("eval", questions, "--runs", runs).status == 0
    assert len(asked) == 5, "a complete run is not asked again"
    assert bayan("eval", questions, "--runs", runs, "--fresh").status == 0
    assert len(asked) == 10
    monkeypatch.setattr(evals.measuring.asking, "open_system", opened)
    assert bayan("eval", questions, "--runs", runs, "--retrieval-only").status == 0
    assert len(list(runs.iterdir())) == 2, "another configuration has its own folder"


def test_a_question_that_fails_is_kept_and_asked_again(questions: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = evals.measuring.asking.open_system

    class Failing:
        def ask(self, question: str, history: Any) -> Response:
            raise TimeoutError("too slow")

    monkeypatch.setattr(evals.measuring.asking, "open_system", lambda *a, **k: Failing())
    outcome = bayan("eval", questions, "--runs", runs, "--json", "--min", "failed=0")
    assert outcome.status == 1
    assert outcome.json["sets"][0]["measures"]["failed"] == 1.0
    assert outcome.json["sets"][0]["measures"]["right"] == 0.0
    assert "FAILED: set: failed is 1, at most 0 is asked for" in outcome.stderr
    [folder] = runs.iterdir()
    assert {row.error for row in read_run(folder).rows} == {"TimeoutError: too slow"}
    monkeypatch.setattr(evals.measuring.asking, "open_system", opened)
    assert bayan("eval", questions, "--runs", runs, "--min", "failed=0").status == 0


def test_several_workers_find_the_same(questions: Path, runs: Path) -> None:
    def measures(*more: str) -> dict[str, float]:
        found = bayan("eval", questions, "--json", "--fresh", "--runs", runs, *more).json["sets"][0]["measures"]
        return {name: value for name, value in found.items() if not name.startswith("latency")}

    assert measures() == measures("--workers", "4")


def test_a_follow_up_is_asked_after_its_question() -> None:
    q = [Question("c", "?", "en", False, follows="b"), Question("a", "?", "en", False), Question("b", "?", "en", False, follows="a")]
    assert [[one.question_id for one in talk] for talk in conversations(q)] == [["a", "b", "c"]]


def test_a_follow_up_is_searched_with_its_question(questions: Path, runs: Path) -> None:
    bayan("eval", questions, "--runs", runs)
    [folder] = runs.iterdir()
    rows = {row.question.question_id: row for row in read_run(folder).rows}
    assert rows["5"].hits[0].statement_id == rows["3"].hits[0].statement_id


def test_what_is_wrong_with_the_sets_stops_everything(questions: Path, runs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "1", "question": "q", "evidence": ["x"], "statement": "nowhere"}\n', encoding="utf-8")
    said = refused("eval", questions, other, "--runs", runs)
    assert 'other.jsonl" line 1: no statement of the index is "nowhere"' in said
    assert not runs.exists()
    (tmp_path / "broken.csv").write_text("id,question\n,\n", encoding="utf-8")
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    said = refused("eval", questions, tmp_path / "broken.csv", tmp_path / "empty.jsonl", tmp_path / "gone.json", "--runs", runs)
    assert all(name in said for name in ("broken.csv", "empty.jsonl", "gone.json"))
    assert not runs.exists()


def test_evidence_that_stands_nowhere_is_warned_of(questions: Path, runs: Path) -> None:
    questions.write_text('{"id": "1", "question": "q?", "evidence": ["ninety tonnes"]}\n', encoding="utf-8")
    assert 'line 1: the evidence "ninety tonnes" is in no statement of the index' in bayan("eval", questions, "--runs", runs).stderr


def test_the_gate_s_exit_status_and_junit(questions: Path, runs: Path, tmp_path: Path) -> None:
    junit = tmp_path / "eval.xml"
    passing = bayan("eval", questions, "--runs", runs, "--min", "verbatim=1", "--junit", junit)
    assert passing.status == 0
    assert ElementTree.parse(junit).getroot().attrib["failures"] == "0"
    failing = bayan("eval", questions, "--runs", runs, "--min", "verbatim=1", "--min", "en->en:em>=.9", "--junit", junit)
    assert failing.status == 1
    assert "bayan: FAILED: set en->en: em is 0, at least 0.9 is asked for" in failing.stderr
    cases = ElementTree.parse(junit).findall(".//testcase")
    assert [(case.get("name"), case.find("failure") is not None) for case in cases] == [
        ("set: verbatim=1", False),
        ("set: en->en:em>=.9", True),
    ]
    for wrong in (["--min", "R@5"], ["--min", "speed=1"], ["--no-worse"], ["--report", "r.pdf"]):
        outcome = bayan("eval", questions, *wrong)
        assert (outcome.status, outcome.stdout) == (2, "")
    assert refused("eval", questions, "--runs", runs, "--compare", "nothing").count("is not a complete run to compare with") == 1


def test_two_runs_are_compared(questions: Path, runs: Path, tmp_path: Path) -> None:
    bayan("eval", questions, "--runs", runs)
    [folder] = runs.iterdir()
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    for found in summary["values"]["set"].values():
        found["right"] = 1.0
    (tmp_path / "before.json").write_text(json.dumps(summary), encoding="utf-8")
    report = tmp_path / "r.md"
    outcome = bayan("eval", questions, "--runs", runs, "--compare", tmp_path / "before.json", "--json", "--report", report)
    compared = outcome.json["run"]["comparison"]["set"]
    wrong = [
        row.question.question_id for row in read_run(folder).rows if summary["values"]["set"][row.question.question_id].get("evidence") == 0
    ]
    assert set(wrong) <= set(compared["lost"]) and compared["won"] == []
    assert "Against the other run" in report.read_text("utf-8")
    same = bayan("eval", questions, "--runs", runs, "--compare", folder.name, "--no-worse")
    assert same.status == 0 and "nothing is worse beyond noise" in same.stderr


def test_a_draft_is_filled_in_by_hand(ingested: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    assert bayan("eval", "new", "-o", path).status == 0
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == 2
    assert {line["language"] for line in lines} == {"ar", "en"}
    assert refused("eval", path).count('"question" is missing or empty') == 2
    assert "cannot be written" in refused("eval", "new", "-o", path)
    lines[0] |= {"question": "ماذا؟", "evidence": ["121"]}
    path.write_text(json.dumps(lines[0]) + "\n", encoding="utf-8")
    assert bayan("eval", path, "--runs", tmp_path / "runs").status == 0


def test_a_set_with_its_own_corpus_is_embedded_once(
    tmp_path: Path, runs: Path, fake: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAYAN_CACHE", str(tmp_path / "cache"))
    contexts = ["The ferry carried 31 people to Marsa.", "The olive harvest reached 40 tonnes in March."]
    qas = [
        [{"id": str(n), "question": q, "answers": [{"text": a}]}]
        for n, (q, a) in enumerate([("How many people on the ferry?", "31"), ("How large was the olive harvest?", "40 tonnes")])
    ]
    data = {"data": [{"paragraphs": [{"context": c, "qas": q} for c, q in zip(contexts, qas, strict=True)]}]}
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    found = bayan("eval", path, "--runs", runs, "--retrieval-only", "--json").json["sets"][0]
    assert found["measures"]["R@1"] == found["by_cell"]["en->en"]["RR"] == 1.0
    assert "evidence" not in found["measures"]
    embedded = len(fake.embedded)
    assert bayan("eval", path, "--runs", runs, "--retrieval-only", "--fresh").status == 0
    assert len(fake.embedded) == embedded
    monkeypatch.setattr(rag.index.manifest, "FORMAT", 99)
    monkeypatch.setattr(evals.measuring.places, "FORMAT", 99)
    assert bayan("eval", path, "--runs", runs, "--retrieval-only", "--fresh").status == 0, "what an older Bayan kept is no hindrance"


def test_a_crossed_set_has_its_own_cell(tmp_path: Path, runs: Path, fake: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAYAN_CACHE", str(tmp_path / "cache"))
    english = write_file(
        tmp_path / "x.en.json", parallel("The ferry carried 31 people to Marsa.", "How many people on the ferry?", "31 people")
    )
    arabic = write_file(tmp_path / "x.ar.json", parallel("حملت العبارة 31 راكبا إلى مرسى.", "كم راكبا؟", "31 راكبا"))
    [found] = bayan("eval", english, "--contexts", arabic, "--runs", runs, "--json").json["sets"]
    assert (found["name"], list(found["by_cell"])) == ("x.en-on-x.ar", ["en->ar"])
    assert "R@1" in found["by_cell"]["en->ar"]


# Peers


def test_a_langchain_runnable_is_put_to_the_same_questions(questions: Path, runs: Path) -> None:
    outcome = bayan("eval", questions, "--runs", runs, "--json", "--system", "runnable:test_eval_runs:peer")
    measures = outcome.json["sets"][0]["measures"]
    assert measures["answered.wrong"] == 0.0
    assert measures["refused.wrong"] == 0.75
    assert measures["evidence"] == 0.25
    assert measures["citation.recall"] == 0.0
    assert measures["R@1"] == 0.25
    assert 'no system is named "gpt"' in refused("eval", questions, "--system", "gpt")
    assert "cannot be imported" in refused("eval", questions, "--system", "runnable:no_such_module:x", "--runs", runs)


def test_a_chat_model_is_given_the_conversation() -> None:
    system = RunnableSystem(FakeListChatModel(responses=["In March.", "لا توجد معلومات عن ذلك."]))
    first = system.ask("When?", []).answer
    assert first is not None
    assert (first.status, first.mode, first.answer) == ("answered", "llm", "In March.")
    second = system.ask("ومتى؟", [first]).answer
    assert isinstance(second, Answer)
    assert (second.status, second.language) == ("not_found", "ar")


class Endpoint(BaseHTTPRequestHandler):
    """A chat endpoint of OpenAI's protocol that knows one answer."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = "40 tonnes" if "tonnes" in asked["messages"][-1]["content"] else "I don't know."
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        record = {"id": "1", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": [choice], "usage": usage}
        body = json.dumps(record).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def test_a_chat_endpoint_is_put_to_the_same_questions(questions: Path, runs: Path) -> None:
    pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        system = f"openai:tiny@http://127.0.0.1:{server.server_port}/v1"
        outcome = bayan("eval", questions, "--runs", runs, "--json", "--system", system)
        server.shutdown()
    measures = outcome.json["sets"][0]["measures"]
    assert (measures["failed"], measures["answered.wrong"], measures["refused.wrong"], measures["em"]) == (0.0, 0.0, 0.75, 0.25)
    assert "R@1" not in measures
    assert outcome.json["run"]["usage"] == {"input_tokens": 50, "output_tokens": 10}


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", True),
        ("I don't know.", True),
        ("لا أعرف الجواب", True),
        ("31 people. " * 30 + "It does not mention more.", False),
        ("Nobody was hurt.", False),
    ],
)
def test_a_peer_s_refusal_is_known_by_its_words(text: str, refusal: bool) -> None:
    assert refuses(text) is refusal


def test_help_is_quick_to_load() -> None:
    code = "import sys, ui.cli.main; print([m for m in ('torch', 'gradio', 'scipy', 'evals', 'langchain_core') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
