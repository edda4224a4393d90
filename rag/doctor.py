"""Is everything in order? Each finding says what was looked at, how it stands and, when it is not well, what mends it.

examine_all(settings)  # [Finding("index", True, "18 statements, 52 passages", None), …]
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from rag.errors import BayanError
from rag.index import JOURNAL, Health, Manifest, examine, read_manifest, repair
from rag.language import TEXT_VERSION
from rag.lexical import LexicalIndex
from rag.models import catalogue, verify
from rag.settings import Settings
from rag.store import Store

LOW_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` is what to do when it is not ok."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None


def examine_all(settings: Settings) -> list[Finding]:
    """Look at model, index, the agreement of its two halves and the disk; a check that fails is a finding, not an error."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("model", partial(_model, settings)),
        ("index", partial(_index, settings)),
        ("disk", partial(_disk, settings)),
    ]
    return [finding for name, check in checks for finding in _findings(name, check)]


def fix(settings: Settings) -> Health:
    """Bring the lexical index in step with the store; return what was found before. Raises the Index… family."""
    return repair(settings.index, chroma_url=settings.chroma_url)


def _findings(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except BayanError as error:
        yield Finding(name, False, str(error), None)


def _model(settings: Settings) -> Iterator[Finding]:
    if settings.embedding not in catalogue():
        yield Finding("model", True, f'"{settings.embedding}" is not of the catalogue; its digest is checked when an index is opened')
        return
    path = verify(settings.embedding, cache=settings.cache)
    yield Finding("model", True, f"{settings.embedding} verified in {path}")


def _index(settings: Settings) -> Iterator[Finding]:
    manifest = read_manifest(settings.index)
    yield _making(settings, manifest)
    interrupted = (settings.index / JOURNAL).exists()
    yield Finding(
        "ingest",
        not interrupted,
        "an ingest is running or was interrupted" if interrupted else "complete",
        "run `bayan ingest` again",
    )
    data = settings.index / manifest.data
    store = Store.open(data, url=settings.chroma_url, prefix=manifest.data)
    counts = store.counts()
    yield Finding("store", True, f"{counts['statements']} statements, {counts['passages']} passages")
    health = examine(store, LexicalIndex.open(data))
    yield Finding("lexical", health.in_step, _agreement(health), None if health.in_step else "run `bayan doctor --fix`")


def _making(settings: Settings, manifest: Manifest) -> Finding:
    known = catalogue().get(settings.embedding)
    same_model = known is None or known.sha256 == manifest.digest
    ok = same_model and manifest.text_version == TEXT_VERSION
    detail = (
        f"made with {manifest.embedding} ({manifest.digest[:12]}), dimension {manifest.dimension}, text processing {manifest.text_version}"
    )
    return Finding("index", ok, detail, None if ok else "run `bayan ingest --rebuild`")


def _agreement(health: Health) -> str:
    if health.in_step:
        return f"in step with the store: {health.passages} passages"
    return (
        f"out of step with the store: {len(health.unlisted)} passages missing, {len(health.surplus)} too many, "
        f"{len(health.stale)} outdated in the store"
    )


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.index
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    ok = free >= LOW_DISK_BYTES
    yield Finding("disk", ok, f"{free / 1e9:.1f} GB free", None if ok else "free some space before the next ingest")
