"""Reading, cleaning, dividing and embedding on Ray Data, for archives that want more than one machine. Needs the extra `ray`.

The machines of a Ray cluster, or the processors of this one, each read files and embed their passages; identity, versions and writing stay
with one process, as in any ingest, whose report and index are the same. All machines see the files under the same paths.

    ray.init(address="auto")  # a cluster of yours; without it, Ray is started on this machine
    ingest_on_ray(["statements/"], index="my-index")
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ingest.known import digest
from ingest.pipeline import embedded_by, ingest, read_path
from ingest.prefetch import usual_workers
from ingest.sandbox import Worker
from ingest.sources import Reading
from rag.build import open_embeddings, open_store
from rag.errors import IndexMissing, SettingsError
from rag.index.manifest import Floats, PassageEmbeddings
from rag.schema import IngestReport
from rag.settings import Settings, load_settings

FILES_AT_ONCE = 4  # given to an actor together
MAX_WAITING = 50_000  # vectors, 77 MB; what is not used by then is embedded again


def ingest_on_ray(
    sources: Sequence[str | Path],
    *,
    index: str | Path | None = None,
    settings: Settings | None = None,
    prune: bool = False,
    columns: Mapping[str, str] | None = None,
    actors: int | None = None,
    processors: float = 1.0,
) -> IngestReport:
    """Do as `ingest.ingest`, with files read and embedded by `actors` of Ray, each of so many `processors`; one a processor by default.

    Addresses are read by this process, politely, one after the other. Raises what `ingest` does, and SettingsError without Ray.
    """
    settings = settings or load_settings(index=index)
    ray = _started()
    own = open_embeddings(settings)
    told = ray.put((settings, dict(columns or {}), _known_texts(settings)))
    embeddings = _Embedded(own)

    def read(paths: Sequence[Path]) -> Generator[Reading]:
        if not paths:
            return
        made = ray.data.from_items(
            [{"path": str(path)} for path in paths], override_num_blocks=-(-len(paths) // FILES_AT_ONCE)
        ).map_batches(
            _Stages,
            fn_constructor_args=(told,),
            batch_size=FILES_AT_ONCE,
            num_cpus=processors,
            compute=ray.data.ActorPoolStrategy(size=actors or usual_workers()),
        )
        for row in made.iter_rows():
            reading, texts, vectors = pickle.loads(row["made"])
            embeddings.take(texts, vectors)
            yield reading

    return ingest(sources, settings=settings, prune=prune, columns=columns, read=read, embeddings=embeddings)


class _Stages:
    """An actor: paths to what was read there, with the vectors of all that it would embed of it."""

    def __init__(self, told: Any) -> None:
        import ray

        self._settings, self._columns, self._known = ray.get(told) if isinstance(told, ray.ObjectRef) else told
        self._worker, self._embeddings = Worker(), open_embeddings(self._settings)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        made = [pickle.dumps(self._made(Path(str(path)))) for path in batch["path"]]
        return {"made": np.array(made, dtype=object)}

    def _made(self, path: Path) -> tuple[Reading, list[str], Floats]:
        reading = read_path(path, self._worker, columns=self._columns)
        texts = list(dict.fromkeys(embedded_by(reading, self._settings.passage_chars, known=self._known)))
        return reading, texts, self._embeddings.embed_passages_array(texts) if texts else np.empty((0, 0), np.float32)


class _Embedded:
    """The vectors that came from Ray, by their texts; what did not come is embedded here."""

    def __init__(self, own: PassageEmbeddings) -> None:
        self._own, self._waiting = own, dict[str, Floats]()
        self.name, self.digest = own.name, own.digest

    @property
    def dimension(self) -> int:
        return self._own.dimension

    def take(self, texts: Sequence[str], vectors: Floats) -> None:
        self._waiting.update(zip(texts, vectors, strict=True))
        for text in list(self._waiting)[: max(0, len(self._waiting) - MAX_WAITING)]:
            del self._waiting[text]

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        missing = [text for text in texts if text not in self._waiting]
        here = dict(zip(missing, self._own.embed_passages_array(missing), strict=True)) if missing else {}
        return np.array([here[text] if text in here else self._waiting[text] for text in texts], np.float32)


def _started() -> Any:
    """Ray, started on this machine if it is not; it tells nobody that it is used."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise SettingsError("Ray is not installed; install it with `pip install 'bayan[ray]'`, or ingest without it") from error
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True  # what is read first keeps a text that stands twice
    context.enable_progress_bars = False
    return ray


def _known_texts(settings: Settings) -> frozenset[bytes]:
    """The digests of the texts that the index holds: what stands there unchanged is not embedded again."""
    try:
        with open_store(settings) as store:
            return frozenset(digest(statement.text) for statement in store.all_statements())
    except IndexMissing:
        return frozenset()
