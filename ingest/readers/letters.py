"""The letters of a PDF's page and where they stand: from PDFium's characters to the letters of a line, from left to right.

Programs say in several ways which characters a shape stands for; a letter here is whatever is drawn as one, with its marks. Where words end
is taken from the spaces that are printed, if the page has any; else from what PDFium takes for words, and from the gaps.

    for cell, letters in lines(page.get_textpage(), lambda x, y: None):
        "".join(letter.text for letter in letters)  # as they stand from left to right
"""

from __future__ import annotations

import ctypes
import re
import unicodedata
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

MAX_PAGE_CHARS = 200_000
HYPHENS = "\x02\ufffe\u00ad"  # how PDFium gives the hyphen that divides a word at the end of a line
_GAP = 0.16  # ems; spaces are wider, the room between a letter and its punctuation narrower
_WIDE_GAP = 0.6  # ems; no letter leaves so much room, even where spaces are printed
_TYPED = 15  # a space for so many letters, or more of them, and the page prints its spaces; words of Arabic have five on average
Cell = tuple[int, int, int]  # of a page's tables: which, row and column
_NEAR = 8  # characters among which those of one shape stand
_QUOTE = re.compile(r"[«»‹›“”\"'()\[\]{}]")
_TURNED_LIGATURE = re.compile(r"[آأإاٱ]\W*ل|هلل")


@dataclass
class Letter:
    """What is drawn as one; the middle of its shape, by which letters are ordered, and where its room begins and ends."""

    text: str
    middle: float
    left: float
    right: float
    word: Word
    shape: tuple[float, ...] = ()  # the same for all characters of one shape
    parts: list[tuple[float, str]] = field(default_factory=list)  # where PDFium puts them: the middle of each, and the character

    @property
    def is_mark(self) -> bool:
        """Whether the shape lies above or below where letters stand, although it is said to be a letter with its mark."""
        if len(self.parts) < 2:
            return False
        _, y, bottom, top = self.shape
        return bottom > y + 0.3 * self.word.size or top < y + 0.05 * self.word.size


@dataclass
class Word:
    """Letters between two spaces, in the file's order, or a printed space; `torn` when it is but a letter or two with a mark."""

    y: float
    size: float
    letters: list[Letter] = field(default_factory=list)

    @property
    def torn(self) -> bool:
        return len(self.letters) <= 3 and any(unicodedata.combining(char) for letter in self.letters for char in letter.text)

    @property
    def is_space(self) -> bool:
        return self.letters[0].text == " "


def lines(page: Any, cell_of: Callable[[float, float], Cell | None]) -> list[tuple[Cell | None, list[Letter]]]:
    """Return the lines of a PDFium text page in the file's order, the letters of each from left to right, with the cell it stands in.

    Words that follow each other at about one height, in one cell, are a line; marks may be drawn somewhat above or below it.
    """
    words = list(_words(page))
    printed = sum(word.is_space for word in words) * _TYPED >= sum(len(word.letters) for word in words if not word.is_space)
    groups: list[tuple[Cell | None, list[Word]]] = []
    for word in words:
        cell = cell_of(word.letters[0].middle, word.y)
        near = groups[-1][1][-_NEAR:] if groups and groups[-1][0] == cell else []
        if any(abs(other.y - word.y) < 0.5 * max(other.size, word.size) for other in near):
            groups[-1][1].append(word)
        else:
            groups.append((cell, [word]))
    placed = ((cell, _in_place(group)) for cell, group in groups)
    found = ((cell, letters) for cell, letters in placed if any(letter.text != " " for letter in letters))
    return [(cell, _spaced(letters) if printed else _parted(letters)) for cell, letters in found]


def _words(text: Any) -> Iterator[Word]:
    import pypdfium2.raw as raw

    box = [ctypes.c_double() for _ in range(4)]
    x, y, matrix, room = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX(), raw.FS_RECTF()
    word: Word | None = None
    recent: deque[Letter] = deque(maxlen=_NEAR)
    for at in range(min(text.count_chars(), MAX_PAGE_CHARS)):
        char = chr(raw.FPDFText_GetUnicode(text.raw, at))
        raw.FPDFText_GetLooseCharBox(text.raw, at, room)
        if char.isspace() or (raw.FPDFText_IsGenerated(text.raw, at) == 1 and char not in HYPHENS):
            if word:
                yield word
            word = None
            if char in " \u00a0" and room.right > room.left:  # PDFium's own spaces have no width
                raw.FPDFText_GetCharOrigin(text.raw, at, x, y)
                space = Word(y.value, raw.FPDFText_GetFontSize(text.raw, at) or 1.0)
                space.letters.append(Letter(" ", (room.left + room.right) / 2, room.left, room.right, space))
                yield space
            continue
        raw.FPDFText_GetCharOrigin(text.raw, at, x, y)
        raw.FPDFText_GetCharBox(text.raw, at, box[0], box[1], box[2], box[3])
        shape, middle = (x.value, y.value, box[2].value, box[3].value), (box[0].value + box[1].value) / 2
        if same := next((near for near in recent if near.shape == shape), None):
            _merge(same, char, middle, room)
            continue
        if word and abs(word.y - y.value) > 0.8 * word.size:
            yield word
            word = None
        if word is None:
            raw.FPDFText_GetMatrix(text.raw, at, matrix)
            size = raw.FPDFText_GetFontSize(text.raw, at) * (matrix.c**2 + matrix.d**2) ** 0.5
            word = Word(y.value, size or 1.0)
        letter = Letter(char, middle, room.left, room.right, word, shape, [(middle, char)])
        word.letters.append(letter)
        recent.append(letter)
    if word:
        yield word


def _merge(letter: Letter, char: str, middle: float, room: Any) -> None:
    """Put another character into the shape that it is drawn by, in the order they are read in."""
    letter.parts.append((middle, char))
    letter.left, letter.right = min(letter.left, room.left), max(letter.right, room.right)
    letter.middle = sum(at for at, _ in letter.parts) / len(letter.parts)
    text = "".join(part for _, part in sorted(letter.parts, key=lambda part: part[0]))
    turned = unicodedata.combining(text[0]) or _TURNED_LIGATURE.search(text)
    letter.text = text[::-1] if turned else text


def _in_place(words: Sequence[Word]) -> list[Letter]:
    """The letters of a line from left to right, each with the marks that stand over or under it."""
    found = [letter for word in words for letter in word.letters]
    letters = [replace(letter) for letter in sorted(found, key=lambda letter: letter.middle) if not unicodedata.combining(letter.text[0])]
    bases = [letter for letter in letters if letter.text != " "]
    middles = [letter.middle for letter in bases]
    for mark in found if bases else []:
        if unicodedata.combining(mark.text[0]):
            at = bisect_left(middles, mark.middle)
            base = min(bases[max(at - 1, 0) : at + 1], key=lambda letter: abs(letter.middle - mark.middle))
            base.text, base.left, base.right = base.text + mark.text, min(base.left, mark.left), max(base.right, mark.right)
    return letters


def _spaced(letters: Sequence[Letter]) -> list[Letter]:
    """The line with the spaces that are printed in it, and one wherever words stand apart without."""
    found: list[Letter] = []
    for before, letter, after in zip([None, *letters], letters, [*letters[1:], None], strict=False):
        if before and " " not in (before.text, letter.text) and _is_apart(before, letter):
            inside = _QUOTE.match(letter.text) and _room(letter, after) > _room(before, letter)  # the word is on this side
            if not (inside or (_QUOTE.match(before.text) and _room(found[-2] if len(found) > 1 else None, before) > _room(before, letter))):
                found.append(_space(letter))
        if letter.text != " " or (found and found[-1].text != " "):
            found.append(letter)
    return found


def _room(before: Letter | None, letter: Letter | None) -> float:
    """How far two letters stand apart, in ems; a space, and the end of a line, is farther than anything."""
    if before is None or letter is None or " " in (before.text, letter.text):
        return float("inf")
    return (letter.left - before.right) / letter.word.size


def _is_apart(before: Letter, letter: Letter) -> bool:
    """PDFium drops a printed space where it sees one itself; but it sees them before marks too."""
    least = _GAP if before.word is not letter.word else _WIDE_GAP
    return _room(before, letter) > least + sum(_beside_mark(side.text) for side in (before, letter) if side.is_mark)


def _beside_mark(text: str) -> float:
    """How far a letter reaches on either side of its mark, in ems; two letters in one, as lam with alef, reach as far as a broad one."""
    return 0.4 if text[0] in "سشصض" or sum(not unicodedata.combining(char) for char in text) > 1 else 0.12


def _parted(letters: Sequence[Letter]) -> list[Letter]:
    """The line with a space wherever a word seems to end."""
    found: list[Letter] = []
    for letter in letters:
        if letter.text != " ":
            found += [_space(letter), letter] if found and _is_space(found[-1], letter) else [letter]
    return found


def _space(letter: Letter) -> Letter:
    return replace(letter, text=" ", parts=[])


def _is_space(before: Letter, letter: Letter) -> bool:
    """PDFium knows where words end; but it breaks them before marks, and puts quotes into the wrong one: there the gap decides."""
    parted, gap = before.word is not letter.word, letter.left - before.right
    punctuation = before.text[0] + letter.text[0]
    if parted and not (before.word.torn or letter.word.torn or _QUOTE.search(punctuation)):
        return True
    return (parted or not punctuation.isalnum()) and gap > _GAP * letter.word.size
