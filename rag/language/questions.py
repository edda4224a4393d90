"""What kind of thing a question asks for, and whether a sentence holds something of that kind.

>>> asked_for("كم عدد الجرحى؟"), holds("أصيب واحد وثلاثون راكباً", "number")
('number', True)
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from rag.language.dates import dates
from rag.language.numbers import Number, numbers
from rag.language.resources import entries, pairs
from rag.language.terms import words

Kind = Literal["number", "date"]
_CLITICS = ("", "و", "ب", "ل", "ف")


def asked_for(question: str) -> Kind | None:
    """Return what the question asks for when its words say so: a number, a date, or None."""
    asked = words(question)
    found = [
        (asked_at, -len(cue), kind)
        for cue, kind in _cues().items()
        for asked_at in range(len(asked) - len(cue) + 1)
        if tuple(asked[asked_at : asked_at + len(cue)]) == cue
    ]
    return min(found)[2] if found else None  # type: ignore[return-value]


def holds(sentence: str, kind: Kind) -> bool:
    """Say whether a sentence holds a number, be it a vague one (dozens), or a date or another word that answers "when" (yesterday).

    Ordinals and the numbers of a date are no numbers here; a number of four digits may be a year. On the public sets the sentences that do
    not answer hold a number in .36 to .60 of cases and a date in .34 to .47.
    """
    if not _vague_words(kind).isdisjoint(words(sentence)):
        return True
    stated = dates(sentence)
    if kind == "date":
        return bool(stated) or any(_may_be_year(number, sentence) for number in numbers(sentence))
    within = [range(date.start, date.end) for date in stated]
    return any(number.kind != "ordinal" and not any(number.start in span for span in within) for number in numbers(sentence))


def _may_be_year(number: Number, text: str) -> bool:
    return text[number.start : number.end].isdecimal() and 1000 <= number.value <= 2100


@cache
def _cues() -> dict[tuple[str, ...], str]:
    return {tuple(words(cue)): kind for cue, kind in pairs("question_kinds.tsv").items()}


@cache
def _vague_words(kind: Kind) -> frozenset[str]:
    """Words that tell an amount or a time without stating one, also behind a one-letter clitic."""
    listed = entries({"number": "vague_numbers.txt", "date": "vague_times.txt"}[kind])
    return frozenset(clitic + word for entry in listed for word in words(entry) for clitic in _CLITICS)
