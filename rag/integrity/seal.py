"""The seal of a data folder: what it belongs to, and a digest of every file that stands still between two ingests.

A vector index with a wrong byte takes the process down that opens it, so files are looked at before they are opened: by size and time of
change, and by digest where these differ from what was sealed. Not sealed are Chroma's database, which changes when it is opened and whose
records carry digests of their own, and the files of a vector index that has not been written yet, which Chroma makes anew. It may also
write one long after an ingest, when whoever reads it has taken in enough: then all its files are new at once, as no damage makes them.

    seal(data, {"format": 4, …})   # an ingest is done
    broken(data)                   # ["lexical/meta.json"], quick; with thorough=True every byte is read
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.integrity.stamp import is_stamped, stamped, unstamped

SEAL = "seal.json"
DATABASE = "chroma/chroma.sqlite3"
_WRITTEN = "index_metadata.pickle"  # of a vector index that Chroma has written
_TOGETHER = ("data_level0.bin", _WRITTEN)
_PAUSES_S = (0.2, 0.4, 0.8)
_CHANGING = ("chroma.sqlite3", "chroma.sqlite3-journal", "chroma.sqlite3-wal", "chroma.sqlite3-shm", SEAL)


@dataclass(frozen=True)
class Seal:
    """`about`: the manifest of the index. `files`: size, time of change and digest by name; None before a first ingest is done."""

    about: Mapping[str, Any]
    files: Mapping[str, tuple[int, int, str]] | None


def seal(data: Path, about: Mapping[str, Any], *, complete: bool = True) -> None:
    """Write the seal of a data folder; a file that has not changed since the last one keeps its digest."""
    before = read_seal(data)
    known = before.files if before and before.files else {}
    files = {name: _told(path, known.get(name)) for name, path in _still(data)} if complete else None
    replace_text(data / SEAL, stamped(json.dumps({"about": dict(about), "files": files})) + "\n")


def read_seal(data: Path) -> Seal | None:
    """Return the seal of a data folder, None when there is none that can be read."""
    try:
        text = (data / SEAL).read_text(encoding="utf-8").rstrip("\n")
        told = json.loads(unstamped(text)) if is_stamped(text) else None
        return told and Seal(told["about"], told["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def broken(data: Path, *, thorough: bool = False) -> list[str]:
    """Return the names of the files that are missing or not as they were sealed; none of a folder that is not sealed."""
    found: list[str] = []
    for pause_s in (*_PAUSES_S, None):
        sealed = read_seal(data)
        files = (sealed and sealed.files) or {}
        wrong = [name for name, told in files.items() if not _is_as_told(data / name, *told, thorough=thorough)]
        found = sorted(name for name in wrong if not _is_written_anew(data, name, wrong, files))
        if pause_s is None or not any(_is_of_vectors(name) for name in found):
            break
        time.sleep(pause_s)  # Chroma may be writing them just now
    return found


def _is_of_vectors(name: str) -> bool:
    return name.startswith("chroma/") and name.count("/") == 2


def _is_written_anew(data: Path, name: str, wrong: Sequence[str], files: Mapping[str, tuple[int, int, str]]) -> bool:
    """Whether the file is of a vector index of which all files were written since, and both vectors and their names are others."""
    folder = name.rpartition("/")[0]
    if not _is_of_vectors(name) or not {f"{folder}/{part}" for part in _TOGETHER} <= set(wrong):
        return False
    try:
        return all((data / one).stat().st_mtime_ns != told[1] for one, told in files.items() if one.startswith(f"{folder}/"))
    except OSError:  # one is missing
        return False


def replace_text(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it finds the old text or the new one, even after the power has failed."""
    partial = path.with_suffix(".partial")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def digest_of(path: Path) -> str:
    """Return the digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _still(data: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data).as_posix()
        passing = path.name in _CHANGING or path.suffix in (".lock", ".partial")
        unwritten = name.startswith("chroma/") and not (path.parent / _WRITTEN).exists()
        if path.is_file() and not passing and not unwritten:
            yield name, path
    if (data / DATABASE).exists():
        yield DATABASE, data / DATABASE


def _told(path: Path, known: tuple[int, int, str] | None) -> tuple[int, int, str]:
    if path.name in _CHANGING:
        return (0, 0, "")  # that it is there is all that can be told
    facts = path.stat()
    if known and list(known[:2]) == [facts.st_size, facts.st_mtime_ns]:
        return known
    return (facts.st_size, facts.st_mtime_ns, digest_of(path))


def _is_as_told(path: Path, size: int, changed_ns: int, digest: str, *, thorough: bool) -> bool:
    try:
        facts = path.stat()
        if not digest:
            return facts.st_size > 0
        return facts.st_size == size and ((facts.st_mtime_ns == changed_ns and not thorough) or digest_of(path) == digest)
    except OSError:
        return False
