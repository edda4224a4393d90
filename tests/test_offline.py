"""Nothing is asked of another host: the real commands run in processes whose every connection attempt is written down, and refused.

What compiled code attempts is not seen so; a runtime that reports to its maker first leaves an id of the machine in the home folder,
which stays empty.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, SAMPLES
from programs import CHROMIUM, needs

from rag.settings import load_settings

BAYAN = Path(sys.executable).with_name("bayan")
QUESTION = "How many teachers has Qamaria's education ministry newly hired?"
ANSWER = "ألفاً ومئة وأربعين معلماً"

# Python runs this before anything else, in the command and in every Python process that it starts.
WATCH = """
import os, sys

def watch(event, details):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        target = details[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        target = details[0]
    else:
        return
    host = target[0] if isinstance(target, tuple) else target
    host = host.decode() if isinstance(host, bytes) else host
    if isinstance(host, str) and not host.startswith("/") and host not in ("", "127.0.0.1", "::1", "localhost", "0.0.0.0"):
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(f"{event} {target}\\n")
        raise OSError(f"no connection to {host}")

sys.addaudithook(watch)
"""


# What a caller's environment may hold that keeps a runtime from reporting, or its files out of the home folder.
SILENCING = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


@dataclass(frozen=True)
class Watched:
    """The environment of a watched process, and what it attempted."""

    folder: Path
    index: Path

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.folder), str(REPOSITORY)])
        own = {"PYTHONPATH": path, "ATTEMPTS": str(self.folder / "attempts"), "BAYAN_INDEX": str(self.index), "PYTHONUNBUFFERED": "1"}
        home = {"HOME": str(self.home), "BAYAN_CACHE": str(load_settings().cache)}
        given = {name: value for name, value in os.environ.items() if name not in SILENCING}
        return {**given, **own, **home}

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def attempts(self) -> list[str]:
        file = self.folder / "attempts"
        return file.read_text().splitlines() if file.exists() else []

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def watched(tmp_path: Path, index: Path) -> Watched:
    (tmp_path / "watch" / "home").mkdir(parents=True)
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    return Watched(tmp_path / "watch", index)


def test_the_watch_sees_attempts_of_a_process_and_of_its_children(watched: Watched) -> None:
    ask = "import socket, contextlib\nwith contextlib.suppress(OSError): socket.getaddrinfo('huggingface.co', 443)"
    connect = "import socket, contextlib\nwith contextlib.suppress(OSError): socket.create_connection(('192.0.2.1', 80))"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {connect!r}])"
    for script in (ask, child, "import socket; socket.create_server(('127.0.0.1', 0))"):
        assert watched.run(sys.executable, "-c", script).returncode == 0
    assert [attempt.split()[0] for attempt in watched.attempts] == ["socket.getaddrinfo", "socket.getaddrinfo"]
    assert "huggingface.co" in watched.attempts[0]
    assert "192.0.2.1" in watched.attempts[1]


@pytest.mark.integration
@pytest.mark.usefixtures("real_model")
def test_ingesting_and_asking_connects_to_nothing(watched: Watched) -> None:
    ingested = watched.run(BAYAN, "ingest", SAMPLES / "school-calendar.md", SAMPLES / "ferry-collision.html", "--json")
    assert ingested.returncode == 0, ingested.stderr
    assert ingested.stderr == ""
    asked = watched.run(BAYAN, "ask", QUESTION, "--json")
    assert asked.returncode == 0, asked.stderr
    assert ANSWER in asked.stdout
    assert asked.stderr == ""
    assert watched.attempts == []
    assert list(watched.home.rglob("*")) == []


@pytest.fixture
def chat(watched: Watched, real_index: Path) -> Iterator[str]:
    """The address of `bayan serve` over the sample statements; at its end it must stop cleanly, having connected to nothing."""
    command = [BAYAN, "serve", "--port", "0", "--index", real_index]
    process = subprocess.Popen(command, env=watched.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        yield address[0] if address else pytest.fail(f"the server did not start: {process.stderr.read()}")
    finally:
        process.send_signal(signal.SIGINT)
        _, noise = process.communicate(timeout=30)
    assert process.returncode == 0, noise
    assert "Traceback" not in noise
    assert watched.attempts == []
    assert list(watched.home.rglob("*")) == []


@pytest.mark.integration
def test_the_chat_names_no_other_host_in_its_page(chat: str) -> None:
    with urllib.request.urlopen(chat, timeout=30) as response:
        page, policy = response.read().decode(), response.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    loaded = re.findall(r"""(?:src|href)=["'](?:https?:)?//([^/"']+)""", page)
    assert [host for host in loaded if not host.startswith("127.0.0.1")] == []


@pytest.mark.integration
def test_the_doors_for_programs_connect_to_nothing(chat: str) -> None:
    asked = {"model": "bayan", "messages": [{"role": "user", "content": QUESTION}]}
    called = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": {"question": QUESTION}}}
    for path, body in (("api/v1/ask", {"question": QUESTION}), ("v1/chat/completions", asked), ("mcp", called)):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        request = urllib.request.Request(f"{chat}{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            assert ANSWER in json.dumps(json.load(response), ensure_ascii=False)


@pytest.mark.integration
@pytest.mark.browser
@pytest.mark.enable_socket
@needs("chromium")
def test_a_question_in_the_chat_connects_to_nothing(chat: str) -> None:
    playwright: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        requests: list[str] = []
        page.on("request", lambda asked: requests.append(asked.url))
        page.goto(chat)
        page.fill("#question textarea", QUESTION)
        page.press("#question textarea", "Enter")
        page.locator(".answer").first.wait_for(timeout=30_000)
        text = page.locator(".answer").first.text_content()
        browser.close()
    assert ANSWER in text
    assert [url for url in requests if not url.startswith((chat, "data:", "blob:"))] == []
