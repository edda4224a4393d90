"""What goes wrong at the doors for programs, as problem objects (RFC 9457): one line for people, a stable code for programs.

The codes and statuses of Bayan's own errors are in `CODES`; a door's own refusals are raised as `Refusal`. Below `/v1` the object also
carries `error`, the shape that OpenAI's clients read.

    {"type": "urn:bayan:problem:unknown-statement", "title": "Not Found", "status": 404, "detail": "no statement has the id …",
     "code": "unknown-statement", "request_id": "…"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Self

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator
from starlette.exceptions import HTTPException
from starlette.types import Scope

from rag import errors
from ui.service.refusal import Refusal

CODES: Mapping[type[Exception], tuple[int, str]] = {
    errors.FilterError: (422, "filter-not-usable"),
    errors.HistoryError: (422, "history-too-long"),
    errors.QuestionError: (422, "question-not-searchable"),
    errors.AnswerTimeout: (504, "too-slow"),
    errors.UnknownStatement: (404, "unknown-statement"),
    errors.SourceError: (422, "source-refused"),
    errors.IndexBusy: (503, "index-busy"),
    errors.IndexMissing: (503, "index-missing"),
    errors.IndexMismatch: (503, "index-mismatch"),
    errors.IndexUnusable: (503, "index-unusable"),
    errors.ModelError: (503, "model-unavailable"),
    errors.SettingsError: (500, "settings"),
}
INTERNAL = "internal-error"
STATUS_CODES = {400: "bad-request", 408: "too-slow", 404: "not-found", 405: "method-not-allowed", 413: "too-large"}


@dataclass(frozen=True)
class ProblemObject:
    """Why a request was not done. `code` never changes its meaning; `detail` is one line for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str


class Given(BaseModel):
    """A request's JSON body: no unknown names, and text that can be written down."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _whole_characters(self) -> Self:
        try:
            self.model_dump_json()
        except ValueError as error:
            raise ValueError("a text holds half a character (a lone surrogate), which no document can hold") from error
        return self


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of responses with these statuses."""
    content = {"application/problem+json": {"schema": TypeAdapter(ProblemObject).json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def problem_response(scope: Scope, refusal: Refusal) -> JSONResponse:
    """Return the response that tells of a refusal."""
    problem = ProblemObject(
        type=f"urn:bayan:problem:{refusal.code}",
        title=HTTPStatus(refusal.status).phrase,
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        request_id=scope.get("bayan.request_id", ""),
    )
    body = asdict(problem)
    if scope["path"].startswith("/v1/"):
        body["error"] = openai_error(refusal)
    return JSONResponse(body, refusal.status, refusal.headers, "application/problem+json")


def openai_error(refusal: Refusal) -> dict[str, Any]:
    """Return the refusal as OpenAI's clients read it."""
    kind = "invalid_request_error" if refusal.status < 500 else "server_error"
    return {"message": refusal.detail, "type": kind, "param": None, "code": refusal.code}


def refusal_of(error: Exception) -> Refusal:
    """Turn whatever was raised into a refusal; of what is nobody's business but ours, no word leaves."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        return Refusal(422, "invalid-request", "; ".join(_told(detail) for detail in error.errors()))
    if isinstance(error, HTTPException):
        code = STATUS_CODES.get(error.status_code, f"http-{error.status_code}")
        return Refusal(error.status_code, code, str(error.detail), error.headers)
    for kind, (status, code) in CODES.items():
        if isinstance(error, kind):
            return Refusal(status, code, str(error), {"Retry-After": "5"} if status == 503 else None)
    return Refusal(500, INTERNAL, "something went wrong and was logged; try again, then tell whoever runs Bayan the request_id")


def tell_problems(app: FastAPI) -> None:
    """Have an application answer every error with a problem object. Whatever is unexpected goes on to `ui/http/middleware.py`, which logs
    it.
    """

    async def answer(request: Request, error: Exception) -> JSONResponse:
        return problem_response(request.scope, refusal_of(error))

    for kind in (errors.BayanError, Refusal, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer)


def _told(detail: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    return f'"{where}": {detail["msg"]}'
