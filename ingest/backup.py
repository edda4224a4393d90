"""An index as one file, and back: `bayan backup FILE` and `bayan restore FILE`.

The archive is a ZIP with the SHA-256 of every file in its `backup.json`. Always in it are the texts, the ledger, from which an index can be
made anew by any later Bayan; with them vectors and lexical index, unless an ingest is writing to them just then; and what people have left
beside: feedback, evaluation runs and question sets, uploads. Not in it are API keys: an old backup must not let somebody in again whose key
was removed, and a file that is sent around should open no door. What stands in the folder already is left as it is, but for the index.

    backup(load_settings(), Path("bayan.zip"))     # Archived(statements=18, vectors=True, …)
    restore(load_settings(index="other"), Path("bayan.zip"))
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ingest.pipeline import rebuild
from ingest.web.visits import VISITS
from rag.errors import BackupError, IndexBusy, IndexMissing, IndexUnusable
from rag.index.damage import Salvage
from rag.index.folder import replace_data
from rag.index.ledger import LEDGER, Ledger
from rag.index.manifest import FORMAT, JOURNAL, LOCK, Manifest, exclusive, fix_with, read_manifest, sealed_manifests
from rag.integrity.seal import DATABASE, SEAL, broken
from rag.settings import Settings

LAYOUT = 1  # of the archive
TOLD = "backup.json"
BESIDE = ("feedback.jsonl", VISITS, "runs", "uploads")  # in the index folder
MAX_TOLD_BYTES = 64_000_000
MAX_RATIO, RATIO_FROM_BYTES = 100, 1_000_000_000  # of what a file unpacks to; texts shrink to a fifth, vectors hardly
CHUNK_BYTES = 1 << 20
_NAME = re.compile(rf"(?:data/[^\\:\0]+|beside/(?:{VISITS}|feedback\.jsonl|(?:runs|uploads)/[^\\:\0]+)|sets/[^\\:\0]+)")


@dataclass(frozen=True)
class Archived:
    """What a backup holds, or what was restored of one. `vectors`: whether they were in it, so that none had to be computed anew."""

    file: str
    statements: int
    vectors: bool
    bytes: int
    seconds: float


def backup(settings: Settings, file: Path) -> Archived:
    """Write an archive of the index, in one step: there is a whole one or none. Other processes may read and write the index meanwhile.

    Raises IndexMissing, IndexUnusable when the index is damaged, and BackupError when the archive cannot be written.
    """
    started, folder = time.perf_counter(), settings.index
    if file.exists() and not _is_backup(file):
        raise BackupError(f'"{file}" is there and is no backup; choose another name')
    manifest = read_manifest(folder)
    with _room_beside(file) as scratch:
        with _held(folder) as held:
            vectors = held and settings.chroma_url is None
            names = _snapshot(folder / manifest.data, scratch / "data", vectors=vectors)
        kept = Ledger(scratch / "data").read()
        if kept.damaged or not kept.statements:
            raise IndexUnusable(f'the second copy of the texts of the index "{folder}" is missing or damaged; {fix_with(folder)}')
        found = {name: scratch / name for name in names} | dict(_beside(folder))
        partial = scratch / "archive"
        told = {"layout": LAYOUT, "created": datetime.now(UTC).isoformat(timespec="seconds"), "vectors": vectors}
        _write(partial, found, told | {"statements": len(kept.statements), "manifest": asdict(manifest)})
        os.replace(partial, file)
        _sync_folder(file.parent)
    return Archived(str(file), len(kept.statements), vectors, file.stat().st_size, round(time.perf_counter() - started, 3))


def restore(settings: Settings, file: Path, *, force: bool = False, progress: bool = False) -> Archived:
    """Put the index of an archive in place; with `force`, of an index that is there.

    Every digest is compared before anything is changed. Raises BackupError for an archive that is damaged, that holds what a backup does
    not, or in whose place an index stands; and what an ingest raises where vectors must be computed.
    """
    started, folder = time.perf_counter(), settings.index
    if not force and _holds_index(folder):
        raise BackupError(f'there is an index in "{folder}"; restore into another folder with --index, or give --force to replace it')
    was_there = folder.exists()
    try:
        with _opened(file) as archive, tempfile.TemporaryDirectory(prefix=".restore-", dir=_made(folder)) as scratch:
            told = _told(archive, file)
            _unpack(archive, told["files"], Path(scratch), file)
            manifest = _manifest(told, file)
            vectors = bool(told["vectors"]) and settings.chroma_url is None
            _put_in_place(settings, Path(scratch) / "data", manifest, vectors=vectors, progress=progress)
            _add_beside(Path(scratch), folder)
    except BaseException:
        if not was_there:
            with suppress(OSError):
                (folder / LOCK).unlink(missing_ok=True)
                folder.rmdir()  # if nothing came into it
        raise
    return Archived(str(file), told["statements"], vectors, file.stat().st_size, round(time.perf_counter() - started, 3))


def _put_in_place(settings: Settings, data: Path, manifest: Manifest, *, vectors: bool, progress: bool) -> None:
    if not vectors:
        ledger = Ledger(data)
        rebuild(settings=settings, progress=progress, kept=Salvage(None, ledger, ledger.read()))
    with exclusive(settings.index):
        (settings.index / VISITS).unlink(missing_ok=True)  # what servers said is true of the statements of its time
        if vectors:
            replace_data(settings.index, data, manifest)


# Writing


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Keep others from writing for as long as files are copied; tell whether nobody was."""
    try:
        with exclusive(folder):
            yield not (folder / JOURNAL).exists()
    except IndexBusy:
        yield False


@contextmanager
def _room_beside(file: Path) -> Iterator[Path]:
    """A folder on the same disk; those that killed runs have left are removed."""
    prefix = f".{file.name}-"
    try:
        for left in file.parent.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=file.parent) as scratch:
            yield Path(scratch)
    except OSError as error:
        raise BackupError(f'the backup "{file}" cannot be written ({error}); free some space or choose another place') from error


def _snapshot(data: Path, to: Path, *, vectors: bool) -> list[str]:
    """Copy the files of a data folder that belong together; return their names, from the folder above."""
    if vectors and (bad := broken(data, thorough=True)):
        raise IndexUnusable(f'the file "{bad[0]}" of the index is missing or damaged; {fix_with(data.parent)}')
    to.mkdir()
    names = [LEDGER]
    if vectors:
        names = [path.relative_to(data).as_posix() for path in sorted(data.rglob("*")) if path.is_file() and _belongs(path)]
    for name in names:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        if name == DATABASE:
            _copy_database(data / name, to / name)
        elif (data / name).exists():
            shutil.copyfile(data / name, to / name)
    _end_whole(to / LEDGER)
    return [f"data/{name}" for name in names]


def _belongs(path: Path) -> bool:
    return path.name != SEAL and path.suffix not in (".lock", ".partial") and not path.name.startswith(("chroma.sqlite3-",))


def _copy_database(path: Path, to: Path) -> None:
    """SQLite's own copying, which waits for whoever is writing."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _end_whole(ledger: Path) -> None:
    """Cut off what an ingest had written by half."""
    with suppress(FileNotFoundError):
        content = ledger.read_bytes()
        os.truncate(ledger, content.rfind(b"\n") + 1)


def _beside(folder: Path) -> Iterator[tuple[str, Path]]:
    sets = folder.with_name(f"{folder.name}-sets")
    for top, prefix in [*((folder / name, f"beside/{name}") for name in BESIDE), (sets, "sets")]:
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in path.relative_to(top).parts):
                yield (prefix if path == top else f"{prefix}/{path.relative_to(top).as_posix()}"), path


def _write(partial: Path, found: dict[str, Path], told: dict[str, Any]) -> None:
    files = {}
    partial.touch(0o600)
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in found.items():
            with suppress(FileNotFoundError):  # beside the index, it was removed meanwhile
                files[name] = _add(archive, name, path)
        archive.writestr(TOLD, json.dumps(told | {"files": files}, ensure_ascii=False, indent=1))
    with open(partial, "rb") as file:
        os.fsync(file.fileno())


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as source, archive.open(name, "w", force_zip64=True) as target:
        for chunk in iter(lambda: source.read(CHUNK_BYTES), b""):
            digest.update(chunk)
            size += target.write(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not everywhere can a folder be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# Reading


def _is_backup(file: Path) -> bool:
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(file) as archive:
        return TOLD in archive.namelist()
    return False


def _holds_index(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except IndexMissing:
        return bool(sealed_manifests(folder, complete=False))
    except IndexUnusable:
        return True
    return True


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(f'the folder "{folder}" cannot be made ({error}); choose another with --index') from error
    return folder


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except FileNotFoundError as error:
        raise BackupError(f'there is no file "{error.filename or file}"; name a file that `bayan backup` has written') from error
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise _spoiled(file, str(error)) from error


def _spoiled(file: Path, why: str) -> BackupError:
    return BackupError(f'the backup "{file}" cannot be restored: {why}; nothing was changed, take another backup')


def _told(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    """Read `backup.json`, and refuse an archive that holds anything but what it names, or unpacks to more than it may."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    if TOLD not in entries:
        raise _spoiled(file, f'it holds no "{TOLD}"')
    try:
        with archive.open(TOLD) as source:
            told = json.loads(source.read(MAX_TOLD_BYTES))
        sizes = {name: int(facts["bytes"]) for name, facts in told["files"].items()}
        _ = (told["vectors"], told["manifest"], int(told["statements"]))
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise _spoiled(file, f'its "{TOLD}" cannot be read ({error})') from error
    if told.get("layout") != LAYOUT:
        raise BackupError(f'the backup "{file}" was written by a newer Bayan (layout {told.get("layout")}); install that one')
    if sizes.keys() | {TOLD} != entries.keys() or len(entries) != len(archive.infolist()):
        raise _spoiled(file, f'it does not hold the files that its "{TOLD}" names')
    for name, entry in entries.items():
        if name != TOLD and not _may_be_unpacked(name, entry):
            raise _spoiled(file, f'it holds "{name}", which no backup does')
    total = sum(sizes.values())
    if min(sizes.values(), default=0) < 0 or total > max(RATIO_FROM_BYTES, MAX_RATIO * file.stat().st_size):
        raise _spoiled(file, f"it would unpack to {total / 1e6:,.0f} MB")
    return dict(told)


def _may_be_unpacked(name: str, entry: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(name).parts
    kind = stat.S_IFMT(entry.external_attr >> 16)
    plain = kind in (0, stat.S_IFREG) and not entry.is_dir() and not entry.flag_bits & 1
    return plain and bool(_NAME.fullmatch(name)) and "/".join(parts) == name and not {"..", "."} & set(parts)


def _unpack(archive: zipfile.ZipFile, files: dict[str, Any], to: Path, file: Path) -> None:
    """Unpack all files, each of its size and digest."""
    needed, free = sum(int(facts["bytes"]) for facts in files.values()), shutil.disk_usage(to).free
    if needed > free:
        raise BackupError(f'not enough space in "{to.parent}": {needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free')
    for name, facts in files.items():
        path, digest, left = to / name, hashlib.sha256(), int(facts["bytes"])
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(name) as source, open(path, "xb") as target:
                while left >= 0 and (chunk := source.read(min(CHUNK_BYTES, left + 1))):
                    left -= target.write(chunk)
                    digest.update(chunk)
        except zlib.error as error:
            raise _spoiled(file, f'"{name}" is damaged ({error})') from error
        if left != 0 or digest.hexdigest() != facts.get("sha256"):
            raise _spoiled(file, f'"{name}" is not what its digest says')


def _manifest(told: dict[str, Any], file: Path) -> Manifest:
    try:
        manifest = Manifest(**told["manifest"])
    except TypeError as error:
        raise _spoiled(file, f"its manifest cannot be read ({error})") from error
    if manifest.format > FORMAT:
        raise BackupError(f'the backup "{file}" was written by a newer Bayan (format {manifest.format}); install that one')
    return manifest


def _add_beside(scratch: Path, folder: Path) -> None:
    """Add what is not there yet: newer feedback and runs than those of the backup stay."""
    for top, to in ((scratch / "beside", folder), (scratch / "sets", folder.with_name(f"{folder.name}-sets"))):
        for path in sorted(top.rglob("*")):
            place = to / path.relative_to(top)
            if path.is_file() and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, place)
