"""Files are read side by side, and nothing but the time it takes depends on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import corpus
import formats
import pytest

from ingest import ingest
from ingest.prefetch import read_ahead
from ingest.readers import Document, load
from ingest.sandbox import Worker
from ingest.sources import Reading
from rag.build import list_statements
from rag.errors import SourceError
from rag.schema import Cut
from rag.settings import load_settings

pytestmark = pytest.mark.usefixtures("fake")


def test_report_and_index_are_the_same_however_many_read(tmp_path: Path) -> None:
    folder = tmp_path / "statements"
    for suffix, write in ((".docx", formats.docx), (".txt", formats.text("utf-8")), (".html", formats.html)):
        formats.write_each(folder, corpus.statements()[:4], suffix, write)
    (folder / "broken.docx").write_bytes(b"PK\x03\x04")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n")
    found = []
    for workers in (1, 3):
        settings = load_settings(index=tmp_path / f"index-{workers}")
        report = ingest([folder], settings=settings, workers=workers)
        assert (len(report.rejected), report.added) == (2, 12)
        found.append((replace(report, seconds=0), list_statements(settings)))
    assert found[0] == found[1]


def test_no_more_is_read_ahead_than_there_are_workers_for() -> None:
    begun: list[str] = []

    def read(path: Path, worker: Worker) -> Reading:
        begun.append(path.name)
        return Reading(path.name, (), ())

    paths = [Path(str(number)) for number in range(50)]
    readings = read_ahead(paths, read, workers=2)
    for number, reading in zip(range(5), readings, strict=False):
        assert reading.place == str(number)
        assert len(begun) <= number + 1 + 4
    readings.close()
    assert len(begun) < 12


def test_what_is_being_read_is_given_up_with_the_ingest(tmp_path: Path) -> None:
    def read(path: Path, worker: Worker) -> Reading:
        if path.name == "wrong":
            raise RuntimeError("a fault of the program")
        return Reading(path.name, (), ())

    with pytest.raises(RuntimeError, match="a fault of the program"):
        list(read_ahead([Path("right"), Path("wrong"), Path("never")], read, workers=2))


def test_plain_text_too_is_read_and_cleaned_within_a_limit_of_time(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("بيان\n\nأعلنت الوزارة ذلك.\n\nاظهر المزيد", encoding="utf-8")
    with Worker(limit_s=0.001) as hurried, pytest.raises(SourceError, match=r"takes longer than 0.001 s to read"):
        list(hurried.read(load(tmp_path / "a.txt")))
    with Worker() as worker:
        [document] = worker.read(load(tmp_path / "a.txt"))
        [cut] = document.cuts
        assert (document.text[cut.start : cut.end], cut.reason, document.language) == ("اظهر المزيد", "web leftover", "ar")
        assert worker.clean(Document("Said.\nShare"), "a feed").cuts == (Cut(6, 11, "web leftover"),)
