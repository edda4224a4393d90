"""Feeds and sitemaps: the addresses a site lists, with what a feed itself says of each. RSS and Atom by feedparser, sitemaps as XML.

links = list(read_links(File("https://example.org/feed", ".rss", data)))
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from urllib.parse import urljoin

from ingest.errors import refuse
from ingest.metadata import iso_date, mail_date
from ingest.readers.document import Document, File
from ingest.readers.package import parse_xml
from ingest.readers.web import block_text
from rag.bounds import MAX_SOURCE

MAX_LIST_BYTES = 20_000_000  # inflated; 50,000 addresses, the most a sitemap may hold, take about 5 MB
MAX_LINKS = 50_000
_LIST = re.compile(rb"<(?:\w+:)?(rss|feed|RDF|urlset|sitemapindex)\b")
MAX_DEPTH = 5_000  # of tags; feedparser takes more time with each
_CDATA = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)  # to the end, for each that none closes would be looked for anew
_TAG = re.compile(rb"<(/?)[a-zA-Z][^<>]*?(/?)>")
_GZIP = b"\x1f\x8b"
_HALVES = re.compile(rb"(?:&#(?:[xX][dD][89a-fA-F][0-9a-fA-F]{2}|5[5-7][0-9]{3});)+")  # surrogates, as old systems write emoji


@dataclass(frozen=True)
class Link:
    """An address in a list. `changed` is what the list says of its last change, `text` what a feed holds of it."""

    address: str
    title: str | None = None
    date: str | None = None
    changed: str = ""
    text: str = ""
    issuer: str | None = None


def is_list(data: bytes) -> bool:
    """Say whether this is a feed or a sitemap, whatever its server calls it."""
    return bool(_LIST.search(_inflated(data, 4096)[:4096]))


def read_feed(file: File) -> Iterator[Document]:
    """Read a saved feed: a document for each entry, of what the feed itself holds of it. Raises SourceError when it holds of none."""
    found = False
    for number, link in enumerate(read_links(file), 1):
        if any(map(str.isalnum, link.text)):
            found = True
            yield as_document(link, part=str(number))
    if not found:
        raise refuse(file.name, "is a feed without texts of its own; give its address instead, and its pages are fetched")


def as_document(link: Link, *, part: str = "") -> Document:
    """Return what a feed holds of an entry as a document."""
    document = Document(link.text, part=part)
    return document.with_metadata("feed", title=link.title, date=link.date, issuer=link.issuer, source=link.address or None)


def read_links(file: File) -> Iterator[Link]:
    """Yield the links of a feed or sitemap. Raises SourceError when it is neither, is damaged or too large."""
    data = _inflated(file.data, MAX_LIST_BYTES + 1)
    if len(data) > MAX_LIST_BYTES:
        raise refuse(file.name, f"is a list larger than {MAX_LIST_BYTES // 1_000_000} MB; give the lists it is made of")
    kind = _LIST.search(data[:4096])
    if not kind:
        raise refuse(file.name, "is neither a feed nor a sitemap; check that it was saved completely")
    found = _sitemap(file, data) if kind[1] in (b"urlset", b"sitemapindex") else _feed(file, data)
    for number, link in enumerate(found):
        if number == MAX_LINKS:
            return
        yield link


def _sitemap(file: File, data: bytes) -> Iterator[Link]:
    root = parse_xml(data, file.name)
    for entry in root.iterchildren("{*}url", "{*}sitemap"):
        said = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in entry.iterchildren("{*}loc", "{*}lastmod")}
        if 0 < len(said.get("loc", "")) <= MAX_SOURCE:
            yield Link(said["loc"], changed=said.get("lastmod", ""))


def _feed(file: File, data: bytes) -> Iterator[Link]:
    import feedparser

    if _depth(data) > MAX_DEPTH:
        raise refuse(file.name, f"is a feed of tags nested more than {MAX_DEPTH:,} deep; it is taken for an attack, save it anew")

    data = _HALVES.sub(_joined, data)
    # A stream, for feedparser would open a text that looks like an address or a path. Its parser expands no entities of the feed's own.
    feed = feedparser.parse(io.BytesIO(data), response_headers={"content-location": file.name})
    if feed.bozo and not any(entry.get("link") or entry.get("summary") or entry.get("content") for entry in feed.entries):
        raise refuse(file.name, f"is a damaged feed ({feed.get('bozo_exception')}); try again later")
    issuer = _line(feed.feed.get("title"))
    for entry in feed.entries:
        text = "\n\n".join(filter(None, [_html_text(part) for part in entry.get("content", [])])) or _html_text(entry.get("summary_detail"))
        address = urljoin(file.name, entry.get("link") or "") if entry.get("link") else ""
        is_place = address.startswith(("http://", "https://")) and len(address) <= MAX_SOURCE
        address = address if is_place else ""  # javascript: and the like are none
        changed = entry.get("updated") if "updated" in entry else None  # asked alone, feedparser gives the day it was published instead
        yield Link(address, _line(entry.get("title")), _day(entry.get("published") or changed), changed or "", text, issuer=issuer)


def _joined(references: re.Match[bytes]) -> bytes:
    """References to two halves as one to their character; to a lone half, on which feedparser stumbles, as one to U+FFFD."""
    found = re.findall(rb"[xX]([0-9a-fA-F]{4})|#([0-9]{5})", references[0])
    halves = "".join(chr(int(hexadecimal, 16) if hexadecimal else int(decimal)) for hexadecimal, decimal in found)
    return halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("ascii", "xmlcharrefreplace")


def _depth(data: bytes) -> int:
    """How deep its tags are nested at most."""
    steps = (0 if alone else -1 if closing else 1 for closing, alone in _TAG.findall(_CDATA.sub(b"", data)))
    return max(accumulate(steps), default=0)


def _html_text(part: Any) -> str:
    value = str((part or {}).get("value") or "")
    return block_text(value) if value.strip() else ""


def _day(written: str | None) -> str | None:
    return iso_date(written or "") or mail_date(written)


def _line(value: object) -> str | None:
    return " ".join(block_text(str(value)).split()) or None if value else None


def _inflated(data: bytes, most: int) -> bytes:
    """The data, inflated if it is packed by gzip, up to `most` bytes."""
    if not data.startswith(_GZIP):
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, most)
    except zlib.error:
        return b""
