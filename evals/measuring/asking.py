"""Putting a set's questions to a system: conversations in their order, beside each other where that is safe.

for row in ask(place, {}, "bayan", retrieval_only=False, workers=2):
    ...  # evals.measuring.rows.Row, as they come
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from evals.measuring.places import Place
from evals.measuring.rows import Row, cell_of, is_verbatim
from evals.measuring.systems import System, open_system
from evals.questions.questions import Question
from rag.schema import Answer

Done = Mapping[tuple[str, str], Row]


def ask(place: Place, done: Done, system: str, *, retrieval_only: bool, workers: int) -> Generator[Row, None, None]:
    """Yield a row for each question not done, as they come; conversations run beside each other, each in its order."""
    waiting = [talk for talk in conversations(place.found.questions) if any((place.found.name, q.question_id) not in done for q in talk)]
    if not waiting:
        return
    opened = open_system(system, place.settings, by_statement=place.found.qrels is not None)
    talks = [_Conversation(place, opened, retrieval_only, talk, done) for talk in waiting]
    with ThreadPoolExecutor(workers) as pool:
        running: set[Future[tuple[Row, _Conversation]]] = set()
        try:
            while talks or running:
                while talks and len(running) < workers:
                    running.add(pool.submit(talks.pop(0).next))
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    row, talk = future.result()
                    if talk.left:
                        talks.insert(0, talk)
                    yield row
        finally:
            pool.shutdown(cancel_futures=True)


def conversations(questions: Sequence[Question]) -> list[list[Question]]:
    """Group questions with those that follow them, each after the one it follows."""
    by_id = {question.question_id: question for question in questions}
    groups: dict[str, list[tuple[int, Question]]] = defaultdict(list)
    for question in questions:
        first, depth = question, 0
        while first.follows is not None:
            first, depth = by_id[first.follows], depth + 1
        groups[first.question_id].append((depth, question))
    return [[question for _, question in sorted(group, key=lambda item: item[0])] for group in groups.values()]


class _Conversation:
    """A question and those that follow it; keeps what was answered, for the ones to come."""

    def __init__(self, place: Place, system: System, retrieval_only: bool, questions: Sequence[Question], done: Done) -> None:
        self._place, self._system, self._retrieval_only = place, system, retrieval_only
        known = {q.question_id: done.get((place.found.name, q.question_id)) for q in questions}
        self._questions = {question.question_id: question for question in questions}
        self._answers = {key: row.answer or _unspoken(row.question) for key, row in known.items() if row}
        self.left = [question for question in questions if known[question.question_id] is None]

    def next(self) -> tuple[Row, _Conversation]:
        question = self.left.pop(0)
        row = self._row(question, self._history(question))
        self._answers[question.question_id] = row.answer or _unspoken(question)
        return row, self

    def _history(self, question: Question) -> list[Answer]:
        before: list[Answer] = []
        while question.follows is not None:
            before.insert(0, self._answers[question.follows])
            question = self._questions[question.follows]
        return before

    def _row(self, question: Question, history: Sequence[Answer]) -> Row:
        found, statements = self._place.found, self._place.statements
        relevant = (found.qrels or {}).get(question.question_id)
        ask = self._system.search if self._retrieval_only else self._system.ask
        common: dict[str, Any] = {"relevant": relevant, "asked": not self._retrieval_only}
        cell = cell_of(question, statements, relevant)
        try:
            response = ask(question.question, history)
        except Exception as error:  # a system under test may fail in any way of its own; the run goes on and the failure counts
            return Row(found.name, question, cell, error=f"{type(error).__name__}: {error}", **common)
        answer = response.answer
        quotes = (*answer.citations, *answer.nearest) if answer else ()
        return Row(
            found.name,
            question,
            cell,
            hits=response.hits,
            answer=answer,
            verbatim=is_verbatim(quotes, statements),
            confidence=response.confidence,
            latency_ms=response.latency_ms,
            usage=response.usage,
            **common,
        )


def _unspoken(question: Question) -> Answer:
    """Stands in a conversation for an answer that there is not: the question was asked all the same."""
    return Answer(question.question, question.language, "not_found", "quote", None, "")
