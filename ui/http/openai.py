"""OpenAI's chat interface under `/v1`, so that tools made for it can ask Bayan: the model is called `bayan`.

The last user message is the question, earlier ones are the conversation; system messages, tools and sampling parameters change nothing,
for an answer is made of quotes. The extra field `filters` names the statements to look in, as in REST. Sources follow the text as lines,
and the whole answer (`Answer` of `rag/schema.py`) stands in the extra field `bayan`, in a stream on the last chunk. A stream begins at
once, and its text comes when it has been checked. Tokens are not counted.

    OpenAI(base_url="http://localhost:7860/v1", api_key="KEY").chat.completions.create(model="bayan", messages=[…]).bayan["citations"]
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from itertools import pairwise
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from rag.language import language_of
from rag.schema import Answer, Citation, Completed, to_json
from ui.http.filter_fields import Narrowed, narrowing
from ui.http.problems import INTERNAL, Given, openai_error, problem_responses, refusal_of, tell_problems
from ui.http.rest import TheService, while_there
from ui.service.refusal import Refusal
from ui.service.service import Service

log = logging.getLogger(__name__)

MODEL = "bayan"
CARD = {"id": MODEL, "object": "model", "created": 0, "owned_by": "bayan"}
STREAM = {"text/event-stream": {"schema": {"type": "object", "properties": {"data": {"type": "string", "description": "JSON, or [DONE]"}}}}}
NO_TOKENS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}

router = APIRouter(responses=problem_responses(400, 401, 403, 413, 422, 429, 500, 503))


class Part(BaseModel):
    """A piece of a message; only text is read."""

    type: str
    text: str = ""


class Message(BaseModel):
    """A turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream carries besides its text."""

    include_usage: bool = False


class ChatRequest(Given):
    """A chat completion wanted; fields of OpenAI's that are not named here are let pass and change nothing."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(examples=[MODEL])
    messages: list[Message] = Field(min_length=1, max_length=200, examples=[[{"role": "user", "content": "كم عدد المعلمين الجدد؟"}]])
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(None, description="There is one answer.")
    filters: Narrowed | None = Field(None, description="Bayan's own: the statements to look in; by default all.")


def build(service: Service) -> FastAPI:
    """Return the application, to be mounted at `/v1`."""
    app = FastAPI(title="Bayan as OpenAI's chat interface", version="1", docs_url=None, redoc_url=None)
    app.state.service = service
    tell_problems(app)
    app.include_router(router)
    return app


@router.get("/models")
async def models() -> dict[str, Any]:
    """List the one model."""
    return {"object": "list", "data": [CARD]}


@router.get("/models/{model}", responses=problem_responses(404))
async def model(model: str) -> dict[str, Any]:
    """Describe the model."""
    _check_model(model)
    return CARD


@router.post("/chat/completions", responses=problem_responses(404) | {200: {"content": STREAM}})
async def complete(wanted: ChatRequest, request: Request, service: TheService) -> Response:
    """Answer the last user message with quotes, or say that no answer was found."""
    _check_model(wanted.model)
    question, history = _conversation(wanted.messages)
    head = {"id": f"chatcmpl-{request.scope['bayan.request_id']}", "created": int(time.time()), "model": MODEL}
    filters = narrowing(wanted.filters)
    if wanted.stream:
        events = service.stream(question, history=history, filters=filters)
        await anext(events)  # what is wrong with the question is told before the stream begins
        usage = bool(wanted.stream_options and wanted.stream_options.include_usage)
        return StreamingResponse(_stream(events, head, usage), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
    answer = await while_there(request, service.ask(question, history=history, filters=filters))
    message = {"role": "assistant", "content": with_sources(answer), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return JSONResponse(head | {"object": "chat.completion", "choices": [choice], "usage": NO_TOKENS, "bayan": to_json(answer)})


def with_sources(answer: Answer) -> str:
    """Return an answer's text with a line for each source below it."""
    sources = "\n".join(_source(citation) for citation in answer.citations)
    return f"{answer.answer}\n\n{sources}" if sources else answer.answer


async def _stream(events: AsyncGenerator[Any, None], head: dict[str, Any], usage: bool) -> AsyncIterator[bytes]:
    def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _line(head | {"object": "chat.completion.chunk", "choices": [choice], **more})

    try:
        async with aclosing(events):
            yield chunk({"role": "assistant", "content": ""})
            async for event in events:
                if isinstance(event, Completed):
                    for line in with_sources(event.answer).splitlines(keepends=True):
                        yield chunk({"content": line})
                    yield chunk({}, "stop", bayan=to_json(event.answer))
    except Exception as error:  # the edge: the status is sent already
        refusal = refusal_of(error)
        if refusal.code == INTERNAL:
            log.exception("the stream %s failed", head["id"])
        yield _line({"error": openai_error(refusal)})
        return
    if usage:
        yield _line(head | {"object": "chat.completion.chunk", "choices": [], "usage": NO_TOKENS})
    yield format_sse_event(data_str="[DONE]")


def _line(chunk: dict[str, Any]) -> bytes:
    return format_sse_event(data_str=json.dumps(chunk, ensure_ascii=False))


def _conversation(messages: Sequence[Message]) -> tuple[str, list[Answer]]:
    """Return the question, the last user message, and what was asked and answered before it."""
    asked = [place for place, message in enumerate(messages) if message.role == "user"]
    if not asked:
        raise Refusal(422, "no-question", 'none of the messages has the role "user"; the last that has is the question')
    history = []
    for place, following in pairwise(asked):
        question = messages[place].text
        said = "\n".join(message.text for message in messages[place + 1 : following] if message.role == "assistant")
        history.append(Answer(question, language_of(question), "answered", "quote", None, said))
    return messages[asked[-1]].text, history


def _check_model(model: str) -> None:
    if model != MODEL:
        raise Refusal(404, "model-not-found", f'there is no model "{model}" here; the only one is "{MODEL}"')


def _source(citation: Citation) -> str:
    about = (citation.title, citation.issuer, citation.date, " › ".join(citation.section), citation.source)
    known = " · ".join(part for part in about if part)
    return f"[{citation.number}] {known}"
