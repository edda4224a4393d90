"""Word processors' files: DOCX and ODT. A line for each paragraph and table row; macros and pictures are not looked at.

The XML is read here, not by python-docx, whose paragraphs leave out inserted text that is still marked as a change, content controls and
text boxes. What is marked as deleted is left out; notes stand at the end.

    [document] = read_docx(File("statement.docx", ".docx", data))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingest.metadata import iso_date
from ingest.readers.document import Document, File
from ingest.readers.headings import Named
from ingest.readers.package import Package

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # says again what stands beside it
_DC = "{http://purl.org/dc/elements/1.1/}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_META = "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}"
_PROPERTIES = "document properties"


def read_docx(file: File) -> Iterator[Document]:
    package = Package.open(file)
    body = package.xml("word/document.xml")
    lines = list(_word_lines(body))
    for part in ("word/footnotes.xml", "word/endnotes.xml"):
        if part in package:
            lines += _word_lines(package.xml(part))
    properties = package.xml("docProps/core.xml") if "docProps/core.xml" in package else None
    created = _said(properties, "{http://purl.org/dc/terms/}created")
    document = made_document("\n".join(lines), _said(properties, f"{_DC}title"), created)
    styles = package.xml("word/styles.xml") if "word/styles.xml" in package else None
    yield document.with_headings("heading styles", _word_headings(body, styles))


def read_odt(file: File) -> Iterator[Document]:
    package = Package.open(file)
    body = package.xml("content.xml").find(f"{_OFFICE}body")
    notes: list[str] = []
    lines = [line for line in _odt_lines(body, notes) if line] if body is not None else []
    properties = package.xml("meta.xml") if "meta.xml" in package else None
    created = _said(properties, f"{_META}creation-date") or _said(properties, f"{_DC}date")
    document = made_document("\n".join([*lines, *notes]), _said(properties, f"{_DC}title"), created)
    headings = body.iter(f"{_TEXT}h") if body is not None else ()
    yield document.with_headings("heading styles", ((_odt_level(heading), "".join(_odt_text(heading, []))) for heading in headings))


def made_document(text: str, title: str | None, created: str | None) -> Document:
    """Return the document with what its properties say. The day a file was made need not be the statement's: that is a warning."""
    day = iso_date(created) if created else None
    warning = f'its date {day} is the day the file was made; if that is not the statement\'s, write it into a side-car "NAME.meta.toml"'
    document = Document(text, warnings=(warning,) if day else ())
    return document.with_metadata(_PROPERTIES, title=title).with_metadata("document properties, day of making", date=day)


def _said(properties: Any, tag: str) -> str | None:
    found = next(properties.iter(tag), None) if properties is not None else None
    return " ".join((found.text or "").split()) or None if found is not None else None


def _word_lines(node: Any) -> Iterator[str]:
    """The lines of paragraphs and table rows below a node, in order; a text box's follow those of the paragraph it hangs on."""
    for child in node:
        if child.tag == f"{_W}p":
            boxes: list[Any] = []
            if line := "".join(_word_text(child, boxes)).strip():
                yield line
            for box in boxes:
                yield from _word_lines(box)
        elif child.tag == f"{_W}tr":
            cells = (" ".join(_word_lines(cell)) for cell in child.iter(f"{_W}tc") if _row_of(cell) is child)
            if line := " — ".join(cell for cell in cells if cell):
                yield line
        elif child.tag not in (_FALLBACK, f"{_W}del", f"{_W}moveFrom"):
            yield from _word_lines(child)


def _row_of(cell: Any) -> Any:
    """The table row a cell stands in: a content control can be between them, a row of a table in the cell cannot."""
    return next(cell.iterancestors(f"{_W}tr"), None)


def _word_text(node: Any, boxes: list[Any]) -> Iterator[str]:
    for child in node:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in (f"{_W}tab", f"{_W}ptab"):
            yield "\t"
        elif child.tag in (f"{_W}br", f"{_W}cr"):
            yield "\n"
        elif child.tag == f"{_W}noBreakHyphen":
            yield "-"
        elif child.tag == f"{_W}txbxContent":
            boxes.append(child)
        elif child.tag not in (_FALLBACK, f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", f"{_W}rPr"):
            yield from _word_text(child, boxes)


def _word_headings(body: Any, styles: Any) -> Iterator[Named]:
    """The paragraphs that stand in the document's outline, by themselves or by their style."""
    by_id = {style.get(f"{_W}styleId"): style for style in styles.iter(f"{_W}style")} if styles is not None else {}
    levels = {key: _outline_level(style, by_id) for key, style in by_id.items()}
    for paragraph in body.iter(f"{_W}p"):
        style = _value(paragraph, f"{_W}pPr/{_W}pStyle")
        if level := _own_level(paragraph, levels.get(style, 0)):
            yield level, "".join(_word_text(paragraph, []))


def _outline_level(style: Any, styles: Mapping[str | None, Any]) -> int:
    """The level of a style, from 1, its own or that of one it is based on; 0 for none."""
    for _ in range(20):  # Word allows no more; one that is based on itself has no end
        if (level := _own_level(style, -1)) >= 0:
            return level
        style = styles.get(_value(style, f"{_W}basedOn"))
        if style is None:
            break
    return 0


def _own_level(node: Any, otherwise: int) -> int:
    written = _value(node, f"{_W}pPr/{_W}outlineLvl")
    return otherwise if written is None else int(written) + 1 if written in tuple("012345678") else 0


def _value(node: Any, path: str) -> str | None:
    found = node.find(path)
    return found.get(f"{_W}val") if found is not None else None


def _odt_lines(node: Any, notes: list[str]) -> Iterator[str]:
    for child in node:
        if child.tag in (f"{_TEXT}p", f"{_TEXT}h"):
            yield "".join(_odt_text(child, notes)).strip()
        elif child.tag == f"{_TABLE}table-row":
            cells = (" ".join(line for line in _odt_lines(cell, notes) if line) for cell in child.iterchildren(f"{_TABLE}table-cell"))
            yield " — ".join(cell for cell in cells if cell)
        elif child.tag not in (f"{_TEXT}tracked-changes", f"{_OFFICE}annotation", f"{_OFFICE}forms"):
            yield from _odt_lines(child, notes)


def _odt_level(heading: Any) -> int:
    written = heading.get(f"{_TEXT}outline-level") or ""
    return int(written) if written in tuple("123456789") else 1


def _odt_text(node: Any, notes: list[str]) -> Iterator[str]:
    yield node.text or ""
    for child in node:
        if child.tag == f"{_TEXT}s":
            yield " " * min(int(child.get(f"{_TEXT}c") or 1), 100)
        elif child.tag == f"{_TEXT}tab":
            yield "\t"
        elif child.tag == f"{_TEXT}line-break":
            yield "\n"
        elif child.tag == f"{_TEXT}note":
            body = child.find(f"{_TEXT}note-body")
            notes.extend(line for line in _odt_lines(body, notes) if line) if body is not None else None
        elif child.tag not in (f"{_OFFICE}annotation", f"{_TEXT}tracked-changes"):
            yield from _odt_text(child, notes)
        yield child.tail or ""
