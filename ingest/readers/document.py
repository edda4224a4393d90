"""What a reader is given and what it finds: the small interface that every format's file implements.

A reader is a function from a `File` to the documents in it, each with the problems of those that could not be read; it raises SourceError
when nothing of the file can be read. Knows nothing of paths, cleaning, passages or the index.

    >>> Document("نص البيان").with_metadata("front matter", title="بيان").origins
    {'title': 'front matter'}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ingest.errors import refuse
from ingest.readers.headings import Named, lines_of
from rag.schema import Cut, Heading, Language, Problem

MAX_BYTES = 50_000_000  # of a file, and of a member of an archive
MAX_CHARS = 20_000_000  # of a document: what inflates to more is no statement
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class File:
    """A file's bytes. `name` is what messages call it, `columns` the table columns to read: {"text": "body"}."""

    name: str
    suffix: str
    data: bytes
    columns: Mapping[str, str] = field(default_factory=dict)
    charset: str | None = None  # as the server named it that sent the file


@dataclass(frozen=True)
class Document:
    """A statement as it was read: the text, what the file itself says of it, and stretches that are no prose."""

    text: str
    title: str | None = None
    issuer: str | None = None
    date: str | None = None  # ISO, YYYY-MM-DD
    language: Language | None = None  # as the file or people say; else it is told by the letters of the text
    cuts: tuple[Cut, ...] = ()
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)  # title, issuer, date, language, source, headings → where it was found
    pages: tuple[int, ...] = ()  # where each page begins in the text
    part: str = ""  # which part of the file: an archive's member, a table's row; empty: the whole
    source: str | None = None  # where it was published, if the file says so
    headings: tuple[Heading, ...] = ()
    left_out: tuple[str, ...] = ()  # lines of the page that its reader took for no part of the statement

    def with_metadata(self, origin: str, **found: str | None) -> Document:
        """Return the document with what was found set, and where; None changes nothing."""
        known = {name: value for name, value in found.items() if value}
        return replace(self, **known, origins={**self.origins, **dict.fromkeys(known, origin)})  # type: ignore[arg-type]

    def with_headings(self, origin: str, named: Iterable[Named]) -> Document:
        """Return the document with those lines of its text as headings that are named as such, if there are any."""
        found = lines_of(self.text, named)
        return replace(self, headings=found, origins={**self.origins, "headings": origin}) if found else self


@dataclass(frozen=True)
class Working:
    """A reader's word that it has come a step further in a long work; the next one may take so long."""

    limit_s: float


Reader = Callable[[File], Iterable[Document | Problem | Working]]


def check(document: Document, name: str) -> Document:
    """Return the document. Raises SourceError when there is no text in it, or more than a statement can hold."""
    if not any(char.isalnum() for char in document.text):
        raise refuse(name, "holds no text; leave it out or check that it was saved completely")
    if len(document.text) > MAX_CHARS:
        raise refuse(name, f"holds more than {MAX_CHARS // 1_000_000} million characters; split it")
    return document


def mended(document: Document) -> Document:
    """Return the document without halves of characters, and with a warning if there were any."""
    told = {name: getattr(document, name) for name in ("text", "title", "issuer", "source", "part")}
    whole = {name: without_halves(said) for name, said in told.items() if said}
    if all(told[name] == said for name, said in whole.items()):
        return document
    warning = "holds half a character, as a text cut inside an emoji does; \ufffd stands in its place"
    return replace(document, **whole, warnings=(*document.warnings, warning))  # type: ignore[arg-type]


def without_halves(text: str) -> str:
    """Put U+FFFD in the place of each lone surrogate, as decoders do: it is no character, and nothing can store or print it."""
    return _HALVES.sub("\ufffd", text)


def within(document: Document, member: str, name: str) -> Document:
    """Return the checked document of a file inside another, its part named by that file. Raises SourceError."""
    return replace(check(document, name), part=f"{member}#{document.part}" if document.part else member)
