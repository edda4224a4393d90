"""REST and the doorway before it: the records of the library as JSON, problem objects for what goes wrong, nothing for other web sites."""

from __future__ import annotations

import io
import json
import logging
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from conftest import Doors
from fastapi.testclient import TestClient

from ingest import ingest
from rag.errors import IndexUnusable
from rag.schema import to_json
from ui.service.redaction import told

QUESTION = "How many tonnes did the olive harvest reach?"
QUOTE = "The ministry said the olive harvest reached 40 tonnes."
PIER = "A new pier\n\nThe new pier in the harbour opened with 12 berths for fishing boats.\n"
PIER_QUESTION = "How many berths does the new pier in the harbour have?"


@pytest.fixture
def client(doors: Doors) -> TestClient:
    return doors.client()


def problem(response: Any, status: int, code: str) -> str:
    """The line of a problem object, which must be complete."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = response.json()
    assert (response.status_code, body["status"], body["code"], body["type"]) == (status, status, code, f"urn:bayan:problem:{code}")
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["detail"] and "\n" not in body["detail"]
    return str(body["detail"])


def ask(client: TestClient, question: str = QUESTION, **more: Any) -> Any:
    response = client.post("/api/v1/ask", json={"question": question, **more})
    assert response.status_code == 200, response.text
    return response.json()


def events(text: str) -> list[tuple[str, Any]]:
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.strip().split("\n\n")]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


# What readers are told of sources


def test_no_reader_is_told_the_servers_folders(doors: Doors, client: TestClient, tmp_path: Path) -> None:
    """Not by an answer, nor by what it is made of; what they are told can be filtered by."""
    (tmp_path / "more").mkdir()
    shutil.copy(tmp_path / "statements" / "olives.md", tmp_path / "more" / "copy.md")
    (tmp_path / "more" / "pier.txt").write_text(PIER, encoding="utf-8")
    (tmp_path / "more" / "pier.meta.toml").write_text('source = "https://example.org/1"', encoding="utf-8")
    ingest([tmp_path / "more"], settings=doors.settings)
    paths = ["search?q=olive", "facets", "statements", *(f"statements/{s.statement_id}" for s in doors.assistant.statements())]
    texts = [client.get(f"/api/v1/{path}").text for path in paths]
    texts += [client.post("/api/v1/ask", json={"question": QUESTION, "stream": stream}).text for stream in (False, True)]
    texts += [client.post("/api/v1/ask", json={"question": "Which footballer scored twice yesterday?"}).text]
    asked = {"model": "bayan", "messages": [{"role": "user", "content": QUESTION}]}
    texts += [client.post("/v1/chat/completions", json={**asked, "stream": stream}).text for stream in (False, True)]
    assert not [text for text in texts if str(tmp_path) in text]
    assert client.get("/api/v1/facets").json()["sources"] == {"statements": 2, "example.org": 1}
    listed = {s["source"]: (s["place"], s["also_at"]) for s in client.get("/api/v1/statements").json()["statements"]}
    assert listed == {"olives.md": (None, ["copy.md"]), "water.txt": (None, []), "https://example.org/1": ("pier.txt", [])}
    for source in ("statements", "olives.md", str(tmp_path / "statements")):
        assert ask(client, filters={"sources": [source]})["citations"][0]["source"] == "olives.md"


def test_what_an_upload_is_told_of_names_no_folder_either(client: TestClient, tmp_path: Path) -> None:
    report = upload(client, "pier.html", f"<html><title>A new pier</title><body><script>{'x' * 40}</script>{PIER}")["report"]
    assert report["added"] == 1
    assert str(tmp_path) not in json.dumps(report)


# Asking


def test_an_answer_is_the_librarys_field_by_field(doors: Doors, client: TestClient) -> None:
    expected, got = to_json(told(doors.assistant.ask(QUESTION))), ask(client)
    assert list(got) == list(expected)
    assert {**got, "timings_ms": None} == {**expected, "timings_ms": None}
    assert QUOTE in got["citations"][0]["quote"]


def test_the_answers_own_words_are_in_the_language_asked_for(client: TestClient) -> None:
    assert (ask(client)["language"], ask(client, language="ar")["language"]) == ("en", "ar")


def test_a_question_that_follows_is_read_with_the_one_before(client: TestClient) -> None:
    first = ask(client)
    alone = client.post("/api/v1/ask", json={"question": "And how?"}).json()
    assert QUOTE not in str(alone.get("citations"))
    assert QUOTE in ask(client, "And how?", history=[first])["citations"][0]["quote"]


@pytest.mark.parametrize("how", [{"json": {"stream": True}}, {"json": {}, "headers": {"Accept": "text/event-stream"}}])
def test_a_stream_ends_with_the_whole_answer(client: TestClient, how: dict[str, Any]) -> None:
    how["json"] |= {"question": QUESTION}
    response = client.post("/api/v1/ask", **how)
    assert response.headers["content-type"].startswith("text/event-stream")
    told = events(response.text)
    names = [name for name, _ in told]
    assert (names[0], set(names[1:-1]), names[-1]) == ("retrieved", {"delta"}, "completed")
    assert told[0][1]["hits"][0]["title"] == "Olive harvest"
    answer = told[-1][1]["answer"]
    assert "".join(data["text"] for name, data in told if name == "delta") == answer["answer"]
    assert {**answer, "timings_ms": None} == {**ask(client), "timings_ms": None}


def test_what_is_wrong_with_a_question_is_told_before_its_stream_begins(client: TestClient) -> None:
    problem(client.post("/api/v1/ask", json={"question": "؟؟", "stream": True}), 422, "question-not-searchable")


def test_a_stream_that_breaks_says_so_without_internals(
    doors: Doors, client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*arguments: Any, **options: Any) -> Iterator[Any]:
        yield next(original(*arguments, **options))
        raise RuntimeError("secret internals")

    original = doors.assistant.stream
    monkeypatch.setattr(doors.assistant, "stream", breaks)
    told = events(client.post("/api/v1/ask", json={"question": QUESTION, "stream": True}).text)
    assert [(name, data.get("code")) for name, data in told] == [("retrieved", None), ("problem", "internal-error")]
    assert "secret" not in str(told)
    assert "secret internals" in caplog.text


def test_a_search_is_the_command_lines(doors: Doors, client: TestClient) -> None:
    found = client.get("/api/v1/search", params={"q": "المياه", "top_k": 1}).json()
    assert found == {"query": "المياه", "hits": to_json([told(hit) for hit in doors.assistant.search("المياه", top_k=1)])}


def test_statements_come_newest_first_in_pages(doors: Doors, client: TestClient) -> None:
    every = to_json([told(statement) for statement in doors.assistant.statements()])
    assert client.get("/api/v1/statements").json() == {"statements": every, "total": 2}
    assert client.get("/api/v1/statements?limit=1&offset=1").json() == {"statements": every[1:], "total": 2}
    assert client.get(f"/api/v1/statements/{every[0]['statement_id']}").json() == every[0]


# What goes wrong


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (("POST", "/ask", {"json": {"question": ""}}), 422, "question-not-searchable"),
        (("POST", "/ask", {"json": {"question": "Combien de tonnes d'olives ont été récoltées ?"}}), 422, "question-not-searchable"),
        (("POST", "/ask", {"json": {"query": "x"}}), 422, "invalid-request"),
        (("POST", "/ask", {"json": {"question": "x", "language": "fr"}}), 422, "invalid-request"),
        (("POST", "/ask", {"content": '{"question": "\\ud800"}', "headers": {"Content-Type": "application/json"}}), 422, "invalid-request"),
        (("POST", "/ask", {"content": "{", "headers": {"Content-Type": "application/json"}}), 422, "invalid-request"),
        (("POST", "/ask", {"content": b"\xff{", "headers": {"Content-Type": "application/json"}}), 400, "bad-request"),
        (("POST", "/ask", {"content": b"x" * 2_000_001}), 413, "too-large"),
        (("GET", "/ask", {}), 405, "method-not-allowed"),
        (("GET", "/search", {}), 422, "invalid-request"),
        (("GET", "/search?q=x&top_k=1000", {}), 422, "invalid-request"),
        (("GET", "/statements/nothing", {}), 404, "unknown-statement"),
        (("GET", "/jobs/nothing", {}), 404, "unknown-job"),
        (("GET", "/nothing", {}), 404, "not-found"),
        (("POST", "/jobs", {"files": [("files", ("a.exe", b"MZ"))]}), 415, "format-not-read"),
        (("POST", "/jobs", {"files": [("files", ("a.txt", b"a")), ("files", ("x/a.txt", b"b"))]}), 422, "duplicate-name"),
    ],
)
def test_each_refusal_is_a_problem_object(client: TestClient, request_: tuple[str, str, Any], status: int, code: str) -> None:
    method, path, options = request_
    problem(client.request(method, f"/api/v1{path}", **options), status, code)
    documented = client.get("/api/v1/openapi.json").json()["paths"].get(path, {}).get(method.lower())
    assert documented is None or str(status) in documented["responses"]


def test_what_is_unexpected_is_logged_once_and_not_told(
    doors: Doors, client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("secret internals")

    monkeypatch.setattr(doors.assistant, "search", breaks)
    assert "secret" not in problem(client.get("/api/v1/search?q=x"), 500, "internal-error")
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]


def test_an_index_that_cannot_be_read_is_a_passing_state(doors: Doors, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*arguments: Any, **options: Any) -> Any:
        raise IndexUnusable("the store of the index does not answer")

    assert client.get("/readyz").json() == {"status": "ready"}
    monkeypatch.setattr(doors.assistant, "statement", gone)
    response = client.get("/readyz")
    problem(response, 503, "index-unusable")
    assert response.headers["retry-after"] == "5"
    assert client.get("/healthz").json() == {"status": "ok"}


# Adding statements


def upload(client: TestClient, name: str, text: str | bytes) -> Any:
    """The job that ingests one file, when it has ended."""
    return ended(client, client.post("/api/v1/jobs", files=[("files", (name, text if isinstance(text, bytes) else text.encode()))]))


def ended(client: TestClient, response: Any) -> Any:
    """The job that a response tells of, when it has ended."""
    assert response.status_code == 202, response.text
    for _ in range(200):
        job = client.get(response.headers["location"]).json()
        if job["status"] in ("done", "failed"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job does not end: {job}")


def test_an_uploaded_statement_answers(client: TestClient) -> None:
    job = upload(client, "pier.txt", PIER)
    assert (job["status"], job["files"], job["problem"], job["report"]["added"]) == ("done", ["pier.txt"], None, 1)
    assert "12 berths" in ask(client, PIER_QUESTION)["citations"][0]["quote"]


def test_an_upload_of_the_same_name_updates(client: TestClient) -> None:
    upload(client, "pier.txt", PIER)
    assert upload(client, "pier.txt", PIER)["report"]["unchanged"] == 1
    assert upload(client, "pier.txt", PIER.replace("12", "14"))["report"]["updated"] == 1
    assert "14 berths" in ask(client, PIER_QUESTION)["citations"][0]["quote"]
    assert client.get("/api/v1/statements").json()["total"] == 3


def test_an_upload_that_cannot_be_read_replaces_nothing(client: TestClient, index: Path) -> None:
    upload(client, "pier.txt", PIER)
    job = upload(client, "pier.txt", b"\0\1\2")
    assert job["report"]["rejected"] == [{"source": "pier.txt", "reason": job["report"]["rejected"][0]["reason"]}]
    assert job["report"]["rejected"][0]["reason"].startswith('"pier.txt" is binary')
    assert (index / "uploads" / "pier.txt").read_text(encoding="utf-8") == PIER
    assert [path.name for path in (index / "uploads").iterdir()] == ["pier.txt"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../../up.txt", "up.txt"), ("..\\up.txt", "up.txt"), ("بيان رقم ١.txt", "بيان-رقم-١.txt"), ("‮.hidden .TXT", "hidden.txt")],
)
def test_an_uploads_name_cannot_lead_out_of_its_folder(client: TestClient, index: Path, name: str, kept: str) -> None:
    assert upload(client, name, PIER)["files"] == [kept]
    assert [path.name for path in (index / "uploads").iterdir()] == [kept]


def test_an_upload_is_bounded(doors: Doors) -> None:
    client = doors.client(upload_mb=1)
    problem(client.post("/api/v1/jobs", files=[("files", ("big.txt", b"word " * 300_000))]), 413, "too-large")
    assert upload(client, "pier.txt", PIER)["status"] == "done"


def test_a_statement_that_is_removed_answers_no_more(client: TestClient) -> None:
    statement = ask(client)["citations"][0]["statement_id"]
    job = ended(client, client.delete(f"/api/v1/statements/{statement}"))
    assert (job["status"], job["files"], job["report"]["removed"]) == ("done", [], 1)
    problem(client.get(f"/api/v1/statements/{statement}"), 404, "unknown-statement")
    assert client.get("/api/v1/statements").json()["total"] == 1
    assert QUOTE not in str(ask(client))
    for unknown in (statement, statement[:6], "no-such-id"):
        assert unknown in problem(client.delete(f"/api/v1/statements/{unknown}"), 404, "unknown-statement")


def test_a_job_that_meets_another_ingest_fails_with_what_to_do(client: TestClient, index: Path) -> None:
    from filelock import FileLock

    with FileLock(index / "write.lock"):
        job = upload(client, "pier.txt", PIER)
    assert job["status"] == "failed"
    assert "another ingest is writing" in job["problem"]
    assert upload(client, "pier.txt", PIER)["status"] == "done"


# Feedback, rates, counters


def test_feedback_is_a_line_beside_the_index(client: TestClient, index: Path) -> None:
    for thumb, reason in (("up", None), ("down", "من العام الماضي")):
        response = client.post("/api/v1/feedback", json={"thumb": thumb, "question": QUESTION, "reason": reason})
        assert response.status_code == 201
    file = index / "feedback.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(line["thumb"], line["reason"], line["by"]) for line in lines] == [("up", None, "local"), ("down", "من العام الماضي", "local")]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    problem(client.post("/api/v1/feedback", json={"thumb": "sideways", "question": QUESTION}), 422, "invalid-request")


def test_requests_above_the_rate_are_told_when_to_come_back(doors: Doors) -> None:
    client = doors.client(rate_limit=3)
    assert [client.get("/api/v1/statements").status_code for _ in range(3)] == [200] * 3
    response = client.get("/v1/models")
    problem(response, 429, "too-many-requests")
    assert 1 <= int(response.headers["retry-after"]) <= 61, "a window of a minute, and the second begun"
    assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/")] == [200] * 3


def test_the_counters_count_by_route_and_never_by_text(client: TestClient) -> None:
    ask(client)
    client.get("/api/v1/statements/some-id")
    client.get("/api/v1/made-up")
    client.get("/made-up")
    counted = client.get("/metrics").text
    assert 'bayan_requests_total{method="POST",route="/api/v1/ask",status="200"} 1.0' in counted
    assert 'route="/api/v1/statements/{statement_id}",status="404"} 1.0' in counted
    assert 'route="unknown",status="404"} 1.0' in counted
    assert 'bayan_answers_total{language="en",status="answered"} 1.0' in counted
    assert "some-id" not in counted and "made-up" not in counted


@pytest.mark.parametrize(("sent", "kept"), [("my-id.1", True), ("two words", False), ("x" * 101, False), ("<script>", False)])
def test_a_request_keeps_its_id(client: TestClient, sent: str, kept: bool) -> None:
    got = client.get("/healthz", headers={"X-Request-Id": sent}).headers["x-request-id"]
    assert (got == sent) is kept
    assert got


# Other web sites


PATHS = ["/", "/healthz", "/api/v1/statements", "/v1/models", "/mcp", "/metrics", "/gradio_api/info", "/fonts/x"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:3000", "http://127.0.0.1.evil.example:7860"])
def test_a_page_of_another_origin_gets_nothing(client: TestClient, origin: str) -> None:
    for method, path in product(("GET", "POST", "OPTIONS"), PATHS):
        response = client.request(method, path, headers={"Origin": origin})
        problem(response, 403, "other-origin")
        assert "access-control-allow-origin" not in response.headers


def test_a_name_that_was_bound_to_this_machine_gets_nothing(client: TestClient) -> None:
    hosts = ("evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[", "127.0.0.1@evil.example", "127.0.0.1:99999999")
    for host, path in product(hosts, PATHS):
        problem(client.get(path, headers={"Host": host}), 403, "other-machine")
    for host in ("localhost:7860", "127.0.0.1", "[::1]:7860"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_an_open_server_does_not_answer_through_a_proxy(client: TestClient, header: str) -> None:
    assert "bayan keys add" in problem(client.get("/", headers={header: "203.0.113.7"}), 403, "other-machine")


def test_an_open_server_answers_its_own_machine_only(doors: Doors) -> None:
    problem(doors.client(address="192.0.2.1").get("/api/v1/statements"), 403, "other-machine")


def test_an_image_or_frame_of_another_site_reaches_no_door_for_programs(client: TestClient) -> None:
    for site in ("cross-site", "same-site"):
        problem(client.get("/api/v1/search?q=x", headers={"Sec-Fetch-Site": site}), 403, "other-origin")
        assert client.get("/", headers={"Sec-Fetch-Site": site}).status_code == 200, "a link to the chat may be followed"
    assert client.get("/api/v1/search?q=x", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_our_own_page_may(client: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1:7860", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/ask", json={"question": QUESTION}, headers=headers).status_code == 200


def test_browsers_are_kept_strict(client: TestClient) -> None:
    for path in ("/", "/api/v1/statements", "/healthz", "/gradio_api/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers.get("content-security-policy", "") or path.startswith("/gradio_api/")


@pytest.mark.parametrize(("gone", "code"), [("", "index-missing"), ("manifest.json", "index-unusable")])
def test_the_index_can_be_gone_and_come_back(doors: Doors, client: TestClient, index: Path, tmp_path: Path, gone: str, code: str) -> None:
    shutil.move(index / gone, tmp_path / "away")
    problem(client.get("/readyz"), 503, code)
    shutil.move(tmp_path / "away", index / gone)
    assert client.get("/readyz").status_code == 200


def test_what_was_uploaded_for_a_job_that_never_ran_goes_with_the_server(doors: Doors) -> None:
    service = doors.web().state.service
    service.jobs.folder.mkdir(parents=True, exist_ok=True)
    held = threading.Event()
    service.jobs._worker.submit(held.wait)  # what runs when the server is told to end
    service.jobs.submit([("waiting.txt", io.BytesIO(b"The quay reopened on Monday."))])
    assert list(service.jobs.folder.glob(".incoming-*"))
    held.set()
    service.jobs.close()
    assert list(service.jobs.folder.glob(".incoming-*")) == []
