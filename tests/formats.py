"""Statements written in every format, each by the format's real writer, for reading them back."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

FIELDS = ("title", "issuer", "date", "text")


@dataclass(frozen=True)
class Sample:
    """A statement as a format should give it back: its body without what stands in the metadata."""

    name: str
    title: str
    issuer: str
    date: str
    text: str

    @property
    def row(self) -> dict[str, str]:
        return {field: getattr(self, field) for field in FIELDS}

    @property
    def paragraphs(self) -> list[str]:
        return [line.strip() for line in self.text.splitlines() if line.strip()]

    @property
    def day(self) -> datetime:
        return datetime.fromisoformat(self.date).replace(hour=9, tzinfo=UTC)


def text(encoding: str) -> Callable[[Sample], bytes]:
    def write(sample: Sample) -> bytes:
        head = f"---\ntitle: {sample.title}\nissuer: {sample.issuer}\ndate: {sample.date}\n---\n"
        return (head + sample.text).encode(encoding, errors="replace")

    return write


def html(sample: Sample) -> bytes:
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in sample.paragraphs)
    data = {"@type": "NewsArticle", "headline": sample.title, "datePublished": sample.date, "publisher": {"name": sample.issuer}}
    head = f'<title>x</title><script type="application/ld+json">{json.dumps(data)}</script>'
    page = f'<body><nav><a href="/">Menu</a></nav><article>{body}</article></body>'
    return f'<html><head><meta charset="utf-8">{head}</head>{page}</html>'.encode()


def article(sample: Sample) -> str:
    """A page without anything round its statement, as it is printed."""
    direction = "rtl" if any("\u0600" <= char <= "\u06ff" for char in sample.title) else "ltr"
    body = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in sample.paragraphs)
    head = f'<meta charset="utf-8"><title>{escape(sample.title)}</title>'
    return f'<html dir="{direction}"><head>{head}</head><body><h1>{escape(sample.title)}</h1>{body}</body></html>'


def saved_page(sample: Sample) -> bytes:
    """A page as a browser saves it from a ministry's site: menus, buttons to share it, notices and links all round the statement."""
    arabic = sample.name.endswith(".ar.txt") or any("\u0600" <= char <= "\u06ff" for char in sample.title)
    words = _ARABIC_PAGE if arabic else _ENGLISH_PAGE
    site = escape(sample.issuer)
    head = f'<title>{escape(sample.title)} | {site}</title><meta property="og:title" content="{escape(sample.title)}">'
    head += f'<meta property="og:site_name" content="{site}"><meta property="article:published_time" content="{sample.day.isoformat()}">'
    menu = "".join(f'<li><a href="/{number}">{word}</a></li>' for number, word in enumerate(words["menu"]))
    share = "".join(f'<a class="share-button" href="#">{word}</a> ' for word in words["share"])
    more = "".join(f'<li><a href="/more/{number}">{word}</a></li>' for number, word in enumerate(words["more"]))
    body = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in sample.paragraphs)
    return f"""<!DOCTYPE html>
<!-- saved from url=(0034)https://press.example.org/2031/17 -->
<html lang="{"ar" if arabic else "en"}" dir="{"rtl" if arabic else "ltr"}"><head><meta charset="utf-8">{head}</head><body>
<div class="cookie-notice"><p>{words["cookies"]}</p><button>OK</button></div>
<header><a href="/"><img src="17_files/logo.png" alt="{site}"></a><nav><ul>{menu}</ul></nav></header>
<main><article><h1>{escape(sample.title)}</h1><div class="share-buttons">{share}</div>
<div class="entry-content">{body}</div></article>
<aside class="related"><h3>{words["related"]}</h3><ul>{more}</ul></aside></main>
<a href="#top">{words["top"]}</a><footer><p>{words["rights"]}</p></footer></body></html>""".encode()


_ARABIC_PAGE: dict[str, Any] = {
    "menu": ("الرئيسية", "أخبار", "البيانات الصحفية", "اتصل بنا"),
    "share": ("فيسبوك", "تويتر", "واتساب", "تيلجرام"),
    "more": ("عودة خط العبارات إلى العمل", "موسم الزيتون يبدأ غداً", "تمديد مهلة التسجيل"),
    "cookies": "يستخدم هذا الموقع ملفات تعريف الارتباط لتحسين تجربتك",
    "related": "اقرأ أيضاً",
    "top": "زر الذهاب إلى الأعلى",
    "rights": "جميع الحقوق محفوظة 2031",
}
_ENGLISH_PAGE: dict[str, Any] = {
    "menu": ("Home", "News", "Press releases", "Contact us"),
    "share": ("Facebook", "Twitter", "WhatsApp", "Email"),
    "more": ("Ferry line back in service", "Olive season opens tomorrow", "Registration extended"),
    "cookies": "This site uses cookies to improve your experience",
    "related": "Related articles",
    "top": "Back to top",
    "rights": "All rights reserved 2031",
}


def docx(sample: Sample) -> bytes:
    from docx import Document
    from docx.oxml import OxmlElement

    document = Document()
    document.core_properties.title, document.core_properties.created = sample.title, sample.day.replace(tzinfo=None)
    for paragraph in [document.add_heading(sample.title), *map(document.add_paragraph, sample.paragraphs)]:
        if any("\u0600" <= char <= "\u06ff" for char in paragraph.text[:20]):
            paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))  # as Word marks a paragraph that runs from right to left
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def odt(sample: Sample) -> bytes:
    from odfdo import Document, Header, Paragraph

    document = Document("text")
    document.meta.title, document.meta.creation_date = sample.title, sample.day
    document.body.clear()
    document.body.append(Header(1, sample.title))
    for paragraph in sample.paragraphs:
        document.body.append(Paragraph(paragraph))
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def eml(sample: Sample) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = sample.title, f'"{sample.issuer}" <press@example.org>', sample.day
    message.set_content(sample.text)
    return bytes(message)


def eml_html(sample: Sample) -> bytes:
    """As older mail programs send Arabic: a page of its own in windows-1256, in base64."""
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = sample.title, f'"{sample.issuer}" <press@example.org>', sample.day
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in sample.paragraphs)
    page = f"<html><body>{body}</body></html>".encode("cp1256", errors="xmlcharrefreplace")
    message.set_content(page, maintype="text", subtype="html", cte="base64")
    message.set_param("charset", "windows-1256")
    return bytes(message)


def delimited(delimiter: str, encoding: str, names: Sequence[str]) -> Callable[[Sequence[Sample]], bytes]:
    def write(samples: Sequence[Sample]) -> bytes:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=delimiter)
        writer.writerows([list(names), *([sample.row[field] for field in FIELDS] for sample in samples)])
        return buffer.getvalue().encode(encoding)

    return write


def xlsx(samples: Sequence[Sample]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Headline", "Agency", "Published", "Body"])
    for sample in samples:
        book.active.append([sample.title, sample.issuer, sample.day.replace(tzinfo=None), sample.text])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def json_lines(samples: Sequence[Sample]) -> bytes:
    return "\n".join(json.dumps(sample.row, ensure_ascii=False) for sample in samples).encode()


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


# Formats of one statement a file, and of one a row

EACH: dict[str, tuple[str, Callable[[Sample], bytes]]] = {
    "text": (".txt", text("utf-8")),
    "text with mark": (".txt", text("utf-8-sig")),
    "text UTF-16": (".txt", text("utf-16")),
    "text UTF-16 without mark": (".txt", text("utf-16-le")),
    "Markdown": (".md", text("utf-8")),
    "HTML": (".html", html),
    "saved page": (".htm", saved_page),
    "DOCX": (".docx", docx),
    "ODT": (".odt", odt),
    "EML": (".eml", eml),
    "EML in HTML": (".eml", eml_html),
}
ROWS: dict[str, tuple[str, Callable[[Sequence[Sample]], bytes]]] = {
    "CSV": (".csv", delimited(",", "utf-8-sig", ["title", "issuer", "date", "text"])),
    "CSV Arabic": (".csv", delimited(";", "utf-8", ["العنوان", "الجهة", "التاريخ", "النص"])),
    "TSV": (".tsv", delimited("\t", "utf-16", ["Headline", "Publisher", "Published", "Content"])),
    "XLSX": (".xlsx", xlsx),
    "JSONL": (".jsonl", json_lines),
}


def write_each(folder: Path, samples: Sequence[Sample], suffix: str, write: Callable[[Sample], bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for sample in samples:
        (folder / f"{sample.name}{suffix}").write_bytes(write(sample))
