"""The headings of a statement's sections: read from files of real writers, kept with their places, told with every quote."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakeEmbeddings
from hypothesis import given
from hypothesis import strategies as st
from pdfs import HEIGHT, MARGIN, STEP, WIDTH, font, printed, shaped
from test_cli import bayan

import ingest.pipeline as ingest_run
from ingest import ingest
from ingest.readers.headings import lines_of
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
