"""Hostile and broken inputs neither crash, nor hang, nor fill the memory, nor lead out of the index: each is named in the report.

All are ingested by one run, in a process of its own whose memory and that of its readers is measured. What servers do to a fetch (slow
ones, redirects inwards, packed bodies) is in test_ingest_sites.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY
from hostile import HOSTILE

from ingest.sandbox import LIMIT_S

GOOD = "The bridge opened on Sunday, the council said."
MAX_KB = 1_000_000
RUN = """
import json, re, resource, sys
import rag.build
from fakes import FakeEmbeddings
from ingest import ingest
from rag.build import list_statements
from rag.schema import to_json
from rag.settings import load_settings

rag.build.open_embeddings = lambda settings: FakeEmbeddings()
report = ingest([sys.argv[1]])
statements = [[statement.read_from, statement.text[:200]] for statement in list_statements(load_settings())]
own = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]  # its usage would begin with that of whoever started it
peaks = [int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]
print(json.dumps({"report": to_json(report), "statements": statements, "peaks": peaks}))
"""


@dataclass(frozen=True)
class Taken:
    """What a run over all of them left behind."""

    folder: Path
    said: dict[str, Any]
    appeared: set[Path]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    if sys.platform != "linux":
        pytest.skip("the peak of a process's memory is read from Linux")
    root = tmp_path_factory.mktemp("hostile")
    folder, index = root / "statements", root / "index"
    folder.mkdir()
    (root / "tmp").mkdir()
    for number, (file, make) in enumerate(HOSTILE.values()):
        (folder / f"{number:03}-{file}").write_bytes(make())
    (folder / "good.txt").write_text(GOOD)
    before = set(root.rglob("*"))
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    environment = {**os.environ, "PYTHONPATH": paths, "BAYAN_INDEX": str(index), "BAYAN_EMBEDDING": "fake", "TMPDIR": str(root / "tmp")}
    command = [sys.executable, "-c", RUN, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    after = {path for path in root.rglob("*") if index not in path.parents and path != index}
    return Taken(folder, json.loads(done.stdout), after ^ {path for path in before if path.exists()})


def test_there_are_enough_of_them_and_none_is_waited_for_too_long() -> None:
    assert len(HOSTILE) >= 60
    assert LIMIT_S < 30, "whatever is not read by then is refused"


@pytest.mark.parametrize(("number", "name"), list(enumerate(HOSTILE)), ids=list(HOSTILE))
def test_each_is_taken_or_named_with_its_reason(number: int, name: str, taken: Taken) -> None:
    place = str(taken.folder / f"{number:03}-{HOSTILE[name][0]}")
    report = taken.said["report"]
    named = [problem for kind in ("rejected", "warnings") for problem in report[kind] if problem["source"].startswith(place)]
    assert named or any(read_from.startswith(place) for read_from, _ in taken.said["statements"])
    assert all(problem["reason"].strip() and len(problem["reason"]) < 70_000 for problem in named)


def test_what_lies_beside_them_is_kept(taken: Taken) -> None:
    assert GOOD in [text for _, text in taken.said["statements"]]


def test_nothing_is_written_outside_the_index_and_no_file_of_the_machine_is_read(taken: Taken) -> None:
    assert taken.appeared == set()
    assert not any("root:" in text for _, text in taken.said["statements"])


def test_neither_the_run_nor_its_readers_take_a_gigabyte(taken: Taken) -> None:
    assert max(taken.said["peaks"]) < MAX_KB, "kilobytes: of the run, and of the largest process it started"
