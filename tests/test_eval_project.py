"""The project judged by itself: the sample questions against the last accepted run, a public set, and the report in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, RealModel, shared
from programs import CHROMIUM, MISSING
from windows import FLAGS

import rag.build
from evals.measuring.public import public_slice
from evals.measuring.runs import Run, run
from evals.questions.formats import read_sets
from evals.reporting.compare import compare, load_values
from evals.reporting.gate import check, check_regressions, parse
from evals.reporting.report import render
from rag.settings import load_settings

pytestmark = pytest.mark.integration
SAMPLES = REPOSITORY / "evals" / "sets" / "samples.jsonl"


@pytest.fixture(scope="module")
def finished(real_index: Path, real_model: RealModel, tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rag.build, "open_embeddings", lambda settings: real_model.embeddings)
        return run(read_sets([SAMPLES]), settings=load_settings(index=real_index), folder=tmp_path_factory.mktemp("runs"))


def test_the_sample_questions_go_no_worse_than_before(finished: Run) -> None:
    """Fails beyond noise; after a change for the better, or to the questions, `make baseline` moves the bar."""
    compared = compare(load_values(REPOSITORY / "evals" / "baseline.json"), finished.values)
    assert compared["samples"].only_after == compared["samples"].only_before == 0, "the questions changed: run `make baseline`"
    assert [verdict.sentence for verdict in check_regressions(compared) if not verdict.passed] == []


def test_what_must_hold_whatever_changes(finished: Run) -> None:
    bars = [parse(bar) for bar in ("verbatim=1", "language=1", "failed=0", "alarm=0", "R@5>=.9")]
    assert [verdict.sentence for verdict in check(bars, finished.summary) if not verdict.passed] == []
    assert not finished.about["warnings"], "evidence that stands in no statement"


def test_a_slice_of_the_public_sets_goes_no_worse_than_before(
    real_model: RealModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails beyond noise, as the sample questions do, and below bars that hold whatever the baseline was."""
    sets = public_slice(shared("evalsets"))
    monkeypatch.setattr(rag.build, "open_embeddings", lambda settings: real_model.embeddings)
    settings = load_settings(index=tmp_path / "index", cache=tmp_path / "cache")
    found = run(sets, settings=settings, folder=tmp_path / "runs")
    compared = compare(load_values(REPOSITORY / "evals" / "baseline-public.json"), found.values)
    assert all(item.only_after == item.only_before == 0 for item in compared.values()), "the slice changed: run `make baseline`"
    verdicts = [
        *check_regressions(compared),
        *check([parse(bar) for bar in ("R@1>=.7", "R@5>=.9", "verbatim=1", "failed=0")], found.summary),
    ]
    assert [verdict.sentence for verdict in verdicts if not verdict.passed] == []


def test_the_slice_is_always_the_same_and_parallel_in_both_languages() -> None:
    arabic, english, crossed, _, _ = public_slice(shared("evalsets"))
    again = public_slice(shared("evalsets"))
    assert [question.question_id for question in arabic.questions] == [question.question_id for question in again[0].questions]
    assert (
        {q.question_id for q in arabic.questions}
        == {q.question_id for q in english.questions}
        == {q.question_id for q in crossed.questions}
    )
    assert crossed.corpus == arabic.corpus, "one index serves both"


# The report


@pytest.fixture
def page(finished: Run, tmp_path: Path) -> Iterator[Any]:
    """The report, opened from its file; nothing may be asked for beside it and the console must stay clean."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if why := MISSING["chromium"]:
        pytest.skip(why)
    compared = compare(load_values(REPOSITORY / "evals" / "baseline.json"), finished.values)
    path = tmp_path / "report.html"
    path.write_text(render(".html", finished, compared, check([parse("right=.99")], finished.summary)), encoding="utf-8")
    said: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("request", lambda asked: said.append(asked.url) if asked.url not in (path.as_uri(), "data:,") else None)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        yield page
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page overflows sideways"
        browser.close()
    assert said == []


@pytest.mark.browser
@pytest.mark.enable_socket
def test_the_report_opens_by_itself_with_plots_and_every_failure(page: Any, finished: Run) -> None:
    assert page.locator("figure h3").all_inner_texts() == [
        "Language cells",
        "Calibration",
        "Latency",
        "Score against passage rank",
    ]
    assert all(box["height"] > 100 for box in (page.locator("svg").nth(n).bounding_box() for n in range(4)))
    assert page.locator(".failed", has_text="failed").count()
    wrong = [row for row in finished.rows if finished.values["samples", row.question.question_id]["right"] == 0]
    assert page.locator("section > details").count() == len(wrong) > 0
    for row in wrong:
        assert page.locator("section > details > summary", has_text=row.question.question).count() == 1


@pytest.mark.browser
@pytest.mark.enable_socket
def test_arabic_in_the_report_runs_right_to_left(page: Any, finished: Run) -> None:
    arabic = page.locator("section > details", has=page.locator("> summary.ar")).first
    arabic.locator("> summary").click()
    style = "e => [getComputedStyle(e).direction, getComputedStyle(e).textAlign]"
    assert arabic.locator("> summary").evaluate(style) == ["rtl", "right"]
    assert arabic.locator(".text[lang=ar]").first.evaluate(style) == ["rtl", "right"]
    assert arabic.locator("bdi").count() >= 3
