"""Learn when to answer: fits rag/calibration.toml on public question sets.

    python -m evals.calibrate ../shared/evalsets --work /tmp/calibration     # about 15 minutes on 2 cores, most of it embedding

Each question is asked with its paragraph in the pool and with it taken out; the signals of `rag.evidence` and whether the paragraph was
there make the training data. One logistic model for questions in the statement's language, one for questions in the other. ARCD is left
out: when its paragraph is removed a neighbouring one often answers too. Reported by five-fold cross-validation, grouped by paragraph.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import GroupKFold, cross_val_predict
from tqdm import tqdm

from evals.questions import Question, read_squad
from ingest.passages import split
from rag.build import open_embeddings
from rag.evidence import choose, signals
from rag.index import Index, PassageEmbeddings, writing
from rag.language import language_of
from rag.retrieve import Found, QuestionEmbeddings, Retriever
from rag.schema import Language, Statement
from rag.settings import load_settings

TOP_K = 8
OUTPUT = Path(__file__).parents[1] / "rag" / "calibration.toml"


@dataclass(frozen=True)
class Example:
    """A question's signals, with its paragraph in the pool (`answerable`) or without."""

    set_name: str
    group: str
    signals: dict[str, float]
    answerable: bool


def pool(folder: Path, texts: Iterable[str], embeddings: PassageEmbeddings) -> Index:
    """Make, or reuse, an index in which each text is a statement of its own, its id a running number."""
    if not (folder / "manifest.json").exists():
        with writing(folder, embeddings) as index:
            statements = [_statement(str(number), text) for number, text in enumerate(dict.fromkeys(texts))]
            for begin in tqdm(range(0, len(statements), 32), desc=folder.name):
                index.put([(s, split(s, max_chars=4_000)) for s in statements[begin : begin + 32]])
    return Index.open(folder, embeddings)


def _statement(statement_id: str, text: str) -> Statement:
    return Statement(statement_id, "0", text, "", None, None, statement_id, language_of(text))


def collect(name: str, retriever: Retriever, questions: Sequence[Question], gold: dict[str, str]) -> Iterator[Example]:
    """Ask each question with and without the statement whose text is `gold[question id]`."""
    for question in tqdm(questions, desc=name):
        found = retriever.retrieve(question.question, top_k=TOP_K + 4)
        text = gold[question.question_id]
        for answerable in (True, False):
            kept = [c for c in found.candidates if answerable or c.statement.text != text]
            part = Found(tuple(kept[:TOP_K]), found.terms)
            chosen = choose(question.question, part, count=2)
            if chosen:
                yield Example(name, text, signals(chosen, part), answerable)


def fit(examples: Sequence[Example]) -> dict[str, object]:
    """Fit one direction; return intercept, weights on the raw signals, the equal-error threshold and the figures by set."""
    names = sorted(examples[0].signals)
    x = np.array([[example.signals[name] for name in names] for example in examples])
    y = np.array([example.answerable for example in examples])
    mean, deviation = x.mean(0), np.maximum(x.std(0), 1e-9)
    model = LogisticRegression(max_iter=2_000)
    groups = np.unique([example.group for example in examples], return_inverse=True)[1]
    crossed = cross_val_predict(model, (x - mean) / deviation, y, groups=groups, cv=GroupKFold(5), method="predict_proba")[:, 1]
    threshold = _equal_error(y, crossed)
    weights = model.fit((x - mean) / deviation, y).coef_[0] / deviation
    return {
        "intercept": float(model.intercept_[0] - (weights * mean).sum()),
        "weights": dict(zip(names, weights.tolist(), strict=True)),
        "threshold": threshold,
        "figures": _figures(examples, y, crossed, threshold),
    }


def _equal_error(y: np.ndarray, probability: np.ndarray) -> float:
    wrongly_answered, rightly_answered, thresholds = roc_curve(y, probability)
    return float(thresholds[np.argmin(np.abs(wrongly_answered - (1 - rightly_answered)))])


def _figures(examples: Sequence[Example], y: np.ndarray, probability: np.ndarray, threshold: float) -> list[str]:
    lines = []
    for name in dict.fromkeys(example.set_name for example in examples):
        mask = np.array([example.set_name == name for example in examples])
        own, said = y[mask], probability[mask] >= threshold
        lines.append(
            f"{name}: wrongly answered {said[~own].mean():.3f}, wrongly refused {(~said[own]).mean():.3f}, "
            f"AUC {roc_auc_score(own, probability[mask]):.3f}, {own.sum()} questions"
        )
    return lines


def write(path: Path, models: dict[str, dict[str, object]], embedding: str) -> None:
    """Write the parameters with their provenance."""
    lines = [
        "# When to answer: written by `python -m evals.calibrate`, do not edit. Signals are explained in rag/evidence.py.",
        f"# Embedding model: {embedding}. Five-fold cross-validation, at the thresholds below:",
    ]
    for direction, model in models.items():
        lines += [f"#   {direction}: {line}" for line in model["figures"]]  # type: ignore[attr-defined]
    for direction, model in models.items():
        lines += ["", f"[{direction}]", f"threshold = {model['threshold']:.4f}", f"intercept = {model['intercept']:.4f}"]
        lines += ["", f"[{direction}.weights]", *(f"{name} = {value:.4f}" for name, value in model["weights"].items())]  # type: ignore[attr-defined]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def learn(sets: dict[str, list[Question]], indexes: dict[Language, Index], embeddings: QuestionEmbeddings) -> dict[str, dict[str, object]]:
    """Collect the signals of both directions and fit each."""
    retriever = {code: Retriever(index, embeddings) for code, index in indexes.items()}
    text: dict[str, dict[str, str]] = {
        name: {question.question_id: question.statement or "" for question in questions} for name, questions in sets.items()
    }
    plan = {
        "same": [("tydiqa-dev.ar", "ar", "tydiqa-dev.ar"), ("xquad-dev.ar", "ar", "xquad-dev.ar"), ("xquad-dev.en", "en", "xquad-dev.en")],
        "cross": [("xquad-dev.en", "ar", "xquad-dev.ar"), ("xquad-dev.ar", "en", "xquad-dev.en")],
    }
    return {
        direction: fit([e for name, code, texts in rows for e in collect(f"{name} on {code}", retriever[code], sets[name], text[texts])])
        for direction, rows in plan.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sets", type=Path, help="folder of xquad-dev.ar.json, xquad-dev.en.json, tydiqa-dev.ar.json, arcd-dev.json")
    parser.add_argument("--work", type=Path, required=True, help="folder for the two pools; kept, so that a second run is quick")
    arguments = parser.parse_args()
    languages: dict[str, Language] = {"xquad-dev.ar": "ar", "xquad-dev.en": "en", "tydiqa-dev.ar": "ar", "arcd-dev": "ar"}
    sets = {name: read_squad(arguments.sets / f"{name}.json", language) for name, language in languages.items()}
    embeddings = open_embeddings(load_settings())
    texts = {code: [q.statement or "" for name, qs in sets.items() if languages[name] == code for q in qs] for code in ("ar", "en")}
    indexes: dict[Language, Index] = {code: pool(arguments.work / code, texts[code], embeddings) for code in ("ar", "en")}
    models = learn(sets, indexes, embeddings)
    write(OUTPUT, models, embeddings.name)
    for direction, model in models.items():
        print(direction, *model["figures"], sep="\n  ")  # type: ignore[misc]


if __name__ == "__main__":
    main()
