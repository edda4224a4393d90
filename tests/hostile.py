"""Hostile and broken inputs, each made here: what people send by mistake, and what is sent to crash, fill or lead out of a program."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from email.message import EmailMessage

from formats import Sample, docx, eml, html, json_lines, odt, packed, xlsx

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
LAUGHS = "<!DOCTYPE l [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)) + "]>"
OUTSIDE = "<!DOCTYPE l [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
SAMPLE = Sample(
    "x", "بيان حول المياه", "هيئة", "2031-03-04", "أعلنت الهيئة اليوم عودة المياه إلى الأحياء.\n\nThe water came back on Monday."
)


def word(body: str, head: str = "", **members: bytes) -> bytes:
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    return packed({"word/document.xml": f"{head}<w:document {names}><w:body>{body}</w:body></w:document>".encode(), **members})


def open_document(head: str, body: str) -> bytes:
    content = f'{head}<office:document-content xmlns:office="{OFFICE}"><office:body>{body}</office:body></office:document-content>'
    return packed({"content.xml": content.encode()})


def swapped(data: bytes, member: str, content: bytes) -> bytes:
    """A package with one of its members replaced."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return packed({**{info.filename: archive.read(info) for info in archive.infolist()}, member: content})


def lying_about_its_size(data: bytes) -> bytes:
    """An archive whose directory says that a member is small."""
    return data.replace(struct.pack("<I", 60_000_000), struct.pack("<I", 100))


def symlink() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def overlapping() -> bytes:
    """A "better zip bomb": many members that share one packed stream."""
    data = packed({f"{n:05}.txt": b"" for n in range(1)})
    return data[:-22] + data[:-22] * 20_000 + data[-22:]


def nested_zip(depth: int) -> bytes:
    data = packed({"a.txt": b"x"})
    for number in range(depth):
        data = packed({f"{number}.zip": data})
    return data


def nested_mail(depth: int) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"] = "inner", "a@example.org"
    message.set_content("Inner text of the message.")
    for number in range(depth):
        outer = EmailMessage()
        outer["Subject"], outer["From"] = f"level {number}", "a@example.org"
        outer.set_content("Forwarded.")
        outer.add_attachment(message)
        message = outer
    return message.as_bytes()


def many_parts(count: int) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"] = "many", "a@example.org"
    message.set_content("Text.")
    for number in range(count):
        message.add_attachment(b"Text of a part.", maintype="text", subtype="plain", filename=f"{number}.txt")
    return bytes(message)


def png(width: int, height: int, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def pdf(*objects: str, trailer: str = "") -> bytes:
    """A PDF of these objects, numbered from 1, the first its catalogue."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<</Size {len(objects) + 1}/Root 1 0 R{trailer}>>\n"
    return body + end.encode() + f"startxref\n{len(body)}\n%%EOF".encode()


def stream(content: bytes, extra: str = "") -> str:
    return f"<</Length {len(content)}{extra}>>stream\n{content.decode('latin-1')}\nendstream"


def looping_pdf() -> bytes:
    return pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2000000>>")


def self_drawing_pdf() -> bytes:
    form = "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>/Length 12>>stream\n/F Do /F Do \nendstream"
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>"
    return pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page, stream(b"/F Do"), form)


def looping_bookmarks() -> bytes:
    mark = "<</Title(a)/Parent 4 0 R/First 5 0 R/Next 5 0 R>>"
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>"
    return pdf("<</Type/Catalog/Pages 2 0 R/Outlines 4 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page, "<</First 5 0 R>>", mark)


def looping_styles() -> bytes:
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    styles = "".join(f'<w:style w:styleId="{own}"><w:basedOn w:val="{other}"/></w:style>' for own, other in ("ab", "ba"))
    said = '<w:p><w:pPr><w:pStyle w:val="a"/><w:outlineLvl w:val="x"/></w:pPr><w:r><w:t>The ferry sank on Monday.</w:t></w:r></w:p>'
    return word(said * 3, **{"word/styles.xml": f"<w:styles {names}>{styles}</w:styles>".encode()})


def many_pages(count: int) -> bytes:
    kids = "3 0 R " * count
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>"
    return pdf("<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {count}>>", page)


def giant_page() -> bytes:
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9e9 9e9]>>"
    return pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page)


def pdf_bomb() -> bytes:
    content = zlib.compress(b"BT (a) Tj ET " * 3_000_000, 9)
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>"
    objects = ("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page)
    return pdf(*objects, "STREAM").replace(
        b"STREAM", f"<</Filter/FlateDecode/Length {len(content)}>>stream\n".encode() + content + b"\nendstream"
    )


def wide_sheet(columns: int) -> bytes:
    row = "<row r='1'>" + "".join("<c t='inlineStr'><is><t>x</t></is></c>" for _ in range(columns)) + "</row>"
    return sheet(row)


def sheet(rows: str, head: str = "") -> bytes:
    names = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'"
    return swapped(
        xlsx([SAMPLE]), "xl/worksheets/sheet1.xml", f"{head}<worksheet {names}><sheetData>{rows}</sheetData></worksheet>".encode()
    )


def cut_short(data: bytes) -> bytes:
    return data[: len(data) // 2]


def rss(body: str, head: str = "") -> bytes:
    return f"<?xml version='1.0'?>{head}<rss version='2.0'><channel><title>t</title>{body}</channel></rss>".encode()


def mail_saying(header: str, value: str) -> bytes:
    return f"From: a@example.org\r\nSubject: x\r\n{header}: {value}\r\n\r\nThe text of the message.".encode()


# Each by its name: the file's name and what is in it. `tests/test_ingest_hostile.py` says what is asked of all.
HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty text": ("a.txt", lambda: b""),
    "only spaces": ("a.txt", lambda: b" \n\t " * 1000),
    "only NULs": ("a.txt", lambda: b"\0" * 100_000),
    "NULs in text": ("a.txt", lambda: b"The ferry\0 sank."),
    "random bytes as text": ("a.txt", lambda: zlib.compress(bytes(range(256)) * 400)),
    "invalid UTF-8": ("a.txt", lambda: "بيان ".encode() * 50 + b"\xff\xfe\xfd\xc3"),
    "lone surrogates in UTF-16": ("a.txt", lambda: b"\xff\xfe" + b"\x00\xd8" * 500),
    "odd length UTF-16": ("a.txt", lambda: "بيان المياه".encode("utf-16") + b"x"),
    "UTF-32": ("a.txt", lambda: "The ferry sank.".encode("utf-32")),
    "one line of two million letters": ("a.txt", lambda: b"word " * 400_000),
    "one word of two million letters": ("a.txt", lambda: b"x" * 2_000_000),
    "a million empty lines": ("a.txt", lambda: b"\n" * 1_000_000 + b"The ferry sank."),
    "text of more than 20 million letters": ("a.txt", lambda: b"a b " * 5_100_000),
    "marks without letters": ("a.txt", lambda: ("ا" + "\u064b" * 300_000).encode()),
    "direction overrides": ("a.txt", lambda: "\u202e\u2066The ferry sank.\u2069\u202c".encode() * 1000),
    "nested Markdown quotes": ("a.md", lambda: b">" * 50_000 + b" text"),
    "nested Markdown lists": ("a.md", lambda: b"".join(b" " * (2 * n) + b"- x\n" for n in range(1_500))),
    "Markdown brackets": ("a.md", lambda: b"[" * 50_000 + b"x" + b"](" * 50_000),
    "front matter that never ends": ("a.md", lambda: b"---\ntitle: x\n" + b"a: b\n" * 40_000),
    "deeply nested HTML": ("a.html", lambda: b"<div>" * 100_000 + b"text" + b"</div>" * 100_000),
    "HTML of half a million tags": ("a.html", lambda: b"<p>a</p>" * 500_000),
    "nested HTML tables": ("a.html", lambda: b"<table><tr><td>" * 5_000 + b"text here"),
    "HTML attribute of ten million letters": ("a.html", lambda: b'<p class="' + b"x" * 10_000_000 + b'">The ferry sank.</p>'),
    "HTML with a thousand attributes a tag": (
        "a.html",
        lambda: b"<p " + b" ".join(b"a%d=1" % n for n in range(50_000)) + b">Text here.</p>",
    ),
    "HTML entity flood": ("a.html", lambda: b"<p>" + b"&amp;" * 500_000 + b" The ferry sank.</p>"),
    "HTML of an unknown encoding": ("a.html", lambda: b"<meta charset='x-nonsense'><p>The ferry sank on Monday.</p>"),
    "JSON-LD nested ten thousand deep": (
        "a.html",
        lambda: b"<script type='application/ld+json'>" + b"[" * 10_000 + b"</script><p>The ferry sank on Monday.</p>",
    ),
    "HTML cut in a tag": ("a.html", lambda: html(SAMPLE)[:-200] + b"<p"),
    "scripts in HTML": ("a.html", lambda: b"<script>while(1);</script><p onclick='x()'>The ferry sank on Monday.</p>"),
    "DOCX with entity expansion": ("a.docx", lambda: word("<w:p><w:r><w:t>&a11;</w:t></w:r></w:p>", LAUGHS)),
    "DOCX with an outside entity": ("a.docx", lambda: word("<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", OUTSIDE)),
    "DOCX nested fifty thousand deep": ("a.docx", lambda: word("<w:sdt>" * 50_000 + "</w:sdt>" * 50_000)),
    "DOCX bomb": ("a.docx", lambda: word("<w:p/>" * 8_000_000)),
    "DOCX whose styles stand on each other": ("a.docx", looping_styles),
    "DOCX cut short": ("a.docx", lambda: cut_short(docx(SAMPLE))),
    "DOCX without a document": ("a.docx", lambda: packed({"word/other.xml": b"<a/>"})),
    "DOCM with macros": ("a.docm", lambda: swapped(docx(SAMPLE), "word/vbaProject.bin", b"\xd0\xcf\x11\xe0" * 1000)),
    "DOC called DOCX": ("a.docx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000),
    "ODT with entity expansion": ("a.odt", lambda: open_document(LAUGHS, "&a11;")),
    "ODT with an outside entity": ("a.odt", lambda: open_document(OUTSIDE, "&x;")),
    "ODT that asks for a billion spaces": (
        "a.odt",
        lambda: open_document("", '<t:p xmlns:t="urn:oasis:names:tc:opendocument:xmlns:text:1.0">a<t:s t:c="1000000000"/>b</t:p>'),
    ),
    "ODT with spaces that are no number": (
        "a.odt",
        lambda: open_document("", '<t:p xmlns:t="urn:oasis:names:tc:opendocument:xmlns:text:1.0">a<t:s t:c="many"/>b</t:p>'),
    ),
    "ODT cut short": ("a.odt", lambda: cut_short(odt(SAMPLE))),
    "XLSX of a million columns": ("a.xlsx", lambda: wide_sheet(1_000_000)),
    "XLSX with a cell in the last row": (
        "a.xlsx",
        lambda: sheet(
            "<row r='1'><c r='A1' t='inlineStr'><is><t>text</t></is></c></row><row r='1048576'><c r='XFD1048576'><v>1</v></c></row>"
        ),
    ),
    "XLSX with entity expansion": ("a.xlsx", lambda: sheet("<row><c><v>&a11;</v></c></row>", LAUGHS)),
    "XLSX cut short": ("a.xlsx", lambda: cut_short(xlsx([SAMPLE]))),
    "XLSX with macros": ("a.xlsm", lambda: swapped(xlsx([SAMPLE]), "xl/vbaProject.bin", b"\xd0\xcf" * 1000)),
    "CSV with a giant field": ("a.csv", lambda: b'text\n"' + b"word " * 400_000 + b'"\n'),
    "CSV with a quote that never ends": ("a.csv", lambda: b'text\n"' + b"The ferry sank,\n" * 10_000),
    "CSV of a million columns": ("a.csv", lambda: b"," * 1_000_000 + b"text\n" + b"x"),
    "CSV with NULs": ("a.csv", lambda: b"text,title\nThe ferry\0 sank,x\n"),
    "JSONL nested ten thousand deep": ("a.jsonl", lambda: b"[" * 100_000 + b"]" * 100_000 + b'\n{"text": "The ferry sank."}\n'),
    "JSONL with a number of a million digits": ("a.jsonl", lambda: b'{"text": ' + b"9" * 1_000_000 + b"}\n"),
    "JSONL with lone surrogates": ("a.jsonl", lambda: b'{"text": "The ferry \\ud800 sank."}\n'),
    "JSONL cut short": ("a.jsonl", lambda: cut_short(json_lines([SAMPLE]))),
    "zip bomb": ("a.zip", lambda: packed({"a.txt": b"\0" * 49_000_000})),
    "zip bomb that lies about its size": ("a.zip", lambda: lying_about_its_size(packed({"a.txt": b"a" * 60_000_000}))),
    "zip of ten thousand and one files": ("a.zip", lambda: packed({f"{n}.txt": b"x" for n in range(10_001)})),
    "zips in zips": ("a.zip", lambda: nested_zip(50)),
    "overlapping zip": ("a.zip", overlapping),
    "zip with paths that lead out": (
        "a.zip",
        lambda: packed({"../../up.txt": b"The ferry.", "/abs.txt": b"The ferry.", "C:\\x.txt": b"x"}),
    ),
    "zip with a symbolic link": ("a.zip", symlink),
    "zip with a name of sixty thousand letters": ("a.zip", lambda: packed({"x" * 60_000 + ".txt": b"The ferry sank."})),
    "zip with a name of control letters": ("a.zip", lambda: packed({"a\x1b[2Jb\n.txt": b"The ferry sank on Monday."})),
    "zip cut short": ("a.zip", lambda: cut_short(packed({"a.txt": b"The ferry sank." * 1000}))),
    "PDF with bookmarks in a circle": ("a.pdf", looping_bookmarks),
    "PDF cut short": ("a.pdf", lambda: cut_short(many_pages(5))),
    "PDF whose pages are a loop": ("a.pdf", looping_pdf),
    "PDF that draws itself": ("a.pdf", self_drawing_pdf),
    "PDF of a hundred thousand pages": ("a.pdf", lambda: many_pages(100_000)),
    "PDF with a page of nine million miles": ("a.pdf", giant_page),
    "PDF whose page inflates to forty megabytes": ("a.pdf", pdf_bomb),
    "PDF in name only": ("a.pdf", lambda: html(SAMPLE)),
    "e-mails in e-mails": ("a.eml", lambda: nested_mail(60)),
    "e-mail of five hundred parts": ("a.eml", lambda: many_parts(500)),
    "e-mail without an end": ("a.eml", lambda: eml(SAMPLE)[:-30]),
    "e-mail of a nonsense encoding": ("a.eml", lambda: mail_saying("Content-Type", "text/plain; charset=nonsense")),
    "e-mail with a boundary that is missing": ("a.eml", lambda: mail_saying("Content-Type", "multipart/mixed")),
    "e-mail with a date that is none": ("a.eml", lambda: mail_saying("Date", "Mon, 99 Foo 99999 99:99:99 +9999")),
    "e-mail with a header of a million letters": ("a.eml", lambda: mail_saying("X-Long", "a" * 1_000_000)),
    "picture of 60,000 by 60,000 points": ("a.png", lambda: png(60_000, 60_000)),
    "picture that inflates to a gigabyte": ("a.png", lambda: png(9_000, 9_000, b"\0" * 400_000_000)),
    "picture without data": ("a.png", lambda: png(100, 100)),
    "picture cut short": ("a.jpg", lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + b"\0" * 20),
    "TIFF whose pages are a loop": (
        "a.tiff",
        lambda: b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 1) + struct.pack("<HHII", 256, 4, 1, 10) + struct.pack("<I", 8),
    ),
    "script called picture": ("a.png", lambda: b"#!/bin/sh\nrm -rf /\n"),
    "PostScript called TIFF": ("a.tiff", lambda: b"%!PS\n(%pipe%id) (r) file\n"),
    "feed with entity expansion": ("a.rss", lambda: rss("<item><title>&a11;</title><description>&a11;</description></item>", LAUGHS)),
    "feed with an outside entity": ("a.rss", lambda: rss("<item><title>x</title><description>&x;</description></item>", OUTSIDE)),
    "feed with javascript links": (
        "a.rss",
        lambda: rss("<item><link>javascript:x()</link><description>The ferry sank.</description></item>"),
    ),
    "feed nested fifty thousand deep": ("a.rss", lambda: rss("<item>" * 50_000)),
    "feed packed to a bomb": ("a.rss", lambda: gzip.compress(rss("<item>" + " " * 60_000_000 + "</item>"))),
    "feed cut short": ("a.rss", lambda: cut_short(rss("<item><description>The ferry sank on Monday.</description></item>" * 50))),
    "program called text": ("a.txt", lambda: b"\x7fELF\x02\x01\x01" + b"\0" * 1000),
    "picture called page": ("a.html", lambda: png(10, 10)),
    "unknown format": ("a.exe", lambda: b"MZ" + b"\0" * 1000),
}
