"""What kind of thing a question asks for, and whether a sentence holds something of that kind.

>>> asked_for("كم عدد الجرحى؟"), holds("أصيب واحد وثلاثون راكباً", "number")
('number', True)
>>> counted("How many passengers were injured?")
('passengers', 'injured')
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from rag.language.dates import dates
from rag.language.numbers import Number, numbers
from rag.language.resources import entries, pairs
from rag.language.taken import Taken
from rag.language.terms import content_words, words

Kind = Literal["number", "date", "person", "place"]
COUNTED_WORDS = 2  # what is counted, and what it did
_CLITICS = ("", "و", "ب", "ل", "ف")
_FIRST = "^"  # marks a cue that asks only at the beginning: من is "who" there and "from" elsewhere
_LOOSE = "~"  # marks a cue that a text without such a thing may answer as well
_MARKS = _FIRST + _LOOSE
_JOINING = frozenset(("when", "where"))  # join clauses too: "What is said when the ferry sails?" asks for no time
ASKING = frozenset(("how", "what", "when", "where", "which", "who", "whom", "whose", "why"))
_CLOCK = re.compile(r"\d:\d\d")


@dataclass(frozen=True)
class Asking:
    """What a question asks for, and the words that follow those that say so, of which there are `length`; `loose`: a text without such a
    thing may answer as well."""

    kind: Kind
    following: tuple[str, ...]
    loose: bool
    length: int


def asked_for(question: str) -> Kind | None:
    """Return what the question asks for when its words say so: a number, a date, a person or body, a place, or None."""
    found = asking(question)
    return found.kind if found else None


@lru_cache(maxsize=256)
def asking(question: str) -> Asking | None:
    """Find the words of a question that say what it asks for: the longest of those that stand first."""
    asked = tuple(words(question))
    joined = asked[1:] if asked[:1] == ("and",) else (asked[0][1:], *asked[1:]) if asked and asked[0][:1] == "و" else ()
    if joined and joined[0] and _fitting(joined, 0) and not _fitting(asked, 0):  # ومن، وكم; not وين
        asked = joined
    found = [(at, -length, kind, loose) for at in range(len(asked)) for kind, length, loose in _fitting(asked, at)]
    if not found:
        return None
    at, length, kind, loose = min(found)
    return Asking(kind, asked[at - length :], loose, -length)


def counted(question: str) -> tuple[str, ...]:
    """Return the words that say what a question of number counts and what it did; none when it asks for no number."""
    found = asking(question)
    following = [word for word in found.following if content_words(word)] if found and found.kind == "number" else []
    return tuple(following[:COUNTED_WORDS])


def without_asking(question: str) -> str:
    """Return a question without the words that ask for a kind of thing: "In Ain Issa, how many died?" becomes "In Ain Issa, died?"."""
    found = asking(question)
    if found is None:
        return question
    end = len(words(question)) - len(found.following)
    kept, at = [], 0
    for part in question.split():  # each of one word, of several (al-Hasakah) or of none (—)
        count = len(words(part))
        if count == 0 or not end - found.length <= at < end:
            kept.append(part)
        at += count
    return " ".join(kept)


def holds(sentence: str, kind: Kind) -> bool:
    """Say whether a sentence holds a number, be it a vague one (dozens), or a date or another word that answers "when" (yesterday).

    Ordinals and the numbers of a date are no numbers here; a number of four digits may be a year. On the public sets the sentences that do
    not answer hold a number in .36 to .60 of cases and a date in .34 to .47. Names, which hardly a sentence is without, are not told.
    """
    if kind not in ("number", "date"):
        return True
    if not _vague_words(kind).isdisjoint(words(sentence)):
        return True
    stated = dates(sentence)
    if kind == "date":
        return bool(stated) or any(_may_be_year(number, sentence) for number in numbers(sentence))
    within = Taken(len(sentence), stated)
    return any(number.kind != "ordinal" and number.start not in within for number in numbers(sentence))


def may_answer(text: str, question: str) -> bool:
    """Say whether a text can answer a question for a number or a date: it holds one, be it vague, an ordinal or a time of day.

    >>> may_answer("The ferry sank.", "When did it sink?"), may_answer("The ferry sank at dawn.", "How did it sink?")
    (False, True)
    """
    found = asking(question)
    if found is None or found.loose or found.kind not in ("number", "date"):
        return True
    return holds(text, found.kind) or (bool(_CLOCK.search(text)) if found.kind == "date" else bool(numbers(text)))


def is_vague(word: str, kind: Kind) -> bool:
    """Say whether a word tells an amount without a number (dozens), or a time without a date (yesterday)."""
    return not _vague_words(kind).isdisjoint(words(word))


def _may_be_year(number: Number, text: str) -> bool:
    return text[number.start : number.end].isdecimal() and 1000 <= number.value <= 2100


def _fitting(asked: tuple[str, ...], at: int) -> list[tuple[Kind, int, bool]]:
    """The cues that stand at a place of a question, each with its length in words and whether it is loose."""
    if asked[at] in _JOINING and not ASKING.isdisjoint({*asked} - {asked[at]}):
        return []
    return [
        (kind, len(cue), loose) for (cue, first, loose), kind in _cues().items() if asked[at : at + len(cue)] == cue and not (first and at)
    ]


@cache
def _cues() -> dict[tuple[tuple[str, ...], bool, bool], Kind]:
    listed: dict[str, Kind] = pairs("question_kinds.tsv")  # type: ignore[assignment]
    return {(tuple(words(cue.lstrip(_MARKS))), cue[0] == _FIRST, cue[0] == _LOOSE): kind for cue, kind in listed.items()}


@cache
def _vague_words(kind: Kind) -> frozenset[str]:
    """Words that tell an amount or a time without stating one, also behind a one-letter clitic."""
    listed = entries({"number": "vague_numbers.txt", "date": "vague_times.txt"}[kind])
    return frozenset(clitic + word for entry in listed for word in words(entry) for clitic in _CLITICS)
