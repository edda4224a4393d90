"""What is counted: each measure of one question

A system that fails at a question scores the worst there is (0, or 1 where less is better), so that skipping never pays. Retrieval is
measured by ir-measures as trec_eval does. Where a set grades statements, they are what is to be found, each by its best passage; else one
thing is: the first passage that holds evidence.

    measure(rows)  # {("samples", "s01"): {"R@5": 1.0, …}, …}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evals.measuring.rows import Row
from evals.questions.overlap import exact_match, holds, token_f1
from evals.questions.questions import Question
from rag.language import language_of
from rag.schema import Answer, Citation, Hit

QUOTES = 2  # that a reader is sure to see
RETRIEVAL = ("R@1", "R@5", "R@10", "RR", "nDCG@10")
LATENCY = {"latency.p50": 0.50, "latency.p95": 0.95}
_IN_MARKS = re.compile("[“«]([^“”«»]+)[”»]")  # In the quote: “ثلاثة” is 3
_MARKER = re.compile(r"\s*\[[\d٠-٩]+\]")

Key = tuple[str, str]  # set, question
Values = dict[Key, dict[str, float]]


@dataclass(frozen=True)
class Measure:
    """`of`: its value for one row, None where it says nothing. `asked_of`: the questions on which failing counts."""

    name: str
    meaning: str
    of: Callable[[Row], float | None] = lambda row: None
    asked_of: Callable[[Question], bool] = lambda question: True
    less_is_better: bool = False

    @property
    def worst(self) -> float:
        return float(self.less_is_better)


def measure(rows: Sequence[Row]) -> Values:
    """Return every measure of every row that it applies to."""
    values: Values = {key_of(row): _of_answer(row) if row.asked else {} for row in rows}
    for key, found in _retrieval(rows).items():
        values[key] |= found
    for row in rows:
        if row.error is None:
            values[key_of(row)] |= dict.fromkeys(LATENCY, row.latency_ms)
    return values


def _of_answer(row: Row) -> dict[str, float]:
    found = {}
    for item in MEASURES.values():
        worst = item.worst if item.asked_of(row.question) else None
        value = item.of(row) if row.error is None else worst
        if value is not None and item.name not in (*RETRIEVAL, *LATENCY):
            found[item.name] = float(value)
    return found


def key_of(row: Row) -> Key:
    return row.set_name, row.question.question_id


# One question


def is_right(row: Row) -> bool:
    """Evidence in the first two quotes, or refused when there is none."""
    return has_evidence(row) if row.question.answerable else not row.answered


def has_evidence(row: Row) -> bool:
    """Whether what a reader sees of the answer holds what was expected."""
    return row.answered and _any_holds(shown(row), expected(row.question))


def expected(question: Question) -> tuple[str, ...]:
    return question.evidence or question.answers


def shown(row: Row) -> list[str]:
    """What is judged of an answer: its first two quotes; of a system that cites nothing, its text."""
    if row.answer is None:
        return []
    return [quote.quote for quote in row.quotes[:QUOTES]] or [row.answer.answer]


def is_evidence(quote: Citation | Hit, row: Row) -> bool:
    """Whether a quote or passage holds what was expected; of a set that grades statements, only one of theirs can."""
    if row.relevant and row.relevant.get(quote.statement_id, 0) <= 0:
        return False
    # Answers without evidence are in the set's own words, which no statement needs to hold: there the statement has to do. Evidence may
    # stand in several statements (a correction repeats, a translation is published), and any of them will do.
    if row.question.evidence:
        return _any_holds([quote.quote if isinstance(quote, Citation) else quote.text], row.question.evidence)
    return bool(row.relevant) or quote.statement_id == row.question.statement


def _any_holds(texts: Sequence[str], stretches: Sequence[str]) -> bool:
    return any(holds(text, stretch) for text in texts for stretch in stretches)


def _of_answerable(value: Callable[[Row], float]) -> Callable[[Row], float | None]:
    return lambda row: value(row) if row.question.answerable else None


def _overlap(score: Callable[[str, str], float]) -> Callable[[Row], float | None]:
    """The best agreement of the quotes, or of a model's text, with any way to say the answer; 0 for a refusal."""

    def best(row: Row) -> float:
        if row.answer is None or not row.answered:
            return 0.0
        texts = [*shown(row), *([_MARKER.sub("", row.answer.answer)] if row.answer.mode == "llm" else [])]
        return max(score(text, answer) for text in texts for answer in row.question.answers or row.question.evidence or ("",))

    return _of_answerable(best)


def _citation_precision(row: Row) -> float | None:
    if row.answer is None or not row.answered:
        return None  # a refusal cites nothing
    cited = row.answer.citations
    return sum(row.question.answerable and is_evidence(quote, row) for quote in cited) / len(cited) if cited else 0.0


def _citation_recall(row: Row) -> float:
    return float(row.answer is not None and any(is_evidence(quote, row) for quote in row.answer.citations))


def _verbatim(row: Row) -> float | None:
    return sum(row.verbatim) / len(row.verbatim) if row.verbatim else None


def _in_language(row: Row) -> float | None:
    """Whether the answer's own words are in the question's language: what is left without quotes, titles and issuers."""
    return float(row.answer is not None and language_of(own_words(row.answer)) == row.question.language)


def own_words(answer: Answer) -> str:
    """Return the answer's text without quotes, pieces of them read aloud, titles and issuers; all of it when nothing is left."""
    cited, text = (*answer.citations, *answer.nearest), answer.answer
    parts = [*(quote.quote for quote in cited), *(quote.title for quote in cited), *(quote.issuer or "" for quote in cited)]
    for part in filter(None, parts):  # quotes first: one may hold the name of its issuer
        text = text.replace(part, " ")
    text = _IN_MARKS.sub(lambda found: " " if any(found[1] in quote.quote for quote in cited) else found[0], text)
    return text if any(char.isalpha() for char in text) else answer.answer


def _alarmed(row: Row) -> float | None:
    return float(any(not item.supported for item in row.answer.checks)) if row.answer and row.answer.checks else None


def _answerable(question: Question) -> bool:
    return question.answerable


def _unanswerable(question: Question) -> bool:
    return not question.answerable


MEASURES: dict[str, Measure] = {
    item.name: item
    for item in (
        Measure("right", "evidence quoted, or refused when there is none", is_right),
        Measure("evidence", f"evidence in the first {QUOTES} quotes", _of_answerable(has_evidence), _answerable),
        Measure("R@1", "found at rank 1", asked_of=_answerable),
        Measure("R@5", "found in the first 5", asked_of=_answerable),
        Measure("R@10", "found in the first 10", asked_of=_answerable),
        Measure("RR", "reciprocal rank of the first found", asked_of=_answerable),
        Measure("nDCG@10", "normalised discounted cumulative gain of the first 10", asked_of=_answerable),
        Measure("f1", "words in common with the expected answer", _overlap(token_f1), _answerable),
        Measure("em", "exactly the expected answer", _overlap(exact_match), _answerable),
        Measure("citation.precision", "share of the cited quotes that hold evidence", _citation_precision),
        Measure("citation.recall", "evidence in any of the cited quotes", _of_answerable(_citation_recall), _answerable),
        Measure("verbatim", "share of the quotes that are their statement's text, character by character", _verbatim),
        Measure(
            "answered.wrong",
            "answered though nothing answers",
            lambda row: None if row.question.answerable else float(row.answered),
            _unanswerable,
            less_is_better=True,
        ),
        Measure(
            "refused.wrong",
            "refused though something answers",
            _of_answerable(lambda row: float(not row.answered)),
            _answerable,
            less_is_better=True,
        ),
        Measure("language", "the answer's own words in the question's language", _in_language),
        Measure("alarm", "answers with a check that found something unsupported", _alarmed, less_is_better=True),
        Measure("failed", "the system failed at the question", lambda row: 0.0, less_is_better=True),
        Measure("latency.p50", "milliseconds, half of the answers within", less_is_better=True),
        Measure("latency.p95", "milliseconds, 95 % of the answers within", less_is_better=True),
    )
}


# Retrieval


def _retrieval(rows: Sequence[Row]) -> Values:
    """A system that shows nothing of what it found, as a chat endpoint does not, is not measured by it."""
    import ir_measures

    if not any(row.hits for row in rows):
        return {}
    asked = {str(number): row for number, row in enumerate(rows) if to_find(row)}
    qrels = {key: to_find(row) for key, row in asked.items()}
    run = {key: {found: -float(rank) for rank, found in enumerate(ranked(row))} for key, row in asked.items()}
    values: Values = {key_of(row): dict.fromkeys(RETRIEVAL, 0.0) for row in asked.values()}
    for metric in ir_measures.iter_calc(map(ir_measures.parse_measure, RETRIEVAL), qrels, run) if asked else ():
        values[key_of(asked[metric.query_id])][str(metric.measure)] = float(metric.value)
    return values


def to_find(row: Row) -> dict[str, int]:
    """What is to be found, with grades: graded statements, else the evidence; nothing when the question has neither."""
    if not row.question.answerable:
        return {}
    if row.relevant:
        return dict(row.relevant)
    return {"evidence": 1} if row.question.evidence or row.question.statement else {}


def ranked(row: Row) -> list[str]:
    """What was found, in its order and each once, named as `to_find` does."""
    if row.relevant:
        return list(dict.fromkeys(hit.statement_id for hit in row.hits))
    rank = next((number for number, hit in enumerate(row.hits) if is_evidence(hit, row)), None)
    return ["evidence" if number == rank else f"passage {number}" for number in range(len(row.hits))]
