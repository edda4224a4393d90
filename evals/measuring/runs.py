"""A run: every question of some sets put to a system, kept in a folder so that it can be resumed, measured, reported and compared.

    run.json       what was run: sets and index by digest, system, models, settings, code; written first
    rows.jsonl     what happened, question by question (evals.measuring.rows), appended as it happens
    summary.json   what it comes to, with every measure of every question; written last: its presence means that the run is complete
    judged.json    what a chat model thinks of the answers, when it was asked (evals.measuring.judge)

The folder's name comes from the configuration. Running the same again asks only what is missing or failed; anything else has its own.

    run(read_sets([Path("evals/sets/samples.jsonl")]), settings=load_settings(), folder=Path("runs"))
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import ingest
import rag
from evals.measuring.asking import ask
from evals.measuring.measures import Values, measure
from evals.measuring.places import Place, Watch, digest_of, find_places, unwatched
from evals.measuring.rows import Row, from_record, to_record
from evals.measuring.summary import SEED, Summary, summarise
from evals.measuring.systems import BAYAN, check_system
from evals.questions.questions import EvalSet
from rag.errors import BayanError
from rag.settings import Settings

FORMAT = 1  # of the rows; raised when older ones can no longer be read
RUN, ROWS, SUMMARY, LOCK, JUDGED = "run.json", "rows.jsonl", "summary.json", "run.lock", "judged.json"
PRIVATE = ("key", "token", "secret", "password", "index", "cache", "host", "port")


class RunError(BayanError):
    """A stored run cannot be read or is being written by another process."""


@dataclass(frozen=True)
class Run:
    """A complete run."""

    folder: Path
    about: Mapping[str, Any]  # run.json
    rows: tuple[Row, ...]

    @property
    def seconds(self) -> float:
        """What the answers took, one after the other."""
        return sum(row.latency_ms for row in self.rows) / 1_000

    @property
    def usage(self) -> dict[str, int] | None:
        """The tokens that chat models took, None when none told."""
        spent = [row.usage for row in self.rows if row.usage]
        return {name: sum(usage[name] for usage in spent) for name in spent[0]} if spent else None

    @property
    def cost(self) -> float | None:
        """What those tokens cost at the prices given with the run, in their currency."""
        prices, usage = self.about.get("prices"), self.usage
        return sum(usage[f"{kind}_tokens"] * prices[kind] for kind in ("input", "output")) / 1e6 if prices and usage else None

    @cached_property
    def values(self) -> Values:
        return measure(self.rows)

    @cached_property
    def summary(self) -> Summary:
        return summarise(self.rows, self.values)


def run(
    sets: Sequence[EvalSet],
    *,
    settings: Settings,
    folder: Path,
    system: str = BAYAN,
    retrieval_only: bool = False,
    workers: int = 1,
    fresh: bool = False,
    prices: Mapping[str, float] | None = None,
    watch: Watch = unwatched,
) -> Run:
    """Ask what has not been asked yet and return the whole run, in a folder below `folder`; `fresh` asks everything again.

    Raises SetError before anything is asked, RunError, and what opening the index or the system raises; what `watch` raises ends the run,
    to be resumed later. A question that the system fails at is kept with its error and scores the worst. `prices` of a million tokens,
    {"input": …, "output": …}, are kept with the run and tell nothing apart.
    """
    check_system(system)
    places = find_places(sets, settings, needs_index=system == BAYAN, watch=watch)
    about = _about(places, system, retrieval_only) | ({"prices": dict(prices)} if prices else {})
    own = folder / f"{'+'.join(found.name for found in sets)[:60]}-{digest_of(about['configuration'])[:10]}"
    own.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(own / LOCK, timeout=0):
            if fresh:
                for name in (ROWS, JUDGED):
                    (own / name).unlink(missing_ok=True)
            return _resume(own, places, about, workers=workers, watch=watch)
    except Timeout as error:
        raise RunError(f'another process is writing the run "{own}"; wait until it is done') from error


def read_run(folder: Path) -> Run:
    """Read a complete run. Raises RunError."""
    try:
        if not (folder / SUMMARY).exists():
            raise RunError(f'the run "{folder}" is not complete; run the same command again to finish it')
        about = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return Run(folder, about, tuple(_read_rows(folder / ROWS).values()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f'the run "{folder}" cannot be read ({error!r})') from error


# What is run


def _about(places: Sequence[Place], system: str, retrieval_only: bool) -> dict[str, Any]:
    """The configuration, by which runs are told apart, and what else a reader of the run wants to know."""
    settings = places[0].settings
    configuration = {
        "format": FORMAT,
        "system": system,
        "models": _models(places) if system == BAYAN else [],
        "settings": {k: v for k, v in settings.model_dump(mode="json").items() if not any(part in k for part in PRIVATE)},
        "sets": [_about_set(place) for place in places],
        "code": {"version": version("bayan"), "digest": _code_digest()},
        "retrieval_only": retrieval_only,
        "seed": SEED,
    }
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    warnings = [warning for place in places for warning in place.warnings]
    return {"configuration": configuration, "started": _now(), "machine": machine, "warnings": warnings}


def _about_set(place: Place) -> dict[str, Any]:
    found = place.found
    statements = sorted((key, statement.revision) for key, statement in place.statements.items())
    return {
        "name": found.name,
        "questions": len(found.questions),
        "digest": digest_of([[asdict(question) for question in found.questions], found.qrels])[:16],
        "statements": len(statements),
        "index": digest_of(statements)[:16],
    }


def _models(places: Sequence[Place]) -> list[dict[str, str]]:
    from rag.index.manifest import read_manifest

    found = {manifest.digest: manifest.embedding for place in places for manifest in [read_manifest(place.settings.index)]}
    return [{"kind": "embedding", "name": name, "digest": digest} for digest, name in found.items()]


def _code_digest() -> str:
    """The digest of everything that decides an answer."""
    folders = [Path(str(package.__file__)).parent for package in (rag, ingest)]
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file() and "samples" not in path.parts]
    texts = [(path.name, path.read_text("utf-8")) for path in paths if path.suffix in (".py", ".toml", ".txt", ".tsv")]
    return digest_of([*texts, Path(__file__).with_name("systems.py").read_text("utf-8")])[:16]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# Asking


def _resume(folder: Path, places: Sequence[Place], about: Mapping[str, Any], *, workers: int, watch: Watch) -> Run:
    """Ask what no row answers, then write the summary; a complete run is returned as it stands."""
    done = {key: row for key, row in _read_rows(folder / ROWS).items() if row.error is None}
    total = sum(len(place.found.questions) for place in places)
    if len(done) == total and (folder / SUMMARY).exists():
        before = json.loads((folder / RUN).read_text(encoding="utf-8"))
        about = {**before, "warnings": about["warnings"], **({"prices": about["prices"]} if "prices" in about else {})}
        if about.get("prices") != before.get("prices"):
            write_record(folder / RUN, about)
        return _in_order(folder, places, about, done)
    (folder / SUMMARY).unlink(missing_ok=True)
    write_record(folder / RUN, about)
    configuration, begun = about["configuration"], time.perf_counter()
    watch("asking", len(done), total)
    with open(folder / ROWS, "a", encoding="utf-8") as file:
        for place in places:
            asking = ask(place, done, configuration["system"], retrieval_only=configuration["retrieval_only"], workers=workers)
            with closing(asking) as rows:
                for row in rows:
                    file.write(json.dumps(to_record(row), ensure_ascii=False) + "\n")
                    file.flush()
                    done[row.set_name, row.question.question_id] = row
                    watch("asking", len(done), total)
    finished = _in_order(folder, places, about, done)
    write_record(folder / SUMMARY, _summary(finished, time.perf_counter() - begun))
    return finished


def _in_order(folder: Path, places: Sequence[Place], about: Mapping[str, Any], done: Mapping[tuple[str, str], Row]) -> Run:
    keys = [(place.found.name, question.question_id) for place in places for question in place.found.questions]
    return Run(folder, about, tuple(done[key] for key in keys))


# The folder


def _read_rows(path: Path) -> dict[tuple[str, str], Row]:
    """Rows by set and question, a later one in place of an earlier. A last line that a kill cut short is cut off the file."""
    if not path.exists():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    try:
        rows = [from_record(json.loads(line)) for line in whole.decode("utf-8").split("\n") if line]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f'the rows "{path}" cannot be read ({error!r}); ask anew with --fresh') from error
    return {(row.set_name, row.question.question_id): row for row in rows}


def _summary(finished: Run, seconds: float) -> dict[str, Any]:
    by_set: dict[str, dict[str, Any]] = defaultdict(dict)
    for (set_name, question_id), found in finished.values.items():
        by_set[set_name][question_id] = {name: round(value, 6) for name, value in found.items()}
    return {
        "configuration": finished.about["configuration"],
        "finished": _now(),
        "seconds": round(seconds, 1),
        "usage": finished.usage,
        "groups": {
            set_name: {group: {name: asdict(item) for name, item in found.items()} for group, found in groups.items()}
            for set_name, groups in finished.summary.items()
        },
        "values": by_set,
    }


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON file of a run whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)
