"""What of an index is damaged, and which of its texts are whole: all that is needed to make it anew without reading a vector.

Every text is kept twice, in the store and in the ledger, each time behind its digest. Knows nothing of models or of passages.

    found = find_damage(Path("index"), manifest)      # Damage(files=["chroma/…/data_level0.bin"], …)
    with salvage(Path("index"), manifest) as kept:
        list(kept.statements())                       # every statement of which one copy is whole
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import BayanError, IndexUnusable
from rag.index.ledger import Kept, Ledger
from rag.index.manifest import JOURNAL, MANIFEST, Manifest, is_as_sealed
from rag.index.records import statement_of
from rag.index.store import Store
from rag.integrity.seal import DATABASE, SEAL, broken, read_seal
from rag.schema import Problem, Statement

LISTED = 5


@dataclass(frozen=True)
class Damage:
    """What is wrong: `files` of the data folder, `records` of the store, or that it cannot be read at all (`unreadable`), texts that
    only the ledger has (`lost`) or that it lacks (`unkept`)."""

    files: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    unreadable: str = ""
    lost: tuple[str, ...] = ()
    unkept: tuple[str, ...] = ()

    @property
    def of_store(self) -> bool:
        """Whether the index must be made anew from its texts."""
        return bool(self.records or self.unreadable or self.lost or any(name.startswith("chroma/") for name in self.files))


def find_damage(folder: Path, manifest: Manifest, *, chroma_url: str | None = None) -> Damage:
    """Read every file and every record of an index, and say what is not as it was written."""
    data = folder / manifest.data
    files = [] if (folder / JOURNAL).exists() else broken(data, thorough=True)
    if read_seal(data) is None:
        files.append(SEAL)
    if not (folder / JOURNAL).exists() and not is_as_sealed(folder, manifest):
        files.append(MANIFEST)
    database = data / DATABASE
    if chroma_url is None and not (database.exists() and database.stat().st_size) and DATABASE not in files:
        files.append(DATABASE)
    if any(name.startswith("chroma/") for name in files):  # not to be opened: a wrong byte can take the process down
        return Damage(tuple(files))
    if wrong := () if chroma_url else tuple(_of_database(database)):
        return Damage(tuple(files), wrong)
    try:
        with closing(Store.open(data, url=chroma_url, prefix=manifest.data)) as store:
            records = tuple(store.damage())
            unkept, lost = ([], []) if records else store.unkept()
            return Damage(tuple(files), records, "", tuple(lost), tuple(unkept))
    except IndexUnusable as error:
        return Damage(tuple(files), unreadable=str(error))


def _of_database(path: Path) -> Iterator[str]:
    """What SQLite itself finds wrong with Chroma's file."""
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            said = [row[0] for row in database.execute(f"PRAGMA integrity_check({LISTED})")]
    except sqlite3.Error as error:
        said = [str(error)]
    if said != ["ok"]:
        yield f'the database "{DATABASE}" ({said[0]})'


@dataclass
class Salvage:
    """The texts of an index that are whole; `problems` is filled while they are read."""

    store: Store | None
    ledger: Ledger
    kept: Kept
    problems: list[Problem] = field(default_factory=list)
    _read: set[str] = field(default_factory=set)

    def count(self) -> int:
        """Return how many statements there may be."""
        stored = 0
        with suppress(BayanError):
            stored = self.store.counts()["statements"] if self.store else 0
        return max(stored, len(self.kept.statements))

    def statements(self) -> Iterator[Statement]:
        """Yield every statement of which a copy is whole: the store's, in which an interrupted run may have come further, else the
        ledger's."""
        for key, statement in self._stored():
            if statement or key not in self.kept.statements:
                self._read.add(key)
            if statement:
                yield statement
            elif key not in self.kept.statements:
                reason = f'the statement "{key}" is damaged, and so is its copy; ingest its source again'
                self.problems.append(Problem(key, reason))
        missing = [line for key, line in self.kept.statements.items() if key not in self._read]
        yield from map(statement_of, self.ledger.records(missing))

    def versions(self) -> Iterator[tuple[str, Statement]]:
        """Yield the earlier texts of which a copy is whole, with the times until which they counted."""
        found = set()
        with suppress(BayanError):
            for until, statement in self.store.all_versions() if self.store else ():
                found.add((statement.statement_id, statement.revision))
                yield until, statement
        missing = [line for key, line in self.kept.versions.items() if key not in found]
        yield from ((record["until"], statement_of(record)) for record in self.ledger.records(missing))

    def _stored(self) -> Iterator[tuple[str, Statement | None]]:
        try:
            yield from self.store.sound_statements() if self.store else ()
        except IndexUnusable:
            return  # as far as it can be read; the ledger has the others


@contextmanager
def salvage(folder: Path, manifest: Manifest, *, chroma_url: str | None = None) -> Iterator[Salvage]:
    """Open what can be read of the texts of an index. Raises IndexUnusable when there is none."""
    data = folder / manifest.data
    ledger = Ledger(data)
    kept = ledger.read()
    with tempfile.TemporaryDirectory(prefix=".texts-", dir=folder) as scratch:
        store = _opened(data, Path(scratch), manifest.data, chroma_url)
        try:
            if store is None and not kept.statements:
                raise IndexUnusable(
                    f'neither the store nor the ledger of the index "{folder}" can be read; restore a backup or ingest anew'
                )
            yield Salvage(store, ledger, kept)
        finally:
            if store:
                store.close()


def _opened(data: Path, scratch: Path, prefix: str, chroma_url: str | None) -> Store | None:
    """The store or, of one whose vectors may be damaged, its records alone: a copy of the database, beside which Chroma makes them anew."""
    folder = data
    try:
        if not chroma_url:
            if not (data / DATABASE).exists() or not (data / DATABASE).stat().st_size:
                return None
            if read_seal(data) is None or any(name.startswith("chroma/") for name in broken(data)):
                (scratch / "chroma").mkdir()
                shutil.copyfile(data / DATABASE, scratch / DATABASE)
                folder = scratch
        return Store.open(folder, url=chroma_url, prefix=prefix)
    except (IndexUnusable, OSError):
        return None
