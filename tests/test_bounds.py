"""What is known of a statement is no longer than it can be, whatever it was read from; what is cut is told."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import formats
import pytest
from fakes import FakeEmbeddings
from formats import Sample
from hypothesis import given
from hypothesis import strategies as st
from test_cli import bayan

from ingest import ingest
from rag.bounds import MAX_HEADINGS, MAX_ISSUER, MAX_LEVEL, MAX_REASON, MAX_SOURCE, MAX_TITLE, brief, shortened
from rag.build import list_statements
from rag.index.records import read_statement, statement_metadata
from rag.schema import Statement
from rag.settings import load_settings

LONG = " ".join(Random(1).choices([f"بيان{number}" for number in range(10_000)], k=180_000))  # 1.5 million characters, 3 MB
SAID = "أعلنت الوزارة يوم الأحد أن ثلاثة أشخاص أصيبوا في الحادث. وقالت إنهم في حال حسنة."
SAMPLE = Sample("a", "بيان", "هيئة", "2031-01-19", SAID)


def with_core_title(data: bytes, member: str) -> bytes:
    """A package whose properties have the long title; its writers refuse one."""
    members = {name: zipfile.ZipFile(io.BytesIO(data)).read(name) for name in zipfile.ZipFile(io.BytesIO(data)).namelist()}
    members[member] = re.sub(rb"(<dc:title>).*?(</dc:title>)", lambda found: found[1] + LONG.encode() + found[2], members[member])
    return formats.packed(members)


def pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setTitle("long title " * 300_000)
    canvas.drawString(60, 700, "The ministry said on Sunday that three people were hurt.")
    canvas.drawString(60, 680, "They are well.")
    canvas.save()
    return buffer.getvalue()


def feed() -> bytes:
    item = f"<item><title>{LONG}</title><link>https://example.org/{'a' * 3_000_000}</link><description>{SAID}</description></item>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{LONG}</title>{item}</channel></rss>'.encode()


ROW = {"title": LONG, "issuer": LONG, "date": LONG, "language": LONG, "url": f"https://example.org/{LONG}", "id": LONG, "text": SAID}
ROWS = (ROW, {"id": f"{LONG}b", "title": "b", "text": f"{SAID} b"})
HEADED = "".join(f"# Heading {number}\n\nThe ministry said so of {number}.\n\n" for number in range(3 * MAX_HEADINGS))
FILES: Mapping[str, Callable[[], Mapping[str, bytes]]] = {
    "front matter": lambda: {"a.txt": f"---\ntitle: {LONG}\nissuer: {LONG}\ndate: {LONG}\nlanguage: {LONG}\n---\n{SAID}".encode()},
    "front matter of Markdown": lambda: {"a.md": f"---\ntitle: {LONG}\nissuer: {LONG}\n---\n{SAID}".encode()},
    "side-car": lambda: {
        "a.txt": SAID.encode(),
        "a.meta.toml": "\n".join(f'{name} = "{LONG}"' for name in ("title", "issuer", "source", "date", "language", "x")).encode(),
    },
    "headings in a side-car": lambda: {"a.txt": SAID.encode(), "a.meta.toml": f'headings = ["{LONG}"]'.encode()},
    "columns": lambda: {"a.csv": formats.delimited(",", "utf-8", formats.FIELDS)([Sample("a", LONG, LONG, LONG, SAID)])},
    "JSON lines": lambda: {"a.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()},
    "names of columns": lambda: {"a.csv": f"{LONG},title\n{SAID},b\n".encode()},
    "workbook": lambda: {"a.xlsx": formats.xlsx([Sample("a", LONG, LONG, "2031-01-19", SAID)])},
    "feed": lambda: {"a.rss": feed()},
    "properties of a PDF": lambda: {"a.pdf": pdf()},
    "properties of a DOCX": lambda: {"a.docx": with_core_title(formats.docx(SAMPLE), "docProps/core.xml")},
    "properties of an ODT": lambda: {"a.odt": with_core_title(formats.odt(SAMPLE), "meta.xml")},
    "page": lambda: {"a.html": formats.html(Sample("a", LONG[:700_000], LONG[:700_000], "2031-01-19", "\n".join([SAID] * 5)))},
    "e-mail": lambda: {"a.eml": f"Subject: {'long ' * 20_000}\nFrom: {'a' * 20_000} <a@example.org>\n\n{SAID}".encode()},
    "first line": lambda: {"a.txt": f"{LONG[:50_000]}\n\n{SAID}".encode()},
    "file name": lambda: {f"{'a' * 200}.txt": SAID.encode()},
    "name in an archive": lambda: {"a.zip": formats.packed({f"{'a' * 900}.txt": SAID.encode()})},
    "headings": lambda: {"a.md": HEADED.encode()},
}
WARNED = {
    **dict.fromkeys(("file name", "name in an archive", "first line", "names of columns"), ()),
    "headings": ("headings",),
    "headings in a side-car": ("heading",),
    "workbook": ("title", "issuer"),
    "JSON lines": ("title", "issuer", "source", "date", "language", "part"),
    "front matter": ("title", "issuer", "date", "language"),
}


@pytest.mark.parametrize("kind", FILES)
def test_nothing_known_of_a_statement_is_longer_than_it_can_be(kind: str, tmp_path: Path, index: Path, fake: FakeEmbeddings) -> None:
    folder = tmp_path / "statements"
    folder.mkdir()
    for name, data in FILES[kind]().items():
        (folder / name).write_bytes(data)
    report = ingest([folder])
    found = list_statements(load_settings())
    if kind == "names of columns":
        assert [problem.source for problem in report.rejected] == [str(folder / "a.csv")]
    else:
        assert report.rejected == () and found, "a long title is no reason to refuse what is said"
    for statement in found:
        assert 0 < len(statement.title) <= MAX_TITLE
        assert len(statement.issuer or "") <= MAX_ISSUER
        assert max(len(statement.source), len(statement.read_from)) <= MAX_SOURCE
        assert len(statement.headings) <= MAX_HEADINGS
        assert max((heading.level for heading in statement.headings), default=0) <= MAX_LEVEL
    told = [problem.reason for problem in (*report.rejected, *report.warnings)]
    assert all(len(reason) <= MAX_REASON for reason in told)
    assert all(any(name in reason for reason in told) for name in WARNED.get(kind, ("title",)))
    again = ingest([folder])
    assert (again.added, again.updated, again.unchanged) == (0, 0, len(found))


def test_a_title_is_cut_at_a_word_and_the_report_says_so(tmp_path: Path, index: Path, fake: FakeEmbeddings) -> None:
    (tmp_path / "a.txt").write_text(f"---\ntitle: {'بيان ' * 100}\n---\n{SAID}", encoding="utf-8")
    outcome = bayan("ingest", tmp_path / "a.txt")
    assert "its title has 499 characters; it is cut to 300" in outcome.stderr
    [statement] = list_statements(load_settings())
    assert statement.title == "بيان " * 58 + "بيان…"


def test_an_index_of_older_days_is_read_within_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Statement("a", "1", SAID, LONG, LONG, None, f"https://example.org/{LONG}", "ar", place="a.txt")
    read = read_statement("a", statement_metadata(old))
    assert (len(read.title) <= MAX_TITLE, len(read.issuer or "") <= MAX_ISSUER, len(read.source) <= MAX_SOURCE) == (True, True, True)
    assert (read.text, read.read_from) == (old.text, old.read_from)


@given(st.text(), st.integers(5, 40))
def test_what_fits_stays_and_what_does_not_is_cut(text: str, most: int) -> None:
    cut = shortened(text, most)
    assert len(cut) <= most
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
    assert (cut == text) == (len(text) <= most) or text.endswith("…")


def test_of_a_long_reason_what_to_do_stays() -> None:
    reason = brief(f'the date "{LONG}" in its front matter is left out; write it as YYYY-MM-DD')
    assert len(reason) <= MAX_REASON
    assert reason.startswith('the date "بيان') and reason.endswith("write it as YYYY-MM-DD")
