"""The ingest run, readable top-down: find the sources, read each, clean it, split it, write what changed.

One bad file never stops the rest: it is in the report with the reason. Running again changes nothing. Knows nothing of questions.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ingest.bounds import bounded
from ingest.clean import find_date_line, find_title, titles
from ingest.errors import refuse
from ingest.known import Entry, Known, digest, entry
from ingest.metadata import reckoned_date, written_date
from ingest.passages import merge_cuts, split
from ingest.prefetch import read_ahead, usual_workers
from ingest.readers import Document, load
from ingest.readers.document import mended, without_halves
from ingest.sandbox import Worker
from ingest.sidecar import with_sidecar
from ingest.sources import Reading, below, exists, file_of, find_sources, place_of
from rag.bounds import brief
from rag.build import open_salvage, open_writing
from rag.errors import SourceError, UnknownStatement
from rag.index.folder import WritableIndex, embedded_texts
from rag.index.manifest import PassageEmbeddings
from rag.language import TEXT_VERSION, language_of
from rag.language.taken import Taken
from rag.schema import Cut, Heading, IngestReport, Passage, Problem, Statement
from rag.settings import Settings, load_settings

if TYPE_CHECKING:
    from ingest.web.sites import Sites
    from rag.index.damage import Salvage

BATCH_PASSAGES = 128  # embedded and written together: what a kill can lose of the work, never of the index
_SLUG = re.compile(r"[^\w.]+")


def ingest(
    sources: Sequence[str | Path],
    *,
    index: str | Path | None = None,
    settings: Settings | None = None,
    prune: bool = False,
    columns: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: bool = False,
    read: Callable[[Sequence[Path]], Generator[Reading]] | None = None,
    embeddings: PassageEmbeddings | None = None,
) -> IngestReport:
    """Add or update the statements in files, in folders and at addresses; with `prune`, also remove those that are gone from there.

    `columns`: what the columns of tables are called, as in {"text": "body"}, beside the names that are known. A table or archive that has
    changed lets go of the statements that it no longer holds, if all of it can be read. `workers`: how many files are read side by side,
    each in a process of its own, while others are embedded and written; one a processor unless given, at most four. `read` and
    `embeddings` take the places of reading here and of the settings' model, as `ingest.on_ray` does.

    Raises SourceError when a path does not exist, and the Index… and ModelError family; whatever is wrong with single files is reported.
    """
    settings = settings or load_settings(index=index)
    started, run = time.perf_counter(), _Run()
    files, addresses = find_sources(sources)
    with open_writing(settings, embeddings=embeddings) as writable:
        known = list(map(entry, writable.store.all_statements()))
        places = {file_of(held.read_from) for held in known}
        files.sort(key=lambda path: str(path) not in places)  # a changed file lets go of its text before a copy of it is read
        bar = _bar(progress, total=len(files) + len(addresses))
        ahead = read(files) if read else read_ahead(files, partial(read_path, columns=columns or {}), workers=workers or usual_workers())
        readings = _readings(ahead, addresses, places, settings, columns or {}, bar)
        changed = _changed(readings, known, run, settings.passage_chars)
        for batch in _batches(changed, settings.passage_chars):
            run.passages += writable.put(batch)
        _remove(writable, run.gone, run)
        if prune:
            _prune(writable, sources, run)
        _note_copies(writable, {held.statement_id for held in known if held.also_at}, run, prune=prune)
    return run.report(time.perf_counter() - started)


def remove(statement_ids: Sequence[str], *, index: str | Path | None = None, settings: Settings | None = None) -> list[str]:
    """Remove statements by id, or by the beginning of an id that fits one only; return the full ids.

    Raises UnknownStatement naming every id that fits none or several; nothing is removed then.
    """
    with open_writing(settings or load_settings(index=index), must_exist=True) as writable:
        full = _resolve_ids(statement_ids, sorted(writable.store.revisions()))
        writable.remove(full)
    return full


def rebuild(
    *, index: str | Path | None = None, settings: Settings | None = None, progress: bool = False, kept: Salvage | None = None
) -> IngestReport:
    """Make the index anew from the statements it holds, with the model and text processing of today.

    Neither the sources nor the vectors are needed, and of texts one whole copy is enough; what is lost for good is in the report. With
    `kept`, from these texts, wherever they are from.
    """
    settings = settings or load_settings(index=index)
    started, run = time.perf_counter(), _Run()
    with (
        open_writing(settings, must_exist=kept is None, rebuild=True) as writable,
        nullcontext(kept) if kept else open_salvage(settings) as texts,
    ):
        bar = _bar(progress, total=texts.count())
        again = (_with_revision(statement, settings.passage_chars) for statement in _counted(texts.statements(), bar))
        for batch in _batches(again, settings.passage_chars):
            run.passages += writable.put(batch)
            run.updated += len(batch)
        writable.store.write_versions(list(texts.versions()))
        run.rejected += texts.problems
    return run.report(time.perf_counter() - started)


@dataclass
class _Run:
    """What a run has done so far."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    passages: int = 0
    left_out: int = 0  # lines
    rejected: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    read: set[str] = field(default_factory=set)  # places
    copies: dict[str, set[str]] = field(default_factory=dict)  # statement id → places that hold the same text
    gone: list[str] = field(default_factory=list)  # ids of statements that their table or archive no longer holds
    vanished: list[str] = field(default_factory=list)  # of those whose addresses have nothing any more

    def report(self, seconds: float) -> IngestReport:
        counts = (self.added, self.updated, self.unchanged, self.removed, self.passages)
        return IngestReport(*counts, tuple(self.rejected), tuple(self.warnings), round(seconds, 3), self.left_out)


def _readings(
    ahead: Generator[Reading],
    addresses: Sequence[str],
    known: Collection[str],
    settings: Settings,
    columns: Mapping[str, str],
    bar: tqdm[Any],
) -> Iterator[Reading]:
    """What is read of the files, then addresses one after the other; `known` holds the places from which the index has statements."""
    with bar, ExitStack() as stack:
        for reading in stack.enter_context(closing(ahead)):
            yield reading
            bar.update()
        if not addresses:
            return
        sites = stack.enter_context(_opened_sites(settings, stack.enter_context(Worker()), known, columns))
        for address in addresses:
            yield from sites.read(address)
            bar.update()


@contextmanager
def _opened_sites(settings: Settings, worker: Worker, known: Collection[str], columns: Mapping[str, str]) -> Iterator[Sites]:
    """What servers said is remembered once all that they sent is in the index."""
    from ingest.web.fetch import Fetcher
    from ingest.web.sites import Sites
    from ingest.web.visits import Visits

    visits = Visits(settings.index)
    with Fetcher(allow_private=settings.allow_private, delay_s=settings.fetch_delay_s) as fetcher:
        yield Sites(fetcher, worker, visits, known=known, columns=columns)
    visits.save()


def _changed(readings: Iterable[Reading], known: Sequence[Entry], run: _Run, passage_chars: int) -> Iterator[Statement]:
    """Count what was read, and yield every statement that is new, moved or differs from what the index holds."""
    index = Known(known)
    for reading in readings:
        run.rejected.extend(Problem(problem.source, brief(problem.reason)) for problem in reading.problems)
        if reading.unchanged:
            run.unchanged += len(index.in_file(reading.place))
            continue
        claimed: set[str] = set()
        # What the index holds goes first: rows that have moved within their table then keep their statements.
        for document in sorted(_documents(reading), key=lambda document: not index.holds(document.text)):
            place = place_of(reading.place, document.part)
            statement = _statement(reading, place, document, run)
            old, twin = index.match(statement, claimed)
            run.read.add(place)
            if twin:
                run.unchanged += 1
                reason = f'"{place}" holds the same text as "{twin.read_from}"; kept once, as "{twin.statement_id}"'
                run.warnings.append(Problem(place, reason))
                run.copies.setdefault(twin.statement_id, set()).add(place)
                continue
            known_as = old.statement_id if old else index.free_id(statement.statement_id)
            statement = replace(statement, statement_id=known_as, also_at=old.also_at if old else ())
            statement = _with_revision(statement, passage_chars)
            claimed.add(statement.statement_id)
            new = entry(statement)
            if old == new:
                run.unchanged += 1
                continue
            run.updated += old is not None
            run.added += old is None
            run.left_out += len(statement.left_out)
            index.replace(old, new)
            yield statement
        if reading.whole:
            run.gone += [key for key in index.in_file(reading.place) if key not in claimed]
        if reading.gone:
            run.vanished += index.in_file(reading.place)


def embedded_by(reading: Reading, passage_chars: int, *, known: Collection[bytes]) -> Iterator[str]:
    """Yield what an ingest would embed of a reading, without the statements whose texts, by their digests, are `known`."""
    for document in _documents(reading):
        statement = _statement(reading, place_of(reading.place, document.part), document, _Run())
        if digest(statement.text) not in known:
            for passage in split(statement, max_chars=passage_chars):
                yield from embedded_texts(statement, passage)


def read_path(path: Path, worker: Worker, *, columns: Mapping[str, str]) -> Reading:
    """Read a file, with what its side-car says."""
    if (name := without_halves(str(path))) != str(path):
        reason = refuse(name, "has a name that is no text in any encoding; rename it")
        return Reading(name, (), (Problem(name, str(reason)),), whole=False)
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        for found in worker.read(load(path, columns=columns)):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                documents.append(with_sidecar(found, path))
    except SourceError as error:
        problems.append(Problem(str(path), str(error)))
    return Reading(str(path), tuple(documents), tuple(problems), stem=path.stem, whole=not problems)


def _documents(reading: Reading) -> Iterator[Document]:
    """What was read as it can be kept, side-cars and lists of addresses included: whole characters, nothing longer than it can be."""
    return (bounded(mended(document)) for document in reading.documents)


def _statement(reading: Reading, place: str, document: Document, run: _Run) -> Statement:
    """Give a document its title, its cuts and an id made of its name and text."""
    run.warnings.extend(Problem(place, brief(warning)) for warning in document.warnings)
    cuts = [*document.cuts]
    line = find_title(document.text, cuts)
    first_line = document.text[line.start : line.end].strip() if line else None
    title = document.title or first_line or reading.stem
    origins = document.origins if document.title else {**document.origins, "title": "first line" if first_line else "file name"}
    cuts.extend(titles(document.text, title, cuts))
    dated = document.date
    if line := find_date_line(document.text, cuts):
        cuts.append(Cut(line.start, line.end, "date line"))
        said = document.text[line.start : line.end]
        if not dated and (dated := written_date(said)):
            origins = {**origins, "date": "date line"}
        elif not dated and (dated := reckoned_date(said)):
            origins = {**origins, "date": "date line, reckoned from the Hijri calendar"}
            reason = f'its date {dated} is reckoned from "{said}" and can be a day off; if it is, write it into a side-car "NAME.meta.toml"'
            run.warnings.append(Problem(place, reason))
    headings = _headings(document, cuts)
    return Statement(
        statement_id=f"{_slug(reading.stem)}-{_digest(document.text)[:8]}",
        revision="",
        text=document.text,
        title=title,
        issuer=document.issuer,
        date=dated,
        source=document.source or place,
        language=document.language or language_of(document.text),
        cuts=merge_cuts(cuts),
        pages=document.pages,
        origins={name: origin for name, origin in origins.items() if {"headings": headings, "source": document.source}.get(name, True)},
        place=place if document.source else None,
        headings=headings,
        left_out=document.left_out,
    )


def _headings(document: Document, cuts: Sequence[Cut]) -> tuple[Heading, ...]:
    """The document's headings but the title and those of web leftovers."""
    taken = Taken(len(document.text), cuts)
    return tuple(heading for heading in document.headings if heading.start not in taken)


def _with_revision(statement: Statement, passage_chars: int) -> Statement:
    """Set the revision: a digest of everything that decides what the statement's passages are and say."""
    parts = (statement.text, statement.title, statement.issuer, statement.date, statement.cuts, TEXT_VERSION, passage_chars)
    return replace(statement, revision=_digest(repr(parts))[:16])


def _batches(statements: Iterable[Statement], passage_chars: int) -> Iterator[list[tuple[Statement, list[Passage]]]]:
    batch: list[tuple[Statement, list[Passage]]] = []
    for statement in statements:
        batch.append((statement, split(statement, max_chars=passage_chars)))
        if sum(len(passages) for _, passages in batch) >= BATCH_PASSAGES:
            yield batch
            batch = []
    if batch:
        yield batch


def _prune(writable: WritableIndex, sources: Sequence[str | Path], run: _Run) -> None:
    """Remove the statements whose files lay below an ingested folder and exist no more, and those whose addresses are gone."""
    folders = [Path(source).resolve() for source in sources if Path(source).is_dir()]
    statements = list(writable.store.all_statements())
    gone = [s.statement_id for s in statements if below(s.read_from, folders) and not exists(s.read_from)]
    _remove(writable, [*gone, *run.vanished], run)


def _note_copies(writable: WritableIndex, before: set[str], run: _Run, *, prune: bool) -> None:
    """Write down where else statements were read; `before`: ids of those that were known to be elsewhere."""
    changed = []
    for key, statement in writable.store.statements(list({*before, *run.copies})).items():
        still = {place for place in statement.also_at if place not in run.read and (exists(place) or not prune)}
        also_at = tuple(sorted((still | run.copies.get(key, set())) - {statement.read_from}))
        if also_at != statement.also_at:
            changed.append(replace(statement, also_at=also_at))
    writable.store.write_statements(changed)


def _remove(writable: WritableIndex, statement_ids: Sequence[str], run: _Run) -> None:
    writable.remove(statement_ids)
    run.removed += len(statement_ids)


def _resolve_ids(wanted: Sequence[str], existing: Sequence[str]) -> list[str]:
    fits = {name: [key for key in existing if key == name] or [key for key in existing if key.startswith(name)] for name in wanted}
    problems = [f'"{name}" fits {", ".join(keys) or "no statement"}' for name, keys in fits.items() if len(keys) != 1]
    if problems:
        raise UnknownStatement(f"{'; '.join(problems)}; `bayan statements` lists the ids, nothing was removed")
    return [keys[0] for keys in fits.values()]


def _bar(show: bool, *, total: int) -> tqdm[Any]:
    """What shows how many are done, how many a second and how long the rest will take."""
    return tqdm(desc="statements", unit="", total=total, disable=None if show else True, leave=False)


def _counted(statements: Iterable[Statement], bar: tqdm[Any]) -> Iterator[Statement]:
    with bar:
        for statement in statements:
            yield statement
            bar.update()


def _slug(stem: str) -> str:
    return _SLUG.sub("-", stem).strip("-.").lower() or "statement"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
