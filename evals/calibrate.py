"""Learn when to answer: fits rag/calibration.toml on public question sets and on the project's own.

    python -m evals.calibrate ../shared/evalsets     # about 15 minutes on 2 cores, most of it embedding

The public questions are asked of small pools of paragraphs: the pool that holds their paragraph (to be answered), the same pool without
it and the next pool, on other subjects (to be refused). The project's questions are asked of the sample statements. One logistic model
serves questions in the statement's language, one those in the other. The thresholds refuse at most WRONGLY_REFUSED of the project's own
questions that can be answered: a statement reads unlike an encyclopaedia, and its readers are the ones to serve.
What `rag.evidence` refuses for a name, year or fact that is missing takes no part. `samples-wide.jsonl` stays unseen: learnt from, its
questions on facts that are absent, which no signal here tells from the others, only blurred what is told apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from evals.formats import read_squad
from evals.questions import Question, read_questions
from ingest import ingest
from ingest.passages import split
from rag.build import open_embeddings, open_retriever
from rag.embeddings import SentenceTransformerEmbeddings
from rag.evidence import consider
from rag.index import Index, writing
from rag.language import language_of
from rag.retrieve import Found, Retriever
from rag.schema import Language, Statement
from rag.settings import Settings, load_settings

Floats = npt.NDArray[np.float32]
TOP_K = 8
PART = 60  # paragraphs in a pool
REMOVED_WEIGHT = 0.25  # its neighbours may answer too, and do not read like a statement
OWN_WEIGHT = 20.0  # 48 questions of the kind Bayan is for against thousands that are not
WRONGLY_REFUSED = 0.04
# Where between them a threshold stands. Asked across languages, questions that can be answered reach far below those of the first set
# (.06 to .3 on samples-wide.jsonl); in the statement's own language none with a right quote was less sure than it.
HEIGHT = {"same": 0.9, "cross": 0.5}
OWN = "own"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Example:
    """A question's signals and whether it could be answered."""

    set_name: str
    signals: dict[str, float]
    answerable: bool
    weight: float


Pool = tuple[Retriever, frozenset[str]]  # and the texts it holds


class Remembering:
    """An embedding model that embeds no text twice."""

    def __init__(self, embeddings: SentenceTransformerEmbeddings) -> None:
        self.name, self.digest, self.dimension = embeddings.name, embeddings.digest, embeddings.dimension
        self._embeddings = embeddings
        self._passages: dict[str, Floats] = {}
        self._questions: dict[str, Floats] = {}

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        missing = [text for text in dict.fromkeys(texts) if text not in self._passages]
        if missing:
            self._passages |= dict(zip(missing, self._embeddings.embed_passages_array(missing, progress=True), strict=True))
        return np.array([self._passages[text] for text in texts])

    def embed_query_array(self, text: str) -> Floats:
        if text not in self._questions:
            self._questions[text] = self._embeddings.embed_query_array(text)
        return self._questions[text]


def pools(folder: Path, texts: Sequence[str], embeddings: Remembering) -> list[Pool]:
    """Make a pool of each PART texts, every text a statement of its own."""
    made = []
    for begin in range(0, len(texts) - PART // 2, PART):
        chosen = texts[begin : begin + PART]
        with writing(folder / str(begin), embeddings) as index:
            index.put([(s, split(s, max_chars=4_000)) for s in (_statement(str(n), text) for n, text in enumerate(chosen))])
        made.append((Retriever(Index.open(folder / str(begin), embeddings), embeddings), frozenset(chosen)))
    return made


def _statement(statement_id: str, text: str) -> Statement:
    return Statement(statement_id, "0", text, "", None, None, statement_id, language_of(text))


def collect(name: str, made: Sequence[Pool], questions: Sequence[Question], gold: Mapping[str, str]) -> Iterator[Example]:
    """Ask each public question with its paragraph, `gold[question id]`, without it, and where the talk is of other things."""
    for number, (retriever, texts) in enumerate(made):
        elsewhere = made[(number + 1) % len(made)][0]
        for question in (q for q in questions if gold[q.question_id] in texts):
            found = retriever.retrieve(question.question, top_k=TOP_K + 4)
            without = [c for c in found.candidates if c.statement.text != gold[question.question_id]]
            asked = [
                (f"{name}, held", Found(found.candidates[:TOP_K], found.terms), True, 1.0),
                (f"{name}, removed", Found(tuple(without[:TOP_K]), found.terms), False, REMOVED_WEIGHT),
                (f"{name}, elsewhere", elsewhere.retrieve(question.question, top_k=TOP_K), False, 1.0),
            ]
            for kind, passages, answerable, weight in asked:
                _, seen = consider(question.question, passages, count=2)
                if seen is not None:
                    yield Example(kind, seen, answerable, weight)


def collect_own(retriever: Retriever, questions: Sequence[Question], *, cross: bool) -> Iterator[Example]:
    """Ask the project's questions of the sample statements; those whose best quote is in the other language are the `cross` ones."""
    for question in questions:
        chosen, seen = consider(question.question, retriever.retrieve(question.question, top_k=TOP_K), count=2)
        other = bool(chosen) and chosen[0].sentence.candidate.passage.language != question.language
        if other == cross and seen is not None:
            yield Example(OWN, seen, question.answerable, OWN_WEIGHT)


def fit(examples: Sequence[Example], *, height: float) -> dict[str, Any]:
    """Fit one direction; return intercept, weights on the raw signals, threshold, and the share answered by kind of question."""
    names = sorted(examples[0].signals)
    x = np.array([[example.signals[name] for name in names] for example in examples])
    y = np.array([example.answerable for example in examples])
    weight = np.array([example.weight for example in examples])
    mean, deviation = x.mean(0), np.maximum(x.std(0), 1e-9)
    model = LogisticRegression(max_iter=2_000).fit((x - mean) / deviation, y, sample_weight=weight)
    probability = model.predict_proba((x - mean) / deviation)[:, 1]
    threshold = _threshold(probability, y, np.array([example.set_name == OWN for example in examples]), height)
    weights = model.coef_[0] / deviation
    kinds = list(dict.fromkeys((example.set_name, example.answerable) for example in examples))
    answered = {
        kind: [p >= threshold for p, e in zip(probability, examples, strict=True) if (e.set_name, e.answerable) == kind] for kind in kinds
    }
    return {
        "intercept": float(model.intercept_[0] - (weights * mean).sum()),
        "weights": dict(zip(names, weights.tolist(), strict=True)),
        "threshold": threshold,
        "figures": [
            f"{name}, {'can' if answerable else 'cannot'} be answered: answered {np.mean(said):.3f} of {len(said)}"
            for (name, answerable), said in answered.items()
        ],
    }


def _threshold(probability: Floats, y: npt.NDArray[np.bool_], own: npt.NDArray[np.bool_], height: float) -> float:
    """`height` of the way from the surest own question that is to be refused, below it, to the least sure that is to be answered."""
    answer = float(np.quantile(probability[own & y], WRONGLY_REFUSED, method="lower"))
    refuse = float(probability[own & ~y & (probability < answer)].max(initial=0.0))
    return refuse + height * (answer - refuse)


def write(path: Path, models: Mapping[str, dict[str, Any]], embedding: str) -> None:
    """Write the parameters with their provenance."""
    lines = [
        "# When to answer: written by `python -m evals.calibrate`, do not edit. Signals are explained in rag/evidence.py.",
        f"# Embedding model: {embedding}. At the thresholds below:",
        *(f"#   {direction}: {line}" for direction, model in models.items() for line in model["figures"]),
    ]
    for direction, model in models.items():
        lines += ["", f"[{direction}]", f"threshold = {model['threshold']:.4f}", f"intercept = {model['intercept']:.4f}"]
        lines += ["", f"[{direction}.weights]", *(f"{name} = {value:.4f}" for name, value in model["weights"].items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def learn(
    sets: Mapping[str, list[Question]], made: Mapping[str, list[Pool]], own: Sequence[tuple[Retriever, list[Question]]]
) -> dict[str, dict[str, Any]]:
    """Collect the signals of both directions and fit each. `made`: the pools of each language."""
    gold = {name: {question.question_id: question.statement or "" for question in questions} for name, questions in sets.items()}
    plan = {
        "same": [
            ("tydiqa-dev.ar", "ar", "tydiqa-dev.ar"),
            ("xquad-dev.ar", "ar", "xquad-dev.ar"),
            ("xquad-dev.en", "en", "xquad-dev.en"),
        ],
        "cross": [("xquad-dev.en", "ar", "xquad-dev.ar"), ("xquad-dev.ar", "en", "xquad-dev.en")],
    }
    models = {}
    for direction, rows in plan.items():
        public = [e for name, code, texts in rows for e in collect(f"{name} on {code}", made[code], sets[name], gold[texts])]
        ours = [e for retriever, questions in own for e in collect_own(retriever, questions, cross=direction == "cross")]
        models[direction] = fit([*public, *ours], height=HEIGHT[direction])
    return models


def main() -> None:
    parser = argparse.ArgumentParser(description="Learn when to answer.")
    parser.add_argument("sets", type=Path, help="folder of xquad-dev.ar.json, xquad-dev.en.json, tydiqa-dev.ar.json")
    sets_folder = parser.parse_args().sets
    languages: dict[str, Language] = {"xquad-dev.ar": "ar", "xquad-dev.en": "en", "tydiqa-dev.ar": "ar"}
    sets = {name: read_squad(sets_folder / f"{name}.json", language) for name, language in languages.items()}
    settings = load_settings()
    embeddings = Remembering(open_embeddings(settings))
    with TemporaryDirectory() as folder:
        made = {}
        for code in ("ar", "en"):
            texts = list(dict.fromkeys(q.statement or "" for name, qs in sets.items() if languages[name] == code for q in qs))
            made[code] = pools(Path(folder) / code, texts, embeddings)
        own = [
            (
                _own(ROOT / "ingest" / "samples", settings, Path(folder) / "samples"),
                read_questions(ROOT / "evals" / "sets" / "samples.jsonl"),
            )
        ]
        if (extra := sets_folder / "hasakah-dev.jsonl").exists():
            own.append((_own(sets_folder.parent / "statements", settings, Path(folder) / "hasakah"), read_questions(extra)))
        models = learn(sets, made, own)
    write(ROOT / "rag" / "calibration.toml", models, embeddings.name)
    for direction, model in models.items():
        print(direction, *model["figures"], sep="\n  ")


def _own(statements: Path, settings: Settings, index: Path) -> Retriever:
    own_settings = settings.model_copy(update={"index": index})
    ingest([statements], settings=own_settings)
    return open_retriever(own_settings)


if __name__ == "__main__":
    main()
