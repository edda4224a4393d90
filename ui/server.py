"""One process, several doors: the chat, REST, OpenAI's interface and MCP over one assistant, behind one doorway.

Knows what is mounted where and how it is started and ended; nothing of what any door does.

    serve(Assistant.open("index"), settings=load_settings())
"""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, nullcontext, suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from rag.assistant import Assistant
from rag.errors import BayanError, SettingsError
from rag.schema import Delta
from rag.settings import Settings
from ui import api, openai_api
from ui.access import Access
from ui.doorway import Doorway
from ui.embed import embed
from ui.evaluations import Evaluations
from ui.health import health
from ui.page import mount_chat
from ui.problems import tell_problems
from ui.service import Service
from ui.telemetry import Telemetry

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

UPLOAD_OVERHEAD_BYTES = 100_000  # what a form adds to its files


def serve(assistant: Assistant, *, settings: Settings, evaluations: Evaluations | None = None) -> None:
    """Serve until Ctrl-C; print the address once it answers. Raises SettingsError: port in use, or anyone would be let in."""
    access = Access.configured(settings)
    listener = _listen(settings.host, settings.port)
    web = build_web(assistant, settings, access, evaluations)
    # The server's own warnings go where ours go.
    config = uvicorn.Config(web, log_level="warning", log_config=None, access_log=False, timeout_graceful_shutdown=2)
    try:
        _Server(config, ready=partial(_warm_up, assistant)).run(sockets=[listener])
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
    web.mount("/api/v1", api.build(service))
    web.mount("/v1", openai_api.build(service))
    if tools:
        from ui.mcp_server import http_routes

        web.router.routes.extend(http_routes(tools))
    mount_chat(web, service.assistant, evaluations, service=service, framed_by=settings.frame_origins, at_once=service.at_once)
    web.add_middleware(  # the last added is the first passed
        Doorway,
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
    from ui.mcp_server import build

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


class _Server(uvicorn.Server):
    """uvicorn, saying where it listens, then calling `ready` beside it."""

    def __init__(self, config: uvicorn.Config, *, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # what is here now stays: answers are not held up by looking through it again and again
        gc.enable()
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            print(f"Bayan listens on http://{f'[{host}]' if ':' in host else host}:{port}/ (Ctrl-C ends it)", flush=True)  # noqa: T201
        threading.Thread(target=self._ready).start()  # no daemon: ended under its hands, the native code that it is in would crash
