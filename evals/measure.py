"""Ask a question set of an index and count what a reader would notice.

    python -m evals.measure evals/sets/samples.jsonl [--index DIR] [--failures]

For each language: the share of answerable questions whose evidence stands in the first two quotes, and the share of unanswerable ones
refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.questions import Question, read_questions
from rag import Answer, Assistant

QUOTES = 2


@dataclass(frozen=True)
class Outcome:
    """A question and its answer. `right`: evidence quoted, or refused when there is none."""

    question: Question
    answer: Answer

    @property
    def right(self) -> bool:
        if not self.question.answerable:
            return self.answer.status == "not_found"
        quotes = [citation.quote for citation in self.answer.citations[:QUOTES]]
        return any(evidence in quote for evidence in self.question.evidence for quote in quotes)


def run(assistant: Assistant, questions: Sequence[Question]) -> list[Outcome]:
    """Ask every question."""
    return [Outcome(question, assistant.ask(question.question)) for question in questions]


def share_right(outcomes: Iterable[Outcome], *, language: str, answerable: bool) -> float:
    """Return the share of right outcomes among the questions in `language`; nan when there are none."""
    chosen = [o.right for o in outcomes if o.question.language == language and o.question.answerable == answerable]
    return sum(chosen) / len(chosen) if chosen else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("set", type=Path)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--failures", action="store_true", help="print the questions that went wrong")
    arguments = parser.parse_args()
    outcomes = run(Assistant.open(arguments.index), read_questions(arguments.set))
    for language in ("ar", "en"):
        evidence = share_right(outcomes, language=language, answerable=True)
        refused = share_right(outcomes, language=language, answerable=False)
        print(f"{language}: evidence in the first two quotes {evidence:.2f}, unanswerable refused {refused:.2f}")
    times = sorted(outcome.answer.timings_ms.total for outcome in outcomes)
    print(f"median {times[len(times) // 2]:.0f} ms an answer")
    for outcome in (o for o in outcomes if arguments.failures and not o.right):
        print(f"\n{outcome.question}\n{outcome.answer.answer}")


if __name__ == "__main__":
    main()
