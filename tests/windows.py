"""The chat window in a real Chromium: one server over the small assistant of `fakes_ui.py` for all tests, a fresh session for each.

Every request and console message of a session is watched. The fixtures are imported by `conftest.py`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fakes_ui as fakes
import pytest
from programs import CHROMIUM, needs

MARKS = [
    pytest.mark.browser,
    pytest.mark.enable_socket,
    pytest.mark.timeout(300),
    needs("chromium"),
]
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
FAKES = Path(fakes.__file__)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(FAKES.parent.parent), "PYTHONUNBUFFERED": "1"}
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 740}

# The visual left edge of every character of the n-th match, in logical order.
LEFT_EDGES = """([selector, n]) => {
  const walker = document.createTreeWalker(document.querySelectorAll(selector)[n], NodeFilter.SHOW_TEXT);
  const edges = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    for (let i = 0; i < node.length; i++) {
      const range = document.createRange();
      range.setStart(node, i); range.setEnd(node, i + 1);
      const box = range.getBoundingClientRect();
      if (box.width > 1 && !node.parentElement.closest('.spoken')) edges.push([node.data[i], box.left, box.top]);
    }
  return edges;
}"""


@dataclass
class Window:
    """A page of the chat and what it did behind the scenes."""

    page: Any
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def ask(self, question: str, *, until: str = ".answer") -> None:
        before = self.page.locator(until).count()
        self.page.fill("#question textarea", question)
        self.page.press("#question textarea", "Enter")
        self.page.locator(until).nth(before).wait_for()

    def reopen(self, query: str = "") -> None:
        """Load the page anew; leaving it breaks off what it still listens to, which it complains of."""
        complaints = list(self.complaints)
        self.page.goto("about:blank")
        self.complaints[:] = complaints
        self.page.goto(self.address + query)

    def style(self, selector: str, name: str) -> str:
        return str(self.page.locator(selector).first.evaluate("(e, name) => getComputedStyle(e)[name]", name))

    def edges(self, selector: str, n: int = 0) -> list[tuple[str, float, float]]:
        return [tuple(edge) for edge in self.page.evaluate(LEFT_EDGES, [selector, n])]


@contextmanager
def serving(*arguments: str, script: str | Path = FAKES) -> Iterator[str]:
    """Run a server of ours and give its address; at its end nothing may have gone outside, and it must end cleanly."""
    command = [sys.executable, str(script), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    assert process.stderr is not None
    address = re.search(r"http://\S+", process.stdout.readline())
    yield address[0] if address else pytest.fail(f"the server did not start: {process.stderr.read()}")
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0, "Ctrl-C must end the server cleanly"
    noise = process.stderr.read()
    assert "OUTBOUND" not in noise
    assert noise.count("Traceback") == noise.count("RuntimeError: secret internals")  # the one a test provokes, logged


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the window."""
    with serving() as address:
        yield address


@pytest.fixture(scope="module")  # no longer: while it is there, no other test can run an event loop
def browser() -> Iterator[Any]:
    """A Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())
        yield browser
        browser.close()


@contextmanager
def session(browser: Any, address: str, viewport: dict[str, int] = WIDE, **given: Any) -> Iterator[Window]:
    """Open a fresh session; at its end, nothing may have been asked of another host and the console must be clean."""
    context = browser.new_context(viewport=viewport, reduced_motion="reduce", **given)
    context.set_default_timeout(90_000)  # a busy machine is slow, not wrong
    window = Window(context.new_page(), address)
    window.page.on("request", lambda asked: window.requests.append(asked.url))
    window.page.on("console", lambda said: window.complaints.append(said.text) if said.type in ("error", "warning") else None)
    window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
    window.page.goto(address)
    window.page.locator("#question textarea").wait_for()
    yield window
    assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page overflows sideways"
    foreign = [url for url in window.requests if not url.startswith((address, "data:", "blob:"))]
    complaints = list(window.complaints)  # closing a window breaks off what it still listens to, which it complains of
    context.close()
    assert foreign == []
    assert complaints == []


@pytest.fixture
def window(server: str, browser: Any, request: pytest.FixtureRequest) -> Iterator[Window]:
    """A fresh session of the window."""
    with session(browser, server, getattr(request, "param", WIDE)) as window:
        yield window
