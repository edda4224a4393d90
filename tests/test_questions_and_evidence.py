"""From passages to quotes to the answer's text, with passages and scores made by hand: no model, no index."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from ingest.passages import split
from rag.assistant import MAX_QUESTION_CHARS, check_question
from rag.errors import QuestionError
from rag.index.lexical import WeightedTerm
from rag.language import language_of
from rag.language.lexicon import question_terms
from rag.prompts import fill
from rag.reading.compose import check_quotes, cite, compose_quotes
from rag.reading.decision import calibration
from rag.reading.evidence import QUOTE_CHARS, Evidence, about_asked, choose, consider, gather
from rag.retrieval.fusion import Signals
from rag.retrieval.retriever import Candidate, Found, to_hits
from rag.schema import Language, Statement

ATTACK = (
    "هاجم مسلحون سجن الصناعة في الحسكة ليل الخميس. وقتل في الهجوم مئة وواحد وعشرون مقاتلاً من القوات. "
    "وشارك الأهالي في تشييع الضحايا يوم الاثنين. وقالت القيادة إن المدينة آمنة."
)
FERRY = "The ferry Nasim collided with a barge on Monday. Thirty-one passengers were injured, the authority said. The line stays closed."


def statement(text: str, *, name: str = "attack", title: str = "بيان القيادة", language: Language = "ar", **known: str) -> Statement:
    return Statement(name, "r", text, title, known.get("issuer"), known.get("date"), f"{name}.txt", language)


def candidate(source: Statement, best: int = 0, *, near: float = 3.0, score: float = 5.0) -> Candidate:
    """The first passage of a statement, its sentence number `best` nearer to the question than the others."""
    passage = split(source)[0]
    similar = tuple(near if number == best else near - 2 for number in range(len(passage.sentences)))
    return Candidate(passage, source, score, similar, near, similar, Signals(near, near, 0.5, 0.5, 0.0))


def found(question: str, *candidates: Candidate) -> Found:
    languages: tuple[Language, ...] = ("ar", "en")
    terms = {code: tuple(WeightedTerm(term, 1.0) for term in question_terms(question, code)) for code in languages}
    return Found(candidates, terms)


# Choosing quotes


def test_the_sentence_that_holds_the_questions_words_is_quoted_verbatim() -> None:
    question, source = "كم عدد القتلى في هجوم سجن الصناعة؟", statement(ATTACK)
    evidence = gather(question, found(question, candidate(source, 1)), count=2)
    assert evidence.answers
    assert "مئة وواحد وعشرون" in evidence.quotes[0].text
    for quote in evidence.quotes:
        assert quote.text == source.text[quote.span.start : quote.span.end]


@pytest.mark.parametrize("text", ["بَيَانٌ رَسْمِيّ: قُتِلَ ١٢١.\r\nﻻ أحد غيرهم.", "قال: «انتهى الأمر.» ثم خرج… 😀 نعم."])
def test_quotes_keep_marks_forms_and_line_ends(text: str) -> None:
    source = statement(text)
    chosen = choose("كم قتل؟", found("كم قتل؟", candidate(source)), count=3)
    assert chosen
    for quote in chosen:
        assert quote.text == source.text[quote.span.start : quote.span.end]
        assert quote.text in text


def test_nothing_found_is_no_answer() -> None:
    assert gather("كم؟", found("كم؟"), count=2) == Evidence((), 0.0, False)


def test_no_more_quotes_than_asked_for() -> None:
    texts = (ATTACK, FERRY, "أعلنت وزارة الصحة عن حملة تلقيح. تبدأ الحملة يوم الأحد.")
    every = [candidate(statement(text, name=str(number))) for number, text in enumerate(texts)]
    question = "ماذا حدث يوم الاثنين؟"
    assert [len(choose(question, found(question, *every), count=count)) for count in (1, 2, 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("How many passengers were injured when the ferry Nasim collided?", True),
        ("How many passengers were injured when the ferry Tollard collided?", False),
        ("How many passengers of the ferry Nasim were injured in 2028?", False),
        ("How many passengers of the ferry Nasim were injured in 2031?", True),
        ("كم راكباً أصيب في تصادم العبّارة قرب ميناء تولارد؟", False),
    ],
)
def test_a_like_event_elsewhere_or_in_another_year_does_not_answer(question: str, answers: bool) -> None:
    ferry = statement(FERRY, name="ferry", title="Ferry collision", language="en", date="2031-05-02")
    assert gather(question, found(question, candidate(ferry, 1)), count=2).answers == answers


def test_a_year_spelled_out_is_that_year() -> None:
    question, text = "كم راكباً أصيب عام 2022؟", "أصيب في عام ألفين واثنين وعشرين خمسة ركاب في تصادم العبّارة."
    assert about_asked(question, found(question, candidate(statement(text)))) is not None
    assert about_asked("كم راكباً أصيب عام 2021؟", found(question, candidate(statement(text)))) is None


@pytest.mark.parametrize("title", ["بيان عن أوزمر", "بيان عن اوسمير"])
def test_a_name_of_the_other_script_may_be_spelled_its_own_way(title: str) -> None:
    question = "Who repaired the bridge of Osmer?"
    assert about_asked(question, found(question, candidate(statement("رممت الهيئة الجسر.", title=title)))) is not None


def test_the_statement_that_holds_the_asked_for_name_goes_first() -> None:
    question = "How many passengers of the Nasim were injured?"
    nearer = statement("The ferry Tollard collided. Ninety passengers were injured.", name="other", language="en")
    ferry = statement(FERRY, name="ferry", language="en")
    evidence = gather(question, found(question, candidate(nearer, 1, near=6, score=9), candidate(ferry, 1)), count=1)
    assert "Thirty-one" in evidence.quotes[0].text


def test_a_republished_story_gives_one_quote() -> None:
    question = "كم عدد القتلى في هجوم سجن الصناعة؟"
    wire, courier = statement(ATTACK, name="wire"), statement(ATTACK.replace("ليل الخميس", "ليل الخميسِ"), name="courier")
    chosen = choose(question, found(question, candidate(wire, 1), candidate(courier, 1)), count=2)
    assert len(chosen) == 1


GROWERS = "The growers said that 520 tonnes of wheat were lost in the fire.\n\nTonnes of wheat lost in the fire cannot be milled."
TOWN = "The town said that 345 tonnes of wheat were lost in the fire. The road is open."


@pytest.mark.parametrize(
    ("question", "text", "beside"),
    [
        ("How many tonnes of wheat were lost in the fire?", TOWN, True),
        ("How many tonnes of wheat were lost in the fire?", TOWN.replace("345", "520"), False),  # both say the same
        ("How many tonnes of wheat were lost in the fire?", TOWN.replace("wheat were lost in the fire", "fish were sold"), False),
        ("What was lost in the fire?", TOWN, False),
    ],
)
def test_a_statement_that_answers_differently_is_quoted_beside_the_first(question: str, text: str, beside: bool) -> None:
    """Though the first statement has more to say on the matter."""
    growers, town = (statement(said, name=name, title="", language="en") for said, name in ((GROWERS, "growers"), (text, "town")))
    chosen = choose(question, found(question, candidate(growers, 0, near=5.0), candidate(town, 0, near=-4.0, score=3.0)), count=2)
    assert ["town" in quote.sentence.candidate.statement.source for quote in chosen] == [False, beside]


def test_quotes_of_one_statement_never_overlap() -> None:
    filler = "وقالت القيادة إن المدينة آمنة وإن الحياة تعود إليها تدريجياً وإن العمل مستمر مع جميع المنظمات والهيئات المحلية والدولية"
    source = statement(" ".join(f"{filler} في اليوم رقم {n} من الشهر الجاري وفق البيان." for n in range(1, 5)))
    chosen = choose("ماذا قالت القيادة؟", found("ماذا قالت القيادة؟", candidate(source, 0)), count=3)
    assert len(chosen) == 2
    spans = sorted((quote.span.start, quote.span.end) for quote in chosen)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_a_second_answer_in_the_same_passage_is_quoted_beside_the_first() -> None:
    # gives one quote; widening should stop at the quotes already chosen
    fillers = " ".join(f"وتابعت الهيئة أعمالها في اليوم رقم {n} من الشهر الجاري في جميع المناطق كالمعتاد." for n in range(6))
    source = statement(f"أصيب واحد وثلاثون راكباً في تصادم العبّارة. {fillers} وبلغ عدد ركاب العبّارة مئتين.")
    question = "كم عدد ركاب العبّارة؟"
    chosen = choose(question, found(question, candidate(source, 7)), count=2)
    assert "مئتين" in chosen[0].text
    assert any("واحد وثلاثون" in quote.text for quote in chosen)


def test_the_words_of_the_title_count_for_its_sentences() -> None:
    question, text = "متى يعاد فتح جسر الريحان؟", "يفتح أمام السيارات يوم الأحد. وتبقى الشاحنات ممنوعة."
    titled = statement(text, name="bridge", title="إعادة فتح جسر الريحان")
    other = statement(text.replace("السيارات", "العربات"), name="other", title="بيان صحفي")
    best = choose(question, found(question, candidate(other), candidate(titled)), count=1)[0]
    assert best.sentence.candidate.statement is titled
    assert best.sentence.terms_share > 0.7


def test_a_sentence_with_a_number_is_preferred_when_a_number_is_asked_for() -> None:
    question, source = "How many passengers were injured?", statement(FERRY, language="en")
    sentences = choose(question, found(question, candidate(source, 0, near=1.0)), count=1)[0].sentence
    assert (sentences.number, sentences.kind) == (1, 1)


@pytest.mark.parametrize(
    ("question", "text", "counts"),
    [
        (
            "How many passengers were injured on the ferry?",
            "The ferry was injured by a barge of 900 tonnes at the pier of passengers.\n\nIn all 31 passengers were injured on the ferry.",
            "31 passengers",
        ),
        (
            "كم عدد الجرحى في العبّارة؟",
            "صُرف للجرحى في العبّارة من صندوق الهيئة مبلغ ألف وخمسمئة دينار.\n\nوبلغ عدد المصابين في العبّارة واحداً وثلاثين.",
            "واحداً وثلاثين",
        ),
    ],
)
def test_the_sentence_that_counts_what_is_asked_for_is_preferred(question: str, text: str, counts: str) -> None:
    """To another that holds a figure, though that one is somewhat nearer to the question."""
    source = statement(text, title="The ferry")
    one = candidate(source)
    one = replace(one, sentence_scores=(3.6, 3.0))
    assert counts in choose(question, found(question, one), count=1)[0].text


@pytest.mark.parametrize("question", ["What is the population of Hasakah?", "كم عدد سكان الحسكة؟"])
def test_an_asked_for_fact_that_is_named_nowhere_is_not_answered(question: str) -> None:
    evidence = gather(question, found(question, candidate(statement(ATTACK), 0, near=9.0, score=50.0)), count=2)
    assert (evidence.answers, evidence.confidence) == (False, 0.0)
    assert evidence.quotes  # offered, not asserted


@pytest.mark.parametrize("question", ["What is the population of Hasakah?", "كم عدد سكان الحسكة؟"])
def test_an_asked_for_fact_that_is_named_is_answered(question: str) -> None:
    source = statement("يبلغ عدد سكان الحسكة نحو 422 ألف نسمة. وتقع المدينة على نهر الخابور.", title="الحسكة")
    assert gather(question, found(question, candidate(source, 0, near=9.0, score=50.0)), count=2).answers


def test_a_fact_that_only_a_quote_further_down_names_is_not_answered() -> None:
    question = "كم عدد سكان الحسكة؟"
    texts = ("تقع الحسكة على نهر الخابور.", "هاجم 200 مسلح سجناً في الحسكة.", "زار الوزير الحسكة، وشكر 40 من سكان الحي.")
    places = [statement(text, name=f"s{number}", title="") for number, text in enumerate(texts)]
    ranked = [candidate(place, near=9.0 - 5 * number, score=50.0 - 5 * number) for number, place in enumerate(places)]
    evidence = gather(question, found(question, *ranked), count=3)
    assert ["سكان" in quote.text for quote in evidence.quotes] == [False, False, True]
    assert (evidence.answers, evidence.confidence) == (False, 0.0)


@pytest.mark.parametrize("passages", ["ar", "en"])
def test_of_two_texts_that_say_as_much_the_one_in_the_questions_language_is_quoted_first(passages: Language) -> None:
    texts: dict[Language, str] = {"ar": "أصيب 31 راكباً.", "en": "31 passengers were hurt."}
    sources = [statement(text, name=code, title="", language=code) for code, text in texts.items()]
    question = {"ar": "ماذا حدث؟", "en": "What happened?"}[passages]
    (first, *_) = choose(question, found(question, *map(candidate, sources)), count=2)
    assert first.sentence.candidate.statement.statement_id == passages


@pytest.mark.parametrize(
    ("question", "text", "answers"),
    [
        ("متى اصطدمت العبّارة؟", "اصطدمت العبّارة نسيم بصندل قرب الميناء.", False),
        ("متى اصطدمت العبّارة؟", "اصطدمت العبّارة نسيم بصندل قرب الميناء مساء الاثنين.", True),
        ("When did the ferry collide?", "The ferry Nasim collided with a barge near the port.", False),
        ("When did the ferry collide?", "The ferry Nasim collided with a barge near the port at 4:51.", True),
        ("How many passengers of the ferry were injured?", "Passengers of the ferry were injured when it collided.", False),
        ("How many passengers of the ferry were injured?", "Dozens of passengers of the ferry were injured when it collided.", True),
        ("Which number had the ferry?", "The ferry was the third of its line.", True),
        ("How long did the ferry sail?", "The ferry sailed for a long time.", True),
        ("What hit the ferry when it sailed?", "A barge hit the ferry when it sailed.", True),
    ],
)
def test_a_text_without_a_figure_or_a_date_does_not_answer_a_question_for_one(question: str, text: str, answers: bool) -> None:
    source = statement(text, title="", language=language_of(text))
    assert (consider(question, found(question, candidate(source)), count=2)[1] is not None) == answers


def test_a_text_on_another_subject_does_not_answer() -> None:
    question = "Which prison was attacked in Hasakah?"
    far = candidate(statement(FERRY, language="en", title="Ferry"), near=-1.0, score=0.1)
    assert not gather(question, found(question, far), count=2).answers


# Widening


@pytest.mark.parametrize("best", [0, 4, 9])
def test_neighbours_join_a_sentence_up_to_the_quotes_length(best: int) -> None:
    source = statement(" ".join(f"وقالت القيادة في اليوم {n} إن المدينة آمنة." for n in range(10)))
    (quote, *_) = choose("ماذا قالت؟", found("ماذا قالت؟", candidate(source, best)), count=1)
    chosen = quote.sentence.candidate.passage.sentences[quote.sentence.number]
    assert quote.sentence.number == best
    assert quote.span.start <= chosen.start < chosen.end <= quote.span.end
    assert chosen.end - chosen.start < len(quote.text) <= QUOTE_CHARS == 400


@pytest.mark.parametrize("line_break", ["\n\n", "\r\n\r\n", "\n \n"])
def test_a_quote_stays_in_its_paragraph(line_break: str) -> None:
    source = statement(f"قتل خمسة في الهجوم. وأصيب سبعة.{line_break}وفي شأن آخر افتتح الوزير مدرسة.")
    assert choose("كم قتل؟", found("كم قتل؟", candidate(source)), count=1)[0].text == "قتل خمسة في الهجوم. وأصيب سبعة."


def test_a_quote_goes_on_over_a_single_line_break() -> None:
    source = statement("قتل خمسة في الهجوم.\r\nوأصيب سبعة.")
    assert choose("كم قتل؟", found("كم قتل؟", candidate(source)), count=1)[0].text == source.text


def test_a_long_sentence_is_quoted_whole_and_alone() -> None:
    long = "وأكدت القيادة العامة أن العمل مستمر مع المنظمات الإنسانية لإيصال المساعدات " * 6
    source = statement(f"مقدمة قصيرة. {long.strip()}. خاتمة.")
    (quote,) = choose("المساعدات الإنسانية", found("المساعدات الإنسانية", candidate(source, 1)), count=1)
    assert quote.text == f"{long.strip()}."
    assert len(quote.text) > QUOTE_CHARS


@pytest.mark.parametrize(("asked", "answered"), [("ar", "ar"), ("en", "ar"), ("en", "en"), ("ar", "en")])
def test_nearer_evidence_that_stands_out_is_surer(asked: Language, answered: Language) -> None:
    model = calibration(asked, answered)
    weak = dict.fromkeys(model.weights, 0.0) | {"missing_from_passage": 1.0, "missing_from_quote": 1.0}
    strong = dict.fromkeys(model.weights, 0.0) | {"sentence_similarity": 4.0, "passage_similarity": 4.0, "field_margin": 4.0, "margin": 3.0}
    strong |= {name: 1.0 for name in model.weights if name.startswith("rare_in") or name.endswith("_terms")}
    strong["lexical_share"] = 0.3  # of a passage that holds every term it cannot be 0
    assert 0 <= model.probability(weak) < model.threshold < model.probability(strong) <= 1


def test_hits_are_numbered_from_one_with_the_statements_data() -> None:
    hits = to_hits([candidate(statement(ATTACK, issuer="القيادة")), candidate(statement(FERRY, name="ferry", language="en"))])
    assert [(hit.rank, hit.statement_id, hit.issuer, hit.language) for hit in hits] == [
        (1, "attack", "القيادة", "ar"),
        (2, "ferry", None, "en"),
    ]
    assert hits[1].text == FERRY


# The answer's text


def evidence(*sources: Statement, answers: bool = True) -> Evidence:
    question = "ماذا حدث؟"
    quotes = [choose(question, found(question, candidate(source)), count=1)[0] for source in sources]
    return Evidence(tuple(quotes), 0.9, answers)


SHORT_AR = statement("قتل ١٢١ مقاتلاً.", title="بيان الهجوم", issuer="القيادة العامة", date="2022-01-31")
SHORT_EN = statement("The line stays closed.", name="ferry", title="Ferry line", language="en", issuer="Port Authority", date="2031-07-08")


def test_quotes_of_one_arabic_statement_for_an_arabic_reader() -> None:
    assert compose_quotes(evidence(SHORT_AR), "ar") == (
        "أقرب ما جاء إلى سؤالك في بيان «بيان الهجوم» الصادر عن القيادة العامة بتاريخ 2022-01-31:\n«قتل ١٢١ مقاتلاً.» [1]"
    )


def test_an_english_reader_is_told_that_a_statement_is_in_arabic() -> None:
    assert compose_quotes(evidence(SHORT_AR), "en") == (
        "Nearest to your question, from the statement “بيان الهجوم” by القيادة العامة, 2022-01-31 (in Arabic):\n“قتل ١٢١ مقاتلاً.” [1]"
    )


def test_an_arabic_reader_is_told_that_a_statement_is_in_english() -> None:
    text = compose_quotes(evidence(SHORT_EN), "ar")
    assert text.splitlines()[0].endswith("، ونصه بالإنجليزية:")
    assert "«The line stays closed.» [1]" in text


def test_each_quote_of_several_statements_names_its_own() -> None:
    assert compose_quotes(evidence(SHORT_EN, SHORT_AR), "en").splitlines() == [
        "Nearest to your question, from the statements:",
        "“The line stays closed.” [1] — “Ferry line” by Port Authority, 2031-07-08",
        "“قتل ١٢١ مقاتلاً.” [2] — “بيان الهجوم” by القيادة العامة, 2022-01-31 (in Arabic)",
    ]
    assert compose_quotes(evidence(SHORT_EN, SHORT_AR), "ar").splitlines()[0] == "أقرب ما جاء إلى سؤالك في البيانات:"


def test_what_is_not_known_of_a_statement_is_not_mentioned() -> None:
    plain = statement("قتل ١٢١ مقاتلاً.", title="بيان")
    assert compose_quotes(evidence(plain), "ar").splitlines()[0] == "أقرب ما جاء إلى سؤالك في بيان «بيان»:"
    assert "None" not in compose_quotes(evidence(plain, SHORT_EN), "en")


def test_dollars_and_braces_in_a_statement_are_quoted_as_they_are() -> None:
    costly = statement("It cost $5 and $title {x} %s.", title="$number", language="en")
    assert (
        compose_quotes(evidence(costly), "en")
        == "Nearest to your question, from the statement “$number”:\n“It cost $5 and $title {x} %s.” [1]"
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [("ar", "لم يُعثر في البيانات على جواب عن هذا السؤال."), ("en", "No answer to this question was found in the statements.")],
)
def test_no_answer_is_said_and_quotes_nothing(language: Language, said: str) -> None:
    assert compose_quotes(Evidence((), 0.0, False), language) == said
    with_nearest = compose_quotes(evidence(SHORT_AR, answers=False), language)
    assert with_nearest.startswith(f"{said} ")
    assert "١٢١" not in with_nearest and "[1]" not in with_nearest


def test_citations_are_numbered_and_check_out_against_the_original() -> None:
    citations = cite(evidence(SHORT_AR, SHORT_EN).quotes)
    originals = {source.statement_id: source for source in (SHORT_AR, SHORT_EN)}
    assert [(c.number, c.title, c.issuer, c.date, c.language) for c in citations] == [
        (1, "بيان الهجوم", "القيادة العامة", "2022-01-31", "ar"),
        (2, "Ferry line", "Port Authority", "2031-07-08", "en"),
    ]
    assert all(c.quote == originals[c.statement_id].text[c.start : c.end] for c in citations)
    assert [(check.supported, check.citation) for check in check_quotes(citations, originals)] == [(True, 1), (True, 2)]


def test_a_quote_that_differs_by_one_character_is_not_supported() -> None:
    citations = cite(evidence(SHORT_AR).quotes)
    altered = statement(SHORT_AR.text.replace("١٢١", "١٢٢"))
    assert [check.supported for check in check_quotes(citations, {"attack": altered})] == [False]


# Prompts


@pytest.mark.parametrize("language", ["ar", "en"])
def test_a_text_is_filled_strictly(language: str) -> None:
    assert "س" in fill("quote", language, "quote", text="س", number=1)
    with pytest.raises(KeyError, match="number"):
        fill("quote", language, "quote", text="س")
    with pytest.raises(KeyError, match=rf"of quote\.{language}\.toml has no variable nmber"):
        fill("quote", language, "quote", text="س", number=1, nmber=2)
    with pytest.raises(KeyError, match="no_such_text"):
        fill("quote", language, "no_such_text")


def test_both_languages_have_the_same_texts() -> None:
    import tomllib
    from importlib.resources import files

    keys = [set(tomllib.loads(files("rag.prompts").joinpath(f"quote.{code}.toml").read_text("utf-8"))) for code in ("ar", "en")]
    assert keys[0] == keys[1]


# Questions


def test_a_question_loses_the_space_around_it() -> None:
    assert check_question("  كم عدد الشهداء؟\n") == "كم عدد الشهداء؟"


@pytest.mark.parametrize("question", ["", "   ", "؟؟", "...!"])
def test_a_question_without_words_is_refused(question: str) -> None:
    with pytest.raises(QuestionError, match="has no words; write one in Arabic or English"):
        check_question(question)


def test_a_question_that_is_too_long_is_refused_with_both_lengths() -> None:
    assert check_question("س" * MAX_QUESTION_CHARS)
    with pytest.raises(QuestionError, match=f"has {MAX_QUESTION_CHARS + 1} characters; at most {MAX_QUESTION_CHARS} are allowed"):
        check_question("س" * (MAX_QUESTION_CHARS + 1))


def test_a_question_in_another_language_is_refused_by_name_but_may_be_searched() -> None:
    question = "Quelle est la population de Hassaké ?"
    with pytest.raises(QuestionError, match=r"another language \(fr\); ask in Arabic or English"):
        check_question(question)
    assert check_question(question, foreign=True) == question


# What a quote must not be parted from


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("نفت الوزارة صحة الأنباء عن بيع المقلع. " + "والمقلع يعمل فيه مئات العمال من أهالي البلدة منذ سنين طويلة " * 7 + ".", "نفت"),
        ("قال الوزير: «لن نبيع المقلع. " + "والمقلع يعمل فيه مئات العمال من أهالي البلدة منذ سنين طويلة " * 7 + "».", "قال الوزير"),
    ],
)
def test_a_denial_or_the_speaker_of_a_quotation_stays_in_the_quote(text: str, lead: str) -> None:
    source = statement(text)
    (quote, *_) = choose("كم عدد العمال؟", found("كم عدد العمال؟", candidate(source, 1)), count=1)
    assert quote.sentence.number == 1
    assert quote.text.startswith(lead)


def test_a_list_is_quoted_whole_with_what_introduces_it() -> None:
    items = "\n".join(f"- المطلب رقم {n} من مطالب الصيادين، وهو طويل بما يكفي لكي لا تتسع له الاقتباسات القصيرة" for n in range(6))
    source = statement(f"حدد البيان مطالب النقابة بما يلي:\n{items}\nوفي شأن آخر افتتح الوزير مدرسة.")
    quote = choose("ما مطالب النقابة؟", found("ما مطالب النقابة؟", candidate(source, 0)), count=1)[0]
    assert quote.text.count("- المطلب") == 6
    assert quote.text.startswith("حدد البيان")
