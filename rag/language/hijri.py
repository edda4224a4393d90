"""Hijri dates as the Gregorian days they fall on, to compare what one text dates by the one calendar and another by the other.

By the Umm al-Qura calendar of Saudi Arabia (hijridate) for its years, 1343 to 1500; before and after by the arithmetical calendar, whose
months can begin a day apart from it. Where the moon is watched for, a month may begin a day earlier or later still: `TOLERANCE`.

    >>> days(1443, 9, 2)
    (datetime.date(2022, 4, 3), datetime.date(2022, 4, 3))
    >>> gregorian_years(1443)
    (2021, 2022)
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

TOLERANCE = timedelta(days=1)
TABLED = range(1343, 1501)
_EPOCH = 227_015  # of 1 Muharram 1 AH, less one, as Python counts days: 19 July 622 in the Gregorian calendar


@lru_cache(maxsize=4096)
def days(year: int, month: int | None = None, day: int | None = None) -> tuple[date, date]:
    """Return the first and the last Gregorian day of a Hijri year, month or day. Raises ValueError for a month that there is not."""
    first = _begins(year, month or 1)
    if day:
        return (only := first + timedelta(days=day - 1)), only
    after = _begins(year, month + 1) if month and month < 12 else _begins(year + 1, 1)
    return first, after - timedelta(days=1)


def gregorian_years(year: int) -> tuple[int, ...]:
    """Return the Gregorian years that a Hijri year falls in, one or two."""
    first, last = days(year)
    return tuple(range(first.year, last.year + 1))


def hijri_years(year: int) -> tuple[int, ...]:
    """Return the Hijri years that fall in a Gregorian year, two or three."""
    about = int((year - 622) * 33 / 32)
    return tuple(hijri for hijri in range(max(about - 1, 1), about + 3) if year in gregorian_years(hijri))


def _begins(year: int, month: int) -> date:
    if not 1 <= month <= 12 or year < 1:
        raise ValueError(f"no Hijri month is {year}-{month}")
    if year in TABLED:
        from hijridate import Hijri

        return date(*Hijri(year, month, 1).to_gregorian().datetuple())
    return date.fromordinal(_EPOCH + (year - 1) * 354 + (3 + 11 * year) // 30 + 29 * (month - 1) + month // 2)
