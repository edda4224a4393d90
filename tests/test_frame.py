"""What the frame says beside the quotes: readings in the reader's terms, statements that differ, and what was looked for in vain."""

from __future__ import annotations

import pytest

from rag.reading.frame import Reading, differing, looked_for, newest, read_aloud, reading
from rag.schema import Citation, Language, Statement

KILLED = "وقتل في الهجوم مئة وواحد وعشرون مقاتلاً، بحسب البيان."


def statement(name: str, date: str | None = None) -> Statement:
    return Statement(name, "r", "", name, None, date, name, "ar")


def citation(quote: str, language: Language = "ar") -> Citation:
    return Citation(1, "s", "بيان", None, "2022-01-31", "s.txt", language, quote, 0, len(quote), 1.0)


@pytest.mark.parametrize(
    ("question", "quote", "language", "expected"),
    [
        ("How many fighters were killed?", KILLED, "en", [Reading("مئة وواحد وعشرون", "121")]),
        ("When was it?", "وقع الهجوم في 20 كانون الثاني/يناير 2022.", "en", [Reading("20 كانون الثاني/يناير 2022", "20 January 2022")]),
        ("متى وقع الهجوم؟", "The attack took place on 20 January 2022.", "ar", [Reading("20 January 2022", "20 كانون الثاني/يناير 2022")]),
        ("كم راكباً أصيب؟", "Thirty-one passengers were injured.", "ar", [Reading("Thirty-one", "31")]),
        ("كم مقاتلاً قتل؟", KILLED, "ar", []),  # the reader's own language
        ("Why was it attacked?", KILLED, "en", []),  # nothing that can be said without a translation
    ],
)
def test_what_can_be_said_without_translating(question: str, quote: str, language: Language, expected: list[Reading]) -> None:
    assert reading(question, quote, language) == expected


def test_the_line_below_a_quote_of_the_other_language() -> None:
    assert read_aloud("How many fighters were killed?", [citation(KILLED)], "en") == ["In the quote: “مئة وواحد وعشرون” is 121 [1]"]
    english = citation("Thirty-one passengers were injured.", "en")
    assert read_aloud("كم راكباً أصيب؟", [english], "ar") == ["في الاقتباس: «Thirty-one» أي 31 [1]"]


FIRST, CORRECTED = "أصيب واحد وثلاثون راكباً.", "أصيب سبعة وعشرون راكباً."


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((("a", FIRST), ("b", CORRECTED)), True),
        ((("a", FIRST), ("b", "Thirty-one passengers were injured.")), False),  # a copy in the other language
        ((("a", FIRST), ("a", CORRECTED)), False),  # one statement
        ((("a", FIRST), ("b", "صححت الهيئة الرقم: أصيب 27 راكباً لا 31 راكباً.")), False),  # gives both
        ((("a", FIRST), ("b", "أكدت الهيئة أن المصابين سبعة وعشرون راكباً لا واحد وثلاثون.")), True),  # corrects it
        ((("a", FIRST), ("b", "وصلت ثمانية قوارب.")), False),  # counts something else
    ],
)
def test_statements_differ_when_they_count_the_same_otherwise(texts: tuple[tuple[str, str], ...], expected: bool) -> None:
    assert differing("كم راكباً أصيب؟", [(statement(name), text) for name, text in texts]) is expected


def test_the_newest_is_the_one_whose_date_is_later_than_all_others() -> None:
    old, new, undated = statement("old", "2031-07-08"), statement("new", "2031-07-10"), statement("undated")
    assert newest([old, new]) == newest([new, old]) == "new"
    assert newest([old, undated]) is None
    assert newest([old, statement("same", "2031-07-08")]) is None


@pytest.mark.parametrize(
    ("question", "language", "expected"),
    [
        ("كم عدد سكان الحسكة؟", "ar", "بُحث عن: عدد أو مقدار؛ الأسماء: الحسكة."),
        ("Who was hurt in Tollard in March 2028?", "en", "Looked for: a person or body; the names Tollard; the dates March 2028."),
        ("Why was it closed?", "en", ""),
    ],
)
def test_what_was_looked_for(question: str, language: Language, expected: str) -> None:
    assert looked_for(question, language) == expected
