"""Which places of a text are taken: whether a stretch is free is known without asking every stretch before it.

To compare each date of a text with all before it took, of 50 KB of month names, two seconds, and four times as long for twice the text.

    >>> taken = Taken(20, [Span(3, 5)])
    >>> taken.add(8, 9), taken.overlaps(4, 8), taken.overlaps(5, 8), 8 in taken
    (None, True, False, True)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Stretch(Protocol):
    """A span, a date, a cut: what begins and ends somewhere in a text."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


class Taken:
    """The taken places of a text of so many characters."""

    def __init__(self, length: int, stretches: Iterable[Stretch] = ()) -> None:
        self._marks = bytearray(length)
        for stretch in stretches:
            self.add(stretch.start, stretch.end)

    def add(self, start: int, end: int) -> None:
        self._marks[start:end] = b"\1" * (end - start)

    def __contains__(self, at: int) -> bool:
        return at < len(self._marks) and bool(self._marks[at])

    def overlaps(self, start: int, end: int) -> bool:
        """Say whether any place of a stretch is taken."""
        return self._marks.find(1, start, end) >= 0
