"""Statements, passages and their vectors in Chroma, embedded in the index folder or on a server.

The only file that imports chromadb. It is the source of truth: whatever else an index holds is rebuilt from here. Knows nothing of files,
lexical search or ranking.

Texts are metadata, not Chroma's documents, over which it would build a full-text index, for nothing, as the lexical index is tantivy's:
without it an upsert took 1.1 ms of CPU a passage, with it 2.5. Each record is one piece of JSON, for Chroma keeps every key of metadata
in a row of its own: eighty passages with seven keys take 10 ms to read, with three 6.5.

A passage counts only if it carries the revision that its statement's record names. An ingest therefore writes new passages first, then
the statement's record, then removes the old passages: killed anywhere in between, readers see the old statement or the new one, whole.

    store = Store.open(Path("index"))
    store.search(vector, "ar", limit=50)  # [("passage-id", 0.87), …], cosine similarity
"""

from __future__ import annotations

import base64
import ctypes
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from rag.bounds import MAX_HEADINGS, MAX_ISSUER, MAX_SOURCE, MAX_TITLE, shortened
from rag.errors import IndexUnusable, SettingsError
from rag.likeness import Sketch, sketch
from rag.schema import Cut, Heading, Language, Passage, Span, Statement, to_json

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

Floats = npt.NDArray[np.float32]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_CLIENTS = threading.Lock()  # Chroma counts the clients of a folder without one: opened while another is closed, a client can fail
_ARENA_MAX = -8  # of glibc's mallopt
PAGE = 1_000  # records read or written at once; below Chroma's own limit of a batch


@dataclass(frozen=True)
class StoredPassage:
    """A passage with the unit vectors of its sentences, shape (sentences, dimension), and its statement's title."""

    passage: Passage
    sentence_vectors: Floats
    title: str


class Store:
    """Passages live in one collection per language, so that a search in one language needs no filter (a filtered query reads the whole
    metadata table: 25 ms against 2 ms at 5,000 passages)."""

    def __init__(self, client: ClientAPI, prefix: str) -> None:
        self._client = client
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
            if url is None:
                return cls(chromadb.PersistentClient(path=str(folder / "chroma"), settings=quiet), prefix)
            return cls(chromadb.HttpClient(**_address(url), settings=quiet), prefix)

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
            self._client.close()  # type: ignore[attr-defined]  # of every client, not of the interface

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
            found |= _stored(_records(self._passages[code], list(ids)), code)
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
            stored = _stored(zip(got["ids"], got["metadatas"] or [], strict=True), language)
            for (key, item), vector in zip(stored.items(), vectors, strict=True):
                found[key] = (item, np.asarray(vector, dtype=np.float32))
        return found

    def statements(self, ids: Sequence[str]) -> dict[str, Statement]:
        """Return the statements with these ids; ids that are unknown are left out."""
        return {key: _statement(key, data) for key, data in _records(self._statements, list(ids))}

    def all_statements(self) -> Iterator[Statement]:
        """Yield every statement, read in pages."""
        for key, data in _pages(self._statements):
            yield _statement(key, data)

    def revisions(self) -> dict[str, str]:
        """Return the current revision of every statement id."""
        return {key: str(data["revision"]) for key, data in _pages(self._statements)}

    def sketches(self) -> dict[str, Sketch]:
        """Return the sketch of every statement (see rag.likeness)."""
        found = ((key, base64.b64decode(data["sketch"])) for key, data in _pages(self._statements) if "sketch" in data)
        return {key: np.frombuffer(packed, dtype="<u4") for key, packed in found}

    def versions(self, statement_id: str) -> list[tuple[str, Statement]]:
        """Return the earlier texts of a statement, each with the time, ISO, until which it counted."""
        with _reachable():
            got = self._versions.get(where={"statement_id": statement_id}, include=["metadatas"])
        return [(str(data["until"]), _statement(statement_id, dict(data))) for data in got["metadatas"] or []]

    def all_versions(self) -> Iterator[tuple[str, Statement]]:
        """Yield the earlier texts of all statements, read in pages."""
        for _, data in _pages(self._versions):
            yield str(data["until"]), _statement(str(data["statement_id"]), data)

    def counts(self) -> dict[str, int]:
        """Return how many statements and passages are stored, stale passages included."""
        with _reachable():
            return {"statements": self._statements.count(), "passages": sum(c.count() for c in self._passages.values())}

    # Writing

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
                        metadatas=[_passage_metadata(stored[i]) for i in part],
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
                    metadatas=[_statement_metadata(statement) for statement in part],
                )

    def write_versions(self, versions: Sequence[tuple[str, Statement]]) -> None:
        """Keep earlier texts of statements, each with the time, ISO, until which it counted; a text that is kept already is not twice."""
        for begin in range(0, len(versions), PAGE):
            part = versions[begin : begin + PAGE]
            with _reachable():
                self._versions.upsert(
                    ids=[f"{old.statement_id}@{old.revision}" for _, old in part],
                    embeddings=np.zeros((len(part), 1), dtype=np.float32),
                    metadatas=[_statement_metadata(old) | {"statement_id": old.statement_id, "until": until} for until, old in part],
                )

    def delete_statement(self, statement_id: str) -> None:
        """Remove the statement's record, then its earlier texts; its passages no longer count and can be deleted after it."""
        with _reachable():
            self._statements.delete(ids=[statement_id])
            self._versions.delete(where={"statement_id": statement_id})


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
    except (ChromaError, httpx.HTTPError, OSError, ValueError) as error:
        where = f'the Chroma server at "{url}"' if url else "the store of the index"
        raise IndexUnusable(
            f"{where} does not answer ({error}); check that it is running, readable and writable, and its disk not full"
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


def _passage_metadata(stored: StoredPassage) -> dict[str, Any]:
    passage = stored.passage
    record = {
        "title": stored.title,
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "sentences": [[span.start, span.end] for span in passage.sentences],
        "sentence_vectors": _pack(stored.sentence_vectors),
    }
    return {"statement_id": passage.statement_id, "revision": passage.revision, "record": json.dumps(record, ensure_ascii=False)}


def _stored(found: Iterable[tuple[str, Mapping[str, Any]]], language: Language) -> dict[str, StoredPassage]:
    """Passages by id, from what Chroma holds of them. Their sentences' vectors are unpacked together: one by one it takes twice as long."""
    records = [(key, data, json.loads(data["record"])) for key, data in found]
    vectors = _unpack([(record["sentence_vectors"], len(record["sentences"])) for _, _, record in records])
    return {
        key: StoredPassage(_passage(key, data, record, language), own, shortened(record["title"], MAX_TITLE))
        for (key, data, record), own in zip(records, vectors, strict=True)
    }


def _passage(key: str, data: Mapping[str, Any], record: Mapping[str, Any], language: Language) -> Passage:
    return Passage(
        passage_id=key,
        statement_id=data["statement_id"],
        revision=data["revision"],
        language=language,
        text=record["text"],
        start=record["start"],
        end=record["end"],
        sentences=tuple(Span(*pair) for pair in record["sentences"]),
    )


def _pack(vectors: Floats) -> str:
    """Pack unit vectors into text, 8 bits a value: only directions matter, so no scale is kept (cosine error below 0.0005)."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=1e-9)
    return base64.b64encode(np.rint(vectors / largest * 127).astype(np.int8).tobytes()).decode("ascii")


def _unpack(packed: Sequence[tuple[str, int]]) -> list[Floats]:
    """The unit vectors of each, of which it is known how many they are."""
    counts = [count for _, count in packed]
    values = np.frombuffer(b"".join(base64.b64decode(text) for text, _ in packed), dtype=np.int8).astype(np.float32)
    rows = values.reshape(sum(counts), -1) if values.size else values.reshape(0, 0)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
    return np.split(rows, np.cumsum(counts)[:-1]) if counts else []


def _statement_metadata(statement: Statement) -> dict[str, Any]:
    record = {name: value for name, value in to_json(statement).items() if name not in ("statement_id", "revision")}
    return {
        "revision": statement.revision,
        "record": json.dumps(record, ensure_ascii=False),
        "sketch": base64.b64encode(sketch(statement).astype("<u4").tobytes()).decode("ascii"),
    }


def _statement(key: str, data: Mapping[str, Any]) -> Statement:
    record = json.loads(data["record"]) if "record" in data else _of_format_3(data)
    return Statement(
        statement_id=key,
        revision=data["revision"],
        text=record["text"],
        title=shortened(record["title"], MAX_TITLE),
        issuer=record["issuer"] and shortened(record["issuer"], MAX_ISSUER),
        date=record["date"],
        source=shortened(record["source"], MAX_SOURCE) if record["place"] else record["source"],
        language=record["language"],
        cuts=tuple(Cut(**cut) for cut in record["cuts"]),
        pages=tuple(record["pages"]),
        origins=record["origins"],
        place=record["place"],
        also_at=tuple(record["also_at"]),
        headings=tuple(Heading(**heading) for heading in record["headings"][:MAX_HEADINGS]),
        left_out=tuple(record.get("left_out", ())),
    )


def _of_format_3(data: Mapping[str, Any]) -> dict[str, Any]:
    """What indexes before format 4, which are only read to be rebuilt, hold in keys of their own; lists lack the names of their fields."""
    told = {name: json.loads(data.get(name) or "[]") for name in ("cuts", "pages", "also_at", "headings")}
    named = {
        "cuts": [dict(zip(("start", "end", "reason"), cut, strict=True)) for cut in told["cuts"]],
        "headings": [dict(zip(("start", "end", "level"), heading, strict=True)) for heading in told["headings"]],
        "origins": json.loads(data.get("origins") or "{}"),
    }
    return {"issuer": None, "date": None, "place": None, **data, **told, **named}
