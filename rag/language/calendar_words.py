"""The words of dates: month names in every family, weekdays, and what stands around a date.

>>> month_names("ar", "gregorian")[0], weekdays()["بالاحد"]
('كانون الثاني/يناير', (7, 1))
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple

from rag.language.resources import entries, pairs
from rag.language.tokens import key, phrase

Calendar = Literal["gregorian", "hijri"]
CALENDARS: dict[str, Calendar] = {"g": "gregorian", "h": "hijri"}
_CLITICS = "وبلفك"


class MonthName(NamedTuple):
    """A name of a month; `left_out` letters of its first word are a clitic, and it is `sure` when it means nothing else."""

    words: tuple[str, ...]
    calendar: Calendar
    month: int
    sure: bool
    left_out: int


@cache
def months() -> dict[str, list[MonthName]]:
    """Return the names of months by their first word, with and without a clitic; longest first."""
    found: dict[str, list[MonthName]] = {}
    for name, month in sorted(pairs("months.tsv").items(), key=lambda item: -len(item[0].split())):
        sure, number = not month.endswith("?"), int(month[1:].rstrip("?"))
        spaced = name.replace("' ", " ' ")  # the mark of Rabi' ends a word, which that of Sha'ban does not
        for words in dict.fromkeys(map(phrase, (spaced, spaced.replace(" al ", " al - "), spaced.replace("hul ", "hul - ")))):
            for form, left_out in _forms(words[0]):
                found.setdefault(form, []).append(MonthName(words, CALENDARS[month[0]], number, sure, left_out))
    return found


def _forms(word: str) -> Iterator[tuple[str, int]]:
    """A word as it is and with each clitic of one letter (بيناير), with the number of letters added."""
    yield word, 0
    if not word.isascii() and len(word) > 1:
        yield from ((clitic + word, 1) for clitic in _CLITICS)


@cache
def month_names(language: str, calendar: Calendar) -> tuple[str, ...]:
    """Return the names that are written, January or Muharram first: in Arabic both families, as the agencies do."""
    names: dict[int, list[str]] = {}
    for name, month in pairs("months.tsv").items():
        if CALENDARS[month[0]] == calendar and name.isascii() == (language == "en"):
            names.setdefault(int(month[1:].rstrip("?")), []).append(name)
    written = [0, 1] if calendar == "gregorian" and language == "ar" else [0]
    return tuple("/".join(names[month][family] for family in written) for month in range(1, 13))


@cache
def weekdays() -> dict[str, tuple[int, int]]:
    """Return the number of each weekday, Monday is 1, and how many letters of the form are a clitic."""
    return {form: (int(number), left_out) for day, number in pairs("weekdays.tsv").items() for form, left_out in _forms(key(day))}


@cache
def cues() -> dict[str, frozenset[str]]:
    """Return what each word of `date_cues.tsv` says of a date beside it."""
    listed = [(key(word), frozenset(roles.split())) for word, roles in pairs("date_cues.tsv").items()]
    return {form: roles for word, roles in listed for form, left_out in _forms(word)} | dict(listed)


@cache
def no_nouns() -> frozenset[str]:
    """Return words that a number before them does not count."""
    return frozenset(key(word) for name in ("stopwords.ar.txt", "stopwords.en.txt") for word in entries(name))


@cache
def units() -> frozenset[str]:
    """Return the first words of units: 1990 dollars are no year."""
    return frozenset(words[0] for words in map(phrase, pairs("units.tsv")))
