"""Text of documents as it can be shown or written out: what commands a terminal, or turns the letters round it, is shown and has no say.

Used where text leaves Bayan, for lines, files and pages; what is stored and quoted is never altered. Line ends and tabs stay.

    >>> harmless("a\\x1b[2Jb\\u202ec"), json_text({"title": "\\u009b"})
    ('a␛[2Jb\ufffdc', '{"title": "\\\\u009b"}')
"""

from __future__ import annotations

import json
import re
from typing import Any

_TURNING = "\u202d\u202e"  # letters round
_BIDI = "\u202a\u202b\u202c\u2066\u2067\u2068\u2069"  # say how letters about them run; no text needs them to be read
_BREAKS = dict.fromkeys(map(ord, "\r\v\f"), "\n")  # a carriage return alone writes over what stands before it
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: "\u2421"}
_SIGNS = dict.fromkeys((*range(0x80, 0xA0), *map(ord, _TURNING)), "\ufffd")
_SHOWN = _PICTURES | _BREAKS | _SIGNS | dict.fromkeys(map(ord, _BIDI), "")
_UNSAFE_IN_JSON = re.compile(f"[\x7f-\x9f{_TURNING}{_BIDI}]")


def harmless(text: str) -> str:
    """Return a text with a sign in the place of each control character and of each that turns letters round.

    Other characters that set a direction go, and every line and page ends with a line feed.
    """
    return text.replace("\r\n", "\n").translate(_SHOWN)


def json_text(record: Any, *, indent: int | None = None) -> str:
    """Return JSON-ready values as JSON in which such characters are escaped, and so the same for whoever reads it."""
    written = json.dumps(record, ensure_ascii=False, indent=indent)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
