"""Addresses to readings: a page is a statement's file, a feed or sitemap leads to its pages, and what has not changed is not fetched again.

Knows nothing of how pages are fetched (ingest.web.fetch) or read (ingest.readers, in a process of their own).

    for reading in Sites(fetcher, worker, visits, known=places).read("https://example.org/feed"): ...
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from ingest.errors import refuse
from ingest.readers import READERS, Document, File, Link
from ingest.readers.feed import as_document, is_list
from ingest.sandbox import Worker
from ingest.sources import Reading
from ingest.web.fetch import Fetcher, GoneError, Page
from ingest.web.visits import Visit, Visits
from rag.errors import SourceError
from rag.schema import Problem

MAX_PAGES = 1_000  # fetched for one address in one run; those not yet visited come first, so that further runs go on
MAX_DEPTH = 3  # sitemaps in sitemaps
_WORD = "application/vnd.openxmlformats-officedocument."
TYPES: Mapping[str, str] = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    f"{_WORD}wordprocessingml.document": ".docx",
    "application/vnd.ms-word.document.macroenabled.12": ".docm",
    "application/vnd.oasis.opendocument.text": ".odt",
    "message/rfc822": ".eml",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    f"{_WORD}spreadsheetml.sheet": ".xlsx",
    "application/zip": ".zip",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/tiff": ".tiff",
}
_VAGUE = ("", "text/plain", "application/octet-stream", "binary/octet-stream", "application/x-zip-compressed")


class Sites:
    """Reads addresses. `known` holds the places from which the index has statements."""

    def __init__(
        self, fetcher: Fetcher, worker: Worker, visits: Visits, *, known: Collection[str], columns: Mapping[str, str] | None = None
    ) -> None:
        self._fetcher, self._worker, self._visits, self._known, self._columns = fetcher, worker, visits, known, columns or {}
        self._seen: set[str] = set()
        self._fetched = 0

    def read(self, address: str) -> Iterator[Reading]:
        """Yield what is read at an address, or at each of those that it lists."""
        self._fetched, self._seen = 0, set()
        yield from self._read(Link(address.partition("#")[0]), depth=0)

    def _read(self, link: Link, *, depth: int) -> Iterator[Reading]:
        visit = self._visits.get(link.address)
        if visit and not (visit.links or visit.place in self._known):
            visit = None
        if visit and link.changed and visit.changed == link.changed and not visit.links:
            yield Reading(visit.place, unchanged=True)
            return
        try:
            self._fetched += 1
            page = self._fetcher.get(link.address, validators=visit.validators if visit else None)
            if page is None:
                assert visit
                yield from (self._follow(link, visit.links, depth) if visit.links else [Reading(visit.place, unchanged=True)])
            elif is_list(page.data):
                yield from self._list(link, page, depth)
            else:
                yield self._page(link, page)
        except SourceError as error:
            yield self._without_page(link, error)

    def _list(self, link: Link, page: Page, depth: int) -> Iterator[Reading]:
        if depth == MAX_DEPTH:
            raise refuse(link.address, f"is a list inside {MAX_DEPTH} others; give it by itself")
        links = self._worker.links(File(page.address, ".rss", page.data))
        told = tuple(replace(found, text="") for found in links if found.address)
        self._visits[link.address] = Visit(page.address, page.validators, links=told)
        yield from self._follow(link, links, depth)

    def _follow(self, parent: Link, links: Sequence[Link], depth: int) -> Iterator[Reading]:
        """Read what a list names, first what was never visited."""
        left = 0
        for link in sorted(links, key=lambda link: link.address in self._visits):
            if not link.address:
                if any(map(str.isalnum, link.text)):
                    part = hashlib.sha256(link.text.encode()).hexdigest()[:8]
                    yield self._listed(parent.address, as_document(link, part=part), stem=part)
            elif self._fetched >= MAX_PAGES:
                left += 1
            elif link.address not in self._seen:
                self._seen.add(link.address)
                yield from self._read(link, depth=depth + 1)
        if left:
            reason = f'"{parent.address}" lists more pages than are fetched at once; {left:,} wait, run the command again to go on'
            yield Reading(parent.address, problems=(Problem(parent.address, reason),), whole=False)

    def _page(self, link: Link, page: Page) -> Reading:
        file = File(page.address, _suffix(page), page.data, self._columns, page.charset)
        documents, problems = [], []
        for found in self._worker.read(file):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                documents.append(_with_link(found, link))
        self._visits[link.address] = Visit(page.address, page.validators, link.changed)
        return Reading(page.address, tuple(documents), tuple(problems), stem=_stem(page.address), whole=not problems)

    def _without_page(self, link: Link, error: SourceError) -> Reading:
        """What is kept of a page that cannot be had: what its feed holds of it, or nothing."""
        if not any(map(str.isalnum, link.text)):
            return Reading(link.address, problems=(Problem(link.address, str(error)),), whole=False, gone=isinstance(error, GoneError))
        kept = f"its text is taken from the feed, which may hold a part of it only: {error}"
        return self._listed(link.address, replace(as_document(link), source=None, warnings=(kept,)), stem=_stem(link.address))

    def _listed(self, place: str, document: Document, *, stem: str) -> Reading:
        """What a list itself holds of a statement."""
        try:
            return Reading(place, (self._worker.clean(document, place),), stem=stem, whole=False)
        except SourceError as error:
            return Reading(place, problems=(Problem(place, str(error)),), whole=False)


def _with_link(document: Document, link: Link) -> Document:
    """The document with what the list says of it where the page itself is silent."""
    if document.part:
        return document
    said = {"title": link.title, "date": link.date, "issuer": link.issuer}
    return document.with_metadata("feed", **{name: value for name, value in said.items() if getattr(document, name) is None})


def _suffix(page: Page) -> str:
    named = PurePosixPath(urlsplit(page.address).path).suffix.lower()
    if page.kind in _VAGUE and named in READERS:
        return named
    if suffix := TYPES.get(page.kind):
        return suffix
    kind = page.kind or "none named"
    raise refuse(page.address, f'is of the type "{kind}", which is not read; save it in a format that is and ingest the file')


def _stem(address: str) -> str:
    parts = urlsplit(address)
    return (PurePosixPath(unquote(parts.path)).stem or parts.hostname or "page")[:60]
