"""Ingests that end badly leave a usable index and say why in a line; the next one completes them. `crashes.py` looks at what is left.

A server ends cleanly at any moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread, current_thread

import pytest
import uvicorn
from fakes import FakeEmbeddings, Floats
from fastapi import FastAPI
from servers import free_port, start_chroma

from ingest import ingest, pipeline
from rag import Assistant
from rag.doctor import examine_all
from rag.errors import IndexUnusable
from rag.settings import load_settings
from ui.server import _Server

HERE = Path(__file__).parent

pytestmark = pytest.mark.integration


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that any user can reach."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o777)
        yield Path(scratch)


def crash(what: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"}
    command = [sys.executable, str(HERE / "crashes.py"), what, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_thirty_kills_lose_nothing_and_leave_nothing_by_half(folder: Path) -> None:
    assert int(crash("killed", folder)) >= 15, "most must be killed before they end, else nothing was tried"


def test_a_full_disk_is_told_and_spoils_nothing(folder: Path) -> None:
    said = crash("full", folder)
    assert "\n" not in said
    assert "its disk not full" in said or "when its disk is not full" in said


def test_a_permission_lost_midway_is_told_and_spoils_nothing(folder: Path) -> None:
    said = crash("locked", folder)
    assert "\n" not in said
    assert "readonly" in said or "denied" in said


def test_a_server_that_is_stopped_as_it_opens_waits_for_what_it_reads_beside() -> None:
    """A thread that Python ends while it is in native code takes the process down with it."""
    threads: list[Thread] = []

    def read_word_lists() -> None:
        threads.append(current_thread())
        server.should_exit = True

    server = _Server(uvicorn.Config(FastAPI(), port=0, log_config=None), ready=read_word_lists)
    server.run()
    assert [thread.daemon for thread in threads] == [False]


def test_a_chroma_server_that_ends_midway_is_told_and_spoils_nothing(
    tmp_path: Path, fake: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "BATCH_PASSAGES", 1)
    statements, data, port = tmp_path / "statements", tmp_path / "chroma", free_port()
    statements.mkdir()
    data.mkdir()
    for number in range(4):
        (statements / f"{number}.txt").write_text(f"Report {number}\n\nThe {number}th bridge was opened on Sunday.")
    settings = load_settings().model_copy(update={"chroma_url": f"http://127.0.0.1:{port}"})
    server, embed = start_chroma(data, port), fake.embed_passages_array

    def embed_and_kill(texts: Sequence[str], *, progress: bool = False) -> Floats:
        if any("The 2th" in text for text in texts):
            server.kill()
            server.wait()
        return embed(texts, progress=progress)

    monkeypatch.setattr(fake, "embed_passages_array", embed_and_kill)
    with pytest.raises(IndexUnusable, match=r"does not answer \(.*\); check that it is running") as caught:
        ingest([statements], settings=settings)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(fake, "embed_passages_array", embed)
    server = start_chroma(data, port)
    try:
        report = ingest([statements], settings=settings)
        assert (report.added, report.unchanged, report.rejected) == (2, 2, ()), "what was written before counts"
        assert [finding for finding in examine_all(settings) if not finding.ok] == []
        assert len(Assistant.open(settings=settings).statements()) == 4
    finally:
        server.kill()
        server.wait()
