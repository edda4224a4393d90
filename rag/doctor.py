"""Is everything in order? Each finding says what was looked at, how it stands and, when it is not well, what mends it.

examine_all(settings)  # [Finding("index", True, "18 statements, 52 passages", None), …]
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from rag.embedding.catalogue import catalogue, installed, verify
from rag.embedding.local import Engine, altered, catalogued_digest, engine_of, unpacked
from rag.errors import BayanError
from rag.index.damage import Damage, find_damage
from rag.index.folder import Health, examine, repair
from rag.index.lexical import LexicalIndex
from rag.index.manifest import FORMAT, JOURNAL, Manifest, read_manifest
from rag.index.near_duplicates import groups, prose
from rag.index.store import Store
from rag.language import TEXT_VERSION
from rag.settings import Settings

FIX = "run `bayan doctor --fix`"
LOW_DISK_BYTES = 1_000_000_000
FEW_WORDS = 8
LISTED = 5
_ARABIC = re.compile("[\u0621-\u064a\ufb50-\ufdfb\ufe70-\ufefc]")
_ARABIC_WORD = re.compile("[\u0621-\u064a]{2,}")
_DRAWN = re.compile("[\ufb50-\ufdef\ufe70-\ufefc]")
_MOJIBAKE = re.compile("[ØÙÚÛ][\u0080-\u00bf\u0152-\u0192\u02c6-\u2122]|â€")
_REVERSED = re.compile("\\b\u0629[\u0621-\u064a]{2,}")  # a word that begins with the letter that only ends words


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
    """Bring lexical index, ledger and reference in step with a store that is whole; return what was found before. Raises the Index…
    family."""
    from rag.build import open_embeddings

    return repair(settings.index, lambda: open_embeddings(settings), chroma_url=settings.chroma_url)


def mend_model(settings: Settings) -> None:
    """Make what was unpacked of the model's weights anew if it is damaged. Raises ModelError when the weights are."""
    if settings.embedding in catalogue() and installed(settings.embedding, settings.cache):
        weights = verify(settings.embedding, cache=settings.cache)
        unpacked(weights, catalogue()[settings.embedding].sha256, engine=_engine(settings), progress=False, thorough=True)


def _engine(settings: Settings) -> Engine:
    return engine_of(settings.embedding, settings.embedding_engine)


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
    if bad := altered(path, engine=_engine(settings)):
        yield Finding("model", False, f'what was unpacked of it is damaged: "{bad[0]}"', f"run `bayan models pull {settings.embedding}`")
        return
    yield Finding("model", True, f"{settings.embedding} verified in {path}")


def _index(settings: Settings) -> Iterator[Finding]:
    manifest, folder = read_manifest(settings.index), settings.index
    yield _making(settings, manifest)
    interrupted = (folder / JOURNAL).exists()
    yield Finding(
        "ingest",
        not interrupted,
        "an ingest is running or was interrupted" if interrupted else "complete",
        "run `bayan ingest` again",
    )
    if manifest.format != FORMAT:  # of its records nothing can be said before it is made anew
        return
    damage = find_damage(folder, manifest, chroma_url=settings.chroma_url)
    yield from _damage(damage)
    if damage.of_store:
        return
    with closing(Store.open(folder / manifest.data, url=settings.chroma_url, prefix=manifest.data)) as store:
        counts = store.counts()
        yield Finding("store", True, f"{counts['statements']} statements, {counts['passages']} passages")
        yield from _statements(store)
        health = examine(store, LexicalIndex.open(folder / manifest.data))
        yield Finding("lexical", health.in_step, _agreement(health), None if health.in_step else FIX)


def _damage(damage: Damage) -> Iterator[Finding]:
    """What is damaged of files and records. All of it is mended by one command, which makes the index anew from its texts if it must."""
    yield Finding("files", not damage.files, f"{len(damage.files)} missing or damaged{_listed(damage.files)}", FIX)
    wrong = (damage.unreadable, *damage.records) if damage.unreadable else damage.records
    yield Finding("records", not wrong, f"{len(wrong)} not as they were written{_listed(wrong)}", FIX)
    apart = (*damage.lost, *damage.unkept)
    yield Finding("copies", not apart, f"{len(apart)} texts that store and ledger do not both have{_listed(apart)}", FIX)


def _statements(store: Store) -> Iterator[Finding]:
    """What of the statements wants a person's eye; only a text that cannot be right is called wrong."""
    undated, short, odd = [], [], []
    for statement in store.all_statements():
        undated += [statement.statement_id] * (statement.date is None)
        short += [statement.statement_id] * (len(prose(statement).split()) < FEW_WORDS)
        odd += [f"{statement.statement_id} ({reason})" for reason in suspicions(statement.text)]
    yield Finding("dates", True, f"{len(undated)} statements without a date{_listed(undated)}")
    yield Finding("short", True, f"{len(short)} statements of fewer than {FEW_WORDS} words{_listed(short)}")
    alike = groups(store.sketches())
    yield Finding("alike", True, f"{len(alike)} groups of nearly the same statements{_listed([' ~ '.join(group) for group in alike])}")
    remedy = "save the sources anew as text in UTF-8 and ingest them again"
    yield Finding("texts", not odd, f"{len(odd)} statements whose text looks spoiled{_listed(odd)}", remedy if odd else None)


def suspicions(text: str) -> list[str]:
    """Return what tells that a text was spoiled on its way: reversed Arabic, letters drawn instead of written, a wrong encoding."""
    arabic = max(1, len(_ARABIC.findall(text)))
    signs = {
        "letters of a wrong encoding": len(_MOJIBAKE.findall(text)) >= 3 or "\ufffd" in text,
        "drawn letter forms": len(_DRAWN.findall(text)) > arabic / 10,
        "reversed Arabic": len(_REVERSED.findall(text)) >= max(3, len(_ARABIC_WORD.findall(text)) / 20),
    }
    return [reason for reason, seen in signs.items() if seen]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:LISTED])
    return f": {shown}{', …' if len(names) > LISTED else ''}" if names else ""


def _making(settings: Settings, manifest: Manifest) -> Finding:
    known = catalogue().get(settings.embedding)
    same_model = known is None or catalogued_digest(known, engine_of(known.name, settings.embedding_engine)) == manifest.digest
    ok = same_model and (manifest.format, manifest.text_version) == (FORMAT, TEXT_VERSION)
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
