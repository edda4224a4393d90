"""What of Gradio can be reached from outside: the routes that the window itself uses, by a list, and nothing that names a file.

Gradio checks the paths of files only in an application that it launched itself; Bayan mounts it. So no file ever passes through it:
uploads go to doors of our own (`POST /api/v1/jobs`, `POST /evaluations/sets`), downloads are made in the page, every route of Gradio that
reads, fetches, stores or streams files is closed, and a request whose data names a file is refused before Gradio sees it. A session of
Gradio's belongs to whoever used it first: its name alone opens it to nobody else. Knows nothing of what the window holds.

    application.mount("/", Firewall(gradio_application, requests_per_minute=1200))
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.http.problems import problem_response
from ui.service.access import LOCAL
from ui.service.limits import RateLimit, wait_if
from ui.service.refusal import Refusal

API = "/gradio_api/"
OPEN = re.compile(  # seen in a browser that uses every part of the window; `tests/test_attacks.py` tries all others
    r"/|/theme\.css|/config/?|/favicon\.ico|/(?:assets|static)/[\w./-]+|/gradio_api/(?:startup-events|app_id|queue/data|heartbeat/\w+)"
)
POSTED = re.compile(r"/gradio_api/(?:queue/join|run/predict|cancel|reset)/?")
SESSION = re.compile(r"\w{1,64}", re.ASCII)
COOKIE = "bayan_window"
MAX_PARTS = 200_000  # lists, objects and commas of one request: what takes Gradio about a second to walk through
MAX_SESSIONS = 10_000


class Firewall:
    """ASGI application round Gradio's. `requests_per_minute` counts what a caller's windows ask for; 0 means any number."""

    def __init__(self, app: ASGIApp, *, requests_per_minute: int = 0) -> None:
        self.app, self._rate = app, RateLimit(requests_per_minute)
        self._owners: OrderedDict[str, tuple[str, str]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            path, headers = _path(scope), Headers(scope=scope)
            if scope["method"] == "POST" and POSTED.fullmatch(path):
                wait_if(self._rate.take(_whose(scope, headers)[0] + _address(scope)), "too-many-requests", "too many requests")
                body = await _whole(receive)
                sessions = await run_in_threadpool(_sessions_named, body)
                receive = _replayed(body, receive)
            elif scope["method"] in ("GET", "HEAD") and OPEN.fullmatch(path) and ".." not in path:
                sessions = parse_qs(scope["query_string"].decode("ascii", "replace")).get("session_hash", [])
                sessions += [path.rpartition("/")[2]] if path.startswith(f"{API}heartbeat/") else []
            else:
                raise Refusal(404, "not-found", "there is nothing here; the window is at /, the doors for programs below /api/v1")
            for session in sessions:
                self._claim(session, _whose(scope, headers))
        except Refusal as refusal:
            await problem_response(scope, refusal)(scope, receive, send)
            return
        await self.app(scope, receive, _with_cookie(send, headers) if path == "/" else send)

    def _claim(self, session: str, owner: tuple[str, str]) -> None:
        """Let a session be used by whoever used it first. Raises Refusal."""
        if not SESSION.fullmatch(session):
            raise Refusal(400, "bad-request", "the name of a session has letters and digits only")
        if self._owners.setdefault(session, owner) != owner:
            raise Refusal(403, "other-session", "this session is somebody else's; open the window anew")
        self._owners.move_to_end(session)
        if len(self._owners) > MAX_SESSIONS:
            self._owners.popitem(last=False)


def _path(scope: Scope) -> str:
    """The path below the mount, as the routes of Gradio see it."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    return path.removeprefix(root) or "/"


def _whose(scope: Scope, headers: Headers) -> tuple[str, str]:
    """The caller and the browser; of a password, which many share, the browser tells them apart. A frame of another site may send none."""
    return scope.get("bayan.caller", LOCAL).name, _cookie(headers)


def _cookie(headers: Headers) -> str:
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), "")


def _address(scope: Scope) -> str:
    return f" {(scope.get('client') or ('', 0))[0]}"


def _with_cookie(send: Send, headers: Headers) -> Send:
    """Give a browser that has none the mark by which its sessions are known as its own."""
    if _cookie(headers):
        return send

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            mark = f"{COOKIE}={token_urlsafe(24)}; Path=/; HttpOnly; SameSite=Strict"
            MutableHeaders(scope=message).append("set-cookie", mark)
        await send(message)

    return sent


async def _whole(receive: Receive) -> bytes:
    """The request's body, which `ui/http/middleware.py` bounds."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "bad-request", "the request broke off")
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _sessions_named(body: bytes) -> list[str]:
    """The sessions a body of JSON names. Raises Refusal where it is none, has too many parts, or names a file."""
    if sum(body.count(mark) for mark in (b"[", b"{", b",")) > MAX_PARTS:
        raise Refusal(413, "too-large", f"the request has more than {MAX_PARTS} parts; send less at once")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "bad-request", "the request is no JSON") from error
    if not isinstance(data, dict):
        raise Refusal(400, "bad-request", "the request is no JSON object")
    if any(_names_a_file(entry) for entry in _objects(data)):
        raise Refusal(403, "files-closed", "no file passes through the window; POST /api/v1/jobs takes statements")
    return [str(data["session_hash"])] if data.get("session_hash") is not None else []


def _names_a_file(entry: dict[str, Any]) -> bool:
    """Whether Gradio could take an object for a file: it looks at `path`, and at `meta` with `_type`; one alone is refused already."""
    meta = entry.get("meta")
    return (isinstance(meta, dict) and "_type" in meta) or "_type" in entry or isinstance(entry.get("path"), str)


def _objects(data: Any) -> Iterator[dict[str, Any]]:
    waiting = [data]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, dict):
            yield entry
        waiting += [part for part in (entry.values() if isinstance(entry, dict) else entry) if isinstance(part, (dict, list))]
