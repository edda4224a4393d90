"""sentence-transformers behind LangChain's `Embeddings`: texts in, unit vectors out.

The only file that imports torch, and only when a model is opened: `import rag.embeddings` stays light. Knows nothing of statements,
stores or settings. Nothing is sent anywhere; a hub is asked only for a hub name, and not even then when `offline`.

    embeddings = open_embeddings("multilingual-e5-small", cache=user_cache_path("bayan"))
    embeddings.embed_passages_array(["استعادت القوات السيطرة على السجن."]) @ embeddings.embed_query_array("Who retook the prison?")
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings
from tqdm import tqdm

from rag.errors import ModelError
from rag.models import catalogue, entry, exclusive, require_space, storage_errors, weights_path

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Floats = npt.NDArray[np.float32]

BATCH = 16
MANIFEST = "manifest.json"
LAYOUT = 1  # raised when the folder is made differently, so that old ones are made again
UNPACKED_FACTOR = 5  # the folder takes four times the weights
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
DIGESTED = {".json", ".safetensors", ".bin", ".txt", ".model"}  # what decides a folder's vectors: weights, configuration, tokenizer
QUERY_PROMPTS = ("query",)
PASSAGE_PROMPTS = ("passage", "document", "corpus")
UNUSED_BY_ENCODING = ("sklearn", "sklearn.metrics", "scipy.stats")  # sentence-transformers imports them for its evaluators


class SentenceTransformerEmbeddings(Embeddings):
    """A model, loaded when it is first used. `digest` says which weights it has; safe to share between threads."""

    def __init__(self, load: Callable[[], SentenceTransformer], *, name: str, digest: str) -> None:
        self.name = name
        self.digest = digest
        self._load = load
        self._lock = threading.Lock()  # fast tokenizers refuse to be used by two threads at once ("Already borrowed")

    @cached_property
    def _model(self) -> SentenceTransformer:
        return self._load()

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension() or 0)

    def load(self) -> None:
        """Load the model now. Raises ModelError."""
        with self._lock:
            _ = self._model

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed passages."""
        return [vector.tolist() for vector in self.embed_passages_array(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Embed one query."""
        return [float(x) for x in self.embed_query_array(text)]

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        """Embed passages: (n, dimension), unit norm, in the order given; texts of like length share a batch, against padding."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        longest_first = np.argsort([-len(text) for text in texts], kind="stable")
        batches = [longest_first[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        for batch in tqdm(batches, desc="embedding", unit="batch", delay=1, disable=not progress):
            vectors[batch] = self._encode([texts[i] for i in batch], PASSAGE_PROMPTS)
        return vectors

    def embed_query_array(self, text: str) -> Floats:
        """Embed one query: (dimension,), unit norm."""
        vector: Floats = self._encode([text], QUERY_PROMPTS)[0]
        return vector

    def _encode(self, texts: list[str], prompts: Sequence[str]) -> Floats:
        with self._lock:
            prompt = _first_prompt(self._model, prompts)
            vectors = self._model.encode(texts, prompt=prompt, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


def _first_prompt(model: SentenceTransformer, names: Sequence[str]) -> str:
    """The first prompt that says something: sentence-transformers adds an empty `document`, which would hide `passage`."""
    return next((prompt for name in names if (prompt := model.prompts.get(name))), "")


def open_embeddings(name: str, *, cache: Path, offline: bool = False, progress: bool = True) -> SentenceTransformerEmbeddings:
    """Open a model by catalogue name, folder or hub name (`organisation/model`), in this order; a local one is loaded when first used.

    The hub is asked for hub names only, and when `offline` its local copy is used. Raises ModelError that lists what is allowed.
    """
    if name in catalogue():
        return _open_catalogued(name, cache, offline, progress)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return SentenceTransformerEmbeddings(partial(_load, str(folder), local=True), name=name, digest=folder_digest(folder))
    if HUB_NAME.fullmatch(name):
        model = _load(name, local=offline)  # now, for the commit is known only when the hub's copy is here
        return SentenceTransformerEmbeddings(lambda: model, name=name, digest=_hub_commit(name))
    known = ", ".join(model.name for model in catalogue().values() if model.kind == "embedding")
    raise ModelError(f'no embedding model "{name}": name one of the catalogue ({known}), an existing folder, or a hub model (org/name)')


def _open_catalogued(name: str, cache: Path, offline: bool, progress: bool) -> SentenceTransformerEmbeddings:
    model = entry(name)
    if model.kind != "embedding":
        raise ModelError(f'"{name}" is a language model, not an embedding model; see `bayan models list`')
    folder = unpacked(weights_path(name, cache=cache, offline=offline, progress=progress), model.sha256, progress=progress)
    return SentenceTransformerEmbeddings(partial(_load, str(folder), local=True), name=name, digest=model.sha256)


def unpacked(weights: Path, sha256: str, *, progress: bool = True) -> Path:
    """Return the model folder made from verified E5S1 weights, beside them; made the first time, in about 3 s.

    The manifest is written last: a folder that has it, with files of the sizes it names, is complete. Raises ModelError.
    """
    folder = weights.with_suffix("")
    if _is_complete(folder, sha256):
        return folder
    with storage_errors(folder.parent), exclusive(folder.parent):
        if not _is_complete(folder, sha256):  # another process may have made it meanwhile
            require_space(folder.parent, UNPACKED_FACTOR * weights.stat().st_size)
            _unpack_whole(weights, sha256, folder, progress)
    return folder


def _unpack_whole(weights: Path, sha256: str, folder: Path, progress: bool) -> None:
    from rag.e5s1 import unpack_e5

    with (
        tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder.parent) as scratch,
        tqdm(desc=f"unpacking {weights.name}", total=1, bar_format="{desc} ({elapsed})", disable=not progress),
    ):
        made = Path(scratch) / folder.name
        made.mkdir()
        unpack_e5(weights, made)
        (made / MANIFEST).write_text(json.dumps(_manifest(made, sha256), indent=2), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _manifest(folder: Path, sha256: str) -> dict[str, object]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST)
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}
    return {"weights_sha256": sha256, "layout": LAYOUT, "sizes": sizes}


def _is_complete(folder: Path, sha256: str) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_text(encoding="utf-8")) == _manifest(folder, sha256))
    except (OSError, ValueError):
        return False


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of a model folder's weight, configuration and tokenizer files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in DIGESTED and path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _hub_commit(name: str) -> str:
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
