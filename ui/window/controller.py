"""What the chat does on each event: ask, stop, open a quote in its statement, say what one thinks of an answer.

A session's conversation comes in and goes out with the event; nothing of it is kept here. Knows nothing of how the window is laid out.

    desk = Controller(Assistant.open("index"))
    for box, chat, panel, conversation in desk.ask("كم عدد الجرحى؟", "ar", ()): ...
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import gradio as gr

from rag.errors import BayanError, UnknownStatement
from rag.schema import Answer, Completed, Delta, Event, Facets, Filters, Hit, Language, Retrieved, Span, Statement
from ui.html.about import header_html
from ui.html.cards import evidence_html
from ui.html.reader import Place, reader_html
from ui.html.render import conversation_html
from ui.service.conversation import Conversation, Exchange
from ui.service.service import Feedback, Service, now
from ui.strings import STRINGS

log = logging.getLogger(__name__)

MAX_EXAMPLES = 4
MAX_EXAMPLE_CHARS = 90
ANSWERS_REMEMBERED = 6
DRAW_EVERY_S = 0.08  # while a text is written: oftener than a reader can follow is only work


class Answering(Protocol):
    """What the chat needs of the assistant."""

    def stream(
        self, question: str, *, history: Sequence[Any] = (), language: Language | None = None, filters: Filters | None = None
    ) -> Iterator[Event]: ...
    def search(self, query: str, *, top_k: int = 10) -> list[Hit]: ...
    def facets(self, filters: Filters | None = None) -> Facets: ...
    def statement(self, statement_id: str) -> Statement: ...
    def statements(self) -> list[Statement]: ...


class Controller:
    """The chat over an assistant; with `service`, feedback is written down. `flags`: answers can be made into test questions."""

    def __init__(self, assistant: Answering, service: Service | None = None, *, flags: bool = False) -> None:
        self.assistant, self.service, self.flags = assistant, service, flags

    # Asking

    def ask(self, question: str, language: Language, past: Conversation, filters: Filters | None = None) -> Iterator[tuple[Any, ...]]:
        """Answer a question from the statements that pass the filters, yielding what box, chat and panel show and the conversation."""
        if not question.strip():
            gr.Info(STRINGS[language]["empty_question"], title=STRINGS[language]["name"])
            yield (gr.skip(),) * 4  # a generator that yields nothing empties what it could have drawn
            return
        begun = Exchange(question.strip(), filters=filters)
        yield self._busy(language), *self._shown((*past, begun), language)
        for exchange in self._progress(begun, past):
            yield gr.skip(), *self._shown((*past, exchange), language)
        yield gr.Textbox(**self.box_labels(language)), gr.skip(), gr.skip(), gr.skip()

    def _progress(self, exchange: Exchange, past: Conversation) -> Iterator[Exchange]:
        history = [turn.answer for turn in past if turn.answer][-ANSWERS_REMEMBERED:]
        drawn = 0.0
        try:
            for event in self.assistant.stream(exchange.question, history=history, filters=exchange.filters):
                exchange = self._advance(exchange, event)
                if not isinstance(event, Delta) or event.by == "quote" or time.monotonic() - drawn > DRAW_EVERY_S:
                    drawn = time.monotonic()
                    yield exchange
        except Exception as problem:  # the edge: whatever failed becomes a sentence for the reader
            if not isinstance(problem, BayanError):
                log.exception("the answer failed")
            yield replace(exchange, problem=problem)

    def _advance(self, exchange: Exchange, event: Event) -> Exchange:
        if isinstance(event, Retrieved):
            return replace(exchange, found=event.hits)
        if isinstance(event, Delta) and event.by == "model":
            return replace(exchange, written=exchange.written + event.text)
        if isinstance(event, Delta):
            return replace(exchange, text=exchange.text + event.text)
        return self.with_statements(replace(exchange, answer=event.answer)) if isinstance(event, Completed) else exchange

    def with_statements(self, exchange: Exchange) -> Exchange:
        """Fetch the statements of the cards; one that has gone since leaves its quote to stand alone."""
        found = {}
        for statement_id in {citation.statement_id for citation in exchange.offered}:
            try:
                found[statement_id] = self.assistant.statement(statement_id)
            except BayanError as error:
                log.warning("no text for a citation: %s", error)
        return replace(exchange, statements=found)

    def _shown(self, conversation: Conversation, language: Language) -> tuple[Any, ...]:
        panel = evidence_html(conversation, language) if conversation[-1].answer else gr.skip()
        return self.talk(conversation, language), panel, conversation

    def choose(self, chosen: gr.EventData) -> str:
        """Put a clicked example into the box."""
        return str(chosen.text)

    def ask_linked(self, language: Language, past: Conversation, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Ask the question that a link to the window carries, if it carries one; what is being typed stays."""
        question = str(request.query_params.get("q", "")).strip()
        if question and not past:
            yield from self.ask(question, language, past)
        else:
            yield (gr.skip(),) * 4

    def linked_language(self, request: gr.Request) -> Any:
        """Turn to the language that a link to the window names, if it names one."""
        named = request.query_params.get("language")
        return named if named in STRINGS else gr.skip()

    def stop(self, language: Language, conversation: Conversation) -> tuple[Any, ...]:
        """Mark the answer under way as stopped and free the box."""
        if conversation and not conversation[-1].answer:
            conversation = (*conversation[:-1], replace(conversation[-1], stopped=True))
        return gr.Textbox(**self.box_labels(language)), self.talk(conversation, language), conversation

    # Reading

    def open(self, conversation: Conversation, language: Language, clicked: gr.EventData) -> tuple[str, Place | None]:
        """Open a statement where the key that was clicked points to, and draw it."""
        try:
            place = self.place(str(clicked.key), conversation)
        except (BayanError, ValueError, LookupError):
            gr.Info(STRINGS[language]["statement_gone"], title=STRINGS[language]["name"])
            return gr.skip(), gr.skip()
        return reader_html(place, language), place

    def place(self, key: str, conversation: Conversation) -> Place:
        """Find what a key names: `c:TURN:NUMBER` a citation, `h:TURN:RANK` a passage found, `s:ID` a statement.

        Raises UnknownStatement, ValueError or LookupError when there is none.
        """
        kind, _, rest = key.partition(":")
        if kind == "s":
            return Place(self.assistant.statement(rest), key=key)
        turn, number = (int(part) for part in rest.split(":"))
        exchange = conversation[turn]
        if kind == "h":
            hit = {found.rank: found for found in exchange.found}[number]
            return Place(self.assistant.statement(hit.statement_id), (Span(hit.start, hit.end),), key)
        return self._cited(exchange, turn, number, key)

    def _cited(self, exchange: Exchange, turn: int, number: int, key: str) -> Place:
        offered = exchange.offered
        at = [citation.number for citation in offered].index(number)
        cited = offered[at]
        statement = self.assistant.statement(cited.statement_id)
        if statement.text[cited.start : cited.end] != cited.quote:
            raise UnknownStatement(f'the statement "{cited.statement_id}" has changed since it was quoted')
        others = [c for c in offered if c.statement_id == cited.statement_id and c != cited]
        marks = tuple(Span(c.start, c.end) for c in (cited, *others))
        before, after = (f"c:{turn}:{offered[n].number}" if 0 <= n < len(offered) else "" for n in (at - 1, at + 1))
        return Place(statement, marks, key, before, after, at + 1, len(offered))

    # Judging

    def judge(self, conversation: Conversation, language: Language, given: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Write down what the reader thinks of an answer, and thank them."""
        turn, thumb, reason = int(given.turn), str(given.thumb), str(given.reason).strip()[:2000]
        if not 0 <= turn < len(conversation) or thumb not in ("up", "down") or conversation[turn].answer is None:
            return gr.skip(), gr.skip()
        exchange = replace(conversation[turn], thumb=thumb)
        if self.service:
            self.service.record(_feedback(exchange, reason, request))
        conversation = (*conversation[:turn], exchange, *conversation[turn + 1 :])
        return self.talk(conversation, language), conversation

    # Drawing

    def talk(self, conversation: Conversation, language: Language) -> str:
        """Draw the conversation, or the first screen before it begins."""
        examples = [] if conversation else example_questions(self.assistant.statements(), language)
        return conversation_html(conversation, examples, language, flags=self.flags)

    def refresh(self, conversation: Conversation, language: Language) -> Any:
        """Draw the first screen anew: statements may have come or gone."""
        return gr.skip() if conversation else self.talk((), language)

    def settle(self, conversation: Conversation, language: Language) -> tuple[Any, ...]:
        """Draw an answer again that may have been drawn over by an earlier state of the page.

        A browser gets the draws of several events in any order. One under way is left alone: it draws itself, and later than this.
        """
        if not conversation or not conversation[-1].is_over:
            return gr.skip(), gr.skip()
        return self.talk(conversation, language), evidence_html(conversation, language)

    def relabel(self, language: Language, conversation: Conversation, place: Place | None) -> tuple[Any, ...]:
        """Say everything on the page in the other language; texts of documents and questions stay."""
        words = STRINGS[language]
        return (
            header_html(language),
            gr.Radio(label=words["language_label"]),
            gr.Tab(words["tab_chat"]),
            self.talk(conversation, language),
            gr.Textbox(**self.box_labels(language)),
            evidence_html(conversation, language),
            reader_html(place, language),
        )

    def box_labels(self, language: Language) -> dict[str, Any]:
        """What the question box says."""
        words = STRINGS[language]
        return {
            "label": words["question_label"],
            "placeholder": words["question_placeholder"],
            "submit_btn": words["send"],
            "stop_btn": False,
            "rtl": language == "ar",
        }

    def _busy(self, language: Language) -> gr.Textbox:
        return gr.Textbox(**self.box_labels(language) | {"value": "", "submit_btn": False, "stop_btn": STRINGS[language]["stop"]})


def _feedback(exchange: Exchange, reason: str, request: gr.Request) -> Feedback:
    caller = request.request.scope.get("bayan.caller") if request.request else None
    answer: Answer | None = exchange.answer
    return Feedback(
        time=now(),
        by=caller.name if caller else "local",
        thumb="up" if exchange.thumb == "up" else "down",
        reason=reason or None,
        question=exchange.question,
        answer=answer.answer if answer else None,
        request_id=None,
    )


def example_questions(statements: Iterable[Statement], language: Language) -> list[str]:
    """Make at most four questions from titles, those in the reader's language and the latest first."""
    fit = [statement for statement in statements if 0 < len(statement.title.strip()) <= MAX_EXAMPLE_CHARS]
    ranked = sorted(sorted(fit, key=lambda s: s.date or "", reverse=True), key=lambda s: s.language != language)
    titles = dict.fromkeys(statement.title.strip() for statement in ranked)
    return [STRINGS[language]["example"].format(title=title) for title in list(titles)[:MAX_EXAMPLES]]
