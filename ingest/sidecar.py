"""The side-car `NAME.meta.toml`: what people write about a statement beside its file, which outdoes what the file says of itself.

title = "بيان حول انقطاع المياه"
issuer = "هيئة مياه وادي السنديان"
date = 2031-01-19
language = "ar"
source = "https://example.org/statements/17"
headings = ["الأضرار", "موعد عودة الضخ"]
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from ingest.metadata import iso_date, written_language
from ingest.readers.document import Document

SIDECAR = ".meta.toml"
FIELDS = ("title", "issuer", "date", "language", "source")
HEADINGS = "headings"


def with_sidecar(document: Document, path: Path) -> Document:
    """Return the document with what the side-car beside its file says; title and headings are for a file of one document only.

    Whatever is wrong in the side-car is a warning, and the rest of it counts.
    """
    found = [place for place in sidecars(path) if place.is_file()]
    if not found:
        return document
    try:
        table = tomllib.loads(found[0].read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        return _warn(document, f'"{found[0]}" is not read ({error}); write lines such as title = "…"')
    for name in sorted(table.keys() - {*FIELDS, HEADINGS}):
        document = _warn(document, f'"{name}" in "{found[0]}" is not known; known are {", ".join((*FIELDS, HEADINGS))}')
    values = {name: str(table[name]) for name in FIELDS if name in table and not (name == "title" and document.part)}
    if "date" in values and iso_date(values["date"]) is None:
        document = _warn(document, f'the date "{values.pop("date")}" in "{found[0]}" is left out; write it as YYYY-MM-DD')
    elif "date" in values:
        values["date"] = values["date"][:10]
    if "language" in values and (code := written_language(values["language"])):
        values["language"] = code
    elif "language" in values:
        document = _warn(document, f'the language "{values.pop("language")}" in "{found[0]}" is left out; write ar or en')
    document = document.with_metadata("side-car", **values)
    return _with_headings(document, table[HEADINGS], found[0]) if HEADINGS in table and not document.part else document


def _with_headings(document: Document, written: object, sidecar: Path) -> Document:
    """Put the headings of a side-car, a list of lines of the text, in the place of those that the file names."""
    wanted = [str(words) for words in written] if isinstance(written, list) else [str(written)]
    document = replace(document, headings=()).with_headings("side-car", [(1, words) for words in wanted])
    found = {" ".join(document.text[heading.start : heading.end].split()) for heading in document.headings}
    for words in wanted:
        if " ".join(words.split()) not in found:
            document = _warn(document, f'the heading "{words}" in "{sidecar}" is left out; write it as its line in the text')
    return document


def sidecars(path: Path) -> tuple[Path, Path]:
    """Return where a file's side-car can lie: `statement.pdf.meta.toml` or `statement.meta.toml`."""
    return path.with_name(path.name + SIDECAR), path.with_name(path.stem + SIDECAR)


def _warn(document: Document, warning: str) -> Document:
    return replace(document, warnings=(*document.warnings, warning))
