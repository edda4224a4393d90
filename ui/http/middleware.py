"""The way in for every request: who asks, from where, how often and how much; before any door sees it.

- Other web sites: a request that a page of another origin made is refused, and while access is open, so is one that was sent to another
  name than this machine's (DNS rebinding) or through a proxy.
- Callers: once there are keys or a password, everything but `/healthz` and `/readyz` wants one.
- Rates and sizes: each key or address may make so many requests a minute (of the window, `ui/http/firewall.py` counts), and a body that is
too
  large is refused before it is read; one that comes too slowly is given up.
- Every response carries the request's id, headers that keep browsers strict, and is counted.

Knows nothing of what is behind the doors.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import BayanError
from ui.http.problems import problem_response, refusal_of
from ui.service.access import LOCAL, Access, Caller, credential_of, is_loopback
from ui.service.limits import RateLimit, wait_if
from ui.service.refusal import Refusal
from ui.service.service import Meters
from ui.service.telemetry import Telemetry

log = logging.getLogger(__name__)

PROGRAMS = ("/api/", "/v1/", "/mcp", "/metrics")
PROBES = ("/healthz", "/readyz")
PUBLIC = (*PROBES, "/widget.js")  # the widget's script holds nothing; the chat that it frames asks for itself
UPLOADS = ("/api/v1/jobs", "/evaluations/sets")
WINDOW = "/gradio_api/"
MAX_BODY_BYTES, MAX_WINDOW_BYTES = 2_000_000, 8_000_000  # a window sends the conversations that its browser keeps, some 4 MB at most
BODY_S = 30.0  # until the next piece of a body is there
ATTEMPTS_A_MINUTE = 10  # of passwords not seen before, and of keys of one name or none, from one address
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Bayan", charset="UTF-8"'}
REQUEST_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
STRICT = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
NO_CONTENT = "default-src 'none'; frame-ancestors 'none'"


class Middleware:
    """ASGI middleware around everything."""

    def __init__(
        self, app: ASGIApp, *, access: Access, meters: Meters, telemetry: Telemetry, rate_limit: int, max_upload_bytes: int, framed: bool
    ) -> None:
        self.app, self.access, self.meters, self.telemetry, self.framed = app, access, meters, telemetry, framed
        self.max_upload_bytes = max_upload_bytes
        self.requests, self.attempts = RateLimit(rate_limit), RateLimit(ATTEMPTS_A_MINUTE)
        self._checking = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here speaks it
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        visit = Visit(scope, send, framed=self.framed)
        with self.telemetry.request(visit.request_id, scope["method"]) as told:
            try:
                scope["bayan.caller"] = await self._admit(scope, visit.headers)
                receive = self._bounded(scope, receive, visit.headers)
            except (Refusal, BayanError) as refusal:
                await problem_response(scope, refusal_of(refusal))(scope, receive, visit.send)
            else:
                await self._enter(scope, receive, visit)
            finally:
                caller = scope.get("bayan.caller")
                told.update(route=self._count(scope, visit), status=visit.status, caller=caller.name if caller else None)

    async def _enter(self, scope: Scope, receive: Receive, visit: Visit) -> None:
        try:
            await self.app(scope, receive, visit.send)
        except Exception as error:  # the edge: logged once, and told when nothing was said yet
            log.exception("the request %s failed", visit.request_id)
            if not visit.answered:
                await problem_response(scope, refusal_of(error))(scope, receive, visit.send)

    async def _admit(self, scope: Scope, headers: Headers) -> Caller:
        address = (scope.get("client") or ("127.0.0.1", 0))[0]
        _refuse_other_sites(scope["path"], headers)
        if self.access.open:
            _refuse_other_machines(headers, address)
        caller = LOCAL if self.access.open or scope["path"] in PUBLIC else await self._identify(headers, address)
        if scope["path"].startswith(PROGRAMS):
            wait_if(self.requests.take(address if caller is LOCAL else caller.name), "too-many-requests", "too many requests")
        return caller

    async def _identify(self, headers: Headers, address: str) -> Caller:
        credential = credential_of(headers.get("authorization"))
        if credential is None:
            raise Refusal(401, "no-credentials", "this server wants an API key (Authorization: Bearer KEY) or its password", CHALLENGE)
        if caller := self.access.remembered(credential):
            return caller
        async with self._checking:  # one after the other: a page asks for many things at once, which are one try of its password
            if caller := self.access.remembered(credential):
                return caller
            # Wrong passwords keep no key out, nor wrong keys another: each is counted by itself.
            kind = self.access.counted_as(credential)
            wait_if(self.attempts.take(f"{address} {kind}"), "too-many-attempts", "too many keys or passwords were tried")
            if caller := await run_in_threadpool(self.access.check, credential):
                return caller
        raise Refusal(401, "wrong-credentials", "the API key or password is not known here; ask whoever runs Bayan for one", CHALLENGE)

    def _bounded(self, scope: Scope, receive: Receive, headers: Headers) -> Receive:
        """Refuse a body by the size it says it has, and stop reading one at its limit, or when nothing more comes of it."""
        limit = self._limit(scope["path"])
        too_large = f"the request is larger than {limit / 1_000_000:g} MB; send less at once"
        if int(headers.get("content-length", "0")) > limit:  # both servers refuse what is no number
            raise Refusal(413, "too-large", too_large, {"Connection": "close"})
        taken, whole = 0, False

        async def bounded() -> Message:
            nonlocal taken, whole
            try:
                message = await (receive() if whole else asyncio.wait_for(receive(), BODY_S))
            except TimeoutError as late:
                raise HTTPException(408, f"nothing of the request came for {BODY_S:g} s; send it again", {"Connection": "close"}) from late
            taken, whole = taken + len(message.get("body", b"")), not message.get("more_body")
            if taken > limit:
                raise HTTPException(413, too_large, {"Connection": "close"})
            return message

        return bounded

    def _limit(self, path: str) -> int:
        if path in UPLOADS:
            return self.max_upload_bytes
        return MAX_WINDOW_BYTES if path.startswith(WINDOW) else MAX_BODY_BYTES

    def _count(self, scope: Scope, visit: Visit) -> str:
        """Count a request under its route, and return that."""
        route, method = getattr(scope.get("route"), "path", None), scope["method"]
        path = "/mcp" if scope["path"] == "/mcp" else scope.get("root_path", "") + route if route else "unknown"
        path = path if scope["path"].startswith((*PROGRAMS, *PROBES)) else "chat"
        self.meters.requests.labels(method if method in METHODS else "other", path, str(visit.status)).inc()
        self.meters.seconds.labels(path).observe(time.perf_counter() - visit.began)
        return path


class Visit:
    """One request: its id, its headers, and what became of it."""

    def __init__(self, scope: Scope, send: Send, *, framed: bool) -> None:
        # Where other sites may frame the chat, its content policy names them; the older header knows no names.
        self._strict = {
            name: value for name, value in STRICT.items() if not (framed and scope["path"] == "/" and name == "x-frame-options")
        }
        self.headers, self.began, self.status, self.answered = Headers(scope=scope), time.perf_counter(), 500, False
        self._send, self._program = send, scope["path"].startswith((*PROGRAMS, *PROBES))
        wanted = self.headers.get("x-request-id", "")
        scope["bayan.request_id"] = self.request_id = wanted if REQUEST_ID.fullmatch(wanted) else token_hex(8)

    async def send(self, message: Message) -> None:
        """Send on, with the headers that every response carries."""
        if message["type"] == "http.response.start":
            self.status, self.answered, headers = message["status"], True, MutableHeaders(scope=message)
            for name, value in self._strict.items():
                headers.setdefault(name, value)
            headers["x-request-id"] = self.request_id
            if self._program:
                headers.setdefault("content-security-policy", NO_CONTENT)
                headers.setdefault("cache-control", "no-store")
        await self._send(message)


def _refuse_other_sites(path: str, headers: Headers) -> None:
    """Browsers say which page made a request; only our own may. Following a link to the chat is no request of a page's own."""
    host, origin = headers.get("host", ""), headers.get("origin")
    foreign = origin is not None and _place(origin) != _place(f"//{host}")
    if foreign or (path.startswith(PROGRAMS) and headers.get("sec-fetch-site", "none") not in ("none", "same-origin")):
        raise Refusal(403, "other-origin", "a web page of another origin made this request; only this server's own page may")


def _refuse_other_machines(headers: Headers, address: str) -> None:
    name = _place(f"//{headers.get('host', '')}")[0]
    if not is_loopback(name) or not is_loopback(address) or any(key in headers for key in ("forwarded", "x-forwarded-for", "x-real-ip")):
        raise Refusal(
            403,
            "other-machine",
            "this server is open to its own machine only; make a key with `bayan keys add NAME` or set BAYAN_PASSWORD to let others in",
        )


def _place(url: str) -> tuple[str, Any]:
    """Return host and port of an address; what is none is nowhere. The scheme is left out: a proxy may end TLS."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "", parts.port)
    except ValueError:
        return ("", 0)
