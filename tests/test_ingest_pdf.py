"""PDF gives back the statements printed in it, whichever order its Arabic was printed in; what cannot be read says how to mend it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus
import pdfs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ingest_formats import one

from ingest import ingest
from ingest.readers import Document, read
from ingest.readers.printed import backwards, faced, written
from rag.index.near_duplicates import prose

pytestmark = pytest.mark.usefixtures("fake")
HEADER, FOOTER, ENGLISH_FOOTER = "بيان صحفي - الهيئة", "صفحة 0 من 3", "Page 0 of 3"


def drawn(draw: Callable[[Any], None], **options: Any) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, **options)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


@pytest.mark.enable_socket  # a browser prints one of them
@pytest.mark.parametrize("name", corpus.PDFS)
def test_the_statements_come_back_whatever_printed_them(name: str, tmp_path: Path) -> None:
    corpus.comes_back(name, tmp_path / "printed", corpus.PDF)


def test_headers_footers_and_page_numbers_are_cut_and_stay_in_the_text(tmp_path: Path, index: Path) -> None:
    longest = max(corpus.statements(), key=lambda sample: len(sample.text))
    printed = pdfs.write(pdfs.ORDERS["printed, presentation forms"], header=HEADER, footer=FOOTER, page_lines=8)
    (tmp_path / "a.pdf").write_bytes(printed(longest))
    ingest([tmp_path / "a.pdf"])
    statement = one(index)
    cut = [statement.text[piece.start : piece.end] for piece in statement.cuts]
    assert cut.count(HEADER) == len(statement.pages) > 2
    assert "صفحة 1 من 3" in cut
    assert corpus.alike(longest.text.split(), prose(statement).split()) >= 0.97


def test_a_place_in_the_text_tells_its_page(tmp_path: Path, index: Path) -> None:
    printed = pdfs.write(str, footer=ENGLISH_FOOTER, page_lines=8)
    (tmp_path / "a.pdf").write_bytes(printed(max(corpus.statements(), key=lambda sample: sum(char.isascii() for char in sample.text))))
    ingest([tmp_path / "a.pdf"])
    statement = one(index)
    for number in range(1, len(statement.pages) + 1):
        assert statement.page(statement.text.index(ENGLISH_FOOTER.replace("0", str(number)))) == number


# What cannot be read


def pictures_only(canvas: Any) -> None:
    canvas.rect(10, 10, 100, 100, fill=1)


def nameless_letters() -> bytes:
    """Letters whose font does not say which they are."""

    def draw(canvas: Any) -> None:
        canvas.setFont(pdfs.font(), pdfs.SIZE)
        canvas.drawString(60, 700, pdfs.printed(pdfs.shaped("أعلنت الوزارة اليوم أن الحملة بدأت في المدينة")))

    return drawn(draw).replace(b"/ToUnicode", b"/XxUnicode")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7\nnothing", "download or save it anew"),
        (drawn(lambda canvas: canvas.drawString(60, 700, "Secret"), encrypt="key"), "save it without one"),
        (drawn(pictures_only), "apt install tesseract-ocr tesseract-ocr-ara"),
        (nameless_letters(), "does not say which letters it prints"),
    ],
    ids=["damaged", "password", "pictures", "nameless letters"],
)
def test_what_cannot_be_read_is_refused_with_its_cure(data: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # Tesseract is not there
    (tmp_path / "a.pdf").write_bytes(data)
    (tmp_path / "b.txt").write_text("The ferry sank on Monday.")
    report = ingest([tmp_path])
    assert report.added == 1, "the others are kept"
    assert [reason in problem.reason for problem in report.rejected] == [True]


# From printed order to reading order


@pytest.mark.parametrize(
    "line",
    [
        "أُصيب 12 شخصاً، بينهم 3 أطفال، عام 2031.",
        "قالت الوزارة (وزارة الصحة) إنها «ستواصل» العمل.",
        "بلغت النسبة 12.5% في 25/01/2031 وارتفعت إلى ١٤٫٥",
        "شاركت منظمة UNICEF في الحملة مع OCHA و WFP",
        "Health Ministry statement of 3 May 2031.",
    ],
)
def test_a_printed_line_is_read_as_it_was_written(line: str) -> None:
    pieces = pdfs.pieces(pdfs.printed(line)) if any("\u0600" <= char <= "\u06ff" for char in line) else list(line)
    assert written(pieces) == line


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        ("%12 ةبسنب", "بنسبة 12%"),  # as UAX 9 sets it after an Arabic letter
        ("04-03-2031 يف", "في 2031-03-04"),
        ("0142 55 999+ مقرلا", "الرقم +999 55 0142"),
        ("12$ غلبم", "مبلغ $12"),
    ],
)
def test_numbers_with_signs_are_read_as_they_were_typed(pieces: str, line: str) -> None:
    assert written(list(pieces)) == line


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("قال )الوزير( اليوم »نعم«، ثم خرج", "قال (الوزير) اليوم «نعم»، ثم خرج"),
        ("The syndicate (نقابة الصحافة( said", "The syndicate (نقابة الصحافة) said"),
        ("1) البند الأول", "1) البند الأول"),
        ("حرف(ان)", "حرف(ان)"),
        ("a )b( c", "a )b( c"),
    ],
)
def test_brackets_face_the_word_beside_them_where_there_is_arabic(line: str, right: str) -> None:
    assert faced(line) == right


def test_a_hyphen_at_the_end_of_a_line_stays_where_it_belongs_to_the_word(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        lines = ["The envoy of the Republic came to the port of al-", "Nawras on Tuesday, after what he called a four-"]
        lines += [
            "month absence, and left it on Thursday for a 14-",
            "day journey through the islands, it was announ-",
            "ced; he will be back.",
        ]
        for number, line in enumerate(lines):
            canvas.drawString(60, 700 - 14 * number, line)

    (tmp_path / "a.pdf").write_bytes(drawn(draw))
    [document] = read(tmp_path / "a.pdf")
    assert isinstance(document, Document)
    assert [word in document.text for word in ("al-Nawras", "14-day", "announced;")] == [True] * 3
    assert "\x02" not in document.text


def test_a_heading_of_two_lines_is_one_title(tmp_path: Path, index: Path) -> None:
    def draw(canvas: Any) -> None:
        for number, line in enumerate(["Ministry of Harbours opens an inquiry", "into the loss of the ferry"]):
            canvas.setFont("Helvetica", 20)
            canvas.drawCentredString(300, 760 - 24 * number, line)
        canvas.setFont("Helvetica", 11)
        for number in range(8):
            canvas.drawString(
                60, 690 - 14 * number, "The ministry said that the inquiry would hear every one of the crew, and the passengers,"
            )

    (tmp_path / "a.pdf").write_bytes(drawn(draw))
    ingest([tmp_path / "a.pdf"])
    assert one(index).title == "Ministry of Harbours opens an inquiry into the loss of the ferry"


ARABIC_TABLE = [
    ["المحافظة", "عدد الجرحى", "ملاحظات"],
    ["الوادي", "12", "نقلوا إلى مشفى المنارة"],
    ["السفوح", "7", "غادروا المشفى"],
]
ENGLISH_TABLE = [["District", "Injured", "Notes"], ["Sindyan", "12", "taken to Manara hospital"], ["Sufuh", "7", "all discharged"]]


def tabled(rows: list[list[str]], *, arabic: bool, narrow: bool = False) -> bytes:
    """A page with a paragraph, a ruled table, whose last column is narrow or not, and another paragraph."""
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

    style = ParagraphStyle("plain", fontName=pdfs.font(), fontSize=12, leading=20, alignment=2 if arabic else 0)

    def set_(text: str) -> str:
        return pdfs.printed(pdfs.shaped(text)) if arabic else text

    def cell(text: str) -> Paragraph:
        words = text.split()
        lines = [" ".join(words[at : at + 2]) for at in range(0, len(words), 2)] if narrow else [text]
        return Paragraph("<br/>".join(map(set_, lines)), style)

    cells = [[cell(text) for text in (reversed(row) if arabic else row)] for row in rows]
    ruled = TableStyle([("GRID", (0, 0), (-1, -1), 0.5, "black")])
    before, after = (
        ("بيان عن حصيلة الحادث في المحافظات", "انتهى البيان") if arabic else ("The toll of the accident by district", "End of statement")
    )
    buffer = io.BytesIO()
    SimpleDocTemplate(buffer).build([Paragraph(set_(before), style), Table(cells, style=ruled), Paragraph(set_(after), style)])
    return buffer.getvalue()


@pytest.mark.parametrize("narrow", [False, True], ids=["a line a cell", "several lines a cell"])
@pytest.mark.parametrize(("rows", "arabic"), [(ARABIC_TABLE, True), (ENGLISH_TABLE, False)], ids=["Arabic", "English"])
def test_a_table_is_read_row_by_row_in_its_reading_order(rows: list[list[str]], arabic: bool, narrow: bool, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(tabled(rows, arabic=arabic, narrow=narrow))
    [document] = read(tmp_path / "a.pdf")
    assert isinstance(document, Document)
    before, table, after = document.text.split("\n\n")
    assert table.split("\n") == [" — ".join(row) for row in rows]
    assert (before.split()[0], after.split()[-1]) == (("بيان", "البيان") if arabic else ("The", "statement"))


_WORDS = st.sampled_from(["في", "المدينة", "أعلنت", "الهيئة", "مع", "منطقة"])


@given(st.lists(st.tuples(_WORDS, st.sampled_from(["", "12", "2031", "7.5", "٣٥", "UN"]))))
def test_words_and_numbers_come_back_whatever_their_order(words: list[tuple[str, str]]) -> None:
    line = " ".join(["بيان", *(f"{word} {other}".strip() for word, other in words), "انتهى"])
    assert written(pdfs.pieces(pdfs.printed(line))) == line


def test_arabic_read_from_its_end_is_known() -> None:
    text = "أعلنت الوزارة اليوم أن الحملة بدأت في المدينة وأن الهيئة ستواصل العمل مع المنظمات المحلية"
    forwards, turned = backwards(text), backwards(text[::-1])
    assert forwards is not None
    assert turned is not None
    assert forwards < 0.2
    assert turned > 0.8
    assert backwards("بيان") is None, "too few words to say"
