"""A conversation: questions and what has come of each, and how it is kept in a reader's browser.

Knows nothing of Gradio or HTML. What a browser sends back is checked against the records; what does not fit is left out.

    kept = to_kept((Exchange("متى؟", answer=answer),))
    from_kept(kept)[0].answer == answer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rag.assistant import check_history
from rag.errors import HistoryError
from rag.reading.frame import differing
from rag.schema import Answer, Citation, Filters, Hit, Statement, to_json

KEPT_CONVERSATIONS = 30
KEPT_EXCHANGES = 200  # in all: a browser keeps some 5 MB for a site
SNIPPET_CHARS = 200
_ANSWER, _HITS, _FILTERS = TypeAdapter(Answer), TypeAdapter(tuple[Hit, ...]), TypeAdapter(Filters | None)


@dataclass(frozen=True)
class Exchange:
    """A question and what has come of it so far: text under way, then an answer, a problem, or a stop.

    `written`: what a language model has written below the quotes, not checked yet. `found`: the passages the search brought.
    """

    question: str
    text: str = ""
    written: str = ""
    answer: Answer | None = None
    found: tuple[Hit, ...] = ()
    statements: Mapping[str, Statement] = field(default_factory=dict)
    problem: Exception | None = None
    stopped: bool = False
    filters: Filters | None = None  # what the statements were narrowed to
    thumb: str = ""  # "up" or "down", once the reader has said so

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of the question."""
        return self.answer is not None or self.problem is not None or self.stopped

    @property
    def offered(self) -> tuple[Citation, ...]:
        """The citations to show: those of the answer, or the nearest passages."""
        if self.answer is None:
            return ()
        return self.answer.citations if self.answer.status == "answered" else self.answer.nearest

    @property
    def differs(self) -> bool:
        """Whether the statements quoted give different figures or dates for what was asked."""
        if self.answer is None or self.answer.status != "answered" or len(self.statements) < 2:
            return False
        return differing(
            self.question, [(self.statements[c.statement_id], c.quote) for c in self.offered if c.statement_id in self.statements]
        )


Conversation = tuple[Exchange, ...]


def to_kept(conversation: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Return the answered exchanges as JSON, without the statements, which the index has."""
    return [
        {
            "answer": to_json(turn.answer),
            "found": to_json([_short(hit) for hit in turn.found]),
            "thumb": turn.thumb,
            "filters": to_json(turn.filters),
        }
        for turn in conversation
        if turn.answer
    ]


def from_kept(kept: object) -> Conversation:
    """Return what `to_kept` made; entries that are not of its making are left out."""
    exchanges = []
    for entry in kept if isinstance(kept, list) else []:
        try:
            answer = _ANSWER.validate_python(entry["answer"])
            found = _HITS.validate_python(entry.get("found", []))
            filters = _FILTERS.validate_python(entry.get("filters"))
            check_history([answer])
        except (ValidationError, TypeError, KeyError, AttributeError, HistoryError):
            continue
        exchanges.append(Exchange(answer.question, answer=answer, found=found, filters=filters, thumb=str(entry.get("thumb", ""))))
    return tuple(exchanges)


def _short(hit: Hit) -> Hit:
    return replace(hit, text=hit.text[:SNIPPET_CHARS])


def add_kept(shelf: object, name: str, conversation: Sequence[Exchange], when: str) -> list[dict[str, Any]]:
    """Put a conversation on a browser's shelf, newest first, in the place of its earlier state; the oldest fall off."""
    others = [entry for entry in entries_of(shelf) if entry["name"] != name]
    turns = to_kept(conversation)
    entries = [{"name": name, "when": when, "title": conversation[0].question[:120], "turns": turns}, *others] if turns else others
    kept: list[dict[str, Any]] = []
    room = KEPT_EXCHANGES
    for entry in entries[:KEPT_CONVERSATIONS]:
        room -= len(entry["turns"])
        if room < 0 and kept:
            break
        kept.append(entry)
    return kept


def remove_kept(shelf: object, name: str) -> list[dict[str, Any]]:
    """Take a conversation off the shelf."""
    return [entry for entry in entries_of(shelf) if entry["name"] != name]


def find_kept(shelf: object, name: str) -> Conversation:
    """Return a conversation of the shelf, or an empty one."""
    return next((from_kept(entry["turns"]) for entry in entries_of(shelf) if entry["name"] == name), ())


def entries_of(shelf: object) -> list[dict[str, Any]]:
    """The entries of a shelf as the browser sends it, which may be anything."""
    known = {"name": str, "when": str, "title": str, "turns": list}
    return [
        entry
        for entry in (shelf if isinstance(shelf, list) else [])
        if isinstance(entry, dict) and all(isinstance(entry.get(key), kind) for key, kind in known.items())
    ]
