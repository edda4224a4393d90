"""What somebody with a key, or only the password, tries from outside against a real `bayan serve`.

To read other files, to write or delete them, to have the server fetch, to freeze it, to keep it busy, to take over a session: each line of
docs/security.md names its test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ui.service.access import KeyFile

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.timeout(300)]
PASSWORD = "a long enough pass phrase"
SECRET = "what no reader may read"
QUESTION = "How many people were injured in the ferry collision?"


@dataclass
class Served:
    """A server, whom it lets in, and what lies beside it."""

    address: str
    process: subprocess.Popen[str]
    index: Path
    secret: Path
    keys: dict[str, str] = field(default_factory=dict)

    def client(self, who: str = "", **headers: str) -> httpx.Client:
        """A client with the key of a role, or with the password."""
        sent = f"Bearer {self.keys[who]}" if who else "Basic " + b64encode(f"x:{PASSWORD}".encode()).decode()
        return httpx.Client(base_url=self.address, headers={"Authorization": sent, **headers}, timeout=60)

    def config(self) -> dict[str, Any]:
        page = self.client().get("/").text
        found = re.search(r"window\.gradio_config = (\{.*?\});</script>", page, re.DOTALL)
        return dict(json.loads(found[1] if found else self.client().get("/config").text))

    def functions(self, *, taking: int | None = None) -> list[int]:
        return [entry["id"] for entry in self.config()["dependencies"] if taking is None or len(entry["inputs"]) == taking]

    def cached(self) -> list[Path]:
        return [path for path in (self.index.parent / "tmp").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def served(real_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    index, secret = folder / "index", folder / "secret.txt"
    shutil.copytree(real_index, index)
    secret.write_text(SECRET, encoding="utf-8")
    (folder / "tmp").mkdir()
    keys = {role: KeyFile(index / "keys.json").add(role, role) for role in ("reader", "editor", "admin")}
    environment = {
        **os.environ,
        "BAYAN_INDEX": str(index),
        "BAYAN_PASSWORD": PASSWORD,
        "BAYAN_OFFLINE": "true",
        "TMPDIR": str(folder / "tmp"),
    }
    command = [sys.executable, "-m", "ui.cli.main", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        drained: list[str] = []
        told = re.search(r"http://\S+", process.stdout.readline())
        threading.Thread(target=lambda: drained.extend(process.stderr or ()), daemon=True).start()
        assert told, drained
        yield Served(told[0], process, index, secret, keys)
        process.send_signal(signal.SIGINT)
        assert process.wait(12) == 0


def file_data(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


def healthy(served: Served) -> bool:
    began = time.monotonic()
    return httpx.get(served.address + "healthz", timeout=5).status_code == 200 and time.monotonic() - began < 1


# Files


@pytest.mark.parametrize("who", ["", "reader", "editor", "admin"])
@pytest.mark.parametrize("door", ["queue/join", "run/predict", "api/predict", "call/predict", "queue/join/"])
def test_no_function_of_the_window_takes_a_file_of_the_server(served: Served, who: str, door: str) -> None:
    paths = ["/proc/self/environ", str(served.index / "keys.json"), str(served.secret), "http://127.0.0.1:9/x", "/dev/zero"]
    shapes = [file_data(path) for path in paths]
    shapes += [file_data(str(served.secret), is_stream=True), file_data(str(served.secret), url="/file=x"), {"path": str(served.secret)}]
    before = served.cached()
    with served.client(who) as client:
        for number in served.functions()[:40:10]:
            for shape in (*shapes, [file_data(str(served.secret))], {"deep": [{"er": file_data(str(served.secret))}]}):
                body = {"data": [shape, "en"], "fn_index": number, "session_hash": "attack1", "event_data": shape}
                answer = client.post(f"/gradio_api/{door}", json=body)
                assert answer.status_code in (403, 404), answer.text
    assert served.secret.read_text(encoding="utf-8") == SECRET
    assert served.cached() == before
    assert healthy(served)


def test_every_route_of_gradio_that_the_window_does_not_use_is_closed(served: Served) -> None:
    outside = [
        f"file={served.secret}", f"file/{served.secret}", f"proxy=http://127.0.0.1:9/{served.secret}", "file=http://127.0.0.1:9/x",
        "upload_progress?upload_id=1", "info", "openapi.json", "deep_link", "runs", "vibe-code", "user", "custom_component/a/b/c/d",
        "token", "stream/a/b/1/playlist.m3u8", "call/predict/1", "dev/reload", "profiling/traces",
    ]  # fmt: skip
    others = ["/monitoring", "/login_check", "/manifest.json", "/assets/../../../etc/passwd", "/static/..%2f..%2fapp.py"]
    for who in ("reader", "admin"):
        with served.client(who) as client:
            for path in [f"/gradio_api/{name}" for name in outside] + others:
                assert client.get(path).status_code in (403, 404), path
            for name in ("upload", "component_server", "process_recording", "vibe-edit", "stream/x", "call/v2/predict", "login"):
                assert client.post(f"/gradio_api/{name}", json={}).status_code in (403, 404, 405), name
            files = {"files": ("x.txt", b"x")}
            assert client.post("/gradio_api/upload", files=files).status_code == 404


def test_a_named_pipe_or_an_endless_file_freezes_nobody(served: Served) -> None:
    pipe = served.index.parent / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    with served.client("admin") as client:
        for path in (pipe, "/dev/zero", "/dev/stdin"):
            for door in ("queue/join", "run/predict"):
                body = {"data": [file_data(str(path))], "fn_index": 1, "session_hash": "pipe"}
                assert client.post(f"/gradio_api/{door}", json=body, timeout=5).status_code == 403
    assert healthy(served)


def test_uploads_are_taken_from_the_request_alone_and_never_from_a_path(served: Served) -> None:
    with served.client("editor") as client:
        named = client.post("/api/v1/jobs", files={"files": ("../../escape.txt", b"The quay was repaired in May.")})
        assert named.json()["files"] == ["escape.txt"]
        assert client.post("/api/v1/jobs", data={"files": str(served.secret)}).status_code == 422
        assert client.post("/evaluations/sets", data={"files": str(served.secret)}).status_code == 422
        wrong = client.post("/evaluations/sets", files={"files": ("../../x.py", b"x")})
        assert (wrong.status_code, wrong.json()["code"]) == (415, "format-not-read")
    assert not (served.index.parent.parent / "escape.txt").exists()


# Roles


def test_a_reader_sees_and_changes_nothing_of_evaluations(served: Served) -> None:
    with served.client("reader") as client:
        assert client.get("/evaluations/any").status_code == 403
        line = json.dumps({"id": "x", "question": "x", "answerable": False}).encode()
        assert client.post("/evaluations/sets", files={"files": ("x.jsonl", line)}).status_code == 403
        assert client.delete("/api/v1/statements/x").status_code == 403
    for entry in served.config()["components"]:
        if str(entry["props"].get("elem_id", "")).startswith("eval-") and entry["type"] == "dropdown":
            assert entry["props"]["choices"] == []


def test_no_event_gives_a_reader_more_than_the_window_shows_one(served: Served) -> None:
    """Every function of the window, called by hand with whatever it might take, as a reader."""
    sets = served.index.with_name("index-sets")
    before = sorted(path.name for path in sets.glob("*")) if sets.exists() else []
    words = "q" * 300
    with served.client("reader") as client:
        for entry in served.config()["dependencies"]:
            given = [words for _ in entry["inputs"]]
            body = {
                "data": given,
                "fn_index": entry["id"],
                "session_hash": "curious",
                "event_data": {"statement": "x", "turn": 0, "answer": {}},
            }
            answer = client.post("/gradio_api/run/predict", json=body)
            assert "index-sets" not in answer.text
            assert str(served.index) not in answer.text
    assert (sorted(path.name for path in sets.glob("*")) if sets.exists() else []) == before


# Sessions


def test_a_session_is_nobody_elses(served: Served) -> None:
    body = {"data": [], "fn_index": served.functions()[0], "session_hash": "mine4711"}
    with served.client("reader") as mine, served.client("editor") as other:
        assert mine.post("/gradio_api/queue/join", json=body).status_code == 200
        for response in (
            other.post("/gradio_api/queue/join", json=body),
            other.get("/gradio_api/queue/data?session_hash=mine4711"),
            other.get("/gradio_api/heartbeat/mine4711"),
            other.post("/gradio_api/cancel", json={"session_hash": "mine4711", "fn_index": 1, "event_id": "x"}),
        ):
            assert (response.status_code, response.json()["code"]) == (403, "other-session")


def test_those_who_share_a_password_do_not_share_sessions(served: Served) -> None:
    body = {"data": [], "fn_index": served.functions()[0], "session_hash": "shared4712"}
    with served.client() as one, served.client() as two:
        mark = one.get("/").headers["set-cookie"]
        assert "HttpOnly" in mark and "SameSite=Strict" in mark
        two.get("/")
        assert one.post("/gradio_api/queue/join", json=body).status_code == 200
        assert two.post("/gradio_api/queue/join", json=body).status_code == 403


# Sizes and rates


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/run/predict", "/api/v1/ask", "/v1/chat/completions", "/mcp", "/"])
def test_a_large_body_is_refused_before_it_is_read(served: Served, path: str) -> None:
    with served.client("reader") as client:
        sent = 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            for _ in range(400):
                sent += 500_000
                yield b" " * 500_000

        headers = {"Content-Length": "200000000", "Content-Type": "application/json"}
        try:
            response = client.post(path, content=endless(), headers=headers)
            assert response.status_code == 413
        except httpx.WriteError:  # the server closed the connection while we were still sending
            pass
        assert sent < 100_000_000
    assert healthy(served)


def test_a_body_of_unending_parts_is_refused(served: Served) -> None:
    with served.client("reader") as client:
        for content in (b'{"data":[' + b"[]," * 500_000 + b"1]}", b'{"data":[' + b"1," * 3_000_000 + b"1]}", b"[" * 900_000, b"no json"):
            began = time.monotonic()
            response = client.post("/gradio_api/queue/join", content=content, headers={"Content-Type": "application/json"})
            assert response.status_code in (400, 413)
            assert time.monotonic() - began < 5
    assert healthy(served)


def test_a_history_is_bounded_at_every_door(served: Served) -> None:
    answer = {"question": "متى " * 450_000, "language": "ar", "status": "answered", "mode": "quote", "model": None, "answer": "x"}
    short = answer | {"question": "متى وقع الحادث؟", "answer": "y " * 60_000}
    with served.client("reader") as client:
        for turn in (short, answer | {"question": "كم " * 900}):
            response = client.post("/api/v1/ask", json={"question": "ومتى؟", "history": [turn]})
            assert (response.status_code, response.json()["code"]) == (422, "history-too-long")
            assert "turn 1" in response.json()["detail"]
        assert client.post("/api/v1/ask", content=json.dumps({"question": "ومتى؟", "history": [answer]}).encode()).status_code == 413
        assert client.post("/api/v1/ask", json={"question": "ومتى؟", "history": [short | {"answer": "x"}] * 21}).status_code == 422
        turns = [{"role": "user", "content": "كم " * 900}, {"role": "user", "content": "ومتى؟"}]
        assert client.post("/v1/chat/completions", json={"model": "bayan", "messages": turns}).status_code == 422


def test_the_window_too_has_a_rate(served: Served) -> None:
    """Twelve hundred a minute, four for each request of a program; with a key of its own, so that no other test waits."""
    key = KeyFile(served.index / "keys.json").add("hasty", "reader")
    with httpx.Client(base_url=served.address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        seen = {client.post("/gradio_api/cancel", content=b"no json").status_code for _ in range(1_250)}
    assert seen == {400, 429}


def test_ten_wrong_keys_lock_no_right_one_out(served: Served) -> None:
    def status(authorization: str) -> int:
        return httpx.get(served.address + "api/v1/facets", headers={"Authorization": authorization}).status_code

    fresh = KeyFile(served.index / "keys.json").add("late", "reader")
    assert {status(f"Bearer bayan-00000000-{'x' * 32}") for _ in range(12)} == {401, 429}
    assert {status(f"Bearer wrong{n}") for n in range(12)} == {401, 429}
    assert status(f"Bearer {fresh}") == 200


def test_no_caller_says_who_forwarded_for_it(served: Served) -> None:
    def status(n: int) -> int:
        headers = {"Authorization": f"Bearer guess-{n}", "X-Forwarded-For": f"203.0.113.{n}"}
        return httpx.get(served.address + "api/v1/facets", headers=headers).status_code

    assert status(1) in (401, 429)
    assert 429 in {status(n) for n in range(2, 14)}


def test_half_sent_headers_are_given_up(served: Served) -> None:
    host, port = re.findall(r"//([\d.]+):(\d+)", served.address)[0]
    with socket.create_connection((host, int(port)), timeout=20) as half:
        half.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        began = time.monotonic()
        assert half.recv(100) == b""
        assert time.monotonic() - began < 15


def test_what_a_client_waits_for_ends_when_it_goes(served: Served) -> None:
    """Many who leave at once keep nobody waiting."""
    with served.client("reader") as client:
        for _ in range(20):
            with pytest.raises(httpx.TimeoutException):
                client.post("/api/v1/ask", json={"question": QUESTION}, timeout=0.001)
        began = time.monotonic()
        assert client.post("/api/v1/ask", json={"question": QUESTION}).status_code == 200
        assert time.monotonic() - began < 20
    assert healthy(served)
