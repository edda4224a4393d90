"""How a source is refused: its name and one sentence that says what to do."""

from __future__ import annotations

from rag.bounds import brief
from rag.errors import SourceError


def refuse(source: object, reason: str) -> SourceError:
    """Return the error for a source; `reason` completes the sentence that begins with the source's name."""
    return SourceError(brief(f'"{source}" {reason}'))
