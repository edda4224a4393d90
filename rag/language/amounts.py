"""Amounts of money and lengths of time: a number with the currency or the unit that it counts.

>>> [(int(amount.number.value), amount.unit, amount.kind) for amount in amounts("41 مليون دولار خلال يومين")]
[(41000000, 'USD', 'money'), (2, 'day', 'duration')]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from rag.language.numbers import Number, Placed, read
from rag.language.resources import pairs
from rag.language.tokens import Token, phrase

_TIMES = frozenset(["second", "minute", "hour", "day", "week", "month", "year", "decade"])
_LONGEST_UNIT = 3  # words
_BEFORE = "$€£"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of units; the span holds both. `unit` is an ISO 4217 code, a currency no country is named of, or a time."""

    start: int
    end: int
    number: Number
    unit: str
    kind: Literal["money", "duration"]


def amounts(text: str) -> list[Amount]:
    """Return the amounts of money and the durations in `text`, in order."""
    found, placed = read(text)
    amounts = (_amount(found, item) for item in placed if item.number.kind in ("cardinal", "fraction"))
    return [amount for amount in amounts if amount]


def _amount(found: tuple[Token, ...], item: Placed) -> Amount | None:
    number = item.number
    if number.written == "dual":
        unit = _units().get((found[item.first].key,)) or _units().get((found[item.first].key[1:],))
        return _build(number.start, number.end, number, unit)
    sign = found[item.first - 1] if item.first else None
    if sign and sign.key in _BEFORE and sign.end == number.start:
        return _build(sign.start, number.end, number, _units()[(sign.key,)])
    for length in range(_LONGEST_UNIT, 0, -1):
        words = found[item.after : item.after + length]
        if len(words) == length and (unit := _units().get(tuple(token.key for token in words))):
            return _build(number.start, words[-1].end, number, unit)
    if sign and sign.key.startswith("ال") and found[item.first].article:
        return _build(sign.start, number.end, number, _units().get((sign.key.removeprefix("ال"),)))  # الدقائق الثلاث
    return None


def _build(start: int, end: int, number: Number, unit: str | None) -> Amount | None:
    return Amount(start, end, number, unit, "duration" if unit in _TIMES else "money") if unit else None


@cache
def _units() -> dict[tuple[str, ...], str]:
    return {phrase(form): unit for form, unit in pairs("units.tsv").items()}
