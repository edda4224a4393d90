"""Keeping an index current: files when they change, addresses at intervals that grow while they fail. The index is locked only while
something is written to it.

    for news in watch(["statements/", "https://example.org/feed"], settings=settings): ...   # until the process is interrupted
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from ingest.pipeline import ingest
from ingest.readers import READERS
from ingest.sidecar import SIDECAR
from ingest.sources import find_sources
from rag.errors import IndexBusy, IndexUnusable, SourceError
from rag.schema import IngestReport, Problem
from rag.settings import Settings

INTERVAL_S = 900.0  # between two looks at an address
MAX_INTERVAL_S = 86_400.0  # however often it has failed
RETRY_S = 30.0  # until an index that another process writes to is tried again
_TICK_S = 1.0


@dataclass
class _Due:
    """When something is to be taken in next, and how long it waits after that."""

    at: float
    pause_s: float


@dataclass
class _Watch:
    settings: Settings
    columns: Mapping[str, str]
    prune: bool
    workers: int | None
    interval_s: float
    stop: Event
    waiting: set[Path] = field(default_factory=set)  # changed, and not yet taken in
    retry: _Due = field(default_factory=lambda: _Due(0.0, RETRY_S))
    addresses: dict[str, _Due] = field(default_factory=dict)


def watch(
    sources: Sequence[str | Path],
    *,
    settings: Settings,
    columns: Mapping[str, str] | None = None,
    prune: bool = False,
    workers: int | None = None,
    interval_s: float = INTERVAL_S,
    stop: Event | None = None,
) -> Iterator[IngestReport]:
    """Ingest the sources, then whatever changes in them, until `stop` is set or the process interrupted; yield a report of each run that
    changed or refused something, the first one always.

    With `prune`, statements of files that are deleted are removed. Raises as `ingest` does for the first run; later, an index that cannot
    be written is a rejection of the report, and tried again.
    """
    watched = _Watch(settings, columns or {}, prune, workers, interval_s, stop or Event())
    _, addresses = find_sources(sources)
    paths = [Path(source).resolve() for source in sources if str(source) not in addresses]
    ticks = _ticks(paths, watched)
    next(ticks, None)  # the files are watched before they are read, so that what changes meanwhile is not missed
    yield ingest(sources, settings=settings, columns=columns, prune=prune, workers=workers)
    watched.addresses = {address: _Due(time.monotonic() + interval_s, interval_s) for address in addresses}
    for _ in ticks:
        yield from (report for report in (_take_files(watched), *_take_addresses(watched)) if report and _tells(report))


def _ticks(paths: Sequence[Path], watched: _Watch) -> Iterator[None]:
    """Return to the caller whenever something has changed, and every few seconds."""
    from watchfiles import Change
    from watchfiles import watch as changes

    folders = {path if path.is_dir() else path.parent for path in paths}

    def meant(_: Change, name: str) -> bool:
        return _is_meant(Path(name), paths, watched.settings.index.resolve())

    if not folders:
        while not watched.stop.wait(min(_TICK_S, watched.interval_s)):
            yield
        return
    options = {"watch_filter": meant, "stop_event": watched.stop, "yield_on_timeout": True, "rust_timeout": int(_TICK_S * 1000)}
    for found in changes(*folders, **options, debounce=1000):  # type: ignore[arg-type]
        watched.waiting |= {Path(name) for _, name in found}
        yield


def _is_meant(path: Path, paths: Sequence[Path], index: Path) -> bool:
    """Say whether a change is one to a statement: not to what is hidden, to the index, or to a file beside the one that is watched."""
    above = [given for given in paths if given == path or given in path.parents]
    if not above or path == index or index in path.parents:
        return False
    if any(part.startswith(".") for part in path.relative_to(above[0]).parts):
        return False
    return path.suffix.lower() in READERS or path.name.endswith(SIDECAR) or path.is_dir() or not path.exists()


def _take_files(watched: _Watch) -> IngestReport | None:
    """Take in what has changed; what cannot be written now is kept for later."""
    if not watched.waiting or time.monotonic() < watched.retry.at:
        return None
    sources: set[Path] = set()
    for path in watched.waiting:
        # A side-car speaks of a file beside it; what is gone is found missing in its folder.
        beside = path.name.endswith(SIDECAR) or (watched.prune and not path.exists())
        sources |= {path.parent} if beside and path.parent.is_dir() else {path} if path.exists() else set()
    report = _ingest(watched, sorted(sources))
    if report is None or _index_failed(watched, report):
        pause_s = watched.retry.pause_s
        watched.retry = _Due(time.monotonic() + pause_s, min(2 * pause_s, MAX_INTERVAL_S))
    else:
        watched.waiting.clear()
        watched.retry = _Due(0.0, RETRY_S)
    return report


def _take_addresses(watched: _Watch) -> Iterator[IngestReport]:
    """Look at the addresses whose time has come; each that fails waits twice as long."""
    for address, due in watched.addresses.items():
        if time.monotonic() < due.at or watched.stop.is_set():
            continue
        report = _ingest(watched, [address])
        failed = report is None or any(problem.source in (address, str(watched.settings.index)) for problem in report.rejected)
        due.pause_s = min(2 * due.pause_s, MAX_INTERVAL_S) if failed else watched.interval_s
        due.at = time.monotonic() + due.pause_s
        if report:
            yield report


def _ingest(watched: _Watch, sources: Sequence[str | Path]) -> IngestReport | None:
    """Ingest; None when the index is being written to by another process."""
    if not sources:
        return IngestReport()
    try:
        options: dict[str, Any] = {"columns": watched.columns, "prune": watched.prune, "workers": watched.workers}
        return ingest(sources, settings=watched.settings, **options)
    except IndexBusy:
        return None
    except (SourceError, IndexUnusable) as error:  # a file that was gone again, a folder that is empty by now; a disk that is full
        said = str(error)
        return IngestReport() if isinstance(error, SourceError) else IngestReport(rejected=(Problem(str(watched.settings.index), said),))


def _index_failed(watched: _Watch, report: IngestReport) -> bool:
    return any(problem.source == str(watched.settings.index) for problem in report.rejected)


def _tells(report: IngestReport) -> bool:
    return bool(report.added or report.updated or report.removed or report.rejected)
