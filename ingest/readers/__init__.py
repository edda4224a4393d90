"""Files to documents: one reader a family of formats, picked by the file's suffix. None knows of cleaning, passages or the index.

[document] = read(Path("statement.docx"))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ingest.errors import refuse
from ingest.readers.archive import read_zip
from ingest.readers.document import MAX_BYTES, Document, File, Reader, Working, check
from ingest.readers.feed import Link, read_feed, read_links
from ingest.readers.mail import read_mail
from ingest.readers.office import read_docx, read_odt
from ingest.readers.pdf import read_pdf
from ingest.readers.scan import read_image
from ingest.readers.tables import read_delimited, read_json_lines, read_workbook
from ingest.readers.text import read_markdown_file, read_plain
from ingest.readers.web import read_page
from rag.schema import Problem

__all__ = ["READERS", "Document", "File", "Link", "Working", "load", "read", "read_file", "read_links"]

READERS: Mapping[str, Reader] = {
    ".txt": read_plain,
    ".md": read_markdown_file,
    ".markdown": read_markdown_file,
    ".html": read_page,
    ".htm": read_page,
    ".docx": read_docx,
    ".docm": read_docx,
    ".odt": read_odt,
    ".pdf": read_pdf,
    ".eml": read_mail,
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".xlsx": read_workbook,
    ".xlsm": read_workbook,
    ".jsonl": read_json_lines,
    ".zip": read_zip,
    ".png": read_image,
    ".jpg": read_image,
    ".jpeg": read_image,
    ".tif": read_image,
    ".tiff": read_image,
    ".rss": read_feed,
    ".atom": read_feed,
}


def read(path: Path, *, columns: Mapping[str, str] | None = None) -> list[Document | Problem]:
    """Read one file. Raises SourceError saying why nothing of it can be read as a statement."""
    return [found for found in read_file(load(path, columns=columns)) if not isinstance(found, Working)]


def load(path: Path, *, columns: Mapping[str, str] | None = None) -> File:
    """Take a file's bytes. Raises SourceError for a format that is not read, and a file that is too large or cannot be opened."""
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise refuse(path, f"is of a format that is not read; supported are {', '.join(sorted(READERS))}")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise refuse(path, f"is larger than {MAX_BYTES // 1_000_000} MB; split it")
        return File(str(path), suffix, path.read_bytes(), columns or {})
    except OSError as error:
        raise refuse(path, f"cannot be read ({error.strerror}); check its permissions") from error


def read_file(file: File) -> Iterator[Document | Problem | Working]:
    """Yield the documents of a file, and the problems of those that cannot be read. Raises SourceError."""
    for found in READERS[file.suffix](file):
        yield check(found, file.name) if isinstance(found, Document) else found
