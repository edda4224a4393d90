"""What the index held before a run and holds by now, so that each document read finds the statement it is a new version or a copy of.

Statements are known by digests, so that an index of any size is known in little memory. Knows nothing of files but their names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, count
from typing import NamedTuple

from ingest.sources import exists, file_of
from rag.schema import Statement, to_json


class Entry(NamedTuple):
    """What is remembered of a statement. `text` and `record` are digests, `record` of all that is known of it but the rest of its page."""

    statement_id: str
    read_from: str
    also_at: tuple[str, ...]
    text: bytes
    record: bytes


def entry(statement: Statement) -> Entry:
    """Return what is to be remembered of a statement."""
    record = json.dumps(to_json(replace(statement, left_out=())), sort_keys=True)
    return Entry(statement.statement_id, statement.read_from, statement.also_at, digest(statement.text), digest(record))


def digest(text: str) -> bytes:
    """Return the digest by which a text is known."""
    return hashlib.blake2b(text.encode("utf-8", errors="surrogatepass"), digest_size=16).digest()


class Known:
    """The statements of the index, by where they were read and by their text, kept up while files are read."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.by_place = {held.read_from: held for held in entries}
        self.by_text = {held.text: held for held in entries}
        self._ids = {held.statement_id for held in entries}
        self._files: dict[str, set[str]] = {}
        for held in entries:
            self._files.setdefault(file_of(held.read_from), set()).add(held.statement_id)

    def holds(self, text: str) -> bool:
        """Say whether a statement has this text."""
        return digest(text) in self.by_text

    def match(self, statement: Statement, claimed: set[str]) -> tuple[Entry | None, Entry | None]:
        """Return the statement that this one is a new version of, and the one whose text it merely repeats; at most one of them."""
        before, twin = self.by_place.get(statement.read_from), self.by_text.get(digest(statement.text))
        if before and before.statement_id in claimed:
            before = None
        if twin is None or twin is before:
            return before, None
        if file_of(twin.read_from) == file_of(statement.read_from):
            return (None, twin) if twin.statement_id in claimed else (twin, None)
        if before:
            return before, None
        return (None, twin) if exists(twin.read_from) else (twin, None)  # a twin whose file is gone is this one under its old name

    def replace(self, old: Entry | None, new: Entry) -> None:
        if old and self.by_text.get(old.text) is old:
            self.by_text.pop(old.text)
        if old and self.by_place.get(old.read_from) is old:
            self.by_place.pop(old.read_from)
        self.by_place[new.read_from] = self.by_text[new.text] = new
        self._ids.add(new.statement_id)

    def in_file(self, file: str) -> set[str]:
        """Return the ids of the statements that were read from a file by earlier runs."""
        return self._files.get(file, set())

    def free_id(self, wanted: str) -> str:
        """Return the id, numbered when a statement has it whose text has changed since it was given."""
        return next(key for key in chain([wanted], (f"{wanted}-{n}" for n in count(2))) if key not in self._ids)
