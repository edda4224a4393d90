"""Embedding models behind LangChain's `Embeddings`: texts in, unit vectors out.

Picks what computes: sentence-transformers (`rag.embedding.torch`) or, for the catalogue's model and with the engine `onnx`, ONNX Runtime
with 8-bit and 4-bit weights (`rag.embedding.onnx`, no torch loaded). Either is imported when a model is first used. Knows nothing of
statements, stores or settings. Nothing is sent anywhere; a hub is asked only for a hub name, and not even then when `offline`.

    embeddings = open_embeddings("multilingual-e5-small", cache=user_cache_path("bayan"))
    embeddings.embed_passages_array(["استعادت القوات السيطرة على السجن."]) @ embeddings.embed_query_array("Who retook the prison?")
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings
from tqdm import tqdm

from rag.embedding.catalogue import ModelEntry, catalogue, entry, exclusive, require_space, storage_errors, weights_path
from rag.errors import ModelError
from rag.integrity.seal import digest_of, replace_text
from rag.integrity.stamp import stamped, unstamped

Floats = npt.NDArray[np.float32]
Kind = Literal["query", "passage"]
Engine = Literal["torch", "onnx"]
Asked = Literal["auto", "torch", "onnx"]

BATCH = 16
MANIFEST = "manifest.json"
EIGHT_BITS = "int8.1"  # in the digest of vectors computed in 8 bits; raised when the graph computes others
LAYOUTS: dict[Engine, int | str] = {"torch": 1, "onnx": EIGHT_BITS}  # raised when a folder is made differently: old ones are made again
UNPACKED_FACTOR: dict[Engine, int] = {"torch": 5, "onnx": 2}  # the folder takes four times the weights, or less than they do
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
DIGESTED = {".json", ".safetensors", ".bin", ".txt", ".model"}  # what decides a folder's vectors: weights, configuration, tokenizer


class Encoder(Protocol):
    """What computes: one batch at a time, from any thread."""

    @property
    def dimension(self) -> int: ...
    def encode(self, texts: Sequence[str], kind: Kind) -> Floats: ...


class LocalEmbeddings(Embeddings):
    """A model, loaded when it is first used. `digest` says which weights and engine make its vectors; safe to share between threads."""

    def __init__(self, load: Callable[[], Encoder], *, name: str, digest: str) -> None:
        self.name = name
        self.digest = digest
        self._load = load
        self._loading = threading.Lock()
        self._loaded: Encoder | None = None

    @property
    def _encoder(self) -> Encoder:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    def load(self) -> None:
        """Load the model now. Raises ModelError."""
        _ = self._encoder

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
            vectors[batch] = self._encoder.encode([texts[i] for i in batch], "passage")
        return vectors

    def embed_query_array(self, text: str) -> Floats:
        """Embed one query: (dimension,), unit norm."""
        vector: Floats = self._encoder.encode([text], "query")[0]
        return vector


def engine_of(name: str, asked: Asked) -> Engine:
    """Return what computes a model's vectors: left to us, ONNX Runtime for the catalogue's, sentence-transformers for all others."""
    if asked != "auto":
        return asked
    return "onnx" if name in catalogue() else "torch"


def open_embeddings(name: str, *, cache: Path, offline: bool = False, progress: bool = True, engine: Asked = "auto") -> LocalEmbeddings:
    """Open a model by catalogue name, folder or hub name (`organisation/model`), in this order; a local one is loaded when first used.

    The hub is asked for hub names only, and when `offline` its local copy is used. Raises ModelError that lists what is allowed.
    """
    engine = engine_of(name, engine)
    if name in catalogue():
        return _open_catalogued(name, cache, offline, progress, engine)
    folder = Path(name).expanduser()
    if engine == "onnx" and (HUB_NAME.fullmatch(name) or (name and folder.is_dir())):
        raise ModelError(f'the engine "onnx" runs models of the catalogue, not "{name}"; set BAYAN_EMBEDDING_ENGINE=torch')
    if name and folder.is_dir():
        return LocalEmbeddings(partial(_sentence_transformer, str(folder), local=True), name=name, digest=folder_digest(folder))
    if HUB_NAME.fullmatch(name):
        from rag.embedding.torch import hub_commit

        encoder = _sentence_transformer(name, local=offline)  # now, for the commit is known only when the hub's copy is here
        return LocalEmbeddings(lambda: encoder, name=name, digest=hub_commit(name))
    known = ", ".join(model.name for model in catalogue().values() if model.kind == "embedding")
    raise ModelError(f'no embedding model "{name}": name one of the catalogue ({known}), an existing folder, or a hub model (org/name)')


def _open_catalogued(name: str, cache: Path, offline: bool, progress: bool, engine: Engine) -> LocalEmbeddings:
    model = entry(name)
    if model.kind != "embedding":
        raise ModelError(f'"{name}" is a language model, not an embedding model; see `bayan models list`')
    weights = weights_path(name, cache=cache, offline=offline, progress=progress)
    folder = unpacked(weights, model.sha256, engine=engine, progress=progress)
    load = partial(_sentence_transformer, str(folder), local=True) if engine == "torch" else partial(_eight_bits, folder)
    return LocalEmbeddings(load, name=name, digest=catalogued_digest(model, engine))


def catalogued_digest(model: ModelEntry, engine: Engine) -> str:
    """Return what an index records of a catalogued model. The engines' vectors are near, not equal: they are never mixed."""
    return model.sha256 if engine == "torch" else f"{EIGHT_BITS}-{model.sha256}"


def _sentence_transformer(source: str, *, local: bool) -> Encoder:
    from rag.embedding.torch import SentenceTransformerEncoder

    return SentenceTransformerEncoder(source, local=local)


def _eight_bits(folder: Path) -> Encoder:
    from rag.embedding.onnx import OnnxEncoder

    return OnnxEncoder(folder)


def unpacked(weights: Path, sha256: str, *, engine: Engine, progress: bool = True, thorough: bool = False) -> Path:
    """Return the engine's folder made from verified E5S1 weights, beside them; made the first time, in a few seconds.

    The manifest is written last: a folder that has it, with files of the sizes it names, is complete; `thorough` looks at their digests
    too. Raises ModelError.
    """
    folder = _folder(weights, engine)
    if thorough and altered(weights, engine=engine):
        (folder / MANIFEST).unlink(missing_ok=True)
        _digests(folder).unlink(missing_ok=True)
    if _is_complete(folder, sha256, engine):
        with suppress(OSError):  # a cache that cannot be written is read all the same
            if not _digests(folder).exists():  # an earlier Bayan wrote none
                _write_digests(folder)
        return folder
    with storage_errors(folder.parent), exclusive(folder.parent):
        if not _is_complete(folder, sha256, engine):  # another process may have made it meanwhile
            require_space(folder.parent, UNPACKED_FACTOR[engine] * weights.stat().st_size)
            _unpack_whole(weights, sha256, folder, engine, progress)
    return folder


def altered(weights: Path, *, engine: Engine) -> list[Path]:
    """Return the files unpacked from weights that are missing or not as they were made; none before they are unpacked."""
    folder = _folder(weights, engine)
    if not folder.exists():
        return []
    source, look = (_digests(folder), digest_of) if _digests(folder).exists() else (folder / MANIFEST, _size)
    try:
        told = json.loads(unstamped(source.read_text(encoding="utf-8")))
        facts = told if look is digest_of else told["sizes"]  # an earlier Bayan wrote down nothing else
        return [folder / name for name, fact in facts.items() if not (folder / name).is_file() or look(folder / name) != fact]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [source]


def _size(path: Path) -> int:
    return path.stat().st_size


def _folder(weights: Path, engine: Engine) -> Path:
    return weights.with_suffix("") if engine == "torch" else weights.with_name(f"{weights.stem}-onnx")


def _digests(folder: Path) -> Path:
    """Where the digests of its files are kept: beside it, for whatever lies in it is part of the model."""
    return folder.with_name(f"{folder.name}.digests")


def _write_digests(folder: Path) -> None:
    digests = {path.relative_to(folder).as_posix(): digest_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    replace_text(_digests(folder), stamped(json.dumps(digests)))


def _unpack_whole(weights: Path, sha256: str, folder: Path, engine: Engine, progress: bool) -> None:
    from rag.embedding.e5_file import unpack_e5
    from rag.embedding.e5_graph import unpack_onnx

    with (
        tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder.parent) as scratch,
        tqdm(desc=f"unpacking {weights.name}", total=1, bar_format="{desc} ({elapsed})", disable=not progress),
    ):
        made = Path(scratch) / folder.name
        made.mkdir()
        (unpack_e5 if engine == "torch" else unpack_onnx)(weights, made)
        (made / MANIFEST).write_text(json.dumps(_manifest(made, sha256, engine), indent=2), encoding="utf-8")
        _digests(folder).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
        _write_digests(folder)


def _manifest(folder: Path, sha256: str, engine: Engine) -> dict[str, object]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST)
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}
    return {"weights_sha256": sha256, "layout": LAYOUTS[engine], "sizes": sizes}


def _is_complete(folder: Path, sha256: str, engine: Engine) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_text(encoding="utf-8")) == _manifest(folder, sha256, engine))
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
