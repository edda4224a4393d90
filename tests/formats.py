"""The sample statements written in every format, each by the format's real writer, for reading them back."""

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


def docx(sample: Sample) -> bytes:
    from docx import Document

    document = Document()
    document.core_properties.title, document.core_properties.created = sample.title, sample.day.replace(tzinfo=None)
    for paragraph in sample.paragraphs:
        document.add_paragraph(paragraph)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def odt(sample: Sample) -> bytes:
    office, dublin = "urn:oasis:names:tc:opendocument:xmlns:office:1.0", "http://purl.org/dc/elements/1.1/"
    names = f'xmlns:office="{office}" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:dc="{dublin}"'
    body = "".join(f"<text:p>{escape(paragraph)}</text:p>" for paragraph in sample.paragraphs)
    content = f"<office:document-content {names}><office:body><office:text>{body}</office:text></office:body></office:document-content>"
    said = f"<dc:title>{escape(sample.title)}</dc:title><dc:date>{sample.day.isoformat()}</dc:date>"
    meta = f"<office:document-meta {names}><office:meta>{said}</office:meta></office:document-meta>"
    return packed({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": content.encode(), "meta.xml": meta.encode()})


def eml(sample: Sample) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = sample.title, f'"{sample.issuer}" <press@example.org>', sample.day
    message.set_content(sample.text)
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
    "Markdown": (".md", text("utf-8")),
    "HTML": (".html", html),
    "DOCX": (".docx", docx),
    "ODT": (".odt", odt),
    "EML": (".eml", eml),
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
