"""Twenty statements written in every way that Bayan reads, by real writers, and how like the originals they come back.

PYTHONPATH=. .venv/bin/python tests/corpus.py [WAY...]     # the measured table, scans included
"""

from __future__ import annotations

import csv
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

import formats
import pdfs
import printers
import pytest
from formats import EACH, ROWS, Sample, packed, write_each
from programs import MISSING

from ingest import ingest
from ingest.clean import find_date_line, find_title, leftovers, titles
from ingest.passages import merge_cuts
from ingest.readers import Document, read
from rag.build import list_statements
from rag.index.near_duplicates import prose
from rag.schema import Cut, IngestReport, Statement
from rag.settings import load_settings

SAMPLES = Path(__file__).parents[1] / "ingest" / "samples"
TEXT, PDF, SCAN = 0.99, 0.97, 0.90  # how like the originals texts must come back: words of the first two, letters of scans
TITLES = DATES = 0.95
DAY = "2031-03-04"  # of the samples that give none
Write = Callable[[Path, Sequence[Sample]], None]

OWN = (
    Sample(
        "vowelled.ar.txt",
        "بَيَانُ مَصْلَحَةِ الْأَنْوَاءِ: عَاصِفَةٌ رَمْلِيَّةٌ",
        "مصلحة الأنواء في جمهورية القمرية",
        "2031-04-02",
        "قَالَتْ مَصْلَحَةُ الْأَنْوَاءِ إِنَّ عَاصِفَةً رَمْلِيَّةً سَتَبْلُغُ السَّهْلَ فَجْرَ يَوْمِ ٣ نيسان ٢٠٣١، بِسُرْعَةٍ تَصِلُ إِلَى ٧٢٫٥ كم/س.\n\n"
        "وأضافت أن الرؤية ستنخفض إلى أقل من ٣٠٠ متر، ودعت السائقين إلى تجنّب الطريق رقم 14 (الريحان - مرسى اللؤلؤ) "
        "بين الساعة 5:30 و 11:00.\n\n«لا داعي للهلع؛ إنها الثانية هذا العام»، قال مدير المصلحة م. أنس الرفاعي. "
        "وبلغت الأضرار السابقة 1,250,000 دينار، أي 12% من الموازنة.",
    ),
    Sample(
        "mixed.en.txt",
        "Qamaria Press Syndicate: three titles renamed",
        "Qamaria Press Syndicate",
        "2031-06-17",
        "The Qamaria Press Syndicate (نقابة الصحافة) said on Tuesday, 17 June, that three weeklies will change their names from 1 July.\n\n"
        "“Al-Manar al-Bahri” (المنار البحري) becomes “The Beacon”; it sold 4,310 copies in May, 7.5% more than a year before.\n\n"
        "The syndicate's hotline is +999 55 0142; its statement no. 2031/17-B was signed by Dr. Hala Sa'id and A. N. Brook.",
    ),
)


@cache
def statements() -> tuple[Sample, ...]:
    """The eighteen samples as their readers give them, without what is cut of them, and two of the tests' own."""
    found = []
    for path in sorted(SAMPLES.iterdir()):
        [document] = read(path)
        assert isinstance(document, Document)
        cuts = [*document.cuts, *leftovers(document.text)]
        line = find_title(document.text, cuts)
        title = document.title or (document.text[line.start : line.end].strip() if line else "")
        cuts += titles(document.text, title, cuts)
        if line := find_date_line(document.text, cuts):
            cuts.append(Cut(line.start, line.end, "date line"))
        said = Statement("", "", document.text, title, None, None, "", "ar", merge_cuts(cuts))
        body = "\n\n".join(filter(None, (paragraph.strip() for paragraph in prose(said).splitlines())))
        found.append(Sample(path.name, title, document.issuer or "هيئة", document.date or DAY, body))
    return (*found, *OWN)


@dataclass(frozen=True)
class Way:
    """A way to write the statements; `needs`: the program that writes them; `holds`: what the way can hold of a text."""

    write: Write
    floor: float = TEXT
    needs: str | None = None
    holds: Callable[[str], str] = str

    @property
    def missing(self) -> str | None:
        return MISSING[self.needs] if self.needs else None


@dataclass(frozen=True)
class Likeness:
    """Means over all statements: likeness of the texts, and shares of titles and dates that are as written."""

    texts: float
    titles: float
    dates: float
    report: IngestReport


def require(name: str) -> None:
    if WAYS[name].missing:
        pytest.skip(str(WAYS[name].missing))


def measure(way: Way, folder: Path, samples: Sequence[Sample] | None = None) -> Likeness:
    """Write the statements into a folder, ingest it and compare what the index holds."""
    samples = statements() if samples is None else samples
    folder.mkdir(parents=True, exist_ok=True)
    way.write(folder, samples)
    report = ingest([folder])
    return replace(compare(samples, stored(load_settings().index), way), report=report)


def comes_back(name: str, folder: Path, least: float) -> None:
    """Require that a way gives all statements back, as like as `least`, and that a second ingest finds nothing new."""
    require(name)
    found = measure(WAYS[name], folder)
    assert found.report.rejected == ()
    assert found.texts >= least
    assert (found.titles >= TITLES, found.dates >= DATES) == (True, True)
    again = ingest([folder])
    assert (again.added, again.updated, again.removed, again.passages) == (0, 0, 0, 0)
    assert again.unchanged == found.report.added == len(statements()) == 20


def stored(index: Path) -> dict[str, Statement]:
    return {statement.title: statement for statement in list_statements(load_settings(index=index))}


def compare(samples: Sequence[Sample], found: dict[str, Statement], way: Way) -> Likeness:
    pairs = [(sample, found.get(" ".join(way.holds(sample.title).split()))) for sample in samples]
    unit = list if way.floor == SCAN else str.split
    texts = [alike(unit(" ".join(way.holds(s.text).split())), unit(" ".join(prose(f).split()))) if f else 0.0 for s, f in pairs]
    dates = [f is not None and f.date == s.date for s, f in pairs]
    return Likeness(sum(texts) / len(pairs), sum(bool(f) for _, f in pairs) / len(pairs), sum(dates) / len(pairs), IngestReport())


def alike(written: Sequence[str], read_back: Sequence[str]) -> float:
    written, read_back = ([unicodedata.normalize("NFC", part) for part in parts] for parts in (written, read_back))
    return SequenceMatcher(None, written, read_back, autojunk=False).ratio()


def each(suffix: str, write: Callable[[Sample], bytes]) -> Write:
    return lambda folder, samples: write_each(folder, samples, suffix, write)


def rows(suffix: str, write: Callable[[Sequence[Sample]], bytes]) -> Write:
    return lambda folder, samples: (folder / f"samples{suffix}").write_bytes(write(samples)) and None


def in_encoding(encoding: str) -> Callable[[str], str]:
    return lambda text: text.encode(encoding, errors="replace").decode(encoding)


def bare(sample: Sample) -> bytes:
    """As a press office types it: the title, the day, the text."""
    return f"{sample.title}\n\n{sample.date}\n\n{sample.text}\n".encode()


def zipped(folder: Path, samples: Sequence[Sample]) -> None:
    (folder / "samples.zip").write_bytes(packed({f"2031/{sample.name}.docx": formats.docx(sample) for sample in samples}))


def scanned(kind: str) -> Write:
    def write(folder: Path, samples: Sequence[Sample]) -> None:
        for sample in samples:
            (folder / f"{sample.name}.{kind.lower()}").write_bytes(pdfs.scanned(sample, kind))
            (folder / f"{sample.name}.meta.toml").write_text(f'title = "{sample.title}"\ndate = {sample.date}\n', encoding="utf-8")

    return write


TEXTS: dict[str, Way] = {
    **{name: Way(each(suffix, write)) for name, (suffix, write) in EACH.items()},
    "text windows-1256": Way(each(".txt", formats.text("cp1256")), holds=in_encoding("cp1256")),
    "text ISO-8859-6": Way(each(".txt", formats.text("iso8859_6")), holds=in_encoding("iso8859_6")),
    "text without front matter": Way(each(".txt", bare)),
    **{name: Way(rows(suffix, write)) for name, (suffix, write) in ROWS.items()},
    "ZIP": Way(zipped),
    "ODT by LibreOffice": Way(lambda folder, samples: printers.libreoffice(folder, samples, "odt"), needs="soffice"),
    "DOCX by LibreOffice": Way(lambda folder, samples: printers.libreoffice(folder, samples, "docx"), needs="soffice"),
}
PDFS: dict[str, Way] = {
    **{f"PDF {name}": Way(each(".pdf", pdfs.write(order)), PDF) for name, order in pdfs.ORDERS.items()},
    "PDF by Chromium": Way(printers.chromium, PDF, needs="chromium"),
    "PDF by LibreOffice": Way(lambda folder, samples: printers.libreoffice(folder, samples, "pdf"), PDF, needs="soffice"),
}
SCANS: dict[str, Way] = {f"scan {kind}": Way(scanned(kind), SCAN, needs="tesseract") for kind in ("TIFF", "PDF")}
WAYS = TEXTS | PDFS | SCANS


def main(names: Sequence[str]) -> None:
    import os

    from fakes import FakeEmbeddings

    import rag.build

    rag.build.open_embeddings = lambda settings: FakeEmbeddings()  # type: ignore[assignment,return-value]
    table = csv.writer(sys.stdout, delimiter="\t")
    table.writerow(["way", "texts", "titles", "dates", "least wanted of texts"])
    for name in names or WAYS:
        if WAYS[name].missing:
            table.writerow([name, WAYS[name].missing])
            continue
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["BAYAN_INDEX"] = f"{scratch}/index"
            found = measure(WAYS[name], Path(scratch) / "written")
        table.writerow([name, f"{found.texts:.4f}", f"{found.titles:.2f}", f"{found.dates:.2f}", WAYS[name].floor])
        for problem in found.report.rejected:
            table.writerow(["", problem.source, problem.reason])
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
