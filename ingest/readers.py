"""Source files to text: one reader a format, none of them knowing of cleaning, passages or the index.

Plain text is taken to the letter, line ends included. Markdown and HTML become the text a reader of the page would see; that text is then
the statement's original.

    read(Path("statement.txt")).text
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ingest.errors import refuse
from rag.schema import Cut

MAX_BYTES = 50_000_000
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TAGS = (
    "//meta[@property='article:published_time']/@content",
    "//meta[@itemprop='datePublished']/@content",
    "//*[@itemprop='datePublished']/@datetime",
    "//meta[translate(@name,'DATE','date')='date']/@content",
    "//meta[@name='DC.date' or @name='dc.date' or @name='pubdate' or @name='publish-date']/@content",
    "//article//time/@datetime",
)
# cp1256 and ISO-8859-6 are what the older Arabic web was written in; UTF-16 and UTF-8 announce themselves.
_LEGACY_ENCODINGS = ["cp1256", "iso8859_6", "cp1252"]


@dataclass(frozen=True)
class Document:
    """What a reader found: the text, what the document itself says of its title, issuer and date, and stretches that are no prose."""

    text: str
    title: str | None = None
    issuer: str | None = None
    date: str | None = None
    cuts: tuple[Cut, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def read(path: Path) -> Document:
    """Read one file. Raises SourceError saying why a file cannot be read as a statement."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise refuse(path, f"is of a format that is not read; supported are {', '.join(sorted(READERS))}")
    document = reader(_decode(path, _bytes(path)))
    if not any(char.isalnum() for char in document.text):
        raise refuse(path, "holds no text; leave it out or check that it was saved completely")
    return document


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise refuse(path, f"is larger than {MAX_BYTES // 1_000_000} MB; split it")
        return path.read_bytes()
    except OSError as error:
        raise refuse(path, f"cannot be read ({error.strerror}); check its permissions") from error


def _decode(path: Path, data: bytes) -> str:
    """Decode as UTF-8, UTF-16 with its mark, or a legacy Arabic code page. A byte-order mark is no part of the text."""
    if not data.strip():
        raise refuse(path, "is empty; leave it out or check that it was saved completely")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise refuse(path, f"is cut short or damaged UTF-16 ({error.reason}); save it as UTF-8") from error
    if b"\0" in data:
        raise refuse(path, "is binary, not text; convert it to text first")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(data, cp_isolation=_LEGACY_ENCODINGS).best()
    if best is None:
        raise refuse(path, "is neither UTF-8 nor another encoding of Arabic or English; save it as UTF-8")
    return str(best)


def read_text(text: str) -> Document:
    """Take the text as it is; a front-matter block at its top gives the metadata and is left out of the passages."""
    match = _FRONT_MATTER.match(text)
    if not match:
        return Document(text)
    fields, warnings = _front_matter(match.group(1))
    if not fields:  # prose between two rules
        return Document(text)
    cut = Cut(match.start(), match.end(), "front matter")
    return Document(text, fields.get("title"), fields.get("issuer"), fields.get("date"), (cut,), tuple(warnings))


def read_markdown(text: str) -> Document:
    """Render the Markdown; its text is what a reader sees: headings, paragraphs, list items and table rows, a line each."""
    from markdown_it import MarkdownIt

    front = read_text(text)
    body = text[front.cuts[0].end :] if front.cuts else text
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(body)
    return Document(_block_text(html), front.title, front.issuer, front.date, (), front.warnings)


def read_html(text: str) -> Document:
    """Take the statement out of a page: navigation, share bars, notices and related links stay behind."""
    import trafilatura

    page = trafilatura.bare_extraction(text, favor_recall=True, include_comments=False, include_tables=True, with_metadata=True)
    if page is None or not page.text:
        return Document(_block_text(text))
    # Of a very short page trafilatura gives one line; its paragraphs are told apart here.
    prose = page.text if "\n" in page.text else _block_text(text)
    return Document(prose, page.title, page.sitename, _html_date(text))


READERS: Mapping[str, Callable[[str], Document]] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
}


def _front_matter(block: str) -> tuple[dict[str, str], list[str]]:
    """Read `key: value` lines; the value is the rest of the line, colons included."""
    fields, warnings = {}, []
    for line in block.splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if colon and value and key.lower() in ("title", "issuer", "date"):
            fields[key.lower()] = value.strip("\"'")
    written = fields.pop("date", None)
    if written and (iso := _iso_date(written)):
        fields["date"] = iso
    elif written:
        warnings.append(f'the date "{written}" in its front matter is left out; write it as YYYY-MM-DD')
    return fields, warnings


def _iso_date(value: str) -> str | None:
    match = _ISO_DATE.match(value.strip())
    try:
        return date.fromisoformat(match.group()).isoformat() if match else None
    except ValueError:
        return None


def _html_date(html: str) -> str | None:
    from lxml import html as parser

    tree = parser.fromstring(html.encode("utf-8"), parser=parser.HTMLParser(encoding="utf-8"))
    candidates = (str(value) for path in _DATE_TAGS for value in tree.xpath(path))
    return next((iso for value in candidates if (iso := _iso_date(value))), None)


_ROWS = ("li", "tr")  # stand together, a line each
_BLOCKS = ["h1", "h2", "h3", "h4", "h5", "h6", "p", "li", "tr", "blockquote", "pre", "dt", "dd"]


def _block_text(html: str) -> str:
    """Return the text of the block elements: paragraphs apart, list items and table rows a line each, cells joined by a dash."""
    from lxml import html as parser

    tree = parser.fromstring(f"<div>{html}</div>")
    for ignored in tree.xpath("//script|//style|//nav|//header|//footer|//noscript"):
        ignored.drop_tree()
    text = ""
    for node in tree.iter(*_BLOCKS):
        if line := _line(node):
            text += ("" if not text else "\n" if node.tag in _ROWS else "\n\n") + line
    return text or " ".join(tree.text_content().split())


def _line(node: Any) -> str:
    """The node's own text, without that of blocks inside it, on one line."""
    cells = node.xpath("./td|./th") if node.tag == "tr" else [node]
    return " — ".join(" ".join("".join(_own_text(cell)).split()) for cell in cells)


def _own_text(node: Any) -> Iterator[str]:
    yield node.text or ""
    for child in node:
        if child.tag not in _BLOCKS:
            yield from _own_text(child)
        yield child.tail or ""
