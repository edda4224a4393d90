"""Ingests that end badly, each in a process forked from this one, which has imported everything: thirty of them take seconds.

python tests/crashes.py killed FOLDER    # prints how many of 30 were killed; fails when one left a lost or half statement
python tests/crashes.py full FOLDER      # prints what an ingest said whose disk was full; fails when the next one did not mend it
"""

from __future__ import annotations

import ctypes
import os
import random
import resource
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import chromadb  # noqa: F401  # before the forks, as the next
import datasketch  # noqa: F401
from fakes import FakeEmbeddings

import rag.build
from ingest import ingest, pipeline
from ingest.passages import split
from rag.errors import IndexUnusable
from rag.index.folder import examine
from rag.index.lexical import LexicalIndex
from rag.index.manifest import JOURNAL, read_manifest
from rag.index.store import Store

ROUNDS, NAMES, SEED = 30, 6, 20310119


def text(name: int, version: int) -> str:
    """Two passages, each of which tells the version."""
    lines = (f"In report {name}.{line} the ministry counted {version} bridges of the {name}th district. " * 7 for line in range(2))
    return f"Statement {name}\n\n" + "\n\n".join(lines) + "\n"


def texts(version: int) -> dict[str, str]:
    """The statements of a version; each lacks another one."""
    return {f"{name}.txt": text(name, version) for name in range(NAMES) if name != version % NAMES}


def write(folder: Path, version: int) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, content in texts(version).items():
        (folder / name).write_text(content)


def forked(action: Callable[[], object]) -> int:
    """Start an action in a process of its own; it ends with status 0 or, after an error, 1."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    try:
        action()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def finished(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def succeed(action: Callable[[], object]) -> None:
    if finished(forked(action)):
        sys.exit("see above")


def check(index: Path, *allowed: dict[str, str], complete: bool) -> None:
    """Every statement is of an allowed version, none that all have is missing, and each has the passages of its text, no more, no fewer."""
    data = index / read_manifest(index).data
    store, lexical = Store.open(data, prefix=data.name), LexicalIndex.open(data)
    statements = list(store.all_statements())
    found = {Path(statement.source).name: statement for statement in statements}
    assert len(found) == len(statements), "a statement is there twice"
    for name, statement in found.items():
        assert statement.text in [version[name] for version in allowed if name in version], f"{name} is of no version"
        current = {
            key for key, (item, _) in store.passages_of(statement.statement_id).items() if item.passage.revision == statement.revision
        }
        assert current == {passage.passage_id for passage in split(statement)}, f"{name} is there by half"
    assert not set.intersection(*(set(version) for version in allowed)) - found.keys(), "a statement is lost"
    if complete:
        health = examine(store, lexical)
        assert health.in_step, health
        assert found.keys() == allowed[0].keys()
        assert not (index / JOURNAL).exists()


def killed(folder: Path) -> None:
    """Kill an ingest at random moments; each time look at what is left, and at what the next one makes of it."""
    statements, index = folder / "statements", folder / "index"
    chance, count = random.Random(SEED), 0

    def run() -> None:
        ingest([statements], index=index, prune=True)

    for version in (-1, 0):
        write(statements, version)
        begun = time.perf_counter()
        succeed(run)
    whole = time.perf_counter() - begun  # of a run that changes every statement
    for version in range(1, ROUNDS + 1):
        write(statements, version)
        pid = forked(run)
        time.sleep(chance.uniform(0, 0.8 * whole))
        os.kill(pid, signal.SIGKILL)
        count += finished(pid) == -signal.SIGKILL
        succeed(lambda version=version: check(index, texts(version - 1), texts(version), complete=False))
        succeed(run)
        succeed(lambda version=version: check(index, texts(version), complete=True))
    sys.stdout.write(str(count))


def fail_and_mend(folder: Path, spoil: Callable[[Path], None], mend: Callable[[Path], None]) -> None:
    """Spoil something while an ingest runs, look at what is left, mend it and ingest again; print what the ingest said."""
    statements, index = folder / "statements", folder / "index"

    def run(spoil: Callable[[Path], None] | None = None) -> None:
        embeddings = FakeEmbeddings()
        rag.build.open_embeddings = lambda settings: embeddings  # type: ignore[assignment]
        embed, calls = embeddings.embed_passages_array, []

        def embed_and_spoil(*arguments: object, **options: object) -> object:
            calls.append(1)
            if spoil and len(calls) == 2:
                spoil(index)
            return embed(*arguments, **options)  # type: ignore[arg-type]

        embeddings.embed_passages_array = embed_and_spoil  # type: ignore[method-assign, assignment]
        ingest([statements], index=index, prune=True)

    def fail() -> None:
        try:
            run(spoil)
        except IndexUnusable as error:
            sys.stdout.write(str(error))
            sys.stdout.flush()
            return
        raise AssertionError("nothing was said")

    write(statements, 0)
    succeed(run)
    write(statements, 1)
    succeed(fail)
    mend(index)
    succeed(lambda: check(index, texts(0), texts(1), complete=False))
    succeed(run)
    succeed(lambda: check(index, texts(1), complete=True))


def fill_disk(index: Path) -> None:
    """No file can grow any more: as on a full disk, for this process."""
    size = max(path.stat().st_size for path in index.rglob("*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 4, resource.RLIM_INFINITY))


def take_permission(index: Path) -> None:
    for path in (index, *index.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)


def give_permission(index: Path) -> None:
    for path in (index, *index.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def give_up_override() -> None:
    """Be the owner of one's files and no more than that: root without any capability. Files may still be read and programs run."""
    header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)  # of capset(2), for this process: nothing effective, permitted or inherited
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


def main(what: str, folder: Path) -> None:
    rag.build.open_embeddings = lambda settings: FakeEmbeddings()  # type: ignore[assignment, return-value]
    pipeline.BATCH_PASSAGES = 4
    if what == "killed":
        killed(folder)
    elif what == "full":
        fail_and_mend(folder, fill_disk, lambda index: None)
    elif what == "locked":
        if os.getuid() == 0:  # for whom permissions mean nothing
            give_up_override()
        fail_and_mend(folder, take_permission, give_permission)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
