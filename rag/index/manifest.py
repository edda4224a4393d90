"""What an index folder says of itself: how it was made, which data counts, and whether somebody is writing.

`manifest.json` is written last and atomically: its presence means that the index is complete. `writing.json` stands while an ingest runs;
one found without a writer tells of an interrupted run. The seal of a data folder (`rag.integrity.seal`) repeats the manifest, to mend it
from. Knows nothing of what is stored.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from rag.errors import IndexBusy, IndexMismatch, IndexMissing, IndexUnusable
from rag.index.ledger import Ledger
from rag.integrity.seal import DATABASE, SEAL, broken, read_seal, replace_text
from rag.language import TEXT_VERSION

Floats = npt.NDArray[np.float32]
FORMAT = 4
MANIFEST, JOURNAL, LOCK = "manifest.json", "writing.json", "write.lock"
_DATA = re.compile(r"data-\d+-[0-9a-f]+")  # what a data folder is called


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
        manifest = _told((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _without_manifest(folder) from error
    except (OSError, ValueError, TypeError) as error:
        raise IndexUnusable(f'the manifest of the index "{folder}" cannot be read ({error}); {fix_with(folder)}') from error
    if not (folder / manifest.data).is_dir():
        mended = fix_with(folder) if sealed_manifests(folder) else "its statements are lost: run `bayan restore FILE --force` on a backup"
        raise IndexUnusable(f'the index "{folder}" has no folder "{manifest.data}", which its manifest names; {mended}')
    return manifest


def fix_with(folder: Path) -> str:
    """Return the end of a message: the command that mends what is damaged."""
    return f'run `bayan doctor --fix --index "{folder}"`'


def _told(text: str) -> Manifest:
    """Read a manifest. Raises ValueError or TypeError."""
    told = json.loads(text)
    manifest = Manifest(**{field.name: told[field.name] for field in fields(Manifest) if field.name in told})
    if not _DATA.fullmatch(manifest.data) or not isinstance(manifest.format, int) or not isinstance(manifest.generation, int):
        raise ValueError("it is damaged")
    return manifest


def _without_manifest(folder: Path) -> IndexMissing | IndexUnusable:
    """Say what a folder holds that has no manifest: an index that has lost it, a first ingest that has not ended, or nothing."""
    if sealed_manifests(folder) or _unsealed(folder):
        return IndexUnusable(f'the manifest of the index "{folder}" is gone, what it names is there; {fix_with(folder)}')
    if unfinished := read_journal(folder):
        count = len(Ledger(folder / unfinished.data).read().statements)
        return IndexMissing(
            f'the first ingest into "{folder}" is running or was interrupted: {count} statements are kept, to be asked when it is done; '
            f'to go on from there, give the same `bayan ingest PATH --index "{folder}"` again'
        )
    return IndexMissing(f'there is no index in "{folder}"; make one with `bayan ingest PATH --index "{folder}"`')


def sealed_manifests(folder: Path, *, complete: bool = True) -> list[Manifest]:
    """Return the manifests that the data folders of an index carry, the newest first: of those that are complete, or of those begun."""
    found = []
    for data in folder.glob("data-*"):
        sealed = read_seal(data)
        if sealed and (sealed.files is not None) == complete and (manifest := _of_seal(sealed.about)) and manifest.data == data.name:
            found.append(manifest)
    return sorted(found, key=lambda manifest: manifest.generation, reverse=True)


def _of_seal(about: Any) -> Manifest | None:
    try:
        return _told(json.dumps(about))
    except (ValueError, TypeError):
        return None


def restore_manifest(folder: Path) -> bool:
    """Write a manifest anew that is gone, damaged or not as the seal of its data says; say whether it had to be.

    To be called by who holds the writer's lock.
    """
    sealed = sealed_manifests(folder)
    try:
        known = _told((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        known = None
    if known and (folder / known.data).is_dir():
        sealed = [manifest for manifest in sealed if manifest.data == known.data]
    elif not sealed:
        sealed = _unsealed(folder)
    if not sealed or sealed[0] == known:
        return False
    write_manifest(folder / MANIFEST, sealed[0])
    return True


def _unsealed(folder: Path) -> list[Manifest]:
    """What can be said of the data folders of an earlier Bayan, which sealed none: enough to make the index anew, the newest first."""
    if (folder / JOURNAL).exists():  # a first ingest that has not ended
        return []
    names = [path.parent.parent.name for path in folder.glob(f"data-*/{DATABASE}") if not (path.parent.parent / SEAL).exists()]
    made = [Manifest(0, "an earlier Bayan's", "", 0, 0, name, int(name.split("-")[1])) for name in names if _DATA.fullmatch(name)]
    return sorted(made, key=lambda manifest: manifest.generation, reverse=True)


def is_as_sealed(folder: Path, manifest: Manifest) -> bool:
    """Say whether a manifest is that of the seal of its data; it is while there is no seal."""
    sealed = read_seal(folder / manifest.data)
    return sealed is None or sealed.files is None or _of_seal(sealed.about) == manifest


def check_files(folder: Path, manifest: Manifest, *, among: Sequence[str] = ("",)) -> None:
    """Refuse an index of which a file is missing or altered whose name begins as one `among`. Raises IndexUnusable.

    While an ingest writes, files differ from the last seal; so they do after one that was interrupted, until the next one.
    """
    names = [name for name in broken(folder / manifest.data) if name.startswith(tuple(among))]
    if not is_as_sealed(folder, manifest) and not (folder / JOURNAL).exists() and read_manifest(folder) == manifest:
        raise IndexUnusable(f'the manifest of the index "{folder}" is not as its seal says; {fix_with(folder)}')
    if names and not (folder / JOURNAL).exists() and read_manifest(folder) == manifest:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise IndexUnusable(
            f'the file "{manifest.data}/{names[0]}"{more} of the index "{folder}" is missing or damaged; {fix_with(folder)}'
        )


def check_making(folder: Path, manifest: Manifest, embeddings: PassageEmbeddings) -> None:
    """Refuse an index made with another model or text processing. Raises IndexMismatch."""
    if manifest.same_making(embeddings):
        return
    check_age(folder, manifest)
    raise IndexMismatch(
        f'the index "{folder}" was made with the model "{manifest.embedding}" ({manifest.digest[:12]}, format '
        f'{manifest.format}, text processing {manifest.text_version}), the settings ask for "{embeddings.name}" ({embeddings.digest[:12]}, '
        f"{FORMAT}, {TEXT_VERSION}); "
        f'rebuild it with `bayan ingest --rebuild --index "{folder}"` or set BAYAN_EMBEDDING and BAYAN_EMBEDDING_ENGINE as they were'
    )


def check_age(folder: Path, manifest: Manifest) -> None:
    """Refuse an index that a later Bayan made. Raises IndexMismatch."""
    if manifest.format > FORMAT:
        raise IndexMismatch(f'the index "{folder}" was made by a newer Bayan (format {manifest.format}, not {FORMAT}); install that one')


def read_journal(folder: Path) -> Manifest | None:
    """Return the manifest of a run that was interrupted, or None; from its data folder when the journal is damaged."""
    try:
        return _told((folder / JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        begun = [] if (folder / MANIFEST).exists() else sealed_manifests(folder, complete=False)
    except (OSError, ValueError, TypeError):
        begun = sealed_manifests(folder, complete=False)
    return begun[0] if begun else None


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
    replace_text(path, json.dumps(asdict(manifest), indent=2) + "\n")


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
