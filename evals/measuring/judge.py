"""A chat model's opinion of a run's answers: faithful to their quotes, relevant to their questions; by deepeval, an extra.

Opinions are kept apart from what is measured, in `judged.json` of the run's folder, and no gate looks at them: a judge is itself a model
that errs, and less surely in Arabic. Judging again with the same model asks only what is missing. deepeval's telemetry, its `.env` files
and its files in the working folder are switched off before it is imported. Knows nothing of how answers came about.

    judge(read_run(Path("runs/samples-1a2b3c4d5e")), model, "openai:gpt-5.5")
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.measuring.rows import Row
from evals.measuring.runs import JUDGED, Run, write_record
from evals.measuring.summary import Estimate, estimate, groups_of
from rag.errors import SettingsError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

OPINIONS = {
    "faithfulness": "share of an answer's claims that its quotes do not contradict, in the judge's opinion",
    "relevance": "share of an answer's sentences that are about the question, in the judge's opinion",
}
QUIET = {  # deepeval reports to its maker, reads `.env` and writes into the working folder unless told not to before it is imported
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_UPDATE_WARNING_OPT_IN": "0",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_DISABLE_LEGACY_KEYFILE": "1",
    "ERROR_REPORTING": "0",
}
Scores = dict[str, float | None]


@dataclass(frozen=True)
class Opinions:
    """What a judge said: `means` by set and group; `unjudged` counts the answers it gave no usable opinion on."""

    judge: str
    package: str
    means: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    unjudged: int


def judge(run: Run, model: BaseChatModel, name: str, *, watch: Callable[[int, int], None] = lambda done, total: None) -> Opinions:
    """Have a chat model judge every answer of a run that it has not judged. Raises SettingsError when deepeval is not installed."""
    metrics = _metrics(model, name)
    stored = _read(run.folder)
    anew: dict[str, Any] = {"judge": name, "package": f"deepeval {version('deepeval')}", "rows": {}}
    record = stored if stored and stored["judge"] == name else anew
    answers = [row for row in run.rows if row.answered]
    for number, row in enumerate(answers, 1):
        scores = record["rows"].setdefault(row.set_name, {})
        if None in scores.get(row.question.question_id, {"": None}).values():
            scores[row.question.question_id] = _scores(row, metrics)
            write_record(run.folder / JUDGED, record)
        watch(number, len(answers))
    return _opinions(run, record)


def opinions_of(run: Run) -> Opinions | None:
    """Return what a judge said of a run, None when it was never judged."""
    record = _read(run.folder)
    return _opinions(run, record) if record else None


def _read(folder: Path) -> dict[str, Any] | None:
    path = folder / JUDGED
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _opinions(run: Run, record: Mapping[str, Any]) -> Opinions:
    collected: dict[str, dict[str, dict[str, list[float]]]] = {}
    unjudged = 0
    for row in run.rows:
        scores: Scores = record["rows"].get(row.set_name, {}).get(row.question.question_id, {})
        unjudged += row.answered and not all(scores.get(name) is not None for name in OPINIONS)
        for name, score in scores.items():
            for group in groups_of(row):
                if score is not None:
                    collected.setdefault(row.set_name, {}).setdefault(group, {}).setdefault(name, []).append(score)
    means = {
        set_name: {group: {name: estimate(np.array(found), name) for name, found in scores.items()} for group, scores in groups.items()}
        for set_name, groups in collected.items()
    }
    return Opinions(record["judge"], record["package"], means, unjudged)


# The judge


def _scores(row: Row, metrics: Mapping[str, Any]) -> Scores:
    from deepeval.test_case import LLMTestCase

    context = [quote.quote for quote in row.quotes] or [hit.text for hit in row.hits]
    answer = row.answer.answer if row.answer else ""
    case = LLMTestCase(input=row.question.question, actual_output=answer, retrieval_context=context or [""])
    return {name: _score(metric, case) for name, metric in metrics.items()}


def _score(metric: Any, case: Any) -> float | None:
    try:
        return float(metric.measure(case, _show_indicator=False))
    except Exception:  # a judge that writes no JSON, or is not there, has no opinion; each provider raises its own
        return None


def _metrics(model: BaseChatModel, name: str) -> dict[str, Any]:
    os.environ.update(QUIET)
    os.environ.setdefault("DEEPEVAL_HOME", tempfile.gettempdir())
    os.environ.pop("CONFIDENT_API_KEY", None)  # with it, results would be uploaded
    try:
        from deepeval.metrics import AnswerRelevancyMetric, FaithfulnessMetric
        from deepeval.models import DeepEvalBaseLLM
    except ImportError as error:
        raise SettingsError("judging needs the package deepeval; install it with `pip install 'bayan[judge]'`") from error

    class Judge(DeepEvalBaseLLM):  # type: ignore[misc]
        def load_model(self) -> Any:
            return model

        def generate(self, prompt: str) -> str:
            return str(model.invoke(prompt).text)

        async def a_generate(self, prompt: str) -> str:
            return str((await model.ainvoke(prompt)).text)

        def get_model_name(self) -> str:
            return name

    options = {"model": Judge(name), "async_mode": False, "include_reason": False, "eval_mode": "llm"}
    return {"faithfulness": FaithfulnessMetric(**options), "relevance": AnswerRelevancyMetric(**options)}
