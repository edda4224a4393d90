"""How good and how fast Bayan is beside what people build today: the same machine, the same embedding weights, one run.

    python -m evals.benchmarks.bench [--sets ../shared/evalsets] [--sizes 1000 10000 100000] [--out index/bench]

Quality and embedding times use the real model, over the paragraphs of the public sets where those are at hand, over the sample statements
otherwise. At scale no model runs: a vector is the sum of its text's words, each drawn by its hash, so that the search structures see
neighbourhoods; the time of embedding a question is told beside. Every system builds in one process and is asked in a fresh one, so that
memory and the time to open are its own. Ratios, not seconds, are to be compared between machines.

Writes bench.json and bench.svg beside the printed tables. Bayan's answer beside the embedding of its question comes last.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from evals.benchmarks.baselines import SYSTEMS, BenchEmbeddings
from evals.benchmarks.footprint import disk_mb, peak_mb
from evals.questions.formats import read_squad
from evals.questions.questions import Question, read_questions
from ingest import ingest
from rag import Assistant
from rag.build import open_embeddings
from rag.language import content_words, sentences
from rag.schema import Language
from rag.settings import load_settings

Floats = npt.NDArray[np.float32]
ROOT = Path(__file__).parents[2]
SEED, DIMENSION, EVERY = 7, 384, 3  # one public question in EVERY is asked
ASKED_AT_SCALE, DEPTH, ROUNDS = 40, 5, 5
SLOWEST = 30.0  # seconds that one system may take for its questions at scale; the rest are left out
LANGUAGES: dict[str, Language] = {"xquad-dev.ar": "ar", "xquad-dev.en": "en", "arcd-dev": "ar", "tydiqa-dev.ar": "ar"}
CELLS = {"XQuAD ar→ar": "xquad-dev.ar", "XQuAD en→ar": "xquad-dev.en", "ARCD ar→ar": "arcd-dev", "TyDiQA ar→ar": "tydiqa-dev.ar"}


class WordVectors(Embeddings):
    """A text's vector is the normed sum of its words', each drawn by its hash."""

    name = digest = "words-by-hash"
    dimension = DIMENSION

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [float(x) for x in self.embed_query_array(text)]

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        return np.array([self.embed_query_array(text) for text in texts], np.float32)

    def embed_query_array(self, text: str) -> Floats:
        total = np.sum([_drawn(word) for word in content_words(text)] or [_drawn("")], axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float32)


@cache
def _drawn(word: str) -> Floats:
    seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


# What is asked of what


def quality(folder: Path) -> dict[str, Any]:
    """The Arabic paragraphs of the public sets, else the samples, and per cell its questions, each with the numbers of the right texts."""
    if not all((folder / f"{name}.json").exists() for name in LANGUAGES):
        return _samples()
    sets = {name: read_squad(folder / f"{name}.json", language) for name, language in LANGUAGES.items()}
    texts = list(dict.fromkeys(q.statement or "" for name, qs in sets.items() if LANGUAGES[name] == "ar" for q in qs))
    number = {text: at for at, text in enumerate(texts)}
    gold = {q.question_id: [number[q.statement or ""]] for name, qs in sets.items() if LANGUAGES[name] == "ar" for q in qs}
    cells = {cell: [(q.question, gold[q.question_id]) for q in sets[name][::EVERY]] for cell, name in CELLS.items()}
    return {"texts": texts, "cells": cells}


def _samples() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        settings = load_settings(index=Path(folder))
        ingest([ROOT / "ingest" / "samples"], settings=settings)
        statements = Assistant.open(settings=settings).statements()
    cells: dict[str, list[tuple[str, list[int]]]] = {}
    for question in _own_questions():
        if gold := [number for number, statement in enumerate(statements) if any(held in statement.text for held in question.evidence)]:
            cells.setdefault(f"samples {question.language}", []).append((question.question, gold))
    return {"texts": [statement.text for statement in statements], "cells": cells}


def _own_questions() -> list[Question]:
    return read_questions(ROOT / "evals" / "sets" / "samples.jsonl")


def many(texts: Sequence[str], count: int) -> list[str]:
    """Write `count` texts of three to five sentences drawn from `texts`, their figures changed: as many words, other neighbours."""
    random = Random(SEED)
    known = [text[s.start : s.end] for text in texts for s in sentences(text) if s.end - s.start < 250]
    drawn = (" ".join(random.sample(known, random.randint(3, 5))) for _ in range(count))
    return [re.sub(r"\d+", lambda _: str(random.randint(2, 9_999)), text)[:690] for text in drawn]


# One system, in a process of its own


def build(system: str, embeddings: BenchEmbeddings, folder: Path, work: Mapping[str, Any]) -> dict[str, float]:
    """Build from the texts; seconds, texts a second, peak memory in MB, disk in MB for 1,000 texts."""
    embeddings.embed_query("warm up")
    begun = time.perf_counter()
    SYSTEMS[system](folder, embeddings).build(work["texts"])
    seconds, count = time.perf_counter() - begun, len(work["texts"])
    return {"texts_per_s": count / seconds, "build_mb": peak_mb(), "disk_mb_per_1000": disk_mb(folder) / count * 1_000}


def ask(system: str, embeddings: BenchEmbeddings, folder: Path, work: Mapping[str, Any]) -> dict[str, Any]:
    """Open and ask every question: R@1 and R@5 of each cell, milliseconds a question (embedding included), memory in MB."""
    embeddings.embed_query("warm up")
    engine = SYSTEMS[system](folder, embeddings)
    opened = milliseconds(engine.open)
    for words in ("warm up", "إحماء"):  # what is loaded once, with the first question in a language, is no part of a question's time
        engine.search(words, DEPTH)
    spent: list[float] = []
    cells = {}
    for cell, asked in work["cells"].items():
        places = []
        for question, gold in asked:
            if sum(spent) > SLOWEST * 1_000 and work.get("bounded"):
                break
            begun = time.perf_counter()
            found = engine.search(question, DEPTH)
            spent.append((time.perf_counter() - begun) * 1_000)
            places.append(next((place for place, number in enumerate(found, 1) if number in gold), DEPTH + 1))
        cells[cell] = {f"R@{k}": sum(place <= k for place in places) / len(places) for k in (1, DEPTH)}
    return {
        "open_ms": opened,
        "cells": cells,
        "asked": len(spent),
        "p50_ms": median(spent),
        "p95_ms": quantiles(spent, n=20)[-1],
        "mb": peak_mb(),
    }


def milliseconds(action: Callable[[], object]) -> float:
    """Return how long one call takes, in milliseconds."""
    begun = time.perf_counter()
    action()
    return (time.perf_counter() - begun) * 1_000


# All of them


def compare(work: Mapping[str, Any], *, real: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Build and ask each system in fresh processes."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "work.json").write_text(json.dumps(work), encoding="utf-8")
        for system in SYSTEMS:
            found: dict[str, Any] = {}
            for step in ("build", "ask"):
                command = [
                    sys.executable,
                    "-m",
                    "evals.benchmarks.bench",
                    "--child",
                    step,
                    system,
                    str(folder),
                    "real" if real else "words",
                ]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
                found |= json.loads(done.stdout.splitlines()[-1])
            yield system, found


def child(step: str, system: str, folder: Path, model: str) -> None:
    work = json.loads((folder / "work.json").read_text(encoding="utf-8"))
    embeddings = open_embeddings(load_settings()) if model == "real" else WordVectors()
    run = {"build": build, "ask": ask}[step]
    print(json.dumps(run(system, embeddings, folder / system, work)))


MEASURES = {
    "texts_per_s": "ingest, texts a second",
    "p50_ms": "question p50, ms",
    "p95_ms": "question p95, ms",
    "open_ms": "open, ms",
    "mb": "peak memory asking, MB",
    "build_mb": "peak memory ingesting, MB",
    "disk_mb_per_1000": "disk, MB a 1,000 texts",
}


def table(title: str, found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one comparison as text: each figure, and as a ratio to the tutorial's in brackets."""
    lines = [title, f"  {'':28}" + "".join(f"{system:>20}" for system in found)]
    for key, label in MEASURES.items():
        base = found["tutorial"][key]
        lines.append(f"  {label:28}" + "".join(f"{values[key]:>11.1f} ({values[key] / base:5.2f})" + " " for values in found.values()))
    for cell in next(iter(found.values()))["cells"]:
        shown = (values["cells"][cell] for values in found.values())
        lines.append(f"  {cell + ' R@1/R@5':28}" + "".join(f"{c['R@1']:>13.3f}/{c[f'R@{DEPTH}']:.3f} " for c in shown))
    return "\n".join(lines)


def plot(results: Mapping[str, Mapping[str, Mapping[str, Any]]], path: Path) -> None:
    """Draw quality per cell and time by size."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.5))
    first = results["quality"]
    cells = list(first["bayan"]["cells"])
    for at, (system, values) in enumerate(first.items()):
        heights = [values["cells"][cell]["R@1"] for cell in cells]
        left.bar([x + at * 0.2 for x in range(len(cells))], heights, 0.19, label=system)
    left.set_xticks([x + 0.3 for x in range(len(cells))], cells, fontsize=8)
    left.set(title="R@1, same weights", ylim=(0, 1))
    left.legend(fontsize=8)
    sizes = {int(name.split()[0].replace(",", "")): values for name, values in results.items() if name != "quality"}
    for system in SYSTEMS:
        right.plot(list(sizes), [values[system]["p50_ms"] for values in sizes.values()], marker="o", label=system)
    right.set(title="question p50 without embedding, ms", xscale="log", yscale="log", xlabel="texts")
    right.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)


def own_ratios() -> None:
    """Print how long an answer takes beside the embedding of its question; of an ingest, `evals.benchmarks.ingest` tells."""
    asked = [question.question for question in _own_questions()][:20]
    with TemporaryDirectory() as folder:
        settings = load_settings(index=Path(folder))
        ingest([ROOT / "ingest" / "samples"], settings=settings)
        assistant, embeddings = Assistant.open(settings=settings), open_embeddings(settings)
        for question in asked:  # warm up
            assistant.ask(question)
        embed, answer, evidence = [], [], []
        for question in asked * ROUNDS:
            embed.append(milliseconds(lambda q=question: embeddings.embed_query_array(q)))  # type: ignore[misc]
            answer.append(milliseconds(lambda q=question: assistant.ask(q)))  # type: ignore[misc]
            evidence.append(assistant.ask(question).timings_ms.evidence)
    print(f"answer / embedding its question: {median(answer) / median(embed):.2f}   (answer {median(answer):.0f} ms)")
    print(f"evidence / whole answer:         {median(evidence) / median(answer):.2f}   (evidence {median(evidence):.0f} ms)")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Bayan beside its peers.")
    parser.add_argument("--sets", type=Path, default=ROOT.parent / "shared" / "evalsets", help="folder of the public sets")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="texts at scale")
    parser.add_argument("--out", type=Path, default=ROOT / "index" / "bench", help="folder for bench.json and bench.svg")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        step, system, folder, model = given.child
        child(step, system, Path(folder), model)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    work = quality(given.sets)
    questions = [pair for pairs in work["cells"].values() for pair in pairs]
    asked = Random(SEED).sample(questions, min(ASKED_AT_SCALE, len(questions)))
    results: dict[str, dict[str, Any]] = {}
    stages = [("quality", work, True)]
    stages += [(f"{n:,} texts", {"texts": many(work["texts"], n), "cells": {"": asked}, "bounded": True}, False) for n in given.sizes]
    for title, stage, real in stages:
        found: dict[str, Any] = {}
        for system, values in compare(stage, real=real):
            print(f"{title}: {system} done", file=sys.stderr)
            found[system] = values if real else {**values, "cells": {}}
        results[title] = found
        print(table(f"{title} (in brackets: to the tutorial's)", found), flush=True)
        (given.out / "bench.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    plot(results, given.out / "bench.svg")
    own_ratios()


if __name__ == "__main__":
    main()
