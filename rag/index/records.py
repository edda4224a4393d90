"""What the store and the ledger keep of statements and passages: records as text behind a digest, and back.

A record is one piece of JSON. Knows nothing of where they are kept.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.bounds import MAX_HEADINGS, MAX_ISSUER, MAX_SOURCE, MAX_TITLE, shortened
from rag.errors import IndexUnusable
from rag.index.near_duplicates import Sketch, sketch
from rag.integrity.stamp import DIGITS, is_stamped, peeled, stamped, unstamped
from rag.schema import Cut, Heading, Language, Passage, Span, Statement, to_json

Floats = npt.NDArray[np.float32]
SAME_SUMS = 1e-5  # Chroma makes vectors unit vectors again, which alters each value by 1.5e-8 at most


@dataclass(frozen=True)
class StoredPassage:
    """A passage with the unit vectors of its sentences, shape (sentences, dimension), and its statement's title."""

    passage: Passage
    sentence_vectors: Floats
    title: str


def passage_metadata(stored: StoredPassage, vector: Floats) -> dict[str, Any]:
    """Return what is kept of a passage whose own vector is `vector`."""
    passage = stored.passage
    record = {
        "title": stored.title,
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "sentences": [[span.start, span.end] for span in passage.sentences],
        "sentence_vectors": _pack(stored.sentence_vectors),
        "sums": _sums(vector),
    }
    text = stamped(json.dumps(record, ensure_ascii=False), about=_about(passage.passage_id, passage.statement_id, passage.revision))
    return {"statement_id": passage.statement_id, "revision": passage.revision, "record": text}


def _about(*names: str) -> str:
    return " ".join(names)


def _sums(vector: Floats) -> list[float]:
    """Two sums by which a vector is known: its values, and its values by their places."""
    exact = vector.astype(np.float64) / max(float(np.linalg.norm(vector)), 1e-9)
    return [round(float(exact.sum()), 7), round(float(exact @ np.linspace(-1, 1, len(exact))), 7)]


def is_as_written(key: str, data: Mapping[str, Any], language: Language, vector: Floats) -> bool:
    """Say whether a passage and its vector are as they were written."""
    try:
        unstamped(data["record"], about=_about(key, data["statement_id"], data["revision"]))
        sums = json.loads(peeled(data["record"])).get("sums")
        _ = read_passages([(key, data)], language)
    except (ValueError, KeyError, TypeError, IndexUnusable):
        return False
    return sums is None or bool(np.allclose(_sums(vector), sums, rtol=0, atol=SAME_SUMS))


def read_passages(found: Iterable[tuple[str, Mapping[str, Any]]], language: Language) -> dict[str, StoredPassage]:
    """Return passages by id. Their sentences' vectors are unpacked together: one by one it takes twice as long."""
    with _undamaged("a passage"):
        records = [(key, data, json.loads(peeled(data["record"]))) for key, data in found]
        vectors = _unpack([(record["sentence_vectors"], len(record["sentences"])) for _, _, record in records])
        return {
            key: StoredPassage(_passage(key, data, record, language), own, shortened(record["title"], MAX_TITLE))
            for (key, data, record), own in zip(records, vectors, strict=True)
        }


@contextmanager
def _undamaged(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexUnusable(f"{what} of the index is damaged ({error}); run `bayan doctor --fix`") from error


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


def statement_metadata(statement: Statement) -> dict[str, Any]:
    """Return what is kept of a statement."""
    packed = base64.b64encode(sketch(statement).astype("<u4").tobytes()).decode("ascii")
    return {"revision": statement.revision, "record": ledger_line(statement), "sketch": stamped(packed)}


def ledger_line(statement: Statement, *, until: str | None = None) -> str:
    """Return a statement's record, as store and ledger have it; in the ledger an earlier text tells `until` when it counted."""
    record = to_json(statement) | ({"until": until} if until else {})
    return stamped(json.dumps(record, ensure_ascii=False))


def digest_before(key: str, data: Mapping[str, Any]) -> str:
    """Return the digest of a statement's record; of one from before there were any, the digest that its ledger's line has."""
    record = str(data.get("record", ""))
    return (record if is_stamped(record) else ledger_line(read_statement(key, data)))[:DIGITS]


def read_sketch(key: str, data: Mapping[str, Any]) -> Sketch:
    """Return the sketch of a statement. Raises IndexUnusable when it is damaged."""
    with _undamaged(f'the statement "{key}"'):
        return np.frombuffer(base64.b64decode(unstamped(data["sketch"])), dtype="<u4")


def read_statement(key: str, data: Mapping[str, Any]) -> Statement:
    """Return a statement. Raises IndexUnusable when its record is not as it was written."""
    with _undamaged(f'the statement "{key}"'):
        record = json.loads(unstamped(data["record"])) if "record" in data else _of_format_3(data)
        if (record.get("statement_id", key), record.get("revision", data["revision"])) != (key, data["revision"]):
            raise ValueError("it bears another's name")
        return statement_of({**record, "statement_id": key, "revision": data["revision"]})


def statement_of(record: Mapping[str, Any]) -> Statement:
    """Return the statement of a record, of the store or of the ledger. Raises KeyError or TypeError."""
    return Statement(
        statement_id=record["statement_id"],
        revision=record["revision"],
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
