"""REST under `/api/v1`: ask, search, statements and jobs on them, feedback. Its OpenAPI document is at `/api/v1/openapi.json`.

Answers, hits, statements and reports are the records of `rag/schema.py` field by field. Knows nothing of how answers are found, nor who
may come in: callers arrive through `ui/http/middleware.py`.

    curl localhost:7860/api/v1/ask -H 'Content-Type: application/json' -d '{"question": "كم عدد الجرحى؟"}'
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, FastAPI, File, Path, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from rag.schema import Answer, Event, Facets, Filters, Hit, Quote, Statement, to_json
from ui.http.filter_fields import Narrowed, narrowing, queried
from ui.http.problems import INTERNAL, Given, problem_responses, refusal_of, tell_problems
from ui.service.access import Caller, Role
from ui.service.jobs import Job
from ui.service.refusal import Refusal
from ui.service.service import Feedback, Service, Spoken, now

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_HISTORY = 20
MAX_FILES = 20
SSE = "text/event-stream"
DESCRIPTION = """Questions in Arabic or English about official and press statements, answered with verbatim, cited quotes.

`quote == statement.text[start:end]`, always; offsets count Unicode code points. The text of documents is data, never an instruction.
Every response carries `X-Request-Id`, the request's own when it had one. Errors are problem objects (RFC 9457) with a stable `code`."""

EVENTS = {"event": {"enum": ["retrieved", "delta", "completed", "problem"]}, "data": {"type": "string", "description": "JSON"}}
STREAM = {"content": {SSE: {"schema": {"type": "object", "properties": EVENTS, "required": ["event", "data"]}}}}

router = APIRouter(responses=problem_responses(400, 401, 403, 413, 422, 429, 500, 503))


class Ask(Given):
    """A question, and how it is to be answered."""

    question: str = Field(description="Arabic or English, at most 2000 characters.", examples=["كم عدد المعلمين الجدد؟"])
    language: Spoken = Field("auto", description="Language of the answer's own words; `auto` follows the question.")
    history: list[Answer] = Field([], max_length=MAX_HISTORY, description="The answers so far, oldest first, for questions that follow.")
    filters: Narrowed | None = Field(None, description="The statements to look in; by default all.")
    stream: bool = Field(False, description="Send the events of the answer as they come; so does `Accept: text/event-stream`.")


class FeedbackGiven(Given):
    """What a reader thinks of an answer."""

    thumb: Literal["up", "down"]
    question: str = Field(max_length=2_000, examples=["كم عدد المعلمين الجدد؟"])
    answer: str | None = Field(None, max_length=20_000)
    reason: str | None = Field(None, max_length=2_000, examples=["The quote is about last year."])
    request_id: str | None = Field(None, max_length=100, description="`X-Request-Id` of the answer.")


@dataclass(frozen=True)
class Found:
    """What a search found: the JSON of `bayan search`."""

    query: str
    hits: list[Hit]


@dataclass(frozen=True)
class Listed:
    """A page of the statements, newest first; `total` is how many there are."""

    statements: list[Statement]
    total: int


def build(service: Service) -> FastAPI:
    """Return the REST application, to be mounted at `/api/v1`."""
    app = FastAPI(title="Bayan", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.state.service = service
    tell_problems(app)
    app.include_router(router)
    return app


def the_service(request: Request) -> Service:
    """Return the service behind a request's application."""
    service: Service = request.app.state.service
    return service


def the_caller(request: Request) -> Caller:
    """Return who sent a request."""
    caller: Caller = request.scope["bayan.caller"]
    return caller


def needs(role: Role) -> Callable[[Request], None]:
    """Return a dependency that refuses callers who lack a role."""

    def check(request: Request) -> None:
        caller = the_caller(request)
        if not caller.may(role):
            raise Refusal(403, "role-needed", f'this needs a key of the role "{role}"; "{caller.name}" has "{caller.role}"')

    return check


TheService = Annotated[Service, Depends(the_service)]
TheFilters = Annotated[Filters, Depends(queried)]
StatementId = Annotated[str, Path(description="The id as statements and citations name it.", examples=["ferry-collision-1f3a9c2e"])]


@router.post("/ask", response_model=Answer, responses={200: STREAM}, tags=["answers"])
async def ask(asked: Ask, request: Request, service: TheService) -> Answer | Response:
    """Answer a question with quotes, or say that none was found.

    As a stream, the events are `retrieved` (hits), `delta` (text), `completed` (answer, confidence) and, when it fails, `problem`.
    """
    accepted = request.headers.get("accept", "")
    if asked.stream or (SSE in accepted and "application/json" not in accepted):
        return await streamed(asked, request, service)
    work = service.ask(asked.question, history=asked.history, language=asked.language, filters=narrowing(asked.filters))
    return await while_there(request, work)


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do what a client waits for, and leave off when the client has gone. The request's body must have been read."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_departure(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            raise Refusal(499, "client-gone", "the client has gone")
        return working.result()
    finally:
        leaving.cancel()


async def _departure(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def streamed(asked: Ask, request: Request, service: Service) -> Response:
    """Answer as server-sent events; what is wrong with the question is told before the stream begins."""
    filters = narrowing(asked.filters)
    events = service.stream(asked.question, history=asked.history, language=asked.language, filters=filters)
    first = await anext(events)

    async def lines() -> AsyncIterator[bytes]:
        try:
            async with aclosing(events):
                yield _line(first)
                async for event in events:
                    yield _line(event)
        except Exception as error:  # the edge: the status is sent already
            refusal = refusal_of(error)
            if refusal.code == INTERNAL:
                log.exception("the stream of request %s failed", request.scope["bayan.request_id"])
            told = {"code": refusal.code, "detail": refusal.detail, "request_id": request.scope["bayan.request_id"]}
            yield format_sse_event(event="problem", data_str=json.dumps(told, ensure_ascii=False))

    return StreamingResponse(lines(), media_type=SSE, headers={"X-Accel-Buffering": "no"})


def _line(event: Event) -> bytes:
    return format_sse_event(event=type(event).__name__.lower(), data_str=json.dumps(to_json(event), ensure_ascii=False))


@router.get("/search", tags=["answers"])
async def search(
    service: TheService,
    filters: TheFilters,
    q: Annotated[str, Query(description="What to search for.", examples=["ميناء"])],
    top_k: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Found:
    """Return the passages nearest to a query that pass the filters, best first."""
    return Found(q, await service.search(q, top_k=top_k, filters=filters))


@router.get("/passages/{passage_id}", responses=problem_responses(404), tags=["answers"])
async def passage(passage_id: str, service: TheService, around: Annotated[int, Query(ge=0, le=20)] = 1) -> Quote:
    """Return a passage of a hit with up to `around` neighbours on each side, word for word as they stand in the statement."""
    return await service.around(passage_id, passages=around)


@router.get("/facets", tags=["statements"])
async def facets(service: TheService, filters: TheFilters) -> Facets:
    """Count the statements that pass the filters, by issuer, language, source and year."""
    return await service.facets(filters)


@router.get("/statements", tags=["statements"])
async def statements(
    service: TheService, limit: Annotated[int, Query(ge=1, le=500)] = 50, offset: Annotated[int, Query(ge=0, le=10**9)] = 0
) -> Listed:
    """Return statements with their text, newest first."""
    every = await service.statements()
    return Listed(every[offset : offset + limit], len(every))


@router.get("/statements/{statement_id}", responses=problem_responses(404), tags=["statements"])
async def statement(statement_id: StatementId, service: TheService) -> Statement:
    """Return one statement."""
    return await service.statement(statement_id)


@router.delete(
    "/statements/{statement_id}",
    status_code=202,
    dependencies=[Depends(needs("editor"))],
    responses=problem_responses(404),
    tags=["statements"],
)
async def remove_statement(statement_id: StatementId, response: Response, service: TheService) -> Job:
    """Remove a statement from the index in the background; for editors. An ingest that meets its file again adds it again."""
    await service.statement(statement_id)  # of an id that is unknown, the caller hears at once
    return _begun(service.jobs.remove([statement_id]), response)


@router.post("/jobs", status_code=202, dependencies=[Depends(needs("editor"))], responses=problem_responses(415), tags=["statements"])
async def add_statements(
    response: Response,
    service: TheService,
    files: Annotated[list[UploadFile], File(max_length=MAX_FILES, description="Statements in formats that `bayan ingest` reads.")],
) -> Job:
    """Add or update statements in the background; for editors. A file of a name uploaded before takes the earlier one's place."""
    job = await run_in_threadpool(service.jobs.submit, [(upload.filename or "", upload.file) for upload in files])
    return _begun(job, response)


def _begun(job: Job, response: Response) -> Job:
    response.headers["Location"] = f"/api/v1/jobs/{job.job_id}"
    return job


@router.get("/jobs/{job_id}", dependencies=[Depends(needs("editor"))], responses=problem_responses(404), tags=["statements"])
async def job(job_id: str, service: TheService) -> Job:
    """Return an ingest or a removal as it stands."""
    return service.jobs.find(job_id)


@router.post("/feedback", status_code=201, tags=["answers"])
async def feedback(given: FeedbackGiven, request: Request, service: TheService) -> Feedback:
    """Write down what a reader thinks of an answer; it stays on this server, in the index folder."""
    feedback = Feedback(time=now(), by=the_caller(request).name, **given.model_dump())
    await run_in_threadpool(service.record, feedback)
    return feedback
