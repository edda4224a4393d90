"""A second copy of every statement and of its earlier texts, a line each, beside the store: what damages one leaves the other whole.

Lines are only added, each behind its digest (`rag.integrity.stamp`); of several for one statement the last counts. What is written goes to
the store first and then here, what is removed is struck out here first: what the ledger has and the store lacks was therefore lost by
damage, not by a run that was interrupted. Knows nothing of Chroma.

    ledger = Ledger(Path("index/data-1-0a1b2c3d"))
    ledger.append([stamped('{"statement_id": "a", "revision": "r", …}')])
    ledger.read().statements["a"].digest
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rag.integrity.stamp import DIGITS, is_stamped, stamped, unstamped

LEDGER = "statements.jsonl"


class Line(NamedTuple):
    """Where a line begins, and its digest."""

    offset: int
    digest: str


@dataclass
class Kept:
    """What a ledger holds, by statement id, and of earlier texts by id and revision; `damaged`: lines that cannot be read."""

    statements: dict[str, Line] = field(default_factory=dict)
    versions: dict[tuple[str, str], Line] = field(default_factory=dict)
    damaged: int = 0

    def take(self, record: dict[str, Any], line: Line) -> None:
        if gone := record.get("removed"):
            self.statements.pop(gone, None)
            self.versions = {key: kept for key, kept in self.versions.items() if key[0] != gone}
        elif "until" in record:
            self.versions[record["statement_id"], record["revision"]] = line
        else:
            self.statements[record["statement_id"]] = line


class Ledger:
    """The ledger of a data folder, made when a first line is added."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER

    def append(self, lines: Iterable[str]) -> None:
        """Add stamped lines and see them to the disk."""
        added = "".join(f"{line}\n" for line in lines).encode()
        if added:
            with open(self.path, "ab+") as file:
                if file.tell() and not self._ends_whole():  # what a killed run wrote by half stays a line of its own
                    added = b"\n" + added
                file.write(added)
                file.flush()
                os.fsync(file.fileno())

    def strike_out(self, statement_ids: Iterable[str]) -> None:
        """Let go of statements and their earlier texts."""
        self.append(stamped(json.dumps({"removed": key}, ensure_ascii=False)) for key in statement_ids)

    def rewrite(self, lines: Iterable[str]) -> None:
        """Put these lines in the place of all, at once."""
        partial = self.path.with_suffix(".partial")
        with open(partial, "wb") as file:
            file.writelines(f"{line}\n".encode() for line in lines)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self.path)

    def read(self) -> Kept:
        """Return what the ledger holds; nothing when it is not there."""
        kept = Kept()
        for offset, line in self._lines():
            try:
                text = line.decode()
                if not is_stamped(text):
                    raise ValueError("it has no digest")
                kept.take(json.loads(unstamped(text)), Line(offset, text[:DIGITS]))
            except (ValueError, KeyError, TypeError, AttributeError):
                kept.damaged += 1
        return kept

    def records(self, lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
        """Yield what stands in these lines, which `read` told of."""
        if not (wanted := list(lines)):
            return
        with open(self.path, "rb") as file:
            for line in wanted:
                file.seek(line.offset)
                yield json.loads(unstamped(file.readline().decode().rstrip("\n")))

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        try:
            with open(self.path, "rb") as file:
                offset = 0
                for line in file:
                    if line.strip():
                        yield offset, line.rstrip(b"\n")
                    offset += len(line)
        except FileNotFoundError:
            return

    def _ends_whole(self) -> bool:
        with open(self.path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
