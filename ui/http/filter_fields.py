"""How programs narrow a search: a JSON object or parameters of an address. Each becomes `Filters`.

POST /api/v1/ask {"question": "…", "filters": {"issuers": ["هيئة الموانئ"], "date_from": "2031-01", "languages": ["ar"]}}
GET /api/v1/search?q=ميناء&issuer=هيئة الموانئ&since=2031-01&in_language=ar
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from rag.index.filters import MAX_VALUES
from rag.schema import Filters, Language
from ui.http.problems import Given
from ui.service.filter_help import ISSUER, LANGUAGE, SINCE, SOURCE, STATEMENT, UNTIL


class Narrowed(Given):
    """What a search is narrowed to. Kinds narrow together; several values of one kind widen each other."""

    issuers: list[str] = Field([], max_length=MAX_VALUES, description=f"{ISSUER}.")
    date_from: str | None = Field(None, description=f"{SINCE}.")
    date_to: str | None = Field(None, description=f"{UNTIL}.")
    languages: list[Language] = Field([], max_length=MAX_VALUES, description=f"{LANGUAGE}.")
    sources: list[str] = Field([], max_length=MAX_VALUES, description=f"{SOURCE}.")
    statement_ids: list[str] = Field([], max_length=MAX_VALUES, description=f"{STATEMENT}.")


def narrowing(given: Narrowed | None) -> Filters | None:
    """Return the filters as the assistant takes them."""
    if given is None:
        return None
    return Filters(
        issuers=tuple(given.issuers),
        date_from=given.date_from,
        date_to=given.date_to,
        languages=tuple(given.languages),
        sources=tuple(given.sources),
        statement_ids=tuple(given.statement_ids),
    )


def queried(
    issuer: Annotated[list[str], Query(max_length=MAX_VALUES, description=ISSUER)] = [],  # noqa: B006  # never altered
    since: Annotated[str | None, Query(description=SINCE)] = None,
    until: Annotated[str | None, Query(description=UNTIL)] = None,
    in_language: Annotated[list[Language], Query(max_length=MAX_VALUES, description=LANGUAGE)] = [],  # noqa: B006
    source: Annotated[list[str], Query(max_length=MAX_VALUES, description=SOURCE)] = [],  # noqa: B006
    statement: Annotated[list[str], Query(max_length=MAX_VALUES, description=STATEMENT)] = [],  # noqa: B006
) -> Filters:
    """Read the filters from an address."""
    return Filters(tuple(issuer), since, until, tuple(in_language), tuple(source), tuple(statement))
