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
from rag.language.lexicon import question_terms
from rag.language.resources import pairs

ARABIC = "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئىة"
MARKS = "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670\u0640\u200f\u200c"
FORMS = "ﻻﻼﷲﺑﻪﮔﯾکیگپچژہھ"
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


@pytest.mark.parametrize("letter", ["و", "ا", "ل", "ب", "a", "s", "ه"])
def test_what_is_no_word_is_stemmed_without_falling_over(letter: str) -> None:
    """2,000 times «و» in a question, or in a text, was one article within another until Python gave up."""
    assert stem(letter * 5_000) == letter * 5_000
    assert analyse(letter * 5_000).stems


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


@pytest.mark.parametrize(
    ("written", "bare"), [("بفتحه", "فتح"), ("بترحيلهم", "ترحيل"), ("لسجنه", "سجن"), ("كتابه", "كتاب"), ("بيانه", "بيان")]
)
def test_a_preposition_and_a_pronoun_come_off_a_known_word_together(written: str, bare: str) -> None:
    assert stem(written) == stem(bare)


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
