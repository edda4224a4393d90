"""What an ingest costs: passages a second, memory and disk while an index grows to 100,000 passages; its time beside the embedding's own.

    python -m evals.benchmarks.ingest [PASSAGES...]     # 1000 10000 100000 unless given; the largest takes a quarter of an hour

The index grows with vectors that cost next to nothing, so that all else is measured; the embedding model is measured on few passages.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

import rag.build
from evals.benchmarks.footprint import disk_mb, peak_mb
from ingest import ingest
from rag.build import open_embeddings
from rag.embedding.local import LocalEmbeddings
from rag.settings import Settings, load_settings

Floats = npt.NDArray[np.float32]
SIZES = (1_000, 10_000, 100_000)
PER_STATEMENT = 3  # passages, on average
PER_FILE = 300  # statements
WITH_MODEL = 75  # statements, some 225 passages: half a minute
ROUNDS = 3
WORDS = (
    "The ministry of health said on Monday that a new campaign would begin in every province and that work goes on until May",
    "أعلنت وزارة الصحة اليوم عن حملة تلقيح جديدة في جميع المحافظات وأضاف المتحدث باسم الهيئة أن العمل مستمر حتى نهاية الشهر الجاري",
)


class Cheap(Embeddings):
    """Vectors drawn from a text's checksum: always the same for the same text, near nothing."""

    name, digest, dimension = "cheap", "bench-1", 384

    def __init__(self) -> None:
        self._drawn = np.random.default_rng(1).standard_normal((4_096, self.dimension), dtype=np.float32)

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        sums = np.array([crc32(text.encode()) for text in texts], np.int64)
        vectors = self._drawn[sums % 4_096] + 0.5 * self._drawn[sums // 4_096 % 4_096]
        unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in vector] for vector in self.embed_passages_array(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class Recorded:
    """The embedding model, loaded, and the texts that it has embedded."""

    def __init__(self, model: LocalEmbeddings) -> None:
        model.load()
        self.model, self.texts = model, list[str]()
        self.name, self.digest, self.dimension = model.name, model.digest, model.dimension

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        self.texts.extend(texts)
        return self.model.embed_passages_array(texts)


def statements(count: int, *, seed: int) -> Iterator[dict[str, str]]:
    """Yield invented statements, half Arabic, half English, of some 1,800 characters, no two alike."""
    draw = random.Random(seed)
    for number in range(count):
        words = WORDS[number % 2].split()
        said = [" ".join(draw.choices(words, k=draw.randint(10, 24))) + f" {draw.randint(2, 99_999)}." for _ in range(16)]
        yield {"title": f"{said[0][:60]} {seed}-{number}", "date": "2031-05-03", "text": "\n".join(said)}


def write_files(folder: Path, count: int, *, seed: int) -> None:
    for number, begin in enumerate(range(0, count, PER_FILE)):
        rows = statements(min(PER_FILE, count - begin), seed=seed * 1_000 + number)
        (folder / f"{seed:03}-{number:05}.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")


def grow(sizes: Sequence[int]) -> None:
    """Let one index grow from size to size, in one process, and print what each step cost."""
    cheap = Cheap()
    usual, rag.build.open_embeddings = rag.build.open_embeddings, lambda settings: cheap  # type: ignore[assignment,return-value]
    try:
        with TemporaryDirectory() as scratch:
            settings, held, first = load_settings(index=Path(scratch) / "index"), 0, 0.0
            for step, size in enumerate(sizes):
                folder = Path(scratch) / f"step-{step}"
                folder.mkdir()
                write_files(folder, (size - held) // PER_STATEMENT, seed=step + 1)
                report = ingest([folder], settings=settings)
                held += report.passages
                first = first or peak_mb()
                disk = disk_mb(settings.index) / held * 1_000
                print(
                    f"to {held:>7,} passages: {report.passages / report.seconds:>5.0f} a second, {peak_mb():>5.0f} MB at most "
                    f"(+{peak_mb() - first:.0f}), {disk:.1f} MB of disk for 1,000 passages",
                    flush=True,
                )
    finally:
        rag.build.open_embeddings = usual


def beside_the_model() -> None:
    """Print how long an ingest takes beside the embedding of the same texts alone, by turns, the model loaded before.

    The first turn makes the index: what it takes to start (imports, the worker that reads, reference sentences) is told apart, for it is
    the same for one statement as for a whole archive.
    """
    recorded = Recorded(open_embeddings(load_settings()))
    usual, rag.build.open_embeddings = rag.build.open_embeddings, lambda settings: recorded  # type: ignore[assignment,return-value]
    try:
        with TemporaryDirectory() as scratch:
            settings = load_settings(index=Path(scratch) / "index")
            turns = [_turn(settings, Path(scratch) / f"files-{turn}", recorded, seed=turn) for turn in range(ROUNDS + 1)]
    finally:
        rag.build.open_embeddings = usual
    (whole, alone, _), *rest = turns
    print(f"the first ingest of {WITH_MODEL} statements takes {whole - alone:.1f} s more than embedding its texts")
    ratio = sorted(whole / alone for whole, alone, _ in rest)[ROUNDS // 2]
    print(f"ingest / embedding its texts: {ratio:.2f}   ({rest[-1][2] / rest[-1][1]:.1f} passages a second are embedded)")


def _turn(settings: Settings, folder: Path, embeddings: Recorded, *, seed: int) -> tuple[float, float, int]:
    """Seconds that an ingest of new statements takes, seconds that its texts take alone, and its passages."""
    folder.mkdir()
    write_files(folder, WITH_MODEL, seed=900 + seed)
    embeddings.texts.clear()
    begun = time.perf_counter()
    passages = ingest([folder], settings=settings).passages
    whole, begun = time.perf_counter() - begun, time.perf_counter()
    embeddings.model.embed_passages_array(embeddings.texts)
    return whole, time.perf_counter() - begun, passages


def main() -> None:
    grow([int(size) for size in sys.argv[1:]] or SIZES)
    beside_the_model()


if __name__ == "__main__":
    main()
