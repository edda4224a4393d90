"""PDF written with ReportLab in the ways Arabic is found in PDF: as printed, in presentation forms or plain letters, or as stored.

Letters are shaped and lines put in printed order here, independently of the reader under test.
"""

from __future__ import annotations

import io
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import fontpkg_ibm_plex_sans_arabic
import pytest
from formats import Sample

# What stays as it is when a line is reversed: Latin words, numbers in either digits, a letter with its marks.
_PIECES = re.compile(r"[A-Za-z](?:[^\u0600-\u06ff]*[A-Za-z0-9])?|\d+(?:[.,:/٫٬-]\d+)*%?|[٠-٩]+(?:[.,:/٫٬][٠-٩]+)*|.[\u064b-\u0652]*")
_TURNED = str.maketrans("()[]«»", ")(][»«")
FONT = Path(fontpkg_ibm_plex_sans_arabic.__file__).parent / "files" / "IBMPlexSansArabic-Regular.ttf"
WIDTH, HEIGHT, MARGIN, SIZE, STEP = 595.0, 842.0, 60.0, 12.0, 20.0


def shaped(text: str) -> str:
    """Replace Arabic letters by the presentation forms that their neighbours ask for."""
    found = ""
    for at, char in enumerate(text):
        before, after = _neighbour(text, at, -1), _neighbour(text, at, 1)
        joined_before, joins_after = _joins(before, 1) and _joins(char, 0), _joins(char, 1) and _joins(after, 0)
        kind = {(False, False): "isolated", (True, False): "final", (False, True): "initial", (True, True): "medial"}
        found += _forms().get((char, kind[joined_before, joins_after]), char)
    for (first, second), (alone, final) in _lam_alef().items():
        found = found.replace(first + second, final if first == _forms()["ل", "medial"] else alone)
    return found


def printed(line: str) -> str:
    """Put a line of Arabic in the order it stands from left to right: everything reversed but numbers and Latin words."""
    pieces = [found.group() for found in _PIECES.finditer(line)]
    return "".join(reversed([piece.translate(_TURNED) for piece in pieces]))


def pieces(line: str) -> list[str]:
    """Return the letters of a line, each with its marks."""
    return re.findall(r".[\u064b-\u0652]*", line)


def lines_of(sample: Sample, width: float = WIDTH - 2 * MARGIN) -> list[str]:
    """Break the paragraphs into lines; an empty one parts two paragraphs."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    lines: list[str] = []
    for paragraph in [sample.title, *sample.paragraphs]:
        line = ""
        for word in paragraph.split():
            if line and stringWidth(shaped(f"{line} {word}"), font(), SIZE) > width:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
        lines += [line, ""]
    return lines


def write(order: Callable[[str], str], *, header: str = "", footer: str = "", page_lines: int = 34) -> Callable[[Sample], bytes]:
    """Return a writer of PDF that prints each line as `order` gives it, with a header and a numbered footer on each page."""

    def make(sample: Sample) -> bytes:
        from reportlab.pdfgen.canvas import Canvas

        buffer = io.BytesIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(os.environ, "SOURCE_DATE_EPOCH", str(int(sample.day.timestamp())))
            canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT))
            canvas.setTitle(sample.title)
            lines = lines_of(sample)
            pages = [lines[at : at + page_lines] for at in range(0, len(lines), page_lines)]
            for number, page in enumerate(pages, 1):
                canvas.setFont(font(), SIZE)
                canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 30, order(header))
                canvas.drawCentredString(WIDTH / 2, 30, order(footer.replace("0", str(number))))
                _draw(canvas, page, order)
                canvas.showPage()
            canvas.save()
        return buffer.getvalue()

    return make


def scanned(sample: Sample, kind: str, *, page_lines: int = 34) -> bytes:
    """Print a statement and take its pages up again at 200 dpi, grey, as a picture or a PDF of pictures."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(write(ORDERS["printed, presentation forms"], page_lines=page_lines)(sample))
    pages = [page.render(scale=200 / 72, grayscale=True).to_pil() for page in pdf]
    buffer = io.BytesIO()
    several = {"save_all": True, "append_images": pages[1:]} if kind in ("PDF", "TIFF") else {}
    pages[0].save(buffer, kind, resolution=200, **several)
    return buffer.getvalue()


def _draw(canvas: Any, page: Sequence[str], order: Callable[[str], str]) -> None:
    for number, line in enumerate(page):
        y = HEIGHT - 80 - number * STEP
        if any("\u0600" <= char <= "\u06ff" for char in line):
            _draw_marked(canvas, order(line), y)
        else:
            canvas.drawString(MARGIN, y, line)


def _draw_marked(canvas: Any, line: str, y: float) -> None:
    """Draw the line up to the right margin, each mark over the middle of its letter."""
    letters = "".join(char for char in line if not unicodedata.combining(char))
    x = WIDTH - MARGIN - canvas.stringWidth(letters, font(), SIZE)
    canvas.drawString(x, y, letters)
    base = 0.0
    for char in line:
        if unicodedata.combining(char):
            canvas.drawString(x - (base + canvas.stringWidth(char, font(), SIZE)) / 2, y, char)
        else:
            base = canvas.stringWidth(char, font(), SIZE)
            x += base


ORDERS: dict[str, Callable[[str], str]] = {
    "printed, presentation forms": lambda line: printed(shaped(line)),
    "printed, plain letters": printed,
    "stored, plain letters": str,  # as programs print that know nothing of Arabic: readers see it backwards
}


@cache
def font() -> str:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("Plex", str(FONT)))
    return "Plex"


@cache
def _forms() -> dict[tuple[str, str], str]:
    found = {}
    for code in (*range(0xFE80, 0xFEF5),):
        kind, _, letter = unicodedata.decomposition(chr(code)).partition(" ")
        found[chr(int(letter, 16)), kind.strip("<>")] = chr(code)
    return found


def _lam_alef() -> dict[tuple[str, str], tuple[str, str]]:
    """The ligatures of lam with each alef, alone and final, by the forms they replace."""
    pairs = {}
    for code, alef in ((0xFEF5, "آ"), (0xFEF7, "أ"), (0xFEF9, "إ"), (0xFEFB, "ا")):
        for kind in ("initial", "medial"):
            pairs[_forms()["ل", kind], _forms()[alef, "final"]] = (chr(code), chr(code + 1))
    return pairs


def _neighbour(text: str, at: int, step: int) -> str:
    at += step
    while 0 <= at < len(text) and unicodedata.combining(text[at]):
        at += step
    return text[at] if 0 <= at < len(text) else ""


def _joins(char: str, after: int) -> bool:
    return (char, "initial" if after else "final") in _forms() or char == "ـ"
