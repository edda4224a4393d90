"""Bayan as a LangChain runnable: pieces that grow, what callbacks see, asynchronous use, and the example of a larger chain."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeEmbeddings
from fakes_llm import ScriptedModel
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from test_llm import GOOD, NAME, NONSENSE, QUESTION, assistant_with, sources  # noqa: F401  a fixture

from rag.errors import QuestionError
from rag.prompts import fill
from ui.examples.chain import build_chain

PIECES = ["The olive harvest ", "reached 40 ", "tonnes [1]."]


class Tracer(BaseCallbackHandler):
    """Writes down what happens, with the name of the run and of the one it belongs to."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.names: dict[Any, str] = {None: ""}
        self.outputs: list[Any] = []

    def _begin(self, event: str, name: str, run_id: Any, parent_run_id: Any) -> None:
        self.names[run_id] = name
        self.events.append(f"{event} {self.names.get(parent_run_id, '?')}/{name}")

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: Any, parent_run_id: Any = None, name: str = "", **_: Any) -> None:
        self._begin("chain", name, run_id, parent_run_id)

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: Any, parent_run_id: Any = None, name: str = "", **_: Any) -> None:
        self._begin("retriever", name, run_id, parent_run_id)

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: Any, parent_run_id: Any = None, **_: Any) -> None:
        self._begin("model", "model", run_id, parent_run_id)

    def on_retriever_end(self, documents: Any, *, run_id: Any, **_: Any) -> None:
        self.events.append(f"end {self.names[run_id]} {len(documents)}")

    def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
        self.events.append(f"end {self.names[run_id]}")

    def on_chain_end(self, outputs: Any, *, run_id: Any, **_: Any) -> None:
        self.outputs.append(outputs)
        self.events.append(f"end {self.names[run_id]}")

    def on_chain_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
        self.events.append(f"error {self.names[run_id]}")

    def on_retriever_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
        self.events.append(f"error {self.names[run_id]}")


def test_pieces_take_the_place_of_each_other_and_unchecked_words_are_said_to_be(fake: FakeEmbeddings, sources: Path) -> None:  # noqa: F811
    runnable = assistant_with(ScriptedModel(PIECES), sources).as_runnable()
    quoted, *growing, last = runnable.stream(QUESTION)
    assert (quoted.status, quoted.mode) == ("answered", "quote") and quoted.checks and quoted.citations
    warning = fill("llm", "en", "unchecked")
    assert [piece.answer for piece in growing] == [
        f"{quoted.answer}\n\n{warning}\n{''.join(PIECES[: number + 1])}" for number in range(len(PIECES))
    ]
    assert all((piece.status, piece.mode, piece.model) == ("answered", "quote", None) for piece in growing)
    assert (last.mode, last.model, last.answer) == ("llm", NAME, GOOD)
    assert warning not in last.answer
    assert runnable.invoke(QUESTION).answer == GOOD


def test_without_a_model_the_quotes_are_the_answer(fake: FakeEmbeddings, sources: Path) -> None:  # noqa: F811
    runnable = assistant_with(None, sources).as_runnable()
    assert {(piece.status, piece.answer) for piece in runnable.stream(QUESTION)} == {("answered", runnable.invoke(QUESTION).answer)}
    assert {piece.status for piece in runnable.stream(NONSENSE)} == {"not_found"}
    first = runnable.invoke(QUESTION)
    assert runnable.invoke({"question": "And when?", "history": [first]}).citations


def test_callbacks_see_the_run_the_search_and_the_model(fake: FakeEmbeddings, sources: Path) -> None:  # noqa: F811
    tracer = Tracer()
    runnable = assistant_with(ScriptedModel(PIECES), sources).as_runnable()
    runnable.invoke(QUESTION, {"callbacks": [tracer], "run_name": "harvest"})
    assert tracer.events == [
        "chain /harvest",
        "retriever harvest/bayan-search",
        "end bayan-search 1",
        "model harvest/model",
        "end model",
        "end harvest",
    ]
    assert tracer.outputs[-1].answer == GOOD, "the trace holds the answer, not its first piece"


def test_failing_and_leaving_end_the_run(fake: FakeEmbeddings, sources: Path) -> None:  # noqa: F811
    tracer, model = Tracer(), ScriptedModel(PIECES)
    runnable = assistant_with(model, sources).as_runnable()
    with pytest.raises(QuestionError):
        runnable.invoke("؟؟", {"callbacks": [tracer]})
    assert tracer.events[-2:] == ["error bayan-search", "error bayan"]
    pieces = runnable.stream(QUESTION, {"callbacks": [tracer]})
    next(pieces), next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert tracer.events[-1] == "error bayan"
    assert model.closed == [True], "the model writes no further"


def test_asynchronous_use_gives_the_same(fake: FakeEmbeddings, sources: Path) -> None:  # noqa: F811
    tracer = Tracer()
    runnable = assistant_with(ScriptedModel(PIECES), sources).as_runnable()

    async def use() -> tuple[list[str], Any]:
        pieces = [piece.answer async for piece in runnable.astream(QUESTION, {"callbacks": [tracer]})]
        return pieces, await runnable.ainvoke(QUESTION)

    pieces, answer = asyncio.run(use())
    assert pieces == [piece.answer for piece in runnable.stream(QUESTION)]
    assert answer.answer == pieces[-1] == GOOD
    assert "model bayan/model" in tracer.events and tracer.events[-1] == "end bayan"


def test_in_a_chain_the_next_step_is_given_the_last_piece(fake: FakeEmbeddings, sources: Path) -> None:  # noqa: F811
    chain = assistant_with(ScriptedModel(PIECES), sources).as_runnable() | RunnableLambda(lambda answer: answer.answer)
    assert "".join(chain.stream(QUESTION)) == chain.invoke(QUESTION) == GOOD


def test_the_example_of_a_larger_chain(fake: FakeEmbeddings, sources: Path) -> None:  # noqa: F811
    tracer = Tracer()
    chain = build_chain(assistant_with(None, sources))
    told = chain.invoke({"questions": [QUESTION, NONSENSE]}, {"callbacks": [tracer]})
    harvest, nonsense = told.split("\n\n")
    assert harvest.startswith(f"## {QUESTION}\n- ") and "40 tonnes" in harvest and "(Olive harvest, 2030-11-02, " in harvest
    assert nonsense.startswith(f"## {NONSENSE}\n- No answer")
    assert tracer.events[0] == "chain /brief-of-statements"
    assert sum(event.endswith("/bayan") for event in tracer.events) == 2
