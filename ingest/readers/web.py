"""Web pages: the statement out of a page, without its navigation, share bars, notices and related links.

The text a reader of the page would see is the statement's original.

    read_html("<p>بيان قصير.</p>").text  # "بيان قصير."
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ingest.errors import refuse
from ingest.metadata import iso_date
from ingest.readers.document import Document, File
from ingest.readers.headings import Named
from ingest.readers.layout import HEADINGS, STRUCK, Line, laid_out, left_out, parsed
from ingest.readers.text import decode

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z]")
_LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{20000,}")
_STRUCK = re.compile(rf"<(?:{'|'.join(STRUCK)})\b", re.IGNORECASE)
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'")
MAX_TAGS = 300_000  # of the largest pages in use, a hundredth; what has more is made to exhaust a parser
MAX_ATTRIBUTES = 2_000  # of a tag; libxml2 compares each with all before it
_DATE_TAGS = (
    "//meta[@property='article:published_time']/@content",
    "//meta[@itemprop='datePublished']/@content",
    "//*[@itemprop='datePublished']/@datetime",
    "//meta[translate(@name,'DATE','date')='date']/@content",
    "//meta[@name='DC.date' or @name='dc.date' or @name='pubdate' or @name='publish-date']/@content",
    "//article//time/@datetime",
)
_ROWS = ("li", "tr")  # stand together, a line each
_PROSE = (*HEADINGS, "p", "li", "tr", "blockquote", "pre", "dt", "dd")
_AROUND = ("nav", "header", "footer")


def read_page(file: File) -> Iterator[Document]:
    declared = _CHARSET.search(file.data[:4096])
    text = decode(file, declared[1].decode("ascii") if declared else None)
    if len(_TAG.findall(text)) > MAX_TAGS:
        raise refuse(file.name, f"holds more than {MAX_TAGS:,} HTML tags; save the statement alone, as text or HTML")
    if any(len(_VALUE.sub("", tag[0]).split()) > MAX_ATTRIBUTES for tag in _LONG_TAG.finditer(text)):
        raise refuse(file.name, f"holds a tag of more than {MAX_ATTRIBUTES:,} attributes; save the statement alone, as text or HTML")
    yield read_html(text)


def read_html(text: str) -> Document:
    """Take the statement out of a page, with what its JSON-LD and meta tags say of it, and what of the page is left."""
    import trafilatura

    options = {"include_comments": False, "include_tables": True, "with_metadata": True}
    # The date is looked for below; trafilatura's own search tries 200 languages on each candidate, for seconds.
    page = trafilatura.bare_extraction(_unstruck(text), favor_recall=True, date_extraction_params={"extensive_search": False}, **options)
    tree = parsed(text)
    if page is None or not page.text:
        document = Document(_prose(tree)).with_headings("page", _sections(_headings(tree)))
        return replace(document, left_out=left_out(laid_out(tree), document.text))
    # Of a very short page trafilatura gives one line; its paragraphs are told apart here.
    whole = "\n" in page.text
    document = Document(page.text if whole else _prose(tree)).with_metadata("page", title=page.title, issuer=page.sitename)
    document = document.with_headings("page", _sections(_kept_headings(page.body) if whole else _headings(tree)))
    document = document.with_metadata("JSON-LD", **_json_ld(tree))
    candidates = (str(value) for path in _DATE_TAGS for value in tree.xpath(path))
    document = document.with_metadata("meta tag", date=next((iso for value in candidates if (iso := iso_date(value))), None))
    return replace(document, left_out=left_out(laid_out(tree), f"{document.title}\n{document.text}"))


def block_text(html: str) -> str:
    """Return the text of a piece of HTML: paragraphs apart, list items and table rows a line each, cells joined by a dash."""
    return _joined(laid_out(parsed(html), without=STRUCK))


def named_headings(html: str) -> list[Named]:
    """Return the headings of a piece of HTML, in order."""
    return _headings(parsed(html))


def _unstruck(html: str) -> str:
    """The page without what is struck out: as plain text, «سبعة» taken back for «تسعة» would be a figure that nobody stated."""
    from lxml import html as parser

    if not _STRUCK.search(html):
        return html
    tree = parser.document_fromstring(html.encode("utf-8", errors="replace"), parser=parser.HTMLParser(encoding="utf-8"))
    for node in list(tree.iter(*STRUCK)):
        node.text = None
        del node[:]
    return str(parser.tostring(tree, encoding="unicode"))


def _prose(tree: Any) -> str:
    """The text in blocks that hold prose; without any, all text but what stands around it."""
    lines = list(laid_out(tree, without=(*_AROUND, *STRUCK)))
    return _joined([line for line in lines if line.tag in _PROSE] or lines)


def _joined(lines: Iterable[Line]) -> str:
    text, before = "", None
    for line in lines:
        together = line.tag in _ROWS or line.block == before
        text += ("" if not text else "\n" if together else "\n\n") + line.text
        before = line.block
    return text


def _headings(tree: Any) -> list[Named]:
    return [(int(line.tag[1]), line.text) for line in laid_out(tree) if line.tag in HEADINGS]


def _kept_headings(body: Any) -> list[Named]:
    """The headings of what trafilatura took for the article."""
    return [(int(node.get("rend")[1]), "".join(node.itertext())) for node in body.iter("head") if node.get("rend", "")[1:].isdecimal()]


def _sections(named: list[Named]) -> list[Named]:
    """Without the page's own title, which is over no section of its statement."""
    return [heading for heading in named if heading[0] > 1]


def _json_ld(tree: Any) -> dict[str, str | None]:
    """What the first article of the page's JSON-LD says of itself."""
    for script in tree.xpath("//script[@type='application/ld+json']/text()"):
        try:
            found = json.loads(script)
        except (ValueError, RecursionError):
            continue
        for item in _items(found):
            if isinstance(item.get("headline"), str) or isinstance(item.get("datePublished"), str):
                publisher = item.get("publisher")
                name = publisher.get("name") if isinstance(publisher, dict) else None
                title, written = item.get("headline"), item.get("datePublished")
                return {
                    "title": title if isinstance(title, str) else None,
                    "issuer": name if isinstance(name, str) else None,
                    "date": iso_date(written) if isinstance(written, str) else None,
                }
    return {}


def _items(found: object) -> list[dict[str, Any]]:
    items = found if isinstance(found, list) else [found]
    graphs = [item.get("@graph") for item in items if isinstance(item, dict)]
    return [item for group in (items, *(graph for graph in graphs if isinstance(graph, list))) for item in group if isinstance(item, dict)]
