"""How texts stand in a real Chromium: the visual order of mixed lines, hostile texts as text, and the keyboard alone."""

from __future__ import annotations

from typing import Any

import fakes_ui as fakes
import pytest
from test_browser import open_chip
from windows import LEFT_EDGES, MARKS, Window

from rag.schema import Language
from ui.html.markup import DIRECTIONS, isolate
from ui.strings import ARABIC

pytestmark = MARKS

# A text, its language, and its pieces as the eye meets them from left to right.
LINES: list[tuple[str, Language, str]] = [
    ("بلغ العدد 121 شخصاً.", "ar", ". شخصاً 121 العدد بلغ"),
    ("قالت UNHCR إن العدد ارتفع", "ar", "ارتفع العدد إن UNHCR قالت"),
    ("يوم 2024-03-15 بالتنسيق", "ar", "بالتنسيق 2024-03-15 يوم"),
    ("UNHCR: كم عائلة عادت؟", "ar", "؟ عادت عائلة كم : UNHCR"),
    ("منظمة Save the Children، وقالت", "ar", "وقالت ، Save the Children منظمة"),
    ("نحو 50% منهم أطفال", "ar", "أطفال منهم 50% نحو"),
    ("بين 10-20 شخصاً", "ar", "شخصاً 20 - 10 بين"),
    ("الساعة 10:30 صباحاً", "ar", "صباحاً 10:30 الساعة"),
    ("كوفيد-19 ينتشر", "ar", "ينتشر 19 - كوفيد"),
    ("فيروس COVID-19 ينتشر", "ar", "ينتشر COVID-19 فيروس"),
    ("«عاد 121» قال", "ar", "قال » 121 عاد «"),
    ("(نحو 3.5 مليون)", "ar", ") مليون 3.5 نحو ("),
    ("العدد ١٢٣ شخصاً", "ar", "شخصاً ١٢٣ العدد"),
    ("المادة ٥/٢ من القانون", "ar", "القانون من ٥/٢ المادة"),
    ("https://example.org/a?id=1 الرابط", "ar", "الرابط https://example.org/a?id=1"),
    ("البريد info@example.org متاح", "ar", "متاح info@example.org البريد"),
    ("طائرتا F-16 و MiG-29 معاً", "ar", "معاً MiG-29 و F-16 طائرتا"),
    ("زاد 5% ثم 7%.", "ar", ". 7% ثم 5% زاد"),
    ("الرقم +963 للبلد", "ar", "للبلد +963 الرقم"),
    ("قال: «Hello, world» ثم غادر", "ar", "غادر ثم » Hello world « : قال"),
    ("وصلت UNHCR, 121 عائلة", "ar", "عائلة 121 , UNHCR وصلت"),
    ("في 15 آذار/مارس 2024 وقع", "ar", "وقع 2024 مارس / آذار 15 في"),
    ("المبلغ 1,250,000 دولار", "ar", "دولار 1,250,000 المبلغ"),
    ("المرجع [1] هنا", "ar", "هنا ] 1 [ المرجع"),
    ("حضر Smith, John الجلسة", "ar", "الجلسة Smith John حضر"),
    ("The مجلس سوريا الديمقراطية council of 2024", "en", "The الديمقراطية سوريا مجلس council of 2024"),
    ("“عودة 121 عائلة إلى مخيم” says 3", "en", "“ مخيم إلى عائلة 121 عودة ” says 3"),
    ("He said نعم.", "en", "He said نعم ."),
    ("Al-Hol (الهول) camp", "en", "Al-Hol ( الهول ) camp"),
    ("١٢٣ is 123", "en", "١٢٣ is 123"),
    ("The words نعم and لا differ", "en", "The words نعم and لا differ"),
    ("Version 2.0 من النظام", "en", "Version 2.0 النظام من"),
]


@pytest.fixture(scope="module")
def lines(browser: Any) -> list[list[tuple[str, float, float]]]:
    """The left edge of each character of each line."""
    page = browser.new_page(viewport={"width": 1200, "height": 2400})
    drawn = (f'<p dir="{DIRECTIONS[language]}" lang="{language}">{isolate(text, language)}</p>' for text, language, _ in LINES)
    page.set_content(f"<style>p{{font:20px sans-serif}}</style>{''.join(drawn)}")
    edges = [page.evaluate(LEFT_EDGES, ["p", n]) for n in range(len(LINES))]
    page.close()
    return edges


def test_thirty_mixed_lines_are_read_in_their_order(lines: list[list[tuple[str, float, float]]]) -> None:
    assert len(LINES) >= 30
    wrong = [trouble for (text, _, seen), edges in zip(LINES, lines, strict=True) if (trouble := out_of_order(text, seen, edges))]
    assert wrong == []


def out_of_order(text: str, seen: str, edges: list[tuple[str, float, float]]) -> str:
    """Say which piece of a line does not stand where the eye expects it; nothing when all do."""
    written, before = "".join(character for character, _, _ in edges), float("-inf")
    taken: set[int] = set()
    for piece in seen.split(" "):
        start = next((at for at in range(len(written)) if written.startswith(piece, at) and at not in taken), None)
        if start is None:
            return f'"{piece}" of "{text}" is not shown'
        lefts = [left for _, left, _ in edges[start : start + len(piece)]]
        taken |= set(range(start, start + len(piece)))
        arabic = any("\u0621" <= character <= "\u064a" for character in piece)
        if lefts != sorted(lefts, reverse=arabic):
            return f'"{piece}" of "{text}" is turned round'
        if min(lefts) <= before:
            return f'"{piece}" of "{text}" stands too far left'
        before = min(lefts)
    return ""


def test_sixty_hostile_texts_are_shown_as_text(window: Window) -> None:
    """That nothing was asked of another host, and the console is clean, the window's fixture sees to."""
    assert len(fakes.ATTACKS) >= 60
    paper = window.style("body", "backgroundColor")
    window.ask(f"attack {fakes.ATTACKS[0]}")
    open_chip(window, 0, 1)
    window.page.locator(".chip").first.hover(force=True)
    window.page.get_by_role("tab").nth(1).click()
    window.page.locator("#browse-list .title").first.wait_for(state="attached")
    window.page.wait_for_timeout(300)
    assert window.page.evaluate("window.pwned") is None
    assert window.style("body", "backgroundColor") == paper
    parts = ":is(#chat, #evidence, #reader, #browse-list, #history)"
    inert = "script, style, link, iframe, object, embed, video, audio, img, meta, base, form:not(.reason), template, marquee, math, use"
    assert window.page.locator(parts).locator(inert).count() == 0
    assert window.page.locator(f'{parts} a:not(.chip), {parts} [onerror], {parts} [onload], {parts} [style*="fixed"]').count() == 0
    shown = window.page.locator("#reader .text").text_content()
    missing = [attack for attack in fakes.ATTACKS if "\u202e" not in attack and attack not in shown]
    assert missing == []


def test_everything_is_reached_with_the_keyboard_alone(window: Window) -> None:
    """From the box: ask, to the chip, into the statement, out of it and back to the chip; the filters and the menu open and close too."""
    page = window.page
    page.keyboard.type("كم عائلة عادت؟")
    page.keyboard.press("Enter")
    page.locator(".answer .chip").first.wait_for()
    focused = "document.activeElement.matches.bind(document.activeElement)"
    page.locator(".answer .chip").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'reader-title'")
    page.keyboard.press("Escape")
    assert page.evaluate(f"{focused}('.chip')"), "the focus returns to the chip"
    for menu in ("#narrow summary", "#history summary"):
        page.locator(menu).first.focus()
        page.keyboard.press("Enter")
        page.locator(f"{menu.split()[0]} details[open]").wait_for()
        page.keyboard.press("Escape")
        assert page.locator(f"{menu.split()[0]} details[open]").count() == 0
        assert page.evaluate(f"{focused}('summary')")


def test_a_copy_and_a_print_keep_the_citations(window: Window) -> None:
    """With the sources of the markers, whatever the window's colours; a copy of what holds no marker is left alone."""
    page, chosen = window.page, "(part) => getSelection().selectAllChildren(document.querySelector(part))"
    window.ask("كم عائلة عادت؟")
    window.ask("How many violations were reported?")
    copied = """(kind) => {
      const event = new ClipboardEvent('copy', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
      document.dispatchEvent(event);
      return event.clipboardData.getData(kind);
    }"""
    page.evaluate(chosen, ".exchange .answer")
    text = page.evaluate(copied, "text/plain")
    first, second = (f"[{n}] {fakes.STATEMENTS[0].title} · {fakes.STATEMENTS[0].issuer} · " for n in "١٢")
    assert fakes.QUOTE_AR in text and text.index(first) < text.index(second)
    assert text.count(f"{ARABIC['source']}: {fakes.STATEMENTS[0].source}") == 2
    assert first in page.evaluate(copied, "text/html") and "<a " not in page.evaluate(copied, "text/html")
    page.evaluate(chosen, ".exchange .question")
    assert page.evaluate(copied, "text/plain") == "", "the browser's own copy"
    page.emulate_media(color_scheme="dark", media="print")
    assert page.locator(".chip").filter(visible=True).count() == page.locator(".card .source").filter(visible=True).count() == 3
    assert page.locator("#evidence .of-question").all_inner_texts() == ["كم عائلة عادت؟", "How many violations were reported?"]
    assert page.locator("#question").is_hidden()
    assert window.style(".answer .own", "color") == "rgb(31, 29, 26)", "dark on paper, whatever the window is"
    page.emulate_media(color_scheme="light", media="screen")


def test_the_first_paint_is_told(window: Window) -> None:
    """Printed, for a look at it (-s): a number of this machine says nothing on another."""
    paints = window.page.evaluate("performance.getEntriesByType('paint').map(entry => [entry.name, Math.round(entry.startTime)])")
    assert dict(paints).keys() >= {"first-contentful-paint"}
    print(f"first contentful paint after {dict(paints)['first-contentful-paint']} ms")  # noqa: T201
