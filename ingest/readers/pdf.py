"""PDF: lines from where the letters stand on the page, paragraphs from how the lines lie, page numbers, repeated headers and footers.

PDFium finds the letters. Their order in the file says little (Arabic is stored as written, as printed, or mixed within a line), so each
line is put in reading order from the places of its letters. If its words then run backwards, the page was printed by a program that knows
nothing of Arabic, and is read from left to right; if that is no better, the file is refused. Each page's header, footer and number stay in
the text and are cut.

    [document] = read_pdf(File("statement.pdf", ".pdf", data))
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from statistics import median
from typing import Any

from ingest.errors import refuse
from ingest.readers import scan
from ingest.readers.document import MAX_CHARS, Document, File, Working
from ingest.readers.grids import grids
from ingest.readers.headings import Named
from ingest.readers.letters import HYPHENS, Cell, Letter
from ingest.readers.letters import lines as lines_of
from ingest.readers.office import made_document
from ingest.readers.printed import backwards, brackets, faced, letters, written
from ingest.readers.sizes import Paragraph, large_headings
from rag.schema import Cut

MAX_PAGES = 2_000
MAX_BOOKMARKS = 5_000
_STEP_PAGES, _STEP_S = 50, 25.0  # 50 full pages take a second or two
_UNREADABLE = 0.2  # share of letters without a Unicode value above which a text is no text
_EDGE_LINES = 3  # at the top and at the bottom of a page, where headers, footers and page numbers stand
_OTHER_SIZE = 0.12  # a line of letters so much larger or smaller begins a paragraph; browsers print third headings .17 larger
_DATE = re.compile(r"D:(\d{4})(\d{2})(\d{2})")
_FILE_NAME = re.compile(r"\.\w{2,4}$|^untitled|^microsoft word|^about:|^https?:", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"\W*(?:(?:page|صفحة|الصفحة|ص)\W*)?[\d٠-٩]{1,4}(?:\W*(?:of|من|/)\W*[\d٠-٩]{1,4})?\W*", re.IGNORECASE)
_BULLET = re.compile(r"[•▪●◦–—*-]\s|[\d٠-٩]{1,2}[.)-]\s")
_CELLS = " — "  # between the cells of a row, as in word processors' tables and pages'
_ARABIC, _LATIN = re.compile(r"[\u0620-\u064a]"), re.compile(r"[A-Za-z]")
_HYPHEN = re.compile(f"[{HYPHENS}]")
_HYPHENATED = re.compile(f"\\w([-{HYPHENS}])$")
_ARTICLE = re.compile(r"\b(?:al|el|ash|ad|an|ar|as|at|az).$", re.IGNORECASE)  # of Arabic names in Latin letters: the hyphen is theirs
# What browsers print above and below each page, or after it: the time with the page's title, its address with the number.
_DAY, _CLOCK = r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}", r"\d{1,2}:\d{2}(?: ?[AP]M| ?[صم])?"
_BROWSER_HEADER = re.compile(f"{_DAY}[,،]? {_CLOCK}.*|.*(?:[AP]M )?{_CLOCK} ?[,،]? ?{_DAY}")
_BROWSER_FOOTER = re.compile(r"(?:https?://|file://|about:)\S+ \d{1,4}/\d{1,4}|\d{1,4}/\d{1,4} (?:https?://|file://|about:)\S+")
_SENTENCE_END = re.compile(r"[.!?؟؛:…][»”\"')\]]*$")


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
    table: int | None = None  # which of the page, if it is a row of one
    from_edge: int = field(default=0)  # lines between it and the nearer end of its page


def read_pdf(file: File) -> Iterator[Document | Working]:
    """Yield the document. Raises SourceError for what is damaged, protected, without text, or in an order that cannot be told.

    Pages that are only pictures are read by Tesseract (ingest.readers.scan), where it is installed.
    """
    pages, said, bookmarks = yield from _pages(file)
    lines = [line for page in pages for line in page]
    text = "".join(line.text for line in lines)
    unknown = sum(unicodedata.category(char) in ("Co", "Cn", "Cc") or char == "\ufffd" for char in text)
    if unknown > _UNREADABLE * len(text):
        raise refuse(file.name, "does not say which letters it prints; save it anew from its program, or run text recognition (OCR) on it")
    if not any(char.isalnum() for char in text):
        scan.require(file.name)
    lines = _straight(file, lines)
    _mark_repeated(lines, len(pages))
    document, paragraphs = _document(lines, len(pages), *said)
    large = large_headings(paragraphs)
    for found in scan.with_pages(file, document, [number for number, page in enumerate(pages) if not page]):
        yield _with_headings(found, bookmarks, large) if isinstance(found, Document) else found


def _with_headings(document: Document, bookmarks: Sequence[Named], large: Sequence[Named]) -> Document:
    """The document with its bookmarks as headings; if none is a line of it, with what is printed as they are."""
    marked = document.with_headings("bookmarks", bookmarks)
    return marked if marked.headings else document.with_headings("size of letters", large)


def _pages(file: File) -> Generator[Working, None, tuple[list[list[_Line]], tuple[str | None, str | None], list[Named]]]:
    """The lines of each page; title and day of making; the bookmarks. Says every few pages that it goes on."""
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
    bookmarks = [(mark.level + 1, letters(mark.get_title())) for mark in islice(pdf.get_toc(), MAX_BOOKMARKS)]
    return pages, (None if _FILE_NAME.search(title) else title or None, "-".join(made.groups()) if made else None), bookmarks


def _lines(page: Any, number: int) -> list[_Line]:
    tables = grids(page)

    def cell_of(x: float, y: float) -> Cell | None:
        cells = ((number, *cell) for number, grid in enumerate(tables) if (cell := grid.cell(x, y)))
        return next(cells, None)

    found: list[_Line] = []
    rows: dict[int, dict[int, dict[int, list[_Line]]]] = {}
    for cell, placed in lines_of(page.get_textpage(), cell_of):
        line = _line(placed, number)
        if cell:
            if cell[0] not in rows:
                found.append(replace(line, table=cell[0]))  # holds the table's place
            rows.setdefault(cell[0], {}).setdefault(cell[1], {}).setdefault(cell[2], []).append(line)
            continue
        at = len(found)
        while at and _stands_over(line, found[at - 1]):
            at -= 1
        found.insert(at, line)
    found = [row for line in found for row in ([line] if line.table is None else _rows(line.table, rows[line.table]))]
    for place, line in enumerate(found):
        line.from_edge = min(place, len(found) - 1 - place)
    return found


def _rows(table: int, rows: dict[int, dict[int, list[_Line]]]) -> list[_Line]:
    """A table as a line for each row, its cells in reading order: from the right if the table is in Arabic."""
    said = "".join(line.text for row in rows.values() for cell in row.values() for line in cell)
    arabic = len(_ARABIC.findall(said)) > len(_LATIN.findall(said))
    found = []
    for _, row in sorted(rows.items()):
        cells = [sorted(cell, key=lambda line: -line.y) for _, cell in sorted(row.items(), reverse=arabic)]
        text, printed = (_CELLS.join(" ".join(getattr(line, way) for line in cell) for cell in cells) for way in ("text", "printed"))
        left, right = min(line.left for cell in cells for line in cell), max(line.right for cell in cells for line in cell)
        found.append(replace(cells[0][0], text=text, printed=printed, left=left, right=right, table=table))
    return found


def _stands_over(line: _Line, before: _Line) -> bool:
    """Whether a line that PDFium gives after another stands just above it, in the same column."""
    shared = min(line.right, before.right) - max(line.left, before.left)
    near = 0.5 * before.size < line.y - before.y < 3 * before.size
    return near and shared > 0.5 * min(line.right - line.left, before.right - before.left)


def _line(found: Sequence[Letter], page: int) -> _Line:
    """Set the letters of a line, given from left to right, in reading order."""
    said = [letter.text for letter in found]
    pieces = [piece for at, piece in enumerate(said) if not (piece in HYPHENS and _is_kashida(said, at))]
    word = max((letter.word for letter in found), key=lambda word: len(word.letters))
    left, right = min(letter.left for letter in found), max(letter.right for letter in found)
    text, printed = (" ".join(letters(said).split()) for said in (faced(written(pieces)), "".join(pieces)))
    return _Line(text, printed, left, right, word.y, word.size, page)


def _is_kashida(pieces: Sequence[str], at: int) -> bool:
    """Whether a hyphen stands beside an Arabic letter, which no hyphen does: LibreOffice draws what stretches a word with one."""
    beside = (*pieces[max(at - 1, 0) : at], *pieces[at + 1 : at + 2])
    return any(_ARABIC.match(piece) for piece in beside)


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
    browsers = {line.page for line in edges if _BROWSER_FOOTER.fullmatch(line.text)}
    for line in edges:
        line.repeated |= line.page in browsers and bool(_BROWSER_FOOTER.fullmatch(line.text) or _BROWSER_HEADER.fullmatch(line.text))


def _key(line: _Line) -> tuple[str, int]:
    return re.sub(r"\d+", "0", line.text), round(line.y / 10)


def _document(lines: Sequence[_Line], pages: int, title: str | None, made: str | None) -> tuple[Document, list[Paragraph]]:
    """Join lines to paragraphs, and note where pages begin and what is to be cut."""
    text = ""
    begun: list[tuple[int, _Line, float]] = []  # of each paragraph: where it begins, its first line, its smallest size
    starts: list[int] = []
    cuts: list[Cut] = []
    margins = _margins(lines) if lines else (0.0, 0.0, 0.0, 0.0)
    for before, line in zip([None, *lines], lines, strict=False):
        joint = "" if before is None else _joint(before, line, margins)
        if before and joint == " " and (found := _HYPHENATED.search(text)):
            kept = found[1] == "-" or line.text[:1].isupper() or line.text[:1].isdigit() or _ARTICLE.search(text)
            text, joint = text[: found.start(1)] + "-" * bool(kept), ""
        elif text[-1:] in HYPHENS:
            text = text[:-1] + "-" * bool(text)
        text += joint
        if before is None or "\n" in joint:
            begun.append((len(text), line, line.size))
        else:
            begun[-1] = (*begun[-1][:2], min(begun[-1][2], line.size))
        while len(starts) <= line.page:
            starts.append(len(text))
        if line.repeated:
            cuts.append(Cut(len(text), len(text) + len(line.text), "page header or footer"))
        text += _HYPHEN.sub("-", line.text[:-1]) + line.text[-1:]
    starts += [len(text)] * (pages - len(starts))
    text = _HYPHEN.sub("-", text)
    clean = text.encode("utf-8", errors="replace").decode("utf-8").replace("\x00", " ")
    ends = [*(start for start, _, _ in begun), len(text)][1:]
    paragraphs = [
        Paragraph(text[start:end].strip(), size, table=line.table is not None, repeated=line.repeated)
        for (start, line, size), end in zip(begun, ends, strict=True)
    ]
    return replace(made_document(clean, title, made), pages=tuple(starts), cuts=tuple(cuts)), paragraphs


def _margins(lines: Sequence[_Line]) -> tuple[float, float, float, float]:
    """Where the lines of the text begin and end, the usual distance between two of them, and their usual size."""
    body = [line for line in lines if not line.repeated and line.table is None] or lines
    steps = [a.y - b.y for a, b in pairwise(body) if a.page == b.page and a.y > b.y]
    size = median(line.size for line in body)
    return min(line.left for line in body), max(line.right for line in body), median(steps) if steps else 0.0, size


def _joint(before: _Line, line: _Line, margins: tuple[float, float, float, float]) -> str:
    """What stands between two lines: a space inside a paragraph, else an empty line."""
    left, right, step, size = margins
    if before.table is not None and before.table == line.table and before.page == line.page:
        return "\n"
    if before.table is not None or line.table is not None:
        return "\n\n"
    if before.repeated or line.repeated or abs(before.size - line.size) > _OTHER_SIZE * line.size or _BULLET.match(line.text):
        return "\n\n"
    if before.page != line.page:
        return "\n\n" if _SENTENCE_END.search(before.text) else " "
    if min(before.size, line.size) > 1.15 * size and 0 < before.y - line.y < 1.6 * line.size:  # a heading of several lines
        return " "
    arabic, latin = (sum(bool(letter.match(char)) for char in before.text) for letter in (_ARABIC, _LATIN))
    missing = max([right - before.right] * (latin >= arabic) + [before.left - left] * (arabic >= latin))
    apart = before.y - line.y > 1.35 * step if step else False
    return "\n\n" if apart or missing > 0.2 * (right - left) or line.y > before.y else " "
