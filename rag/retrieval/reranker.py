"""An optional second look at the best passages: any sentence-transformers CrossEncoder, within a budget of time.

Off unless BAYAN_RERANKER names a model: a cross-encoder reads question and passage together, which ranks better and costs about a second
a question without a GPU. Passages that were not scored in time keep their places behind those that were. Beside
rag/embedding/torch.py the only file that imports sentence-transformers and torch.

    reranker = open_reranker("cross-encoder/ms-marco-MiniLM-L6-v2", budget_ms=500, offline=False)
    reranker.scores("How many were hurt?", ["Three were hurt.", "Olives were picked."])  # [4.1, -9.8]; shorter when time ran out
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

from rag.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH = 8  # passages scored between two looks at the clock


class Reranker:
    def __init__(self, model: CrossEncoder, *, budget_ms: int) -> None:
        self._model, self._budget_s = model, budget_ms / 1_000
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="reranker")

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return the scores of the first texts, as many as the budget allows, within that time."""
        done: list[float] = []
        stop = Event()
        task = self._worker.submit(self._score, question, texts, done, stop)
        try:
            task.result(timeout=self._budget_s)
        except TimeoutError:  # a batch under way cannot be broken off: it ends by itself, unheeded
            stop.set()
            task.cancel()
        return list(done)

    def _score(self, question: str, texts: Sequence[str], done: list[float], stop: Event) -> None:
        for begin in range(0, len(texts), BATCH):
            if stop.is_set():
                return
            pairs = [(question, text) for text in texts[begin : begin + BATCH]]
            scored = self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False)
            done.extend(float(score) for score in scored)


def open_reranker(name: str, *, budget_ms: int, offline: bool) -> Reranker:
    """Load a cross-encoder by hub name or folder. Raises ModelError."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when huggingface_hub is imported
    from sentence_transformers import CrossEncoder

    try:
        model = CrossEncoder(name, local_files_only=offline or os.path.isdir(name))
    except Exception as error:  # whatever the loader raises, the model cannot be used; its first line says why
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(
            f'the reranker "{name}" cannot be loaded ({reason}); BAYAN_RERANKER is "none", a folder or a sentence-transformers hub name'
        ) from error
    if model.num_labels != 1:
        raise ModelError(f'the reranker "{name}" gives {model.num_labels} scores a passage; one that gives a single relevance is needed')
    return Reranker(model, budget_ms=budget_ms)
