"""The chat window as a web page: Gradio's page turned into ours, its script and its typeface.

Knows nothing of what the window holds (`ui/window/app.py`). No connection is made to any other host: fonts and scripts come from this
process, and the content policy forbids the rest. Inline scripts are refused but for Gradio's own, which are named by their digests;
`unsafe-eval` stays because Gradio compiles the templates of its parts, and inline styles because its parts are placed by them.

    mount_chat(FastAPI(), Assistant.open("index"))
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.datastructures import MutableHeaders
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.schema import Language
from ui.html.markup import DIRECTIONS
from ui.http.evaluations import mount_reports
from ui.http.firewall import Firewall
from ui.service.access import LOCAL
from ui.service.evaluations import Evaluations
from ui.service.service import Service
from ui.window.app import CONCURRENT_QUESTIONS, build_app
from ui.window.controller import Answering

STYLE, SCRIPT = Path(__file__).with_name("style.css"), Path(__file__).with_name("script.js")
FONT = "IBM Plex Sans Arabic"
WINDOW_RATE = 4  # a window asks several times for each thing that a reader does, and twice a second while it follows an upload
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; base-uri 'self'; form-action 'self'; object-src 'none'; frame-ancestors {framed_by}"
)
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def mount_chat(
    web: FastAPI,
    assistant: Answering,
    evaluations: Evaluations | None = None,
    *,
    service: Service | None = None,
    language: Language = "ar",
    framed_by: Sequence[str] = (),
    at_once: int = CONCURRENT_QUESTIONS,
) -> FastAPI:
    """Add the chat window at "/", its script and its fonts to a web application; routes added before keep their paths.

    With `evaluations` the window has a tab for them, and answers can be made into test questions. `framed_by`: the origins whose pages
    may show it in a frame. `at_once`: how many questions are answered at a time.
    """
    if evaluations:
        mount_reports(web, evaluations)
    web.mount("/fonts", StaticFiles(directory=str(files("fontpkg_ibm_plex_sans_arabic") / "files")))
    web.get("/script.js", include_in_schema=False)(lambda: FileResponse(SCRIPT, media_type="text/javascript"))
    web.add_middleware(OwnPage, language=language, framed_by=framed_by)
    gr.mount_gradio_app(
        web,
        build_app(assistant, evaluations, service, language=language, at_once=at_once),
        path="/",
        theme=gr.themes.Base(font=[gr.themes.Font(FONT), "sans-serif"], font_mono=["monospace"]),
        css_paths=STYLE,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        show_error=False,
        max_file_size="1b",  # no file passes through Gradio
    )
    gradio = next(route for route in reversed(web.routes) if isinstance(route, Mount))
    gradio.app = Firewall(gradio.app, requests_per_minute=WINDOW_RATE * service.settings.rate_limit if service else 0)
    return web


class OwnPage:
    """Turn Gradio's page into ours: language and direction at the root, our script, no foreign addresses, a strict content policy."""

    def __init__(self, app: ASGIApp, *, language: Language, framed_by: Sequence[str] = ()) -> None:
        self.app, self.language, self.framed_by = app, language, " ".join(framed_by) or "'none'"
        self._version = hashlib.sha256(SCRIPT.read_bytes()).hexdigest()[:12]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        edits = scope.get("bayan.caller", LOCAL).may("editor")
        if scope["type"] != "http" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self.app({**scope, "headers": plain}, receive, collect)
        page = self._rewrite(b"".join(message.get("body", b"") for message in messages).decode(), edits)
        start = next(message for message in messages if message["type"] == "http.response.start")
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(page.encode()))
        headers["content-security-policy"] = CONTENT_POLICY.format(scripts=" ".join(_digests(page)), framed_by=self.framed_by)
        await send(start)
        await send({"type": "http.response.body", "body": page.encode()})

    def _rewrite(self, page: str, edits: bool) -> str:
        page = re.sub(r'<meta\s+(property|name)="(og|twitter):[^>]*>', "", page)
        page = page.replace("<script", f'<script src="script.js?{self._version}"></script><script', 1)
        reads = "" if edits else " data-reads"  # a tab that Gradio is told to hide stays: the style hides it
        return page.replace('lang="en"', f'lang="{self.language}" dir="{DIRECTIONS[self.language]}"{reads}', 1)


def _digests(page: str) -> list[str]:
    """The digests by which the policy lets a page's own inline scripts run."""
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE.findall(page))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
