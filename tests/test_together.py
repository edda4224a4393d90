"""What a quote must not be parted from: denials, quotations and lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language import sentences
from rag.reading.evidence import choose
from rag.reading.together import LONGEST, around, together
from rag.schema import Cut, Span, Statement
from tests.test_questions_and_evidence import candidate, found

STAGES = "وبحسب الهيئة يجري التطبيق على ثلاث مراحل:\nواردات الأغذية.\nالسيارات.\nالبضائع العابرة.\n\nوتبقى النماذج الورقية مقبولة."
DEMANDS = "The statement listed two demands:\n\n- Compensation. It is to be paid before autumn.\n- New fans.\n\nA meeting follows."
SPOKEN = "Cables were replaced. “People waited for a year. I thank them. I will not test it again,” she said. Lorries are not allowed."
LONG_LIST = "The union asks for:\n" + "\n".join(f"- {'more of what was asked for before ' * 5}{n}" for n in range(9))


def quoted(text: str, holding: str, *, taken: tuple[str, ...] = ()) -> str:
    """What is quoted with the sentence that holds some words."""
    spans = sentences(text)
    at = next(n for n, span in enumerate(spans) if holding in text[span.start : span.end])
    others = [Span(text.index(other), text.index(other) + len(other)) for other in taken]
    first, last = together(text, spans, at, at, taken=others)
    return text[spans[first].start : spans[last].end]


@pytest.mark.parametrize("holding", ["ثلاث مراحل", "واردات", "السيارات", "العابرة"])
def test_a_list_is_whole_whichever_line_is_quoted(holding: str) -> None:
    assert quoted(STAGES, holding) == STAGES.split("\n\n")[0]


@pytest.mark.parametrize("holding", ["two demands", "Compensation", "before autumn", "New fans"])
def test_marks_hold_a_list_together_over_blank_lines(holding: str) -> None:
    assert quoted(DEMANDS, holding) == DEMANDS.removesuffix("\n\nA meeting follows.")


@pytest.mark.parametrize("holding", ["أعلنت الوزارة", "مشاركة فيها", "مؤكدة أن"])
def test_a_long_sentence_is_whole_whichever_part_is_quoted(holding: str) -> None:
    middle = "، مشاركة فيها فرق من البلدات المجاورة ومن المدينة نفسها ومن المحافظات البعيدة" * 8
    long = f"أعلنت الوزارة أن الحريق أُخمد{middle}، مؤكدة أن أحداً لم يُصب."
    assert quoted(f"كان الحريق كبيراً. {long} وعاد الأهالي.", holding) == long


@pytest.mark.parametrize("marks", ["“”", "«»", '""'])
@pytest.mark.parametrize("holding", ["People waited", "thank them", "test it again"])
def test_a_quotation_is_whole_whichever_sentence_is_quoted(holding: str, marks: str) -> None:
    spoken = SPOKEN.translate(dict(zip(map(ord, "“”"), marks, strict=True)))
    assert quoted(spoken, holding) == spoken.removeprefix("Cables were replaced. ").removesuffix(" Lorries are not allowed.")


@pytest.mark.parametrize(
    ("text", "holding"),
    [
        (STAGES, "النماذج"),
        (DEMANDS, "A meeting"),
        (SPOKEN, "Cables"),
        (SPOKEN, "Lorries"),
        (SPOKEN.replace("“", '"').replace("”", '"'), "Lorries"),
        ("“He never closed it. And went on. For long.", "went on"),
        ("He said this:\n" + "Then a long paragraph of another matter follows. " * 9, "He said"),
        ("One: two. Three.", "Three"),
    ],
)
def test_what_stands_by_itself_is_quoted_by_itself(text: str, holding: str) -> None:
    assert quoted(text, holding) == next(text[s.start : s.end] for s in sentences(text) if holding in text[s.start : s.end])


def test_of_a_list_that_is_too_long_as_much_as_fits_follows_its_introduction() -> None:
    text = quoted(LONG_LIST, "asks for")
    assert LONGEST - 200 < len(text) <= LONGEST
    assert len(quoted(LONG_LIST, "before 8")) < LONGEST


def test_what_another_quote_has_is_not_quoted_again() -> None:
    assert quoted(STAGES, "العابرة", taken=("واردات الأغذية.",)) == "البضائع العابرة."


def test_a_list_is_whole_where_passages_part_it() -> None:
    lead = "وأعلنت الهيئة أن العمل في الميناء مستمر ليلاً ونهاراً حتى إشعار آخر. " * 8
    source = Statement("port", "r", f"{lead}\n\n{STAGES}\n\n{lead}", "الميناء", None, None, "port.txt", "ar")
    first = candidate(source)
    parted = next(n for n, span in enumerate(first.passage.sentences) if "ثلاث مراحل" in source.text[span.start : span.end])
    assert "العابرة" not in first.passage.text
    (quote,) = choose("ما المراحل؟", found("ما المراحل؟", candidate(source, parted)), count=1)
    assert quote.text == STAGES.split("\n\n")[0]


def test_nothing_is_quoted_over_a_cut() -> None:
    text = "The districts are:\nOne\nSubscribe now\nTwo\n"
    cut = Cut(text.index("Subscribe"), text.index("Two"), "boilerplate")
    source = Statement("s", "r", text, "", None, None, "s.txt", "en", cuts=(cut,))
    before, after = around(source, Span(0, text.index("\nOne")))
    assert (before, [text[span.start : span.end] for span in after]) == ([], ["One"])


WORDS = ["قالت الوزارة", "نفت", "denied", "a", "x" * 300]
PIECES = st.sampled_from([*WORDS, " ", ":", "، ", ". ", "؟ ", "\n", "\n\n", "- ", "1. ", "«", "»", "“", "”", '"'])


@given(st.lists(PIECES, max_size=40).map("".join), st.data())
def test_what_belongs_together_holds_the_sentence_fits_and_needs_nothing_more(text: str, data: st.DataObject) -> None:
    spans = sentences(text)
    if not spans:
        return
    at = data.draw(st.integers(0, len(spans) - 1))
    first, last = together(text, spans, at, at)
    assert first <= at <= last
    assert (first, last) == (at, at) or spans[last].end - spans[first].start <= LONGEST
    assert together(text, spans, first, last) == (first, last)
    blocked = together(text, spans, at, at, taken=[spans[other] for other in range(len(spans)) if other != at])
    assert blocked == (at, at)
