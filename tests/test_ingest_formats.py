"""Every format gives back the statements that were written in it (tests/corpus.py); tables, archives and e-mails behave.

Embeddings are fake: nothing here depends on what vectors mean.
"""

from __future__ import annotations

import io
import os
import zipfile
from email.message import EmailMessage
from pathlib import Path

import corpus
import formats
import pytest
from corpus import stored
from fakes import FakeEmbeddings
from formats import Sample, packed
from test_cli import bayan

from ingest import ingest
from ingest.passages import split
from ingest.readers import Document, read
from ingest.readers.document import File
from ingest.readers.office import read_docx, read_odt
from ingest.sources import exists
from rag import Assistant
from rag.build import list_statements
from rag.schema import IngestReport, Problem, Statement
from rag.settings import load_settings

pytestmark = pytest.mark.usefixtures("fake")
ARABIC = "بيان الوزارة\n\nأعلنت الوزارة اليوم عن حملة تلقيح جديدة في جميع المحافظات.\n"


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return list(corpus.statements())


@pytest.mark.parametrize("name", corpus.TEXTS)
def test_the_statements_come_back_out_of_every_format(name: str, tmp_path: Path) -> None:
    corpus.comes_back(name, tmp_path / "written", corpus.TEXT)


# Where each piece of metadata was found, and correcting it by hand


def one(index: Path) -> Statement:
    [statement] = stored(index).values()
    return statement


def test_a_statement_says_where_its_metadata_was_found(samples: list[Sample], tmp_path: Path, index: Path) -> None:
    (tmp_path / "a.docx").write_bytes(formats.docx(samples[0]))
    report = ingest([tmp_path / "a.docx"])
    assert one(index).origins == {"title": "document properties", "date": "document properties, day of making"}
    assert f"its date {samples[0].date} is the day the file was made" in report.warnings[0].reason


@pytest.mark.parametrize("name", ["a.docx.meta.toml", "a.meta.toml"])
def test_a_side_car_corrects_what_a_file_says(name: str, samples: list[Sample], tmp_path: Path, index: Path) -> None:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "a.docx").write_bytes(formats.docx(samples[0]))
    ingest([folder])
    before = one(index)
    (folder / name).write_text('title = "بيان"\nissuer = "هيئة"\ndate = 2030-02-01\nsource = "https://example.org/17"\n', encoding="utf-8")
    report = ingest([folder])
    assert (report.added, report.updated, report.rejected) == (0, 1, ())
    after = one(index)
    assert (after.title, after.issuer, after.date, after.source) == ("بيان", "هيئة", "2030-02-01", "https://example.org/17")
    assert {after.origins[name] for name in ("title", "issuer", "date", "source")} == {"side-car"}
    assert (after.statement_id, after.read_from) == (before.statement_id, str(folder / "a.docx"))
    assert ingest([folder]).unchanged == 1
    (folder / "a.docx").unlink()
    (folder / "b.txt").write_text(ARABIC, encoding="utf-8")
    assert ingest([folder], prune=True).removed == 1


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        ("title = ", "is not read"),
        ('titel = "x"', '"titel" in'),
        ('date = "May"', 'the date "May" in'),
        ('language = "fr"', "is left out; write ar or en"),
    ],
)
def test_a_wrong_side_car_is_a_warning(content: str, warning: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ARABIC)
    (tmp_path / "a.meta.toml").write_text(content)
    report = ingest([tmp_path / "a.txt"])
    assert report.added == 1
    assert warning in report.warnings[0].reason


MIXED = "The ministry repeats its statement:\n\nأعلنت وزارة النقل إغلاق الطريق الدولي ثلاثة أيام.\n\nThe road reopens on Sunday morning."


def languages(index: Path) -> tuple[str, str | None, set[str]]:
    """Of the one statement: its language, where it was found, and the languages of its passages."""
    statement = one(index)
    return statement.language, statement.origins.get("language"), {passage.language for passage in split(statement, max_chars=40)}


def test_a_statement_s_language_is_corrected_by_hand_and_its_passages_keep_theirs(
    tmp_path: Path, index: Path, fake: FakeEmbeddings
) -> None:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "a.txt").write_text(MIXED, encoding="utf-8")
    ingest([folder])
    assert languages(index) == ("ar", None, {"ar", "en"}), "as its letters tell"
    (folder / "a.meta.toml").write_text('language = "en"', encoding="utf-8")
    fake.embedded.clear()
    assert ingest([folder]).updated == 1
    assert languages(index) == ("en", "side-car", {"ar", "en"})
    assert fake.embedded == [] and Assistant.open(index).versions(one(index).statement_id) == []
    assert ingest([folder]).unchanged == 1


@pytest.mark.parametrize("suffix", [".txt", ".md"])
def test_front_matter_says_the_language(suffix: str, tmp_path: Path, index: Path) -> None:
    (tmp_path / f"a{suffix}").write_text(f"---\nlanguage: en-GB\n---\n{MIXED}", encoding="utf-8")
    assert ingest([tmp_path / f"a{suffix}"]).warnings == ()
    assert languages(index) == ("en", "front matter", {"ar", "en"})
    (tmp_path / f"a{suffix}").write_text(f"---\nlanguage: klingon\n---\n{MIXED}", encoding="utf-8")
    [warning] = [problem.reason for problem in ingest([tmp_path / f"a{suffix}"]).warnings]
    assert warning == 'the language "klingon" in its front matter is left out; write ar or en'
    assert languages(index)[:2] == ("ar", None)


# Tables


def table(folder: Path, text: str, name: str = "press.csv", **options: dict[str, str]) -> IngestReport:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return ingest([folder], **options)  # type: ignore[arg-type]


def test_columns_are_named_by_the_user(tmp_path: Path, index: Path) -> None:
    mapped = {"text": "what", "title": "called", "date": "when"}
    table(tmp_path / "t", 'called,what,when\nFerry,"The ferry sank, they said.",3 May 2031\n', columns=mapped)
    statement = one(index)
    assert (statement.title, statement.text, statement.date) == ("Ferry", "The ferry sank, they said.", "2031-05-03")
    assert statement.source == str(tmp_path / "t" / "press.csv#2")


def test_a_column_says_the_language(tmp_path: Path, index: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.csv").write_text('body,spoken\n"The ferry sank, they said.",AR\n"The pier was closed.",fr\n', encoding="utf-8")
    run = bayan("ingest", tmp_path / "t", "--map", "text=body,language=spoken")
    assert 'the language "fr" in row 3 is left out; write ar or en' in run.stderr
    found = {statement.text[4:8]: statement for statement in list_statements(load_settings())}
    assert (found["ferr"].language, found["ferr"].origins["language"]) == ("ar", "table")
    assert (found["pier"].language, "language" in found["pier"].origins) == ("en", False)


def test_a_table_without_a_known_column_is_refused_with_its_columns(tmp_path: Path) -> None:
    report = table(tmp_path / "t", "a,b\n1,2\n")
    assert "name it with --map text=COLUMN, one of: a, b" in report.rejected[0].reason
    assert 'has no column "c"; it has a, b' in table(tmp_path / "t", "a,b\n1,2\n", columns={"text": "c"}).rejected[0].reason


def test_rows_keep_their_statements_when_the_table_changes_around_them(tmp_path: Path, fake: FakeEmbeddings) -> None:
    rows = ["The ferry sank on Monday.", "The bridge opened on Sunday.", "Olives were picked in May."]
    table(tmp_path / "t", "\n".join(["text", *rows]))
    before = {statement.text: statement.statement_id for statement in list_statements(load_settings())}
    fake.embedded.clear()
    report = table(tmp_path / "t", "\n".join(["text", "The silo burned on Friday.", *reversed(rows[1:])]))
    assert (report.added, report.updated, report.removed) == (0, 3, 0)
    after = {statement.text: statement.statement_id for statement in list_statements(load_settings())}
    assert set(after) == {"The silo burned on Friday.", *rows[1:]}
    assert all(after[text] == before[text] for text in rows[1:])
    assert not any("bridge" in text or "Olives" in text for text in fake.embedded)
    report = table(tmp_path / "t", "\n".join(["text", *rows[1:]]))
    assert (report.added, report.updated, report.unchanged, report.removed) == (0, 1, 1, 1)


def test_rows_with_ids_are_known_by_them(tmp_path: Path, index: Path) -> None:
    table(tmp_path / "t", "المعرف,النص\nب-7,أُعلن فتح المعبر.\n")
    assert one(index).source.endswith("press.csv#ب-7")


def test_a_bad_line_of_json_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    report = table(tmp_path / "t", '{"text": "The ferry sank."}\n{"text": \n[1]\n{"body": "The bridge opened."}\n', "press.jsonl")
    assert report.added == 2
    assert [problem.source.rpartition("#")[2] for problem in report.rejected] == ["2", "3"]


def test_a_row_without_text_is_told_and_an_empty_one_passed_over(tmp_path: Path) -> None:
    report = table(tmp_path / "t", "title,text\nFerry,\n,\nBridge,The bridge opened.\n")
    assert (report.added, len(report.rejected)) == (1, 1)
    assert report.rejected[0].source.endswith("press.csv#2")


@pytest.mark.parametrize(
    ("written", "day"),
    [("3 May 2031", "2031-05-03"), ("الأحد 19 كانون الثاني 2031", "2031-01-19"), ("25/01/2031", "2031-01-25"), ("03/04/2031", None)],
)
def test_dates_of_tables_are_read_unless_two_readings_are_possible(written: str, day: str | None, tmp_path: Path, index: Path) -> None:
    report = table(tmp_path / "t", f"date,text\n{written},The ferry sank.\n")
    assert one(index).date == day
    assert len(report.warnings) == (day is None)


# Archives and e-mails


def test_half_a_character_is_replaced_and_told_and_holds_nothing_else_up(tmp_path: Path, index: Path) -> None:
    (tmp_path / "posts.jsonl").write_text('{"title": "Ferry \\ud83d", "text": "The ferry \\ud83d sank."}\n', encoding="utf-8")
    message = EmailMessage()
    message["Subject"], message["From"] = "The bridge", "press@works.example"
    message.set_content("The bridge opened on Sunday.")
    (tmp_path / "m.eml").write_bytes(message.as_bytes())
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).write_text("The road is closed.", encoding="utf-8")
    report = ingest([tmp_path])
    assert report.added == 2
    [problem] = report.rejected
    assert "a name that is no text in any encoding; rename it" in problem.reason and problem.source.endswith("\ufffd.txt")
    assert any("half a character" in warning.reason for warning in report.warnings)
    statements = {statement.title: statement for statement in list_statements(load_settings())}
    assert statements["Ferry \ufffd"].text == "The ferry \ufffd sank."
    assert ingest([tmp_path]).unchanged == 2


def test_halves_of_characters_in_a_feed_are_joined_or_replaced(tmp_path: Path, index: Path) -> None:
    text = "The ferry &#55357; sank, &amp;#55357; the ministry said."
    item = f"<item><title>Ferry &#xD83D;&#xDE80;</title><description>{text}</description></item>"
    (tmp_path / "a.rss").write_text(f'<rss version="2.0"><channel><title>News</title>{item}</channel></rss>', encoding="utf-8")
    assert ingest([tmp_path]).added == 1
    statement = one(index)
    assert statement.title == "Ferry \U0001f680"
    assert statement.text.startswith("The ferry \ufffd sank, ") and statement.text.endswith("the ministry said.")


def test_a_member_with_an_endless_name_is_refused_and_the_next_ingest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed({f"{'x' * 60_000}.txt": ARABIC.encode(), "b.txt": b"The bridge opened on Sunday."}))
    for added in (1, 0):
        report = ingest([tmp_path / "a.zip"])
        assert (report.added, report.unchanged) == (added, 1 - added)
        [problem] = report.rejected
        assert "a name of more than 1,000 characters; rename it and pack the archive anew" in problem.reason and len(problem.reason) < 500


def test_places_with_endless_names_hold_up_no_ingest(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"], message["From"] = "The bridge", "press@works.example"
    message.set_content("The bridge opened on Sunday.")
    message.add_attachment(ARABIC.encode(), maintype="text", subtype="plain", filename=f"{'x' * 5_000}.txt")
    (tmp_path / "m.eml").write_bytes(message.as_bytes())
    assert ingest([tmp_path]).added == 2
    assert ingest([tmp_path], settings=load_settings()).unchanged == 2
    assert not exists(f"{tmp_path}/{'x' * 60_000}")


def test_an_archive_is_read_like_a_folder_and_its_bad_members_are_told(tmp_path: Path, index: Path) -> None:
    inner = packed({"a.txt": ARABIC.encode()})
    members = {"ok/بيان.txt": ARABIC.encode(), "../up.txt": b"x", "/root.txt": b"x", "C:\\x.txt": b"x", "in.zip": inner, "a.exe": b"MZ"}
    (tmp_path / "a.zip").write_bytes(packed({**members, "empty.txt": b"", ".DS_Store": b"x", "__MACOSX/x.txt": b"x"}))
    report = ingest([tmp_path / "a.zip"])
    assert report.added == 1
    assert one(index).source == str(tmp_path / "a.zip#ok/بيان.txt")
    reasons = {problem.source.partition("#")[2]: problem.reason for problem in report.rejected}
    assert sorted(reasons) == sorted(["../up.txt", "/root.txt", "C:/x.txt", "in.zip", "a.exe", "empty.txt"])
    assert all("leads out of its archive" in reasons[name] for name in ("../up.txt", "/root.txt", "C:/x.txt"))
    assert "an archive inside an archive" in reasons["in.zip"]


def test_a_member_that_is_gone_from_its_archive_is_removed(tmp_path: Path, index: Path) -> None:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "a.zip").write_bytes(packed({"a.txt": ARABIC.encode(), "b.txt": b"The bridge opened on Sunday."}))
    assert ingest([folder]).added == 2
    (folder / "a.zip").write_bytes(packed({"a.txt": ARABIC.encode()}))
    assert (ingest([folder]).removed, len(stored(index))) == (1, 1)
    (folder / "a.zip").write_bytes(packed({"a.txt": ARABIC.encode() + b" ", "b.txt": b""}))
    assert ingest([folder]).removed == 0, "an archive that cannot be read wholly lets go of nothing"
    (folder / "a.zip").unlink()
    (folder / "c.txt").write_text("Olives were picked in May.")
    assert ingest([folder], prune=True).removed == 1


def test_attachments_are_documents_of_their_own(samples: list[Sample], tmp_path: Path, index: Path) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = "بيان صحفي", "Press Office <press@example.org>", samples[0].day
    message.set_content("مرفق بيان الهيئة حول انقطاع المياه.")
    message.add_attachment(formats.docx(samples[0]), maintype="application", subtype="octet-stream", filename="بيان.docx")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png")
    message.add_attachment(packed({"a.txt": b"x"}), maintype="application", subtype="zip", filename="a.zip")
    (tmp_path / "m.eml").write_bytes(bytes(message))
    report = ingest([tmp_path / "m.eml"])
    assert report.added == 2
    assert [problem.source for problem in report.rejected] == [str(tmp_path / "m.eml#a.zip")]
    mail, attached = stored(index)["بيان صحفي"], stored(index)[samples[0].title]
    assert (mail.issuer, mail.date, mail.source) == ("Press Office", samples[0].date, str(tmp_path / "m.eml"))
    assert attached.source == str(tmp_path / "m.eml#بيان.docx")


def test_a_message_in_html_and_an_arabic_code_page_is_read(tmp_path: Path) -> None:
    body = "<p>أعلنت الوزارة اليوم عن حملة تلقيح.</p>".encode("cp1256")
    head = b"From: press@example.org\r\nSubject: =?windows-1256?B?yO3H5A==?=\r\nContent-Type: text/html; charset=windows-1256\r\n\r\n"
    (tmp_path / "m.eml").write_bytes(head + body)
    [document] = read(tmp_path / "m.eml")
    assert isinstance(document, Document)
    assert (document.text, document.title, document.issuer) == ("أعلنت الوزارة اليوم عن حملة تلقيح.", "بيان", "press@example.org")


# Word processors


def test_a_document_gives_tables_inserted_text_controls_text_boxes_and_notes_but_nothing_deleted() -> None:
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    names += 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'

    def paragraph(text: str) -> str:
        return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"

    body = f"<w:sdt><w:sdtContent>{paragraph('in a control')}</w:sdtContent></w:sdt>"
    body += "<w:p><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
    body += f"<w:tbl><w:tr><w:tc>{paragraph('A')}</w:tc><w:tc>{paragraph('B')}{paragraph('C')}</w:tc></w:tr></w:tbl>"
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    either = f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    body += f"<w:p><w:r><w:t>beside</w:t>{either}</w:r></w:p>"
    notes = f"<w:footnotes {names}><w:footnote>{paragraph('note')}</w:footnote></w:footnotes>"
    document = f"<w:document {names}><w:body>{body}</w:body></w:document>"
    package = packed({"word/document.xml": document.encode(), "word/footnotes.xml": notes.encode(), "word/vbaProject.bin": b"macro"})
    [found] = read_docx(File("a.docm", ".docm", package))
    assert found.text == "in a control\ninserted\nA — B C\nbeside\nboxed\nnote"


def test_an_open_document_gives_tables_spaces_and_notes_but_no_deleted_text_or_comments() -> None:
    names = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table"))
    body = "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:h>Head</text:h>"
    body += "<text:p>a<text:s text:c='2'/>b<office:annotation><text:p>comment</text:p></office:annotation>"
    body += (
        "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>note</text:p></text:note-body></text:note>c</text:p>"
    )
    body += "<table:table><table:table-row><table:table-cell><text:p>A</text:p></table:table-cell><table:table-cell><text:p>B</text:p>"
    body += "</table:table-cell></table:table-row></table:table>"
    content = f"<office:document-content {names}><office:body><office:text>{body}</office:text></office:body></office:document-content>"
    [found] = read_odt(File("a.odt", ".odt", packed({"content.xml": content.encode()})))
    assert found.text == "Head\na  bc\nA — B\nnote"


# Web pages


@pytest.mark.parametrize("charset", ["windows-1256", "iso-8859-6", "utf-8"])
def test_a_page_is_decoded_as_it_declares(charset: str, tmp_path: Path) -> None:
    body = "".join(f"<p>{line}</p>" for line in ARABIC.split("\n") if line)
    (tmp_path / "a.html").write_bytes(f'<html><head><meta charset="{charset}"></head><body>{body}</body></html>'.encode(charset))
    [document] = read(tmp_path / "a.html")
    assert isinstance(document, Document)
    assert ARABIC.split("\n")[2] in document.text


def test_problems_of_an_archive_are_yielded_beside_its_documents(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", ARABIC)
        archive.writestr("b.doc", "x")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    assert [type(found) for found in read(tmp_path / "a.zip")] == [Document, Problem]
