"""What the index held before a run and holds by now, so that each document read finds the statement it is a new version or a copy of.

Texts are known by their digests, so that an index of any size is known in little memory. Knows nothing of files but their names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, count

from ingest.sources import exists, file_of
from rag.schema import Statement


def light(statement: Statement) -> Statement:
    """Return the statement with the digest of its text in the text's place, and without the rest of its page."""
    return replace(statement, text=_digest(statement.text), left_out=())


class Known:
    """The statements of the index (made `light`), by where they were read and by their text, kept up while files are read."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self.by_id = {statement.statement_id: statement for statement in statements}
        self.by_place = {statement.read_from: statement for statement in self.by_id.values()}
        self.by_text = {statement.text: statement for statement in self.by_id.values()}
        self._ids = set(self.by_id)
        self._files: dict[str, set[str]] = {}
        for place, statement in self.by_place.items():
            self._files.setdefault(file_of(place), set()).add(statement.statement_id)

    def holds(self, text: str) -> bool:
        """Say whether a statement has this text."""
        return _digest(text) in self.by_text

    def match(self, statement: Statement, claimed: set[str]) -> tuple[Statement | None, Statement | None]:
        """Return the statement that this one is a new version of, and the one whose text it merely repeats; at most one of them."""
        before, twin = self.by_place.get(statement.read_from), self.by_text.get(_digest(statement.text))
        if before and before.statement_id in claimed:
            before = None
        if twin is None or twin is before:
            return before, None
        if file_of(twin.read_from) == file_of(statement.read_from):
            return (None, twin) if twin.statement_id in claimed else (twin, None)
        if before:
            return before, None
        return (None, twin) if exists(twin.read_from) else (twin, None)  # a twin whose file is gone is this one under its old name

    def replace(self, old: Statement | None, new: Statement) -> None:
        if old and self.by_text.get(old.text) is old:
            self.by_text.pop(old.text)
        if old and self.by_place.get(old.read_from) is old:
            self.by_place.pop(old.read_from)
        new = light(new)
        self.by_id[new.statement_id] = self.by_place[new.read_from] = self.by_text[new.text] = new
        self._ids.add(new.statement_id)

    def in_file(self, file: str) -> set[str]:
        """Return the ids of the statements that were read from a file by earlier runs."""
        return self._files.get(file, set())

    def free_id(self, wanted: str) -> str:
        """Return the id, numbered when a statement has it whose text has changed since it was given."""
        return next(key for key in chain([wanted], (f"{wanted}-{n}" for n in count(2))) if key not in self._ids)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
