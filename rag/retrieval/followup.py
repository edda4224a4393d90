"""A question in its conversation: what a follow-up leaves out is carried over from the last answered question. No model is needed.

A question leans on the one before it when it has hardly a word of its own, begins with "and" (و before a question word), or points back
(it, them, منهم) without naming anything itself. It is then searched together with the question it leans on, itself first when it says
what it asks for, so that "and when?" asks for a date; where it asks for no kind of thing ("and why?"), the other loses its "how many".
A name of its own (what about Tollard?) takes the place of those in the other. Knows nothing of statements, search or answers' texts.

    >>> in_context("ومتى؟", [answered("من هاجم سجن الصناعة؟")])
    'ومتى؟ من هاجم سجن الصناعة؟'
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rag.language import content_words, fold, words
from rag.language.mentions import mentions, wording
from rag.language.questions import ASKING, asked_for, without_asking
from rag.language.resources import entries
from rag.schema import Answer

REMEMBERED = 6  # answers of a conversation that are looked at
OWN_WORDS = 2  # a question with fewer content words does not stand alone
POINTING_WORDS = 4  # one with more says itself what its "it" is
_FIRST = "^"
_WHICH = ("اي", "ايه", "which")
_PREPOSITIONS, _APART = "بلك", ("الي", "علي", "في")


def in_context(question: str, history: Sequence[Answer]) -> str:
    """Return what to search for: the question itself, or, when it leans on one before it, both together."""
    topic = _topic(history[-REMEMBERED:]) if history and leans(question) else None
    if topic is None:
        return question
    topic = _without_replaced_names(topic, question)
    if asked_for(question):
        return f"{question} {topic}"
    return f"{without_asking(topic)} {question}" if _asks(words(question)) else f"{topic} {question}"


def leans(question: str) -> bool:
    """Say whether a question cannot be understood without the one before it."""
    said = words(question)
    own = [word for word in content_words(question) if word not in _pointing()]
    if len(own) < OWN_WORDS or _is_joined(said) or any(tuple(said[: len(form)]) == form for form in _beginnings()):
        return True
    if said[0] in _WHICH and said[1:2] == own[:1]:  # «أي مخطوط لم يعثر عليه» says itself what its "it" is
        return False
    return len(own) <= POINTING_WORDS and any(word in _pointing() for word in said) and not mentions(question)


def _topic(history: Sequence[Answer]) -> str | None:
    """The last question that stands by itself and was answered, else the last that stands by itself or was asked first."""
    own = [answer for answer in reversed(history) if not leans(answer.question)]
    answered = [answer.question for answer in own if answer.status == "answered"]
    return next(iter([*answered, *(answer.question for answer in (*own, history[0]))]), None)


def _is_joined(said: Sequence[str]) -> bool:
    """Whether an Arabic question begins with a و before its question word: وكم، ولأي، وإلى متى."""
    first = said[0] if said else ""
    rest = first[1:] if first[:1] == "و" and first not in _question_words() else ""
    return bool(rest) and (rest in _question_words() or (rest[0] in _PREPOSITIONS and rest[1:] in _question_words()))


def _asks(said: Sequence[str]) -> bool:
    """Whether a question has a question word of its own, as "in Hasakah?" and "what about Hasakah?" have none: they ask what the one
    before them did."""
    if said[1:2] in (["about"], ["عن"]):
        return False
    arabic = [*said]
    if arabic and arabic[0][:1] == "و" and _is_joined(said):
        arabic[0] = arabic[0][1:]
    while arabic and arabic[0] in _APART:
        arabic.pop(0)
    first = arabic[0] if arabic else ""
    known = first in _question_words() or (first[:1] in _PREPOSITIONS and first[1:] in _question_words())
    return known or not ASKING.isdisjoint(said)


def _without_replaced_names(topic: str, question: str) -> str:
    """The topic without the names in whose place the question puts its own: "what about Tollard?"."""
    own, known = mentions(question), wording(topic)
    if not own or all(name.stands_in(known) for name in own):
        return topic
    for name in reversed(mentions(topic)):
        topic = topic[: name.start] + topic[name.end :]
    return topic


@cache
def _beginnings() -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words(entry.removeprefix(_FIRST))) for entry in entries("leaning.txt") if entry.startswith(_FIRST))


@cache
def _pointing() -> frozenset[str]:
    return frozenset(fold(entry) for entry in entries("leaning.txt") if not entry.startswith(_FIRST))


@cache
def _question_words() -> frozenset[str]:
    return frozenset(fold(entry) for entry in entries("question_words.txt"))
