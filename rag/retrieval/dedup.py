"""Near-duplicates among the passages found: a wire story republished is one result with its copies, not three results.

Passages are copies when nearly all their words are the same and what differs holds no figure, date, weekday, negation or English name: a
corrected number is the last thing to hide. Knows nothing of ranking or storage.

    says_the_same("The ferry sank on Sunday; 12 were saved.", "The ferry sank on Sunday; 21 were saved.")  # False
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from rag.language import dates, number_terms, words
from rag.language.calendar_words import weekdays
from rag.language.names import can_be_names
from rag.language.polarity import clauses, turns

ALIKE, ALIKE_LENGTH = 0.9, 0.75  # share of common words, ratio of the lengths


def says_the_same(one: str, other: str) -> bool:
    """Say whether two passages are copies of each other."""
    if one == other:
        return True
    if min(len(one), len(other)) < ALIKE_LENGTH * max(len(one), len(other)):
        return False  # without counting words
    mine, yours = _counted(one), _counted(other)
    enough = ALIKE * max(mine.total(), yours.total(), 1)
    if mine.total() - len(mine.keys() - yours.keys()) < enough or (mine & yours).total() < enough:  # most fail the first, which is quick
        return False
    apart = (mine - yours) + (yours - mine)
    return not any(_tells(word) for word in apart) and _facts(one) == _facts(other) and not set(apart) & (_names(one) | _names(other))


@lru_cache(maxsize=1024)
def _counted(text: str) -> Counter[str]:
    return Counter(words(text))


def _tells(word: str) -> bool:
    """Whether a word by itself is a figure, a weekday or a negation."""
    return any(letter.isdigit() for letter in word) or bool(number_terms(word)) or word in weekdays() or turns(word)


@lru_cache(maxsize=256)
def _facts(text: str) -> tuple[object, ...]:
    stated = [(date.calendar, date.year, date.month, date.day, date.weekday) for date in dates(text)]
    return tuple(sorted(number_terms(text))), tuple(stated), sum(clause.negative for clause in clauses(text))


@lru_cache(maxsize=256)
def _names(text: str) -> frozenset[str]:
    return frozenset(word for word in can_be_names(text) if word.isascii())
