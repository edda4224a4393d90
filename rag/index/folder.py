"""An index folder: store and lexical index kept in step, by one writer, for any number of readers.

    with writing(Path("index"), embeddings) as index:   # one writer at a time
        index.put([(statement, passages)])
    index = Index.open(Path("index"), embeddings)        # any number of readers

What an interrupted run left behind, which `rag.index.manifest` tells of, the next one sweeps up.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from rag.errors import BayanError, IndexMissing, IndexUnusable
from rag.index.lexical import LexicalIndex
from rag.index.manifest import (
    JOURNAL,
    MANIFEST,
    Manifest,
    PassageEmbeddings,
    check_age,
    check_files,
    check_making,
    exclusive,
    fix_with,
    next_manifest,
    read_journal,
    read_manifest,
    restore_manifest,
    sealed_manifests,
    write_manifest,
)
from rag.index.near_duplicates import prose
from rag.index.records import StoredPassage
from rag.index.store import LANGUAGES, PAGE, Store
from rag.integrity.seal import DATABASE, broken, read_seal, seal
from rag.language.resources import entries
from rag.schema import Language, Passage, Statement

Floats = npt.NDArray[np.float32]
REFERENCE, CHROMA = "reference.npz", "chroma/"
SAMPLE = 1_000
MAX_TITLE = 250  # characters of a title that stand before a sentence: a model reads 512 tokens, and the sentence is to be among them


class Index:
    """A complete index, open for reading. `refresh` picks up what other processes have written since."""

    def __init__(self, folder: Path, manifest: Manifest, *, chroma_url: str | None = None) -> None:
        self.folder, self.manifest, self._chroma_url = folder, manifest, chroma_url
        self._reference = _load_reference(folder, manifest.data)
        self.store = open_store(folder, manifest, chroma_url=chroma_url, needs=(CHROMA, "lexical/", REFERENCE))
        self.lexical = LexicalIndex.open(folder / manifest.data)

    @classmethod
    def open(cls, folder: Path, embeddings: PassageEmbeddings, *, chroma_url: str | None = None) -> Index:
        """Open a complete index. Raises IndexMissing, IndexMismatch or IndexUnusable."""
        manifest = read_manifest(folder)
        check_making(folder, manifest, embeddings)
        return cls(folder, manifest, chroma_url=chroma_url)

    def sample(self, language: Language) -> Floats:
        """Return vectors of passages of the index, to know how near passages at large are, shape (n, dimension)."""
        return self.store.vectors(language, limit=SAMPLE).reshape(-1, self.manifest.dimension)

    def reference(self, language: Language) -> Floats:
        """Return the vectors of the reference sentences, texts on any other subject, shape (n, dimension)."""
        return self._reference[language]

    def is_current(self) -> bool:
        """Whether no other process has completed an ingest since the index was opened."""
        return read_manifest(self.folder) == self.manifest

    def refresh(self) -> bool:
        """Reopen the parts when another process has completed an ingest; say whether it had."""
        manifest = read_manifest(self.folder)
        if manifest == self.manifest:
            return False
        self.store.close()
        self.__init__(self.folder, manifest, chroma_url=self._chroma_url)  # type: ignore[misc]
        return True


class WritableIndex:
    """An index that one process is writing to; made by `writing`."""

    def __init__(self, store: Store, lexical: LexicalIndex, embeddings: PassageEmbeddings) -> None:
        self.store, self.lexical, self._embeddings = store, lexical, embeddings

    def put(self, batch: Sequence[tuple[Statement, Sequence[Passage]]]) -> int:
        """Add or replace statements with their passages; return how many passages were written.

        Order matters: new passages, then the statement's record, then removal of the old ones (see rag.index.store). The text that a
        statement had before is kept as a version of it, if more than what is cut has changed.
        """
        existing = self.store.statements([statement.statement_id for statement, _ in batch])
        self._keep_versions(existing, [statement for statement, _ in batch])
        old = [(statement, *found) for key, statement in existing.items() for found in self.store.passages_of(key).values()]
        fresh = [(statement, passage) for statement, passages in batch for passage in passages]
        stored, vectors = self._embed(fresh, old)
        self.store.write_passages(stored, vectors)
        self.lexical.update(add=[(passage, statement) for statement, passage in fresh])
        self.store.write_statements([statement for statement, _ in batch])
        new_ids = {passage.passage_id for _, passage in fresh}
        self._delete([found.passage.passage_id for _, found, _ in old if found.passage.passage_id not in new_ids])
        return len(fresh)

    def remove(self, statement_ids: Sequence[str]) -> None:
        """Remove statements and all their passages."""
        for statement_id in statement_ids:
            passage_ids = list(self.store.passages_of(statement_id))
            self.store.delete_statement(statement_id)
            self._delete(passage_ids)

    def _keep_versions(self, existing: Mapping[str, Statement], new: Sequence[Statement]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        changed = (old for statement in new if (old := existing.get(statement.statement_id)) and prose(old) != prose(statement))
        self.store.write_versions([(now, old) for old in changed])

    def _delete(self, passage_ids: Sequence[str]) -> None:
        if passage_ids:
            self.store.delete_passages(passage_ids)
            self.lexical.update(delete=passage_ids)

    def _embed(
        self, fresh: Sequence[tuple[Statement, Passage]], old: Sequence[tuple[Statement, StoredPassage, Floats]]
    ) -> tuple[list[StoredPassage], Floats]:
        """Embed passages and their sentences; what stood in the old version of its statement word for word keeps its vectors."""
        known: dict[str, Floats] = {}
        for statement, stored, vector in old:
            texts = embedded_texts(statement, stored.passage)
            known |= dict(zip(texts, [vector, *stored.sentence_vectors], strict=True))
        wanted = [embedded_texts(statement, passage) for statement, passage in fresh]
        missing = [text for text in dict.fromkeys(text for texts in wanted for text in texts) if text not in known]
        if missing:
            known |= dict(zip(missing, self._embeddings.embed_passages_array(missing), strict=True))
        sentences = [np.array([known[text] for text in texts[1:]], np.float32) for texts in wanted]
        stored_passages = [StoredPassage(p, vectors, about.title) for (about, p), vectors in zip(fresh, sentences, strict=True)]
        return stored_passages, np.array([known[texts[0]] for texts in wanted], np.float32).reshape(len(fresh), -1)


@dataclass(frozen=True)
class Health:
    """How far store and lexical index agree, by passage id."""

    passages: int  # that count
    stale: list[str]  # in the store, of a revision that does not count
    unlisted: list[str]  # count, but are missing from the lexical index
    surplus: list[str]  # in the lexical index only

    @property
    def in_step(self) -> bool:
        return not (self.stale or self.unlisted or self.surplus)


def examine(store: Store, lexical: LexicalIndex) -> Health:
    """Compare every passage of the store with the lexical index."""
    revisions = store.revisions()
    current, stale = set(), []
    for passage_id, statement_id, revision in store.passage_revisions():
        if revisions.get(statement_id) == revision:
            current.add(passage_id)
        else:
            stale.append(passage_id)
    listed = set(lexical.passage_ids())
    surplus = sorted(listed - current - set(stale))
    return Health(len(current), stale, sorted(current - listed), surplus)


def sweep(store: Store, lexical: LexicalIndex) -> Health:
    """Remove what an interrupted run left behind and bring lexical index and ledger in step; return what was found."""
    health = examine(store, lexical)
    store.delete_passages(health.stale)
    lexical.update(_with_statements(store, health.unlisted), delete=[*health.stale, *health.surplus])
    unkept, lost = store.unkept()
    if unkept and not lost:
        store.write_ledger()
    return health


def open_store(folder: Path, manifest: Manifest, *, chroma_url: str | None = None, needs: Sequence[str] = (CHROMA,)) -> Store:
    """Open the store of an index once its files are seen to be whole. Raises IndexUnusable."""
    check_files(folder, manifest, among=needs)
    database = folder / manifest.data / DATABASE
    if chroma_url is None and not (database.exists() and database.stat().st_size):
        raise IndexUnusable(f'the store of the index "{folder}" is gone; {fix_with(folder)}')
    return Store.open(folder / manifest.data, url=chroma_url, prefix=manifest.data)


def repair(folder: Path, embeddings: Callable[[], PassageEmbeddings], *, chroma_url: str | None = None) -> Health:
    """Bring lexical index and ledger in step with the store and make what is damaged of them, or of the reference, anew.

    Return what was found before. Raises IndexMissing, IndexBusy, IndexUnusable, and what `embeddings` raises, where they are needed.
    """
    with exclusive(folder):
        restore_manifest(folder)
        manifest = read_manifest(folder)
        data = folder / manifest.data
        damaged = broken(data, thorough=True)
        store = open_store(folder, manifest, chroma_url=chroma_url)
        health = sweep(store, lexical := _lexical(data, anew=any(name.startswith("lexical/") for name in damaged)))
        lexical.close()
        store.close()
        if REFERENCE in damaged or not _is_reference(data):
            check_making(folder, manifest, embeddings())
            _save_reference(data, embeddings())
        if not (folder / JOURNAL).exists():
            seal(data, asdict(manifest))
    return health


def _lexical(data: Path, *, anew: bool) -> LexicalIndex:
    with suppress(IndexUnusable):
        if not anew:
            lexical = LexicalIndex.open(data)
            lexical.passage_ids()
            return lexical
    shutil.rmtree(data / "lexical", ignore_errors=True)
    return LexicalIndex.open(data, create=True)


@contextmanager
def writing(
    folder: Path, embeddings: PassageEmbeddings, *, chroma_url: str | None = None, rebuild: bool = False
) -> Iterator[WritableIndex]:
    """Open an index for writing, made if it is not there; the manifest is written when the block ends without an error.

    With `rebuild`, a new data folder is filled and takes the old one's place at the end. Raises IndexBusy, IndexMismatch, IndexUnusable.
    """
    with exclusive(folder):
        if rebuild:
            restore_manifest(folder)
        previous = None
        with suppress(IndexMissing):
            previous = read_manifest(folder)
        if previous and rebuild:
            check_age(folder, previous)
        if previous and not rebuild:
            check_making(folder, previous, embeddings)
            check_files(folder, previous)
        interrupted, unfinished = (folder / JOURNAL).exists(), read_journal(folder)
        manifest = next_manifest(previous, unfinished, embeddings, rebuild=rebuild)
        _drop_others(folder, {manifest.data, previous.data if previous else ""}, unfinished, chroma_url)
        write_manifest(folder / JOURNAL, manifest)
        data = folder / manifest.data
        store = Store.open(data, url=chroma_url, prefix=manifest.data)
        index = WritableIndex(store, LexicalIndex.open(data, create=True), embeddings)
        if interrupted or unfinished or (previous and not rebuild and read_seal(data) is None):  # an earlier Bayan kept no ledger
            sweep(store, index.lexical)
        if previous is None or previous.data != manifest.data:
            seal(data, asdict(manifest), complete=False)
        if not (data / REFERENCE).exists():
            _save_reference(data, embeddings)
        settled = previous is not None and previous.data == manifest.data
        try:
            yield index
            index.lexical.close()
            store.close()
            _complete(folder, manifest, previous, chroma_url)
        except BaseException:
            _give_up(folder, index, previous if settled else None)
            raise
        finally:
            with suppress(BayanError):
                index.lexical.close()
            store.close()


def _complete(folder: Path, manifest: Manifest, previous: Manifest | None, chroma_url: str | None) -> None:
    seal(folder / manifest.data, asdict(manifest))
    write_manifest(folder / MANIFEST, manifest)
    if previous and previous.data != manifest.data:
        _drop(folder, previous.data, chroma_url)
    (folder / JOURNAL).unlink()


def replace_data(folder: Path, data: Path, made: Manifest) -> None:
    """Put a data folder that lies elsewhere, made as `made` says, in the place of an index's own; who calls it holds the lock.

    It gets a name of its own, as after a rebuild, so that readers see it at once and all of it.
    """
    previous = next(iter(sealed_manifests(folder)), None)
    generation = max(previous.generation if previous else 0, made.generation) + 1
    manifest = replace(made, data=f"data-{generation}-{token_hex(4)}", generation=generation)
    store = Store.open(data, prefix=made.data)
    store.rename(made.data, manifest.data)
    store.close()
    os.rename(data, folder / manifest.data)
    seal(folder / manifest.data, asdict(manifest))
    write_manifest(folder / MANIFEST, manifest)
    (folder / JOURNAL).unlink(missing_ok=True)
    _drop_others(folder, {manifest.data}, None, None)


def _drop_others(folder: Path, kept: set[str], unfinished: Manifest | None, chroma_url: str | None) -> None:
    """Remove data folders that were begun and never completed, or whose removal was interrupted."""
    others = [*sealed_manifests(folder), *sealed_manifests(folder, complete=False), *([unfinished] if unfinished else [])]
    for data in {manifest.data for manifest in others} - kept:
        _drop(folder, data, chroma_url)


def _drop(folder: Path, data: str, chroma_url: str | None) -> None:
    """Remove a data folder that no longer counts, and its collections on a Chroma server."""
    shutil.rmtree(folder / data, ignore_errors=True)
    if chroma_url:
        Store.drop(chroma_url, prefix=data)


def _save_reference(data: Path, embeddings: PassageEmbeddings) -> None:
    """Embed the reference sentences of both languages, so that a small index too knows what unrelated texts look like."""
    vectors = {code: embeddings.embed_passages_array(entries(f"reference.{code}.txt")) for code in LANGUAGES}
    with open(data / f"{REFERENCE}.partial", "wb") as file:
        np.savez(file, allow_pickle=False, **dict(vectors))
    os.replace(data / f"{REFERENCE}.partial", data / REFERENCE)


def _load_reference(folder: Path, data: str) -> dict[Language, Floats]:
    path = folder / data / REFERENCE
    try:
        with np.load(path) as file:
            return {code: file[code] for code in LANGUAGES}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
        raise IndexUnusable(f'the file "{path}" of the index is missing or damaged ({error}); {fix_with(folder)}') from error


def _is_reference(data: Path) -> bool:
    try:
        return bool(_load_reference(data.parent, data.name))
    except IndexUnusable:
        return False


def _give_up(folder: Path, index: WritableIndex, manifest: Manifest | None) -> None:
    """Sweep up after a run that ended with an error; what cannot be swept now is left to the next run, which the journal tells.

    `manifest`: of the index that goes on to count with what was written, if it does.
    """
    with suppress(BayanError, OSError):
        sweep(index.store, index.lexical)
        index.lexical.close()
        index.store.close()
        if manifest:
            seal(folder / manifest.data, asdict(manifest))
            (folder / JOURNAL).unlink()


def _with_statements(store: Store, passage_ids: Sequence[str]) -> Iterator[tuple[Passage, Statement]]:
    for begin in range(0, len(passage_ids), PAGE):
        passages = [item.passage for item in store.passages(passage_ids[begin : begin + PAGE]).values()]
        statements = store.statements(list({passage.statement_id for passage in passages}))
        yield from ((passage, statements[passage.statement_id]) for passage in passages)


def embedded_texts(statement: Statement, passage: Passage) -> list[str]:
    """Return what is embedded of a passage: itself, then each of its sentences under their statement's title.

    A sentence of a statement speaks of "the ministry" and "the incident"; the title says which. On the sample statements it lifts the
    share of questions whose answer stands in the two best sentences from .61 to .72.
    """
    sentences = [statement.text[span.start : span.end] for span in passage.sentences]
    title = statement.title[:MAX_TITLE]
    return [passage.text, *(f"{title}\n{text}" if title else text for text in sentences)]
