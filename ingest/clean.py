"""Finding what in a text is not the statement: web leftovers, the title line, its repetition.

Nothing is ever removed: the result is stretches to leave out of the passages, each with its reason. Knows nothing of files or the index.

    >>> text = "بيان\\n\\nنص البيان.\\n\\nاظهر المزيد"
    >>> [(text[cut.start:cut.end], cut.reason) for cut in leftovers(text)]
    [('اظهر المزيد', 'web leftover')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from importlib.resources import files
from itertools import islice

from ingest.readers.document import Document, mended
from rag.language import dates, fold, language_of, same_date
from rag.language.taken import Taken
from rag.schema import Cut, Span

MAX_TITLE_CHARS = 250  # of a line that is taken for the title, or for the date
_MAX_LEFTOVER_CHARS = 140  # a longer line is prose, whatever it begins with
_LEADING = 4  # lines in which a title and a date are looked for
_LINE = re.compile(r"[^\r\n]+")
_SPACE = re.compile(r"\s+")
_BESIDE_DATES = re.compile(r"\W*(?:(?:الموافق(?:\s?ل(?:ـ)?)?|هـ|م|corresponding to)\W*)*", re.IGNORECASE)
_WORD = r"(?:[A-Z]|[a-z]{2}-[A-Z])[\w'’-]*"
_PLACE = re.compile(rf"^\s*(?:{_WORD}(?:\s{_WORD}){{0,3}}|[\u0621-\u064A]+(?:\s[\u0621-\u064A]+){{0,2}})\s?[,،–—-]")  # before a date
_NUMBER = re.compile(r"\d[\d.,]*[km]?\b")


def lines(text: str, cuts: Sequence[Cut] = ()) -> Iterator[Span]:
    """Yield the lines of `text` that hold a letter or digit and do not begin in one of the `cuts`."""
    taken = Taken(len(text), cuts)
    for match in _LINE.finditer(text):
        if match.start() not in taken and any(map(str.isalnum, match[0])):
            yield Span(match.start(), match.end())


def cleaned(document: Document) -> Document:
    """Return the document without halves of characters, with its web leftovers among its cuts, and its language told."""
    document = mended(document)
    cuts = (*document.cuts, *leftovers(document.text))
    return replace(document, cuts=cuts, language=document.language or language_of(document.text))


def leftovers(text: str) -> list[Cut]:
    """Return the lines of `text` that scraping left behind."""
    return [Cut(s.start, s.end, "web leftover") for s in lines(text) if _is_leftover(text[s.start : s.end])]


def find_title(text: str, cuts: Sequence[Cut]) -> Span | None:
    """Return the first line when it can be a title: short, and not the only one."""
    found = list(islice(lines(text, cuts), 2))
    if len(found) < 2 or found[0].end - found[0].start > MAX_TITLE_CHARS:
        return None
    return found[0]


def titles(text: str, title: str, cuts: Sequence[Cut]) -> list[Cut]:
    """Return the leading lines that say the title, each a cut; the title is shown with the passages, not quoted from them.

    Only the first four lines count, and never all of them: a statement that is only its title keeps it.
    """
    found = list(islice(lines(text, cuts), _LEADING + 1))
    likely = (s for s in found[:_LEADING] if s.end - s.start <= 4 * max(len(title), MAX_TITLE_CHARS))  # marks and spaces do not count
    same = [s for s in likely if comparable(text[s.start : s.end]) == comparable(title)]
    return [Cut(s.start, s.end, "title") for s in same] if len(same) < len(found) else []


def find_date_line(text: str, cuts: Sequence[Cut]) -> Span | None:
    """Return the line, of the first four, that is a full date and at most a place: when the statement was made, not what it says."""
    found = list(islice(lines(text, cuts), _LEADING))
    return next((s for s in found if len(found) > 1 and _is_date(text[s.start : s.end])), None)


def comparable(line: str) -> str:
    """Return the folded line without punctuation, for comparing titles."""
    return " ".join(re.findall(r"\w+", fold(line)))


def _is_date(line: str) -> bool:
    """Whether a line is one whole day, or the same day in both calendars, and nothing else but the place before it."""
    written = dates(line) if len(line.strip()) <= MAX_TITLE_CHARS else []
    if not written or len(written) > 2 or not all(date.year and date.month and date.day for date in written):
        return False
    if len(written) == 2 and (written[0].calendar == written[1].calendar or not same_date(*written)):
        return False
    beside = line
    for date in reversed(written):
        beside = f"{beside[: date.start]} {beside[date.end :]}"
    return bool(_BESIDE_DATES.fullmatch(_PLACE.sub("", beside, count=1)))


def _is_leftover(line: str) -> bool:
    key = _key(line)
    if len(key) > _MAX_LEFTOVER_CHARS:
        return False
    buttons = [word for word in key.split() if word != "0"]  # a row of them: فيسبوك تويتر واتساب 1.2k
    return _is_known(key) or (bool(buttons) and all(map(_is_known, buttons)))


@lru_cache(maxsize=10_000)  # the same lines come again and again
def _is_known(key: str) -> bool:
    return any(pattern.fullmatch(key) for pattern in _patterns())


def _key(line: str) -> str:
    return _NUMBER.sub("0", _SPACE.sub(" ", fold(line)).strip(" .:•|-–—*#>»«"))


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    text = files("ingest.resources").joinpath("boilerplate.txt").read_text(encoding="utf-8")
    entries = (line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return tuple(re.compile(".*".join(re.escape(_keep(part)) for part in entry.split("*"))) for entry in entries)


def _keep(part: str) -> str:
    return _SPACE.sub(" ", fold(part))
