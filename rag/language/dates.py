"""The dates of a text, Arabic and English, in every family of month names, with the exact characters that write each.

Built on the tokens and numbers of a text. Numeric dates have the day first unless that is impossible. A time of day, "yesterday" and a
weekday alone are no dates. Of a range, both ends are dates, the first with the month and year of the last.

    >>> [(date.year, date.month, date.day) for date in dates("من 20 إلى 29 كانون الثاني/يناير 2022")]
    [(2022, 1, 20), (2022, 1, 29)]
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date as Day
from functools import lru_cache
from itertools import chain
from typing import Literal, NamedTuple

from rag.language import hijri
from rag.language.calendar_words import CALENDARS, Calendar, MonthName, cues, month_names, months, no_nouns, units, weekdays
from rag.language.hijri import TOLERANCE
from rag.language.numbers import Number, Placed, read
from rag.language.taken import Taken
from rag.language.tokens import original

_MARK = "[\u200e\u200f]?"
_YEAR_FIRST = rf"(?P<y>\d{{4}}){_MARK}(?P<s>[-/.]){_MARK}(?P<m>\d\d?){_MARK}(?P=s){_MARK}(?P<d>\d\d?)"
_DAY_FIRST = rf"(?P<d>\d\d?){_MARK}(?P<s>[-/.]){_MARK}(?P<m>\d\d?){_MARK}(?P=s){_MARK}(?P<y>\d{{4}}|(?<=/)\d\d|(?<=/[\u200e\u200f])\d\d)"
_NUMERIC = tuple(re.compile(rf"(?<![\d/.-])(?<!\w){form}(?!\d|[-/.]\d)") for form in (_YEAR_FIRST, _DAY_FIRST))
_HIJRI_YEARS = range(1300, 1501)  # of full numeric dates; a year alone says its calendar by هـ
_GREGORIAN_YEARS = range(1000, 2101)
_BEFORE_CHRIST = (("ق", ".", "م"), ("قبل", "الميلاد"), ("b", ".", "c"), ("bc",), ("bce",))
_ABBREVIATED = frozenset(["jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"])  # Sept. 11


@dataclass(frozen=True, slots=True)
class Date:
    """A date and where it is written; what the text does not say is None. Years before Christ are negative; Monday is weekday 1."""

    start: int
    end: int
    calendar: Calendar
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None


def dates(text: str) -> list[Date]:
    """Return every date in `text`, in order, without overlaps; `text[date.start : date.end]` is what is written."""
    return list(read_dates(text))


def same_date(one: Date, other: Date) -> bool:
    """Say whether two dates state the same; one that leaves out its year agrees with one that does not, when day and month are equal.

    Across calendars only whole days can: 2 Ramadan 1443 is 3 April 2022, or the day before or after, where the moon was watched for.
    """
    if one.calendar != other.calendar and one.day and other.day:
        spans = gregorian_days(one), gregorian_days(other)
        return None not in spans and abs(spans[0][0] - spans[1][0]) <= TOLERANCE  # type: ignore[index]
    years = one.year == other.year or (None in (one.year, other.year) and one.month is not None)
    return one.calendar == other.calendar and years and (one.month, one.day) == (other.month, other.day)


def date_within(part: Date, whole: Date) -> bool:
    """Say whether all that `part` states `whole` states too: "January 2022" and "20 January" are within "20 January 2022".

    Across calendars, whether the days of `whole` are all among those of `part`: "April 2022" is within "2 Ramadan 1443".
    """
    if part.calendar != whole.calendar:
        outer, inner = gregorian_days(part), gregorian_days(whole)
        return bool(outer and inner and outer[0] - TOLERANCE <= inner[0] and inner[1] <= outer[1] + TOLERANCE)
    stated = [(getattr(part, name), getattr(whole, name)) for name in ("year", "month", "day")]
    return part.calendar == whole.calendar and all(mine is None or mine == other for mine, other in stated)


def gregorian_days(date: Date) -> tuple[Day, Day] | None:
    """Return the first and the last day of a date in the Gregorian calendar; None for one without a year, or that there is not."""
    if not date.year or date.year < 0 or (date.day and not date.month):
        return None
    try:
        if date.calendar == "hijri":
            return hijri.days(date.year, date.month, date.day)
        first = Day(date.year, date.month or 1, date.day or 1)
        return first, first if date.day else Day(date.year, month := date.month or 12, monthrange(date.year, month)[1])
    except (ValueError, OverflowError):
        return None


def in_words(date: Date, language: Literal["ar", "en"]) -> str:
    """Return a date as readers of `language` write it: `20 January 2022`, `20 كانون الثاني/يناير 2022`, `2 رمضان 1443 هـ`."""
    month = month_names(language, date.calendar)[date.month - 1] if date.month else None
    era = {"ar": "هـ", "en": "AH"}[language] if date.calendar == "hijri" and date.year else None
    if date.year and date.year < 0:
        era = {"ar": "ق.م", "en": "BC"}[language]
    return " ".join(str(part) for part in (date.day, month, abs(date.year) if date.year else None, era) if part is not None)


@lru_cache(maxsize=4096)
def read_dates(text: str) -> tuple[Date, ...]:
    """Return the dates of a text; kept, because one sentence is read for several purposes."""
    reader = _Reader(text)
    found, taken = [], Taken(len(text))
    for date in chain(_numeric(text), reader.around_months(), reader.years()):
        if not taken.overlaps(date.start, date.end):
            taken.add(date.start, date.end)
            found.append(date)
    return tuple(sorted(found, key=lambda date: date.start))


def _numeric(text: str) -> Iterator[Date]:
    for form in _NUMERIC:
        for match in form.finditer(text):
            year, month, day = (int(match[part]) for part in "ymd")
            if month > 12 and form is _NUMERIC[1]:
                month, day = day, month
            year += 2000 if len(match["y"]) == 2 else 0
            if 1 <= month <= 12 and 1 <= day <= 31:
                yield Date(match.start(), match.end(), "hijri" if year in _HIJRI_YEARS else "gregorian", year, month, day)


class _Month(NamedTuple):
    """A month name among the tokens, with the same month said again after it (كانون الثاني/يناير)."""

    first: int
    after: int
    start: int
    calendar: Calendar
    month: int
    sure: bool


class _Reader:
    """The tokens and numbers of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens, placed = read(text)
        self.beginning = {item.first: item for item in placed}
        self.ending = {item.after: item for item in placed}

    def around_months(self) -> Iterator[Date]:
        """Dates that name their month, the day before it (20 January) or, in English, after it (January 20)."""
        after = 0
        for at, token in enumerate(self.tokens):
            if token.key in months() and at >= after and (month := self._month(at)):
                after = month.after
                yield from self._around(month)

    def years(self) -> Iterator[Date]:
        """Years on their own: after a marker (عام) or a cue (since), beside an era (هـ), in a row with another (1990–1995)."""
        before: Placed | None = None
        for item in self.beginning.values():
            in_row = before and before.after == item.first - 1 and self._is(before.after, "range") and not self._counts(item.after)
            after, calendar = self._era(item.after)
            if self._is_year(item, told=self._after_year_word(item.first)) and (in_row or after > item.after or self._announced(item)):
                before = item
                yield Date(item.number.start, self.tokens[after - 1].end, calendar or "gregorian", year=self._year(item))

    def _around(self, month: _Month) -> Iterator[Date]:
        days = self._days_before(month) or self._days_after(month)
        first, after = (min(month.first, days[0].first), max(month.after, days[-1].after)) if days else (month.first, month.after)
        year, after, calendar = self._year_after(after, month.calendar)
        lower_case = self.tokens[month.first].latin and self.text[month.start].islower()
        if not (month.sure or year or (days and not lower_case) or self._cued(month, lower_case=lower_case)):
            return
        weekday, start = self._weekday(first)
        whole = Date(0, 0, calendar, year, month.month)
        found = [replace(whole, start=day.number.start, end=day.number.end, day=int(day.number.value)) for day in days] or [whole]
        start = min(month.start, found[0].start) if start is None and days else month.start if start is None else start
        found[0] = replace(found[0], start=start, weekday=weekday)
        found[-1] = replace(found[-1], end=self.tokens[after - 1].end)
        yield from found

    def _month(self, at: int) -> _Month | None:
        name = self._month_name(at)
        if not name:
            return None
        first, after, sure = self.tokens[at], at + len(name.words), name.sure
        after += name.words[0] in _ABBREVIATED and after < len(self.tokens) and self.tokens[after].key == "."
        again = after + (after < len(self.tokens) and self.tokens[after].key in "/-(")
        twin = self._month_name(again) if again < len(self.tokens) else None
        if twin and (twin.calendar, twin.month) == (name.calendar, name.month):
            after, sure = again + len(twin.words), True
            after += after < len(self.tokens) and self.tokens[after].key == ")"
        start = first.start + original(self.text[first.start : first.end], name.left_out)
        return _Month(at, after, start, name.calendar, name.month, sure)

    def _month_name(self, at: int) -> MonthName | None:
        """The month name that begins at a token."""
        for name in months().get(self.tokens[at].key, ()):
            if tuple(token.key for token in self.tokens[at + 1 : at + len(name.words)]) == name.words[1:]:
                return name
        return None

    def _days_before(self, month: _Month) -> list[Placed]:
        """The days named before a month, in order: 20 January, العشرين من شهر يناير, 20 and 29 January."""
        at = month.first
        for role in ("month", "of"):
            at -= self._is(at - 1, role)
        at -= at == month.first > 0 and self.tokens[at - 1].key in ("-", "/")
        days: list[Placed] = []
        while (day := self.ending.get(at)) and _is_day(day) and (not days or day.number.value < days[0].number.value):
            days.insert(0, day)
            at = day.first - (not self.tokens[day.first].joined and self._is(day.first - 1, "range"))
            if at == day.first and not self.tokens[at].joined:
                break
        return days

    def _days_after(self, month: _Month) -> list[Placed]:
        """The days named after an English month: January 20, January 20th–29th."""
        days: list[Placed] = []
        at = month.after
        while self.tokens[month.first].latin and (day := self.beginning.get(at)) and _is_day(day) and not self._counts(day.after):
            days.append(day)
            if not self._is(day.after, "range") or self.tokens[day.after].key == ",":
                break
            at = day.after + 1
        return days

    def _year_after(self, at: int, calendar: Calendar) -> tuple[int | None, int, Calendar]:
        """The year after a day or month, where it ends, and the calendar."""
        begin = at
        while begin < min(at + 4, len(self.tokens)) and (self._is(begin, "year") or self._is(begin, "link")):
            begin += 1
        item = self.beginning.get(begin)
        told = any(self._is(step, "year") for step in range(at, begin))
        if not item or not self._is_year(item, told=told) or (begin > at and not told and self._counts(item.after)):
            return None, at, calendar
        after, era = self._era(item.after)
        return self._year(item), after, era or calendar

    def _weekday(self, first: int) -> tuple[int | None, int | None]:
        """The weekday that stands before a date, and where it begins."""
        for at in range(first - 1, max(first - 4, -1), -1):
            if known := weekdays().get(self.tokens[at].key):
                token, (weekday, left_out) = self.tokens[at], known
                return weekday, token.start + original(self.text[token.start : token.end], left_out)
            if not self._is(at, "near"):
                break
        return None, None

    def _is_year(self, item: Placed, *, told: bool) -> bool:
        """Whether a number can be a year: four digits, or any number that a word or era says to be one."""
        number, era = item.number, self._era(item.after)[1]
        told = told or era == "hijri" or self._before_christ(item.after) > 0 or (era is not None and self._is(item.first - 1, "strong"))
        if number.kind != "cardinal" or number.written == "dual" or not _is_whole(number, 100, 2999):
            return False
        if told:
            return True
        if number.written == "digits":
            return int(number.value) in _GREGORIAN_YEARS and self.text[number.start : number.end].isdecimal()
        return number.written == "words" and int(number.value) in _GREGORIAN_YEARS and number.value % 1000 != 0

    def _announced(self, item: Placed) -> bool:
        """Whether the words before a number say that it is a year."""
        before = item.first - 1
        if self._after_year_word(item.first):
            return True
        if item.number.written != "digits":
            return False
        counts = self._counts(item.after)
        surely = self._is(before, "strong") and not self._is_unit(item.after) and not (counts and item.number.value % 1000 == 0)
        alone = (self._ends(item.after) and not self._is(before, "name") and item.number.value % 1000 != 0) or self._is(before, "weak")
        return surely or (alone and not counts)

    def _after_year_word(self, at: int) -> bool:
        return self._is(at - 1, "year") or (self._is(at - 1, "coming") and self._is(at - 2, "year"))

    def _era(self, at: int) -> tuple[int, Calendar | None]:
        """Where an era's name ends and its calendar: هـ, م, AD."""
        if before_christ := self._before_christ(at):
            return at + before_christ, "gregorian"
        for calendar in CALENDARS.values():
            if self._is(at, calendar):
                return at + 1, calendar
        return at, None

    def _before_christ(self, at: int) -> int:
        """How many tokens say that the year before them is one before Christ."""
        return next((len(words) for words in _BEFORE_CHRIST if tuple(token.key for token in self.tokens[at : at + len(words)]) == words), 0)

    def _year(self, item: Placed) -> int:
        return int(item.number.value) * (-1 if self._before_christ(item.after) else 1)

    def _cued(self, month: _Month, *, lower_case: bool) -> bool:
        """Whether an ambiguous month name stands where only a month can."""
        name = self.tokens[month.first]
        roles = ("month", "strong", "weak") if name.latin else ("month", "strong")
        announced = any(self._is(month.first - 1, role) for role in roles) or self._is(month.after, "coming")
        return not lower_case and (announced or "آ" in self.text[name.start : name.end])

    def _counts(self, at: int) -> bool:
        """Whether the token after a number is a word that it seems to count."""
        if at >= len(self.tokens) or self.tokens[at].role:
            return False
        word = self.tokens[at].key
        return word not in no_nouns() and not (word[:1] in "وف" or word.startswith("ال")) and not self._month_name(at)

    def _ends(self, at: int) -> bool:
        """Whether nothing, or no word, follows a number: it then counts nothing, and with four digits is a year."""
        return at >= len(self.tokens) or (self.tokens[at].role == "sign" and self.tokens[at].key not in "$€£°")

    def _is_unit(self, at: int) -> bool:
        return at < len(self.tokens) and self.tokens[at].key in units()

    def _is(self, at: int, role: str) -> bool:
        return 0 <= at < len(self.tokens) and role in cues().get(self.tokens[at].key, ())


def _is_day(item: Placed) -> bool:
    number = item.number
    return number.kind in ("cardinal", "ordinal") and number.written != "dual" and _is_whole(number, 1, 31)


def _is_whole(number: Number, least: int, most: int) -> bool:
    """Whether a number is a whole one from `least` to `most`; its size is looked at first, for it can have a million digits."""
    return least <= number.value <= most and number.value == int(number.value)
