"""Jobs that write to the index, in the background and one at a time: uploaded files ingested, statements removed.

Uploaded files are kept in the index folder. A file of a name that was uploaded before takes the earlier one's place, as when a file in a
folder is changed; one that cannot be read replaces nothing. Jobs are remembered until the server ends.

    job = jobs.submit([("statement.txt", file)])
    jobs.find(job.job_id).report
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp
from threading import Lock
from typing import BinaryIO, Literal

from ingest.readers import READERS, load
from ingest.sandbox import Worker
from rag.errors import BayanError, SourceError
from rag.schema import IngestReport, Problem
from rag.settings import Settings
from ui.service.redaction import told
from ui.service.refusal import Refusal

log = logging.getLogger(__name__)

MAX_WAITING = 10
REMEMBERED = 200
MAX_NAME_BYTES = 200  # file systems allow 255, the suffix included
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Job:
    """An ingest or a removal in the background; `report` when it is done, `problem` when it failed."""

    job_id: str
    status: Literal["queued", "running", "done", "failed"]
    files: tuple[str, ...]
    created: str  # ISO, UTC
    report: IngestReport | None = None
    problem: str | None = None


class Jobs:
    """Runs ingest jobs and remembers what became of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.folder = settings, settings.index / "uploads"
        self._jobs: dict[str, Job] = {}
        self._incoming: set[Path] = set()  # what was uploaded and is not in its place yet
        self._lock, self._worker = Lock(), ThreadPoolExecutor(1, "ingest")

    def submit(self, uploads: Sequence[tuple[str, BinaryIO]]) -> Job:
        """Take files and queue their ingest. Raises Refusal for names that cannot be taken or when too many jobs wait."""
        names = tuple(_safe_name(name) for name, _ in uploads)
        if len(set(names)) < len(names):
            raise Refusal(422, "duplicate-name", f"two of the files have the same name: {', '.join(names)}; give each its own")
        job = Job(token_hex(8), "queued", names, datetime.now(UTC).isoformat(timespec="seconds"))
        self.folder.mkdir(parents=True, exist_ok=True)
        incoming = Path(mkdtemp(prefix=".incoming-", dir=self.folder))
        self._incoming.add(incoming)
        try:
            for name, (_, file) in zip(names, uploads, strict=True):
                with open(incoming / name, "wb") as kept:
                    shutil.copyfileobj(file, kept)
            self._remember(job)
        except BaseException:
            self._discard(incoming)
            raise
        self._worker.submit(self._run, job, lambda: self._ingest(incoming))
        return job

    def remove(self, statement_ids: Sequence[str]) -> Job:
        """Queue the removal of statements from the index. Raises Refusal when too many jobs wait."""
        job = Job(token_hex(8), "queued", (), datetime.now(UTC).isoformat(timespec="seconds"))
        self._remember(job)
        self._worker.submit(self._run, job, lambda: self._remove(statement_ids))
        return job

    def find(self, job_id: str) -> Job:
        """Return a job as it stands. Raises Refusal."""
        if job := self._jobs.get(job_id):
            return job
        raise Refusal(404, "unknown-job", f'no job has the id "{job_id}"; jobs are forgotten when the server ends')

    def close(self) -> None:
        """Drop the jobs that wait and let the running one finish; what was uploaded for those that wait goes with them."""
        self._worker.shutdown(cancel_futures=True)
        self.sweep()

    def sweep(self) -> None:
        """Remove what uploads left that no job has taken; an ingest that is cut off with the server is made again with the same files."""
        for incoming in list(self._incoming):
            self._discard(incoming)

    def _discard(self, incoming: Path) -> None:
        shutil.rmtree(incoming, ignore_errors=True)
        self._incoming.discard(incoming)

    def _remember(self, job: Job) -> None:
        with self._lock:
            ended = [key for key, other in self._jobs.items() if other.status in ("done", "failed")]
            if len(self._jobs) - len(ended) >= MAX_WAITING:
                raise Refusal(503, "too-many-jobs", f"{MAX_WAITING} ingest jobs wait already; try again later", {"Retry-After": "30"})
            for key in ended[: max(0, len(self._jobs) + 1 - REMEMBERED)]:
                del self._jobs[key]
            self._jobs[job.job_id] = job

    def _run(self, job: Job, work: Callable[[], IngestReport]) -> None:
        job = self._jobs[job.job_id] = replace(job, status="running")
        try:
            job = replace(job, status="done", report=work())
        except BayanError as error:
            job = replace(job, status="failed", problem=" ".join(str(error).split()))
        except Exception:  # the edge: the worker must live on, and the job must end
            log.exception("the ingest job %s failed", job.job_id)
            job = replace(job, status="failed", problem="something went wrong and was logged; tell whoever runs Bayan")
        self._jobs[job.job_id] = job

    def _ingest(self, incoming: Path) -> IngestReport:
        from ingest import ingest

        ready, rejected = [], []
        try:
            with Worker() as worker:
                for path in sorted(incoming.iterdir()):
                    try:
                        list(worker.read(load(path)))
                    except SourceError as error:
                        rejected.append(Problem(str(path), str(error)))
                    else:
                        ready.append(path.replace(self.folder / path.name))
        finally:
            self._discard(incoming)
        report = ingest(ready, settings=self._settings) if ready else IngestReport()
        return told(replace(report, rejected=(*rejected, *report.rejected)))

    def _remove(self, statement_ids: Sequence[str]) -> IngestReport:
        from ingest.pipeline import remove

        return IngestReport(removed=len(remove(statement_ids, settings=self._settings)))


def _safe_name(name: str) -> str:
    """Return the last part of an uploaded file's name, without what a path or a terminal could take for more than a name."""
    path = Path(name.replace("\\", "/"))
    stem, suffix = _UNSAFE.sub("-", path.stem).strip("-."), path.suffix.lower()
    if suffix not in READERS:
        raise Refusal(415, "format-not-read", f'"{path.name}" is of a format that is not read; supported are {", ".join(sorted(READERS))}')
    return (stem.encode()[:MAX_NAME_BYTES].decode(errors="ignore") or "statement") + suffix
