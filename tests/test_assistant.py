"""The whole pipeline with the real embedding model: the sample questions, the development set, and every way to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import REPOSITORY, RealModel, shared
from langchain_core.documents import Document

from evals.measuring.measures import is_right
from evals.measuring.rows import Row
from evals.questions.questions import Question, read_questions
from rag import Answer, Assistant
from rag.errors import QuestionError, UnknownStatement
from rag.schema import Completed, Delta, Language, Retrieved

pytestmark = pytest.mark.integration

EVIDENCE = {"ar": 0.80, "en": 0.80}  # share of answerable questions whose evidence stands in the first two quotes, at least
REFUSED = {"ar": 0.80, "en": 0.80}  # share of unanswerable questions refused, at least
ARABIC, ENGLISH = "أي مخطوط لم يعثر عليه حتى الآن؟", "How many teachers has Qamaria's education ministry newly hired?"
FOLLOWED = 0.85  # share of follow-ups answered by their evidence, at least
UNANSWERABLE = "من فاز بكأس العالم سنة 2018؟"


@dataclass(frozen=True)
class Outcome:
    """A question and its answer."""

    question: Question
    answer: Answer

    @property
    def right(self) -> bool:
        return is_right(Row("samples", self.question, "", answer=self.answer))


def run(assistant: Assistant, questions: Sequence[Question]) -> list[Outcome]:
    return [Outcome(question, assistant.ask(question.question)) for question in questions]


def share_right(outcomes: Iterable[Outcome], *, language: str, answerable: bool) -> float:
    """The share of right outcomes among the questions in `language`."""
    chosen = [o.right for o in outcomes if o.question.language == language and o.question.answerable == answerable]
    return sum(chosen) / len(chosen)


@pytest.fixture(scope="module")
def outcomes(samples: Assistant) -> list[Outcome]:
    """The sample questions, asked once for all the tests that look at them."""
    return run(samples, read_questions(REPOSITORY / "evals" / "sets" / "samples.jsonl"))


def wrong(outcomes: Iterable[Outcome]) -> str:
    return "\n".join(f"{o.question.question_id} {o.question.question} → {o.answer.answer}" for o in outcomes if not o.right)


def check_verbatim(answer: Answer, assistant: Assistant) -> None:
    """Quotes are their statement's text, numbered from 1 and marked in the answer; there are citations or, when not found, nearest ones."""
    for citation in (*answer.citations, *answer.nearest):
        statement = assistant.statement(citation.statement_id)
        assert citation.quote == statement.text[citation.start : citation.end] != ""
        assert (citation.title, citation.issuer, citation.date, citation.source) == (
            statement.title,
            statement.issuer,
            statement.date,
            statement.source,
        )
    cited = answer.citations or answer.nearest
    assert [citation.number for citation in cited] == list(range(1, len(cited) + 1))
    assert bool(answer.citations) == (answer.status == "answered")
    assert not (answer.citations and answer.nearest)
    assert all(f"[{citation.number}]" in answer.answer and citation.quote in answer.answer for citation in answer.citations)
    assert [(check.text, check.supported) for check in answer.checks] == [(citation.quote, True) for citation in answer.citations]


# The question sets


@pytest.mark.parametrize("language", ["ar", "en"])
def test_answerable_sample_questions_are_answered_by_the_evidence(outcomes: list[Outcome], language: Language) -> None:
    of_language = [o for o in outcomes if o.question.language == language and o.question.answerable]
    assert len(of_language) >= 10
    assert share_right(outcomes, language=language, answerable=True) >= EVIDENCE[language], wrong(of_language)


@pytest.mark.parametrize("language", ["ar", "en"])
def test_unanswerable_sample_questions_are_refused(outcomes: list[Outcome], language: Language) -> None:
    of_language = [o for o in outcomes if o.question.language == language and not o.question.answerable]
    assert len(of_language) >= 5
    assert share_right(outcomes, language=language, answerable=False) >= REFUSED[language], wrong(of_language)


def test_every_citation_is_verbatim(outcomes: list[Outcome], samples: Assistant) -> None:
    assert len({citation.statement_id for outcome in outcomes for citation in outcome.answer.citations}) >= 10
    for outcome in outcomes:
        check_verbatim(outcome.answer, samples)


def test_answers_are_framed_in_the_language_of_the_question(outcomes: list[Outcome]) -> None:
    beginnings = {
        ("ar", "answered"): (
            "أقرب ما جاء إلى سؤالك في بيان",
            "أقرب ما جاء إلى سؤالك في البيانات:",
            "أقرب ما جاء إلى سؤالك في بيانات تختلف",
        ),
        ("ar", "not_found"): ("لم يُعثر في البيانات على جواب عن هذا السؤال.",),
        ("en", "answered"): (
            "Nearest to your question, from the statement",
            "Nearest to your question, from statements that give different",
        ),
        ("en", "not_found"): ("No answer to this question was found in the statements.",),
    }
    seen = set()
    for outcome in outcomes:
        answer = outcome.answer
        assert answer.language == outcome.question.language
        assert answer.answer.startswith(beginnings[answer.language, answer.status]), answer.answer
        seen.add((answer.language, answer.status))
    assert seen == set(beginnings)


def test_follow_ups_are_answered_by_their_own_evidence(samples: Assistant) -> None:
    questions = {q.question_id: q for q in read_questions(REPOSITORY / "evals" / "sets" / "follow-ups.jsonl")}
    pairs = [(questions[q.follows], q) for q in questions.values() if q.follows]
    assert len(pairs) >= 25
    answers = [samples.ask(then.question, history=[samples.ask(first.question)]) for first, then in pairs]
    outcomes = [Outcome(then, answer) for (_, then), answer in zip(pairs, answers, strict=True)]
    assert sum(outcome.right for outcome in outcomes) / len(outcomes) >= FOLLOWED, wrong(outcomes)


@pytest.fixture(scope="module")
def hasakah(real_model: RealModel, tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    """The statement on the attack on the prison in Hasakah, alone in its index."""
    source = shared("statements/hasakah-prison-attack.txt")
    return real_model.assistant(tmp_path_factory.mktemp("hasakah") / "index", source)


def test_the_hasakah_statement_answers_its_questions_and_no_others(hasakah: Assistant) -> None:
    outcomes = run(hasakah, read_questions(shared("evalsets/hasakah-dev.jsonl")))
    assert [o.question.answerable for o in outcomes].count(True) == 6
    assert [o.question.answerable for o in outcomes].count(False) == 2
    assert all(outcome.right for outcome in outcomes), wrong(outcomes)
    for outcome in outcomes:
        check_verbatim(outcome.answer, hasakah)


# Ways to ask


@pytest.mark.parametrize(
    ("question", "figures", "newer"),
    [
        ("How many tonnes of wheat burned in the silos?", ("five hundred and twenty tonnes", "٣٤٥ طناً"), "five hundred and twenty"),
        ("كم طناً من القمح احترق في الصوامع؟", ("٣٤٥ طناً", "five hundred and twenty tonnes"), "five hundred and twenty"),
        (
            "How many children were injured in the ferry collision?",
            ("Five of the injured are children", "ستة أطفال"),
            "Five of the injured",
        ),
    ],
)
def test_statements_that_differ_are_quoted_side_by_side_and_the_newer_is_marked(
    samples: Assistant, question: str, figures: tuple[str, str], newer: str
) -> None:
    answer = samples.ask(question)
    assert [figure in citation.quote for figure, citation in zip(figures, answer.citations, strict=True)] == [True, True]
    told = {"en": ("different figures", "(newer)"), "ar": ("تختلف أرقامها", "(الأحدث)")}[answer.language]
    assert all(words in answer.answer for words in told)
    marked = next(line for line in answer.answer.splitlines() if told[1] in line)
    assert newer in marked


def test_the_other_language_can_be_asked_for(samples: Assistant) -> None:
    answer = samples.ask(ARABIC, language="en")
    assert (answer.language, answer.question) == ("en", ARABIC)
    assert answer.answer.startswith("Nearest to your question, from the statement")
    assert "(in Arabic)" in answer.answer


def test_a_follow_up_is_read_with_the_question_before_it(samples: Assistant) -> None:
    first = samples.ask("متى وقع تصادم العبارة؟")
    alone, following = samples.ask("وأين؟"), samples.ask("وأين؟", history=[first])
    assert following.question == "وأين؟"
    about = {citation.statement_id for citation in (*first.citations, *first.nearest)}
    assert {citation.statement_id for citation in (*following.citations, *following.nearest)} & about
    assert first.citations[0].statement_id.startswith("ferry-")
    assert (*following.citations, *following.nearest)[0].statement_id.startswith("ferry-")
    assert (alone.citations, alone.nearest) != (following.citations, following.nearest)


def test_a_question_with_words_of_its_own_is_read_alone(samples: Assistant) -> None:
    first, alone = samples.ask(ENGLISH), samples.ask(ARABIC)
    following = samples.ask(ARABIC, history=[first])
    assert (following.citations, following.answer) == (alone.citations, alone.answer)


def test_the_stream_brings_hits_then_text_then_the_answer(samples: Assistant) -> None:
    events = list(samples.stream(ARABIC))
    assert isinstance(events[0], Retrieved)
    assert [hit.rank for hit in events[0].hits] == list(range(1, len(events[0].hits) + 1))
    assert isinstance(events[-1], Completed)
    middle = events[1:-1]
    assert middle
    assert all(isinstance(event, Delta) for event in middle)
    assert "".join(event.text for event in middle if isinstance(event, Delta)) == events[-1].answer.answer
    timings = events[-1].answer.timings_ms
    assert 0 < timings.retrieve + timings.evidence + timings.generate + timings.verify <= timings.total + 1
    cited = {citation.statement_id for citation in events[-1].answer.citations}
    assert cited <= {hit.statement_id for hit in events[0].hits}


def test_asynchronous_callers_get_the_same(samples: Assistant) -> None:
    async def ask() -> tuple[Answer, list[object]]:
        return await samples.aask(ARABIC), [event async for event in samples.astream(ARABIC)]

    answer, events = asyncio.run(ask())
    assert answer.citations == samples.ask(ARABIC).citations
    assert isinstance(events[-1], Completed)
    assert events[-1].answer.citations == answer.citations


def test_langchain_gets_documents(samples: Assistant) -> None:
    documents = samples.as_retriever(top_k=3).invoke(ENGLISH)
    assert len(documents) == 3
    assert all(isinstance(document, Document) for document in documents)
    hits = samples.search(ENGLISH, top_k=3)
    assert [document.page_content for document in documents] == [hit.text for hit in hits]
    assert [document.metadata["source"] for document in documents] == [hit.source for hit in hits]
    assert documents[0].id == hits[0].passage_id
    assert "school-calendar" in documents[0].metadata["statement_id"]


def test_langchain_gets_a_runnable(samples: Assistant) -> None:
    runnable = samples.as_runnable()
    assert runnable.invoke(ARABIC).citations == samples.ask(ARABIC).citations
    assert [answer.question for answer in runnable.batch([ARABIC, ENGLISH])] == [ARABIC, ENGLISH]
    assert asyncio.run(runnable.ainvoke(ENGLISH)).status == "answered"


def test_search_ranks_passages_of_both_languages(samples: Assistant) -> None:
    hits = samples.search("الموانئ ports", top_k=10)
    assert [hit.rank for hit in hits] == list(range(1, 11))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.language for hit in hits} == {"ar", "en"}
    assert all(hit.text == samples.statement(hit.statement_id).text[hit.start : hit.end] for hit in hits)


def test_what_is_not_in_the_statements_is_said_not_to_be(samples: Assistant) -> None:
    answer = samples.ask(UNANSWERABLE)
    assert (answer.status, answer.citations, answer.checks) == ("not_found", (), ())
    assert len(answer.nearest) == 3
    assert not any(citation.quote in answer.answer for citation in answer.nearest), "offered, not asserted"


def test_statements_come_newest_first(samples: Assistant) -> None:
    statements = samples.statements()
    dates = [statement.date or "" for statement in statements]
    assert dates == sorted(dates, reverse=True)
    assert {Path(statement.source).name for statement in statements} == {
        path.name for path in (REPOSITORY / "ingest" / "samples").iterdir()
    }
    with pytest.raises(UnknownStatement, match=r'no statement has the id "nothing"; `bayan statements` lists them'):
        samples.statement("nothing")


@pytest.mark.parametrize(
    "question", ["", "؟", "\u200f \u0640", "Combien de personnes ont été blessées dans l'attaque du port ?", "سؤال " * 500]
)
def test_a_question_that_cannot_be_searched_is_refused(samples: Assistant, question: str) -> None:
    with pytest.raises(QuestionError, match="the question"):
        samples.ask(question)
