"""What a text says about itself: front matter, dates as people write them, made ISO, and languages. Knows nothing of formats.

>>> written_date("الأحد 19 كانون الثاني 2031")
'2031-01-19'
"""

from __future__ import annotations

import re
from datetime import date
from email.utils import parsedate_to_datetime

from rag.language.dates import dates, gregorian_days

MAX_DATE_CHARS = 250  # of what is to be one date; a longer text may hold one, but is none
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LANGUAGE = re.compile(r"(ar|en)(?:[-_]\w+)*")
_NUMERIC = re.compile(r"(?<!\d)(\d\d?)\s*[-/.]\s*(\d\d?)\s*[-/.]\s*\d{4}")


def iso_date(value: str) -> str | None:
    """Return the ISO date that `value` begins with."""
    match = _ISO_DATE.match(value.strip())
    try:
        return date.fromisoformat(match.group()).isoformat() if match else None
    except ValueError:
        return None


def written_date(value: str) -> str | None:
    """Return the one date that `value` writes, in any family of month names; None for 3/4/2024, which two countries read differently."""
    if iso := iso_date(value):
        return iso
    if len(value) > MAX_DATE_CHARS:
        return None
    numeric = _NUMERIC.search(value)
    if numeric and int(numeric[1]) <= 12 and int(numeric[2]) <= 12 and int(numeric[1]) != int(numeric[2]):
        return None
    found = {(d.year, d.month, d.day) for d in dates(value) if d.calendar == "gregorian" and d.year and d.month and d.day}
    try:
        return date(*found.pop()).isoformat() if len(found) == 1 else None
    except ValueError:
        return None


def written_language(value: str) -> str | None:
    """Return the language that `value` names as tags do: ar, en, also with a region, as in ar-SY."""
    found = _LANGUAGE.fullmatch(value.strip().lower())
    return found[1] if found else None


def reckoned_date(value: str) -> str | None:
    """Return the Gregorian day of the one Hijri day that `value` writes, by the calendar of Umm al-Qura; it can be a day off elsewhere."""
    days = [gregorian_days(d) for d in dates(value) if d.calendar == "hijri" and d.day]
    return days[0][0].isoformat() if len(days) == 1 and days[0] else None


def mail_date(value: object) -> str | None:
    """Return the ISO date of a date as e-mails and feeds write it: "Mon, 3 Mar 2031 10:00:00 +0300"."""
    try:
        return parsedate_to_datetime(str(value)).date().isoformat() if value else None
    except (TypeError, ValueError, IndexError):
        return None


def front_matter(block: str) -> tuple[dict[str, str], list[str]]:
    """Read `key: value` lines; the value is the rest of the line, colons included. Returns the fields and the warnings."""
    fields, warnings = {}, []
    for line in block.splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if colon and value and key.lower() in ("title", "issuer", "date", "language"):
            fields[key.lower()] = value.strip("\"'")
    written = fields.pop("date", None)
    if written and (iso := iso_date(written)):
        fields["date"] = iso
    elif written:
        warnings.append(f'the date "{written}" in its front matter is left out; write it as YYYY-MM-DD')
    if (language := fields.pop("language", None)) and (code := written_language(language)):
        fields["language"] = code
    elif language:
        warnings.append(f'the language "{language}" in its front matter is left out; write ar or en')
    return fields, warnings
