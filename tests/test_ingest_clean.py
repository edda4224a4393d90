"""What surrounds a statement goes, and not a sentence of the statement with it: on the samples and on a real scraped one."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pytest
from conftest import SAMPLES, shared
from test_ingest_formats import one

from ingest import ingest
from ingest.passages import split
from ingest.readers import Document, read
from rag.schema import Statement

pytestmark = pytest.mark.usefixtures("fake")
BEFORE = """<div id="cookies"><p>يستخدم هذا الموقع ملفات تعريف الارتباط لتحسين تجربتك</p><button>موافق</button></div>
<header><nav><ul><li><a href="/">الرئيسية</a></li><li><a href="/news">أخبار</a></li>
<li><a href="/c">اتصل بنا</a></li></ul></nav></header>"""
SHARE = '<div class="share"><a href="#">فيسبوك</a> <a href="#">تويتر</a> <a href="#">واتساب</a> <span>438 مشاركة</span></div>'
AFTER = """<div class="related"><h3>مقالات ذات صلة</h3><ul><li><a href="/1">عودة خط العبارات إلى العمل</a></li>
<li><a href="/2">موسم الزيتون يبدأ غداً</a></li></ul></div><a href="#top">زر الذهاب إلى الأعلى</a>
<footer><p>جميع الحقوق محفوظة 2031</p></footer>"""
GONE = ("ملفات تعريف الارتباط", "اتصل بنا", "438 مشاركة", "مقالات ذات صلة", "موسم الزيتون", "زر الذهاب إلى الأعلى", "جميع الحقوق محفوظة")


def page(title: str, paragraphs: list[str]) -> str:
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    article = f"<article><h1>{escape(title)}</h1>{SHARE}{body}{SHARE}</article>"
    return f"<html><head>{head}</head><body>{BEFORE}<main>{article}{AFTER}</main></body></html>"


def quotable(statement: Statement) -> str:
    """All that can be quoted of a statement."""
    return "\n".join(statement.text[span.start : span.end] for passage in split(statement) for span in passage.sentences)


def lost(paragraphs: list[str], statement: Statement) -> list[str]:
    """The paragraphs that are not verbatim in the text, or are cut from it."""
    kept = []
    for paragraph in paragraphs:
        at = statement.text.find(paragraph)
        if at >= 0 and not any(cut.start < at + len(paragraph) and at < cut.end for cut in statement.cuts):
            kept.append(paragraph)
    return [paragraph for paragraph in paragraphs if paragraph not in kept]


def hasakah() -> tuple[str, list[str]]:
    """Its title and its eight paragraphs."""
    title, *paragraphs = [line for line in shared("statements/hasakah-prison-attack.txt").read_text(encoding="utf-8").splitlines() if line]
    return title, [line for line in paragraphs if line not in ("اظهر المزيد", "زر الذهاب إلى الأعلى")]


def test_the_scraped_statement_loses_its_leftovers_and_nothing_else(index: Path) -> None:
    title, paragraphs = hasakah()
    assert len(paragraphs) == 8
    ingest([shared("statements/hasakah-prison-attack.txt")])
    statement = one(index)
    assert statement.title == title
    assert lost(paragraphs, statement) == []
    cut = {statement.text[piece.start : piece.end]: piece.reason for piece in statement.cuts}
    assert cut["اظهر المزيد"] == cut["زر الذهاب إلى الأعلى"] == "web leftover", "what was cut is still there, with the reason"
    assert "اظهر المزيد" not in quotable(statement)


def keeps_the_statement_alone(title: str, paragraphs: list[str], folder: Path, index: Path) -> None:
    """A page with navigation, share bars and the like round a statement is taken in: of them nothing can be quoted."""
    (folder / "a.html").write_text(page(title, paragraphs), encoding="utf-8")
    ingest([folder / "a.html"])
    statement = one(index)
    assert statement.title == title
    assert lost(paragraphs, statement) == []
    assert [words for words in GONE if words in quotable(statement)] == []


def test_the_scraped_statement_on_a_page_of_its_kind(tmp_path: Path, index: Path) -> None:
    title, paragraphs = hasakah()
    keeps_the_statement_alone(title, paragraphs, tmp_path, index)


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_a_sample_on_a_page_keeps_every_sentence(path: Path, tmp_path: Path, index: Path) -> None:
    [document] = read(path)
    assert isinstance(document, Document)
    body = document.text[document.cuts[0].end if document.cuts else 0 :].strip()
    lines = [" ".join(line.split()) for line in body.splitlines() if line.strip()]
    title = document.title or lines[0]
    paragraphs = [line for line in lines if line != title and len(line) > 60]  # shorter ones are headings and datelines
    keeps_the_statement_alone(title, paragraphs, tmp_path, index)
