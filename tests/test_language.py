"""Arabic and English text: what folds together, what is a word, a sentence, a name, a foreign language. No model, no index."""

from __future__ import annotations

import re
import time
import unicodedata
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language import analyse, content_words, fold, foreign_language, language_of, sentences, stem, words
from rag.language.lexicon import asked_facts, asked_names, is_vocabulary, question_terms
from rag.language.names import name_keys, names_in, skeleton
from rag.language.questions import asked_for, holds
from rag.language.resources import entries, pairs
from rag.language.sounds import heard, likeness

ARABIC = "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئىة"
MARKS = "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670\u0640\u200f\u200c"
FORMS = "ﻻﻼﷲﺑﻪﮔﯾکیگپچژہھ"
LEXICONS = "lexicon.tsv", "more_words.tsv"
PUNCTUATION = " \t.,;:!?؟؛،…«»“”\"'()[]-–—\r\n\u2028"
mixed = st.text(alphabet=ARABIC + MARKS + FORMS + PUNCTUATION + "aBcdEéÉñßİıØ123١٢٣۴۵७４٬٫%٪", max_size=300)
anything = st.one_of(mixed, st.text(max_size=120))


def parts(text: str, **options: int) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text, **options)]


# Folding


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("أحمد", "احمد"),
        ("إدارة", "ادارة"),
        ("آذار", "اذار"),
        ("ٱلحسكة", "الحسكة"),
        ("مسؤول", "مسوول"),
        ("هيئة", "هيية"),
        ("مدرسة", "مدرسه"),
        ("على", "علي"),
        ("الحَسَكَةُ", "الحسكة"),
        ("شُهَدَاءٌ", "شهداء"),
        ("هٰذا", "هذا"),
        ("بيـــــان", "بيان"),
        ("ﻻ", "لا"),
        ("ﺑﻴﺎﻥ", "بيان"),
        ("ﷲ", "الله"),
        ("کردستان", "كردستان"),
        ("سوریا", "سوريا"),
        ("لا\u200f\u200cيوجد", "لايوجد"),
        ("Hassaké", "hassake"),
        ("HASAKAH", "hasakah"),
        ("İstanbul", "istanbul"),
        ("ministry’s", "ministry's"),
    ],
)
def test_spellings_that_readers_take_for_the_same_fold_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize("digits", ["١٢٣", "۱۲۳", "१२३", "１２３", "123", "𝟏𝟐𝟑"])
def test_every_digit_family_folds_to_ascii(digits: str) -> None:
    assert fold(digits) == "123"


@pytest.mark.parametrize(("one", "other"), [("كلب", "قلب"), ("سجن", "سجناء"), ("ماء", "ما"), ("prison", "prism"), ("١٢", "٢١")])
def test_different_words_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(anything)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(anything)
def test_a_folded_text_has_no_marks_no_invisible_characters_and_no_foreign_digits(text: str) -> None:
    folded = fold(text)
    assert not [c for c in folded if not c.isascii() and unicodedata.category(c) in ("Mn", "Cf", "Nd")]
    assert "\u0640" not in folded


@given(st.text(alphabet=ARABIC + "abcXYZ 123", max_size=60), st.data())
def test_diacritics_and_tatweel_anywhere_change_nothing(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    mark = data.draw(st.sampled_from("\u064b\u064e\u064f\u0650\u0651\u0652\u0640\u200f"))
    assert fold(text[:at] + mark + text[at:]) == fold(text)


# Words, stems, n-grams


@pytest.mark.parametrize("written", ["١٬٢٣٤", "1,234", "1234", "١٢٣٤", "۱۲۳۴"])
def test_a_number_is_one_word_however_it_is_written(written: str) -> None:
    assert words(f"قتل {written} شخصاً")[1] == "1234"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12,345,678", ["12345678"]),
        ("٣٫٥ آلاف", ["3.5", "الاف"]),
        ("1,23", ["1,23"]),
        ("the minister's words", ["the", "minister", "words"]),
        ("سجن-الصناعة", ["سجن", "الصناعه"]),
        ("الحَسَكَة", ["الحسكه"]),
        ("snake_case", ["snake", "case"]),
        ("؟ ... !", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_content_words_leave_out_function_words_of_both_languages_but_keep_negation() -> None:
    assert content_words("Who attacked the prison in هذا السجن؟") == ["attacked", "prison", "السجن"]
    assert "not" in content_words("did not") and "لم" in content_words("لم يصب أحد")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("المدارس", "مدارس"),
        ("والمدارس", "بالمدارس"),
        ("للمدارس", "المدارس"),
        ("وزارة", "الوزارة"),
        ("والوزارة", "وزارة"),
        ("سورية", "سوريا"),
        ("أميركا", "أمريكا"),
        ("الأميركيين", "الأمريكيين"),
        ("مئة", "مائة"),
        ("مسؤول", "مسئول"),
        ("المهندسين", "المهندسون"),
        ("سجن", "السجون"),
        ("طفل", "وأطفالهم"),
        ("شهيد", "الشهداء"),
        ("شهيد", "شهيداً"),
        ("مخيم", "بالمخيمات"),
        ("وزير", "للوزراء"),
        ("سجن", "بسجن"),
        ("دمشق", "لدمشق"),
        ("prison", "prisons"),
        ("city", "cities"),
        ("statement", "statements"),
        ("attacked", "attacks"),
    ],
)
def test_forms_of_one_word_share_a_stem(one: str, other: str) -> None:
    assert stem(fold(one)) == stem(fold(other))


@pytest.mark.parametrize("word", ["لجنة", "بشر", "كهرباء", "فرنسا", "لبنان", "بيان"])
def test_a_first_letter_that_belongs_to_a_known_word_stays(word: str) -> None:
    assert stem(fold(word))[0] == fold(word)[0]


def test_listed_plurals_are_whole_words_of_one_noun_each() -> None:
    listed = pairs("plurals.ar.tsv")
    plurals = [plural.strip() for forms in listed.values() for plural in forms.split("|")]
    every = [*listed, *plurals]
    assert all(re.fullmatch("[\u0621-\u063a\u0641-\u064a]+", word) for word in every)
    assert len({fold(word) for word in plurals}) == len(plurals)
    assert not {fold(word) for word in plurals} & {fold(word) for word in listed}
    assert [one for one, forms in listed.items() for form in forms.split(" | ") if stem(fold(form)) != stem(fold(one))] == []


def test_a_question_of_the_martyrs_has_a_term_in_a_martyr_counted() -> None:
    stems = set(analyse("لولا تضحية مئة وواحد وعشرين شهيداً").stems)
    assert any(term.found_in(stems) for term in question_terms("كم عدد الشهداء؟", "ar"))


@pytest.mark.parametrize("word", ["واشنطن", "وفد", "وطن"])
def test_a_first_letter_waw_that_belongs_to_the_word_stays(word: str) -> None:
    assert stem(word) == word


@pytest.mark.parametrize(("one", "other"), [("وزارة", "زيارة"), ("prison", "person"), ("السجن", "السجل"), ("1234", "123")])
def test_different_words_keep_different_stems(one: str, other: str) -> None:
    assert stem(fold(one)) != stem(fold(other))


def test_grams_are_four_letters_and_short_words_and_numbers_stay_whole() -> None:
    assert analyse("prisons").grams == ("pris", "riso", "ison", "sons")
    assert analyse("سجن 123456").grams == ("سجن", "123456")


def test_a_clitic_leaves_most_of_the_grams_alike() -> None:
    plain, attached = set(analyse("مستشفيات").grams), set(analyse("وبمستشفيات").grams)
    assert plain <= attached


# Sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("قتل ٣٫٥ آلاف. وقال د. سامر: لا.", ["قتل ٣٫٥ آلاف.", "وقال د. سامر: لا."]),
        ("Mr. Haddad spoke. Then he left.", ["Mr. Haddad spoke.", "Then he left."]),
        ("The U.S. envoy came. He left.", ["The U.S. envoy came.", "He left."]),
        ("J. Smith spoke. He left.", ["J. Smith spoke.", "He left."]),
        ("Growth was 3.5 percent. Good.", ["Growth was 3.5 percent.", "Good."]),
        ("عند 5.30 مساءً. نعم.", ["عند 5.30 مساءً.", "نعم."]),
        ("See www.example.org today. Go.", ["See www.example.org today.", "Go."]),
        ("قال .. ثم مضى. وعاد.", ["قال .. ثم مضى.", "وعاد."]),
        ("He waited... and left. Then came.", ["He waited... and left.", "Then came."]),
        ("قال: «انتهى الأمر.» ثم خرج.", ["قال: «انتهى الأمر.»", "ثم خرج."]),
        ("He said “It is over.” Then he left.", ["He said “It is over.”", "Then he left."]),
        ("انتهى اليوم.وأضاف الوزير.", ["انتهى اليوم.", "وأضاف الوزير."]),
        ("من قتل؟ لا أحد! نعم؛ ربما", ["من قتل؟", "لا أحد!", "نعم؛", "ربما"]),
        ("What?! No.", ["What?!", "No."]),
        ("one\r\ntwo\r\n\r\nthree", ["one", "two", "three"]),
        ("one\u2028two", ["one", "two"]),
        ("  spaced  .  ", ["spaced  ."]),
        ("... --- !!", []),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_only_the_stretch_asked_for_is_divided() -> None:
    text = "الأولى. الثانية. الثالثة."
    assert [text[s.start : s.end] for s in sentences(text, 8, 16)] == ["الثانية."]


@pytest.mark.parametrize("comma", ["،", ",", ";"])
def test_a_run_on_sentence_is_divided_at_its_commas(comma: str) -> None:
    text = f"{comma} ".join(["وأضاف المتحدث أن العمل مستمر"] * 40) + "."
    found = parts(text, max_chars=200)
    assert all(len(part) <= 200 for part in found)
    assert all(part.endswith((comma, ".")) for part in found)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


def test_a_number_is_never_divided_at_its_separator() -> None:
    text = "بلغ 1,234,567 " * 40
    assert parts(text, max_chars=100) == [text.strip()]


@pytest.mark.parametrize("gap", ["\t", " | ", " • ", " - ", "  "])
def test_the_dump_of_a_table_is_divided_between_its_cells(gap: str) -> None:
    cells = [f"محافظة الوادي {number}" for number in range(300)]
    found = parts(gap.join(cells))
    assert max(map(len, found)) <= 1_000
    assert [cell for part in found for cell in map(str.strip, part.split(gap.strip() or gap)) if cell] == cells


@pytest.mark.parametrize(
    "words", [["أعلنت الوزارة"], ["12500", "7300"], ["سَتُوَاصِلُ"], ["٩٨٧٦٥"]], ids=["words", "numbers", "vowelled", "digits"]
)
def test_what_has_no_pauses_at_all_is_divided_between_words(words: list[str]) -> None:
    text = " ".join(words * 600)
    found = parts(text)
    assert max(map(len, found)) <= 1_000
    assert " ".join(found) == text


def test_an_endless_word_is_divided_between_a_letter_with_its_signs_and_the_next() -> None:
    found = parts("بَّ" * 2_000)
    assert max(map(len, found)) <= 1_000
    assert {part[0] for part in found} == {"ب"}


@given(st.lists(anything, max_size=4), st.integers(1, 2_000), st.integers(20, 420))
def test_no_text_makes_a_part_beyond_bounds(pieces: list[str], times: int, max_chars: int) -> None:
    text = "".join(pieces) * times
    spans = sentences(text[:6_000], max_chars=max_chars)
    assert all(span.end - span.start <= 1_000 for span in spans)
    covered = {at for span in spans for at in range(span.start, span.end)}
    assert not any(char.isalnum() for at, char in enumerate(text[:6_000]) if at not in covered)


@given(anything, st.integers(20, 420))
def test_sentence_spans_are_in_order_trimmed_and_cover_every_letter_and_digit(text: str, max_chars: int) -> None:
    spans = sentences(text, max_chars=max_chars)
    assert all(0 <= s.start < s.end <= len(text) for s in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert all(text[s.start : s.end] == text[s.start : s.end].strip() for s in spans)
    covered = {at for s in spans for at in range(s.start, s.end)}
    assert [char for at, char in enumerate(text) if char.isalnum() and at not in covered] == []


@pytest.mark.parametrize("line", ["a" * 4_000 + "1. b", "a1." * 1_300, "a.a " * 1_000], ids=["one word", "glued", "dotted"])
def test_a_line_of_junk_is_divided_in_no_time(line: str) -> None:
    started = time.process_time()
    sentences(line)
    assert time.process_time() - started < 0.1


def test_a_division_leaves_a_closing_quote_with_what_it_closes() -> None:
    text = "قال المتحدث باسم الوزارة في تصريح صحفي مطول «إن الأمر انتهى،» ثم خرج من القاعة برفقة الوفد الذي وصل صباحا"
    assert not [part for part in parts(text, max_chars=80) if part.startswith("»")]


# Languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("كم عدد الشهداء؟", "ar"),
        ("How many died?", "en"),
        ("سجن الصناعة في Hasakah", "ar"),
        ("What did قسد say about the prison attack in January?", "en"),
        ("123", "en"),
        ("ﺑﻴﺎﻥ", "ar"),
    ],
)
def test_language_of(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("Quelle est la population de Hassaké ?", "fr"),
        ("¿Cuántas personas murieron en el ataque de ayer?", "es"),
        ("Hasakah şehrinin nüfusu kaç kişidir?", "tr"),
        ("جمعیت شهر حسکه چقدر است؟", "fa"),
        ("حسکہ کی آبادی کتنی ہے؟", "ur"),
        ("Сколько человек погибло?", "und"),
        ("哈塞克的人口是多少？", "und"),
    ],
)
def test_a_question_in_another_language_is_told(question: str, code: str) -> None:
    assert foreign_language(question) == code


@pytest.mark.parametrize(
    "question",
    [
        "كم عدد السكان؟",
        "متى انتهى الهجوم",
        "عدد قتلى هجوم سجن الصناعة",
        "قديش عدد السكان",
        "شو صار بالسجن",
        "وين صار الانفجار؟",
        "ليش سكروا الطريق",
        "ايش قال الوزير",
        "شكون قتل في الهجوم",
        "Who died?",
        "Hasakah prison",
        "prison attack Hasakah",
        "Sindyan water cut",
        "Mazloum Abdi statement",
        "Kobani Raqqa Qamishli",
        "List casualties Hasakah prison attack",
        "2024",
    ],
)
def test_short_questions_dialects_and_names_are_ours(question: str) -> None:
    assert foreign_language(question) is None


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
    lines = [line.split("\t") for line in entries(name)]
    assert not [line for line in lines if len(line) != 2 or not all(form.strip() for side in line for form in side.split("|"))]
    assert not [line for line in lines if [language_of(side) for side in line] != ["en", "ar"]]


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


# Language data


RESOURCES = sorted(path.name for path in files("rag.language.resources").iterdir() if path.name.endswith((".txt", ".tsv")))


def lines_of(name: str) -> list[str]:
    lines = files("rag.language.resources").joinpath(name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("name", RESOURCES)
def test_language_data_is_in_plain_letters_and_without_repetition(name: str) -> None:
    lines = lines_of(name)
    assert lines
    assert [line for line in lines if any("\ufb50" <= c <= "\ufdff" or "\ufe70" <= c <= "\ufeff" or c == "\u0640" for c in line)] == []
    assert [line for line in lines if unicodedata.normalize("NFC", line) != line or line != line.strip()] == []
    assert [line for line in sorted(set(lines)) if lines.count(line) > 1] == []


@pytest.mark.parametrize(
    "name", [name for name in RESOURCES if name.endswith(".tsv") and name != "gazetteer.tsv"]
)  # that has four: test_gazetteer
def test_a_table_has_two_filled_columns(name: str) -> None:
    broken = [line for line in lines_of(name) if line.count("\t") != 1 or not all(part.strip() for part in line.split("\t"))]
    assert broken == []


def test_a_question_for_a_person_asks_for_the_office_it_names() -> None:
    president, director = asked_facts("Who is the president of Turkey?")[0], asked_facts("ما اسم مدير السجن؟")[0]
    assert president.found_in(stems_of("قال رئيس الجمهورية إن المعبر سيفتح."))
    assert not president.found_in(stems_of("استمرار العدوان التركي على المنطقة"))
    assert director.found_in(stems_of("The prison's director, Salim Hayek, denied it."))
    assert asked_facts("What did the president say about the crossing?") == []


@pytest.mark.parametrize(
    ("written", "bare"), [("بفتحه", "فتح"), ("بترحيلهم", "ترحيل"), ("لسجنه", "سجن"), ("كتابه", "كتاب"), ("بيانه", "بيان")]
)
def test_a_preposition_and_a_pronoun_come_off_a_known_word_together(written: str, bare: str) -> None:
    assert stem(written) == stem(bare)
