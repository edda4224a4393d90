"""Escaping, isolation, direction, quotes, markers and highlights of the chat's markup."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from html import unescape

import fakes_ui as fakes
import pytest

from rag.errors import IndexMissing, IndexUnusable, QuestionError
from rag.schema import Answer, Check, Citation, Cut, Heading, Hit, Language, Span, Statement
from ui.html.cards import card_html, evidence_html
from ui.html.markup import emphasise, figures, isolate, message_language
from ui.html.reader import Place, reader_html, text_html
from ui.html.render import answer_html, conversation_html
from ui.service.conversation import Exchange, add_kept, find_kept, from_kept, remove_kept, to_kept
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
    assert not tags & {"script", "img", "iframe"}
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


@pytest.mark.parametrize(("said", "language"), [("said on", "en"), ("قال في", "ar")])
def test_a_line_does_not_break_inside_a_date(said: str, language: Language) -> None:
    assert isolate(f"{said} 2024-03-15", language) == f'{said} <bdi class="figures" dir="ltr">2024-03-15</bdi>'


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
    assert [plain(quote) for quote in quotes] == [f"«{fakes.QUOTE_AR}»[١]", f"«{fakes.QUOTE_AR_2}»[٢]"]
    assert all(quote.startswith('<blockquote class="source-words" dir="rtl"') for quote in quotes)


def test_a_quote_keeps_the_direction_of_its_own_language_inside_an_answer_of_the_other() -> None:
    html = answer_html(exchange("ماذا جاء عن الهدنة؟").answer, 0, "ar")  # type: ignore[arg-type]
    assert '<div class="answer answered by-quote" dir="rtl" lang="ar"><p class="own" dir="rtl"' in html
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
    assert plain(html).endswith(f"[١] — «{fakes.STATEMENTS[0].title}» بتاريخ 2024-03-16")


def test_a_quote_inside_a_sentence_is_marked_but_a_foreign_one_is_not() -> None:
    answer = exchange("كم عائلة؟").answer
    assert answer is not None
    answer = replace(answer, answer="قال البيان إن «121 عائلة عادت من العراق» [1] وقال «كلاماً آخر» [1][9].")
    html = answer_html(answer, 3, "ar")
    assert re.findall(r'<span class="quote"[^>]*>(.*?)</span>', html) == [
        '«<strong class="bears"><bdi class="figures" dir="ltr">121</bdi> عائلة</strong> عادت من العراق»'
    ]
    assert html.count('data-open="c:3:1"') == 2
    assert "evidence-3-9" not in html
    assert plain(html).endswith("[9].")


def test_a_title_is_a_title_whatever_it_quotes() -> None:
    answer = exchange("كم عائلة؟").answer
    assert answer is not None
    title = "عودة «121 عائلة عادت من العراق»"  # words that the quote holds too
    cited = tuple(replace(citation, title=title) for citation in answer.citations)
    html = answer_html(replace(answer, citations=cited, answer=f"قال بيان «{title}» ذلك [1]."), 0, "ar")
    assert html.count('class="cited-title"') == 1
    assert 'class="quote"' not in html


def test_a_title_that_is_also_the_quote_stays_a_quote() -> None:
    html = answer_html(exchange("hostile").answer, 0, "ar")  # type: ignore[arg-type]
    assert re.findall(r"<(p|blockquote) ", html) == ["p", "blockquote"]


def test_markers_are_isolated_links_to_their_card() -> None:
    turn = exchange("كم عائلة؟")
    talk, panel = conversation_html([turn], [], "ar"), evidence_html([turn], "ar")
    chips = re.findall(r'<a class="chip" dir="ltr" href="#([\w-]+)" data-open="[^"]+" aria-label="([^"]+)">\[(\d)\]</a>', talk)
    assert [(target, number) for target, _, number in chips] == [("evidence-0-1", "١"), ("evidence-0-2", "٢")]
    assert all(f'id="{target}"' in panel for target, _, _ in chips)


def test_an_unsupported_detail_is_pointed_out() -> None:
    answer = exchange("كم عائلة؟").answer
    assert answer is not None
    html = answer_html(replace(answer, checks=(Check("number", "122", False, 1), Check("number", "121", True, 1))), 0, "ar")
    assert plain(html).endswith(f"{ARABIC['unsupported']} 122")


def test_figures_of_bayans_own_words_are_marked_as_borne_out_or_not() -> None:
    answer = exchange("كم عائلة؟").answer
    assert answer is not None
    checks = (Check("number", "27", True, 1), Check("number", "41", False, 1))
    html = answer_html(replace(answer, mode="llm", model="m", answer="عاد 27 ثم 41 من 127 [1].", checks=checks), 0, "ar")
    assert [plain(found) for found in re.findall(r'<span class="verified"[^>]*>(.*?)<svg', html)] == ["27"]
    assert [plain(found) for found in re.findall(r'<span class="unverified"[^>]*>(.*?)<svg', html)] == ["41"]
    assert len(re.findall(r'class="(?:un)?verified"', html)) == 2, "127 holds 27 but is another number"
    assert ARABIC["worded"].format(model="m") in plain(html)


def citation(quote: str) -> Citation:
    return Citation(1, "s", "عنوان", None, None, "x.txt", "ar", quote=quote, start=0, end=len(quote), score=1.0)


def a_statement(text: str, *cuts: Cut, pages: tuple[int, ...] = ()) -> Statement:
    return Statement("s", "r", text, "عنوان", None, None, "f.txt", "ar", cuts, pages)


@pytest.mark.parametrize("cuts", [(), (Cut(0, 6, "x"),), (Cut(5, 12, "x"), Cut(14, 20, "x"), Cut(28, 40, "x"))])
def test_the_highlight_is_exactly_the_quote(cuts: tuple[Cut, ...]) -> None:
    text = "قبل ذلك وقع UN <b>تفجير</b> في 2014 & بعده نص طويل جداً"
    html = text_html(a_statement(text, *cuts), [Span(8, 30)], "ar")
    assert plain(html) == text
    assert [plain(mark) for mark in re.findall(r'<mark class="current">(.*?)</mark>', html)] == [text[8:30]]


def test_a_quote_over_several_paragraphs_is_highlighted_in_each_and_the_others_of_the_answer_are_shown_too() -> None:
    text = "مقدمة. أول الاقتباس\n\nآخره. خاتمة"
    html = text_html(a_statement(text), [Span(7, 26), Span(27, 32)], "ar")
    assert [plain(mark) for mark in re.findall(r'<mark class="current">(.*?)</mark>', html)] == ["أول الاقتباس", "آخره."]
    assert [plain(mark) for mark in re.findall(r"<mark>(.*?)</mark>", html)] == ["خاتمة"]


def test_leftovers_are_dimmed_pages_are_told_and_each_paragraph_runs_its_own_way() -> None:
    html = text_html(
        a_statement("شارك الخبر. نص البيان.\nUNHCR said so.\nUNHCR: قالت المنظمة ذلك.", Cut(0, 11, "web"), pages=(0, 23)), [], "ar"
    )
    assert '<span class="cut" title="ليس من نص البيان">شارك الخبر.</span>' in html
    assert re.findall(r'class="page-begins">(.*?)<', html) == ["الصفحة ١", "الصفحة ٢"]
    assert re.findall(r'<p class="" dir="(\w+)"', html) == ["rtl", "ltr", "rtl"]


def test_the_reader_says_where_it_is_and_leads_to_the_quotes_around() -> None:
    place = Place(a_statement("نص البيان هنا.", pages=(0,)), (Span(3, 9),), "c:0:2", "c:0:1", "", 2, 2)
    html = reader_html(place, "ar")
    assert "الاقتباس ٢ من ٢" in plain(html) and "الصفحة ١" in plain(html)
    assert 'data-open="c:0:1"' in html
    assert html.count(" disabled") == 1, "there is nothing after the last"
    assert reader_html(None, "ar") == ""


def test_a_card_says_who_when_where_and_on_which_page() -> None:
    citation = Citation(1, "s", "عنوان", "جهة", "2024-03-16", "f.txt", "ar", "نص", 12, 14, 1.0)
    html = card_html(citation, a_statement("س" * 40, pages=(0, 10)), 0, "en", verbatim=True)
    for told in ("جهة", "16 March 2024", "page 2", "f.txt", ENGLISH["verbatim"]):
        assert told in plain(html)
    alone = card_html(replace(citation, issuer=None, date=None), None, 0, "en")
    assert "نص" in plain(alone) and "data-open" not in alone
    assert ENGLISH["no_issuer"] in plain(alone) and ENGLISH["no_date"] in plain(alone)


@pytest.mark.parametrize(("interface", "told"), [("ar", "القسم: الضحايا › Port of Lulu"), ("en", "section: الضحايا › Port of Lulu")])
def test_a_card_names_the_section_each_heading_in_its_own_direction(interface: Language, told: str) -> None:
    citation = Citation(1, "s", "عنوان", "جهة", "2024-03-16", "f.txt", "ar", "نص", 12, 14, 1.0, ("الضحايا", "Port of <b>Lulu</b>"))
    html = card_html(citation, a_statement("س" * 40), 0, interface)
    assert told.replace("Lulu", "<b>Lulu</b>") in plain(html) and "<b>" not in html
    section = html.partition('class="section"')[2]
    assert re.findall(r'<bdi class="heading" dir="(\w+)"', section) == ["rtl", "ltr"]


def test_the_reader_shows_headings_as_headings_and_the_section_of_the_quote() -> None:
    text = "مقدمة البيان.\nالضحايا\nأصيب تسعة."
    statement = replace(a_statement(text), headings=(Heading(14, 21, 1),))
    html = reader_html(Place(statement, (Span(22, 32),)), "en")
    assert re.findall(r"<h3[^>]*>(.*?)</h3>", html) == ["الضحايا"]
    assert "section: الضحايا" in plain(html)
    assert "section" not in plain(reader_html(Place(statement, (Span(0, 12),)), "en"))


def test_the_reader_folds_away_what_was_left_out_of_the_page() -> None:
    statement = replace(a_statement("أصيب تسعة.\nوانتهى البيان."), left_out=("اتصل بنا", "Contact <img src=x>", "…"))
    for interface, told in (("ar", "ما تُرك من الصفحة (٣)"), ("en", "Left out of the page (3)")):
        folded = reader_html(Place(statement, (Span(0, 10),)), interface).partition('<details class="left-out"')[2]
        assert told in plain(folded) and " open" not in folded.partition(">")[0]
        assert re.findall(r'<p class="" dir="(\w+)"', folded)[:2] == ["rtl", "ltr"], "each line in its own direction"
        assert "Contact &lt;" in folded and "<img" not in folded
    assert "<details" not in reader_html(Place(a_statement("أصيب تسعة.")), "en")


def test_dated_statements_found_stand_in_the_order_of_time() -> None:
    def hit(rank: int, statement: str, date: str | None) -> Hit:
        return Hit(rank, 1.0, statement, f"p{rank}", f"عنوان {rank}", None, date, "ar", "f.txt", "نص", 0, 2)

    found = (hit(1, "a", "2024-05-01"), hit(2, "b", "2023-01-01"), hit(3, "a", "2024-05-01"), hit(4, "c", None))
    panel = evidence_html([replace(exchange("كم عائلة؟"), found=found)], "ar")
    assert re.findall(r'<li><time[^>]*datetime="([^"]+)"', panel) == ["2023-01-01", "2024-05-01"]
    assert re.findall(r'data-open="(h[^"]+)"', panel) == ["h:0:2", "h:0:1"]
    assert "timeline" not in evidence_html([replace(exchange("كم عائلة؟"), found=found[:1])], "ar")


def test_a_conversation_comes_back_from_the_browser_as_it_was_and_what_was_tampered_with_does_not() -> None:
    turn = replace(exchange("كم عائلة؟"), thumb="up")
    shelf = add_kept("not a shelf", "one", [turn], "2024-01-01")
    shelf = add_kept(shelf, "two", [turn, turn], "2024-01-02")
    assert [entry["name"] for entry in shelf] == ["two", "one"]
    back = find_kept(shelf, "one")
    assert (back[0].question, back[0].answer, back[0].thumb) == (turn.question, turn.answer, "up")
    assert find_kept(remove_kept(shelf, "one"), "one") == ()
    assert from_kept([*to_kept([turn]), {"answer": {"question": 1}}, 7]) == back
    assert find_kept(add_kept(shelf, "one", [], ""), "one") == (), "an empty conversation is not kept"
    assert len(add_kept(add_kept([], "old", [turn] * 150, ""), "new", [turn] * 100, "")) == 1


def test_figures_follow_the_interface() -> None:
    assert [figures(1234.5, language) for language in ("ar", "en")] == ["١٬٢٣٤٫٥", "1,234.5"]
    assert figures("m-3", "ar") == "m-3"


def test_marks_that_turn_text_round_have_no_say() -> None:
    html = isolate("a\u202egnp.exe\u202c b\u2066c", "en")
    assert plain(html) == "a\ufffdgnp.exe bc"


def test_nearest_passages_are_labelled_as_no_answer() -> None:
    turn = exchange("هل وصلت إلى المريخ؟")
    panel = evidence_html([turn], "ar")
    assert ARABIC["nearest"] in panel
    assert '<section class="nearest"' in panel
    assert "chip" not in conversation_html([turn], [], "ar")


def test_only_the_last_answers_evidence_is_in_view() -> None:
    panel = evidence_html([exchange("كم عائلة؟"), exchange("ماذا جاء عن الهدنة؟")], "ar")
    assert re.findall(r"<section (hidden)? ?class", panel) == ["hidden", ""]


@pytest.mark.parametrize(
    ("problem", "shown", "hidden"),
    [
        (QuestionError("too long"), "question_error", "too long"),
        (IndexMissing("no index at /x"), "index_missing", "/x"),
        (IndexUnusable("the store is gone"), "index_error", "Traceback"),
        (RuntimeError("secret"), "failure", "secret"),
    ],
)
@pytest.mark.parametrize("interface", ["ar", "en"])
def test_a_problem_is_a_sentence_in_the_readers_language(problem: Exception, shown: str, hidden: str, interface: Language) -> None:
    html = plain(conversation_html([Exchange("سؤال", problem=problem)], [], interface))
    assert STRINGS[interface][shown] in html
    assert hidden not in html


def test_examples_come_from_titles_the_readers_language_first() -> None:
    from ui.window.controller import example_questions  # loads Gradio, which takes seconds

    questions = example_questions(fakes.STATEMENTS[:2], "en")
    assert questions[0] == "What does the statement “Weekly report on the ceasefire” say?"
    many = [replace(fakes.STATEMENTS[0], title=f"بيان {n}", date=f"2024-01-0{n}") for n in range(1, 9)]
    assert example_questions(many, "ar")[0] == "ماذا جاء في بيان «بيان 8»؟"
    assert len(example_questions(many, "ar")) == 4
    assert example_questions([replace(fakes.STATEMENTS[0], title="ط" * 200)], "ar") == []


def test_an_answer_that_was_drawn_over_is_drawn_again_but_one_under_way_draws_itself() -> None:
    from ui.window.controller import Controller  # loads Gradio, which takes seconds

    desk = Controller(fakes.FakeAssistant())
    over = exchange("كم عائلة؟")
    chat, panel = desk.settle((over,), "ar")
    assert (chat, panel) == (conversation_html((over,), [], "ar"), evidence_html((over,), "ar"))
    assert STRINGS["ar"]["question_error"] in plain(desk.settle((Exchange("سؤال", problem=QuestionError("empty")),), "ar")[0])
    for untold in ((), (over, Exchange("متى؟", text="بعض"))):
        assert not any(isinstance(drawn, str) for drawn in desk.settle(untold, "ar")), "a late draw would hide what came since"


def test_what_may_answer_is_in_bold_and_no_mark_parts_a_latin_name() -> None:
    question, quote = "كم عائلة عادت من العراق؟", "عادت 121 عائلة من العراق بالتنسيق مع Save the Children."
    html = card_html(citation(quote), None, 0, "ar", question=question)
    assert re.search(r'<strong class="bears"><bdi[^>]*>121</bdi> عائلة</strong>', html)
    assert plain(html.split("<blockquote")[1].split("</blockquote")[0]).endswith(quote)
    start = quote.index("the")
    assert '<strong class="bears"><bdi dir="ltr">Save the Children</bdi></strong>' in emphasise(quote, [Span(start, start + 3)], "ar")
    assert "bears" not in card_html(citation(quote), None, 0, "ar"), "a passage that is offered as no answer is not marked as one"


def test_statements_that_differ_stand_side_by_side_and_the_newer_is_marked() -> None:
    told = [("2031-07-08", "The authority said 31 people were hurt."), ("2031-07-10", "The authority said 27 people were hurt.")]
    statements = {
        f"s{n}": Statement(f"s{n}", "r", text, f"Report {n}", "Authority", date, "x.txt", "en") for n, (date, text) in enumerate(told, 1)
    }
    cited = tuple(
        Citation(n, f"s{n}", f"Report {n}", "Authority", date, "x.txt", "en", quote=text, start=0, end=len(text), score=1.0)
        for n, (date, text) in enumerate(told, 1)
    )
    lines = (f"“{c.quote}” [{c.number}] — “{c.title}” by Authority, {c.date}" for c in cited)
    answer = Answer("How many people were hurt?", "en", "answered", "quote", None, "\n".join(["They differ:", *lines]), cited)
    turn = Exchange(answer.question, answer=answer, statements=statements)
    html = conversation_html([turn], [], "en")
    sides = html.split('<div class="differing">')[1].split("</div></div>")[0]
    assert sides.count("<div>") == 2
    assert plain(sides).index("31") < plain(sides).index("27")
    cards = evidence_html([turn], "en").split("<article")[1:]
    assert ['class="newer"' in card for card in cards] == [False, True]
    agreeing = replace(turn, statements={"s1": statements["s1"]})
    assert '<div class="differing">' not in conversation_html([agreeing], [], "en")
