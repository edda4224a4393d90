"""The runs that a folder keeps, told without reading their rows.

stored_runs(settings.index / "runs")[0].name  # the latest
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from evals.measuring.runs import ROWS, RUN, SUMMARY


@dataclass(frozen=True)
class StoredRun:
    """A run by its folder's name; `asked` of its `questions` have a row. `started`: ISO, UTC."""

    name: str
    started: str
    sets: tuple[str, ...]
    system: str
    retrieval_only: bool
    questions: int
    asked: int
    complete: bool


def stored_runs(folder: Path) -> list[StoredRun]:
    """Return the runs in a folder, the latest first; what is no run is passed over."""
    found = [_stored(path) for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted((run for run in found if run), key=lambda run: (run.started, run.name), reverse=True)


def _stored(folder: Path) -> StoredRun | None:
    try:
        about = json.loads((folder / RUN).read_text(encoding="utf-8"))
        configuration, complete = about["configuration"], (folder / SUMMARY).exists()
        questions = sum(found["questions"] for found in configuration["sets"])
        return StoredRun(
            folder.name,
            about["started"],
            tuple(found["name"] for found in configuration["sets"]),
            configuration["system"],
            configuration["retrieval_only"],
            questions,
            questions if complete else min(_lines(folder / ROWS), questions),
            complete,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
