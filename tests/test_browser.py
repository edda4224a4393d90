"""The chat window in a real Chromium, over the small assistant of `fakes_ui.py`, with every request and console message watched."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import Any

import fakes_ui as fakes
import pytest
from windows import ENVIRONMENT, FAKES, MARKS, PHONE, Window

from ui.strings import ARABIC, ENGLISH

pytestmark = MARKS


def test_arabic_runs_right_to_left(window: Window) -> None:
    window.ask("كم عائلة عادت إلى المخيم؟")
    for selector in (".exchange .question", ".answer .own", ".answer blockquote"):
        assert window.style(selector, "direction") == "rtl"
    line = window.edges(".exchange .question")
    positions = [left for _, left, _ in line]
    assert len(positions) > 20
    assert positions == sorted(positions, reverse=True)
    chat = window.page.locator("#chat").bounding_box()
    assert positions[0] > chat["x"] + chat["width"] / 2, "an Arabic line starts at the right"


def test_a_number_and_a_latin_name_keep_their_own_order_inside_arabic(window: Window) -> None:
    window.ask("كم عائلة عادت؟")
    text = window.edges(".answer blockquote .quote")
    written = "".join(character for character, _, _ in text)
    for run in ("2024-03-15", "UNHCR", "121"):
        start = written.index(run)
        lefts = [left for _, left, _ in text[start : start + len(run)]]
        assert lefts == sorted(lefts), run
    before, after = written.index("يوم"), written.index("بالتنسيق")
    date = text[written.index("2024")]
    if text[before][2] == date[2] == text[after][2]:
        assert text[before][1] > date[1] > text[after][1]
    last = window.edges(".answer blockquote .quote")[-1]
    assert last[0] == "»"
    assert last[1] < text[-2][1], "the closing mark stands at the left end"


def test_english_runs_left_to_right_in_the_arabic_window(window: Window) -> None:
    window.ask("How many violations were reported?")
    for selector in (".exchange .question", ".answer .own", ".answer blockquote"):
        assert window.style(selector, "direction") == "ltr"
    positions = [left for _, left, _ in window.edges(".exchange .question")]
    assert positions == sorted(positions)


def test_the_shipped_font_is_used(window: Window) -> None:
    window.ask("كم عائلة عادت؟")
    assert window.page.evaluate("document.fonts.check('16px \"IBM Plex Sans Arabic\"', 'بيان')")
    assert any(url.endswith("/fonts/IBMPlexSansArabic-Regular.ttf") for url in window.requests)
    assert "IBM Plex Sans Arabic" in window.style(".answer .own", "fontFamily")


def open_chip(window: Window, turn: int, number: int) -> Any:
    window.page.locator(".exchange").nth(turn).locator(".chip").nth(number - 1).click()
    window.page.locator(f'#reader [data-place="c:{turn}:{number}"]').wait_for()
    return window.page.locator("#reader")


IN_VIEW = """m => {
  const quote = m.getBoundingClientRect(), box = m.closest('.text').getBoundingClientRect();
  return quote.top >= box.top && quote.bottom <= box.bottom;
}"""


def test_a_chip_opens_the_statement_at_the_quote_and_leads_on(window: Window) -> None:
    window.ask("كم عائلة عادت؟")
    window.ask("ماذا جاء عن الهدنة؟")
    assert window.page.locator("#evidence-0-2").is_hidden()
    reader = open_chip(window, 0, 2)
    mark = reader.locator("mark.current")
    assert mark.text_content() == fakes.QUOTE_AR_2
    assert mark.evaluate(IN_VIEW), "the quote is scrolled into view"
    assert fakes.STATEMENTS[0].source in reader.locator(".source").text_content()
    assert reader.locator(".cut").text_content() == fakes.LEFTOVER
    assert window.page.locator("#evidence-1-1").is_hidden(), "the cards of the answer that was clicked"
    chat, beside = window.page.locator("#chat").bounding_box(), reader.bounding_box()
    assert beside["x"] + beside["width"] <= chat["x"] + 1, "beside the chat, not over it"
    reader.locator("button.before").click()
    window.page.locator('#reader [data-place="c:0:1"]').wait_for()
    assert reader.locator("mark.current").text_content() == fakes.QUOTE_AR
    assert reader.locator("mark.current").evaluate(IN_VIEW)
    window.page.keyboard.press("Escape")
    assert reader.is_hidden()
    assert window.page.evaluate("document.activeElement.dataset.open") == "c:0:2", "back to where it was opened"
    open_chip(window, 0, 1)
    assert reader.is_visible(), "the same quote opens again"


def test_a_chip_peeks_at_its_quote(window: Window) -> None:
    window.ask("كم عائلة عادت؟")
    window.page.locator(".chip").first.hover()
    assert fakes.QUOTE_AR in window.page.locator("#peek").text_content()
    window.page.mouse.move(0, 0)
    window.page.locator("#peek").wait_for(state="detached")
    window.page.locator(".chip").nth(1).focus()
    window.page.keyboard.press("Shift+Tab")
    assert fakes.QUOTE_AR in window.page.locator("#peek").text_content(), "the keyboard peeks too"
    window.page.keyboard.press("Escape")
    assert window.page.locator("#peek").count() == 0


def test_an_opinion_is_kept_with_its_reason(window: Window) -> None:
    window.ask("كم عائلة عادت؟")
    window.page.locator(".thumb[data-thumb=down]").click()
    window.page.locator(".reason input").fill("الاقتباس عن عام آخر")
    window.page.keyboard.press("Enter")
    window.page.get_by_text(ARABIC["thanks"]).wait_for()
    assert window.page.locator(".thumb[data-thumb=down]").get_attribute("aria-pressed") == "true"


def test_a_link_asks_its_question(window: Window) -> None:
    window.reopen("?q=How many violations were reported?")
    window.page.locator(".answer").wait_for()
    assert window.page.locator(".question").text_content().endswith("How many violations were reported?")


def test_the_streamed_text_is_replaced_by_the_answer_and_the_box_is_cleared(window: Window) -> None:
    window.ask("slow: how many violations?", until=".draft")
    window.page.wait_for_function("!document.querySelector('#question textarea').value", timeout=5_000)  # it turns by an event of its own
    assert window.page.locator(".draft").text_content().startswith("The")
    window.page.locator(".answer").wait_for(timeout=30_000)
    assert window.page.locator(".draft").count() == 0


def test_stop_ends_the_answer_and_says_so(window: Window) -> None:
    window.ask("slow: how many violations?", until=".draft")
    window.page.locator("#question .stop-button").click()
    window.page.locator("#chat").get_by_text(ARABIC["stopped"]).wait_for()
    window.page.locator("#question .submit-button").wait_for()
    window.page.wait_for_timeout(1500)
    assert window.page.locator(".answer").count() == 0
    window.ask("كم عائلة عادت؟")
    assert window.page.locator(".exchange").count() == 2
    assert window.page.locator("#chat").get_by_text(ARABIC["stopped"]).is_visible()


def test_nothing_found_is_said_and_the_nearest_offered_as_no_answer(window: Window) -> None:
    window.ask("هل وصلت البعثة إلى المريخ؟")
    assert "لا تتضمن البيانات جواباً" in window.page.locator(".answer").text_content()
    assert window.page.locator("#evidence .nearest > h3").text_content() == ARABIC["nearest"]
    assert window.page.locator("#chat .chip").count() == 0
    window.page.locator(".to-nearest").click()
    assert window.page.locator("#evidence-0-1").evaluate("e => e === document.activeElement")


@pytest.mark.parametrize(("question", "key"), [("سؤال فرنسي", "question_error"), ("سؤال عن فهرس", "index_missing"), ("crash", "failure")])
def test_an_error_is_a_sentence(window: Window, question: str, key: str) -> None:
    window.ask(question, until=".problem")
    assert window.page.locator(".problem").first.text_content() == ARABIC[key]
    assert not re.search(r"Traceback|secret internals", window.page.locator("body").inner_text())
    window.ask("كم عائلة عادت؟")


def test_an_empty_question_gets_a_hint(window: Window) -> None:
    window.page.fill("#question textarea", "   ")
    window.page.press("#question textarea", "Enter")
    window.page.get_by_text(ARABIC["empty_question"]).wait_for()
    assert window.page.locator(".exchange").count() == 0


def test_hostile_text_stays_text(window: Window) -> None:
    window.ask("hostile <img src=x onerror=window.pwned=1>")
    assert window.page.evaluate("window.pwned") is None
    assert window.page.locator("#chat img, #evidence img, #chat script, #evidence a").count() == 0
    assert window.page.locator("#evidence blockquote").text_content() == fakes.HOSTILE


def test_an_example_is_asked_when_clicked(window: Window) -> None:
    window.page.locator(".example").first.click()
    window.page.locator(".answer").wait_for()
    assert fakes.STATEMENTS[0].title in window.page.locator(".question").text_content()
    assert window.page.locator(".example").count() == 0


def test_an_empty_box_follows_the_page_after_an_english_question(window: Window) -> None:
    window.page.wait_for_function("document.activeElement.closest('#question')")  # ready to be typed in
    window.page.fill("#question textarea", "How many?")
    assert window.style("#question textarea", "direction") == "ltr"
    window.page.fill("#question textarea", "كم عائلة من UN؟")
    assert window.style("#question textarea", "direction") == "rtl"
    window.ask("How many violations were reported?")
    assert window.style("#question textarea", "direction") == "rtl"


def test_one_switch_turns_the_whole_interface(window: Window) -> None:
    window.ask("كم عائلة عادت؟")
    chat, side = window.page.locator("#chat").bounding_box(), window.page.locator("#evidence").bounding_box()
    assert chat["x"] > side["x"], "in Arabic the conversation is at the right"
    assert window.page.evaluate("document.documentElement.lang") == "ar", "whatever the browser's own language"
    window.page.locator("#switch").get_by_text("English").click()
    window.page.get_by_text(ENGLISH["intro"]).wait_for()
    assert window.page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["en", "ltr"]
    chat, side = window.page.locator("#chat").bounding_box(), window.page.locator("#evidence").bounding_box()
    assert chat["x"] < side["x"]
    window.page.get_by_role("button", name=ENGLISH["send"], exact=True).wait_for()
    assert window.page.get_by_role("textbox", name=ENGLISH["question_label"]).is_visible()
    assert window.page.locator("#evidence h2").text_content() == ENGLISH["evidence"]
    assert window.style(".answer blockquote", "direction") == "rtl", "an Arabic quote stays Arabic"
    leftovers = [
        text for key, text in ARABIC.items() if key not in ("name", "example") and window.page.get_by_text(text, exact=True).count()
    ]
    assert leftovers == []


@pytest.mark.parametrize("window", [PHONE], indirect=True)
@pytest.mark.parametrize("question", ["كم عائلة عادت؟", "How many violations were reported?", "hostile"])
def test_a_phone_shows_everything_without_sideways_scrolling(window: Window, question: str) -> None:
    assert window.page.evaluate("scrollY") == 0, "first what Bayan does, not the box below it"
    window.ask(question)
    chat, side = window.page.locator("#chat").bounding_box(), window.page.locator("#evidence").bounding_box()
    assert side["y"] >= chat["y"] + chat["height"], "the evidence stands below the conversation"
    wide = """() => [...document.querySelectorAll('.exchange *, .card *')].filter((e) => {
      const box = e.getBoundingClientRect();
      return !e.closest('.spoken') && (box.right > innerWidth + 1 || box.left < -1);
    }).length"""
    assert window.page.evaluate(wide) == 0
    window.page.locator(".timeline summary").last.click()
    issuer, snippet = (window.page.locator(f".timeline li {part}").first.bounding_box() for part in (".meta", ".snippet"))
    assert snippet["y"] >= issuer["y"] + issuer["height"], "what a statement says stands below who issued it"


def test_the_page_names_no_other_host(window: Window) -> None:
    page = window.page.request.get(window.address).text()
    hosts = set(re.findall(r"https?://([\w.-]+)", page)) - {"127.0.0.1", "localhost"}
    assert hosts == set()
    assert '<html\n\tlang="ar" dir="rtl"' in page


def test_a_page_of_another_origin_cannot_make_the_browser_write(server: str, browser: Any) -> None:
    page = browser.new_page()
    for path in ("api/v1/feedback", "api/v1/jobs", "v1/chat/completions", "mcp", "gradio_api/queue/join"):
        form = f'<form action="{server}{path}" method="post" enctype="text/plain"><input name="question" value="x"></form>'
        page.goto("about:blank")
        page.set_content(form)
        with page.expect_navigation() as followed:
            page.evaluate("document.forms[0].submit()")
        assert (followed.value.status, "other-origin" in page.content()) == (403, True)
    page.close()


def test_the_chat_behind_a_password(browser: Any) -> None:
    environment = {**ENVIRONMENT, "BAYAN_PASSWORD": "a long enough pass phrase"}
    process = subprocess.Popen([sys.executable, str(FAKES)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address, "the server did not start"
        context = browser.new_context(http_credentials={"username": "any", "password": "a long enough pass phrase"})
        window = Window(context.new_page(), address[0])
        window.page.on("console", lambda said: window.complaints.append(said.text) if said.type == "error" else None)
        window.page.goto(address[0])
        window.ask("كم عائلة عادت؟")
        assert window.page.evaluate("document.fonts.check('16px \"IBM Plex Sans Arabic\"', 'بيان')")
        neither_adds_nor_removes(window)
        assert window.complaints == []
        assert browser.new_context().request.get(address[0]).status == 401
        context.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)


REMOVE = (
    '<li class="removal"><button class="ask-remove"></button><span class="sure"><button class="keep"></button>'
    '<button class="remove" data-statement="s-ar">forged</button></span></li>'
)


def neither_adds_nor_removes(window: Window) -> None:
    """The password opens the door of a reader: nothing in the window adds or removes, and what a reader forges is refused."""
    page = window.page
    page.get_by_role("tab", name=ARABIC["tab_statements"]).click()
    page.locator(".statements .title").nth(3).wait_for()
    assert page.locator("#upload, .ask-remove").filter(visible=True).count() == 0
    page.locator(".statements").evaluate("(list, forged) => list.insertAdjacentHTML('beforeend', forged)", REMOVE)
    page.get_by_text("forged").click()
    page.locator("#upload-told").get_by_text(ARABIC["editors_only"]).wait_for()
    assert page.locator(".statements .title").count() == 4
    files = {"files": {"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"}}
    for path, status in (("gradio_api/upload", 404), ("api/v1/jobs", 403)):
        assert page.request.post(window.address + path, multipart=files).status == status
    assert page.request.delete(f"{window.address}api/v1/statements/s-ar").status == 403


def test_a_port_in_use_is_one_clear_line(server: str) -> None:
    port = server.rstrip("/").rsplit(":", 1)[1]
    second = subprocess.run([sys.executable, str(FAKES), port], capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False)
    assert second.returncode == 1
    assert re.search(rf'SettingsError: the chat cannot listen on "127.0.0.1" port "{port}": .*--port', second.stderr)
