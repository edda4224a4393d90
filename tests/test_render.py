"""Escaping, isolation, direction, quotes, markers and highlights of the chat's markup."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from html import unescape

import fakes_ui as fakes
import pytest

from rag.errors import IndexMissing, QuestionError
from rag.schema import Check, Citation, Cut, Language, Statement
from ui.render import (
    Exchange,
    answer_html,
    card_html,
    context_html,
    conversation_html,
    evidence_html,
    isolate,
    message_language,
)
from ui.strings import ARABIC, ENGLISH, LANGUAGE_NAMES, STRINGS


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


def exchange(question: str) -> Exchange:
    answer = fakes.FakeAssistant()._choose(question)
    return Exchange(question, answer=answer, statements={s.statement_id: s for s in fakes.STATEMENTS})


def test_strings_are_complete_in_both_languages_with_the_same_fields() -> None:
    assert ARABIC.keys() == ENGLISH.keys()
    assert STRINGS.keys() == LANGUAGE_NAMES.keys()
    for key in ARABIC:
        fields = [{name for _, name, _, _ in string.Formatter().parse(words[key]) if name} for words in (ARABIC, ENGLISH)]
        assert fields[0] == fields[1], key
        assert ARABIC[key].strip()
        assert ENGLISH[key].strip()


@pytest.mark.parametrize("language", ["ar", "en"])
def test_hostile_text_is_shown_as_text(language: Language) -> None:
    html = isolate(fakes.HOSTILE, language)
    assert plain(html) == fakes.HOSTILE
    assert re.sub(r"</?bdi[^>]*>", "", html).count("<") == 0
    assert re.findall(r"<[^>]*>", html) == re.findall(r'<bdi(?: class="figures")? dir="(?:ltr|rtl)">|</bdi>', html)


@pytest.mark.parametrize("interface", ["ar", "en"])
def test_no_document_text_becomes_markup_anywhere(interface: Language) -> None:
    turn = replace(exchange("hostile"), question=fakes.HOSTILE)
    page = conversation_html([turn], [], interface) + evidence_html([turn], interface) + conversation_html([], [fakes.HOSTILE], interface)
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", page))
    assert not tags & {"script", "img", "iframe", "svg"}
    assert not re.search(r"<[^>]*\son\w+\s*=", page)
    assert not re.search(r'href="(?!#evidence-\d+-\d+")', page)


@pytest.mark.parametrize(
    ("text", "language", "runs"),
    [
        ("قالت UNHCR إن 121 عائلة عادت", "ar", ["UNHCR", "121"]),
        ("منظمة Save the Children، وقالت", "ar", ["Save the Children"]),
        ("يوم 2024-03-15 عند 10:30", "ar", ["2024-03-15", "10:30"]),
        ("نحو 50% منهم و3.5 مليون", "ar", ["50%", "3.5"]),
        ("بين 10-20 شخصاً", "ar", ["10", "20"]),
        ("كوفيد-19 و COVID-19", "ar", ["19", "COVID-19"]),
        ("بلا غيرها ١٢٣", "ar", []),
        ("the مجلس سوريا الديمقراطية council of 2024", "en", ["مجلس سوريا الديمقراطية"]),
        ("“عودة 121 عائلة إلى مخيم” says 3", "en", ["عودة 121 عائلة إلى مخيم"]),
    ],
)
def test_runs_of_the_other_script_are_isolated(text: str, language: Language, runs: list[str]) -> None:
    html = isolate(text, language)
    assert plain(html) == text
    outer = re.findall(r"<bdi[^>]*>((?:[^<]|<bdi[^>]*>[^<]*</bdi>)*)</bdi>", html)
    assert [plain(run) for run in outer] == runs
    assert (f'dir="{"ltr" if language == "ar" else "rtl"}"' in html) == bool(runs)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("UNHCR: كم عائلة عادت؟", "ar"),
        ("ماذا جاء في بيان «Weekly report on the ceasefire»؟", "ar"),
        ("What does the statement “عودة 121 عائلة إلى مخيم الهول” say?", "en"),
        ("«عودة العائلات»", "ar"),
        ("123 ؟", "en"),
    ],
)
def test_a_message_takes_the_language_of_its_own_words(text: str, language: Language) -> None:
    assert message_language(text, default="en") == language


def test_quotes_stand_apart_from_bayans_own_words() -> None:
    html = answer_html(exchange("كم عائلة؟").answer, 0, "ar")  # type: ignore[arg-type]
    own, *quotes = re.findall(r"<(?:p|blockquote) class=.*?</(?:p|blockquote)>", html, re.DOTALL)
    assert own.startswith('<p class="own" dir="rtl" lang="ar">')
    assert fakes.STATEMENTS[0].title in plain(own)
    assert [plain(quote) for quote in quotes] == [f"«{fakes.QUOTE_AR}»[1]", f"«{fakes.QUOTE_AR_2}»[2]"]
    assert all(quote.startswith('<blockquote class="source-words" dir="rtl"') for quote in quotes)


def test_a_quote_keeps_the_direction_of_its_own_language_inside_an_answer_of_the_other() -> None:
    html = answer_html(exchange("ماذا جاء عن الهدنة؟").answer, 0, "ar")  # type: ignore[arg-type]
    assert '<div class="answer answered" dir="rtl" lang="ar"><p class="own" dir="rtl"' in html
    assert '<bdi class="cited-title" dir="ltr" lang="en">Weekly report on the ceasefire</bdi>' in html
    assert '<blockquote class="source-words" dir="ltr" lang="en">' in html


def test_what_bayan_adds_after_a_quote_is_its_own() -> None:
    answer = exchange("كم عائلة؟").answer
    assert answer is not None
    answer = replace(
        answer, answer=f"أقرب ما جاء إلى سؤالك في البيانات:\n«{fakes.QUOTE_AR}» [1] — «{fakes.STATEMENTS[0].title}» بتاريخ 2024-03-16"
    )
    html = answer_html(answer, 0, "ar")
    assert re.findall(r"<(p|blockquote) ", html) == ["p", "blockquote", "p"]
    assert plain(html).endswith(f"[1] — «{fakes.STATEMENTS[0].title}» بتاريخ 2024-03-16")


def test_a_quote_inside_a_sentence_is_marked_but_a_foreign_one_is_not() -> None:
    answer = exchange("كم عائلة؟").answer
    assert answer is not None
    answer = replace(answer, answer="قال البيان إن «121 عائلة عادت من العراق» [1] وقال «كلاماً آخر» [1][9].")
    html = answer_html(answer, 3, "ar")
    assert re.findall(r'<span class="quote"[^>]*>(.*?)</span>', html) == ['«<bdi class="figures" dir="ltr">121</bdi> عائلة عادت من العراق»']
    assert html.count('href="#evidence-3-1"') == 2
    assert "evidence-3-9" not in html
    assert plain(html).endswith("[9].")


def test_a_title_that_is_also_the_quote_stays_a_quote() -> None:
    html = answer_html(exchange("hostile").answer, 0, "ar")  # type: ignore[arg-type]
    assert re.findall(r"<(p|blockquote) ", html) == ["p", "blockquote"]


def test_markers_are_isolated_links_to_their_card() -> None:
    turn = exchange("كم عائلة؟")
    talk, panel = conversation_html([turn], [], "ar"), evidence_html([turn], "ar")
    chips = re.findall(r'<a class="chip" dir="ltr" href="#([\w-]+)" aria-label="([^"]+)">\[(\d)\]</a>', talk)
    assert [(target, number) for target, _, number in chips] == [("evidence-0-1", "1"), ("evidence-0-2", "2")]
    assert all(f'id="{target}"' in panel for target, _, _ in chips)


def test_an_unsupported_detail_is_pointed_out() -> None:
    answer = exchange("كم عائلة؟").answer
    assert answer is not None
    html = answer_html(replace(answer, checks=(Check("number", "122", False, 1), Check("number", "121", True, 1))), 0, "ar")
    assert plain(html).endswith(f"{ARABIC['unsupported']} 122")


def statement_and_citation(text: str, start: int, end: int, *cuts: Cut) -> tuple[Citation, Statement]:
    statement = Statement("s", "r", text, "عنوان", None, None, "f.txt", "ar", cuts)
    return Citation(1, "s", "عنوان", None, None, "f.txt", "ar", text[start:end], start, end, 1.0), statement


@pytest.mark.parametrize("cuts", [(), (Cut(0, 6, "x"),), (Cut(5, 12, "x"), Cut(14, 20, "x"), Cut(28, 40, "x"))])
def test_the_highlight_is_exactly_the_quote(cuts: tuple[Cut, ...]) -> None:
    text = "قبل ذلك وقع UN <b>تفجير</b> في 2014 & بعده نص طويل جداً"
    citation, statement = statement_and_citation(text, 8, 30, *cuts)
    html = context_html(citation, statement, "ar")
    assert plain(html) == text
    assert [plain(mark) for mark in re.findall(r"<mark>(.*?)</mark>", html)] == [text[8:30]]


def test_leftovers_are_dimmed_and_far_context_is_left_out() -> None:
    text = "شارك الخبر. " + "أ" * 9000 + " الاقتباس هنا. " + "ب" * 9000
    start = text.index("الاقتباس")
    citation, statement = statement_and_citation(text, start, start + 8)
    assert len(plain(context_html(citation, statement, "ar"))) < 9000
    citation, statement = statement_and_citation("شارك الخبر. نص البيان.", 12, 21, Cut(0, 11, "web"))
    assert '<span class="cut" title="ليس من نص البيان">شارك الخبر.</span>' in context_html(citation, statement, "ar")


def test_a_card_without_its_statement_still_shows_the_quote() -> None:
    citation, _ = statement_and_citation("نص", 0, 2)
    html = card_html(citation, None, "evidence-0-1", "en")
    assert "<mark>نص</mark>" in html
    assert "f.txt" in html
    assert "<time" not in html


def test_nearest_passages_are_labelled_as_no_answer() -> None:
    turn = exchange("هل وصلت إلى المريخ؟")
    panel = evidence_html([turn], "ar")
    assert ARABIC["nearest"] in panel
    assert '<section class="nearest">' in panel
    assert "chip" not in conversation_html([turn], [], "ar")


def test_only_the_last_answers_evidence_is_in_view() -> None:
    panel = evidence_html([exchange("كم عائلة؟"), exchange("ماذا جاء عن الهدنة؟")], "ar")
    assert re.findall(r"<section (hidden)? ?class", panel) == ["hidden", ""]


@pytest.mark.parametrize(
    ("problem", "shown", "hidden"),
    [
        (QuestionError("too long"), "question_error", "too long"),
        (IndexMissing("no index at /x"), "index_error", "Traceback"),
        (RuntimeError("secret"), "failure", "secret"),
    ],
)
@pytest.mark.parametrize("interface", ["ar", "en"])
def test_a_problem_is_a_sentence_in_the_readers_language(problem: Exception, shown: str, hidden: str, interface: Language) -> None:
    html = plain(conversation_html([Exchange("سؤال", problem=problem)], [], interface))
    assert STRINGS[interface][shown] in html
    assert hidden not in html


def test_examples_come_from_titles_the_readers_language_first() -> None:
    from ui.app import example_questions  # loads Gradio, which takes seconds

    questions = example_questions(fakes.STATEMENTS[:2], "en")
    assert questions[0] == "What does the statement “Weekly report on the ceasefire” say?"
    many = [replace(fakes.STATEMENTS[0], title=f"بيان {n}", date=f"2024-01-0{n}") for n in range(1, 9)]
    assert example_questions(many, "ar")[0] == "ماذا جاء في بيان «بيان 8»؟"
    assert len(example_questions(many, "ar")) == 4
    assert example_questions([replace(fakes.STATEMENTS[0], title="ط" * 200)], "ar") == []
