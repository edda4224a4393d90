"""A web server on this machine that answers as a test tells it, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML = "text/html; charset=utf-8"


@dataclass
class Answer:
    body: bytes | str = b""
    kind: str = HTML
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    send: Callable[[BaseHTTPRequestHandler], None] | None = None  # in place of all else


@dataclass
class Site:
    """`answers` by path; `asked` the paths in order, robots.txt left out; `headers` those of the last request."""

    root: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    not_modified: int = 0

    def put(self, path: str, body: bytes | str = b"", kind: str = HTML, **more: object) -> str:
        self.answers[path] = Answer(body, kind, **more)  # type: ignore[arg-type]
        return self.root + path


@contextmanager
def serving() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with suppress(OSError):
                answer(self, site)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    site.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    if request.path != "/robots.txt":
        site.asked.append(request.path)
    site.headers = dict(request.headers)
    found = site.answers.get(request.path, Answer("nothing here", status=404))
    if found.send:
        found.send(request)
        return
    tag = found.headers.get("ETag")
    if tag and request.headers.get("If-None-Match") == tag:
        site.not_modified += 1
        request.send_response(304)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    body = found.body.encode() if isinstance(found.body, str) else found.body
    request.send_response(found.status)
    for name, value in {"Content-Type": found.kind, "Content-Length": str(len(body)), **found.headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
