"""What the server tells whoever runs it: a line for each request and each answer, and traces for a collector that the settings name.

Never the text of a question unless `BAYAN_LOG_QUESTIONS` is set, never that of an answer or a statement. Knows nothing of what the doors
do; without settings it is silent, and nothing is sent anywhere.

    {"time": "…", "level": "INFO", "event": "answer", "request_id": "5f…", "status": "answered", "language": "ar", "ms": 41.2, …}
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rag.errors import SettingsError
from rag.schema import Answer, Completed, Event, Hit, to_json
from rag.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from rag.assistant import Assistant

log = logging.getLogger("bayan")
request_id: ContextVar[str] = ContextVar("request_id", default="")
STAGES = ("retrieve", "evidence", "generate", "verify")  # of an answer, one after the other


class Telemetry:
    """Tells of requests and answers by log lines and spans, as far as the settings want either."""

    def __init__(self, *, lines: bool = False, questions: bool = False, tracer: Tracer | None = None) -> None:
        self.lines, self.questions, self.tracer = lines, questions, tracer

    @classmethod
    def configured(cls, settings: Settings) -> Telemetry:
        """Set logging up for this process, and tracing. Raises SettingsError for a collector's address that is none."""
        if settings.log != "off":
            _log_to_stderr(as_json=settings.log == "json")
        tracer = _tracer(settings.otlp_endpoint) if settings.otlp_endpoint else None
        return cls(lines=settings.log != "off", questions=settings.log_questions, tracer=tracer)

    def observed(self, assistant: Assistant) -> Assistant:
        """Return an assistant whose answers and searches are told of; the same one when nothing is to be told."""
        return Observed(assistant, self) if self.lines or self.tracer else assistant  # type: ignore[return-value]

    @contextmanager
    def request(self, visit_id: str, method: str) -> Iterator[dict[str, Any]]:
        """Tell of a request; the block fills in its `route`, `status` and `caller`."""
        facts: dict[str, Any] = {"request_id": visit_id, "method": method}
        token, began = request_id.set(visit_id), time.perf_counter()
        try:
            if self.tracer is None:
                yield facts
            else:
                with self.tracer.start_as_current_span(method) as span:
                    yield facts
                    _describe(span, f"{method} {facts.get('route', '')}", facts)
        finally:
            request_id.reset(token)
            self.tell("request", **facts, ms=_since(began))

    def answered(self, question: str, answer: Answer, began_ns: int) -> None:
        """Tell of an answer, its stages as spans of the request that asked."""
        facts = {
            "status": answer.status,
            "mode": answer.mode,
            "model": answer.model,
            "language": answer.language,
            "citations": len(answer.citations),
            "unsupported": sum(not check.supported for check in answer.checks),
        }
        self.tell("answer", request_id=request_id.get(), **facts, **self._asked(question), timings_ms=to_json(answer.timings_ms))
        if self.tracer:
            from opentelemetry.trace import set_span_in_context

            whole = self.tracer.start_span("bayan.answer", start_time=began_ns)
            _describe(whole, "bayan.answer", facts | self._asked(question))
            at, inside = began_ns, set_span_in_context(whole)
            for stage in STAGES:
                ends = at + int(getattr(answer.timings_ms, stage) * 1_000_000)
                self.tracer.start_span(f"bayan.{stage}", context=inside, start_time=at).end(ends)
                at = ends
            whole.end()

    def searched(self, query: str, hits: int, began: float) -> None:
        """Tell of a search."""
        self.tell("search", request_id=request_id.get(), hits=hits, **self._asked(query), ms=_since(began))

    def tell(self, event: str, **facts: Any) -> None:
        """Write one line."""
        if self.lines:
            log.info(event, extra={"facts": facts})

    def _asked(self, question: str) -> dict[str, str]:
        return {"question": question} if self.questions else {}


class Observed:
    """An assistant that tells of each answer and search; in all else the assistant it is given."""

    def __init__(self, assistant: Assistant, telemetry: Telemetry) -> None:
        self._assistant, self._telemetry = assistant, telemetry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._assistant, name)

    def stream(self, question: str, **options: Any) -> Iterator[Event]:
        """Answer step by step; the whole answer is told of before it is handed on."""
        began_ns = time.time_ns()
        for event in self._assistant.stream(question, **options):
            if isinstance(event, Completed):
                self._telemetry.answered(question, event.answer, began_ns)
            yield event

    def ask(self, question: str, **options: Any) -> Answer:
        """Answer a question."""
        *_, last = self.stream(question, **options)
        assert isinstance(last, Completed)
        return last.answer

    def search(self, query: str, **options: Any) -> list[Hit]:
        """Search."""
        began = time.perf_counter()
        hits = self._assistant.search(query, **options)
        self._telemetry.searched(query, len(hits), began)
        return hits


class JsonLines(logging.Formatter):
    """A record as one JSON object: what it tells as fields of their own, an exception as its trace."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": _moment(record), "level": record.levelname, "event": record.getMessage(), **getattr(record, "facts", {})}
        if record.exc_info:
            told |= {"request_id": request_id.get(), "trace": self.formatException(record.exc_info)}
        return json.dumps(told, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """A record as one line for people: `key=value` after the event."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in getattr(record, "facts", {}).items())
        line = f"{_moment(record)} {record.levelname} {record.getMessage()} {facts}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _log_to_stderr(*, as_json: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(logging.INFO)


def _tracer(endpoint: str) -> Tracer:
    """Return a tracer that sends spans to an OTLP collector (gRPC), in the background."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if not endpoint.startswith(("http://", "https://")):
        raise SettingsError(f'BAYAN_OTLP_ENDPOINT cannot be "{endpoint}"; give the address of a collector, such as http://localhost:4317')
    provider = TracerProvider(resource=Resource.create({"service.name": "bayan"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"))))
    return provider.get_tracer("bayan")


def _describe(span: Span, name: str, facts: dict[str, Any]) -> None:
    span.update_name(name)
    for key, value in facts.items():
        if value is not None:
            span.set_attribute(f"bayan.{key}", value)


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1_000, 1)
