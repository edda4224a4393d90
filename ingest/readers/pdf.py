"""PDF: lines from where the letters stand on the page, paragraphs from how the lines lie, page numbers, repeated headers and footers.

PDFium finds the letters. Their order in the file says little (Arabic is stored as written, as printed, or mixed within a line), so each
line is put in reading order from the places of its letters. If its words then run backwards, the page was printed by a program that knows
nothing of Arabic, and is read from left to right; if that is no better, the file is refused. Each page's header, footer and number stay in
the text and are cut.

    [document] = read_pdf(File("statement.pdf", ".pdf", data))
"""

from __future__ import annotations

import ctypes
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import Any

from ingest.errors import refuse
from ingest.readers import scan
from ingest.readers.document import MAX_CHARS, Document, File, Working
from ingest.readers.office import made_document
from ingest.readers.printed import backwards, brackets, letters, written
from rag.schema import Cut

MAX_PAGES = 2_000
MAX_PAGE_CHARS = 200_000
_STEP_PAGES, _STEP_S = 50, 25.0  # 50 full pages take a second or two
_GAP = 0.16  # ems; spaces are wider, the room between a letter and its punctuation narrower
_UNREADABLE = 0.2  # share of letters without a Unicode value above which a text is no text
_EDGE_LINES = 3  # at the top and at the bottom of a page, where headers, footers and page numbers stand
_HYPHENS = "\x02\ufffe\u00ad"  # how PDFium gives the hyphen that divides a word at the end of a line
_DATE = re.compile(r"D:(\d{4})(\d{2})(\d{2})")
_FILE_NAME = re.compile(r"\.\w{2,4}$|^untitled|^microsoft word", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"\W*(?:(?:page|صفحة|الصفحة|ص)\W*)?[\d٠-٩]{1,4}(?:\W*(?:of|من|/)\W*[\d٠-٩]{1,4})?\W*", re.IGNORECASE)
_BULLET = re.compile(r"[•▪●◦–—*-]\s|[\d٠-٩]{1,2}[.)-]\s")
_ARABIC, _LATIN = re.compile(r"[\u0620-\u064a]"), re.compile(r"[A-Za-z]")
_LAM_ALEF = re.compile(r"([آأإا])(ل)")
_QUOTE = re.compile(r"[«»‹›“”\"'()\[\]{}]")
_SENTENCE_END = re.compile(r"[.!?؟؛:…][»”\"')\]]*$")


@dataclass
class _Letter:
    """A letter with its marks; the middle of its shape, by which letters are ordered, and where its room begins and ends."""

    text: str
    middle: float
    left: float
    right: float
    word: _Word


@dataclass
class _Word:
    """Letters between two spaces, in the file's order; `torn` when it is but a letter or two with a mark, taken out of a word."""

    y: float
    size: float
    letters: list[_Letter] = field(default_factory=list)

    @property
    def torn(self) -> bool:
        return len(self.letters) <= 3 and any(unicodedata.combining(letter.text) for letter in self.letters)


@dataclass
class _Line:
    text: str
    printed: str  # from left to right
    left: float
    right: float
    y: float
    size: float
    page: int
    repeated: bool = False
    from_edge: int = field(default=0)  # lines between it and the nearer end of its page


def read_pdf(file: File) -> Iterator[Document | Working]:
    """Yield the document. Raises SourceError for what is damaged, protected, without text, or in an order that cannot be told.

    Pages that are only pictures are read by Tesseract (ingest.readers.scan), where it is installed.
    """
    pages, said = yield from _pages(file)
    lines = [line for page in pages for line in page]
    text = "".join(line.text for line in lines)
    unknown = sum(unicodedata.category(char) in ("Co", "Cn", "Cc") or char == "\ufffd" for char in text)
    if unknown > _UNREADABLE * len(text):
        raise refuse(file.name, "does not say which letters it prints; save it anew from its program, or run text recognition (OCR) on it")
    if not any(char.isalnum() for char in text):
        scan.require(file.name)
    lines = _straight(file, lines)
    _mark_repeated(lines, len(pages))
    document = _document(lines, len(pages), *said) if lines else replace(made_document("", *said), pages=(0,) * len(pages))
    yield from scan.with_pages(file, document, [number for number, page in enumerate(pages) if not page])


def _pages(file: File) -> Generator[Working, None, tuple[list[list[_Line]], tuple[str | None, str | None]]]:
    """The lines of each page; title and day of making. Says every few pages that it goes on."""
    import pypdfium2 as pdfium

    try:
        pdf = pdfium.PdfDocument(file.data)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise refuse(file.name, "is protected by a password; save it without one") from error
        raise refuse(file.name, "is a damaged PDF or none; download or save it anew") from error
    if len(pdf) > MAX_PAGES:
        raise refuse(file.name, f"has {len(pdf):,} pages, more than {MAX_PAGES:,}; divide it")
    pages: list[list[_Line]] = []
    found = 0
    try:
        for number in range(len(pdf)):
            if number % _STEP_PAGES == 0:
                yield Working(_STEP_S)
            page = pdf[number]
            pages.append(_lines(page, number))
            page.close()
            if (found := found + sum(len(line.text) for line in pages[-1])) > MAX_CHARS:
                raise refuse(file.name, f"holds more than {MAX_CHARS // 1_000_000} million characters; divide it")
    except pdfium.PdfiumError as error:
        raise refuse(file.name, f"has a damaged page ({error}); save it anew") from error
    said = pdf.get_metadata_dict()
    title, made = " ".join(letters(said.get("Title", "")).split()), _DATE.match(said.get("CreationDate", ""))
    return pages, (None if _FILE_NAME.search(title) else title or None, "-".join(made.groups()) if made else None)


def _lines(page: Any, number: int) -> list[_Line]:
    """The lines of a page in the file's order. Words that follow each other at about one height are a line."""
    groups: list[list[_Word]] = []
    for word in _words(page.get_textpage()):
        if groups and abs(groups[-1][-1].y - word.y) < 0.5 * max(groups[-1][-1].size, word.size):
            groups[-1].append(word)
        else:
            groups.append([word])
    lines = [_line(letters, number) for group in groups if (letters := _in_place(group))]
    for place, line in enumerate(lines):
        line.from_edge = min(place, len(lines) - 1 - place)
    return lines


def _words(text: Any) -> Iterator[_Word]:
    import pypdfium2.raw as raw

    box = [ctypes.c_double() for _ in range(4)]
    x, y, matrix, room = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX(), raw.FS_RECTF()
    word: _Word | None = None
    for at in range(min(text.count_chars(), MAX_PAGE_CHARS)):
        char = chr(raw.FPDFText_GetUnicode(text.raw, at))
        if char.isspace() or (raw.FPDFText_IsGenerated(text.raw, at) == 1 and char not in _HYPHENS):
            if word:
                yield word
            word = None
            continue
        raw.FPDFText_GetCharOrigin(text.raw, at, x, y)
        if word and abs(word.y - y.value) > 0.8 * word.size:
            yield word
            word = None
        if word is None:
            raw.FPDFText_GetMatrix(text.raw, at, matrix)
            size = raw.FPDFText_GetFontSize(text.raw, at) * (matrix.c**2 + matrix.d**2) ** 0.5
            word = _Word(y.value, size or 1.0)
        raw.FPDFText_GetCharBox(text.raw, at, box[0], box[1], box[2], box[3])
        raw.FPDFText_GetLooseCharBox(text.raw, at, room)
        word.letters.append(_Letter(char, (box[0].value + box[1].value) / 2, room.left, room.right, word))
    if word:
        yield word


def _in_place(words: Sequence[_Word]) -> list[_Letter]:
    """The letters of a line from left to right, each with the marks that stand over or under it."""
    found = [letter for word in words for letter in word.letters]
    letters: list[_Letter] = []
    for letter in sorted(found, key=lambda letter: letter.middle):
        if unicodedata.combining(letter.text):
            continue
        if letters and letters[-1].middle == letter.middle and letters[-1].word is letter.word:  # a ligature
            letters[-1].text = _LAM_ALEF.sub(r"\2\1", letters[-1].text + letter.text)
        else:
            letters.append(replace(letter))
    middles = [letter.middle for letter in letters]
    for mark in found if letters else []:
        if unicodedata.combining(mark.text):
            at = bisect_left(middles, mark.middle)
            base = min(letters[max(at - 1, 0) : at + 1], key=lambda letter: abs(letter.middle - mark.middle))
            base.text, base.left, base.right = base.text + mark.text, min(base.left, mark.left), max(base.right, mark.right)
    return letters


def _line(found: Sequence[_Letter], page: int) -> _Line:
    """Set the letters of a line, given from left to right, in reading order, with spaces between its words."""
    pieces = [found[0].text]
    for before, letter in pairwise(found):
        if _is_space(before, letter):
            pieces.append(" ")
        pieces.append(letter.text)
    word = max((letter.word for letter in found), key=lambda word: len(word.letters))
    left, right = min(letter.left for letter in found), max(letter.right for letter in found)
    return _Line(letters(written(pieces)), letters("".join(pieces)), left, right, word.y, word.size, page)


def _is_space(before: _Letter, letter: _Letter) -> bool:
    """PDFium knows where words end; but it breaks them before marks, and puts quotes into the wrong one: there the gap decides."""
    parted, gap = before.word is not letter.word, letter.left - before.right
    punctuation = before.text[0] + letter.text[0]
    if parted and not (before.word.torn or letter.word.torn or _QUOTE.search(punctuation)):
        return True
    return (parted or not punctuation.isalnum()) and gap > _GAP * letter.word.size


def _straight(file: File, lines: list[_Line]) -> list[_Line]:
    """The lines in the order that gives Arabic words. Raises SourceError when neither order does."""
    if not _is_backwards(lines):
        return lines
    printed = brackets("\n".join(line.printed for line in lines)).split("\n")
    turned = [replace(line, text=text) for line, text in zip(lines, printed, strict=True)]
    if not _is_backwards(turned):
        return turned
    raise refuse(file.name, "holds its Arabic letters in an order that cannot be put right; save it anew, or run OCR on it")


def _is_backwards(lines: Sequence[_Line]) -> bool:
    share = backwards(" ".join(line.text for line in lines))
    return share is not None and share > 0.5


def _mark_repeated(lines: Sequence[_Line], pages: int) -> None:
    """Mark what stands at the edge of most pages, digits apart, and page numbers there."""
    edges = [line for line in lines if line.from_edge < _EDGE_LINES]
    places = (
        Counter(key for page in range(pages) for key in {_key(line) for line in edges if line.page == page}) if pages > 1 else Counter()
    )
    for line in edges:
        repeated = pages > 1 and places[_key(line)] > pages / 2
        line.repeated = repeated or (line.from_edge == 0 and bool(_PAGE_NUMBER.fullmatch(line.text)))


def _key(line: _Line) -> tuple[str, int]:
    return re.sub(r"\d+", "0", line.text), round(line.y / 10)


def _document(lines: Sequence[_Line], pages: int, title: str | None, made: str | None) -> Document:
    """Join lines to paragraphs, and note where pages begin and what is to be cut."""
    text = ""
    starts: list[int] = []
    cuts: list[Cut] = []
    margins = _margins(lines)
    for before, line in zip([None, *lines], lines, strict=False):
        joint = "" if before is None else _joint(before, line, margins)
        if before and before.text[-1:] in _HYPHENS and joint == " ":
            text, joint = text.rstrip(_HYPHENS), ""
        text += joint
        while len(starts) <= line.page:
            starts.append(len(text))
        if line.repeated:
            cuts.append(Cut(len(text), len(text) + len(line.text), "page header or footer"))
        text += re.sub(f"[{_HYPHENS}](?!$)", "-", line.text)
    starts += [len(text)] * (pages - len(starts))
    clean = text.encode("utf-8", errors="replace").decode("utf-8").replace("\x00", " ")
    return replace(made_document(clean, title, made), pages=tuple(starts), cuts=tuple(cuts))


def _margins(lines: Sequence[_Line]) -> tuple[float, float, float]:
    """Where the lines of the text begin and end, and the usual distance between two of them."""
    steps = [a.y - b.y for a, b in pairwise(lines) if a.page == b.page and a.y > b.y]
    body = [line for line in lines if not line.repeated] or lines
    return min(line.left for line in body), max(line.right for line in body), median(steps) if steps else 0.0


def _joint(before: _Line, line: _Line, margins: tuple[float, float, float]) -> str:
    """What stands between two lines: a space inside a paragraph, else an empty line."""
    left, right, step = margins
    if before.repeated or line.repeated or abs(before.size - line.size) > 0.15 * line.size or _BULLET.match(line.text):
        return "\n\n"
    if before.page != line.page:
        return "\n\n" if _SENTENCE_END.search(before.text) else " "
    arabic, latin = (sum(bool(letter.match(char)) for char in before.text) for letter in (_ARABIC, _LATIN))
    missing = max([right - before.right] * (latin >= arabic) + [before.left - left] * (arabic >= latin))
    apart = before.y - line.y > 1.35 * step if step else False
    return "\n\n" if apart or missing > 0.2 * (right - left) or line.y > before.y else " "
