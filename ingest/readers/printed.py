"""Printed lines back to written ones: pieces of text as they stand from left to right on a page, put in the order they are read in.

It undoes what the Unicode bidirectional algorithm (UAX 9) does for display, as far as press text needs it: numbers and Latin words run
left to right inside Arabic lines, marks stay on their letters, presentation forms become letters. Knows nothing of PDF.

    >>> written(["2", "0", "3", "1", " ", "م", "ا", "ع"])
    'عام 2031'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_CLASSES = {"R": "r", "AL": "r", "L": "l", "EN": "e", "AN": "a", "ES": "s", "CS": "c", "ET": "t"}
# What keeps its order inside an Arabic line: Latin words with what stands between them, numbers with their separators and signs.
# After an Arabic letter a hyphen parts two numbers, and a sign of percent or currency goes the way of the Arabic (UAX 9, W2 to W7).
_LEFT_TO_RIGHT = re.compile(r"t*l(?:[^ra]*[le])?t*|e(?:c?e)*|a(?:c?a)*")
_PERCENT = re.compile(
    r"(?<![\w.,%٪])([%٪])(\d+(?:[.,٫٬]\d+)*)(?![\w%٪])"
)  # written so, or printed so by programs that turn each number whole
_RIGHT_TO_LEFT = re.compile(r"r(?:[^l]*r)?")
_FORMS = re.compile(r"[\uFB50-\uFDCF\uFDF0-\uFDFF\uFE70-\uFEFE]+")
_PAIRS = ("()", "[]", "{}", "«»", "‹›", "“”")
_TURNED = str.maketrans("()[]{}«»‹›<>“”", ")(][}{»«›‹><”“")
_OPENERS, _CLOSERS = "([{«‹“", ")]}»›”"
_BRACKET = re.compile(r"[()\[\]{}«»‹›]")
_ARABIC = re.compile(r"[\u0620-\u064a]")
_NEVER_FIRST = "ةىئءؤ"  # letters that begin no Arabic word, or next to none
_ARTICLE = "لا"  # the article, read backwards
_WORD = re.compile(r"[\u0621-\u064a]{3,}")
MIN_WORDS = 8  # of a judgement on order


def written(pieces: Sequence[str]) -> str:
    """Return the line whose pieces stand in this order from left to right; a piece is a letter with its marks, or a ligature."""
    classes = "".join(_class(piece) for piece in pieces)
    if "r" not in classes:
        return "".join(pieces)
    if classes.count("l") > classes.count("r"):
        return _inside_latin(pieces, classes)
    return _reversed(pieces, classes)


def letters(text: str) -> str:
    """Return the text with Arabic presentation forms as the letters they show, and nothing else changed."""
    return _FORMS.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)


def brackets(line: str) -> str:
    """Return the line with the brackets of a kind turned round if its first is a closing one.

    Some files name the shape that is printed, some the bracket that is meant.
    """
    turn = {ord(char): _TURNED[ord(char)] for pair in _PAIRS if _is_turned(line, *pair) for char in pair}
    return line.translate(turn)


def faced(line: str) -> str:
    """Return the line with each bracket and quotation mark turned to the word beside it: it opens before one and closes after one.

    PDFium gives a bracket as it is meant or as it is printed, by what it takes the direction around it for.
    """
    return _BRACKET.sub(lambda found: _facing(line, found.start()), line) if _ARABIC.search(line) else line


def _facing(line: str, at: int) -> str:
    before, after = line[at - 1 : at] or " ", line[at + 1 : at + 2] or " "
    opens = (before.isspace() or before in _OPENERS) and (after.isalnum() or after in _OPENERS + _CLOSERS)
    closes = (after.isspace() or after in ".,،؛:;!؟?" + _CLOSERS) and not before.isspace() and before not in _OPENERS
    wanted = _OPENERS if opens and not closes else _CLOSERS if closes and not opens else ""
    return line[at].translate(_TURNED) if wanted and line[at] not in wanted else line[at]


def backwards(text: str) -> float | None:
    """Return how far the Arabic words of a text look as if read from their end: 1 all, 0 none, None when there are too few to say.

    Arabic words do not begin with ة or ى, and about a third begin with the article ال: what ends in لا and begins with ة is reversed.
    """
    words = set(_WORD.findall(text))  # a header repeated on each page says no more than one
    straight = sum(word.startswith("ال") or word[-1] in "ةى" for word in words)
    reverse = sum(word.endswith(_ARTICLE) or word[0] in _NEVER_FIRST for word in words)
    return reverse / (straight + reverse) if straight + reverse >= MIN_WORDS else None


def _class(piece: str) -> str:
    return _CLASSES.get(unicodedata.bidirectional(piece[0]), "n")


def _reversed(pieces: Sequence[str], classes: str) -> str:
    parts: list[str] = []
    at = 0
    for run in _LEFT_TO_RIGHT.finditer(classes):
        parts += pieces[at : run.start()]
        parts.append("".join(pieces[run.start() : run.end()]))
        at = run.end()
    return _PERCENT.sub(r"\2\1", brackets("".join(reversed([*parts, *pieces[at:]]))))


def _inside_latin(pieces: Sequence[str], classes: str) -> str:
    parts: list[str] = []
    at = 0
    for run in _RIGHT_TO_LEFT.finditer(classes):
        parts += pieces[at : run.start()]
        parts.append(_reversed(pieces[run.start() : run.end()], classes[run.start() : run.end()]))
        at = run.end()
    return "".join([*parts, *pieces[at:]])


def _is_turned(line: str, opening: str, closing: str) -> bool:
    first, last = line.find(closing), line.rfind(opening)
    return first >= 0 and last >= 0 and (line.find(opening) > first and last > line.rfind(closing))
