"""The arithmetic of one number in words: what may follow what, and what it comes to.

>>> number = Sum()
>>> all(number.take(role, Decimal(value), joined=joined) for role, value, joined in [("hundred", 100, False), ("unit", 5, True)])
True
>>> int(number.value)
105
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

Kind = Literal["cardinal", "ordinal", "fraction", "percent"]
_HUNDREDS = ("hundred", "hundreds", "fixed")
_UNITS = ("unit", "part", "ordinal", "later")
_INCOMPLETE = ("one", "part", "later")
REPEATED = "repeated"  # after «مليون ونصف» the scale may be said again: المليون


class Sum:
    """A number while it is read: the total of the scales done with, and the group of up to three places after them."""

    def __init__(self) -> None:
        self.total = Decimal(0)
        self.group: Decimal | None = None
        self.scale: Decimal | None = None
        self.last = ""  # the role taken last
        self.kind: Kind = "cardinal"

    @property
    def value(self) -> Decimal:
        return self.total + self.group if self.total and self.group else self.group or self.total  # a sum is rounded to 28 digits

    @property
    def complete(self) -> bool:
        return self.last not in _INCOMPLETE

    def take(self, role: str, value: Decimal, *, joined: bool, latin: bool = False) -> bool:
        """Add a word of a role of `numerals.tsv`; `joined` by و or "and". Returns False when it cannot follow what is there."""
        match role:
            case "hundred" | "hundreds" | "fixed":
                taken = self._hundreds(role, value, joined=joined, latin=latin)
            case "scale" | "scales" | "dual" | "two" | "suffix":
                taken = self._scale(role, value, joined=joined, latin=latin)
            case "fraction" | "parts":
                taken = self._part(role, value, joined=joined)
            case "one" if self.last == "fraction":
                return True  # half a million
            case _:
                taken = self._fits(role, value, joined=joined, latin=latin)
                if taken:
                    self.group = self.group + value if self.group else value
        if taken:
            self.last = REPEATED if self.last == REPEATED or (role == "fraction" and self.group is None) else role
            self.kind = "ordinal" if role in ("ordinal", "later") else self.kind
        return taken

    def _fits(self, role: str, value: Decimal, *, joined: bool, latin: bool) -> bool:
        """Whether a word below a hundred has its place free."""
        room = (joined or latin) and (self._between_scales or self.last in _HUNDREDS)
        fits = not self.last or room
        match role:
            case "unit" | "part" | "later" | "ordinal":
                return fits or (latin and not joined and self.last == "tens" and value < 10)
            case "teen":
                return fits
            case "ten":
                return fits or (not joined and self.last in _UNITS)
            case "tens":
                return fits or (joined and not latin and self.last in _UNITS)
            case "digits":
                return not self.last or (
                    joined and room and value < (100 if self.last in _HUNDREDS else self.scale or 0) and value % 1 == 0
                )
            case "noun" | "one":
                return not self.last
        return False

    @property
    def _between_scales(self) -> bool:
        return self.group is None and self.scale is not None and self.last != REPEATED

    def _hundreds(self, role: str, value: Decimal, *, joined: bool, latin: bool) -> bool:
        if self.last in ("unit", "teen", "tens", "digits", "one") and self.group and not joined and role != "fixed":
            if self.group >= (100 if latin else 10):
                return False
            self.group *= value
            return True
        begins = not self.last or (joined and self._between_scales)
        if begins and not latin and role != "hundreds":
            self.group = value
            return True
        return False

    def _scale(self, role: str, value: Decimal, *, joined: bool, latin: bool) -> bool:
        """A scale multiplies the group before it, or stands for itself; `dual` is listed as its double, `two` is one that proves to be."""
        if role in ("dual", "two"):
            scale, own = (value / 2, value) if role == "dual" else (value, value * 2)
        else:
            scale = own = value
        lower = self.scale is None or scale < self.scale
        if self.group is not None and not joined and role not in ("dual", "two"):
            if not lower or (role == "suffix" and self.last != "digits"):
                return False
            self.total, self.group = self.total + self.group * scale, None
            self.kind = "cardinal" if self.kind == "fraction" else self.kind
        elif self.last in ("scale", "dual") and not joined and role == "scale" and not lower and scale != self.scale:
            self.total *= scale  # ألف مليون
        elif self.last == REPEATED and scale == self.scale:
            return True
        elif not latin and role in ("scale", "dual", "two") and (not self.last or (joined and self._between_scales and lower)):
            self.total += own
        else:
            return False
        self.scale = scale
        return True

    def _part(self, role: str, value: Decimal, *, joined: bool) -> bool:
        if role == "parts":
            if joined or self.total or self.last not in ("unit", "digits", "one") or not self.group:
                return False
            self.group, self.kind = self.group / value, "fraction"
        elif not self.last or self.last == "one":
            self.group, self.kind = value, "fraction"
        elif joined and self._between_scales and self.scale:
            self.total += value * self.scale
        elif joined and self.group is not None and self.last not in ("fraction", "parts", "one"):
            self.group += value
        else:
            return False
        return True
