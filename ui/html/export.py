"""A conversation as a file to keep or send: HTML, Markdown, or DOCX that stays right-to-left in Word.

Knows the records alone. Each answer goes with its quotes, who said them, when and where, so that the file stands by itself.

    export(conversation, "docx", "ar")  # bytes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from io import BytesIO
from typing import Any, Literal

from rag.controls import harmless
from rag.schema import Answer, Citation, Language
from ui.html.markup import DIRECTIONS, element, isolate, message_language
from ui.service.conversation import Exchange
from ui.strings import STRINGS

Format = Literal["html", "md", "docx"]
FORMATS: dict[Format, str] = {
    "html": "text/html",
    "md": "text/markdown",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_STYLE = """body{font:1.05rem/1.8 "IBM Plex Sans Arabic","Noto Naskh Arabic",Arial,sans-serif;max-width:44rem;
margin:2rem auto;padding:0 1rem}
blockquote{margin:.5rem 0;padding:.25rem 1rem;border-inline-start:4px solid #a9802b;background:#f6efdc;white-space:pre-line}
.figures{white-space:nowrap}.about{color:#615c54;font-size:.9rem}h2{font-size:1.1rem;margin-top:2rem}p{white-space:pre-line}"""
_ISO_DATE = re.compile(r"(?<!\S)\d{4}-\d\d-\d\d(?![\w/-]|\.\w)")  # none that begins the name of a file
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~])|^(\s*)([-+>]|\d+[.)])", re.MULTILINE)


@dataclass(frozen=True)
class _Part:
    """A paragraph: what it is and what it says, in the direction of its own language."""

    kind: Literal["title", "question", "answer", "quote", "about"]
    text: str
    language: Language

    @property
    def steady(self) -> str:
        """The text for files in which nothing sets a figure apart: after Arabic letters a date would stand there with its day first.

        Marks that nobody sees keep it as it is written. Quotes stay as they are, to the letter.
        """
        return _ISO_DATE.sub("\u200e\\g<0>\u200f", self.text) if self.language == "ar" and self.kind != "quote" else self.text


def export(conversation: Sequence[Exchange], form: Format, interface: Language) -> bytes:
    """Return the answered part of a conversation as a file."""
    writers: dict[Format, Callable[[list[_Part], Language], bytes]] = {"html": _html, "md": _markdown, "docx": _docx}
    parts = [replace(part, text=harmless(part.text)) for part in _parts(conversation, interface)]
    return writers[form](parts, interface)


def _parts(conversation: Sequence[Exchange], interface: Language) -> Iterator[_Part]:
    words = STRINGS[interface]
    yield _Part("title", words["export_title"], interface)
    yield _Part("about", words["export_note"], interface)
    for exchange in conversation:
        if exchange.answer is None:
            continue
        yield _Part("question", exchange.question, message_language(exchange.question, default=interface))
        yield _Part("answer", exchange.answer.answer, exchange.answer.language)
        for citation in exchange.offered:
            yield from _cited(citation, exchange.answer, interface)


def _cited(citation: Citation, answer: Answer, interface: Language) -> Iterator[_Part]:
    words = STRINGS[interface]
    known = [citation.issuer or words["no_issuer"], citation.date or words["no_date"], " › ".join(citation.section), citation.source]
    nearest = f"{words['nearest']} · " if answer.status == "not_found" else ""
    yield _Part("quote", f"[{citation.number}] {citation.quote}", citation.language)
    yield _Part("about", f"[{citation.number}] {nearest}{citation.title} · {' · '.join(filter(None, known))}", interface)


def _html(parts: list[_Part], interface: Language) -> bytes:
    tags = {"title": "h1", "question": "h2", "answer": "p", "quote": "blockquote", "about": "p"}
    body = "\n".join(element(tags[part.kind], part.kind, part.language, isolate(part.text, part.language)) for part in parts)
    head = f'<!doctype html>\n<html lang="{interface}" dir="{DIRECTIONS[interface]}">\n<meta charset="utf-8">'
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    title = escape(STRINGS[interface]["export_title"])
    return f"{head}\n{policy}\n<title>{title}</title>\n<style>{_STYLE}</style>\n{body}\n".encode()


def _markdown(parts: list[_Part], interface: Language) -> bytes:
    """Paragraphs in `<div dir>`, which Markdown's readers keep: without it, they set Arabic from the left."""
    lead = {"title": "# ", "question": "## ", "quote": "> "}
    blocks = []
    for part in parts:
        text = _MARKDOWN.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", part.steady)
        text = re.sub(r"\\\[(\d+)\\\]", r"[\1]", text)  # our own markers: no link follows them
        lines = "\n".join(lead.get(part.kind, "") + line for line in text.splitlines() if line.strip())
        blocks.append(f'<div dir="{DIRECTIONS[part.language]}">\n\n{lines}\n\n</div>')
    return ("\n\n".join(blocks) + "\n").encode()


def _docx(parts: list[_Part], interface: Language) -> bytes:
    from docx import Document

    document = Document()
    document.core_properties.title = STRINGS[interface]["export_title"]
    styles = {"title": "Title", "question": "Heading 2", "quote": "Intense Quote"}
    quoted: Any = document.styles["Intense Quote"]
    quoted.font.italic = quoted.font.cs_italic = False  # Arabic letters have no slanted form
    for part in parts:
        paragraph = document.add_paragraph(style=styles.get(part.kind, "Normal"))
        run = paragraph.add_run(_printable(part.steady))
        if part.language == "ar":
            _turn(paragraph, run)
    if interface == "ar":
        _mark(document.sections[0]._sectPr, "w:bidi")
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def _turn(paragraph: Any, run: Any) -> None:
    """Set a paragraph right-to-left as Word has it: `w:bidi` for its lines, `w:rtl` and an Arabic language for its letters."""
    _mark(paragraph._p.get_or_add_pPr(), "w:bidi")
    properties = run._r.get_or_add_rPr()
    _mark(properties, "w:rtl")
    _mark(properties, "w:lang", ("w:bidi", "ar-SA"))


def _mark(properties: Any, name: str, *attributes: tuple[str, str]) -> None:
    """Add an element of WordprocessingML where its schema wants it, else Word calls the file damaged."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    made = OxmlElement(name)
    for key, value in attributes:
        made.set(qn(key), value)
    after = [qn(f"w:{later}") for later in _AFTER[name]]
    place = next((at for at, child in enumerate(properties) if child.tag in after), len(properties))
    properties.insert(place, made)


_AFTER = {
    "w:bidi": (
        "adjustRightInd",
        "snapToGrid",
        "spacing",
        "ind",
        "contextualSpacing",
        "jc",
        "textDirection",
        "outlineLvl",
        "rPr",
        "rtlGutter",
        "docGrid",
    ),
    "w:rtl": ("cs", "em", "lang", "eastAsianLayout", "specVanish", "oMath"),
    "w:lang": ("eastAsianLayout", "specVanish", "oMath"),
}


def _printable(text: str) -> str:
    """Text without the control characters that XML does not hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
