"""For whoever runs the server: is it alive (`/healthz`), can it answer (`/readyz`), what has it done (`/metrics`)."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool

from rag.errors import UnknownStatement
from ui.http.rest import needs

health = APIRouter(include_in_schema=False)


@health.get("/healthz")
async def alive() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@health.get("/readyz")
async def ready(request: Request) -> dict[str, str]:
    """Say whether the index can be read; a problem object otherwise."""
    try:
        await run_in_threadpool(request.app.state.service.assistant.statement, "")
    except UnknownStatement:  # the store was asked, and answered
        return {"status": "ready"}
    return {"status": "ready"}


@health.get("/metrics", dependencies=[Depends(needs("admin"))])
async def metrics(request: Request) -> Response:
    """Return the counters in Prometheus' text format."""
    return Response(generate_latest(request.app.state.service.meters.registry), media_type=CONTENT_TYPE_LATEST)
