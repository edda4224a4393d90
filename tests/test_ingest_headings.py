"""The headings of a statement's sections: read from files of real writers, kept with their places, told with every quote."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import printers
import pytest
from fakes import FakeEmbeddings
from hypothesis import given
from hypothesis import strategies as st
from pdfs import HEIGHT, MARGIN, STEP, WIDTH, font, printed, shaped
from programs import needs
from test_cli import bayan

import ingest.pipeline as ingest_run
from ingest import ingest
from ingest.readers import Document
from ingest.readers.document import File
from ingest.readers.headings import lines_of
from ingest.readers.pdf import read_pdf
from ingest.readers.sizes import Paragraph, large_headings
from rag import Assistant
from rag.build import list_statements
from rag.schema import Heading, Statement
from rag.settings import load_settings

pytestmark = pytest.mark.usefixtures("fake")

TITLE = "بيان حول حادث العبّارة في مرسى اللؤلؤ"
LEAD = "اصطدمت عبّارة الركاب «نورس» برصيف الميناء فجر يوم الأحد، وفتحت سلطة الموانئ تحقيقاً في أسباب الحادث."
SECTIONS = (
    (1, "الضحايا والأضرار", "أعلنت وزارة الصحة أن أربعة عشر راكباً أصيبوا بجروح، وغادر تسعة منهم المستشفى في اليوم نفسه."),
    (2, "Port of Lulu", "The harbour master said that two berths were damaged and that repairs would cost 250,000 dinars."),
    (1, "الإجراءات المتخذة", "أوقفت سلطة الموانئ الرحلات المسائية حتى إشعار آخر، وسيُعلن موعد عودتها في بيان لاحق."),
)
UNDER = {
    "وغادر تسعة": ("الضحايا والأضرار",),
    "two berths": ("الضحايا والأضرار", "Port of Lulu"),
    "الرحلات المسائية": ("الإجراءات المتخذة",),
}


def lead(file: str) -> str:
    return f"{LEAD} ({file})"  # no two of the files are one statement


def markdown() -> bytes:
    body = "".join(f"{'#' * (level + 1)} {heading}\n\n{said}\n\n" for level, heading, said in SECTIONS)
    return f"# {TITLE}\n\n{lead('md')}\n\n{body}".encode()


def page() -> bytes:
    body = "".join(f"<h{level + 1}><b>{heading[:4]}</b>{heading[4:]}</h{level + 1}>\n<p>{said}</p>" for level, heading, said in SECTIONS)
    aside = '<aside class="related"><h3>اقرأ أيضاً</h3><ul><li><a href="/1">عودة خط العبّارات</a></li></ul></aside>'
    head = f'<meta charset="utf-8"><title>{TITLE}</title>'
    article = f"<article><h1>{TITLE}</h1><p>{lead('html')}</p>{body}</article>"
    return f"<html><head>{head}</head><body><nav><h2>القائمة</h2></nav><main>{article}{aside}</main></body></html>".encode()


def docx() -> bytes:
    from docx import Document as Written
    from docx.enum.style import WD_STYLE_TYPE

    written = Written()
    own = written.styles.add_style("عنوان البيان", WD_STYLE_TYPE.PARAGRAPH)
    own.base_style = written.styles["Heading 2"]
    written.add_heading(TITLE, level=0)
    for level, heading, said in ((0, "", lead("docx")), *SECTIONS):
        if heading:
            written.add_paragraph(heading, style=own if level == 2 else "Heading 1")
        written.add_paragraph(said)
    return saved(written)


def odt() -> bytes:
    from odfdo import Document as Written
    from odfdo import Header, Paragraph

    written = Written("text")
    written.body.clear()
    for part in (Paragraph(TITLE), Paragraph(lead("odt"))):
        written.body.append(part)
    for level, heading, said in SECTIONS:
        written.body.append(Header(level, heading))
        written.body.append(Paragraph(said))
    return saved(written)


def pdf() -> bytes:
    """In presentation forms, as they are printed, with the headings as bookmarks."""
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT))
    canvas.setFont(font(), 9)
    for number, (level, heading, said) in enumerate(((0, TITLE, lead("pdf")), *SECTIONS)):
        top = HEIGHT - MARGIN - 6 * STEP * number
        canvas.bookmarkPage(heading)
        canvas.addOutlineEntry(heading, heading, max(level - 1, 0))
        for at, line in ((top, heading), (top - 2 * STEP, said)):
            if line.isascii():
                canvas.drawString(MARGIN, at, line)
            else:
                canvas.drawRightString(WIDTH - MARGIN, at, printed(shaped(line)))
    canvas.save()
    return buffer.getvalue()


def saved(written: object) -> bytes:
    buffer = io.BytesIO()
    written.save(buffer)  # type: ignore[attr-defined]
    return buffer.getvalue()


WRITERS: dict[str, Callable[[], bytes]] = {".md": markdown, ".html": page, ".docx": docx, ".odt": odt, ".pdf": pdf}


def one(index: Path) -> Statement:
    [statement] = list_statements(load_settings(index=index))
    return statement


def test_a_statement_of_every_format_keeps_the_headings_of_its_sections(tmp_path: Path) -> None:
    for suffix, written in WRITERS.items():
        (tmp_path / f"ferry{suffix}").write_bytes(written())
    report = ingest([tmp_path])
    assert report.rejected == ()
    found = list_statements(load_settings())
    assert {Path(statement.source).suffix for statement in found} == set(WRITERS)
    for statement in found:
        assert [statement.text[heading.start : heading.end] for heading in statement.headings] == [words for _, words, _ in SECTIONS]
        assert statement.section(statement.text.index("نورس")) == (), "what comes before the first heading is in no section"
        for words, section in UNDER.items():
            assert statement.section(statement.text.index(words)) == section
    assert {statement.origins["headings"] for statement in found} == {"Markdown", "page", "heading styles", "bookmarks"}
    assert ingest([tmp_path]).unchanged == len(WRITERS)


def test_a_hit_and_a_citation_tell_their_section_to_people_and_to_programs(tmp_path: Path, index: Path) -> None:
    (tmp_path / "ferry.md").write_bytes(markdown())
    ingest([tmp_path / "ferry.md"])
    statement, question = one(index), "How many berths were damaged?"
    found = bayan("search", "Lulu", "--json").json["hits"]
    assert [hit["section"] for hit in found] == [list(statement.section(hit["start"])) for hit in found]
    answer = bayan("ask", question, "--json").json
    cited = [*answer["citations"], *answer["nearest"]]
    assert [item["section"] for item in cited] == [list(statement.section(item["start"])) for item in cited]
    assert list(UNDER["two berths"]) in [item["section"] for item in cited]
    assert "الضحايا والأضرار › Port of Lulu" in bayan("ask", question).stdout
    kept = bayan("statements", statement.statement_id, "--json").json["statement"]
    assert [kept["text"][heading["start"] : heading["end"]] for heading in kept["headings"]] == [words for _, words, _ in SECTIONS]


def test_an_index_made_before_headings_were_kept_learns_them_without_embedding_anything(
    tmp_path: Path, index: Path, fake: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ferry.md").write_bytes(markdown())
    with monkeypatch.context() as before:
        before.setattr(ingest_run, "_headings", lambda document, cuts: ())
        ingest([tmp_path / "ferry.md"])
    old = one(index)
    assert old.headings == ()
    fake.embedded.clear()
    assert ingest([tmp_path / "ferry.md"]).updated == 1
    new = one(index)
    assert len(new.headings) == len(SECTIONS)
    assert (new.text, new.revision, new.cuts) == (old.text, old.revision, old.cuts), "what is searched is the same"
    assert fake.embedded == []
    assert Assistant.open(index).versions(new.statement_id) == []


def test_headings_are_corrected_by_hand(tmp_path: Path, index: Path) -> None:
    text = "Ferry notice\n\nThe ferry sank.\n\nCasualties\n\nNine people were hurt.\n\nMeasures taken\n\nThe port closed.\n"
    beside = tmp_path / "statements" / "a.meta.toml"
    beside.parent.mkdir()
    beside.write_text('headings = ["Casualties", "Measures taken", "Damage"]')
    (tmp_path / "statements" / "a.txt").write_text(text)
    report = ingest([tmp_path / "statements"])
    statement = one(index)
    assert (statement.section(text.index("Nine")), statement.section(text.index("port"))) == (("Casualties",), ("Measures taken",))
    assert statement.origins["headings"] == "side-car"
    [warning] = [problem.reason for problem in report.warnings]
    assert 'the heading "Damage" in' in warning and "write it as its line in the text" in warning
    beside.write_text("headings = []")
    assert ingest([tmp_path / "statements"]).updated == 1
    statement = one(index)
    assert (statement.headings, "headings" in statement.origins) == ((), False)


# PDF without bookmarks: by the size of letters

ENGLISH = (
    (1, "Casualties", "Nine people were hurt when the ferry struck the pier, the ministry of transport said on Sunday morning."),
    (2, "In hospital", "Five of them are still in hospital, and two need an operation, the health ministry said."),
    (1, "Damage to the port", "Two berths were damaged; repairs will cost 250,000 dinars, the harbour master said."),
)
LETTER = """<body style="font-size: 14px"><div style="font-size: 26px">الجمهورية القمرية</div><div style="font-size: 22px">وزارة النقل</div>
<p>الرقم: 1234</p><p>التاريخ: 19 كانون الثاني 2031</p><div style="font-size: 24px">بيان صحفي حول حادث العبّارة</div>{}
<div style="font-size: 20px">انتهى البيان</div><p>المكتب الإعلامي</p><p>هاتف: 0112223344</p></body>"""


def html(direction: str, body: str) -> str:
    return f'<html dir="{direction}"><head><meta charset="utf-8"></head>{body}</html>'


def sections(parts: tuple[tuple[int, str, str], ...]) -> str:
    return "".join(f"<h{level + 1}>{heading}</h{level + 1}><p>{said}</p>" for level, heading, said in parts)


def headings_of(data: bytes) -> tuple[str | None, list[tuple[int, str]]]:
    [document] = [found for found in read_pdf(File("a.pdf", ".pdf", data)) if isinstance(found, Document)]
    found = [(heading.level, document.text[heading.start : heading.end]) for heading in document.headings]
    return document.origins.get("headings"), found


@needs("chromium")
@pytest.mark.enable_socket  # a browser prints them
def test_a_printed_page_keeps_its_headings_by_the_size_of_their_letters() -> None:
    arabic, english = (
        html(way, f"<body><h1>{title}</h1><p>{lead}</p>{body}</body>")
        for way, title, lead, body in (
            ("rtl", TITLE, LEAD, sections(SECTIONS)),
            ("ltr", "Ferry statement", ENGLISH[0][2] + " Details follow.", sections(ENGLISH)),
        )
    )
    at_once = html("ltr", f"<body><h1>Ferry statement</h1>{sections(ENGLISH)}</body>")
    letter = html("rtl", LETTER.format("".join(f"<p>{said}</p>" for _, _, said in SECTIONS)))
    found = [headings_of(data) for data in printers.printed_pages([arabic, english, at_once, letter])]
    for wanted, headings in zip((SECTIONS, ENGLISH, ENGLISH), found, strict=False):
        assert headings == ("size of letters", [(level, words) for level, words, _ in wanted])
    assert found[3] == (None, []), "a communiqué of which the letterhead and the end are large has no sections"


@needs("soffice")
def test_a_word_document_printed_without_bookmarks_keeps_its_title_and_headings(tmp_path: Path) -> None:
    """Word's style of titles spaces letters out; LibreOffice draws Arabic ones together again with strokes that PDF calls hyphens."""
    (tmp_path / "ferry.docx").write_bytes(docx())
    printers.unmarked(tmp_path, [tmp_path / "ferry.docx"])
    [document] = [found for found in read_pdf(File("a.pdf", ".pdf", (tmp_path / "ferry.pdf").read_bytes())) if isinstance(found, Document)]
    assert document.text.splitlines()[0] == TITLE
    assert [(heading.level, document.text[heading.start : heading.end]) for heading in document.headings] == [
        (level, words) for level, words, _ in SECTIONS
    ]


def test_bookmarks_outdo_the_size_of_letters() -> None:
    assert headings_of(pdf())[0] == "bookmarks"


SAID = "The ferry struck the pier on Sunday and nine people were hurt, the ministry said."


def paragraphs(*written: tuple[str, float]) -> list[Paragraph]:
    return [Paragraph(text, size) for text, size in written]


@pytest.mark.parametrize(
    ("given", "headings"),
    [
        (paragraphs((SAID, 12), ("Damage", 14), (SAID, 12)), [(1, "Damage")]),
        (paragraphs((SAID, 12), ("Damage", 13), (SAID, 12)), []),  # hardly larger
        (paragraphs((SAID, 12), ("Two berths were damaged.", 16), (SAID, 12)), []),  # a sentence
        (paragraphs((SAID, 12), ("“We shall rebuild the pier”", 16), (SAID, 12)), []),  # a quotation set large
        (paragraphs((SAID, 12), ("Damage and " * 20, 16), (SAID, 12)), []),  # long
        (paragraphs((SAID, 12), ("12 / 2031", 16), (SAID, 12)), []),  # no words
        (paragraphs((SAID, 12), ("Damage", 16), (SAID, 12), ("Damage", 16), (SAID, 12)), []),  # printed again and again
        (paragraphs(("Ministry", 20), ("Statement", 18), (SAID, 12), ("Press office", 16), ("Tel. 1234", 12)), []),
        (
            paragraphs((SAID, 12), ("A", 18), ("b", 15), (SAID, 12), ("c", 14.8), (SAID, 12)),
            [(1, "A"), (2, "b"), (2, "c")],
        ),
        ([*paragraphs((SAID, 12), ("Damage", 14)), Paragraph("Berth — 2", 12, table=True)], [(1, "Damage")]),
        ([*paragraphs((SAID, 12)), Paragraph("Ministry", 14, repeated=True), *paragraphs((SAID, 12))], []),
        ([*paragraphs((SAID, 12)), Paragraph("Berth — 2", 14, table=True), *paragraphs((SAID, 12))], []),
        ([], []),
    ],
)
def test_what_is_large_is_a_heading_only_over_text_and_below_some(given: list[Paragraph], headings: list[tuple[int, str]]) -> None:
    assert large_headings(given) == headings


@pytest.mark.parametrize(
    ("text", "named", "left"),
    [
        ("A\n\nx\n\nB\n\ny", [(1, "A"), (1, "C")], ["A"]),  # not a line of the text
        ("A\n\nB\n\nA\n\nx\n\nB\n\ny", [(1, "A"), (1, "B")], []),  # a table of contents says the same
        ("A\n\nx\n\nA\n\ny", [(1, "A"), (1, "A")], ["A", "A"]),  # two sections of one name
        ("w " * 200 + "\nx", [(1, "w " * 200)], []),  # a paragraph in a heading's style
        ("***\n\nx", [(1, "***")], []),
    ],
)
def test_a_heading_whose_place_is_not_certain_is_left_out(text: str, named: list[tuple[int, str]], left: list[str]) -> None:
    assert [text[heading.start : heading.end] for heading in lines_of(text, named)] == left


_LINES = st.lists(st.text(alphabet="اب ج\tAb1.\u00a0\u200f-\r", max_size=8), max_size=12)


@given(_LINES, st.lists(st.tuples(st.integers(1, 6), st.integers(0, 11)), max_size=6))
def test_each_heading_is_a_line_of_the_text_at_its_offsets(lines: list[str], chosen: list[tuple[int, int]]) -> None:
    text = "\n".join(lines)
    named = [(level, lines[at]) for level, at in chosen if at < len(lines)]
    found = lines_of(text, named)
    assert list(found) == sorted(found, key=lambda heading: heading.start)
    for heading in found:
        words = text[heading.start : heading.end]
        assert words == words.strip() and "\n" not in words
        assert (heading.level, words.split()) in [(level, said.split()) for level, said in named]


@given(st.lists(st.integers(1, 4), max_size=6), st.integers(0, 40))
def test_a_section_is_the_nearest_heading_of_each_level_above(levels: list[int], offset: int) -> None:
    headings = tuple(Heading(5 * at, 5 * at + 2, level) for at, level in enumerate(levels))
    text = "".join(f"h{at % 10}\nx\n" for at in range(9))
    section = Statement("s", "r", text, "t", None, None, "f", "en", headings=headings).section(offset)
    before = [heading for heading in headings if heading.start <= offset]
    assert bool(section) == bool(before)
    if before:
        assert section[-1] == text[before[-1].start : before[-1].end]
        assert len(section) <= before[-1].level
