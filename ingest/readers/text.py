"""Plain text and Markdown, in any encoding Arabic has been written in.

Plain text is taken to the letter, line ends included; Markdown becomes the text a reader of the page would see.

    read_text("---\\ntitle: بيان\\n---\\nنص").title  # "بيان"
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.errors import refuse
from ingest.metadata import front_matter
from ingest.readers.document import Document, File
from rag.language import fold
from rag.schema import Cut

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
# cp1256 and ISO-8859-6 are what the older Arabic web was written in; UTF-16 and UTF-8 announce themselves.
_LEGACY_ENCODINGS = ["cp1256", "iso8859_6", "cp1252"]
_TYPED = re.compile(r"[\t\n\r -~\u0600-\u06ff]")
_COMMON = frozenset(["في", "من", "على", "الى", "ان", "التي", "عن", "مع", "هذا", "هذه", "بعد", "الذي", "ما", "او", "لا", "بين"])


def read_plain(file: File) -> Iterator[Document]:
    yield read_text(decode(file))


def read_markdown_file(file: File) -> Iterator[Document]:
    yield read_markdown(decode(file))


def read_text(text: str) -> Document:
    """Take the text as it is; a front-matter block at its top gives the metadata and is left out of the passages."""
    match = _FRONT_MATTER.match(text)
    fields, warnings = front_matter(match.group(1)) if match else ({}, [])
    if not match or not (fields or warnings):  # none, or prose between two rules
        return Document(text)
    cut = Cut(match.start(), match.end(), "front matter")
    return Document(text, cuts=(cut,), warnings=tuple(warnings)).with_metadata("front matter", **fields)


def read_markdown(text: str) -> Document:
    """Render the Markdown; its text is what a reader sees: headings, paragraphs, list items and table rows, a line each."""
    from markdown_it import MarkdownIt

    from ingest.readers.web import block_text, named_headings

    front = read_text(text)
    body = text[front.cuts[0].end :] if front.cuts else text
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(body)
    fields = {"title": front.title, "issuer": front.issuer, "date": front.date, "language": front.language}
    document = Document(block_text(html), warnings=front.warnings).with_headings("Markdown", named_headings(html))
    return document.with_metadata("front matter", **fields)


def decode(file: File, declared: str | None = None) -> str:
    """Decode as UTF-8, UTF-16, the encoding that the file or its server declares, or a legacy Arabic code page.

    A byte-order mark is no part of the text. Raises SourceError for what is empty, binary or in another encoding.
    """
    data = file.data
    if not data.strip():
        raise refuse(file.name, "is empty; leave it out or check that it was saved completely")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise refuse(file.name, f"is cut short or damaged UTF-16 ({error.reason}); save it as UTF-8") from error
    if b"\0" in data:
        if (text := _unmarked_utf_16(data)) is None:
            raise refuse(file.name, "is binary, not text; convert it to text first")
        return text
    for encoding in ("utf-8-sig", declared, file.charset):
        if encoding and (text := _try(data, encoding)) is not None:
            return text
    if (text := _legacy(data)) is None:
        raise refuse(file.name, "is neither UTF-8 nor another encoding of Arabic or English; save it as UTF-8")
    return text


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (LookupError, ValueError):
        return None


def _unmarked_utf_16(data: bytes) -> str | None:
    """Decode UTF-16 without its mark, if nearly all of it then is Arabic or English."""
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _try(data, encoding)
        if text and len(_TYPED.findall(text)) > 0.95 * len(text):
            return text
    return None


def _legacy(data: bytes) -> str | None:
    """Decode by the Arabic code page that gives the commonest Arabic words; without any, by what charset-normalizer says."""
    readings = [text for encoding in _LEGACY_ENCODINGS[:2] if (text := _try(data, encoding)) is not None]
    common = [sum(word in _COMMON for word in fold(text[:20_000]).split()) for text in readings]
    if readings and max(common) > 0:
        return readings[common.index(max(common))]
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=_LEGACY_ENCODINGS).best()
    return str(best) if best else None
