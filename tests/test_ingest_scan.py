"""Scans at 200 dpi give back the statements printed on them, by the real Tesseract; without it, they say what to install."""

from __future__ import annotations

import io
import shutil
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pdfs
import pytest
from conftest import SAMPLES
from formats import Sample
from test_ingest_formats import one

from ingest import ingest
from ingest.readers import Document, read

pytestmark = pytest.mark.usefixtures("fake")
TESSERACT = shutil.which("tesseract") and any(Path("/usr/share/tesseract-ocr").glob("*/tessdata/ara.traineddata"))
needs_tesseract = pytest.mark.skipif(not TESSERACT, reason="Tesseract with Arabic is not installed: apt install tesseract-ocr-ara")


def sample(name: str) -> Sample:
    [document] = read(SAMPLES / name)
    assert isinstance(document, Document)
    body = document.text[document.cuts[0].end if document.cuts else 0 :].strip()
    return Sample(name, document.title or body.splitlines()[0], "", document.date or "2031-03-04", body)


def scanned(found: Sample, *, lines: int = 34) -> list[Any]:
    """The pages of a statement, printed and taken up again at 200 dpi, grey."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(pdfs.write(pdfs.ORDERS["printed, presentation forms"], page_lines=lines)(found))
    return [page.render(scale=200 / 72, grayscale=True).to_pil() for page in pdf]


def saved(pages: list[Any], kind: str) -> bytes:
    buffer = io.BytesIO()
    several = {"save_all": True, "append_images": pages[1:]} if kind in ("PDF", "TIFF") else {}
    pages[0].save(buffer, kind, resolution=200, **several)
    return buffer.getvalue()


def letters_alike(written: str, read_back: str) -> float:
    """Similarity letter by letter: recognition errs by letters, and one wrong letter is not a wrong word and no more."""
    return SequenceMatcher(None, " ".join(written.split()), " ".join(read_back.split()), autojunk=False).ratio()


@needs_tesseract
@pytest.mark.parametrize(
    ("name", "kind"), [("water-cut-sindyan.ar.txt", "PNG"), ("ferry-correction.en.txt", "JPEG"), ("fishermen-strike.txt", "TIFF")]
)
def test_a_scan_gives_its_statement_back(name: str, kind: str, tmp_path: Path, index: Path) -> None:
    written = sample(name)
    (tmp_path / f"a.{kind.lower()}").write_bytes(saved(scanned(written), kind))
    report = ingest([tmp_path / f"a.{kind.lower()}"])
    assert report.rejected == ()
    assert "recognised in pictures" in report.warnings[0].reason
    assert letters_alike(written.text, one(index).text) >= 0.9
    again = ingest([tmp_path / f"a.{kind.lower()}"])
    assert (again.unchanged, again.passages) == (1, 0)


@needs_tesseract
def test_a_scanned_pdf_keeps_its_page_numbers(tmp_path: Path, index: Path) -> None:
    written = sample("ferry-correction.en.txt")
    pages = scanned(written, lines=8)
    assert len(pages) > 1
    (tmp_path / "a.pdf").write_bytes(saved(pages, "PDF"))
    assert ingest([tmp_path / "a.pdf"]).rejected == ()
    statement = one(index)
    assert letters_alike(written.text, statement.text) >= 0.9
    assert len(statement.pages) == len(pages)
    printed = [number for number, page in enumerate(pages, 1) if page.getextrema() != (255, 255)]  # the last may be white
    assert [statement.page(0), statement.page(len(statement.text) - 1)] == [1, printed[-1]]


def test_without_tesseract_a_picture_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    monkeypatch.setenv("PATH", "")
    Image.new("L", (100, 100), 255).save(tmp_path / "a.png")
    (tmp_path / "b.txt").write_text("The ferry sank on Monday.")
    report = ingest([tmp_path])
    assert (report.added, len(report.rejected)) == (1, 1)
    assert "apt install tesseract-ocr tesseract-ocr-ara" in report.rejected[0].reason
