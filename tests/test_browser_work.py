"""What a reader does in the window besides asking: narrowing the statements that are asked, finding, adding and removing them,
conversations kept and exported, and what is in use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docx
import fakes_ui as fakes
import gradio as gr
import pytest
from conftest import SAMPLES
from windows import MARKS, PHONE, Window, serving, session

from rag.schema import Facets
from rag.settings import Settings
from ui.html.about import about_html
from ui.service.access import Caller
from ui.strings import ARABIC, ENGLISH
from ui.window.browse import Browse, statements_html

pytestmark = MARKS


def test_filters_narrow_the_question_and_are_dropped_one_by_one_or_all(window: Window) -> None:
    page, summary = window.page, window.page.locator("#narrow summary")
    assert summary.inner_text() == ARABIC["narrow"].format(all="٤")
    summary.click()
    page.locator("#narrow input[value=en]").check()
    page.locator("#narrow .drop").wait_for()
    assert page.evaluate("document.activeElement.value") == "en", "the reader stays where they were"
    page.locator("#narrow input[name=from]").fill("2024-01-01")
    page.locator("#narrow input[name=to]").focus()
    page.locator("#narrow .drop").nth(1).wait_for()
    assert summary.inner_text() == ARABIC["narrow_some"].format(left="١", all="٤")
    page.keyboard.press("Escape")
    assert page.locator("#narrow form").is_hidden()
    window.ask("كم عائلة عادت؟")
    assert page.locator(".answer.not-found").count() == 1, "what the filters leave out is no answer"
    assert "English" in page.locator(".exchange .asked-of").inner_text()
    page.locator("#narrow .drop").first.click()
    page.locator("#narrow .drop").nth(1).wait_for(state="detached")
    page.locator("#narrow .clear").click()
    page.locator("#narrow .drop").wait_for(state="detached")
    assert page.locator("#narrow :checked").count() == 0, "what was dropped is no longer ticked"
    assert page.evaluate("document.activeElement.matches('#question textarea')")
    window.ask("كم عائلة عادت؟")
    assert page.locator(".answer.answered").count() == 1
    assert page.url.rstrip("/") == window.address.rstrip("/"), "an address says nothing of them"


@pytest.mark.parametrize("window", [PHONE], indirect=True)
def test_what_opens_over_the_page_fits_a_phone(window: Window) -> None:
    page = window.page
    window.ask("كم عائلة عادت؟")
    page.get_by_text(ARABIC["history"].format(count="١")).wait_for()
    for opener, part in (("#narrow summary", "#narrow form"), ("#history summary", "#history .forget"), (".chip", "#peek")):
        page.locator(opener).first.click() if part != "#peek" else page.locator(opener).first.hover()
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= PHONE["width"], part
        page.keyboard.press("Escape")


def test_statements_are_found_by_title_issuer_and_text_and_opened(window: Window) -> None:
    page = window.page
    page.get_by_role("tab", name=ARABIC["tab_statements"]).click()
    page.locator(".statements .title").nth(3).wait_for()
    assert page.locator("#browse-list > * .note, #browse-list .note").first.inner_text() == "المعروض ٤ من ٤"
    for words, title in (
        ("مخيم الهول", fakes.STATEMENTS[0].title),
        ("observer", fakes.STATEMENTS[1].title),
        ("UNHCR", fakes.STATEMENTS[0].title),
    ):
        page.fill("#browse-query :is(input, textarea)", words)
        page.locator(".statements .title").nth(1).wait_for(state="detached")
        assert page.locator(".statements .title").inner_text() == title, words
        page.fill("#browse-query :is(input, textarea)", "")
        page.locator(".statements .title").nth(3).wait_for()
    page.locator(".statements .title").nth(1).click()
    page.locator("#reader .statement").wait_for()
    assert page.locator("#reader .text").inner_text().startswith("Press statement")


@pytest.fixture(scope="module")
def bare() -> Iterator[str]:
    """The address of a window over an index that is not there yet."""
    with serving("0", "empty") as address:
        yield address


def test_statements_are_added_with_a_report_asked_about_and_removed(bare: str, browser: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 no more")
    files = [SAMPLES / "ferry-collision.html", SAMPLES / "silo-fire-growers.md", broken]
    with session(browser, bare) as window:
        page = window.page
        page.get_by_text(ARABIC["add_head"]).wait_for()
        page.get_by_role("tab", name=ARABIC["tab_statements"]).click()
        with page.expect_file_chooser() as chooser:
            page.locator("#upload").click()
        chooser.value.set_files(files)
        page.locator("#upload-told .icon-check").wait_for(timeout=60_000)
        told = page.locator("#upload-told").inner_text()
        assert ARABIC["job_done"].format(added="٢", updated="٠", unchanged="٠", rejected="١") in told
        assert "broken.pdf: " in told
        page.locator(".statements .title").nth(1).wait_for()
        page.get_by_role("tab", name=ARABIC["tab_chat"]).click()
        page.locator(".example").nth(1).wait_for()
        window.ask("كم راكباً أصيب عندما اصطدمت العبّارة نسيم اللؤلؤ بصندل؟")
        assert page.locator(".answer .chip").count() >= 1
        page.get_by_role("tab", name=ARABIC["tab_statements"]).click()
        page.locator(".ask-remove").first.click()
        page.locator(".keep").first.click()
        assert page.locator(".ask-remove").first.is_visible()
        page.locator(".ask-remove").first.click()
        page.locator(".remove").first.click()
        page.get_by_text(ARABIC["removed"]).wait_for(timeout=60_000)
        page.locator(".statements .title").nth(1).wait_for(state="detached")
        assert page.locator(".statements .title").count() == 1
        with page.expect_file_chooser() as chooser:
            page.locator("#upload").click()
        many = tmp_path / "many.csv"
        many.write_text("title,text\n" + "".join(f"Note {n},The board met for the {n}th time.\n" for n in range(60)), encoding="utf-8")
        chooser.value.set_files(many)
        page.locator("#browse-list .more").wait_for(timeout=60_000)
        assert page.locator(".statements .title").count() == 50
        page.locator("#browse-list .more").press("Enter")
        page.locator(".statements .title").nth(60).wait_for()
        page.wait_for_function("document.activeElement === document.querySelectorAll('.statements .title')[50]")
        assert page.locator("#browse-list .more").count() == 0


def test_readers_neither_add_nor_remove() -> None:
    class Jobs:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError("a reader reached the jobs")

    with gr.Blocks():
        browse = Browse(fakes.FakeAssistant(), SimpleNamespace(jobs=Jobs()), "en", lambda *names: "")  # type: ignore[arg-type]
    scope = {"bayan.caller": Caller("a reader", "reader")}
    request: Any = SimpleNamespace(request=SimpleNamespace(scope=scope))
    given: Any = SimpleNamespace(statement="s-ar")
    assert ENGLISH["editors_only"] in browse._uploaded("en", SimpleNamespace(answer={"job_id": "x"}), request)[0]  # type: ignore[arg-type]
    assert ENGLISH["editors_only"] in browse._remove("en", given, request)[0]
    assert not browse._admit(request).visible
    assert "removal" not in browse._list("", "en", 50, request)
    assert "removal" in statements_html(fakes.STATEMENTS, "", [], "en", edits=True)


def test_conversations_are_kept_in_the_browser_and_exported_with_their_citations(window: Window, tmp_path: Path) -> None:
    page = window.page
    kept = page.locator("#history summary").first
    window.ask("كم عائلة عادت؟")
    page.get_by_text(ARABIC["history"].format(count="١")).wait_for()
    page.locator("#history .begin").click()
    page.locator(".exchange").wait_for(state="detached")
    window.ask("How many violations were reported?")
    page.get_by_text(ARABIC["history"].format(count="٢")).wait_for()
    window.reopen()
    page.get_by_text(ARABIC["history"].format(count="٢")).wait_for()
    kept.click()
    page.locator("#history .choose", has_text="كم عائلة عادت؟").click()
    page.locator(".exchange .chip").nth(1).wait_for()
    assert page.locator("#evidence .card").count() == 2
    for form in ("html", "md", "docx"):
        page.locator("#history summary").nth(1).click()
        with page.expect_download() as download:
            page.locator(f"#history [data-form={form}]").click()
        file = tmp_path / f"file.{form}"
        download.value.save_as(file)
        text = "".join(docx.Document(str(file)).element.itertext()) if form == "docx" else file.read_text("utf-8")
        assert "كم عائلة عادت؟" in text, form
        assert "[1]" in re.sub(r"<[^>]+>", "", text), form
    kept.click()
    page.locator("#history .forget").first.click()
    page.get_by_text(ARABIC["history"].format(count="١")).wait_for()


def test_the_window_says_what_is_in_use_and_where_data_goes(window: Window) -> None:
    window.page.get_by_role("tab", name=ARABIC["tab_about"]).click()
    window.page.get_by_text(ARABIC["goes_nowhere"]).wait_for()
    assert "multilingual-e5-small" in window.page.locator("#about").inner_text()


def test_what_leaves_the_server_is_told_and_addresses_are_not_for_readers() -> None:
    away = Settings(
        llm="openai:small@http://models.example:8080/v1", embedding="openai:bge@http://vectors.example/v1", chroma_url="http://c:1"
    )
    facets = Facets(3, {}, {"ar": 2, "en": 1}, {}, {})
    mine, theirs = (about_html(away, facets, "en", may_see=may_see) for may_see in (True, False))
    for key in ("goes_model", "goes_embedding", "goes_store"):
        assert ENGLISH[key] in theirs
    assert ENGLISH["goes_nowhere"] not in theirs
    assert "models.example" in mine
    assert not re.search(r"models\.example|vectors\.example|http://c:1", theirs)
    assert str(away.index) not in theirs
