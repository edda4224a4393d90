"""What surrounds a statement goes, and not a sentence of the statement with it: on the samples and on a real scraped one."""

from __future__ import annotations

from email.message import EmailMessage
from html import escape
from pathlib import Path
from zipfile import ZipFile

import pytest
from conftest import SAMPLES, shared
from test_cli import bayan
from test_ingest_formats import one

from ingest import ingest
from ingest.clean import find_date_line
from ingest.passages import split
from ingest.pipeline import rebuild
from ingest.readers import Document, read
from ingest.readers.layout import MAX_LEFT_OUT, MAX_LEFT_OUT_CHARS
from ingest.readers.web import block_text, read_html
from rag.build import list_statements
from rag.schema import Span, Statement
from rag.settings import load_settings

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
    cut = [statement.text[piece.start : piece.end] for piece in statement.cuts]
    kept = "\n".join([*statement.left_out, *cut])
    assert [words for words in GONE if words not in kept] == [], "what is gone can be read"


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


PARAGRAPHS = [
    "أعلنت وزارة النقل أن ثلاثة أشخاص أصيبوا في حادث وقع صباح اليوم في المدينة القديمة.",
    "وأضافت أن فرق الإنقاذ وصلت إلى المكان خلال عشر دقائق وأن التحقيق مستمر.",
]
TITLE = "بيان وزارة النقل حول حادث المدينة القديمة"
TABLE = "<table><tr><th>المدينة</th><th>المصابون</th></tr><tr><td>الريحان</td><td>12</td></tr></table><ul><li>أولاً: إغلاق الطريق</li></ul>"


def with_more(more: str) -> str:
    return page(TITLE, PARAGRAPHS).replace('<div class="related">', f'{more}<div class="related">', 1)


def test_what_a_page_holds_besides_its_statement_is_kept_and_told(tmp_path: Path, index: Path) -> None:
    more = "<figure><figcaption>الوزير في مكان الحادث</figcaption></figure><script>var a;</script><p hidden>لا يُرى</p>"
    (tmp_path / "a.html").write_text(with_more(TABLE + more), encoding="utf-8")
    run = bayan("ingest", tmp_path)
    statement = one(index)
    assert {"الرئيسية", "فيسبوك تويتر واتساب 438 مشاركة", "الوزير في مكان الحادث", "جميع الحقوق محفوظة 2031"} <= set(statement.left_out)
    said = "\n".join(statement.left_out)
    assert not any(words in said for words in ("var a", "لا يُرى", "الريحان", "إغلاق الطريق", TITLE, *PARAGRAPHS)), "kept, or not to be seen"
    assert f"{len(statement.left_out)} lines of pages left out" in run.stdout
    told = bayan("statements", statement.statement_id).stdout
    assert "left out of the page: الوزير في مكان الحادث" in told
    assert f"cut (title): {TITLE}" in told
    kept = bayan("statements", statement.statement_id, "--json").json["statement"]
    assert kept["left_out"] == list(statement.left_out)


def test_other_menus_round_the_same_statement_make_no_other_version(tmp_path: Path, index: Path) -> None:
    (tmp_path / "a.html").write_text(with_more(""), encoding="utf-8")
    ingest([tmp_path])
    before = one(index)
    (tmp_path / "a.html").write_text(with_more("<aside>درجة الحرارة اليوم 31</aside>").replace("اتصل بنا", "من نحن"), encoding="utf-8")
    report = ingest([tmp_path])
    assert (report.unchanged, report.updated, report.left_out) == (1, 0, 0)
    assert one(index).left_out == before.left_out, "as they were when the statement was taken in"
    rebuild()
    assert one(index).left_out == before.left_out


def test_what_surrounds_a_statement_is_kept_of_pages_in_e_mails_and_archives_too(tmp_path: Path, index: Path) -> None:
    message = EmailMessage()
    message["Subject"], message["From"] = TITLE, "press@example.org"
    message.set_content(page(TITLE, PARAGRAPHS), subtype="html")
    (tmp_path / "a.eml").write_bytes(bytes(message))
    with ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("c.html", page(TITLE, [PARAGRAPHS[0], "وقالت إن الطريق سيُفتح غداً في الساعة الثامنة صباحاً."]))
    ingest([tmp_path])
    statements = list_statements(load_settings())
    assert len(statements) == 2
    assert all("الرئيسية" in statement.left_out for statement in statements)


def test_what_is_kept_of_a_page_is_bounded_and_says_so() -> None:
    lines = "".join(f"<div>رابط رقم {number}</div>" for number in range(MAX_LEFT_OUT + 50))
    found = read_html(with_more(f"<footer>{lines}</footer>")).left_out
    assert len(found) == MAX_LEFT_OUT + 1
    assert found[-1] == "…"
    long = read_html(with_more(f"<footer><p>{'كلمة أخرى ' * MAX_LEFT_OUT_CHARS}</p></footer>")).left_out
    assert (long[-1], sum(map(len, long)) <= MAX_LEFT_OUT_CHARS + 1) == ("…", True)


def test_a_figure_that_is_struck_out_is_none_of_the_statement() -> None:
    struck = "<p>وقال الوزير إن <del>سبعة</del> تسعة أصيبوا بجروح.</p>"
    document = read_html(with_more("").replace("</p></article>", f"</p>{struck}</article>").replace(SHARE, struck))
    assert "سبعة" not in document.text and "تسعة أصيبوا" in document.text
    assert "وقال الوزير إن سبعة تسعة أصيبوا بجروح." in document.left_out
    assert block_text(struck) == "وقال الوزير إن تسعة أصيبوا بجروح."


def test_text_outside_paragraphs_is_read_where_it_stands() -> None:
    written = "وقال الوزير:<br>الطريق <b>مغلق</b><p>ويُفتح غداً.</p>انتهى<table><tr><td>أ</td><td>ب</td></tr></table>"
    assert block_text(written) == "وقال الوزير:\nالطريق مغلق\n\nويُفتح غداً.\n\nانتهى\nأ — ب"


def test_a_line_of_capitals_before_a_date_is_looked_at_once() -> None:
    """Each of four words may be any part of it, as the pattern had it: 200 letters took minutes."""
    line = "A" * 230 + " 3 May 2031"
    assert find_date_line(f"{line}\n\nThe ministry said so.", ()) is None
    assert find_date_line("NEW YORK, 3 May 2031\n\nThe ministry said so.", ()) == Span(0, 20)
