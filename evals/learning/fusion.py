"""Learn how a passage's signals make its score: fits rag/retrieval/fusion.toml on the public question sets.

    python -m evals.learning.fusion ../shared/evalsets     # about 15 minutes on 2 cores, most of it embedding

Every question is asked of all paragraphs of a language (XQuAD, ARCD and TyDiQA development halves), and XQuAD's also of mixtures in which
each paragraph stands in one of the two languages, drawn by a seed. All weights are fitted together, so that the scores of the two languages
fit into one list: those that make the right paragraph most likely among the first found (softmax over a list's passages, L2 penalty, no
weight below 0). The similarities weigh 1 together in every pair: left free, they weigh twice as much across languages, and what has nothing
to do with a question but is of the other language stands before the rest of the right statement. What they reach is measured on paragraphs
that the fit did not see, by five folds. The weight of names is not learnt but kept: the public questions ask for few names that no lexicon
has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from evals.learning.calibrate import LANGUAGES, learning, open_pools, read_public
from evals.questions.questions import Question
from rag.build import open_embeddings
from rag.retrieval.fusion import Signals
from rag.retrieval.retriever import Retriever
from rag.schema import Language
from rag.settings import load_settings

Floats = npt.NDArray[np.float64]
Gold = Mapping[str, tuple[str, str]]
ROOT = Path(__file__).parents[2]
PAIRS: tuple[tuple[Language, Language], ...] = (("ar", "ar"), ("en", "ar"), ("en", "en"), ("ar", "en"))
LEARNT = ("passage", "sentence", "lexical", "coverage")
NAME = 30.0  # names asked in the other script: R@1 .64 → .85, XQuAD en→ar stays
FIRST, FOLDS, PENALTY = 40, 5, 100.0  # passages of a list; inverse strength of the L2 penalty
SEEDS = (7, 8)  # of the mixtures
SETS = (  # whose questions are asked of whose paragraphs
    ("xquad-dev.ar", "xquad-dev.ar"),
    ("arcd-dev", "arcd-dev"),
    ("tydiqa-dev.ar", "tydiqa-dev.ar"),
    ("xquad-dev.en", "xquad-dev.ar"),
    ("xquad-dev.en", "xquad-dev.en"),
    ("xquad-dev.ar", "xquad-dev.en"),
)


@dataclass(frozen=True)
class Row:
    """A passage found for a question: the pair of languages, its signals and the paragraph it is of."""

    pair: tuple[Language, Language]
    signals: Signals
    paragraph: str


@dataclass(frozen=True)
class Ranking:
    """What was found for a question. `group`: its paragraph in Arabic, where there is one, so that no fold sees it in two languages."""

    cell: str
    rows: Sequence[Row]
    right: str
    group: str


def collect(cell: str, asked: Language, of: Language, questions: Sequence[Question], gold: Gold, pool: Retriever) -> list[Ranking]:
    """Ask every question of a pool; `gold`: of each question id, the paragraph and the group."""
    found = []
    for question in questions:
        candidates = pool.retrieve(question.question, top_k=FIRST).candidates
        rows = [Row((asked, of), c.signals, c.statement.text) for hit in candidates for c in (hit, *hit.copies)]
        found.append(Ranking(cell, rows, *gold[question.question_id]))
    return found


def mix(lists: Mapping[tuple[str, str], Sequence[Ranking]], seed: int) -> list[Ranking]:
    """Join what XQuAD's questions find in both languages, each paragraph kept in one of them."""
    arabic, english = "xquad-dev.ar", "xquad-dev.en"
    parallel = list(zip(lists[arabic, arabic], lists[english, english], strict=True))
    twin = {two.right: one.right for one, two in parallel}
    random = Random(seed)
    language = {paragraph: random.choice(("ar", "en")) for paragraph in dict.fromkeys(one.right for one, _ in parallel)}
    mixed = []
    for code, asked in {"ar": arabic, "en": english}.items():
        for one, two in zip(lists[asked, arabic], lists[asked, english], strict=True):
            kept = [row for row in one.rows if language.get(row.paragraph) == "ar"]
            kept += [Row(r.pair, r.signals, twin[r.paragraph]) for r in two.rows if language.get(twin.get(r.paragraph, "")) == "en"]
            mixed.append(Ranking(f"mixed {code}→{language[one.right]}", kept, one.right, one.right))
    return mixed


def fit(lists: Iterable[Ranking]) -> Floats:
    """Return the weights of every pair, LEARNT each; those of the similarities make 1 together."""
    seen = [(_matrix(found), np.array([row.paragraph == found.right for row in found.rows])) for found in lists]
    seen = [(x, right) for x, right in seen if right.any()]

    def loss(free: Floats) -> tuple[float, Floats]:
        """The penalised log loss of the lists and its gradient, by steepness, then share of the sentence and others of each pair."""
        steepness, own = free[0], free[1:].reshape(len(PAIRS), -1)
        weights = _weights(own)
        total, gradient = float((own[:, 1:] ** 2).sum()) / (2 * PENALTY), np.zeros_like(weights)
        slope = 0.0
        for x, right in seen:
            score = x @ weights
            likely = np.exp(steepness * (score - score.max()))
            likely /= likely.sum()
            mass = float(likely[right].sum()) + 1e-12
            total -= float(np.log(mass))
            wrong = likely - likely * right / mass
            gradient += steepness * (x.T @ wrong)
            slope += float(score @ wrong)
        by_pair = gradient.reshape(len(PAIRS), -1)
        shares = by_pair[:, 1] - by_pair[:, 0]
        others = by_pair[:, 2:] + own[:, 1:] / PENALTY
        return total, np.concatenate([[slope], np.column_stack([shares, others]).ravel()])

    bounds = [(0.05, None)] + ([(0.0, 1.0)] + [(0.0, None)] * (len(LEARNT) - 2)) * len(PAIRS)
    start = np.array([1.0] + ([0.5] + [3.0] * (len(LEARNT) - 2)) * len(PAIRS))
    return _weights(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[1:].reshape(len(PAIRS), -1))


def _weights(own: Floats) -> Floats:
    """From each pair's share of the sentence and its other weights to the weights of all signals."""
    found: Floats = np.column_stack([1 - own[:, 0], own]).ravel()
    return found


def _matrix(found: Ranking) -> Floats:
    x = np.zeros((len(found.rows), len(PAIRS) * len(LEARNT)))
    for line, row in zip(x, found.rows, strict=True):
        begin = PAIRS.index(row.pair) * len(LEARNT)
        line[begin : begin + len(LEARNT)] = astuple(row.signals)[: len(LEARNT)]
    return x


def place(found: Ranking, weights: Floats) -> int:
    """Return the rank of the right paragraph, after all when it was not found."""
    best: dict[str, float] = {}
    for row, score in zip(found.rows, _matrix(found) @ weights, strict=True):
        best[row.paragraph] = max(best.get(row.paragraph, -np.inf), float(score))
    if found.right not in best:
        return len(found.rows) + 1
    return 1 + sum(score > best[found.right] for score in best.values())


def unseen(lists: Sequence[Ranking]) -> dict[str, tuple[int, float, float]]:
    """Return per cell how many questions, R@1 and R@5, each question ranked by weights that never saw its paragraph."""
    fold = {group: number % FOLDS for number, group in enumerate(dict.fromkeys(found.group for found in lists))}
    weights = [fit(found for found in lists if fold[found.group] != number) for number in range(FOLDS)]
    places: dict[str, list[int]] = {}
    for found in lists:
        places.setdefault(found.cell, []).append(place(found, weights[fold[found.group]]))
    return {cell: (len(ranks), *(float(np.mean(np.array(ranks) <= k)) for k in (1, 5))) for cell, ranks in places.items()}  # type: ignore[misc]


def write(path: Path, weights: Floats, reached: Mapping[str, tuple[int, float, float]], embedding: str, *, every: int) -> None:
    """Write the weights with their provenance."""
    lines = [
        "# How signals make a score: written by `python -m evals.learning.fusion`, do not edit. Signals: rag/retrieval/fusion.py.",
        f"# Embedding model: {embedding}. One public question in {every} was asked; R@1 / R@5 on paragraphs that the fit did not see:",
        *(f"#   {cell}, {count} questions: {first:.3f} / {fifth:.3f}" for cell, (count, first, fifth) in reached.items()),
    ]
    for number, (asked, of) in enumerate(PAIRS):
        own = weights[number * len(LEARNT) : (number + 1) * len(LEARNT)]
        lines += ["", f"[{asked}-{of}]", *(f"{name} = {weight:.3f}" for name, weight in zip(LEARNT, own, strict=True))]
        lines.append(f"name = {NAME if asked != of else 0.0:.3f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    arguments = learning("Learn how signals make a score.")
    embeddings = open_embeddings(load_settings())
    sets = read_public(arguments.sets)
    right = {name: {question.question_id: question.statement or "" for question in questions} for name, questions in sets.items()}
    gold = {name: {key: (text, right["xquad-dev.ar"].get(key, text)) for key, text in texts.items()} for name, texts in right.items()}
    lists = {}
    with TemporaryDirectory() as temporary:
        pools = open_pools(arguments.pools or Path(temporary), sets, embeddings)
        for name, of in SETS:
            cell = f"{name} → {of}" if name != of else name
            languages = LANGUAGES[name], LANGUAGES[of]
            lists[name, of] = collect(cell, *languages, sets[name][:: arguments.every], gold[of], pools[languages[1]])
    every = [found for ranked in lists.values() for found in ranked]
    every += [found for seed in SEEDS for found in mix(lists, seed)]
    write(ROOT / "rag" / "fusion.toml", fit(every), unseen(every), embeddings.name, every=arguments.every)


if __name__ == "__main__":
    main()
