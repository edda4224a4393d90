"""`bayan ingest --watch` keeps an index current: files when they change, addresses at intervals, and it holds the lock only to write."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from filelock import FileLock
from test_ingest_sites import PARAGRAPHS, page
from websites import serving

import ingest.watch
from ingest.watch import watch
from rag.build import list_statements
from rag.index.manifest import LOCK
from rag.schema import IngestReport
from rag.settings import load_settings

TEXT = "\n\n".join(PARAGRAPHS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ingest.watch, "_TICK_S", 0.2)
    monkeypatch.setattr(ingest.watch, "RETRY_S", 0.2)
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT)
    return folder


def titles() -> set[str]:
    return {statement.text[:8] for statement in list_statements(load_settings())}


def next_change(reports: Iterator[IngestReport], *wanted: str) -> IngestReport:
    """The next report with what is wanted in it."""
    return next(report for report in reports if any(getattr(report, name) for name in wanted))


@pytest.mark.usefixtures("fake")
def test_files_that_come_change_and_go_are_taken_in(folder: Path) -> None:
    stop = Event()
    reports = watch([folder], settings=load_settings(), prune=True, stop=stop)
    assert next(reports).added == 1
    (folder / "b.txt").write_text("The ferry sank on Monday.")
    (folder / ".hidden.txt").write_text("The bridge opened on Sunday.")
    found = next_change(reports, "added", "updated")
    assert (found.added, found.unchanged) == (1, 0), "only what has changed is read"
    (folder / "b.txt").write_text("The ferry sank on Tuesday.")
    assert next_change(reports, "updated").updated == 1
    (folder / "b.txt").unlink()
    assert next_change(reports, "removed").removed == 1
    stop.set()
    assert list(reports) == []
    assert len(titles()) == 1


@pytest.mark.usefixtures("fake")
def test_the_lock_is_held_only_while_something_is_written_and_a_busy_index_is_waited_for(folder: Path, index: Path) -> None:
    stop = Event()
    reports = watch([folder], settings=load_settings(), stop=stop)
    next(reports)
    with FileLock(index / LOCK, timeout=0, thread_local=False) as lock:
        (folder / "b.txt").write_text("The ferry sank on Monday.")
        released = threading.Timer(2.5, lock.release)
        released.start()
        assert next_change(reports, "added").added == 1
    assert not released.is_alive(), "nothing was written while another process held the lock"
    stop.set()


def test_an_address_is_looked_at_again_and_less_often_while_it_fails(folder: Path, fake: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAYAN_ALLOW_PRIVATE", "true")
    monkeypatch.setenv("BAYAN_FETCH_DELAY_S", "0")
    with serving() as site:
        address = site.put("/water", page("بيان المياه"))
        stop = Event()
        reports = watch([address], settings=load_settings(), interval_s=0.1, stop=stop)
        assert next(reports).added == 1
        site.put("/water", page("بيان المياه", *PARAGRAPHS, "وعادت المياه إلى جميع الأحياء مساء الأربعاء الماضي."))
        assert next_change(reports, "updated").updated == 1
        site.answers.clear()
        gaps = []
        for _ in range(4):
            started = time.monotonic()
            next_change(reports, "rejected")
            gaps.append(time.monotonic() - started)
        assert gaps[3] > 0.3, "0.1 s, doubled at each failure"
        stop.set()


@pytest.mark.integration
@pytest.mark.parametrize("ended", [signal.SIGINT, signal.SIGTERM])
def test_the_command_stops_cleanly(ended: signal.Signals, folder: Path, index: Path, real_model: object) -> None:
    command = [sys.executable, "-m", "ui.cli.main", "ingest", str(folder), "--watch", "--json", "--index", str(index)]
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # in a shell's background it would be deaf to Ctrl-C
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", preexec_fn=heeded)
    assert process.stdout
    assert json.loads(process.stdout.readline())["added"] == 1
    process.send_signal(ended)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip().splitlines()[-1]) == (0, "stopped")
    FileLock(index / LOCK, timeout=0).acquire().lock.release()
