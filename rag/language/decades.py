"""Decades as both languages write them: 1970s, the 1970's, السبعينيات، سبعينات القرن العشرين، سبعينيات القرن الماضي.

>>> [(decade.tens, decade.century) for decade in decades("من السبعينيات حتى ثمانينيات القرن العشرين")]
[(70, None), (80, 20)]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.language.numbers import Number, read
from rag.language.tokens import Token

_TENS = {"عشرين": 20, "ثلاثين": 30, "اربعين": 40, "خمسين": 50, "ستين": 60, "سبعين": 70, "ثمانين": 80, "تسعين": 90}
_ARABIC = re.compile(f"(?:[وفبكل]?(?:ال)?|لل)({'|'.join(_TENS)})ي?ات")
_LATIN = re.compile(r"(?<![\w.,])(\d\d)(\d0)['’]?s(?!\w)")
_PAST = ("الماضي", "الفايت", "المنصرم")  # of a century: the twentieth


@dataclass(frozen=True, slots=True)
class Decade:
    """A decade and where it is written: its tens (1970s: 70) and the century, None where the text does not say it (1970s: 20)."""

    start: int
    end: int
    tens: int
    century: int | None

    def holds(self, year: int) -> bool:
        return year % 100 // 10 * 10 == self.tens and self.century in (None, year // 100 + 1)

    def is_same(self, other: Decade) -> bool:
        return self.tens == other.tens and (None in (self.century, other.century) or self.century == other.century)


def decades(text: str) -> list[Decade]:
    """Return every decade in `text`, in order; one's century stands behind it."""
    found = [Decade(match.start(), match.end(), int(match[2]), int(match[1]) + 1) for match in _LATIN.finditer(text)]
    said, placed = read(text)
    beginning = {item.first: item.number for item in placed}
    for at, token in enumerate(said):
        if named := _ARABIC.fullmatch(token.key):
            is_told = at + 1 < len(said) and said[at + 1].key == "القرن"
            end, century = _century(said, beginning, at + 1) if is_told else (token.end, None)
            found.append(Decade(token.start, end, _TENS[named[1]], century))
    return sorted(found, key=lambda decade: decade.start)


def _century(said: Sequence[Token], beginning: Mapping[int, Number], at: int) -> tuple[int, int | None]:
    """Where the century ends whose word is the token `at`, and which it is."""
    if at + 1 < len(said) and said[at + 1].key in _PAST:
        return said[at + 1].end, 20
    number = beginning.get(at + 1)
    if number and number.start == said[at + 1].start and 0 <= number.value < 100:
        return number.end, int(number.value)
    return said[at - 1].end, None
