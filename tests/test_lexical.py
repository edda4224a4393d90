"""The lexical index finds names in the other script and numbers however they are written; tantivy is real, no model is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.index.lexical import LexicalIndex
from rag.language import language_of, sentences
from rag.schema import Language, Passage, Statement

TEXTS = (
    "وصلت القافلة إلى سنجار مساء الأحد.",
    "اجتمع الأهالي في العدوية للتشاور.",
    "أُغلقت المدرسة في القامشلي يومين.",
    "أُصيب مئة وواحد وعشرون عاملاً في المصنع.",
    "The convoy reached Sinjar on Sunday evening.",
    "People met in Adawiyah to confer.",
    "The school in Qamishli was closed for two days.",
    "121 workers of the factory were hurt.",
    "وصلت المساعدات إلى معرزيتا وطلف.",
    "Aid reached Mar Zita and Talaf.",
    "Olives were picked early this year.",
    "قُطف الزيتون باكراً هذا العام.",
)


@pytest.fixture(scope="module")
def lexical(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    index = LexicalIndex.open(tmp_path_factory.mktemp("lexical"), create=True)
    index.update([(passage(number, text), statement(number, text)) for number, text in enumerate(TEXTS)])
    return index


def passage(number: int, text: str) -> Passage:
    return Passage(str(number), str(number), "r", language_of(text), text, 0, len(text), tuple(sentences(text)))


def statement(number: int, text: str) -> Statement:
    return Statement(str(number), "r", text, "", None, None, f"{number}.txt", language_of(text))


def first(lexical: LexicalIndex, question: str, language: Language) -> str:
    found = lexical.search(question, lexical.weigh(question, language), language, limit=3)
    return TEXTS[int(max(found, key=lambda key: found[key]))]


@pytest.mark.parametrize(
    ("question", "language", "word"),
    [
        ("What happened in Sinjar?", "ar", "سنجار"),
        ("What happened in Shengar?", "ar", "سنجار"),  # a letter is different
        ("Who met in al-Adawiyya?", "ar", "العدوية"),
        ("Why was the school in Kamishly closed?", "ar", "القامشلي"),
        ("What reached Mar Zita?", "ar", "معرزيتا"),  # two words, one word
        ("What reached Talaf?", "ar", "طلف"),  # three letters
        ("ماذا وصل إلى معرزيتا؟", "en", "Mar Zita"),
        ("ماذا وصل إلى طلف؟", "en", "Talaf"),
        ("ماذا حدث بسنجار؟", "en", "Sinjar"),
        ("من اجتمع في العدويّة؟", "en", "Adawiyah"),
        ("لماذا أُغلقت مدرسة قامشلو؟", "en", "Qamishli"),
    ],
)
def test_a_name_is_found_in_the_other_script(question: str, language: Language, word: str, lexical: LexicalIndex) -> None:
    assert word in first(lexical, question, language)


@pytest.mark.parametrize(
    ("question", "language", "words"),
    [
        ("من هم ال121؟", "ar", "مئة وواحد وعشرون"),
        ("من هم ١٢١؟", "ar", "مئة وواحد وعشرون"),
        ("Who were the one hundred and twenty-one?", "en", "121"),
        ("من هم المئة وواحد وعشرون؟", "en", "121"),
        ("Who were the 121?", "ar", "مئة وواحد وعشرون"),
    ],
)
def test_a_number_is_found_however_it_is_written(question: str, language: Language, words: str, lexical: LexicalIndex) -> None:
    assert words in first(lexical, question, language)


def test_what_no_text_holds_is_not_found(lexical: LexicalIndex) -> None:
    assert lexical.search("xylophone", lexical.weigh("xylophone", "ar"), "ar", limit=3) == {}


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("كم عدد الجرحى؟", "أُصيب"),
        ("How many were wounded?", "hurt"),
        ("When was the plant shut?", "closed"),
    ],
)
def test_a_word_finds_what_says_the_same_in_its_own_language(question: str, word: str, lexical: LexicalIndex) -> None:
    assert word in first(lexical, question, language_of(question))


def test_the_word_itself_goes_before_what_says_the_same(tmp_path: Path) -> None:
    texts = ("The school was shut for two days.", "The school was closed for two days.")
    index = LexicalIndex.open(tmp_path, create=True)
    index.update([(passage(number, text), statement(number, text)) for number, text in enumerate(texts)])
    for asked in ("shut", "closed"):
        question = f"Why was the school {asked}?"
        found = index.search(question, index.weigh(question, "en"), "en", limit=2)
        assert len(found) == 2
        assert asked in texts[int(max(found, key=lambda key: found[key]))]
