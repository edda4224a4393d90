"""From a question to what texts can say: words in the other language, names across scripts, and the kind of thing asked for."""

from __future__ import annotations

import pytest
from hypothesis import given

from rag.language import analyse, fold, language_of
from rag.language.lexicon import asked_facts, asked_names, is_vocabulary, question_terms
from rag.language.names import name_keys, names_in, skeleton
from rag.language.questions import asked_for, holds
from rag.language.resources import entries
from rag.language.sounds import heard, likeness
from tests.test_language import mixed

LEXICONS = "lexicon.tsv", "more_words.tsv"


# The bilingual lexicon and names


def stems_of(text: str) -> set[str]:
    terms = analyse(text)
    return {*terms.stems, *terms.names}


@pytest.mark.parametrize(
    ("question", "language", "statement"),
    [
        ("What is the population?", "ar", "عدد السكان"),
        ("Which prison?", "ar", "السجن"),
        ("أين السجن؟", "en", "the prisons"),
        ("How many ministers?", "ar", "الوزراء"),
        ("Where is al-Hassake?", "ar", "الحسكة"),
        ("أين سنديان؟", "en", "in Sindyan"),
        ("How many lighthouses?", "ar", "عدد المنارات"),
        ("أين المرجان؟", "en", "coral reefs"),
    ],
)
def test_a_question_of_one_language_finds_its_words_in_the_other(question: str, language: str, statement: str) -> None:
    stems = stems_of(statement)
    assert any(term.found_in(stems) for term in question_terms(question, language))  # type: ignore[arg-type]


def test_what_may_be_a_name_too_translates_but_is_no_vocabulary() -> None:
    assert not any(map(is_vocabulary, ("مرجان", "المرجاني", "منارة")))


@pytest.mark.parametrize("name", LEXICONS)
def test_each_line_of_a_lexicon_gives_forms_of_both_languages(name: str) -> None:
    sides = [line.split("\t") for line in entries(name)]
    assert not [side for side in sides if [language_of(forms) for forms in side] != ["en", "ar"]]
    assert not [side for side in sides if not all(form.strip() for forms in side for form in forms.split("|"))]


def test_further_words_are_not_in_the_first_lexicon() -> None:
    first, further = ({line.partition("\t")[0].split("|")[0].strip().lower() for line in entries(name)} for name in LEXICONS)
    assert not first & further


def test_a_question_does_not_find_words_that_say_something_else() -> None:
    stems = stems_of("أعلنت الوزارة عن حملة تلقيح في القامشلي")
    assert not any(term.found_in(stems) for term in question_terms("Which prison in Hasakah?", "ar"))


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("What happened in Kafar Ghan?", "وصلت قافلة إلى كفر غان", "وصلت قافلة إلى كفر ناها"),
        ("What happened in Adwan?", "شهدت عدوان اشتباكات", "شهدت الدانا اشتباكات"),
        ("What happened in Mar Dibsah?", "عاد الأهالي إلى معردبسة", "عاد الأهالي إلى مارع"),
        ("What happened in Suluk nahiyah?", "القصف طال أطراف سلوك", "القصف طال أطراف الناحية"),
        ("What happened in Alshaar?", "شهد حي الشعار اشتباكات", "شهد حي الميسر اشتباكات"),
        ("ماذا حدث في القدم؟", "A convoy reached Al-Qadam", "A convoy reached Al-Midan"),
        ("ماذا حدث في حي بستان الباشا؟", "Clashes in Bustan al-Basha", "Clashes in Bustan al-Qasr"),
    ],
)
def test_a_name_sounds_more_like_itself_than_like_its_neighbour(question: str, right: str, wrong: str) -> None:
    [name] = heard(question)
    assert likeness(name, right) > likeness(name, wrong)
    assert likeness(name, right) > 0.7


def test_a_year_asked_for_is_found_by_either_calendar() -> None:
    for question, text in (("How many were hurt in 2022?", "في رجب 1443"), ("كم عدد الجرحى عام 1443 هـ؟", "في شباط 2022")):
        [year] = asked_names(question, "ar")
        assert year.found_in(stems_of(text))
        assert not year.found_in(stems_of("في عام 2019"))


@pytest.mark.parametrize("question", ["How many people were killed in January?", "كم عدد القتلى؟", "", "٣", "☀️"])
def test_a_question_without_names_has_none_to_hear(question: str) -> None:
    assert heard(question) == []


@given(mixed, mixed)
def test_a_likeness_is_a_share(question: str, text: str) -> None:
    assert all(0 <= likeness(name, text) <= 1 and 0 < name.share <= 1 for name in heard(question))


def test_terms_of_the_same_language_stand_for_themselves_once() -> None:
    assert [term.stem for term in question_terms("سجن السجن", "ar")] == ["سجن"]


def test_a_number_stands_for_itself_in_both_languages() -> None:
    assert question_terms("Why 1,234?", "ar")[0].found_in(stems_of("١٬٢٣٤"))


@pytest.mark.parametrize(
    "spellings",
    [
        ("Hasakah", "Hassake", "Hassakeh", "Hasaka", "الحسكة"),
        ("Sindyan", "Sindian", "سنديان"),
        ("Rayhan", "Raihan", "الريحان"),
        ("Osmer", "Usmer", "أوسمر"),
        ("Qamishli", "Kamishli", "القامشلي"),
        ("Sinjar", "سنجار"),
        ("Raqqa", "Rakka", "الرقة", "والرقة"),
    ],
)
def test_spellings_of_a_name_share_a_skeleton(spellings: tuple[str, ...]) -> None:
    found = {skeleton(fold(name)) for name in spellings}
    assert len(found) == 1
    assert None not in found


@pytest.mark.parametrize(("one", "other"), [("Hasakah", "القامشلي"), ("Raqqa", "سنجار"), ("Sindyan", "الريحان")])
def test_different_names_have_different_skeletons(one: str, other: str) -> None:
    assert skeleton(fold(one)) != skeleton(fold(other))


@pytest.mark.parametrize("word", ["Ali", "ا", "آية", "eye", "Сочи"])
def test_a_word_with_too_few_consonants_has_no_skeleton(word: str) -> None:
    assert skeleton(fold(word)) is None


def test_the_article_before_a_latin_name_is_no_part_of_it() -> None:
    assert names_in("from al-Hassake") == names_in("from Al-Hassake") == names_in("الحسكة") != []
    assert names_in("no names here") == []


def test_names_of_few_consonants_are_told_apart_by_w_and_y() -> None:
    assert name_keys("adawiyah") == name_keys(fold("العدوية")) == ("=dwy",)
    assert name_keys("hawl") != name_keys(fold("الحلة"))


def test_a_preposition_written_onto_a_name_does_not_hide_it() -> None:
    assert set(name_keys("sinjar")) <= set(names_in("وصلوا إلى سنجار")) & set(names_in("اجتمعوا بسنجار"))


# What a question asks for


def test_an_asked_for_fact_is_known_in_both_languages() -> None:
    english, arabic = asked_facts("What is the population of Hasakah?"), asked_facts("كم عدد سكان الحسكة؟")
    assert english and arabic
    for fact in (*english, *arabic):
        assert fact.found_in(stems_of("مئتا ألف نسمة"))
        assert fact.found_in(stems_of("200,000 inhabitants"))
        assert not fact.found_in(stems_of("الحسكة مدينة في الشمال"))


def test_a_question_without_a_named_fact_has_none() -> None:
    assert asked_facts("Who attacked the prison?") == []


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How many were hurt in Tollard in 2028?", ["2028", "tollard"]),
        ("كم تبلغ الغرامة في بلدة تولارد؟", ["تولارد"]),
        ("متى يعاد فتح جسر هالفرن؟", ["هالفرن"]),
        ("Who attacked the prison?", []),
        ("When did the Ministry say so?", []),  # a word of the lexicon, not a name
        ("What happened in the 1990s?", []),
        ("في أي مدينة وقع الهجوم؟", []),  # "which town": what follows is no name
        ("كم بلغت الخسائر في 2500 منزل؟", []),
    ],
)
def test_the_names_and_years_that_a_question_is_about(question: str, names: list[str]) -> None:
    assert [name.stem for name in asked_names(question, "en")] == names


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Who is the president of the union?", "وقال رئيس الاتحاد سامر حداد إن الإضراب مستمر."),
        ("What did the Coast Guard say?", "وأكد خفر السواحل إنقاذ جميع الركاب."),
        ("How many members of the family were killed?", "قتل خمسة من أفراد العائلة."),
        ("هل علم الوزير بالهجوم؟", "عرف الوزير بالهجوم قبل ساعة."),
    ],
)
def test_a_sentence_that_answers_in_other_words_still_names_the_asked_for_fact(question: str, sentence: str) -> None:
    assert all(fact.found_in(stems_of(sentence)) for fact in asked_facts(question))


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("كم عدد الجرحى؟", "number"),
        ("ما عدد الضحايا", "number"),
        ("How many died?", "number"),
        ("What is the population?", "number"),
        ("متى حدث الهجوم؟", "date"),
        ("في أي عام؟", "date"),
        ("When did it happen?", "date"),
        ("من هو الوزير؟", "person"),
        ("ومن أعلن ذلك؟", "person"),
        ("Who is the minister?", "person"),
        ("ماذا طُلب من الوزير؟", None),
        ("What of the people who left?", None),
        ("وين صار الحريق؟", "place"),
        ("من أين جاءت السفينة؟", "place"),
        ("Where was the school opened?", "place"),
        ("كم جريحاً سقط في المدينة التي زارها؟", "number"),
        ("قديش صار عدد الجرحى؟", "number"),
    ],
)
def test_asked_for(question: str, kind: str | None) -> None:
    assert asked_for(question) == kind


@pytest.mark.parametrize(
    ("sentence", "kind", "expected"),
    [
        ("أصيب واحد وثلاثون راكباً", "number", True),
        ("١٢١ عائلة", "number", True),
        ("مليوناً ليرة", "number", True),
        ("Three people died", "number", True),
        ("لم يصب أحد", "number", False),
        ("The minister spoke", "number", False),
        ("في آذار الماضي", "date", True),
        ("يوم الثلاثاء", "date", True),
        ("in March", "date", True),
        ("The minister spoke", "date", False),
        ("قال الوزير ذلك", "date", False),
        ("وبألف ليرة", "number", True),
        ("No one was hurt", "number", False),
        ("The truce may fail", "date", False),
        ("الهجوم الثالث في 20 كانون الثاني 2022", "number", False),
        ("عشرات الجرحى", "number", True),
        ("The Schools Act 1996 recognises this", "date", True),
    ],
)
def test_holds(sentence: str, kind: str, expected: bool) -> None:
    assert holds(sentence, kind) is expected  # type: ignore[arg-type]


def test_a_question_for_a_person_asks_for_the_office_it_names() -> None:
    president, director = asked_facts("Who is the president of Turkey?")[0], asked_facts("ما اسم مدير السجن؟")[0]
    assert president.found_in(stems_of("قال رئيس الجمهورية إن المعبر سيفتح."))
    assert not president.found_in(stems_of("استمرار العدوان التركي على المنطقة"))
    assert director.found_in(stems_of("The prison's director, Salim Hayek, denied it."))
    assert asked_facts("What did the president say about the crossing?") == []
