"""Bayan inside a larger LangChain chain: several questions at once, then one brief that gives every figure its source.

    python ui/examples/chain.py INDEX "كم عدد الجرحى؟" "When does the bridge reopen?"

The last step here is a plain function; put a prompt and a chat model in its place, or behind it. What Bayan quotes is its own check: keep
the citations beside whatever is written from them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from langchain_core.runnables import Runnable, RunnableLambda

from rag import Answer, Assistant


def brief(answers: Sequence[Answer]) -> str:
    """What the statements say, question by question, each quote with where it stands."""
    parts = []
    for answer in answers:
        told = [f"- {c.quote} ({c.title}, {c.date or 'undated'}, {c.source}:{c.start}–{c.end})" for c in answer.citations]
        parts.append("\n".join([f"## {answer.question}", *(told or [f"- {answer.answer}"])]))
    return "\n\n".join(parts)


def build_chain(assistant: Assistant) -> Runnable[Mapping[str, Sequence[str]], str]:
    """From {"questions": […]} to a brief: each question is a run of its own in any tracer, two at a time."""
    answering = RunnableLambda(lambda asked: asked["questions"], name="questions") | assistant.as_runnable().map()
    return (answering | RunnableLambda(brief, name="brief")).with_config(run_name="brief-of-statements", max_concurrency=2)


if __name__ == "__main__":
    index, *questions = sys.argv[1:]
    print(build_chain(Assistant.open(index)).invoke({"questions": questions}))
