"""Scans at 200 dpi give back the statements printed on them, by the real Tesseract; without it, they say what to install."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from pathlib import Path

import corpus
import pdfs
import pytest
from formats import Sample
from programs import needs
from test_ingest_formats import one

from ingest import ingest

pytestmark = pytest.mark.usefixtures("fake")


def sample(name: str) -> Sample:
    return next(found for found in corpus.statements() if found.name == name)


def letters_alike(written: str, read_back: str) -> float:
    """Similarity letter by letter: recognition errs by letters, and one wrong letter is not a wrong word and no more."""
    return SequenceMatcher(None, " ".join(written.split()), " ".join(read_back.split()), autojunk=False).ratio()


@needs("tesseract")
@pytest.mark.parametrize(
    ("name", "kind"), [("water-cut-sindyan.ar.txt", "PNG"), ("ferry-correction.en.txt", "JPEG"), ("fishermen-strike.txt", "TIFF")]
)
def test_a_scan_gives_its_statement_back(name: str, kind: str, tmp_path: Path, index: Path) -> None:
    written = sample(name)
    (tmp_path / f"a.{kind.lower()}").write_bytes(pdfs.scanned(written, kind))
    report = ingest([tmp_path / f"a.{kind.lower()}"])
    assert report.rejected == ()
    assert "recognised in pictures" in report.warnings[0].reason
    assert letters_alike(written.text, one(index).text) >= 0.9
    again = ingest([tmp_path / f"a.{kind.lower()}"])
    assert (again.unchanged, again.passages) == (1, 0)


@needs("tesseract")
def test_a_vowelled_page_is_not_taken_for_one_that_is_half_latin(tmp_path: Path, index: Path) -> None:
    written = sample("vowelled.ar.txt")
    (tmp_path / "a.png").write_bytes(pdfs.scanned(written, "PNG"))
    assert ingest([tmp_path / "a.png"]).rejected == ()
    assert not re.search("[A-Za-z]", one(index).text)
    assert letters_alike(f"{written.title} {written.text}", one(index).text) >= 0.78


@needs("tesseract")
def test_latin_names_on_an_arabic_page_are_kept(tmp_path: Path, index: Path) -> None:
    said = "وقالت الهيئة إن شركة Delvanta Systems ستبدأ العمل يوم الأحد في ثلاثة أحياء.\n\n"
    text = said + sample("water-cut-sindyan.ar.txt").text[:150]
    (tmp_path / "a.png").write_bytes(pdfs.scanned(Sample("a", "بيان", "هيئة", "2031-01-19", text), "PNG"))
    assert ingest([tmp_path / "a.png"]).rejected == ()
    assert "Delvanta Systems" in one(index).text


@needs("tesseract")
def test_a_scanned_pdf_keeps_its_page_numbers(tmp_path: Path, index: Path) -> None:
    written = sample("ferry-correction.en.txt")
    (tmp_path / "a.pdf").write_bytes(pdfs.scanned(written, "PDF", page_lines=8))
    assert ingest([tmp_path / "a.pdf"]).rejected == ()
    statement = one(index)
    assert letters_alike(written.text, statement.text) >= 0.9
    assert len(statement.pages) > 1
    assert [statement.page(0), statement.page(len(statement.text) - 1)] == [1, len(statement.pages)]


def test_without_tesseract_a_picture_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    monkeypatch.setenv("PATH", "")
    Image.new("L", (100, 100), 255).save(tmp_path / "a.png")
    (tmp_path / "b.txt").write_text("The ferry sank on Monday.")
    report = ingest([tmp_path])
    assert (report.added, len(report.rejected)) == (1, 1)
    assert "apt install tesseract-ocr tesseract-ocr-ara" in report.rejected[0].reason
