"""A conversation as a file: complete, escaped, and right-to-left where it is Arabic."""

from __future__ import annotations

from io import BytesIO

import fakes_ui as fakes
import pytest
from markdown_it import MarkdownIt

from ui.html.export import FORMATS, Format, export
from ui.service.conversation import Exchange
from ui.strings import ARABIC


def conversation() -> list[Exchange]:
    questions = ("كم عائلة عادت؟", "How many violations were reported?", "هل وصلت إلى المريخ؟")
    return [Exchange(question, answer=fakes.FakeAssistant()._choose(question)) for question in questions]


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_holds_each_question_answer_quote_and_source(form: Format) -> None:
    text = _text(export(conversation(), form, "ar"), form)
    for turn in conversation():
        assert turn.answer is not None
        assert turn.question in text
        for citation in turn.offered:
            assert citation.quote in text and citation.source in text and f"[{citation.number}]" in text
    assert ARABIC["nearest"] in text, "what is no answer says so"


@pytest.mark.parametrize("form", ["md", "docx"])
def test_the_dates_of_bayans_own_arabic_words_keep_their_order(form: Format) -> None:
    """After Arabic letters they stand day first, unless a left-to-right mark goes before them; a quote is left to the letter."""
    text = _text(export(conversation()[:1], form, "ar"), form)
    assert f"· \u200e{fakes.STATEMENTS[0].date}\u200f ·" in text
    assert text.count(f"] {fakes.QUOTE_AR}") == 1


def test_word_gets_arabic_right_to_left_and_english_left_to_right() -> None:
    from docx import Document
    from docx.oxml.ns import qn

    document = Document(BytesIO(export(conversation(), "docx", "ar")))
    assert document.sections[0]._sectPr.find(qn("w:bidi")) is not None
    sides = {}
    for paragraph in document.paragraphs:
        properties, letters = paragraph._p.pPr, [run._r.rPr for run in paragraph.runs]
        turned = properties is not None and properties.find(qn("w:bidi")) is not None
        assert all((rpr is not None and rpr.find(qn("w:rtl")) is not None) == turned for rpr in letters)
        sides[paragraph.text] = turned
    assert sides["كم عائلة عادت؟"]
    assert not sides["How many violations were reported?"]
    assert sides[f"[1] {fakes.QUOTE_AR}"]
    order = [child.tag for child in document.paragraphs[0]._p.pPr]
    assert order.index(qn("w:pStyle")) < order.index(qn("w:bidi"))


@pytest.mark.parametrize("form", ["html", "md"])
def test_hostile_text_is_text_in_a_file_too(form: Format) -> None:
    question = "attack hostile"
    html = export([Exchange(question, answer=fakes.FakeAssistant()._choose(question))], form, "en").decode()
    if form == "md":
        html = MarkdownIt("commonmark").render(html)
    for tag in ("<script", "<img", "<svg", "<a ", "<iframe", "<style>*"):
        assert tag not in html, tag


def _text(file: bytes, form: Format) -> str:
    if form == "docx":
        from docx import Document

        return "\n".join(paragraph.text for paragraph in Document(BytesIO(file)).paragraphs)
    from html import unescape
    from re import sub

    text = file.decode()
    return unescape(sub(r"<[^>]+>", "", text)) if form == "html" else sub(r"\\([^\w\s])", r"\1", text)
