"""What a search is narrowed to: filters checked, and the keys by which a statement passes them.

A statement is indexed with the keys of its issuer and source, so that a filter is a look-up of terms. Knows nothing of any index.

    >>> source_keys("https://example.org/news/1.html")
    ('https://example.org/news/1.html', 'https://example.org/news', 'https://example.org', 'example.org', '1.html')
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import get_args

from rag.errors import FilterError
from rag.language import fold
from rag.schema import Facets, Filters, Language

MAX_VALUES, SHOWN = 1_000, 8
_ISO = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]+)", re.IGNORECASE)
_LOCAL = re.compile(r"(?:file:|[a-z]:)?[/\\]", re.IGNORECASE)  # a path from the root of a machine, not what a publisher calls a place


def checked(filters: Filters | None) -> Filters | None:
    """Return the filters, None when they narrow nothing. Raises FilterError when a value cannot be read."""
    if filters is None or filters == Filters():
        return None
    for kind in ("issuers", "languages", "sources", "statement_ids"):
        values = getattr(filters, kind)
        if isinstance(values, str) or not all(isinstance(value, str) and value.strip() for value in values):
            raise FilterError(f'the filter {kind} cannot be "{values}"; give a list of texts, none of them empty')
        if len(values) > MAX_VALUES:
            raise FilterError(f"the filter {kind} has {len(values)} values; at most {MAX_VALUES} are allowed")
    known = get_args(Language)
    for language in filters.languages:
        if language not in known:
            raise FilterError(f'the filter languages cannot hold "{language}"; allowed are: {", ".join(known)}')
    first, last = day_number(filters.date_from), day_number(filters.date_to, last=True)
    if first and last and first > last:
        raise FilterError(f'the filter dates begin on "{filters.date_from}" and end before, on "{filters.date_to}"; exchange them')
    return filters


def day_number(told: str | None, *, last: bool = False) -> int | None:
    """Return an ISO date as the number YYYYMMDD; a month or year as its first day, or its `last`. Raises FilterError."""
    if told is None:
        return None
    parts = _ISO.fullmatch(told.strip()) if isinstance(told, str) else None
    try:
        if parts is None:
            raise ValueError(told)
        year, month, day = (int(part) if part else None for part in parts.groups())
        date(year or 0, month or 1, day or 1)
    except ValueError as error:
        raise FilterError(f'the date "{told}" of a filter is not one; write it as 2031-05-17, 2031-05 or 2031') from error
    missing = (12, 31) if last else (1, 1)
    return int(parts[1]) * 10_000 + (month or missing[0]) * 100 + (day or missing[1])


def no_match(filters: Filters, all_facets: Facets) -> FilterError:
    """Return the error that says why no statement passes. `all_facets`: of every statement."""
    issuers = {issuer_key(issuer) for issuer in all_facets.issuers}
    if unknown := [issuer for issuer in filters.issuers if issuer_key(issuer) not in issuers]:
        return FilterError(f'no statement has the issuer "{unknown[0]}"; there are: {_listed(all_facets.issuers)}')
    given = (
        *(f'issuer "{issuer}"' for issuer in filters.issuers),
        *(f'{name} "{value}"' for name, value in (("from", filters.date_from), ("to", filters.date_to)) if value),
        *(f'language "{language}"' for language in filters.languages),
        *(f'source "{source}"' for source in filters.sources),
        *(f'id "{statement_id}"' for statement_id in filters.statement_ids),
    )
    years = f" (they are of the years {_listed(all_facets.years)})" if all_facets.years and (filters.date_from or filters.date_to) else ""
    return FilterError(f"no statement passes the filter {_joined(given)}{years}; widen it, `bayan statements` lists what there is")


def _listed(counts: Mapping[str, int]) -> str:
    return _joined([f'"{value}"' for value in counts]) or "none"


def _joined(values: Sequence[str]) -> str:
    return ", ".join(values[:SHOWN]) + (", …" if len(values) > SHOWN else "")


def issuer_key(issuer: str) -> str:
    """Return the key of an issuer, the same for every spelling that a reader takes for it."""
    return " ".join(fold(issuer).split())


def source_keys(source: str) -> tuple[str, ...]:
    """Return the source, everything above it, its site, and the names of its file and folder: what a filter may call it by."""
    address, cut = _ADDRESS.match(source), source.replace("\\", "/")
    root = address.end() if address else 0
    slashes = [at for at in range(len(cut) - 1, root - 1, -1) if cut[at] == "/" and at > 0]
    above = [source[:at] for at in slashes]
    site = [address[1].lower()] if address else []
    names = (cut.rsplit("/", 1)[-1], source_name(source_group(source)))
    return tuple(dict.fromkeys(key for key in (source, *above, *site, *names) if key))


def source_group(source: str) -> str:
    """Return the site of an address or the folder of a path: one of its keys that it shares with others."""
    if address := _ADDRESS.match(source):
        return address[1].lower()
    folder, slash, _ = source.replace("\\", "/").rpartition("/")
    return source[: len(folder)] if slash and folder else source


def source_name(source: str) -> str:
    """Return what readers are told of a source: of a path on this machine its file's or folder's name, else the source."""
    return source.replace("\\", "/").rsplit("/", 1)[-1] if _LOCAL.match(source) else source
