"""Clauses and their polarity: whether a stretch of a sentence states something, or denies it.

A clause ends at punctuation, before a word that turns (but, لكن) and before a negation joined by و or "and". It is negative when it holds
a word of negation or denial; a denial that is itself negated is none. Knows nothing of answers or quotes.

    >>> [(clause.text, clause.negative) for clause in clauses("أصيب ثلاثة، ولم يسفر الحادث عن وفاة")]
    [('أصيب ثلاثة', False), ('ولم يسفر الحادث عن وفاة', True)]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import regex  # type: ignore[import-untyped, unused-ignore]

from rag.language.fold import fold
from rag.language.resources import pairs

_TOKEN = regex.compile(r"(?P<word>\p{L}[\p{L}\p{Mn}\p{Cf}]*(?:['’]\p{L}+)?)|(?P<end>[.!?؟](?=\s|$)|[,،](?!\d)|[;؛:…«»“”\"()\[\]—–\n])")
_LONGEST = 3  # words of a listed phrase
_REACH = 3  # words between "and" and the negation that it joins, between a negation and the denial that it lifts


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of a text. `said` is its text without the words that negate."""

    start: int
    end: int
    text: str
    said: str
    negative: bool


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    key: str
    part: str = ""


@lru_cache(maxsize=1024)
def clauses(text: str) -> tuple[Clause, ...]:
    """Return the clauses of `text` that have words, in order."""
    return tuple(_clause(text, words) for run in _runs(text) for words in _divided(_with_parts(run)))


def turns(word: str) -> bool:
    """Say whether a word negates or denies."""
    return _part(fold(word)) in ("not", "deny")


@lru_cache(maxsize=1024)
def denies(text: str) -> bool:
    """Say whether a text denies or rejects something, by a word such as نفت or "denied"; a mere "not" is none."""
    return any(word.part == "deny" for run in _runs(text) for word in _with_parts(run))


def _runs(text: str) -> Iterator[list[_Word]]:
    """The words between two signs of punctuation."""
    run: list[_Word] = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "word":
            run.append(_Word(match.start(), match.end(), fold(match[0])))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _with_parts(run: Sequence[_Word]) -> list[_Word]:
    """The words with their parts; those of a phrase become one."""
    found, at = [], 0
    while at < len(run):
        for length in range(min(_LONGEST, len(run) - at), 0, -1):
            key = " ".join(word.key for word in run[at : at + length])
            part = _part(key)
            if part or length == 1:
                found.append(_Word(run[at].start, run[at + length - 1].end, key, part))
                at += length
                break
    return found


def _part(key: str) -> str:
    if key.endswith(("n't", "n’t")):
        return "not"
    listed = _parts()
    return listed.get(key) or (listed.get(key[1:], "") if key[:1] in "وف" else "")


def _divided(words: Sequence[_Word]) -> Iterator[list[_Word]]:
    clause: list[_Word] = []
    for at, word in enumerate(words):
        joined = word.part in ("not", "deny") and word.key[:1] == "و" and word.key not in _parts()
        contrasted = word.key == "لا"  # خمسة لا ستة
        if clause and (word.part == "break" or joined or contrasted or _joins_negation(words, at)):
            yield clause
            clause = []
        clause.append(word)
    if clause:
        yield clause


def _joins_negation(words: Sequence[_Word], at: int) -> bool:
    return words[at].key == "and" and any(word.part == "not" for word in words[at + 1 : at + 1 + _REACH])


def _clause(text: str, words: Sequence[_Word]) -> Clause:
    start, end = words[0].start, words[-1].end
    said = " ".join(text[word.start : word.end] for word in words if word.part not in ("not", "deny", "break"))
    return Clause(start, end, text[start:end], said, _is_negative(words))


def _is_negative(words: Sequence[_Word]) -> bool:
    if any(word.part == "only" for word in words):
        return False
    turns = [at for at, word in enumerate(words) if word.part in ("not", "deny")]
    lifted = any(words[one].part == "not" and words[other].part == "deny" and other - one <= _REACH for one, other in pairwise(turns))
    return bool(turns) and not lifted


@cache
def _parts() -> dict[str, str]:
    return {fold(form): part for form, part in pairs("polarity.tsv").items()}
