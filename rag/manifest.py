"""What an index folder says of itself: how it was made, which data counts, and whether somebody is writing.

`manifest.json` is written last and atomically: its presence means that the index is complete. `writing.json` stands while an ingest runs;
one found without a writer tells of an interrupted run. Knows nothing of what is stored.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from rag.errors import IndexBusy, IndexMismatch, IndexMissing, IndexUnusable
from rag.language import TEXT_VERSION

Floats = npt.NDArray[np.float32]
FORMAT = 4
MANIFEST, JOURNAL, LOCK = "manifest.json", "writing.json", "write.lock"


class PassageEmbeddings(Protocol):
    """What an index needs to know of an embedding model."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats: ...


@dataclass(frozen=True)
class Manifest:
    """How an index was made. `data` names its data folder (on a Chroma server: the prefix of its collections)."""

    format: int
    embedding: str
    digest: str
    dimension: int
    text_version: int
    data: str
    generation: int = 0

    def same_making(self, embeddings: PassageEmbeddings) -> bool:
        """Whether an index made now with `embeddings` could go on in this one's data."""
        return (self.format, self.digest, self.text_version) == (FORMAT, embeddings.digest, TEXT_VERSION)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest. Raises IndexMissing when there is no complete index, IndexUnusable when the file is damaged."""
    try:
        return Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise IndexMissing(f'there is no index in "{folder}"; make one with `bayan ingest PATH --index "{folder}"`') from error
    except (OSError, ValueError, TypeError) as error:
        raise IndexUnusable(f'the manifest of the index "{folder}" cannot be read ({error}); ingest the statements anew') from error


def check_making(folder: Path, manifest: Manifest, embeddings: PassageEmbeddings) -> None:
    """Refuse an index made with another model or text processing. Raises IndexMismatch."""
    if manifest.same_making(embeddings):
        return
    raise IndexMismatch(
        f'the index "{folder}" was made with the model "{manifest.embedding}" ({manifest.digest[:12]}, format '
        f'{manifest.format}, text processing {manifest.text_version}), the settings ask for "{embeddings.name}" ({embeddings.digest[:12]}, '
        f"{FORMAT}, {TEXT_VERSION}); "
        f'rebuild it with `bayan ingest --rebuild --index "{folder}"` or set BAYAN_EMBEDDING and BAYAN_EMBEDDING_ENGINE as they were'
    )


def read_journal(folder: Path) -> Manifest | None:
    """Return the manifest of a run that was interrupted, or None."""
    try:
        return Manifest(**json.loads((folder / JOURNAL).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def next_manifest(previous: Manifest | None, unfinished: Manifest | None, embeddings: PassageEmbeddings, *, rebuild: bool) -> Manifest:
    """Return what is written next: the complete index again, a first ingest that was interrupted, or a data folder of its own.

    Its name is drawn at random, for on a Chroma server several indexes share one space of names.
    """
    generation = previous.generation + 1 if previous else 1
    if previous and not rebuild:  # the model is not loaded for its dimension: an ingest that finds nothing new never needs it
        return replace(previous, embedding=embeddings.name, generation=generation)
    if unfinished and not previous and unfinished.same_making(embeddings):
        return unfinished
    making = (FORMAT, embeddings.name, embeddings.digest, embeddings.dimension, TEXT_VERSION)
    return Manifest(*making, f"data-{generation}-{token_hex(4)}", generation)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest, or the journal, in one step."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the writer's lock; turn a folder that cannot be written into a clear error."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        with lock:
            yield
    except Timeout as error:
        raise IndexBusy(f'another ingest is writing to the index "{folder}"; wait until it is done and run the command again') from error
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise IndexUnusable(
                f'cannot write to the index folder "{folder}"; change its permissions or choose another with --index'
            ) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise IndexUnusable(
                f'the index "{folder}" cannot be made: a file stands in its place; choose another folder with --index'
            ) from error
        if error.errno == errno.ENOSPC:
            raise IndexUnusable(f'no space is left for the index "{folder}"; free some and run the command again') from error
        raise
