"""Statements, passages and their vectors in Chroma, embedded in the index folder or on a server.

The only file that imports chromadb. It is the source of truth: whatever else an index holds is rebuilt from here; a ledger beside it
(`rag.index.ledger`) has every text a second time. Knows nothing of files, lexical search or ranking.

Texts are metadata, not Chroma's documents, over which it would build a full-text index, for nothing, as the lexical index is tantivy's:
without it an upsert took 1.1 ms of CPU a passage, with it 2.5. Each record is one piece of JSON, for Chroma keeps every key of metadata
in a row of its own: eighty passages with seven keys take 10 ms to read, with three 6.5. A digest stands before it (`rag.integrity.stamp`),
so that nothing is answered from a statement that is not as it was written.

A passage counts only if it carries the revision that its statement's record names. An ingest therefore writes new passages first, then
the statement's record, then removes the old passages: killed anywhere in between, readers see the old statement or the new one, whole.

    store = Store.open(Path("index"))
    store.search(vector, "ar", limit=50)  # [("passage-id", 0.87), …], cosine similarity
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from rag.errors import IndexUnusable, SettingsError
from rag.index.ledger import Ledger
from rag.index.near_duplicates import Sketch
from rag.index.records import (
    StoredPassage,
    digest_before,
    is_as_written,
    ledger_line,
    passage_metadata,
    read_passages,
    read_sketch,
    read_statement,
    statement_metadata,
)
from rag.schema import Language, Statement

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

Floats = npt.NDArray[np.float32]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_CLIENTS = threading.Lock()  # Chroma counts the clients of a folder without one: opened while another is closed, a client can fail
_ARENA_MAX = -8  # of glibc's mallopt
PAGE = 1_000  # records read or written at once; below Chroma's own limit of a batch


class Store:
    """Passages live in one collection per language, so that a search in one language needs no filter (a filtered query reads the whole
    metadata table: 25 ms against 2 ms at 5,000 passages)."""

    def __init__(self, client: ClientAPI, prefix: str, ledger: Ledger) -> None:
        self._client, self.ledger, self._closed = client, ledger, False
        self._passages: dict[Language, Collection] = {code: _collection(client, f"{prefix}-passages-{code}") for code in LANGUAGES}
        self._statements = _collection(client, f"{prefix}-statements")
        self._versions = _collection(client, f"{prefix}-versions")

    @classmethod
    def open(cls, folder: Path, *, url: str | None = None, prefix: str = "bayan") -> Store:
        """Open the store in `folder`, or the collections named `prefix` on the server at `url`. Raises IndexUnusable."""
        _share_memory()
        import chromadb
        from chromadb.config import Settings

        quiet = Settings(anonymized_telemetry=False)
        with _reachable(url), _CLIENTS:
            if url is not None:
                return cls(chromadb.HttpClient(**_address(url), settings=quiet), prefix, Ledger(folder))
            path = str(folder / "chroma")
            with _forgotten(path):
                client = chromadb.PersistentClient(path=path, settings=quiet)
            try:
                return cls(client, prefix, Ledger(folder))
            except BaseException:
                client.close()  # type: ignore[attr-defined]
                raise

    @classmethod
    def drop(cls, url: str, *, prefix: str) -> None:
        """Delete the collections named `prefix` on the server at `url`."""
        store = cls.open(Path(), url=url, prefix=prefix)
        for collection in (*store._passages.values(), store._statements, store._versions):
            store._client.delete_collection(collection.name)
        store.close()

    def close(self) -> None:
        """Release the files; a store opened afterwards sees what other processes wrote meanwhile."""
        with _CLIENTS:
            if not self._closed:
                self._client.close()  # type: ignore[attr-defined]  # of every client, not of the interface
            self._closed = True

    def rename(self, before: str, after: str) -> None:
        """Give the collections another prefix than they had."""
        with _reachable():
            for collection in (*self._passages.values(), self._statements, self._versions):
                collection.modify(name=after + collection.name.removeprefix(before))

    # Reading

    def search(self, vector: Floats, language: Language, *, limit: int, among: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """Return ids and cosine similarities of the nearest passages in `language`, best first; of those `among` these ids, if given."""
        ids = None if among is None else list(among)
        with _reachable():
            found = self._passages[language].query(query_embeddings=vector[np.newaxis], ids=ids, n_results=limit, include=["distances"])
        distances = found["distances"] or [[]]
        return [(key, 1.0 - distance) for key, distance in zip(found["ids"][0], distances[0], strict=True)]

    def passages(self, ids: Sequence[str], language: Language | None = None) -> dict[str, StoredPassage]:
        """Return the passages with these ids, of one language if it is known; ids that are unknown are left out."""
        found: dict[str, StoredPassage] = {}
        for code in [language] if language else LANGUAGES:
            found |= read_passages(_records(self._passages[code], list(ids)), code)
        return found

    def passage_revisions(self) -> Iterator[tuple[str, str, str]]:
        """Yield (passage id, statement id, revision) of every passage, read in pages."""
        for collection in self._passages.values():
            for key, data in _pages(collection):
                yield key, str(data["statement_id"]), str(data["revision"])

    def compare(self, vector: Floats, language: Language, ids: Sequence[str]) -> list[tuple[str, float]]:
        """Return ids and cosine similarities of these passages, best first; every one of them is compared, none is estimated."""
        if not ids:
            return []
        with _reachable():
            found = self._passages[language].get(ids=list(ids), include=["embeddings"])
        similarities = np.asarray(found["embeddings"], dtype=np.float32).reshape(len(found["ids"]), -1) @ vector
        return sorted(zip(found["ids"], map(float, similarities), strict=True), key=lambda pair: -pair[1])

    def vectors(self, language: Language, *, limit: int) -> Floats:
        """Return up to `limit` passage vectors of one language, shape (n, dimension), in the store's order."""
        with _reachable():
            found = self._passages[language].get(limit=limit, include=["embeddings"])["embeddings"]
        return np.asarray(found if found is not None else [], dtype=np.float32)

    def passages_of(self, statement_id: str) -> dict[str, tuple[StoredPassage, Floats]]:
        """Return the passages of a statement, of any revision, each with its own vector."""
        found: dict[str, tuple[StoredPassage, Floats]] = {}
        for language, collection in self._passages.items():
            with _reachable():
                got = collection.get(where={"statement_id": statement_id}, include=["metadatas", "embeddings"])
            vectors: Any = got["embeddings"] if got["embeddings"] is not None else []
            stored = read_passages(zip(got["ids"], got["metadatas"] or [], strict=True), language)
            for (key, item), vector in zip(stored.items(), vectors, strict=True):
                found[key] = (item, np.asarray(vector, dtype=np.float32))
        return found

    def statements(self, ids: Sequence[str]) -> dict[str, Statement]:
        """Return the statements with these ids; ids that are unknown are left out."""
        return {key: read_statement(key, data) for key, data in _records(self._statements, list(ids))}

    def all_statements(self) -> Iterator[Statement]:
        """Yield every statement, read in pages."""
        for key, data in _pages(self._statements):
            yield read_statement(key, data)

    def sound_statements(self) -> Iterator[tuple[str, Statement | None]]:
        """Yield every statement by its id; None for one that is damaged."""
        for key, data in _pages(self._statements):
            statement = None
            with suppress(IndexUnusable):
                statement = read_statement(key, data)
            yield key, statement

    def revisions(self) -> dict[str, str]:
        """Return the current revision of every statement id."""
        return {key: str(data["revision"]) for key, data in _pages(self._statements)}

    def sketches(self) -> dict[str, Sketch]:
        """Return the sketch of every statement (see rag.index.near_duplicates)."""
        return {key: read_sketch(key, data) for key, data in _pages(self._statements) if "sketch" in data}

    def versions(self, statement_id: str) -> list[tuple[str, Statement]]:
        """Return the earlier texts of a statement, each with the time, ISO, until which it counted."""
        with _reachable():
            got = self._versions.get(where={"statement_id": statement_id}, include=["metadatas"])
        return [(str(data["until"]), read_statement(statement_id, data)) for data in got["metadatas"] or []]

    def all_versions(self) -> Iterator[tuple[str, Statement]]:
        """Yield the earlier texts of all statements, read in pages."""
        for _, data in _pages(self._versions):
            yield str(data["until"]), read_statement(str(data["statement_id"]), data)

    def counts(self) -> dict[str, int]:
        """Return how many statements and passages are stored, stale passages included."""
        with _reachable():
            return {"statements": self._statements.count(), "passages": sum(c.count() for c in self._passages.values())}

    def damage(self) -> Iterator[str]:
        """Read everything, vectors too, and yield what is not as it was written."""
        for name, collection in (("statement", self._statements), ("earlier text", self._versions)):
            for key, data in _pages(collection):
                with suppress(IndexUnusable):
                    read_statement(str(data.get("statement_id", key)), data)
                    _ = read_sketch(key, data) if "sketch" in data else None
                    continue
                yield f'{name} "{key}"'
        for language, collection in self._passages.items():
            for key, data, vector in _with_vectors(collection):
                if not is_as_written(key, data, language, vector):
                    yield f'passage "{key}"'

    def unkept(self) -> tuple[list[str], list[str]]:
        """Return the ids of statements that the ledger lacks or has in another text, and of those that only the ledger has.

        Lines of the ledger that cannot be read, and earlier texts that it lacks, are named among the first.
        """
        kept = self.ledger.read()
        held = {key: digest_before(key, data) for key, data in _pages(self._statements)}
        earlier = {(str(data["statement_id"]), str(data["revision"])) for _, data in _pages(self._versions)}
        differ = [key for key, digest in held.items() if key not in kept.statements or kept.statements[key].digest != digest]
        differ += [f"{key}@{revision}" for key, revision in sorted(earlier - kept.versions.keys())]
        return differ + [f"{kept.damaged} lines"] * bool(kept.damaged), [key for key in kept.statements if key not in held]

    # Writing

    def write_ledger(self) -> None:
        """Write the ledger anew from what is stored."""
        statements = (ledger_line(statement) for statement in self.all_statements())
        self.ledger.rewrite(chain(statements, (ledger_line(old, until=until) for until, old in self.all_versions())))

    def write_passages(self, stored: Sequence[StoredPassage], vectors: Floats) -> None:
        """Add or replace passages. `vectors`: unit rows, shape (len(stored), dimension)."""
        for language, collection in self._passages.items():
            rows = [i for i, item in enumerate(stored) if item.passage.language == language]
            for begin in range(0, len(rows), PAGE):
                part = rows[begin : begin + PAGE]
                with _reachable():
                    collection.upsert(
                        ids=[stored[i].passage.passage_id for i in part],
                        embeddings=vectors[part],
                        metadatas=[passage_metadata(stored[i], vectors[i]) for i in part],
                    )

    def delete_passages(self, ids: Sequence[str]) -> None:
        for collection in self._passages.values():
            for begin in range(0, len(ids), PAGE):
                with _reachable():
                    collection.delete(ids=list(ids[begin : begin + PAGE]))

    def write_statements(self, statements: Sequence[Statement]) -> None:
        """Add or replace statements' records, which makes their passages of that revision the current ones."""
        for begin in range(0, len(statements), PAGE):
            part = statements[begin : begin + PAGE]
            with _reachable():
                self._statements.upsert(
                    ids=[statement.statement_id for statement in part],
                    embeddings=np.zeros((len(part), 1), dtype=np.float32),  # Chroma wants vectors; statements are never searched by one
                    metadatas=[statement_metadata(statement) for statement in part],
                )
            self.ledger.append(map(ledger_line, part))

    def write_versions(self, versions: Sequence[tuple[str, Statement]]) -> None:
        """Keep earlier texts of statements, each with the time, ISO, until which it counted; a text that is kept already is not twice."""
        for begin in range(0, len(versions), PAGE):
            part = versions[begin : begin + PAGE]
            with _reachable():
                self._versions.upsert(
                    ids=[f"{old.statement_id}@{old.revision}" for _, old in part],
                    embeddings=np.zeros((len(part), 1), dtype=np.float32),
                    metadatas=[statement_metadata(old) | {"statement_id": old.statement_id, "until": until} for until, old in part],
                )
            self.ledger.append(ledger_line(old, until=until) for until, old in part)

    def delete_statement(self, statement_id: str) -> None:
        """Remove the statement's record, then its earlier texts; its passages no longer count and can be deleted after it."""
        self.ledger.strike_out([statement_id])
        with _reachable():
            self._statements.delete(ids=[statement_id])
            self._versions.delete(where={"statement_id": statement_id})


@contextmanager
def _forgotten(path: str) -> Iterator[None]:
    """Have Chroma forget a folder that it could not open: it would take the half-opened one for open at the next try."""
    from chromadb.api.shared_system_client import SharedSystemClient

    try:
        yield
    except BaseException:
        if path not in SharedSystemClient._identifier_to_refcount:
            SharedSystemClient._identifier_to_system.pop(path, None)
        raise


@cache
def _share_memory() -> None:
    """Have all threads take their memory from one pool, where the C library lets itself be told.

    Chroma writes with two dozen threads, and glibc gives them pools of their own that never shrink: from 1,000 to 6,000 passages an ingest
    grew by 127 MB, with one pool by 46, at the same rate.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def _collection(client: ClientAPI, name: str) -> Collection:
    return client.get_or_create_collection(name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}})


def _address(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f'BAYAN_CHROMA_URL cannot be "{url}"; give an address such as http://localhost:8000')
    return {"host": parts.hostname, "port": parts.port or (443 if parts.scheme == "https" else 80), "ssl": parts.scheme == "https"}


@contextmanager
def _reachable(url: str | None = None) -> Iterator[None]:
    """Turn what Chroma, its SQLite file and its HTTP client raise into IndexUnusable."""
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except BaseException as error:  # a panic of its native part is of no family
        if not isinstance(error, (ChromaError, httpx.HTTPError, OSError, ValueError)) and type(error).__name__ != "PanicException":
            raise
        where = f'the Chroma server at "{url}"' if url else "the store of the index"
        raise IndexUnusable(
            f"{where} does not answer ({error}); check that it is running, readable and writable, and its disk not full; "
            "if it is damaged, run `bayan doctor --fix`"
        ) from error


def _records(collection: Collection, ids: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for begin in range(0, len(ids), PAGE):
        with _reachable():
            got = collection.get(ids=ids[begin : begin + PAGE], include=["metadatas"])
        for key, data in zip(got["ids"], got["metadatas"] or [], strict=True):
            if data is not None:  # it is None for what another process has deleted meanwhile
                yield key, data


def _pages(collection: Collection) -> Iterator[tuple[str, Mapping[str, Any]]]:
    offset = 0
    while True:
        with _reachable():
            got = collection.get(limit=PAGE, offset=offset, include=["documents", "metadatas"])
        for key, document, data in zip(got["ids"], got["documents"] or [], got["metadatas"] or [], strict=True):
            yield key, {"text": document, **data}  # an index of format 1 has texts as documents, and can be rebuilt
        if len(got["ids"]) < PAGE:
            return
        offset += PAGE


def _with_vectors(collection: Collection) -> Iterator[tuple[str, Mapping[str, Any], Floats]]:
    offset = 0
    while True:
        with _reachable():
            got = collection.get(limit=PAGE, offset=offset, include=["metadatas", "embeddings"])
        vectors: Any = got["embeddings"] if got["embeddings"] is not None else []
        for key, data, vector in zip(got["ids"], got["metadatas"] or [], vectors, strict=True):
            yield key, data, np.asarray(vector, dtype=np.float32)
        if len(got["ids"]) < PAGE:
            return
        offset += PAGE
