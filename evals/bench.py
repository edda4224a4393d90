"""How fast, as ratios against a baseline measured in the same run, so that a noisy machine does not blur them.

    python -m evals.bench

Baseline of an answer: embedding its question. Baseline of an ingest: embedding the same texts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from evals.questions import read_questions
from ingest import ingest
from rag import Assistant
from rag.build import open_embeddings
from rag.index import embedded_texts
from rag.settings import load_settings

ROOT = Path(__file__).parents[1]
ROUNDS = 5


def milliseconds(action: Callable[[], object]) -> float:
    """Return how long one call takes, in milliseconds."""
    begun = time.perf_counter()
    action()
    return (time.perf_counter() - begun) * 1_000


def main() -> None:
    questions = [question.question for question in read_questions(ROOT / "evals" / "sets" / "samples.jsonl")][:20]
    with TemporaryDirectory() as folder:
        settings = load_settings(index=Path(folder))
        seconds = ingest([ROOT / "ingest" / "samples"], settings=settings).seconds
        assistant, embeddings = Assistant.open(settings=settings), open_embeddings(settings)
        store = assistant._retriever._index.store
        texts = [
            text
            for s in store.all_statements()
            for p, _ in store.passages_of(s.statement_id).values()
            for text in embedded_texts(s, p.passage)
        ]
        for question in questions:  # warm up
            assistant.ask(question)
        embed, answer, evidence = [], [], []
        for question in questions * ROUNDS:
            embed.append(milliseconds(lambda q=question: embeddings.embed_query_array(q)))  # type: ignore[misc]
            answer.append(milliseconds(lambda q=question: assistant.ask(q)))  # type: ignore[misc]
            evidence.append(assistant.ask(question).timings_ms.evidence)
        embedding_seconds = milliseconds(lambda: embeddings.embed_passages_array(texts)) / 1_000
    print(f"answer / embedding its question: {median(answer) / median(embed):.2f}   (answer {median(answer):.0f} ms)")
    print(f"evidence / whole answer:         {median(evidence) / median(answer):.2f}   (evidence {median(evidence):.0f} ms)")
    rate = f"{len(texts) / embedding_seconds:.0f} texts a second; the ingest loads the model too"
    print(f"ingest / embedding its texts:    {seconds / embedding_seconds:.2f}   ({rate})")


if __name__ == "__main__":
    main()
