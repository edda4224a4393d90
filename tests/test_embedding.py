"""Bayan in other people's pages and programs: frames and widget for the sites that are named, the examples, a slow model beside readers."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from conftest import Doors
from fakes_llm import ScriptedModel
from fastapi.testclient import TestClient
from programs import CHROMIUM, needs
from test_api import QUESTION, QUOTE

from rag.generation.generate import Writer
from ui.examples import ask as ask_example
from ui.examples import slack
from ui.service.access import KeyFile
from ui.strings import ENGLISH

DESK = "https://desk.example.org"


@pytest.fixture
def serving(doors: Doors) -> Iterator[Any]:
    """Start the application on a port of this machine, with settings of one's own, and give its address."""
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(**changed: Any) -> str:
        server = uvicorn.Server(uvicorn.Config(doors.web(**changed), port=0, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.02)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join(10)


# Frames and widget


def test_only_sites_that_are_named_may_frame_the_chat(doors: Doors) -> None:
    shut, opened = doors.client().get("/"), doors.client(frame_origins=(DESK,)).get("/")
    assert "frame-ancestors 'none'" in shut.headers["content-security-policy"]
    assert shut.headers["x-frame-options"] == "DENY"
    assert opened.headers["content-security-policy"].endswith(f"frame-ancestors {DESK}")
    assert "x-frame-options" not in opened.headers


def test_all_but_the_chat_stays_out_of_frames(doors: Doors) -> None:
    client = doors.client(frame_origins=(DESK,))
    for path in ("/api/v1/statements", "/v1/models", "/gradio_api/info", "/healthz"):
        assert client.get(path).headers["x-frame-options"] == "DENY"


def test_any_page_may_load_the_widgets_script_and_it_speaks_both_languages(doors: Doors, index: Path) -> None:
    KeyFile(index / "keys.json").add("newsroom", "reader")
    script = doors.client().get("/widget.js", headers={"Sec-Fetch-Site": "cross-site"})
    assert (script.status_code, script.headers["cross-origin-resource-policy"]) == (200, "cross-origin")
    assert "اسأل «بيان»" in script.text
    assert "Ask Bayan" in script.text
    assert "__WORDS__" not in script.text


@pytest.fixture
def another_site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A site of another origin: its address, and the folder of its pages."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}", folder
    server.shutdown()


@pytest.mark.browser
@pytest.mark.enable_socket
@needs("chromium")
def test_the_widget_answers_in_a_page_of_a_site_that_is_named(serving: Any, another_site: tuple[str, Path]) -> None:
    playwright: Any = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    site, folder = another_site
    named, unnamed = serving(frame_origins=(site,)), serving()
    for name, bayan in (("named", named), ("unnamed", unnamed)):
        page = f'<!doctype html><title>Controller</title><p>Our desk.</p><script src="{bayan}/widget.js" data-language="en" defer></script>'
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 900, "height": 800})
        page.goto(f"{site}/named.html")
        assert page.evaluate("document.body.lastElementChild.shadowRoot") is None  # closed: the page's scripts cannot reach in
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        while len(page.frames) < 2:  # a frame in a shadow root is no `window.frames` of the page
            page.wait_for_timeout(50)
        chat = page.frames[1]
        chat.fill("#question textarea", QUESTION)
        chat.press("#question textarea", "Enter")
        chat.locator(".answer").first.wait_for(timeout=90_000)
        chat.get_by_role("tab", name=ENGLISH["tab_chat"]).wait_for()  # the page's language, which its script tag names
        assert QUOTE in (chat.locator(".answer").first.text_content() or "")
        page.goto(f"{site}/unnamed.html")
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1_500)
        browser.close()
    assert any("frame-ancestors" in complaint for complaint in complaints)


# Examples


def test_the_rest_example_prints_quotes_and_their_sources(serving: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server = serving()
    assert ask_example.main(QUESTION, server) == 0
    out = capsys.readouterr().out
    assert f"[1] {QUOTE}" in out
    assert "Olive harvest · Ministry of Farming · 2031-03-04" in out
    assert ask_example.main("؟", server) == 1
    assert "has no words" in capsys.readouterr().err


SECRET = "signing secret"


@pytest.fixture
def slack_says(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SECRET)
    client = TestClient(slack.webhook())

    def say(*, secret: str = SECRET, age_s: int = 0, **form: str) -> httpx.Response:
        body, sent = urlencode(form).encode(), int(time.time()) - age_s
        signature = "v0=" + hmac.new(secret.encode(), b"v0:%d:" % sent + body, hashlib.sha256).hexdigest()
        return client.post("/slack", content=body, headers={"X-Slack-Signature": signature, "X-Slack-Request-Timestamp": str(sent)})

    return say


def test_the_slack_example_answers_at_the_commands_address(serving: Any, slack_says: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Channel(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    channel = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Channel)
    threading.Thread(target=channel.serve_forever, daemon=True).start()
    monkeypatch.setenv("BAYAN_SERVER", serving())
    monkeypatch.setenv("SLACK_HOST", "127.0.0.1")
    address = f"http://127.0.0.1:{channel.server_port}/response"
    assert slack_says(text=QUESTION, response_url=address).json()["response_type"] == "ephemeral"
    assert slack_says(text=QUESTION, response_url="http://localhost/elsewhere").status_code == 200
    channel.shutdown()
    assert len(sent) == 1
    assert QUOTE in sent[0]
    assert "Ministry of Farming" in sent[0]


def test_the_slack_example_takes_nothing_that_slack_did_not_sign(slack_says: Any) -> None:
    assert slack_says(secret="guessed", text="x", response_url="x").status_code == 403
    assert slack_says(age_s=600, text="x", response_url="x").status_code == 403
    assert "QUESTION" in slack_says(response_url="x").json()["text"]


def test_the_slack_example_sends_no_links_or_mentions() -> None:
    found = {"answer": "“<!channel> <http://evil.example|here>” [1]", "citations": []}
    text = slack.message("<@U1>", found)["text"]
    assert "<" not in text


# A slow language model


def test_readers_of_a_slow_model_hold_nobody_up(doors: Doors, serving: Any) -> None:
    slow = Writer(ScriptedModel([4.0, "The harvest reached 40 tonnes [1]."]), "scripted", timeout_s=20, context=4096)
    doors.assistant._writer = slow
    server = serving(llm="openai:slow")
    asked = {"question": QUESTION, "stream": True}

    def read() -> None:
        with httpx.stream("POST", f"{server}/api/v1/ask", json=asked, timeout=30) as response:
            response.read()

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    time.sleep(0.5)  # all of them wait for the model now
    began = time.perf_counter()
    assert httpx.get(f"{server}/api/v1/search", params={"q": "olive"}, timeout=30).status_code == 200
    with httpx.stream("POST", f"{server}/api/v1/ask", json=asked, timeout=30) as response:
        quotes = next(line for line in response.iter_lines() if line.startswith("data") and QUOTE in line)
    waited = time.perf_counter() - began
    assert QUOTE in quotes
    assert any(reader.is_alive() for reader in readers), "the others must still have been waiting"
    assert waited < 3
    for reader in readers:
        reader.join()
