"""Bayan as a LangChain runnable: a question goes in, an Answer comes out, in pieces when streamed; callbacks and tracing see what happens.

The run is called "bayan"; inside it LangChain sees the search as a retriever and, with a language model, its words as they come. Knows
nothing of how answers are found.

    for piece in AnswerRunnable(assistant).stream("متى تبدأ الدراسة؟"):
        ...  # each an Answer that takes the place of the one before
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import CallbackManager
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, get_callback_manager_for_config, patch_config, set_config_context

from rag.prompts import fill
from rag.schema import Answer, Completed, Delta, Event, Hit, Retrieved, to_json

if TYPE_CHECKING:
    from rag.assistant import Assistant

NAME = "bayan"
Question = str | Mapping[str, Any]


class AnswerRunnable(Runnable[Question, Answer]):
    """From a question to an Answer. The input is the question, or a mapping of the arguments of `Assistant.ask`, "question" among them.

    Streamed, every piece is a whole Answer that takes the place of the one before: first the quotes, checked; with a language model then
    the quotes with its words so far below them, said to be unchecked; last the answer to keep. `invoke` returns the last.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self.name = NAME

    def invoke(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        *_, last = self.stream(input, config, **kwargs)
        return last

    def stream(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any | None) -> Generator[Answer, None, None]:
        config = ensure_config(config)
        run = get_callback_manager_for_config(config).on_chain_start(
            {"name": NAME}, input, name=config.get("run_name") or NAME, run_id=config.pop("run_id", None)
        )
        child = patch_config(config, callbacks=run.get_child())
        piece: Answer | None = None
        try:
            with closing(self._pieces(input, child)) as pieces:
                for piece in pieces:
                    yield piece
        except BaseException as error:  # one who leaves too: the run is over
            run.on_chain_error(error)
            raise
        run.on_chain_end(piece)

    async def ainvoke(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        return await asyncio.to_thread(self.invoke, input, config, **kwargs)

    async def astream(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any | None) -> AsyncIterator[Answer]:
        pieces = self.stream(input, config, **kwargs)
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece
        finally:
            await asyncio.to_thread(pieces.close)

    def _pieces(self, asked: Question, config: RunnableConfig) -> Generator[Answer, None, None]:
        arguments = {"question": asked} if isinstance(asked, str) else dict(asked)
        search = _Search(config, str(arguments["question"]))
        quoted: Answer | None = None
        written = ""
        with set_config_context(config) as context:  # what the model is asked inside belongs to this run
            steps = self._assistant.steps(**arguments)
            try:
                while (step := context.run(_next, steps)) is not None:
                    if isinstance(step, Retrieved):
                        search.end(step.hits)
                    elif isinstance(step, Answer):
                        quoted = step
                        yield quoted
                    elif isinstance(step, Delta) and step.by == "model" and quoted:
                        written += step.text
                        yield replace(quoted, answer=f"{quoted.answer}\n\n{fill('llm', quoted.language, 'unchecked')}\n{written}")
                    elif isinstance(step, Completed):
                        yield step.answer
            except Exception as error:
                search.fail(error)
                raise
            finally:
                context.run(steps.close)


def _next(steps: Iterator[Event | Answer]) -> Event | Answer | None:
    return next(steps, None)


class _Search:
    """The search as callbacks see it: a retriever's run, begun with the question and over when the hits are there."""

    def __init__(self, config: RunnableConfig, question: str) -> None:
        manager = CallbackManager.configure(inheritable_callbacks=config.get("callbacks"))
        self._run: Any = manager.on_retriever_start({"name": f"{NAME}-search"}, question, name=f"{NAME}-search")

    def end(self, hits: tuple[Hit, ...]) -> None:
        self._run.on_retriever_end([Document(page_content=hit.text, id=hit.passage_id, metadata=to_json(hit)) for hit in hits])
        self._run = None

    def fail(self, error: Exception) -> None:
        if self._run:
            self._run.on_retriever_error(error)
