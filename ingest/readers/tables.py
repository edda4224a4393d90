"""Tables of statements, one a row: CSV, TSV, XLSX and JSON lines. Columns are known by their names, Arabic or English, or as told.

A row's part is its id, where a column holds one, else its number, so that a citation leads to the row.

    [document] = read_delimited(File("press.csv", ".csv", "العنوان,النص\\nبيان,نص البيان".encode()))
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from ingest.errors import refuse
from ingest.metadata import written_date, written_language
from ingest.readers.document import MAX_CHARS, Document, File
from ingest.readers.package import Package
from ingest.readers.text import decode
from rag.language import fold
from rag.schema import Problem

HEADERS: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "body", "content", "statement", "full text", "article", "نص", "النص", "نص البيان", "المحتوى", "المتن", "البيان"),
    "title": ("title", "headline", "subject", "heading", "العنوان", "عنوان", "عنوان البيان", "الموضوع"),
    "issuer": ("issuer", "publisher", "organisation", "organization", "agency", "source", "الجهة", "الجهة المصدرة", "المصدر", "الناشر"),
    "date": ("date", "published", "published at", "publication date", "pubdate", "التاريخ", "تاريخ", "تاريخ النشر", "تاريخ البيان"),
    "language": ("language", "lang", "اللغة", "لغة"),
    "source": ("url", "link", "permalink", "الرابط", "رابط"),
    "id": ("id", "identifier", "المعرف", "الرقم", "رقم البيان"),
}
MAX_ROWS = 200_000
MAX_COLUMNS = 500
_DELIMITERS = ",;\t|"
Row = tuple[int, Mapping[str, object]]  # its number in the file, and its cells by header


def read_delimited(file: File) -> Iterator[Document | Problem]:
    """Read CSV or TSV; the delimiter is the one that the header line holds most of."""
    text = decode(file)
    header = text.lstrip().split("\n", 1)[0]
    delimiter = "\t" if file.suffix == ".tsv" else max(_DELIMITERS, key=header.count)
    csv.field_size_limit(MAX_CHARS)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from _documents(file, _with_header(file, enumerate(lines, 1)))
    except csv.Error as error:
        raise refuse(file.name, f"cannot be read as a table ({error}); save it anew as CSV") from error


def read_json_lines(file: File) -> Iterator[Document | Problem]:
    """Read one JSON object a line; a line that is none is a problem of its own."""
    yield from _documents(file, _json_rows(file))


def read_workbook(file: File) -> Iterator[Document | Problem]:
    """Read every sheet of an XLSX file that has a column of texts."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    package = Package.open(file)
    for member in package.members():
        if member.filename.endswith((".xml", ".rels")):
            package.xml(member.filename)  # refuses document types and what swells before openpyxl parses it
    try:
        book = load_workbook(io.BytesIO(file.data), read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if _columns(file, _first_row(sheet))] if len(book.worksheets) > 1 else book.worksheets
        for sheet in sheets or book.worksheets[:1]:
            prefix = f"{sheet.title}:" if len(sheets) > 1 else ""
            yield from _documents(file, _with_header(file, enumerate(sheet.iter_rows(values_only=True), 1)), prefix)
    except (InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError, OSError) as error:
        raise refuse(file.name, f"is damaged or no XLSX workbook ({error}); save it anew as XLSX") from error


def _first_row(sheet: Any) -> list[str]:
    return [_cell(cell) for cell in next(sheet.iter_rows(max_row=1, values_only=True), ())]


def _with_header(file: File, lines: Iterable[tuple[int, Iterable[object]]]) -> Iterator[Row]:
    """Rows by the names in the first line that holds any."""
    names: list[str] = []
    for number, line in lines:
        cells = list(line)
        if len(cells) > MAX_COLUMNS:
            raise refuse(file.name, f"has more than {MAX_COLUMNS} columns; keep those of the statements")
        if names:
            yield number, dict(zip(names, cells, strict=False))
        elif any(_cell(cell) for cell in cells):
            names = [_cell(cell) for cell in cells]
            _require_text(file, names)


def _json_rows(file: File) -> Iterator[Row]:
    for number, line in enumerate(decode(file).split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield number, row if isinstance(row, dict) else {}


def _documents(file: File, rows: Iterable[Row], prefix: str = "") -> Iterator[Document | Problem]:
    seen: set[str] = set()
    shapes: dict[tuple[str, ...], dict[str, str]] = {}  # lines of JSON may differ in their names; mostly they do not
    for count, (number, row) in enumerate(rows):
        if count >= MAX_ROWS:
            raise refuse(file.name, f"has more than {MAX_ROWS:,} rows; divide it")
        if (names := tuple(row)) not in shapes:
            shapes[names] = _columns(file, names)
        columns = shapes[names]
        values = {name: _cell(row.get(column)) for name, column in columns.items()}
        if not any(char.isalnum() for char in values.get("text", "")):
            if file.suffix == ".jsonl" or any(_cell(cell) for cell in row.values()):
                place = f"{file.name}#{prefix}{number}"
                known = "text, or name its column with --map text=COLUMN"
                yield Problem(place, str(refuse(place, f"has no text; give each row or line a column {known}")))
            continue
        key = values.get("id") or str(number)
        part = prefix + (key if key not in seen else f"{key}:{number}")
        seen.add(key)
        yield _document(values, part)


def _document(values: Mapping[str, str], part: str) -> Document:
    written = values.get("date")
    day = written_date(written) if written else None
    named = values.get("language")
    language = written_language(named) if named else None
    warnings = []
    if written and not day:
        warnings.append(f'the date "{written}" in row {part} is left out; write it as YYYY-MM-DD')
    if named and not language:
        warnings.append(f'the language "{named}" in row {part} is left out; write ar or en')
    document = Document(values["text"], part=part, warnings=tuple(warnings))
    told = {name: values.get(name) for name in ("title", "issuer", "source")}
    return document.with_metadata("table", **told, date=day, language=language)


def _columns(file: File, names: Sequence[str]) -> dict[str, str]:
    """Which column holds what: as told, else by the name it has."""
    known = {" ".join(fold(name).replace("_", " ").split()): name for name in reversed(names) if name}
    found = {what: known[key] for what, keys in HEADERS.items() for key in reversed([fold(key) for key in keys]) if key in known}
    return {**found, **{what: column for what, column in file.columns.items() if column in names}}


def _require_text(file: File, names: list[str]) -> None:
    missing = [column for column in file.columns.values() if column not in names]
    if missing:
        raise refuse(file.name, f'has no column "{missing[0]}"; it has {", ".join(filter(None, names[:20]))}')
    if "text" not in _columns(file, names):
        listed = ", ".join(filter(None, names[:20]))
        raise refuse(file.name, f"has no column that is known to hold the text; name it with --map text=COLUMN, one of: {listed}")


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()
