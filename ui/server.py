"""One process, several doors: the chat, REST, OpenAI's interface and MCP over one assistant, behind one doorway.

Knows what is mounted where and how it is started and ended; nothing of what any door does.

    serve(Assistant.open("index"), settings=load_settings())
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, nullcontext, suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI

from rag.assistant import Assistant
from rag.errors import BayanError, SettingsError
from rag.schema import Delta
from rag.settings import Settings
from ui.http import openai, rest
from ui.http.embed import embed
from ui.http.health import health
from ui.http.middleware import Middleware
from ui.http.problems import tell_problems
from ui.service.access import Access
from ui.service.evaluations import Evaluations
from ui.service.service import Service
from ui.service.telemetry import Telemetry
from ui.window.page import mount_chat

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

UPLOAD_OVERHEAD_BYTES = 100_000  # what a form adds to its files
HEADERS_S = 10.0  # until the headers of a request are there
END_S = 8.0  # until the process ends, once it was told to


def serve(assistant: Assistant, *, settings: Settings, evaluations: Evaluations | None = None) -> None:
    """Serve until Ctrl-C; print the address once it answers. Raises SettingsError: port in use, or anyone would be let in."""
    access = Access.configured(settings)
    listener = _listen(settings.host, settings.port)
    web = build_web(assistant, settings, access, evaluations)
    # The server's own warnings go where ours go.
    config = uvicorn.Config(
        web, http=_patient(), log_level="warning", log_config=None, access_log=False, timeout_graceful_shutdown=2,
        proxy_headers=bool(settings.trusted_proxies), forwarded_allow_ips=settings.trusted_proxies or None,
    )  # fmt: skip
    try:
        ending = partial(_end_within, END_S, web.state.service)
        _Server(config, ready=partial(_warm_up, assistant), ending=ending).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()


def build_web(assistant: Assistant, settings: Settings, access: Access, evaluations: Evaluations | None = None) -> FastAPI:
    """Return the whole web application; with `evaluations`, the window has a tab for them."""
    telemetry = Telemetry.configured(settings)
    service = Service(telemetry.observed(assistant), settings)
    tools = _tools(service)

    @asynccontextmanager
    async def lifespan(web: FastAPI) -> AsyncIterator[None]:
        async with tools.session_manager.run() if tools else nullcontext():
            yield
        service.jobs.close()

    web = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    web.state.service = service
    tell_problems(web)
    web.include_router(health)
    web.include_router(embed)
    web.mount("/api/v1", rest.build(service))
    web.mount("/v1", openai.build(service))
    if tools:
        from ui.http.mcp import http_routes

        web.router.routes.extend(http_routes(tools))
    mount_chat(web, service.assistant, evaluations, service=service, framed_by=settings.frame_origins, at_once=service.at_once)
    web.add_middleware(  # the last added is the first passed
        Middleware,
        access=access,
        meters=service.meters,
        telemetry=telemetry,
        rate_limit=settings.rate_limit,
        max_upload_bytes=settings.upload_mb * 1_000_000 + UPLOAD_OVERHEAD_BYTES,
        framed=bool(settings.frame_origins),
    )
    return web


def _tools(service: Service) -> MCPServer | None:
    """Return the MCP server, or None where the package `mcp` is not installed."""
    if not find_spec("mcp"):
        return None
    from ui.http.mcp import build

    return build(service)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f'the chat cannot listen on "{host}" port "{port}": {error.strerror}; choose another with --port (0: any free one)'
        ) from error


def _warm_up(assistant: Assistant) -> None:
    """Read what is read when first used, word lists above all: it would cost the first reader a second. No language model is asked."""
    with suppress(BayanError):
        for question in ("كم عدد الجرحى في الحسكة؟", "How many people were injured in Hasakah?"):
            with closing(assistant.stream(question)) as events:  # type: ignore[type-var]  # a generator
                next((event for event in events if isinstance(event, Delta)), None)


def _end_within(seconds: float, service: Service) -> None:
    """See to it that the process ends: an ingest or a search under way keeps its thread, and Python waits for threads.

    What is cut off is safe: an ingest that is interrupted leaves a usable index, and goes on when it is made again.
    """

    def end() -> None:
        log.warning("what was under way did not end within %g s of the server; it is cut off", seconds)
        service.jobs.sweep()
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _patient() -> type[asyncio.Protocol]:
    """uvicorn's own HTTP protocol, which gives up a connection whose request's headers do not come."""
    chosen = uvicorn.Config(_nothing)
    chosen.load()
    protocol: Any = chosen.http_protocol_class

    class Patient(protocol):  # type: ignore[misc]
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._late = self.loop.call_later(HEADERS_S, transport.close)

        def data_received(self, data: bytes) -> None:
            if self._late is None and not self._is_busy():
                self._late = self.loop.call_later(HEADERS_S, self.transport.close)
            super().data_received(data)
            if self._late is not None and self._is_busy():
                self._late.cancel()
                self._late = None

        def connection_lost(self, exc: Exception | None) -> None:
            if self._late is not None:
                self._late.cancel()
            super().connection_lost(exc)

        def _is_busy(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

    return Patient


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application for a configuration that only tells which protocol is there."""


class _Server(uvicorn.Server):
    """uvicorn, saying where it listens, then calling `ready` beside it, and `ending` when it is told to end."""

    def __init__(self, config: uvicorn.Config, *, ready: Callable[[], None], ending: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._ready, self._ending = ready, ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # what is here now stays: answers are not held up by looking through it again and again
        gc.enable()
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            print(f"Bayan listens on http://{f'[{host}]' if ':' in host else host}:{port}/ (Ctrl-C ends it)", flush=True)  # noqa: T201
        threading.Thread(target=self._ready).start()  # no daemon: ended under its hands, the native code that it is in would crash
