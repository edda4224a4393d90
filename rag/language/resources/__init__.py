"""Language data: one kind per file, one entry per line, `#` begins a comment.

>>> "وزارة" in entries("protected.ar.txt")
True
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def entries(name: str) -> tuple[str, ...]:
    """Return the entries of a resource file in order, without comments and blank lines."""
    lines = files(__name__).joinpath(name).read_text(encoding="utf-8").splitlines()
    stripped = (line.split("#", 1)[0].strip() for line in lines)
    return tuple(line for line in stripped if line)


@cache
def pairs(name: str) -> dict[str, str]:
    """Return a two-column, tab-separated resource as a mapping of its first column to its second."""
    return dict(tuple(part.strip() for part in line.split("\t", 1)) for line in entries(name))  # type: ignore[misc]
