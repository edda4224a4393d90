"""How long what is known of a statement can be: a title is a line, whoever wrote three million characters there.

It stands before every passage that is searched and beside every quote that is shown. Ingests keep to these bounds and say what they cut;
what an older index holds is cut when it is read.

    >>> shortened("بيان حول انقطاع المياه عن وادي السنديان", 25)
    'بيان حول انقطاع المياه…'
"""

from __future__ import annotations

MAX_TITLE = 300  # characters
MAX_ISSUER = 200
MAX_SOURCE = 2_000  # an address that is longer is none that anybody could follow
MAX_PART = 1_000
MAX_HEADINGS = 1_000
MAX_LEVEL = 9  # of headings in one another, as word processors have them
MAX_REASON = 1_000  # of why a source was refused, or taken with reservations
_END = 300  # of a reason, where it says what to do


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters, cut at a word, with an ellipsis, if it is longer."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    words, _, _ = kept.rpartition(" ")
    return (words if len(words) > most // 2 else kept).rstrip(" ,،;؛:-–—") + "…"


def brief(reason: str) -> str:
    """Return a reason of at most MAX_REASON characters: of a longer one the beginning and the end, which says what to do."""
    return reason if len(reason) <= MAX_REASON else f"{reason[: MAX_REASON - _END - 3]} … {reason[-_END:]}"
