"""Many readers at once: how long they wait, what goes wrong, and whether memory grows.

    python -m evals.benchmarks.load [--minutes 10] [--readers 20] [--pause 5] [--passages 5000] [--editors 1]

Real are the server (`bayan serve` in a process of its own, without a language model, asked over HTTP), its embedding of every question,
both searches and the making of each answer. The statements are the samples and copies of them whose figures differ, so that the index has
its size; a copy's vectors are those of its sample, moved a little at random, for to embed 5,000 passages takes half an hour. As many
statements nearly repeat one another then as in no real index. It is made once and kept in the cache. A reader asks, reads for about
`--pause` seconds and asks again; at the end, for half a minute, all ask again the moment they are answered. Beside them an editor adds a
statement, waits until it can be asked about, removes it, and begins anew; `--editors 0` leaves the index alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from zlib import crc32

import httpx
import numpy as np

from evals.benchmarks.footprint import held_mb
from evals.questions.questions import read_questions
from ingest import ingest
from ingest.passages import split
from rag.build import list_statements, open_embeddings
from rag.embedding.local import Floats, LocalEmbeddings
from rag.index.folder import writing
from rag.index.manifest import FORMAT
from rag.language import TEXT_VERSION
from rag.schema import Statement
from rag.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "ingest" / "samples"
FIGURE = re.compile(r"\s*\d+")
MOVED = 0.05  # length of what is added to a unit vector: copies lie as near to their sample as its own sentences to one another
WITHOUT_PAUSE_S = 30
READ_MEMORY_S = 60


class Moved:
    """Vectors of a text that differs from one embedded before in its figures alone: that one's, moved a little. Others are embedded."""

    def __init__(self, embeddings: LocalEmbeddings) -> None:
        self.name, self.digest, self.dimension = embeddings.name, embeddings.digest, embeddings.dimension
        self._embeddings = embeddings
        self._known: dict[str, Floats] = {}

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        """Embed passages: (n, dimension), unit norm."""
        new = {key: text for text in texts if (key := FIGURE.sub("", text)) not in self._known}
        self._known |= dict(zip(new, self._embeddings.embed_passages_array(list(new.values())), strict=True))
        return np.array([self._move(text) for text in texts], np.float32).reshape(len(texts), self.dimension)

    def _move(self, text: str) -> Floats:
        step = np.random.default_rng(crc32(text.encode())).normal(size=self.dimension)
        vector = self._known[FIGURE.sub("", text)] + MOVED * step / np.linalg.norm(step)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def make_index(settings: Settings, passages: int) -> Path:
    """Return an index of the samples and copies of them that holds as many passages, made if it is not there yet."""
    embeddings = open_embeddings(settings)
    folder = settings.cache / "evals" / f"load-{passages}-{FORMAT}-{TEXT_VERSION}-{embeddings.digest[:8]}"
    if (folder / "manifest.json").exists():  # written last: the index is whole
        return folder
    print("making the index …")
    with TemporaryDirectory() as samples:
        of_samples = settings.model_copy(update={"index": Path(samples)})
        ingest([SAMPLES], settings=of_samples)
        statements = list_statements(of_samples)
    with writing(folder, Moved(embeddings)) as index:
        there = 0
        for number in count():
            batch = [_copy(statement, number) for statement in statements]
            there += index.put([(statement, split(statement, max_chars=settings.passage_chars)) for statement in batch])
            if there >= passages:
                break
    return folder


def _copy(statement: Statement, number: int) -> Statement:
    """The statement with every figure moved on; the text keeps its length, and so its cuts and pages their places."""
    if not number:
        return statement
    digits = "0123456789"
    text = statement.text.translate(str.maketrans(digits, digits[number % 10 :] + digits[: number % 10]))
    key, title = f"{statement.statement_id}-{number}", f"{statement.title} {number}"
    return replace(statement, statement_id=key, revision=f"{number:016x}", text=text, title=title)


@contextmanager
def serving(index: Path) -> Iterator[tuple[str, int]]:
    """Run `bayan serve` over an index, without a limit of requests; give its address and the id of its process."""
    command = [str(Path(sys.executable).with_name("bayan")), "serve", "--index", str(index), "--port", "0"]
    environment = {**os.environ, "BAYAN_RATE_LIMIT": "0", "BAYAN_LLM": "none", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            found = re.search(r"http://\S+", line)
            if not found:
                raise SystemExit("the server did not start; what it said is above")
            yield found[0], server.pid
        finally:
            server.send_signal(signal.SIGINT)


@dataclass
class Taken:
    """What the readers met: seconds until each answer, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def told(self, over_s: float) -> str:
        """Say it in a line."""
        if len(self.seconds) < 2:
            return f"{len(self.seconds)} answers, {len(self.wrong)} errors {self.wrong[:3]}"
        last = quantiles(self.seconds, n=20)[-1]
        waited = f"p50 {median(self.seconds):.2f} s, p95 {last:.2f} s, longest {max(self.seconds):.2f} s"
        return f"{waited}; {len(self.seconds) / over_s:.1f} answers a second, {len(self.wrong)} errors {self.wrong[:3] or ''}".rstrip()


async def read(client: httpx.AsyncClient, questions: Sequence[str], until: float, pause_s: float, taken: Taken, random: Random) -> None:
    """Ask until a time comes, pausing after each answer about as long as a reader reads."""
    await asyncio.sleep(random.uniform(0, pause_s))  # readers do not come all at once
    while time.monotonic() < until:
        asked = time.monotonic()
        try:
            response = await client.post("/api/v1/ask", json={"question": random.choice(questions)})
            response.raise_for_status()
            taken.seconds.append(time.monotonic() - asked)
        except httpx.HTTPError as error:
            taken.wrong.append(f"{type(error).__name__}: {error}")
        await asyncio.sleep(random.uniform(0.5, 1.5) * pause_s)


async def edit(client: httpx.AsyncClient, name: str, until: float, taken: Taken) -> None:
    """Add a statement and remove it again until a time comes; `taken` has the seconds of each job."""
    for number in count():
        if time.monotonic() > until:
            return
        text = f"Quay {number} of {name} reopened after {number + 3} weeks of repairs, the port authority said. No ship was turned away."
        try:
            before = {entry["statement_id"] for entry in await _statements(client)}
            await _done(client, await client.post("/api/v1/jobs", files={"files": (f"{name}.txt", text.encode())}), taken)
            for entry in await _statements(client):
                if entry["statement_id"] not in before:
                    await _done(client, await client.delete(f"/api/v1/statements/{entry['statement_id']}"), taken)
        except httpx.HTTPError as error:
            taken.wrong.append(f"{type(error).__name__}: {error}")


async def _statements(client: httpx.AsyncClient) -> list[dict[str, str]]:
    listed = (await client.get("/api/v1/statements", params={"limit": 500})).raise_for_status().json()["statements"]
    return [entry for entry in listed if "/uploads/" in entry["source"] or entry["source"].startswith("editor")]


async def _done(client: httpx.AsyncClient, begun: httpx.Response, taken: Taken) -> None:
    asked, job = time.monotonic(), begun.raise_for_status().json()
    while job["status"] in ("queued", "running"):
        await asyncio.sleep(0.2)
        job = (await client.get(f"/api/v1/jobs/{job['job_id']}")).raise_for_status().json()
    taken.seconds.append(time.monotonic() - asked)
    if job["status"] != "done":
        taken.wrong.append(f"a job failed: {job['problem']}")


async def read_together(
    address: str, questions: Sequence[str], readers: int, seconds: float, pause_s: float, *, editors: int = 0
) -> tuple[Taken, Taken]:
    """Have as many readers ask for as long, and editors beside them; return what each met."""
    taken, edited, until = Taken(), Taken(), time.monotonic() + seconds
    limits = httpx.Limits(max_connections=readers + editors)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits, trust_env=False) as client:
        reading = (read(client, questions, until, pause_s, taken, Random(number)) for number in range(readers))
        editing = (edit(client, f"editor{number}", until, edited) for number in range(editors))
        await asyncio.gather(*reading, *editing)
    return taken, edited


async def watch_memory(process: int, every_s: float) -> None:
    """Print what a process holds, at each interval. Linux only."""
    for interval in count(1):
        await asyncio.sleep(every_s)
        print(f"  minute {interval * every_s / 60:.0f}: {held_mb(process):.0f} MB")


async def measure(
    address: str, process: int, questions: Sequence[str], *, readers: int, editors: int, minutes: float, pause_s: float
) -> None:
    """Print how the readers fared, and what the server held each minute."""
    memory = asyncio.create_task(watch_memory(process, READ_MEMORY_S))
    taken, edited = await read_together(address, questions, readers, minutes * 60, pause_s, editors=editors)
    memory.cancel()
    print(f"{readers} readers who read about {pause_s:g} s: {taken.told(minutes * 60)}")
    if editors:
        print(f"{editors} editors, {len(edited.seconds)} jobs: {edited.told(minutes * 60)}")
    taken, _ = await read_together(address, questions, readers, WITHOUT_PAUSE_S, 0)
    print(f"{readers} readers without a pause:       {taken.told(WITHOUT_PAUSE_S)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.benchmarks.load", description="How a server bears many readers at once.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--pause", type=float, default=5, help="seconds that a reader reads")
    parser.add_argument("--passages", type=int, default=5_000)
    parser.add_argument("--editors", type=int, default=1)
    given = parser.parse_args()
    questions = [question.question for question in read_questions(ROOT / "evals" / "sets" / "samples.jsonl")]
    with TemporaryDirectory() as scratch:
        copied = Path(shutil.copytree(make_index(load_settings(), given.passages), Path(scratch) / "index"))  # an editor changes it
        with serving(copied) as (address, process):
            print(f"{given.passages} passages; the server holds {held_mb(process):.0f} MB")
            asked = {"readers": given.readers, "editors": given.editors, "minutes": given.minutes, "pause_s": given.pause}
            asyncio.run(measure(address, process, questions, **asked))


if __name__ == "__main__":
    main()
