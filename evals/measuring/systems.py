"""Systems under test: Bayan itself, and its peers asked the same questions.

    bayan                           the assistant over the index
    openai:MODEL@http://host/v1     a chat endpoint that speaks OpenAI's protocol; the key, if it wants one, in OPENAI_API_KEY
    runnable:module:attribute       a LangChain Runnable, or a function, from a question to an Answer, a message, a text, documents, or a
                                    dict with "answer" and "context"

A peer that cites nothing is judged by its text. What it says to refuse is known by the phrases in `refusals.txt`.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.documents import Document
from langchain_core.language_models import BaseLanguageModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda

from rag.errors import SettingsError
from rag.language import fold, language_of
from rag.schema import Answer, Completed, Hit

if TYPE_CHECKING:
    from rag import Assistant
    from rag.settings import Settings

T = TypeVar("T")
BAYAN = "bayan"
PEER = re.compile(r"openai:(?P<model>[^@]+)@(?P<url>https?://\S+)|runnable:(?P<module>[\w.]+):(?P<attribute>[\w.]+)")
FOUND, PASSAGES = 10, 40  # results kept; passages searched for them when statements are ranked, each by its best passage
TIMEOUT_S = 120
OPENING_CHARS = 200  # further on, the same words may be about a detail


@dataclass(frozen=True)
class Response:
    """What came back of a question. `latency_ms`: as its user would have waited."""

    answer: Answer | None
    hits: tuple[Hit, ...] = ()
    confidence: float | None = None
    latency_ms: float = 0.0
    usage: Mapping[str, int] | None = None


class System(Protocol):
    """Something that answers questions; `history` are its answers to the questions before, oldest first."""

    def ask(self, question: str, history: Sequence[Answer]) -> Response: ...
    def search(self, question: str, history: Sequence[Answer]) -> Response: ...


def check_system(spec: str) -> None:
    """Raise SettingsError unless `spec` names a system."""
    if spec != BAYAN and not PEER.fullmatch(spec):
        raise SettingsError(f'no system is named "{spec}"; give bayan, openai:MODEL@URL or runnable:MODULE:ATTRIBUTE')


def open_system(spec: str, settings: Settings, *, by_statement: bool = False) -> System:
    """Open a system; `by_statement`: its results are ranked as statements. Raises SettingsError, and what opening an index raises."""
    check_system(spec)
    if spec == BAYAN:
        from rag import Assistant

        return BayanSystem(Assistant.open(settings=settings), by_statement=by_statement)
    return RunnableSystem(_runnable(spec))


class BayanSystem:
    """Bayan, as any program uses it."""

    def __init__(self, assistant: Assistant, *, by_statement: bool = False) -> None:
        self._assistant, self._by_statement = assistant, by_statement

    def ask(self, question: str, history: Sequence[Answer]) -> Response:
        with get_usage_metadata_callback() as spent:
            completed, latency_ms = _timed(lambda: self._completed(question, history))
        hits = self.search(question, history).hits
        return Response(completed.answer, hits, completed.confidence, latency_ms, _usage(spent.usage_metadata))

    def search(self, question: str, history: Sequence[Answer]) -> Response:
        from rag.retrieval.followup import in_context

        query, top_k = in_context(question, history), PASSAGES if self._by_statement else FOUND
        hits, latency_ms = _timed(lambda: self._assistant.search(query, top_k=top_k))
        best = {hit.statement_id if self._by_statement else hit.passage_id: hit for hit in reversed(hits)}
        kept = sorted(best.values(), key=lambda hit: hit.rank)[:FOUND]
        return Response(None, tuple(kept), latency_ms=latency_ms)

    def _completed(self, question: str, history: Sequence[Answer]) -> Completed:
        *_, last = self._assistant.stream(question, history=history)
        if not isinstance(last, Completed):
            raise AssertionError("a stream always ends with Completed")
        return last


class RunnableSystem:
    """A LangChain Runnable. A chat model is given the conversation, anything else the question below those before it."""

    def __init__(self, runnable: Runnable[Any, Any]) -> None:
        self._runnable = runnable

    def ask(self, question: str, history: Sequence[Answer]) -> Response:
        asked = self._conversation(question, history)
        with get_usage_metadata_callback() as spent:
            output, latency_ms = _timed(lambda: self._runnable.invoke(asked))
        return Response(_answer(output, question), _hits(output), None, latency_ms, _usage(spent.usage_metadata))

    def search(self, question: str, history: Sequence[Answer]) -> Response:
        output, latency_ms = _timed(lambda: self._runnable.invoke(self._conversation(question, history)))
        return Response(None, _hits(output), latency_ms=latency_ms)

    def _conversation(self, question: str, history: Sequence[Answer]) -> Any:
        if isinstance(self._runnable, BaseLanguageModel):
            turns = [turn for answer in history for turn in (HumanMessage(answer.question), AIMessage(answer.answer))]
            return [*turns, HumanMessage(question)]
        return "\n".join([*(answer.question for answer in history), question])


def _runnable(spec: str) -> Runnable[Any, Any]:
    parts = PEER.fullmatch(spec)
    if parts and parts["model"]:
        return _chat_model(parts["model"], parts["url"])
    module, attribute = (parts["module"], parts["attribute"]) if parts else ("", "")
    if os.getcwd() not in sys.path:  # an installed command does not look in the working folder by itself
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = import_module(module)
        for name in attribute.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f'the system "{spec}" cannot be imported ({error}); it is runnable:MODULE:ATTRIBUTE') from error
    if isinstance(found, Runnable):
        return found
    if callable(found):
        return RunnableLambda(found)
    raise SettingsError(f'the system "{spec}" is a {type(found).__name__}; it must be a LangChain Runnable or a function')


def _chat_model(model: str, url: str) -> Runnable[Any, Any]:
    try:
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise SettingsError("chat endpoints need the package langchain-openai; install it with `pip install 'bayan[openai]'`") from error
    key = os.environ.get("OPENAI_API_KEY") or "none"  # local servers want none, the client wants one
    return ChatOpenAI(model=model, base_url=url, api_key=lambda: key, temperature=0, timeout=TIMEOUT_S, max_retries=2)


# What came back


def _answer(output: Any, question: str) -> Answer:
    """The output as an Answer: Bayan's own as it is, anything else by its text."""
    if isinstance(output, Answer):
        return output
    text, model = _text(output), None
    if isinstance(output, BaseMessage):
        model = output.response_metadata.get("model_name")
    return Answer(question, language_of(text), "not_found" if refuses(text) else "answered", "llm", model, text)


def _text(output: Any) -> str:
    if isinstance(output, BaseMessage):
        return str(output.text).strip()
    if isinstance(output, Mapping):
        key = next((key for key in ("answer", "result", "output") if key in output), None)
        return _text(output[key]) if key else ""
    return output.strip() if isinstance(output, str) else ""


def _hits(output: Any) -> tuple[Hit, ...]:
    """The documents that a retriever returns, or a chain under "context" or "source_documents"."""
    if isinstance(output, Mapping):
        output = next((output[key] for key in ("context", "source_documents") if isinstance(output.get(key), list)), [])
    documents = [item for item in output if isinstance(item, Document)] if isinstance(output, list) else []
    return tuple(_hit(rank, document) for rank, document in enumerate(documents[:FOUND], 1))


def _hit(rank: int, document: Document) -> Hit:
    """A document names its statement by `statement_id`, else by its source's file name, else by its own id."""
    about, text = document.metadata, document.page_content
    source = str(about.get("source", ""))
    statement_id = str(about.get("statement_id") or Path(source).stem or document.id or "")
    score, start = float(about.get("score", -rank)), int(about.get("start", 0))
    title, passage_id = str(about.get("title", "")), str(document.id or f"{statement_id}:{rank}")
    return Hit(rank, score, statement_id, passage_id, title, None, None, language_of(text), source, text, start, start + len(text))


def refuses(text: str) -> bool:
    """Say whether a peer's text begins by saying that there is no answer; an empty one does."""
    folded = fold(text)[:OPENING_CHARS]
    return not folded.strip() or any(phrase in folded for phrase in _refusals())


@cache
def _refusals() -> tuple[str, ...]:
    lines = files("evals").joinpath("refusals.txt").read_text(encoding="utf-8").splitlines()
    return tuple(fold(line.strip()) for line in lines if line.strip() and not line.startswith("#"))


def _usage(by_model: Mapping[str, Mapping[str, Any]]) -> dict[str, int] | None:
    names = ("input_tokens", "output_tokens")
    return {name: sum(int(spent[name]) for spent in by_model.values()) for name in names} if by_model else None


def _timed(action: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    result = action()
    return result, round((time.perf_counter() - begun) * 1_000, 1)
