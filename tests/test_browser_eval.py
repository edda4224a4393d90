"""The evaluation tab in a real Chromium, over a real index of the sample statements (`fakes_eval.py`), every request watched."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakes_eval as fakes
import pytest
from windows import MARKS, PHONE, Window, serving

from ui.strings import ARABIC, ENGLISH

pytestmark = MARKS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("window")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with serving(str(folder), script=fakes.__file__) as address:
        yield address


def evaluation_tab(window: Window, words: dict[str, str] = ARABIC) -> Any:
    window.page.get_by_role("tab", name=words["tab_evaluation"]).click()
    window.page.locator("#eval-start").wait_for()
    return window.page


def upload(window: Window, folder: Path, name: str, lines: list[dict[str, Any]]) -> None:
    """Upload a set; it is chosen then."""
    path = folder / name
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    with window.page.expect_file_chooser() as chooser:
        window.page.locator("#eval-upload").click()
    chooser.value.set_files(path)


def ended(window: Window, key: str, name: str) -> None:
    window.page.get_by_text(ARABIC[key].format(name=name)).wait_for(timeout=180_000)
    window.page.locator("#eval-stop").wait_for(state="hidden")


def test_the_sample_questions_are_run_and_read(window: Window) -> None:
    page = evaluation_tab(window)
    page.locator("#eval-start").click()
    ended(window, "eval_done", "samples")
    report = page.frame_locator("#eval-result iframe")
    report.get_by_text("Evaluation: samples").wait_for()
    assert page.locator("#eval-result iframe").get_attribute("sandbox") == ""
    assert page.locator("#eval-result tbody tr").count() == 7
    assert window.style("#eval-result table", "direction") == "rtl"
    page.locator("#switch").get_by_text("English").click()
    page.locator("#eval-result").get_by_text(ENGLISH["eval_interval"]).wait_for()
    assert page.locator("#eval-result th", has_text="Arabic → English").count() == 1
    for _ in range(50):  # the parts of the page turn one after the other
        leftovers = [text for key, text in ARABIC.items() if key not in ("name", "example") and page.get_by_text(text, exact=True).count()]
        if not leftovers:
            break
        page.wait_for_timeout(200)
    assert leftovers == []


@pytest.mark.parametrize("window", [PHONE], indirect=True)
def test_the_chat_answers_while_a_set_is_run_which_is_stopped_and_resumed(window: Window, folder: Path) -> None:
    page = evaluation_tab(window)
    lines = [{"id": str(n), "question": f"slow: how many ferry passengers were hurt, time {n}?"} for n in range(25)]
    upload(window, folder, "long.jsonl", lines)
    page.locator("#eval-set input").wait_for()
    page.wait_for_function("document.querySelector('#eval-set input').value === 'long.jsonl'")
    page.locator("#eval-start").click()
    page.get_by_text(ARABIC["eval_asking"].format(name="long", done=1, total=25)[:20]).wait_for()
    page.get_by_role("tab", name=ARABIC["tab_chat"]).click()
    window.ask("كم عدد الجرحى؟")
    page = evaluation_tab(window)
    page.locator("#eval-stop").click()
    ended(window, "eval_stopped", "long")
    [run] = (folder / "index" / "runs").glob("long-*")
    asked = len((run / "rows.jsonl").read_text("utf-8").splitlines())
    assert 0 < asked < 25
    page.get_by_text(re.compile(f"عند السؤال .*{asked}")).wait_for()
    page.locator("#eval-start").click()
    ended(window, "eval_done", "long")
    assert len((run / "rows.jsonl").read_text("utf-8").splitlines()) == 25


def test_two_runs_are_compared_with_what_was_lost_first(window: Window, folder: Path) -> None:
    place = folder / "index-sets" / "compared.jsonl"
    place.parent.mkdir(exist_ok=True)
    for expected in ("Nineteen of the injured have gone home", "ninety"):
        lines = [{"id": f"c{n}", "question": f"How many of the injured have gone home, {n}?", "evidence": [expected]} for n in range(8)]
        place.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        window.reopen()
        page = evaluation_tab(window)
        page.locator("#eval-set input").click()
        page.get_by_role("option", name="compared.jsonl").click()
        before = page.locator("#eval-run input").input_value()
        page.locator("#eval-start").click()
        page.wait_for_function(
            "was => document.querySelector('#eval-run input').value !== was", arg=before
        )  # the run before ended in the same words
        ended(window, "eval_done", "compared")
    page.locator("#eval-before input").click()
    page.get_by_role("option", name=re.compile("compared")).click()
    page.locator("#eval-result h4.lost").wait_for()
    assert page.locator("#eval-result ul.lost li").count() == 8
    assert "أسوأ، لا مصادفةً" in page.locator("#eval-result tr.worse").first.text_content()
    assert "before=compared-" in page.locator("#eval-result iframe").get_attribute("src")


def test_axe_finds_nothing_that_keeps_a_reader_out(window: Window) -> None:
    """Every tab, the reader beside the chat and the list of conversations; in both languages, in light and in dark."""
    page = window.page
    for words, question in ((ARABIC, "كم عدد الجرحى في حادث العبّارة؟"), (ENGLISH, "How many of the injured have gone home?")):
        window.ask(question)
        page.locator(".flag").last.click()
        page.locator("#flag-form").wait_for()
        assert faults(page) == []
        page.locator("#flag-cancel").click()
        page.locator(".answer .chip").last.click()
        page.locator("#reader .statement").wait_for()
        page.locator("#history summary").first.click()
        assert faults(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        for tab, part in (("tab_statements", ".ask-remove"), ("tab_evaluation", "#eval-start"), ("tab_about", ".about table")):
            page.get_by_role("tab", name=words[tab]).click()
            page.locator(part).first.wait_for()
            assert faults(page) == []
        if words is ARABIC:
            page.locator("#switch").get_by_text("English").click()
            page.get_by_role("tab", name=ENGLISH["tab_about"]).wait_for()
            page.get_by_role("tab", name=ENGLISH["tab_chat"]).click()


# Colours on their way are nobody's; what turns for ever is no transition.
SETTLED = "document.getAnimations().every((moving) => moving.playState !== 'running' || moving.effect.getTiming().iterations === Infinity)"


def faults(page: Any) -> list[str]:
    """What axe calls serious or critical on the page as it stands, and what of its text is too faint in the dark."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed").Axe()
    found = []
    for scheme, rules in (("dark", {"runOnly": ["color-contrast"]}), ("light", {})):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.body.classList.contains('dark') === {str(scheme == 'dark').lower()}")
        page.wait_for_function(SETTLED)
        result = axe.run(page, options={"resultTypes": ["violations"], **rules}).response
        found += [
            f"{scheme}: {fault['help']}: {node['target']} {node['html'][:200]}"
            for fault in result["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]
    return found


@pytest.mark.parametrize("window", [PHONE], indirect=True)
def test_an_answer_in_doubt_becomes_a_test_question(window: Window, folder: Path) -> None:
    page = window.page
    window.ask("كم عدد الجرحى في حادث العبّارة؟")
    page.locator(".flag").click()
    page.locator("#flag-form").wait_for()
    page.wait_for_function("document.querySelector('#flag-about').getBoundingClientRect().top < innerHeight")
    assert page.input_value("#flag-question textarea") == "كم عدد الجرحى في حادث العبّارة؟"
    page.locator("#flag-save").click()
    page.get_by_text(ARABIC["flag_unmarked"]).wait_for()
    page.locator("#flag-answerable").get_by_text(ARABIC["flag_yes"], exact=True).click()
    page.fill("#flag-evidence textarea", "كلام لم يقله أحد")
    page.locator("#flag-save").click()
    page.locator("#flag-problem").get_by_text("كلام لم يقله أحد").wait_for()
    quoted = page.locator("#flag-about blockquote").first.text_content()
    page.fill("#flag-evidence textarea", quoted)
    page.locator("#flag-save").click()
    page.locator("#flag-form").wait_for(state="hidden")
    [line] = (folder / "index-sets" / "feedback.jsonl").read_text("utf-8").splitlines()
    record = json.loads(line)
    assert (record["question"], record["language"], record["answerable"]) == ("كم عدد الجرحى في حادث العبّارة؟", "ar", True)
    assert record["evidence"] == [quoted] and quoted in record["note"]
    page = evaluation_tab(window)
    page.locator("#eval-set input").click()
    page.get_by_role("option", name=ARABIC["eval_set_feedback"]).wait_for()
