"""Files to text, text to passages: encodings, front matter, Markdown, web pages, leftovers, titles, offsets. No index, no model."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import ingest
from ingest.clean import MAX_TITLE_CHARS, comparable, find_date_line, find_title, leftovers, titles
from ingest.passages import merge_cuts, split
from ingest.readers import Document, read
from ingest.readers.text import read_markdown, read_text
from ingest.readers.web import read_html
from rag.build import list_statements
from rag.errors import SourceError
from rag.schema import Cut, Statement
from rag.settings import load_settings

SENTENCE = "أعلنت وزارة الصحة اليوم عن حملة تلقيح جديدة في جميع المحافظات."
PARAGRAPHS = (
    "The port authority opened an inquiry into the collision of two ferries on Monday morning.",
    "Thirty-one passengers were taken to hospital, the authority said in its statement.",
    "Both captains were questioned by the harbour police and released the same evening.",
    "The line between the two islands will reopen on Thursday, weather permitting.",
)


def read_bytes(folder: Path, data: bytes, name: str = "statement.txt") -> Document:
    path = folder / name
    path.write_bytes(data)
    [document] = read(path)
    assert isinstance(document, Document)
    return document


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1256", "iso8859_6"])
def test_arabic_is_read_in_every_encoding_it_comes_in(tmp_path: Path, encoding: str) -> None:
    assert read_bytes(tmp_path, SENTENCE.encode(encoding)).text == SENTENCE


def test_big_endian_utf_16_is_read(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"\xfe\xff" + SENTENCE.encode("utf-16-be")).text == SENTENCE


def test_plain_text_is_taken_to_the_letter(tmp_path: Path) -> None:
    text = "السطر الأول\r\n\r\n  ﻻ بيـان \u200f\ttab\r\n"
    assert read_bytes(tmp_path, text.encode()).text == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b" \r\n\t ", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "is binary, not text"),
        ("... — !! ؟".encode(), "holds no text"),
        (b"\xef\xbb\xbf", "holds no text"),
    ],
)
def test_what_is_no_text_is_refused_with_its_name_and_the_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as refused:
        read_bytes(tmp_path, data)
    assert str(refused.value).startswith(f'"{tmp_path / "statement.txt"}"')
    assert ";" in str(refused.value)  # what to do about it


@pytest.mark.parametrize(("name", "text"), [("a.md", "---\ntitle: x\n---\n"), ("a.html", "<!-- x -->")])
def test_a_file_without_a_text_says_so(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match="holds no text"):
        read(tmp_path / name)


def test_a_truncated_utf_16_file_is_refused_and_does_not_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        read_bytes(tmp_path, b"\xff\xfeA\x00B")


def test_an_unsupported_format_is_told_with_what_is_supported(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"supported are \.atom, \.csv, \.docm, \.docx, .*\.html, .*\.txt, .*\.zip"):
        read_bytes(tmp_path, b"text", "statement.doc")


def test_a_suffix_counts_in_any_case(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"# Title\n\ntext", "STATEMENT.MD").text == "Title\n\ntext"


# Front matter


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_front_matter_gives_the_metadata_and_is_cut(newline: str) -> None:
    head = newline.join(["---", "title: بيان: رد على النفي", 'issuer: "وزارة النقل"', "date: 2024-03-15", "---", ""])
    document = read_text(head + "نص البيان.")
    assert (document.title, document.issuer, document.date) == ("بيان: رد على النفي", "وزارة النقل", "2024-03-15")
    assert document.text == head + "نص البيان."
    assert document.cuts == (Cut(0, len(head), "front matter"),)
    assert document.warnings == ()


@pytest.mark.parametrize("date", ["2024-13-45", "15/03/2024", "yesterday"])
def test_a_bad_date_is_left_out_with_a_warning(date: str) -> None:
    document = read_text(f"---\ntitle: بيان\ndate: {date}\n---\nنص")
    assert (document.title, document.date) == ("بيان", None)
    assert document.warnings == (f'the date "{date}" in its front matter is left out; write it as YYYY-MM-DD',)


def test_a_date_with_its_time_becomes_the_date() -> None:
    assert read_text("---\ndate: 2024-03-15T10:00\n---\nنص").date == "2024-03-15"


def test_prose_between_rules_is_no_front_matter() -> None:
    assert read_text(f"---\n{SENTENCE}\n---\nالنهاية.").cuts == ()


def test_a_rule_further_down_is_no_front_matter() -> None:
    document = read_text("نص\n---\ntitle: x\n---\nنص")
    assert (document.title, document.cuts) == (None, ())


# Markdown


def test_markdown_becomes_what_a_reader_sees_a_line_each() -> None:
    source = "---\ntitle: العنوان\n---\n# Head\n\nPara *one*\nwrapped [link](http://x.example)\n\n"
    source += "- first\n- second\n\n| A | B |\n|---|---|\n| 1 | 2 |\n"
    document = read_markdown(source)
    assert document.text == "Head\n\nPara one wrapped link\nfirst\nsecond\nA — B\n1 — 2"
    assert (document.title, document.cuts) == ("العنوان", ())


def test_html_inside_markdown_is_shown_not_run() -> None:
    assert read_markdown("a <script>x</script> b").text == "a <script>x</script> b"


def test_the_text_of_an_item_with_a_nested_list_is_kept() -> None:
    assert read_markdown("- قررت الوزارة ما يلي\n  - فتح المعبر\n").text == "قررت الوزارة ما يلي\nفتح المعبر"


# Web pages


def page(paragraphs: tuple[str, ...], head: str = "") -> str:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"""<!doctype html><html lang="en"><head><title>Ferry inquiry opens | Harbour News</title>
    <meta property="og:title" content="Ferry inquiry opens">{head}</head>
    <body><nav><a href="/">Home</a> <a href="/news">News menu</a></nav><div class="cookie">We use cookies to improve this site.</div>
    <article><h1>Ferry inquiry opens</h1><div class="share"><a href="#">Share on Facebook</a></div>{body}</article>
    <footer>All rights reserved</footer></body></html>"""


def test_a_web_page_becomes_its_statement_a_line_a_paragraph() -> None:
    document = read_html(page(PARAGRAPHS, '<meta property="article:published_time" content="2024-03-15T08:00:00Z">'))
    assert [line for line in document.text.split("\n") if line][-4:] == list(PARAGRAPHS)
    for gone in ("News menu", "Share on", "cookies", "rights reserved"):
        assert gone not in document.text
    assert (document.title, document.date) == ("Ferry inquiry opens", "2024-03-15")


def test_a_page_without_a_date_has_none() -> None:
    assert read_html(page(PARAGRAPHS)).date is None


def test_a_short_web_page_becomes_its_statement_too() -> None:
    text = read_html(page(PARAGRAPHS[:2])).text
    assert "Share on Facebook" not in text
    assert [line for line in text.split("\n") if line][-2:] == list(PARAGRAPHS[:2])


def test_a_fragment_is_read_too() -> None:
    assert read_html("<p>بيان قصير.</p>").text == "بيان قصير."


# Leftovers and titles


@pytest.mark.parametrize(
    "line",
    [
        "اظهر المزيد",
        "إظهار المزيد",
        "زر الذهاب إلى الأعلى",
        "438 مشاركة",
        "٤٣٨ مشاركة",
        "\u202b57 تعليقاً\u202c",
        "Read more: Ferry line reopens",
        "  READ MORE  ",
        "اقرأ أيضاً: عودة خط العبّارات",
        "All rights reserved © 2024",
        "فيسبوك تويتر واتساب 1.2k",
        "Facebook 3k Twitter",
    ],
)
def test_a_leftover_is_cut_and_nothing_beside_it(line: str) -> None:
    text = f"{SENTENCE}\r\n{line}\r\n{SENTENCE}"
    assert [text[cut.start : cut.end] for cut in leftovers(text)] == [line]
    assert {cut.reason for cut in leftovers(text)} == {"web leftover"}


@pytest.mark.parametrize(
    "line",
    [
        "شارك الوزير في الاجتماع على رأس وفد.",
        "مشاركة واسعة في الانتخابات البلدية.",
        "بريد المحافظة يستأنف عمله يوم الأحد.",
        "Home prices rose in March, the bank said.",
        "Accepting the terms, the union ended its strike.",
        "Share on the rise, the bank says.",
        "آخر تحديث: بلغ عدد القتلى 12 شخصاً.",
        "121",
        "بريد القرية 12 طرداً",
    ],
)
def test_a_sentence_that_begins_like_a_leftover_stays(line: str) -> None:
    assert leftovers(f"{SENTENCE}\n{line}") == []


def test_a_long_line_is_prose_whatever_it_begins_with() -> None:
    assert leftovers("Read more: " + "and more " * 30) == []


def test_the_first_line_is_the_title() -> None:
    text = f"\n\nبيان وزارة الصحة\n\n{SENTENCE}"
    found = find_title(text, ())
    assert found is not None
    assert text[found.start : found.end] == "بيان وزارة الصحة"


def test_a_leftover_above_the_statement_is_not_its_title() -> None:
    text = f"اظهر المزيد\nبيان وزارة الصحة\n{SENTENCE}"
    found = find_title(text, leftovers(text))
    assert found is not None
    assert text[found.start : found.end] == "بيان وزارة الصحة"


@pytest.mark.parametrize("text", [SENTENCE, "", "...", "كلمة " * 60 + "\nنص"])
def test_the_only_line_and_a_long_one_are_no_title(text: str) -> None:
    assert find_title(text, ()) is None
    assert len("كلمة " * 60) > MAX_TITLE_CHARS


def test_the_title_and_its_repetition_are_cut() -> None:
    text = f"بيانُ الوزارة\nالثلاثاء\n«بيان الوزارة»\n{SENTENCE}"
    assert [text[cut.start : cut.end] for cut in titles(text, "بيان الوزارة", ())] == ["بيانُ الوزارة", "«بيان الوزارة»"]


def test_a_statement_that_is_only_its_title_keeps_it() -> None:
    assert titles("بيان الوزارة", "بيان الوزارة", ()) == []


def test_the_title_further_down_is_prose() -> None:
    text = "\n".join(["أول", "ثان", "ثالث", "رابع", "بيان الوزارة"])
    assert titles(text, "بيان الوزارة", ()) == []


def test_titles_are_compared_without_marks_and_punctuation() -> None:
    assert comparable("«بَيانُ» الوزارة: رد!") == comparable("بيان الوزارة - رد")


# Passages


def statement(text: str, cuts: tuple[Cut, ...] = ()) -> Statement:
    return Statement("s", "r", text, "عنوان", None, None, "s.txt", "ar", cuts)


def test_a_short_statement_is_one_passage() -> None:
    (passage,) = split(statement(f"{SENTENCE} {SENTENCE}"))
    assert passage.text == f"{SENTENCE} {SENTENCE}"
    assert (passage.statement_id, passage.revision, passage.language, len(passage.sentences)) == ("s", "r", "ar", 2)


def test_a_long_statement_is_divided_between_sentences_without_a_crumb_at_the_end() -> None:
    text = " ".join([SENTENCE] * 23)
    passages = split(statement(text), max_chars=700)
    assert all(len(passage.text) <= 700 for passage in passages)
    assert all(passage.text.startswith("أعلنت") and passage.text.endswith("المحافظات.") for passage in passages)
    assert min(len(passage.text) for passage in passages) > 300
    assert sum(len(passage.sentences) for passage in passages) == 23


def test_a_text_without_sentence_ends_makes_passages_of_bounded_length() -> None:
    text = "أسماء القرى المتضررة\n\n" + " ".join(f"قرية الوادي {number}" for number in range(2_000))
    passages = split(statement(text), max_chars=700)
    assert max(len(passage.text) for passage in passages) <= 1_000
    assert " ".join(passage.text for passage in passages).split() == text.split()


def test_nothing_of_a_cut_is_in_a_passage() -> None:
    text = f"{SENTENCE}\nاظهر المزيد\n{SENTENCE}"
    passages = split(statement(text, tuple(leftovers(text))))
    assert [passage.text for passage in passages] == [SENTENCE, SENTENCE]


@pytest.mark.parametrize("text", ["", "  \n", "... !"])
def test_a_statement_without_words_has_no_passages(text: str) -> None:
    assert split(statement(text)) == []


def test_each_passage_has_the_language_of_its_own_text() -> None:
    text = f"{SENTENCE}\nread more\n{PARAGRAPHS[0]}"
    assert [p.language for p in split(statement(text, tuple(leftovers(text))))] == ["ar", "en"]


def test_cuts_inside_other_cuts_are_merged_away() -> None:
    cuts = [Cut(5, 8, "web leftover"), Cut(0, 10, "front matter"), Cut(12, 14, "title")]
    assert merge_cuts(cuts) == (Cut(0, 10, "front matter"), Cut(12, 14, "title"))


PIECES = st.sampled_from(
    [
        SENTENCE,
        PARAGRAPHS[0],
        "بَيَانٌ",
        "بيـــان",
        "ﻻ ﺑﻴﺎﻥ",
        "U.S. ",
        "د. سامر",
        "٣٫٥",
        "1,234",
        ". ",
        "، ",
        "؟",
        "…",
        "«قال.»",
        "\r\n",
        "\n",
        "\u2028",
        " ",
        "😀",
    ]
)
DOCUMENTS = st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=40).map("".join)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    text = draw(DOCUMENTS)
    pairs = draw(st.lists(st.tuples(st.integers(0, len(text)), st.integers(0, len(text))), max_size=3))
    return statement(text, merge_cuts([Cut(min(pair), max(pair), "web leftover") for pair in pairs if pair[0] != pair[1]]))


@given(statements(), st.integers(30, 700))
def test_passages_are_verbatim_in_order_and_outside_the_cuts(document: Statement, max_chars: int) -> None:
    passages = split(document, max_chars=max_chars)
    for passage in passages:
        assert passage.text == document.text[passage.start : passage.end]
        assert passage.sentences
        assert (passage.sentences[0].start, passage.sentences[-1].end) == (passage.start, passage.end)
        assert all(one.end <= other.start for one, other in pairwise(passage.sentences))
        assert not any(cut.start < passage.end and passage.start < cut.end for cut in document.cuts)
        assert len(passage.text) <= max_chars or len(passage.sentences) == 1
    assert all(one.end <= other.start for one, other in pairwise(passages))
    assert len({passage.passage_id for passage in passages}) == len(passages)


@given(statements())
def test_every_letter_outside_the_cuts_is_in_a_passage(document: Statement) -> None:
    covered = {at for passage in split(document) for span in passage.sentences for at in range(span.start, span.end)}
    covered |= {at for cut in document.cuts for at in range(cut.start, cut.end)}
    assert [char for at, char in enumerate(document.text) if char.isalnum() and at not in covered] == []


# The line that dates a statement


@pytest.mark.parametrize(
    "line",
    [
        "الأحد ١٧ آب ٢٠٣١",
        "Sunday, 17 August 2031",
        "17/08/2031",
        "(2031-08-17)",
        "18 ربيع الآخر 1453 هـ",
        "الأربعاء 18 ربيع الآخر 1453هـ الموافق لـ 6 آب 2031م",
        "6 August 2031, corresponding to 18 Rabi II 1453 AH",
        "Dar al-Yasmin, 3 December 2031",
        "دار الياسمين، 3 كانون الأول 2031",
        "القامشلي - الأحد 17 آب 2031",
    ],
)
def test_a_line_that_is_only_a_date_dates_the_statement_and_is_no_sentence_of_it(line: str) -> None:
    text = f"عنوان البيان\n\n{line}\n\n{SENTENCE}\n{SENTENCE}"
    found = find_date_line(text, [])
    assert found
    assert text[found.start : found.end] == line


@pytest.mark.parametrize(
    "line",
    [
        "آب ٢٠٣١",
        "Sunday",
        "The inquiry opens on 17 August 2031",
        "2031",
        "17 and 18 August 2031",
        "أمس",
        "18 ربيع الآخر 1453 هـ الموافق 26 آب 2031",
        "The inquiry opened, 17 August 2031",
        "افتتح الوزير المعرض الدولي للكتاب، 17 آب 2031",
        "Halvern, 17 August 2031, by our own staff",
    ],
)
def test_a_line_that_says_more_or_less_than_a_date_is_none(line: str) -> None:
    assert find_date_line(f"Title\n{line}\n{SENTENCE}", []) is None


@pytest.mark.parametrize(
    ("line", "day", "origin"),
    [
        ("الأربعاء 18 ربيع الآخر 1453هـ الموافق 6 آب 2031م", "2031-08-06", "date line"),
        ("18 ربيع الآخر 1453 هـ", "2031-08-07", "date line, reckoned from the Hijri calendar"),
        ("أمس", None, None),
    ],
)
@pytest.mark.usefixtures("fake")
def test_a_hijri_date_dates_the_statement_and_one_that_is_reckoned_is_said_to_be(
    line: str, day: str | None, origin: str | None, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(f"عنوان البيان\n\n{line}\n\n{SENTENCE}\n{SENTENCE}", encoding="utf-8")
    warnings = [problem.reason for problem in ingest([tmp_path / "a.txt"]).warnings]
    [statement] = list_statements(load_settings())
    assert (statement.date, statement.origins.get("date")) == (day, origin)
    assert ["can be a day off" in warning for warning in warnings] == ([True] if origin and "reckoned" in origin else [])


def test_dates_further_down_are_part_of_the_statement() -> None:
    assert find_date_line("\n".join([SENTENCE] * 4 + ["17 August 2031"]), []) is None
