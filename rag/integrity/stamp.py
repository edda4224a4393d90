"""A text with its digest before it, so that damage is seen when it is read: `9f86d081884c7d65 {"text": …}`.

Against decay and accidents, not against forgers: whoever can alter a text can make its digest anew.

    >>> unstamped(stamped("forty tonnes"))
    'forty tonnes'
"""

from __future__ import annotations

import hashlib
import re

DIGITS = 16  # hexadecimal
_STAMP = re.compile(f"[0-9a-f]{{{DIGITS}}} ")


def stamped(text: str, *, about: str = "") -> str:
    """Return a text behind its digest, which covers `about` too: what stands elsewhere and belongs to it."""
    return f"{_digest(text, about)} {text}"


def unstamped(line: str, *, about: str = "") -> str:
    """Return the text behind a digest; one without, from before there were any, as it is. Raises ValueError when it is damaged."""
    if not is_stamped(line):
        return line
    if line[:DIGITS] != _digest(line[DIGITS + 1 :], about):
        raise ValueError("it is not what its digest says")
    return line[DIGITS + 1 :]


def is_stamped(line: str) -> bool:
    """Say whether a digest stands before a text."""
    return bool(_STAMP.match(line))


def peeled(line: str) -> str:
    """Return the text behind a digest without looking whether it is right."""
    return line[DIGITS + 1 :] if is_stamped(line) else line


def _digest(text: str, about: str) -> str:
    return hashlib.blake2b(f"{about}\n{text}".encode(errors="surrogatepass"), digest_size=DIGITS // 2).hexdigest()
