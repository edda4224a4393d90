"""What kind of thing a question asks for, and whether a sentence holds something of that kind.

>>> asked_for("كم عدد الجرحى؟"), holds("أصيب واحد وثلاثون راكباً", "number")
('number', True)
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from rag.language.resources import entries, pairs
from rag.language.terms import words

Kind = Literal["number", "date"]
_CLITICS = ("و", "ب", "ل", "ال", "ف", "وب", "ول", "وال", "بال", "لل")


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
    """Say whether a sentence holds a number (digits or words) or a date (a month, a day, a year)."""
    found = words(sentence)
    if any(word[0].isdigit() for word in found):
        return True
    known = _number_words() if kind == "number" else _date_words()
    return any(form in known for word in found for form in _bare_forms(word))


def _bare_forms(word: str) -> list[str]:
    """The word itself, without a clitic before it, and without the alef of its tanwin (الفا, مليونا)."""
    forms = [word, *(word[len(clitic) :] for clitic in _CLITICS if word.startswith(clitic) and len(word) > len(clitic) + 2)]
    return forms + [form[:-1] for form in forms if form.endswith("ا") and len(form) > 3]


@cache
def _cues() -> dict[tuple[str, ...], str]:
    return {tuple(words(cue)): kind for cue, kind in pairs("question_kinds.tsv").items()}


@cache
def _number_words() -> frozenset[str]:
    return frozenset(word for entry in entries("number_words.txt") for word in words(entry))


@cache
def _date_words() -> frozenset[str]:
    return frozenset(word for entry in entries("date_words.txt") for word in words(entry))
