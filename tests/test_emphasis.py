"""The words of a quote that may answer are found for each kind of question, in both languages and across them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.reading.emphasis import emphasised

FERRY = "The ferry Nasim collided with a barge on Monday. Thirty-one passengers were injured. The other 183 were unhurt, Salwa Haddad said."
ATTACK = "هاجم مسلحون سجن الصناعة في الحسكة في 20 كانون الثاني/يناير 2022. وقتل مئة وواحد وعشرون مقاتلاً، وفر 12 سجيناً."


def words(question: str, quote: str) -> list[str]:
    return [quote[span.start : span.end] for span in emphasised(question, quote)]


@pytest.mark.parametrize(
    ("question", "quote", "expected"),
    [
        ("How many passengers were injured?", FERRY, ["Thirty-one passengers"]),
        ("كم راكباً أصيب؟", FERRY, ["Thirty-one passengers"]),
        ("كم مقاتلاً قتل؟", ATTACK, ["مئة وواحد وعشرون مقاتلاً"]),
        ("How many prisoners escaped?", ATTACK, ["12 سجيناً"]),
        ("متى هوجم السجن؟", ATTACK, ["20 كانون الثاني/يناير 2022"]),
        ("When was the prison attacked?", ATTACK, ["20 كانون الثاني/يناير 2022"]),
        ("When did the ferry collide?", FERRY, ["Monday"]),
        ("كم ساعة تنقطع المياه؟", "تنقطع المياه ست وثلاثين ساعة عن 12 حياً.", ["ست وثلاثين ساعة"]),
        ("How much will it cost?", "The road will cost 41 million dollars.", ["41 million dollars"]),
        ("كم عدد النازحين؟", "نزحت عشرات الأسر من القرية.", ["عشرات"]),
        ("Who said so?", FERRY, ["Salwa Haddad"]),
        ("وين صار الهجوم؟", "وقع الهجوم في مدينة حلب، وقال الدكتور سامر إنه انتهى.", ["حلب"]),
        ("Where was it built?", "It was built near the village of Tolm, Sara Dunn said.", ["Tolm"]),
    ],
)
def test_what_is_asked_for_is_emphasised(question: str, quote: str, expected: list[str]) -> None:
    assert words(question, quote) == expected


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("Why was the ferry late?", FERRY),  # no kind of words answers why
        ("كم عدد الجرحى؟", "لم يصب أحد."),
        ("How many of the 31 passengers were children?", "There were 31 passengers."),  # the question's own figure
        ("ماذا حدث في 20 كانون الثاني 2022؟", ATTACK),
        ("What happened when 12 prisoners fled?", ""),
        ("Where is the Nasim?", "The Nasim is late."),
    ],
)
def test_nothing_is_emphasised_where_nothing_answers(question: str, quote: str) -> None:
    assert words(question, quote) == []


@given(st.sampled_from(["كم عدد الجرحى؟", "When?", "من قال؟", "Where?"]), st.text(alphabet="وكم 12٣مئة.\r\nًAb،في", max_size=60))
def test_offsets_stay_inside_the_quote_in_order_and_apart(question: str, quote: str) -> None:
    spans = emphasised(question, quote)
    assert all(0 <= span.start < span.end <= len(quote) for span in spans)
    assert all(one.end <= other.start for one, other in zip(spans, spans[1:], strict=False))
