"""Scans: the text in pictures and scanned pages, by the program Tesseract with its Arabic and English data, where it is installed.

The text is what Tesseract makes of the picture, a paragraph a line; it is not put right. A warning says where it comes from, how sure
Tesseract is of it and on which pages it is not; a picture of which it is not sure at all is refused.

    [*_, document] = read_image(File("scan.png", ".png", data))
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from ingest.errors import refuse
from ingest.readers.document import Document, File, Working

PAGE_S = 120.0  # for one page; 2 to 10 on a laptop
MAX_PIXELS = 100_000_000  # of a picture; a page of A3 at 600 dpi has 70 million
_ENOUGH_PIXELS = 16_000_000  # A4 at 400 dpi; more makes Tesseract slower, not better
MAX_SCANNED_PAGES = 300
_PDF_DPI = 300
MISSING = (
    "install the program Tesseract with Arabic (Debian and Ubuntu: `apt install tesseract-ocr tesseract-ocr-ara`, "
    "macOS: `brew install tesseract tesseract-lang`)"
)
UNSURE = 0.7  # pages below are named; clean print is read at .9 and above
_NOISE = 0.35  # what is less sure is no text: photographs, handwriting, other scripts
_MOSTLY = 0.96  # a page of more Arabic letters than this share is read as Arabic alone
_SURE = 85.0  # of 100: of Latin words that were printed Tesseract was 90 to 97 sure, of those that it made of Arabic 1 to 83
_ARABIC, _LATIN = re.compile("[\u0620-\u064a]"), re.compile("[A-Za-z]")
_COMMA = re.compile("(?<=[\u0620-\u064a]),")  # Tesseract knows the Arabic one as the other
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\f]")  # of direction, which Tesseract puts round every Latin word


@dataclass(frozen=True)
class Recognised:
    """The text of a page, a paragraph a line, how sure of its words Tesseract is on average, 0 to 1, and how many letters stand in Latin
    words of which it is."""

    text: str
    certainty: float = 1.0
    latin: int = 0


def read_image(file: File) -> Iterator[Document | Working]:
    """Read a picture, or the pictures of a TIFF, as the pages of a statement. Raises SourceError."""
    from PIL import Image, UnidentifiedImageError

    require(file.name)
    pages: list[Recognised] = []
    try:
        with Image.open(io.BytesIO(file.data), formats=["PNG", "JPEG", "TIFF"]) as image:
            count = getattr(image, "n_frames", 1)
            if count > MAX_SCANNED_PAGES:
                raise refuse(file.name, f"has {count:,} pages, more than {MAX_SCANNED_PAGES}; divide it")
            for number in range(count):
                image.seek(number)
                if image.width * image.height > MAX_PIXELS:
                    points = f"{image.width:,} × {image.height:,}"
                    raise refuse(file.name, f"is a picture of {points} points, too large to read; save it smaller")
                yield Working(PAGE_S + 10)
                pages.append(recognised(image, file.name))
    except (UnidentifiedImageError, OSError, ValueError, EOFError, SyntaxError, Image.DecompressionBombError) as error:
        raise refuse(file.name, f"is damaged or no picture ({error}); scan or save it anew") from error
    yield _document(file, pages)


def installed() -> bool:
    return shutil.which("tesseract") is not None


def require(name: str) -> None:
    """Raise SourceError when Tesseract is not installed."""
    if not installed():
        raise refuse(name, f"holds pictures of text only; {MISSING}, or run text recognition (OCR) on it first")


def recognised(image: Any, name: str) -> Recognised:
    """Read a picture. Raises SourceError when Tesseract fails or takes too long.

    A page in Arabic is read a second time for Arabic alone: with both languages about one word in twenty becomes a Latin one that is
    not there (letters right on two printed samples: .94 and .90 with both, .98 and .94 for Arabic alone), and one in six where it is
    vowelled (.72 and .51, for Arabic alone .81 and .59). Latin words are believed, and so not lost, if Tesseract is sure of them.
    """
    grey = image.convert("L")
    darkest, lightest = grey.getextrema()
    if darkest == lightest:
        return Recognised("")
    if (pixels := grey.width * grey.height) > _ENOUGH_PIXELS:
        scale = (_ENOUGH_PIXELS / pixels) ** 0.5
        grey = grey.resize((max(int(grey.width * scale), 1), max(int(grey.height * scale), 1)))
    buffer = io.BytesIO()
    grey.save(buffer, "PNG", compress_level=1)
    found = _tesseract(buffer.getvalue(), "ara+eng", name)
    arabic, latin = len(_ARABIC.findall(found.text)), len(_LATIN.findall(found.text))
    if arabic <= latin or arabic <= _MOSTLY * (arabic + found.latin):
        return found
    alone = _tesseract(buffer.getvalue(), "ara", name)
    return replace(alone, text=_COMMA.sub("\u060c", alone.text))


def with_pages(file: File, document: Document, numbers: Sequence[int]) -> Iterator[Document | Working]:
    """Put the text of a PDF's pages without letters, if there are pictures on them, into its document. `numbers` from 0."""
    if numbers and not installed():
        listed = ", ".join(str(number + 1) for number in numbers[:10])
        warnings = (*document.warnings, f"its page {listed} holds no letters; if scanned, {MISSING}")
        yield replace(document, warnings=warnings)
        return
    found: dict[int, Recognised] = {}
    for number, picture in _pictures(file, numbers):
        yield Working(PAGE_S + 10)
        found[number] = recognised(picture(), file.name)
    if not found:
        yield document
        return
    said = warning(file.name, {number + 1: page for number, page in found.items()})
    for number, page in sorted(found.items()):
        if page.text:
            document = _inserted(document, number, page.text)
    yield replace(document, warnings=(*document.warnings, said))


def warning(name: str, pages: Mapping[int, Recognised]) -> str:
    """Say where the text comes from and how sure it is; `pages` by their numbers from 1. Raises SourceError when it is no text."""
    read = {number: page for number, page in pages.items() if page.text}
    letters = sum(len(page.text) for page in read.values())
    certainty = sum(page.certainty * len(page.text) for page in read.values()) / max(letters, 1)
    if read and certainty < _NOISE:
        raise refuse(name, f"shows no print that can be read (certainty {certainty:.0%}); scan it anew, straight and with 300 dpi")
    unsure = [f"{number} ({page.certainty:.0%})" for number, page in sorted(read.items()) if page.certainty < UNSURE]
    doubt = f", less on page {', '.join(unsure[:20])}" if unsure and len(pages) > 1 else ""
    return (
        f"its text was recognised in pictures (OCR), with a certainty of {certainty:.0%}{doubt}; "
        "it can hold wrong letters and figures, compare it with the picture"
    )


def _tesseract(picture: bytes, languages: str, name: str) -> Recognised:
    command = ["tesseract", "stdin", "stdout", "-l", languages, "--dpi", "300", "tsv"]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # its threads cost more than they bring
    try:
        done = subprocess.run(command, input=picture, capture_output=True, timeout=PAGE_S / 2, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        raise refuse(name, f"has a page whose text takes longer than {PAGE_S / 2:g} s; scan it anew, with 300 dpi") from error
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", errors="replace").split())[-200:]
        raise refuse(name, f"cannot be read by Tesseract ({said}); {MISSING}")
    return _words(done.stdout.decode("utf-8", errors="replace"))


def _words(table: str) -> Recognised:
    """Join the words of Tesseract's table to paragraphs."""
    rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = [row for row in rows if row["level"] == "5" and (row["text"] or "").strip()]
    certainty = sum(float(row["conf"]) for row in words) / 100 / len(words) if words else 1.0
    paragraphs = (" ".join(row["text"] for row in part) for _, part in groupby(words, key=lambda row: (row["block_num"], row["par_num"])))
    latin = sum(len(_LATIN.findall(row["text"])) for row in words if float(row["conf"]) >= _SURE)
    return Recognised(_MARKS.sub("", "\n\n".join(paragraphs)), certainty, latin)


def _document(file: File, pages: list[Recognised]) -> Document:
    """Return the pages as one document that knows where each begins."""
    starts, text = [], ""
    for page in pages:
        text += "\n\n" if text and page.text else ""
        starts.append(len(text))
        text += page.text
    return Document(text, warnings=(warning(file.name, dict(enumerate(pages, 1))),), pages=tuple(starts))


def _pictures(file: File, numbers: Sequence[int]) -> Iterator[tuple[int, Callable[[], Any]]]:
    """The pages of a PDF on which there are pictures, each with what draws it."""
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw

    if len(numbers) > MAX_SCANNED_PAGES:
        raise refuse(file.name, f"has {len(numbers):,} scanned pages, more than {MAX_SCANNED_PAGES}; divide it")
    pdf = pdfium.PdfDocument(file.data)
    for number in numbers:
        page = pdf[number]
        if next(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3), None) is not None:
            scale = min(_PDF_DPI / 72, (_ENOUGH_PIXELS / max(page.get_width() * page.get_height(), 1)) ** 0.5)
            yield number, lambda page=page, scale=scale: page.render(scale=scale, grayscale=True).to_pil()  # type: ignore[misc]
        page.close()


def _inserted(document: Document, number: int, found: str) -> Document:
    """The document with the text of a page in its place."""
    text, at = document.text, document.pages[number]
    before, after = "\n\n" * bool(text[:at].rstrip()), "\n\n" * bool(text[at:].lstrip())
    added = before + found + after
    pages = (
        start + (len(before) if place == number else len(added) if place > number else 0) for place, start in enumerate(document.pages)
    )
    moved = (replace(cut, start=cut.start + len(added), end=cut.end + len(added)) if cut.start >= at else cut for cut in document.cuts)
    return replace(document, text=text[:at] + added + text[at:], cuts=tuple(moved), pages=tuple(pages))
