"""What the window's evaluation works on: the question sets and the runs of one index, and the one run under way.

A run has a thread of its own, so that chat goes on beside it and closing the window does not end it; stopped, or killed with the
server, it goes on where it was when it is started again. Knows nothing of Gradio or HTML.

    evaluations = Evaluations(settings)
    evaluations.start(evaluations.sets()[0], retrieval_only=False)
    evaluations.state  # State(name="samples", stage="asking", done=12, total=48)
"""

from __future__ import annotations

import logging
import re
import shutil
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Literal

from evals.measuring.places import Stage
from evals.measuring.runs import Run, RunError, read_run, run
from evals.measuring.stored import StoredRun, stored_runs
from evals.questions.feedback import NAME
from evals.questions.formats import OWN, read_sets
from evals.reporting.compare import Comparison, compare, load_values
from evals.reporting.report import render
from rag.build import list_statements
from rag.errors import BayanError, IndexMissing
from rag.settings import Settings

log = logging.getLogger(__name__)

UPLOADS = (*OWN, ".json")  # a BEIR folder or a .topics file with its .qrels is put into the folder of sets by hand

MAX_NAME_CHARS = 60


@dataclass(frozen=True)
class State:
    """The run under way, or how the last one ended: then `ended` says so, with `run` its name or `problem` what went wrong."""

    name: str = ""
    stage: Stage | Literal["opening"] = "opening"
    done: int = 0
    total: int = 0
    stopping: bool = False
    ended: Literal["", "done", "stopped", "failed"] = ""
    run: str = ""
    problem: Exception | None = None

    @property
    def is_running(self) -> bool:
        return bool(self.name) and not self.ended


class Busy(BayanError):
    """An evaluation is under way already."""


class Evaluations:
    """The sets and runs of an index. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, Lock()
        self.state = State()
        self.runs_folder = settings.index / "runs"
        self.sets_folder = settings.index.with_name(f"{settings.index.name}-sets")  # beside the index: it outlives a rebuilt one
        self.feedback = self.sets_folder / NAME
        self.samples = Path(str(files("evals") / "sets" / "samples.jsonl"))

    # Sets

    def sets(self) -> list[Path]:
        """Return the sets on offer: the chat's first, then the folder's by name, then the sample questions where their statements are."""
        found = sorted(
            path for path in self.sets_folder.glob("*") if path.suffix in (*UPLOADS, ".topics") or (path / "corpus.jsonl").exists()
        )
        return [*sorted(found, key=lambda path: path != self.feedback), *self._sample_set()]

    def _sample_set(self) -> list[Path]:
        try:
            return [self.samples] if self._has_samples else []
        except IndexMissing:  # not there yet: the window opens all the same
            return []

    @cached_property
    def _has_samples(self) -> bool:
        """Whether the index holds the statements that the sample questions name."""
        sources = {Path(statement.source).stem for statement in list_statements(self._settings)}
        return {question.statement for question in read_sets([self.samples])[0].questions if question.statement} <= sources

    def keep(self, upload: Path, *, name: str | None = None) -> Path:
        """Check an uploaded set and put it into the folder of sets under its name, beside one of the same. Raises SetError."""
        read_sets([upload])
        self.sets_folder.mkdir(parents=True, exist_ok=True)
        name, number = re.sub(r"[^\w.-]+", "-", name or upload.stem)[:MAX_NAME_CHARS].strip(".-") or "set", 1
        while (place := self.sets_folder / f"{name}{f'-{number}' if number > 1 else ''}{upload.suffix}").exists():
            if place.read_bytes() == upload.read_bytes():
                return place
            number += 1
        partial = place.with_suffix(".partial")
        shutil.copyfile(upload, partial)
        return partial.rename(place)

    def shown_name(self, path: Path) -> str:
        """Return what the page calls a set: the samples lie in another folder than those kept, and where both lie is not told."""
        return f"{path.parent.name}/{path.name}"

    # The run under way

    def start(self, path: Path, *, retrieval_only: bool) -> None:
        """Begin to run a set, or go on where a run of it was stopped. Raises Busy."""
        with self._lock:
            if self.state.is_running:
                raise Busy(f'"{self.state.name}" is being run; wait or stop it')
            self.state = State(path.stem)
        Thread(target=self._run, args=(path, retrieval_only), name="evaluation", daemon=True).start()

    def stop(self) -> None:
        """Ask the run under way to end after the question that it is at."""
        with self._lock:
            self.state = replace(self.state, stopping=self.state.is_running)

    def _run(self, path: Path, retrieval_only: bool) -> None:
        try:
            done = run(
                read_sets([path]), settings=self._settings, folder=self.runs_folder, retrieval_only=retrieval_only, watch=self._watch
            )
            self._end(ended="done", run=done.folder.name)
        except _Stop:
            self._end(ended="stopped")
        except Exception as problem:  # the thread's edge: the window says what happened
            if not isinstance(problem, BayanError):
                log.exception("the evaluation failed")
            self._end(ended="failed", problem=problem)

    def _watch(self, stage: Stage, done: int, total: int) -> None:
        with self._lock:
            self.state = replace(self.state, stage=stage, done=done, total=total)
            if self.state.stopping and (stage, done) != ("asking", total):
                raise _Stop

    def _end(self, **outcome: Any) -> None:
        with self._lock:
            self.state = replace(self.state, stopping=False, **outcome)

    # Runs

    def runs(self) -> list[StoredRun]:
        """Return the stored runs, the latest first."""
        return stored_runs(self.runs_folder)

    def run(self, name: str) -> Run:
        """Read a complete run. Raises RunError."""
        folder = self._folder(name)
        return _read(folder, (folder / "summary.json").stat().st_mtime_ns if (folder / "summary.json").exists() else 0)

    def compared(self, name: str, before: str) -> dict[str, Comparison]:
        """Set a run beside an earlier one. Raises RunError."""
        return compare(load_values(self._folder(before)), self.run(name).values)

    def report(self, name: str, before: str | None = None) -> str:
        """Return a run's report as a self-contained page without scripts. Raises RunError."""
        return render(".html", self.run(name), self.compared(name, before) if before else {}, [])

    def _folder(self, name: str) -> Path:
        if name not in {stored.name for stored in self.runs()}:
            raise RunError(f'no run is named "{name}"')
        return self.runs_folder / name


class _Stop(Exception):
    """Ends a run from within its watch."""


@lru_cache(maxsize=4)  # a report and its comparison ask for the same run, one after the other
def _read(folder: Path, version: int) -> Run:
    return read_run(folder)
