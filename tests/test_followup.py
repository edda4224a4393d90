"""What a follow-up leaves out is carried over from the last answered question, in either language, and nothing else is."""

from __future__ import annotations

import pytest

from rag.retrieval.followup import REMEMBERED, in_context, leans
from rag.schema import Answer, Status

FERRY, ATTACK = "How many passengers were injured on the Nasim?", "من هاجم سجن الصناعة في الحسكة؟"


def asked(question: str, status: Status = "answered") -> Answer:
    return Answer(question, "ar", status, "quote", None, "…")


@pytest.mark.parametrize(
    ("topic", "question", "searched"),
    [
        (ATTACK, "ومتى؟", f"ومتى؟ {ATTACK}"),  # itself first: a date is asked for
        (FERRY, "and when?", f"and when? {FERRY}"),
        (ATTACK, "والجرحى؟", f"{ATTACK} والجرحى؟"),
        (FERRY, "And how many of them were children?", f"And how many of them were children? {FERRY}"),
        (ATTACK, "ولأي سبب هاجموه؟", "هاجم سجن الصناعة في الحسكة؟ ولأي سبب هاجموه؟"),  # it asks for nobody any more
        (FERRY, "And which of them went home?", "passengers were injured on the Nasim? And which of them went home?"),
        ("In al-Hasakah, how many were killed?", "And why?", "In al-Hasakah, were killed? And why?"),  # what stands before it too is kept
        ("— In al-Hasakah, how many were killed?", "And why?", "— In al-Hasakah, were killed? And why?"),
        (ATTACK, "وفي دمشق؟", "من هاجم سجن الصناعة في ؟ وفي دمشق؟"),  # asks what the other did
        (ATTACK, "And who?", f"And who? {ATTACK}"),
        (FERRY, "وكم طفلاً بينهم؟", f"وكم طفلاً بينهم؟ {FERRY}"),  # the reader changes languages
        (ATTACK, "When was it attacked?", f"When was it attacked? {ATTACK}"),
        (FERRY, "What about the Tollard?", "How many passengers were injured on the ? What about the Tollard?"),
    ],
)
def test_the_missing_topic_is_carried_over(topic: str, question: str, searched: str) -> None:
    assert in_context(question, [asked("متى افتتحت المدرسة الجديدة في بلدة السنديان؟"), asked(topic)]) == searched


@pytest.mark.parametrize(
    "question",
    [
        "كم عدد ركاب العبّارة؟",
        "وين صار حريق الصوامع؟",  # وين is "where", not an "and"
        "من هو وزير الموانئ؟",
        "How long does it take to release one container at the port of Marsa Lulu?",
        "Which company offered its hotels to the ministry of harbours?",
        "ما ميزانية وزارة التربية لهذا العام؟",
    ],
)
def test_a_question_that_stands_by_itself_is_left_alone(question: str) -> None:
    assert in_context(question, [asked(FERRY)]) == question


def test_without_a_conversation_there_is_nothing_to_carry() -> None:
    assert in_context("ومتى؟", []) == "ومتى؟"


def test_a_chain_of_follow_ups_leans_on_the_question_that_began_it() -> None:
    assert in_context("and where?", [asked(FERRY), asked("and when?")]) == f"and where? {FERRY}"


def test_a_question_that_was_not_answered_gives_way_to_one_that_was() -> None:
    assert in_context("and when?", [asked(FERRY), asked("Who painted the Mona Lisa portrait?", "not_found")]) == f"and when? {FERRY}"


def test_old_questions_are_forgotten() -> None:
    later = [asked(f"Who painted the portrait number {n} of Aleppo?") for n in range(REMEMBERED)]
    assert FERRY not in in_context("and when?", [asked(FERRY), *later])


def test_a_follow_up_to_nothing_but_follow_ups_is_searched_with_the_first() -> None:
    assert leans("and when?")
    assert in_context("and where?", [asked("and the ferry?")]) == "and where? and the ferry?"
