"""A language model's answer from the quotes, streamed, checked against them, and withheld where they do not bear it out.

The quotes stand whatever happens: a model that cannot be reached, is slow, refuses, writes nothing, cites nothing or says what the quotes
do not say leaves them with a notice in the reader's language. What fails a lesser check is marked in the text. The prompts are the files
`prompts/llm.*.toml`. Knows nothing of search and storage.

    answer = yield from Writer(model, "qwen3", timeout_s=60, context=4096).write(quoted, history=())
"""

from __future__ import annotations

import json
import logging
import time
import unicodedata
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from rag.generation.models import ANSWER_TOKENS, estimate_tokens, token_counter, without_address
from rag.language import content_words, foreign_language, language_of
from rag.prompts import fill
from rag.schema import Answer, Citation, Delta
from rag.verification.check import KEY_KINDS, Finding, check_answer
from rag.verification.claims import claims, plain_markers

log = logging.getLogger(__name__)

RETRIES, PAUSE_S = 2, 0.5
REWRITE_TIMEOUT_S = 10.0
REMEMBERED = 3  # answers of the conversation that the model is shown
MAX_CHARS = 6_000  # of an answer; a model that goes on and on is cut off
MAX_QUESTION_CHARS = 400
Messages = list[BaseMessage]


class Withheld(Exception):
    """The model's answer is not shown; the message is the key of the notice that says why."""


class Writer:
    """A chat model that words answers and makes follow-up questions complete. Safe to share between threads."""

    def __init__(self, model: BaseChatModel, name: str, *, timeout_s: float, context: int) -> None:
        self._model, self._name, self._timeout_s, self._context = model, name, timeout_s, context
        self._count = token_counter(model)

    def write(self, quoted: Answer, history: Sequence[Answer]) -> Generator[Delta, None, Answer]:
        """Yield the model's text as it comes and return the answer to show: the model's, checked, or the quotes with a notice."""
        written: list[str] = []
        try:
            for piece in self._stream(answer_messages(quoted, history, context=self._context, count=self._count), self._timeout_s):
                written.append(piece)
                yield Delta(piece, by="model")
            return self._judged(quoted, "".join(written).strip())
        except Withheld as withheld:
            notice = f"\n\n{fill('llm', quoted.language, str(withheld), model=without_address(self._name))}"
            yield Delta(notice)
            return replace(quoted, answer=quoted.answer + notice)

    def complete(self, question: str, history: Sequence[Answer]) -> str | None:
        """Return a follow-up question with what it refers to; None when the model does not give one or puts in something of its own."""
        try:
            rewritten = "".join(self._stream(rewrite_messages(question, history), REWRITE_TIMEOUT_S)).strip()
        except Withheld:
            return None
        known = "\n".join([*(f"{answer.question}\n{answer.answer}" for answer in history[-REMEMBERED:]), question])
        return rewritten if _is_question(rewritten, question) and _adds_nothing(rewritten, known) else None

    def _judged(self, quoted: Answer, text: str) -> Answer:
        if not text:
            raise Withheld("empty")
        if _plain(text) in (_plain(fill("llm", language, "no_answer")) for language in ("ar", "en")):
            raise Withheld("declined")
        text = plain_markers(text, quoted.citations)
        found = check_answer(text, quoted.citations)
        if not _rests_on_quotes(text, quoted.citations, found):
            raise Withheld("uncited")
        if failed := [finding.check for finding in found if not finding.check.supported and finding.check.kind in KEY_KINDS]:
            kinds = ", ".join(sorted({check.kind for check in failed}))  # not their texts, which no log holds
            log.warning("an answer of %s is withheld: %s not in its quotes", self._name, kinds)
            raise Withheld("unsupported")
        marked = mark(text, found, fill("llm", quoted.language, "mark"))
        return replace(quoted, mode="llm", model=self._name, answer=marked, checks=tuple(finding.check for finding in found))

    def _stream(self, messages: Messages, timeout_s: float) -> Iterator[str]:
        """The model's text, piece by piece; a request that fails before its first word is made again. Raises Withheld."""
        deadline = time.monotonic() + timeout_s
        for attempt in range(RETRIES + 1):
            begun = False
            try:
                for piece in self._request(messages, deadline):
                    begun = True
                    yield piece
                return
            except Withheld:
                raise
            except Exception as error:  # each provider raises its own
                if isinstance(error, ValueError) and "No generation chunks" in str(error):
                    return  # LangChain's word for an empty answer
                log.warning("the language model %s failed: %s", self._name, str(error).partition("\n")[0])
                late = time.monotonic() >= deadline or "timeout" in type(error).__name__.lower()
                if late or begun or attempt == RETRIES or not _may_pass(error):
                    raise Withheld("slow" if late else "unavailable") from error
            time.sleep(PAUSE_S * (attempt + 1))

    def _request(self, messages: Messages, deadline: float) -> Iterator[str]:
        length = 0
        chunks: Any = self._model.stream(messages)
        with closing(chunks):  # a reader who leaves ends the request
            for chunk in chunks:
                if time.monotonic() > deadline:
                    raise Withheld("slow")
                if piece := _visible(str(chunk.text)):
                    length += len(piece)
                    yield piece
                if length > MAX_CHARS:
                    raise Withheld("uncited")


# Prompts


def answer_messages(quoted: Answer, history: Sequence[Answer], *, context: int, count: Callable[[str], int] = estimate_tokens) -> Messages:
    """Return what the model is given: rules, as much of the conversation as fits into `context` tokens, quotes and question."""
    language = quoted.language
    system = fill("llm", language, "system", no_answer=fill("llm", language, "no_answer"))
    quotes = [json.dumps(_evidence(citation), ensure_ascii=False) for citation in quoted.citations]
    room = context - ANSWER_TOKENS - count(system)
    while len(quotes) > 1 and count(fill("llm", language, "ask", quotes="\n".join(quotes), question=quoted.question)) > room:
        quotes.pop()  # the least of them
    ask = fill("llm", language, "ask", quotes="\n".join(quotes), question=quoted.question)
    return [SystemMessage(system), *_remembered(history, room - count(ask), count), HumanMessage(ask)]


def rewrite_messages(question: str, history: Sequence[Answer]) -> Messages:
    """Return what the model is given to make a follow-up question complete."""
    language = language_of(question)
    turns = [
        json.dumps({"question": a.question, "answer": a.answer[:MAX_QUESTION_CHARS]}, ensure_ascii=False) for a in history[-REMEMBERED:]
    ]
    ask = fill("llm", language, "rewrite", conversation="\n".join(turns), question=question)
    return [SystemMessage(fill("llm", language, "rewrite_system")), HumanMessage(ask)]


def _evidence(citation: Citation) -> dict[str, object]:
    """One line of JSON cannot end itself, so that no statement can speak from outside its quote."""
    about = {"title": citation.title, "issuer": citation.issuer, "date": citation.date}
    return {"number": citation.number, **{name: value for name, value in about.items() if value}, "quote": citation.quote}


def _remembered(history: Sequence[Answer], room: int, count: Callable[[str], int]) -> Messages:
    messages: Messages = []
    for answer in reversed(history[-REMEMBERED:]):
        room -= count(answer.question) + count(answer.answer)
        if room < 0:
            break
        messages = [HumanMessage(answer.question), AIMessage(answer.answer), *messages]
    return messages


# Judging


def mark(text: str, found: Sequence[Finding], sign: str) -> str:
    """Put a sign behind every stretch of a text whose check failed, quotation marks included."""
    ends = {finding.span.end for finding in found if not finding.check.supported}
    for end in sorted(ends, reverse=True):
        end += text[end : end + 1] in tuple('»”"')
        text = text[:end] + sign + text[end:]
    return text


def _rests_on_quotes(text: str, citations: Sequence[Citation], found: Sequence[Finding]) -> bool:
    """Whether one sentence at least cites a quote that it has to do with."""
    known = {citation.number for citation in citations}
    failed = {finding.span for finding in found if finding.check.kind == "citation" and not finding.check.supported}
    return any(
        known.intersection(claim.numbers) and claim.span not in failed and content_words(claim.said) for claim in claims(text, citations)
    )


def _is_question(rewritten: str, question: str) -> bool:
    """Whether a rewritten question is one line of the question's language."""
    one_line = 0 < len(rewritten) <= MAX_QUESTION_CHARS and "\n" not in rewritten
    return (
        one_line and language_of(rewritten) == language_of(question) and not foreign_language(rewritten) and bool(content_words(rewritten))
    )


def _adds_nothing(rewritten: str, known: str) -> bool:
    """Whether every figure, date and name of a rewritten question comes from the conversation."""
    conversation = Citation(1, "conversation", "", None, None, "", language_of(known), known, 0, len(known), 1.0)
    details = ("number", "date", "name")
    return not any(f.check.kind in details and not f.check.supported for f in check_answer(rewritten, [conversation]))


def _may_pass(error: Exception) -> bool:
    """Whether a failure may be gone the next time: any but the provider's "you are wrong" (a bad key, an unknown model)."""
    status = getattr(error, "status_code", None)
    return not (isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 425, 429))


def _visible(text: str) -> str:
    """Text without invisible and control characters, which could hide words from a reader or turn their order."""
    return "".join(char for char in text if char in "\n\u200c" or unicodedata.category(char) not in ("Cf", "Cc"))


def _plain(text: str) -> str:
    return " ".join(text.casefold().strip(" .!*\"'").split())
