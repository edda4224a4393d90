"""Learn when to answer: fits rag/reading/calibration.toml on public question sets and on the project's own.

    python -m evals.learning.calibrate ../shared/evalsets     # about 15 minutes on 2 cores, most of it embedding

Each public question is asked of all paragraphs of its language (XQuAD, ARCD and TyDiQA development halves) with its paragraph among them,
to be answered, and with that taken out, to be refused; some are asked of the sample statements too, which are on other subjects. The
project's questions are asked of the sample statements. One logistic model serves each pair of languages, question's and statement's. Its
threshold is where it wrongly answers as often as it wrongly refuses (five folds by paragraph), or below that where more than
WRONGLY_REFUSED of the project's own questions would be refused: a statement reads unlike an encyclopaedia, and its readers are the ones to
serve. What each cell reaches, curve and operating point, goes to evals/abstention.json. What `rag.reading.evidence` refuses for a name,
year or fact that is missing takes no part in the fit and counts as refused. `samples-wide.jsonl` stays unseen.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from evals.questions.formats import read_squad
from evals.questions.questions import Question, read_questions
from ingest import ingest
from ingest.passages import split
from rag.build import open_embeddings, open_retriever
from rag.index.folder import Index, writing
from rag.index.manifest import PassageEmbeddings
from rag.index.store import LANGUAGES as PASSAGE_LANGUAGES
from rag.language import language_of
from rag.reading.evidence import consider
from rag.retrieval.retriever import Retriever
from rag.schema import Language, Statement
from rag.settings import Settings, load_settings

Floats = npt.NDArray[np.float64]
TOP_K = 8
OWN_WEIGHT = 5.0  # 56 questions of the kind Bayan is for against thousands that are not
WRONGLY_REFUSED = 0.04  # of the project's own questions, at most
PENALTY = 0.3  # inverse strength of the L2 penalty: the signals overlap
FOLDS = 5
CURVE = 21  # points
OWN, ELSEWHERE = "own", "on other subjects"
ASKED_ELSEWHERE = 5  # each fifth of the public questions
ROOT = Path(__file__).parents[2]
CELLS = {  # question's and statement's language: which questions are asked with whose paragraphs
    "ar-ar": (("tydiqa-dev.ar", "tydiqa-dev.ar"), ("xquad-dev.ar", "xquad-dev.ar")),
    "en-ar": (("xquad-dev.en", "xquad-dev.ar"),),
    "en-en": (("xquad-dev.en", "xquad-dev.en"),),
    "ar-en": (("xquad-dev.ar", "xquad-dev.en"),),
}
LANGUAGES: dict[str, Language] = {"xquad-dev.ar": "ar", "xquad-dev.en": "en", "tydiqa-dev.ar": "ar", "arcd-dev": "ar"}


# Signals that speak against an answer, and those that may speak either way; all others speak for it.
AGAINST = {"missing_from_passage", "missing_from_quote", "unknown_terms", "figures_missing"}
EITHER = {"known_terms"}


@dataclass(frozen=True)
class Example:
    """A question's signals, None when it is refused without them, and whether it could be answered; `group` is asked in one fold."""

    set_name: str
    signals: dict[str, float] | None
    answerable: bool
    group: str
    cell: str = ""


def read_public(folder: Path) -> dict[str, list[Question]]:
    """Read the public sets, each question's `statement` being its paragraph."""
    return {name: read_squad(folder / f"{name}.json", language) for name, language in LANGUAGES.items()}


def open_pools(folder: Path, sets: Mapping[str, Sequence[Question]], embeddings: PassageEmbeddings) -> dict[Language, Retriever]:
    """Index the paragraphs of each language in `folder`, every one a statement of its own; what is there already is not made again."""
    pools: dict[Language, Retriever] = {}
    for code in PASSAGE_LANGUAGES:
        texts = list(dict.fromkeys(q.statement or "" for name, qs in sets.items() if LANGUAGES[name] == code for q in qs))
        statements = [_statement(str(number), text) for number, text in enumerate(texts)]
        with writing(folder / code, embeddings) as index:
            kept = {statement.statement_id: statement.text for statement in index.store.all_statements()}
            if kept != {statement.statement_id: statement.text for statement in statements}:  # none yet, or those of other sets
                index.remove(list(kept))
                index.put([(statement, split(statement, max_chars=700)) for statement in statements])
        pools[code] = Retriever(Index.open(folder / code, embeddings), embeddings)  # type: ignore[arg-type]
    return pools


def _statement(statement_id: str, text: str) -> Statement:
    return Statement(statement_id, "0", text, "", None, None, statement_id, language_of(text))


def collect(name: str, retriever: Retriever, questions: Sequence[Question], gold: Mapping[str, str]) -> Iterator[Example]:
    """Ask each public question with its paragraph, `gold[question id]`, and without it."""
    for question in questions:
        text = gold[question.question_id]
        found = retriever.retrieve(question.question, top_k=TOP_K + 4)
        without = tuple(candidate for candidate in found.candidates if candidate.statement.text != text)
        for candidates, answerable in ((found.candidates[:TOP_K], True), (without[:TOP_K], False)):
            _, seen = consider(question.question, replace(found, candidates=candidates), count=2)
            yield Example(name, seen, answerable, text)


def collect_elsewhere(retriever: Retriever, questions: Sequence[Question]) -> Iterator[Example]:
    """Ask public questions of the sample statements, which cannot answer them."""
    for question in questions:
        chosen, seen = consider(question.question, retriever.retrieve(question.question, top_k=TOP_K), count=2)
        if chosen and seen is not None:
            cell = f"{question.language}-{chosen[0].sentence.candidate.passage.language}"
            yield Example(ELSEWHERE, seen, False, question.question_id, cell)


def collect_own(retriever: Retriever, questions: Sequence[Question]) -> Iterator[Example]:
    """Ask the project's questions of the sample statements; each belongs to the language of its best quote."""
    for question in questions:
        chosen, seen = consider(question.question, retriever.retrieve(question.question, top_k=TOP_K), count=2)
        if chosen and seen is not None:
            cell = f"{question.language}-{chosen[0].sentence.candidate.passage.language}"
            yield Example(OWN, seen, question.answerable, question.question_id, cell)


class Model:
    """A logistic model of examples, on standardised signals, in which no signal counts against what it says.

    Fitted freely, signals that go together cancel each other (a rare term missing from the quote spoke for it), which serves the paragraphs
    that they were fitted on and nothing else.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        known = [example for example in examples if example.signals is not None]
        self.names = sorted(known[0].signals or {})
        x = self._matrix(known)
        self.mean, self.deviation = x.mean(0), np.maximum(x.std(0), 1e-9)
        weight = np.array([OWN_WEIGHT if example.set_name == OWN else 1.0 for example in known])
        sign = np.where([example.answerable for example in known], 1.0, -1.0)
        x = np.column_stack([(x - self.mean) / self.deviation, np.ones(len(x))])

        def loss(w: Floats) -> tuple[float, Floats]:
            """The penalised log loss and its gradient."""
            wrong = 1 / (1 + np.exp(np.clip(sign * (x @ w), -50, 50)))
            free = np.append(w[:-1], 0.0)
            total = float((weight * np.logaddexp(0, -sign * (x @ w))).sum() + free @ free / (2 * PENALTY))
            return total, free / PENALTY - x.T @ (weight * sign * wrong)

        bounds = [(None, 0.0) if name in AGAINST else (None, None) if name in EITHER else (0.0, None) for name in self.names]
        self.weights = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]).x

    def probability(self, examples: Sequence[Example]) -> Floats:
        """Return how likely each can be answered; 0 where there are no signals."""
        found = np.zeros(len(examples))
        known = [at for at, example in enumerate(examples) if example.signals is not None]
        x = self._matrix([examples[at] for at in known])
        found[known] = 1 / (1 + np.exp(-((x - self.mean) / self.deviation @ self.weights[:-1] + self.weights[-1])))
        return found

    def parameters(self) -> dict[str, Any]:
        """Return intercept and weights on the raw signals."""
        weights = self.weights[:-1] / self.deviation
        intercept = float(self.weights[-1] - (weights * self.mean).sum())
        return {"intercept": intercept, "weights": dict(zip(self.names, weights.tolist(), strict=True))}

    def _matrix(self, examples: Sequence[Example]) -> Floats:
        return np.array([[(example.signals or {})[name] for name in self.names] for example in examples], np.float64)


def fit(public: Sequence[Example], own: Sequence[Example]) -> dict[str, Any]:
    """Fit one cell; return its parameters, its threshold and what each set reaches."""
    unseen, model = _unseen(public, own), Model([*public, *own])
    answerable = np.array([example.answerable for example in public])
    threshold = _equal_errors(unseen, answerable)
    if ours := [example for example in own if example.answerable]:
        threshold = min(threshold, float(np.quantile(model.probability(ours), WRONGLY_REFUSED, method="lower")))
    threshold = float(np.floor(threshold * 1_000) / 1_000)  # as it is written, not above what it is to let pass
    figures = {}
    for name in dict.fromkeys(example.set_name for example in public):
        of_set = np.array([example.set_name == name for example in public])
        figures[name] = _reached(unseen[of_set], answerable[of_set], threshold)
    for name in (OWN, ELSEWHERE):
        if asked := [example for example in own if example.set_name == name]:
            told = np.array([example.answerable for example in asked])
            figures[name] = {"questions": len(asked), "shipped": _errors(model.probability(asked), told, threshold)}
    return {**model.parameters(), "threshold": threshold, "figures": figures}


def _unseen(public: Sequence[Example], own: Sequence[Example]) -> Floats:
    """The probability of each public example by a model that saw no question on its paragraph."""
    groups = {group: number for number, group in enumerate(dict.fromkeys(example.group for example in public))}
    fold = np.array([groups[example.group] % FOLDS for example in public])
    found = np.zeros(len(public))
    for number in range(FOLDS):
        seen = [example for example, other in zip(public, fold, strict=True) if other != number]
        asked = [example for example, other in zip(public, fold, strict=True) if other == number]
        if asked:
            found[fold == number] = Model([*seen, *own]).probability(asked)
    return found


def _errors(probability: Floats, answerable: npt.NDArray[np.bool_], threshold: float) -> dict[str, float]:
    refused, answered = probability[answerable] < threshold, probability[~answerable] >= threshold
    shares = [round(float(wrong.mean()), 4) if len(wrong) else 0.0 for wrong in (refused, answered)]
    return {"threshold": round(threshold, 4), "wrongly_refused": shares[0], "wrongly_answered": shares[1]}


def _equal_errors(probability: Floats, answerable: npt.NDArray[np.bool_]) -> float:
    def worse(threshold: float) -> float:
        errors = _errors(probability, answerable, threshold)
        return max(errors["wrongly_refused"], errors["wrongly_answered"])

    return min((float(value) for value in np.unique(probability)), key=worse)


def _reached(probability: Floats, answerable: npt.NDArray[np.bool_], threshold: float) -> dict[str, Any]:
    """The errors at the operating point, where they are equal, and along the curve."""
    curve = [_errors(probability, answerable, float(value)) for value in np.quantile(probability, np.linspace(0, 1, CURVE))]
    equal = _errors(probability, answerable, _equal_errors(probability, answerable))
    return {"questions": int(answerable.sum()), "shipped": _errors(probability, answerable, threshold), "equal": equal, "curve": curve}


def write(path: Path, models: Mapping[str, dict[str, Any]], embedding: str, *, every: int) -> None:
    """Write the parameters with their provenance; `every` Nth public question was asked."""
    asked = "every public question" if every == 1 else f"one public question in {every}"
    lines = [
        "# When to answer: written by `python -m evals.learning.calibrate`, do not edit. Signals are explained in rag/reading/decision.py.",
        f"# Embedding model: {embedding}. Wrongly refused / wrongly answered at the threshold, and where both are equal, by folds (curves:",
        f"# evals/abstention.json); {asked} was asked:",
    ]
    for cell, model in models.items():
        for name, found in model["figures"].items():
            reached = [found[at] for at in ("shipped", "equal") if at in found]
            rates = ", ".join(f"{errors['wrongly_refused']:.3f} / {errors['wrongly_answered']:.3f}" for errors in reached)
            lines.append(f"#   {cell} {name}, {found['questions']} questions: {rates}")
    for cell, model in models.items():
        lines += ["", f"[{cell}]", f"threshold = {model['threshold']:.3f}", f"intercept = {model['intercept']:.4f}"]
        lines += ["", f"[{cell}.weights]", *(f"{name} = {value:.4f}" for name, value in model["weights"].items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def learn(sets: Mapping[str, list[Question]], pools: Mapping[Language, Retriever], own: Sequence[Example]) -> dict[str, dict[str, Any]]:
    """Collect the signals of every cell and fit each. `pools`: the paragraphs of each language; `own`: what was asked of the samples."""
    gold = {name: {question.question_id: question.statement or "" for question in questions} for name, questions in sets.items()}
    models = {}
    for cell, rows in CELLS.items():
        public = [e for name, texts in rows for e in collect(name, pools[LANGUAGES[texts]], sets[name], gold[texts])]
        models[cell] = fit(public, [example for example in own if example.cell == cell])
    return models


def learning(description: str) -> argparse.Namespace:
    """Read the arguments of a program that learns from the public sets."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("sets", type=Path, help=f"folder of {', '.join(f'{name}.json' for name in LANGUAGES)}")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="ask only every Nth public question")
    parser.add_argument("--pools", type=Path, metavar="FOLDER", help="keep the indexed paragraphs there for another run")
    return parser.parse_args()


def main() -> None:
    arguments = learning("Learn when to answer.")
    folder = arguments.sets
    settings = load_settings()
    embeddings = open_embeddings(settings)
    sets = read_public(folder)
    asked = {name: questions[:: arguments.every] for name, questions in sets.items()}
    with TemporaryDirectory() as temporary:
        samples = _own(ROOT / "ingest" / "samples", settings, Path(temporary) / "samples")
        own = list(collect_own(samples, read_questions(ROOT / "evals" / "sets" / "samples.jsonl")))
        own += collect_elsewhere(samples, [question for questions in sets.values() for question in questions][::ASKED_ELSEWHERE])
        if (extra := folder / "hasakah-dev.jsonl").exists():
            own += collect_own(_own(folder.parent / "statements", settings, Path(temporary) / "hasakah"), read_questions(extra))
        models = learn(asked, open_pools(arguments.pools or Path(temporary), sets, embeddings), own)
    write(ROOT / "rag" / "calibration.toml", models, embeddings.name, every=arguments.every)
    figures = {cell: model["figures"] for cell, model in models.items()}
    (ROOT / "evals" / "abstention.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _own(statements: Path, settings: Settings, index: Path) -> Retriever:
    own_settings = settings.model_copy(update={"index": index})
    ingest([statements], settings=own_settings)
    return open_retriever(own_settings)


if __name__ == "__main__":
    main()
