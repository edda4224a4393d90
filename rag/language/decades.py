"""Decades as both languages write them: 1970s, the 1970's, السبعينيات، سبعينات القرن العشرين، سبعينيات القرن الماضي.

>>> [(decade.tens, decade.century) for decade in decades("من السبعينيات حتى ثمانينيات القرن العشرين")]
[(70, None), (80, 20)]
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.language.numbers import numbers
from rag.language.tokens import tokens

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
    said = tokens(text)
    for at, token in enumerate(said):
        if named := _ARABIC.fullmatch(token.key):
            end, century = _century(text, token.end) if at + 1 < len(said) and said[at + 1].key == "القرن" else (token.end, None)
            found.append(Decade(token.start, end, _TENS[named[1]], century))
    return sorted(found, key=lambda decade: decade.start)


def _century(text: str, at: int) -> tuple[int, int | None]:
    """Where the century after `at` ends, and which it is."""
    for token in tokens(text[at:])[1:2]:
        if token.key in _PAST:
            return at + token.end, 20
    number = next((number for number in numbers(text[at:]) if text[at : at + number.start].split() == ["القرن"]), None)
    return (at + number.end, int(number.value)) if number else (at, None)
