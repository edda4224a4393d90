"""The whole of Bayan in one file: a question goes in, verbatim evidence is found, an answer comes out.

    question ─ check_question ─ retrieve ─ gather ─ compose ─ check ─ (write, with a language model) ─ Answer

Each step is a function or object of its own module; this one only joins them, as a LangChain runnable too. Knows nothing of source
files, terminals or browsers.

    assistant = Assistant.open("path/to/index")
    assistant.ask("كم عدد الشهداء؟").citations[0].quote
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable

from rag.build import newest_first, open_retriever, open_writer
from rag.errors import AnswerTimeout, HistoryError, QuestionError, UnknownStatement
from rag.generation.generate import Writer
from rag.language import foreign_language, language_of, words
from rag.reading.compose import check_quotes, cite, compose_quotes
from rag.reading.evidence import Evidence, gather
from rag.retrieval.followup import in_context
from rag.retrieval.retriever import Found, Retriever, to_hits
from rag.schema import (
    Answer,
    Check,
    Completed,
    Delta,
    Event,
    Facets,
    Filters,
    Hit,
    Language,
    Quote,
    Related,
    Retrieved,
    Statement,
    Timings,
    Version,
    to_json,
)
from rag.settings import Settings, load_settings
from rag.verification.check import DETAILS, check_answer

MAX_QUESTION_CHARS = 2_000
MAX_TURNS, MAX_TURN_CHARS = 20, 50_000  # of a conversation: how many of its last answers count, and the text of each with its quotes
NEAREST = 3  # quotes offered when there is no answer


class Assistant:
    """Answers questions from one index. Safe to share between threads."""

    def __init__(self, retriever: Retriever, settings: Settings, writer: Writer | None = None) -> None:
        self._retriever, self._settings, self._writer = retriever, settings, writer

    @classmethod
    def open(cls, index: str | Path | None = None, *, settings: Settings | None = None) -> Assistant:
        """Open an index; settings come from the environment unless given. Raises IndexMissing, IndexMismatch, ModelError and their kin."""
        settings = settings or load_settings(index=index)
        writer = open_writer(settings)  # a language model that is not there is told of before the index is loaded
        return cls(open_retriever(settings), settings, writer)

    # Asking

    def ask(
        self, question: str, *, history: Sequence[Answer] = (), language: Language | None = None, filters: Filters | None = None
    ) -> Answer:
        """Answer a question from the statements, or say that none was found in them.

        `history`: the answers so far, oldest first, of which the last MAX_TURNS count; a question that leans on one before it ("and
        when?") is searched with that, see `rag.retrieval.followup`. `language`: of the answer's frame; by default the question's.
        `filters`: the statements to look in; by default all.
        Raises QuestionError for a question that cannot be searched, HistoryError for answers too long to be read, FilterError for filters
        that no statement passes, AnswerTimeout.
        """
        for event in self.stream(question, history=history, language=language, filters=filters):
            if isinstance(event, Completed):
                return event.answer
        raise AssertionError("a stream always ends with Completed")

    def stream(
        self, question: str, *, history: Sequence[Answer] = (), language: Language | None = None, filters: Filters | None = None
    ) -> Iterator[Event]:
        """Answer a question step by step: Retrieved, then Delta for each piece of text, then Completed with the whole answer.

        The quotes come first, whole. With a language model and an answer to word, its Deltas follow (`by` model); Completed has its text,
        checked, or the quotes and why they stand alone.
        """
        arguments: dict[str, Any] = {"history": history, "language": language, "filters": filters}
        with closing(self.steps(question, **arguments)) as steps:
            yield from (step for step in steps if not isinstance(step, Answer))

    def steps(
        self, question: str, *, history: Sequence[Answer] = (), language: Language | None = None, filters: Filters | None = None
    ) -> Generator[Event | Answer, None, None]:
        """`stream`, and before any word of a language model the quoted answer by itself, checked."""
        clock = _Clock(self._settings.answer_timeout_s)
        question, history = check_question(question), check_history(history)
        asked, spoken = self._in_context(question, history), language or self._language(question)

        found = self._retriever.retrieve(asked, top_k=self._settings.top_k, filters=filters)
        clock.lap("retrieve")
        yield Retrieved(tuple(to_hits(found.candidates)))

        evidence = self._gather(asked, found, own=question if asked != question else "")
        clock.lap("evidence")

        answer = self._compose(question, evidence, spoken)
        for piece in answer.answer.splitlines(keepends=True):
            yield Delta(piece)
        clock.lap("generate")

        answer = replace(answer, checks=self._check(answer, found))
        clock.lap("verify")

        yield answer
        if self._writer and answer.status == "answered":
            answer = yield from self._writer.write(answer, history)
            clock.lap("generate")
        yield Completed(replace(answer, timings_ms=clock.timings()), evidence.confidence)

    def search(self, query: str, *, top_k: int = 10, filters: Filters | None = None) -> list[Hit]:
        """Return the passages nearest to a query that pass the filters, best first.

        Raises QuestionError when there is nothing to search for, FilterError for filters that no statement passes.
        """
        return to_hits(self._retriever.retrieve(check_question(query, foreign=True), top_k=top_k, filters=filters).candidates)

    async def aask(
        self, question: str, *, history: Sequence[Answer] = (), language: Language | None = None, filters: Filters | None = None
    ) -> Answer:
        """`ask` for asynchronous callers."""
        return await asyncio.to_thread(self.ask, question, history=history, language=language, filters=filters)

    async def astream(
        self, question: str, *, history: Sequence[Answer] = (), language: Language | None = None, filters: Filters | None = None
    ) -> AsyncIterator[Event]:
        """`stream` for asynchronous callers."""
        events = self.stream(question, history=history, language=language, filters=filters)
        while (event := await asyncio.to_thread(next, events, None)) is not None:
            yield event

    # Statements

    def statements(self) -> list[Statement]:
        """Return every statement, newest first, those without a date last."""
        return newest_first(self._retriever.statements())

    def statement(self, statement_id: str) -> Statement:
        """Return one statement. Raises UnknownStatement."""
        if found := self._retriever.statement(statement_id):
            return found
        raise UnknownStatement(f'no statement has the id "{statement_id}"; `bayan statements` lists them')

    def versions(self, statement_id: str) -> list[Version]:
        """Return the earlier texts of a statement that was corrected, newest first, with what differs. Raises UnknownStatement."""
        return self._retriever.versions(self.statement(statement_id))

    def related(self, statement_id: str) -> list[Related]:
        """Return the statements that nearly repeat one, the likest first, with what differs. Raises UnknownStatement."""
        return self._retriever.related(self.statement(statement_id))

    def around(self, passage_id: str, *, passages: int = 1) -> Quote:
        """Return a passage (of a hit) with its neighbours, word for word as they stand in the statement. Raises UnknownStatement."""
        if found := self._retriever.around(passage_id, passages=passages):
            return found
        raise UnknownStatement(f'no passage has the id "{passage_id}"; `bayan search … --json` tells the ids of passages')

    def facets(self, filters: Filters | None = None) -> Facets:
        """Count the statements, or those that pass the filters, by issuer, language, source and year. Raises FilterError."""
        return self._retriever.facets(filters)

    # LangChain

    def as_retriever(self, *, top_k: int = 10, filters: Filters | None = None) -> BaseRetriever:
        """Return a LangChain retriever: passages as Documents with the fields of `Hit` as metadata."""
        return StatementRetriever(assistant=self, top_k=top_k, filters=filters)

    def as_runnable(self) -> Runnable[str | Mapping[str, Any], Answer]:
        """Return a LangChain runnable from a question, or the arguments of `ask` as a mapping, to an Answer; see
        `rag.integrations.langchain`.
        """
        from rag.integrations.langchain import AnswerRunnable

        return AnswerRunnable(self)

    # Steps

    def _language(self, question: str) -> Language:
        return language_of(question) if self._settings.language == "auto" else self._settings.language

    def _gather(self, asked: str, found: Found, *, own: str) -> Evidence:
        evidence = gather(asked, found, count=max(self._settings.max_citations, NEAREST), own=own)
        return replace(evidence, quotes=evidence.quotes[: self._settings.max_citations if evidence.answers else NEAREST])

    def _in_context(self, question: str, history: Sequence[Answer]) -> str:
        """What to search for: a language model makes a follow-up question complete; without one, see `in_context`."""
        completed = self._writer.complete(question, history) if self._writer and history else None
        return completed or in_context(question, history)

    def _check(self, answer: Answer, found: Found) -> tuple[Check, ...]:
        """Every quote, compared with its statement, and what of the frame the statements do not bear out."""
        statements = {candidate.statement.statement_id: candidate.statement for candidate in found.candidates}
        framed = [finding.check for finding in check_answer(answer.answer, answer.citations)] if answer.citations else []
        wrong = [check for check in framed if check.kind in DETAILS and not check.supported]
        return (*check_quotes(answer.citations, statements), *wrong)

    def _compose(self, question: str, evidence: Evidence, language: Language) -> Answer:
        citations = cite(evidence.quotes)
        return Answer(
            question=question,
            language=language,
            status="answered" if evidence.answers else "not_found",
            mode="quote",
            model=None,
            answer=compose_quotes(evidence, language, question=question),
            citations=citations if evidence.answers else (),
            nearest=() if evidence.answers else citations,
        )


def check_question(question: str, *, foreign: bool = False) -> str:
    """Return the question without surrounding space. Raises QuestionError when it cannot be searched.

    `foreign` lets other languages pass, for searching by keywords.
    """
    question = question.strip()
    if not words(question):
        raise QuestionError(f'the question "{question}" has no words; write one in Arabic or English')
    if len(question) > MAX_QUESTION_CHARS:
        raise QuestionError(f"the question has {len(question)} characters; at most {MAX_QUESTION_CHARS} are allowed, shorten it")
    if not foreign and (code := foreign_language(question)):
        raise QuestionError(f'the question "{question}" seems to be in another language ({code}); ask in Arabic or English')
    return question


def check_history(history: Sequence[Answer]) -> Sequence[Answer]:
    """Return the last MAX_TURNS answers of a conversation. Raises HistoryError when one is longer than any that Bayan gives."""
    last = history[-MAX_TURNS:]
    for turn, answer in enumerate(last, len(history) - len(last) + 1):
        said = len(answer.answer) + sum(len(found.quote) + len(found.title) for found in (*answer.citations, *answer.nearest))
        if len(answer.question) > MAX_QUESTION_CHARS or said > MAX_TURN_CHARS:
            raise HistoryError(
                f"turn {turn} of the conversation has a question of {len(answer.question)} characters and an answer of {said}; at most "
                f"{MAX_QUESTION_CHARS} and {MAX_TURN_CHARS} are read: shorten it, or leave it out"
            )
    return last


class StatementRetriever(BaseRetriever):
    """LangChain's view of the search."""

    assistant: Any
    top_k: int
    filters: Filters | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        hits = self.assistant.search(query, top_k=self.top_k, filters=self.filters)
        return [Document(page_content=hit.text, id=hit.passage_id, metadata=to_json(hit)) for hit in hits]


class _Clock:
    """Milliseconds of each stage. Raises AnswerTimeout at the end of the stage in which the time is up."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = round(self._laps.get(stage, 0) + (now - self._last) * 1000, 1)
        self._last = now
        if stage in ("retrieve", "evidence") and now - self._start > self._limit_s:  # a language model's time has a limit of its own
            raise AnswerTimeout(f"the answer took longer than {self._limit_s:g} s; ask a shorter question, or set BAYAN_ANSWER_TIMEOUT_S")

    def timings(self) -> Timings:
        return Timings(**self._laps, total=round((time.perf_counter() - self._start) * 1000, 1))
