"""sentence-transformers: any of its models, from a folder or a hub, as an encoder of batches.

The only file that imports torch, and only when a model is opened. Knows nothing of catalogues, caches or settings.

    encoder = SentenceTransformerEncoder("intfloat/multilingual-e5-base", local=False)
    encoder.encode(["Who retook the prison?"], "query")
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.embedding.local import Floats, Kind
from rag.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PROMPT_NAMES: dict[Kind, tuple[str, ...]] = {"query": ("query",), "passage": ("passage", "document", "corpus")}
UNUSED_BY_ENCODING = ("sklearn", "sklearn.metrics", "scipy.stats")  # sentence-transformers imports them for its evaluators


class SentenceTransformerEncoder:
    """A loaded model. One batch at a time: fast tokenizers refuse to be used by two threads at once ("Already borrowed")."""

    def __init__(self, source: str, *, local: bool) -> None:
        self._model = _load(source, local=local)
        self._lock = threading.Lock()

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str], kind: Kind) -> Floats:
        """Embed one batch: (n, dimension), unit norm."""
        prompt = _first_prompt(self._model, PROMPT_NAMES[kind])
        with self._lock:
            vectors = self._model.encode(
                list(texts), prompt=prompt, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)


def _first_prompt(model: SentenceTransformer, names: Sequence[str]) -> str:
    """The first prompt that says something: sentence-transformers adds an empty `document`, which would hide `passage`."""
    return next((prompt for name in names if (prompt := model.prompts.get(name))), "")


def hub_commit(name: str) -> str:
    """The commit of the hub copy in use: the name of its snapshot folder."""
    from huggingface_hub import try_to_load_from_cache

    for file in ("modules.json", "config.json"):
        if isinstance(path := try_to_load_from_cache(name, file), str):
            return Path(path).parent.name
    raise ModelError(f'the hub model "{name}" has neither modules.json nor config.json: it is not a sentence-transformers model')


def _load(source: str, *, local: bool) -> SentenceTransformer:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when huggingface_hub is imported
    with _collector_paused():
        with _deferred(UNUSED_BY_ENCODING):
            import torch
            from sentence_transformers import SentenceTransformer
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(os.cpu_count() or 1)
        try:
            with _quiet():
                return SentenceTransformer(source, local_files_only=local)
        except Exception as error:  # whatever the loader raises, the model cannot be used; its first line says why
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ModelError(f'the embedding model "{source}" cannot be loaded: {reason}') from error


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause garbage collection: the imports make millions of lasting objects; one second of seven is saved."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _deferred(names: Sequence[str]) -> Iterator[None]:
    """Put off importing these modules until one of their functions is called: two seconds of eight, and 75 MB, are saved."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update((name, _Deferred(name)) for name in absent)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


class _Deferred(ModuleType):
    """Stands in for a module whose functions are imported by name and not called yet."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)
        self.__path__: list[str] = []

    def __getattr__(self, attribute: str) -> Callable[..., Any]:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return lambda *args, **kwargs: getattr(import_module(self.__name__), attribute)(*args, **kwargs)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' loading bar and its report on the unused pooler off the terminal."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
