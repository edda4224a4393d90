"""What a reader does in the window besides asking: narrowing the statements that are asked."""

from __future__ import annotations

import pytest
from windows import MARKS, PHONE, Window

from ui.strings import ARABIC

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
    assert page.evaluate("document.activeElement.matches('#question textarea')")
    window.ask("كم عائلة عادت؟")
    assert page.locator(".answer.answered").count() == 1
    assert page.url.rstrip("/") == window.address.rstrip("/"), "an address says nothing of them"


@pytest.mark.parametrize("window", [PHONE], indirect=True)
def test_filters_fit_a_phone(window: Window) -> None:
    window.page.locator("#narrow summary").click()
    box = window.page.locator("#narrow form").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
