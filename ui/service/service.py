"""What the doors for programs share: the assistant asked a few questions at a time, feedback written down, and what is counted.

Knows nothing of HTTP. The assistant computes on every core by itself, so that more questions at once only wait for each other.

    answer = await Service(assistant, settings).ask("كم عدد الجرحى؟")
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Literal

from anyio import CapacityLimiter, to_thread
from prometheus_client import CollectorRegistry, Counter, Histogram

from rag.schema import Answer, Completed, Event, Facets, Filters, Hit, Language, Quote, Statement
from rag.settings import Settings
from ui.service.jobs import Jobs
from ui.service.redaction import Redacted

if TYPE_CHECKING:
    from rag.assistant import Assistant

QUESTIONS_AT_ONCE = os.cpu_count() or 1  # with 20 readers on 2 cores, 1, 2, 4 and 8 at once came out alike: 7 to 10 answers a second
STREAMS_AT_ONCE = 40  # with a language model: most of them wait for it, and nobody's quotes are to wait for them
Spoken = Literal["auto", "ar", "en"]
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True)
class Feedback:
    """What a reader thought of an answer; `by` is the name of the reader's key, never an address."""

    time: str  # ISO, UTC
    by: str
    thumb: Literal["up", "down"]
    reason: str | None
    question: str
    answer: str | None
    request_id: str | None


class Meters:
    """What is counted, for Prometheus. Questions and texts are never among it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("bayan_requests", "Requests by door and status", ["method", "route", "status"], registry=self.registry)
        self.seconds = Histogram("bayan_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=self.registry)
        self.answers = Counter("bayan_answers", "Answers to programs", ["status", "language"], registry=self.registry)


class Service:
    """One assistant behind several doors."""

    def __init__(self, assistant: Assistant, settings: Settings) -> None:
        self.assistant, self.settings = Redacted(assistant), settings
        self.jobs, self.meters = Jobs(settings), Meters()
        self.at_once = QUESTIONS_AT_ONCE if settings.llm == "none" else STREAMS_AT_ONCE
        self._limiter, self._writing = CapacityLimiter(QUESTIONS_AT_ONCE), Lock()
        self._streams = CapacityLimiter(self.at_once)

    async def ask(
        self, question: str, *, history: Sequence[Answer] = (), language: Spoken = "auto", filters: Filters | None = None
    ) -> Answer:
        """Answer a question."""
        async with aclosing(self.stream(question, history=history, language=language, filters=filters)) as events:
            async for event in events:
                if isinstance(event, Completed):
                    return event.answer
        raise AssertionError("a stream always ends with Completed")

    async def stream(
        self, question: str, *, history: Sequence[Answer] = (), language: Spoken = "auto", filters: Filters | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer a question step by step; whoever stops listening ends the work with the step that it is at."""
        spoken: Language | None = None if language == "auto" else language
        with closing(self.assistant.stream(question, history=history, language=spoken, filters=filters)) as events:  # type: ignore[type-var]
            while (event := await to_thread.run_sync(next, events, None, limiter=self._streams)) is not None:
                if isinstance(event, Completed):
                    self.meters.answers.labels(event.answer.status, event.answer.language).inc()
                yield event

    async def search(self, query: str, *, top_k: int, filters: Filters | None = None) -> list[Hit]:
        """Return the passages nearest to a query that pass the filters."""
        return await to_thread.run_sync(lambda: self.assistant.search(query, top_k=top_k, filters=filters), limiter=self._limiter)

    async def around(self, passage_id: str, *, passages: int) -> Quote:
        """Return a passage with its neighbours. Raises UnknownStatement."""
        return await to_thread.run_sync(lambda: self.assistant.around(passage_id, passages=passages), limiter=self._limiter)

    async def facets(self, filters: Filters | None = None) -> Facets:
        """Count the statements that pass the filters, by value."""
        return await to_thread.run_sync(self.assistant.facets, filters, limiter=self._limiter)

    async def statements(self) -> list[Statement]:
        """Return every statement, newest first."""
        return await to_thread.run_sync(self.assistant.statements, limiter=self._limiter)

    async def statement(self, statement_id: str) -> Statement:
        """Return one statement. Raises UnknownStatement."""
        return await to_thread.run_sync(self.assistant.statement, statement_id, limiter=self._limiter)

    def record(self, feedback: Feedback) -> None:
        """Add a line to `feedback.jsonl` in the index folder."""
        line = json.dumps(asdict(feedback), ensure_ascii=False) + "\n"
        self.settings.index.mkdir(parents=True, exist_ok=True)
        with self._writing:
            file = os.open(self.settings.index / "feedback.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as lines:
                lines.write(line)


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
