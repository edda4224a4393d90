"""What the window's evaluation stands on, without a browser: doubts kept as questions, the run in its thread, runs told and compared."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from conftest import SAMPLES
from fakes import FakeEmbeddings
from fastapi.testclient import TestClient
from test_cli import HARVEST, PRISON, bayan

import ui.service.evaluations
from evals.measuring.stored import stored_runs
from evals.questions.feedback import Doubt, FeedbackError, add_question
from evals.questions.questions import SetError, read_questions
from rag import Assistant
from rag.schema import Statement
from rag.settings import load_settings
from ui.html.eval_render import comparison_html, problem_html, result_html, run_label, state_html
from ui.server import build_web
from ui.service.access import Access, Caller
from ui.service.evaluations import Busy, Evaluations, State
from ui.service.late import LateAssistant
from ui.strings import STRINGS
from ui.window.eval_tab import EvalTab

DOUBT = Doubt("كم شخصاً استشهد؟", "ar", ("تعرض سجن الصناعة في الحسكة لهجوم.",), ("elsewhere",))


@pytest.fixture
def evaluations(tmp_path: Path, index: Path, fake: FakeEmbeddings) -> Evaluations:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "prison.txt").write_text(PRISON, encoding="utf-8")
    (folder / "harvest.txt").write_text(HARVEST, encoding="utf-8")
    assert bayan("ingest", folder).status == 0
    return Evaluations(load_settings())


@pytest.fixture
def statements(evaluations: Evaluations) -> list[Statement]:
    return Assistant.open().statements()


def write_set(folder: Path, name: str = "set.jsonl", count: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{"id": str(n), "question": f"How many tonnes was olive harvest number {n}?", "evidence": ["40 tonnes"]} for n in range(count)]
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder / name


def finish(evaluations: Evaluations) -> State:
    for _ in range(600):
        if not evaluations.state.is_running:
            return evaluations.state
        time.sleep(0.05)
    raise AssertionError("the run does not end")


# Doubts


def test_a_doubt_becomes_a_question_that_can_be_run(evaluations: Evaluations, statements: list[Statement]) -> None:
    path = evaluations.feedback
    line = add_question(path, DOUBT, answerable=True, evidence=["استشهد ١٢١\nشخصا", " "], statements=statements)
    add_question(path, Doubt("Who won?", "en"), answerable=False, evidence=["ignored"], statements=statements)
    answerable, refused = read_questions(path)
    assert (answerable.question, answerable.language, answerable.evidence) == (DOUBT.question, "ar", ("استشهد ١٢١\nشخصا",))
    assert answerable.statement == next(s.statement_id for s in statements if "121" in s.text)
    assert (refused.answerable, refused.evidence, refused.statement) == (False, (), None)
    assert DOUBT.quoted[0] in line["note"]
    assert evaluations.sets()[0] == path
    assert bayan("eval", path, "--min", "failed=0").status == 0
    assert [run.sets for run in evaluations.runs()] == [("feedback",)], "the terminal keeps its runs where the window looks"


@pytest.mark.parametrize(
    ("question", "evidence", "sentence"),
    [
        ("  ", ["121"], "the question is empty"),
        ("كم؟", [" "], "needs evidence"),
        ("كم؟", ["121", "ninety tonnes"], 'the evidence "ninety tonnes" is in no statement'),
    ],
)
def test_a_doubt_that_cannot_be_measured_is_refused(
    evaluations: Evaluations, statements: list[Statement], question: str, evidence: list[str], sentence: str
) -> None:
    with pytest.raises(FeedbackError, match=sentence) as raised:
        add_question(evaluations.feedback, Doubt(question, "ar"), answerable=True, evidence=evidence, statements=statements)
    assert not evaluations.feedback.exists()
    assert 'dir="rtl"' in problem_html(raised.value, "ar") and "problem" in problem_html(raised.value, "en")


def test_nothing_in_the_set_is_ever_lost(evaluations: Evaluations, statements: list[Statement]) -> None:
    path = evaluations.feedback
    path.parent.mkdir()
    path.write_text('{"id": "by hand", "question": "Why?"}\n{"half a li', encoding="utf-8")  # no end of line

    def add(number: int) -> None:
        add_question(path, Doubt(f"Who scored {number} times?", "en"), answerable=False, evidence=[], statements=statements)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    lines = path.read_text("utf-8").splitlines()
    assert lines[:2] == ['{"id": "by hand", "question": "Why?"}', '{"half a li']
    assert sorted(json.loads(line)["question"] for line in lines[2:]) == sorted(f"Who scored {n} times?" for n in range(24))
    assert len({json.loads(line)["id"] for line in lines[2:]}) == 24
    with pytest.raises(FeedbackError, match="is in the set already"):
        add(3)


# The run under way


def test_a_stopped_run_goes_on_where_it_was(evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_set(evaluations.sets_folder)
    watch = evaluations._watch

    def stop_at_one(stage: str, done: int, total: int) -> None:
        if done == 1:
            evaluations.stop()
        watch(stage, done, total)  # type: ignore[arg-type]

    with monkeypatch.context() as stopping:
        stopping.setattr(evaluations, "_watch", stop_at_one)
        evaluations.start(path, retrieval_only=False)
        state = finish(evaluations)
    assert (state.ended, state.done, state.total) == ("stopped", 1, 3)
    [stored] = evaluations.runs()
    assert (stored.complete, stored.asked, stored.questions) == (False, 1, 3)
    assert "1" in run_label(stored, "en") and "توقف" in run_label(stored, "ar")
    before = (evaluations.runs_folder / stored.name / "rows.jsonl").read_text("utf-8")
    evaluations.start(path, retrieval_only=False)
    assert finish(evaluations).run == stored.name
    assert (evaluations.runs_folder / stored.name / "rows.jsonl").read_text("utf-8").startswith(before)
    assert [run.complete for run in evaluations.runs()] == [True]


def test_one_run_at_a_time(evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_set(evaluations.sets_folder)
    watch = evaluations._watch
    monkeypatch.setattr(evaluations, "_watch", lambda *told: (time.sleep(0.1), watch(*told)))
    evaluations.start(path, retrieval_only=True)
    with pytest.raises(Busy, match='"set" is being run'):
        evaluations.start(path, retrieval_only=True)
    assert finish(evaluations).ended == "done"


def test_what_goes_wrong_is_told(evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch) -> None:
    path = evaluations.sets_folder / "set.jsonl"
    path.parent.mkdir()
    path.write_text('{"id": "1", "question": "q", "evidence": ["x"], "statement": "nowhere"}\n', encoding="utf-8")
    evaluations.start(path, retrieval_only=False)
    assert 'no statement of the index is "nowhere"' in unescape(state_html(finish(evaluations), "ar"))

    def crash(*arguments: object, **options: object) -> None:
        raise RuntimeError("secret internals")

    monkeypatch.setattr(ui.service.evaluations, "run", crash)
    evaluations.start(path, retrieval_only=False)
    assert "secret" not in state_html(finish(evaluations), "en")


def test_an_uploaded_set_is_checked_and_kept_beside_others(evaluations: Evaluations, tmp_path: Path) -> None:
    first = evaluations.keep(write_set(tmp_path / "a", "my set.jsonl"))
    assert first == evaluations.sets_folder / "my-set.jsonl"
    assert evaluations.keep(write_set(tmp_path / "a", "my set.jsonl")) == first
    second = evaluations.keep(write_set(tmp_path / "b", "my set.jsonl", count=5))
    assert (second.name, len(read_questions(first)), len(read_questions(second))) == ("my-set-2.jsonl", 3, 5)
    (tmp_path / "broken.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(SetError, match='"id" is missing'):
        evaluations.keep(tmp_path / "broken.jsonl")
    assert evaluations.sets() == [second, first]


def test_the_sample_questions_are_offered_where_their_statements_are(evaluations: Evaluations, index: Path) -> None:
    assert evaluations.sets() == []
    assert bayan("ingest", SAMPLES).status == 0
    assert [path.name for path in Evaluations(load_settings()).sets()] == ["samples.jsonl"]


def test_the_window_opens_with_its_evaluations_before_there_is_an_index(index: Path, fake: FakeEmbeddings) -> None:
    settings = load_settings()
    evaluations = Evaluations(settings)
    web = build_web(LateAssistant(settings), settings, Access.configured(settings), evaluations)
    with TestClient(web, "http://127.0.0.1:7860", client=("127.0.0.1", 50_000)) as client:
        assert client.get("/").status_code == 200
    assert bayan("ingest", SAMPLES).status == 0
    assert [path.name for path in evaluations.sets()] == ["samples.jsonl"]


# Reading


@pytest.fixture
def two_runs(evaluations: Evaluations) -> Evaluations:
    path = write_set(evaluations.sets_folder, count=8)
    for retrieval_only in (False, True):
        evaluations.start(path, retrieval_only=retrieval_only)
        assert finish(evaluations).ended == "done"
    return evaluations


def test_figures_and_changes_are_told_in_both_languages(two_runs: Evaluations, tmp_path: Path) -> None:
    before, after = (run.name for run in two_runs.runs())
    summary = two_runs.runs_folder / before / "summary.json"
    record = json.loads(summary.read_text("utf-8"))
    for found in record["values"]["set"].values():
        found["R@1"], found["RR"] = 1 - round(found["R@1"]), 0.0
    summary.write_text(json.dumps(record), encoding="utf-8")
    run = two_runs.run(after)
    compared = two_runs.compared(after, before)
    questions = {"set": {row.question.question_id: row.question.question for row in run.rows}}
    for language, better, result in (("ar", "أفضل، لا مصادفةً", "النتيجة"), ("en", "better, not by chance", "Result")):
        drawn = comparison_html(compared, questions, before="a", after="b", interface=language)  # type: ignore[arg-type]
        assert better in drawn and "olive harvest number" in drawn
        assert result in result_html(run, language)  # type: ignore[arg-type]
    assert drawn.index('class="won"') < drawn.index("<table")


def test_a_late_look_at_a_run_that_ended_leaves_what_the_reader_chose_since(two_runs: Evaluations) -> None:
    latest, earlier = (run.name for run in two_runs.runs())
    two_runs.state = State("set", ended="done", run=latest)
    with gr.Blocks():
        tab = EvalTab(two_runs, "en", lambda *names: "")
    *_, befores, result = tab._follow("en", latest, earlier)
    assert befores.value == earlier
    assert f"before={earlier}" in result
    update, shown = tab._show(latest, earlier, "en")
    assert "value" not in update.constructor_args, "said again, it would undo a choice made while the result was drawn"
    assert "before=" in shown
    assert tab._show(latest, latest, "en")[0].value == "", "no run is compared with itself"


def test_readers_run_no_evaluation(evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(evaluations.sets_folder, count=1)
    for name in ("start", "stop", "keep"):
        monkeypatch.setattr(evaluations, name, lambda *_, **__: pytest.fail("a reader ran something"))
    with gr.Blocks():
        tab = EvalTab(evaluations, "en", lambda *names: "")
    request: Any = SimpleNamespace(request=SimpleNamespace(scope={"bayan.caller": Caller("a reader", "reader")}))
    assert tab.sets.choices == tab.runs.choices == [], "the page, which readers get too, names no set and no run"
    (chosen,) = {value for _, value in tab._set_choices("en")["choices"]}
    assert chosen == f"{evaluations.sets_folder.name}/set.jsonl", "no folder of the server's is told"
    answers = (
        tab._start(chosen, True, "en", request)[0],
        tab._stop("en", request),
        tab._kept("en", SimpleNamespace(answer={"name": "x/x.jsonl"}), request)[1],
    )
    assert all(STRINGS["en"]["eval_editors_only"] in answer for answer in answers)


def test_a_report_runs_no_script_and_only_stored_runs_have_one(two_runs: Evaluations) -> None:
    settings = load_settings()
    web = build_web(Assistant.open(), settings, Access.configured(settings), two_runs)
    after, before = (run.name for run in two_runs.runs())
    with TestClient(web, base_url="http://127.0.0.1", client=("127.0.0.1", 5000)) as client:
        page = client.get(f"/evaluations/{after}?before={before}")
        assert page.status_code == 200 and "Against the other run" in page.text
        assert page.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert "<script" not in page.text and "http://" not in page.text.replace("http://www.w3.org/2000/svg", "")
        for wrong in ("nowhere", "..%2Fruns", f"{after}?before=nowhere"):
            assert client.get(f"/evaluations/{wrong}").status_code == 404


def test_what_is_no_run_is_passed_over(two_runs: Evaluations) -> None:
    (two_runs.runs_folder / "notes").mkdir()
    (two_runs.runs_folder / "broken").mkdir()
    (two_runs.runs_folder / "broken" / "run.json").write_text("{}", encoding="utf-8")
    (two_runs.runs_folder / "file").write_text("", encoding="utf-8")
    assert len(stored_runs(two_runs.runs_folder)) == 2
    assert stored_runs(two_runs.runs_folder / "gone") == []
