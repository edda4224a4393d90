"""What the server tells whoever runs it: log lines, traces at a collector, and never a text that was not asked for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import pytest
from conftest import Doors
from test_api import QUESTION, ask

from rag.errors import SettingsError
from rag.settings import load_settings
from ui.service.telemetry import JsonLines, Telemetry, TextLines


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("bayan")
    before = root.handlers[:], root.level, own.level
    yield
    root.handlers[:], root.level, own.level = before


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_each_request_and_answer_is_a_line_without_its_texts(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    client = doors.client(log="json")
    client.get("/healthz", headers={"X-Request-Id": "mine-1"})
    answered = ask(client)
    client.get("/api/v1/search", params={"q": "olive"})
    client.get("/api/v1/statements/secret-id")
    told = lines(capsys)
    requests = {line["route"]: line for line in told if line["event"] == "request"}
    assert (requests["/healthz"]["request_id"], requests["/healthz"]["status"]) == ("mine-1", 200)
    assert requests["/api/v1/statements/{statement_id}"]["status"] == 404
    answer = next(line for line in told if line["event"] == "answer")
    assert (answer["status"], answer["language"], answer["citations"]) == ("answered", "en", len(answered["citations"]))
    assert answer["request_id"] == requests["/api/v1/ask"]["request_id"]
    assert set(answer["timings_ms"]) == {"retrieve", "evidence", "generate", "verify", "total"}
    assert next(line for line in told if line["event"] == "search")["hits"] >= 1
    text = json.dumps(told)
    assert all(word not in text for word in (QUESTION, "olive", "secret-id"))


def test_questions_are_written_where_the_settings_say_so(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    ask(doors.client(log="json", log_questions=True))
    told = lines(capsys)
    assert [line["question"] for line in told if line["event"] == "answer"] == [QUESTION]
    assert "40 tonnes" not in json.dumps(told)


def test_nothing_is_told_by_default(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    ask(doors.client())
    assert capsys.readouterr().err == ""


def test_lines_for_people_and_failures_with_their_trace() -> None:
    record = logging.makeLogRecord({"name": "bayan", "levelname": "INFO", "msg": "request", "facts": {"route": "/healthz", "status": 200}})
    assert TextLines().format(record).endswith('INFO request route="/healthz" status=200')
    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        failed = logging.makeLogRecord({"msg": "the answer failed", "exc_info": (type(error), error, error.__traceback__)})
    assert "RuntimeError: broken" in json.loads(JsonLines().format(failed))["trace"]
    assert "RuntimeError: broken" in TextLines().format(failed)


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    """A collector of OTLP traces on this machine, and the spans that it got."""
    import grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

    spans: list[Any] = []

    class Collector(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            spans.extend(span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans)
            return trace_service_pb2.ExportTraceServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}", spans
    server.stop(0)


def test_a_collector_gets_the_stages_of_an_answer_under_its_request(doors: Doors, collector: tuple[str, list[Any]]) -> None:
    address, spans = collector
    telemetry = Telemetry.configured(doors.settings.model_copy(update={"otlp_endpoint": address}))
    assistant = telemetry.observed(doors.assistant)
    with telemetry.request("id-1", "POST") as told:
        assistant.ask(QUESTION)
        told.update(route="/api/v1/ask", status=200)
    provider = telemetry.tracer.span_processor  # type: ignore[union-attr]
    assert provider.force_flush(5_000)
    named = {span.name: span for span in spans}
    assert set(named) == {"POST /api/v1/ask", *(f"bayan.{stage}" for stage in ("answer", "retrieve", "evidence", "generate", "verify"))}
    assert named["bayan.answer"].parent_span_id == named["POST /api/v1/ask"].span_id
    assert all(named[f"bayan.{stage}"].parent_span_id == named["bayan.answer"].span_id for stage in ("retrieve", "verify"))
    assert named["bayan.retrieve"].end_time_unix_nano <= named["bayan.evidence"].start_time_unix_nano
    assert QUESTION not in str(spans)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("frame_origins", "https://desk.example.org/page", '"https://desk.example.org/page" is no origin'),
        ("frame_origins", "*", '"*" is no origin'),
        ("log", "xml", "BAYAN_LOG"),
    ],
)
def test_settings_that_cannot_be_are_named(setting: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(**{setting: value})
    assert words in str(refused.value)


def test_a_collectors_address_that_is_none_is_named() -> None:
    with pytest.raises(SettingsError, match='BAYAN_OTLP_ENDPOINT cannot be "collector:4317"'):
        Telemetry.configured(load_settings(otlp_endpoint="collector:4317"))
