"""The ingest run, readable top-down: find the files, read each, clean it, split it, write what changed.

One bad file never stops the rest: it is in the report with the reason. Running again changes nothing. Knows nothing of questions.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path

from tqdm import tqdm

from ingest.clean import find_title, leftovers, titles
from ingest.errors import refuse
from ingest.passages import merge_cuts, split
from ingest.readers import READERS, Document, read
from rag.build import list_statements, open_writing
from rag.errors import SourceError, UnknownStatement
from rag.index import WritableIndex
from rag.language import TEXT_VERSION, language_of
from rag.schema import IngestReport, Passage, Problem, Statement
from rag.settings import Settings, load_settings

BATCH_PASSAGES = 64  # embedded and written together: what a kill can lose of the work, never of the index
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SLUG = re.compile(r"[^\w.]+")


def ingest(
    sources: Sequence[str | Path],
    *,
    index: str | Path | None = None,
    settings: Settings | None = None,
    prune: bool = False,
    progress: bool = False,
) -> IngestReport:
    """Add or update the statements in files and folders; with `prune`, also remove those whose files are gone from the folders.

    Raises SourceError when a path does not exist, and the Index… and ModelError family; whatever is wrong with single files is reported.
    """
    settings = settings or load_settings(index=index)
    started, run = time.perf_counter(), _Run()
    files = _find_files(sources, run)
    with open_writing(settings) as writable:
        known = {statement.source: statement for statement in writable.store.all_statements()}
        files.sort(key=lambda path: str(path) not in known)  # a changed file lets go of its text before a copy of it is read
        changed = _changed(_progress(files, progress), known, run, settings.passage_chars)
        for batch in _batches(changed, settings.passage_chars):
            run.passages += writable.put(batch)
        if prune:
            _prune(writable, sources, run)
    return run.report(time.perf_counter() - started)


def remove(statement_ids: Sequence[str], *, index: str | Path | None = None, settings: Settings | None = None) -> list[str]:
    """Remove statements by id, or by the beginning of an id that fits one only; return the full ids.

    Raises UnknownStatement naming every id that fits none or several; nothing is removed then.
    """
    with open_writing(settings or load_settings(index=index), must_exist=True) as writable:
        full = _resolve_ids(statement_ids, sorted(writable.store.revisions()))
        writable.remove(full)
    return full


def rebuild(*, index: str | Path | None = None, settings: Settings | None = None, progress: bool = False) -> IngestReport:
    """Make the index anew from the statements it holds, with the model and text processing of today; the sources are not needed."""
    settings = settings or load_settings(index=index)
    started, run = time.perf_counter(), _Run()
    statements = list_statements(settings)
    with open_writing(settings, rebuild=True) as writable:
        again = (_with_revision(statement, settings.passage_chars) for statement in _progress(statements, progress))
        for batch in _batches(again, settings.passage_chars):
            run.passages += writable.put(batch)
            run.updated += len(batch)
    return run.report(time.perf_counter() - started)


@dataclass
class _Run:
    """What a run has done so far."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    passages: int = 0
    rejected: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def report(self, seconds: float) -> IngestReport:
        counts = (self.added, self.updated, self.unchanged, self.removed, self.passages)
        return IngestReport(*counts, tuple(self.rejected), tuple(self.warnings), round(seconds, 3))


def _find_files(sources: Sequence[str | Path], run: _Run) -> list[Path]:
    """The files meant by `sources`: each file itself, and those below a folder. Hidden ones and links out of it are passed over."""
    found: dict[Path, None] = {}
    for source in sources:
        if _ADDRESS.match(str(source)):
            raise refuse(source, "is an address; save the page as HTML and ingest the file")
        path = Path(source)
        if not path.exists():
            raise refuse(source, "does not exist; give a file or a folder of statements")
        if path.is_dir():
            found |= dict.fromkeys(_files_below(path.resolve(), run))
        else:
            found[path.resolve()] = None
    if not found and not run.rejected:
        raise refuse(", ".join(map(str, sources)), f"holds no file to read; supported are {', '.join(sorted(READERS))}")
    return list(found)


def _files_below(folder: Path, run: _Run) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and folder in path.resolve().parents and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _changed(files: Iterable[Path], known: dict[str, Statement], run: _Run, passage_chars: int) -> Iterator[Statement]:
    """Read each file; count it, and yield its statement when it is new, moved or differs from what the index holds."""
    by_text = {statement.text: statement for statement in known.values()}
    for path in files:
        try:
            statement = _statement(path, read(path), run)
        except SourceError as error:
            run.rejected.append(Problem(str(path), str(error)))
            continue
        before, twin = known.get(statement.source), by_text.get(statement.text)
        if before is None and twin and Path(twin.source).exists():
            run.unchanged += 1
            run.warnings.append(Problem(str(path), f'"{path}" holds the same text as "{twin.source}"; kept once, as "{twin.statement_id}"'))
            continue
        old = before or twin  # a twin whose file is gone is this file under its old name
        key = old.statement_id if old else _free_id(statement.statement_id, known.values(), by_text.values())
        statement = _with_revision(replace(statement, statement_id=key), passage_chars)
        if before and before.revision == statement.revision:
            run.unchanged += 1
            continue
        run.updated += old is not None
        run.added += old is None
        if old:
            by_text.pop(old.text, None)
        by_text[statement.text] = statement
        yield statement


def _free_id(wanted: str, *taken: Iterable[Statement]) -> str:
    """The id, numbered when a statement has it whose text has changed since it was given."""
    ids = {statement.statement_id for statements in taken for statement in statements}
    return next(key for key in chain([wanted], (f"{wanted}-{n}" for n in count(2))) if key not in ids)


def _statement(path: Path, document: Document, run: _Run) -> Statement:
    """Give a document its title, its cuts and an id made of its name and text."""
    run.warnings.extend(Problem(str(path), warning) for warning in document.warnings)
    cuts = [*document.cuts, *leftovers(document.text)]
    line = find_title(document.text, cuts)
    first_line = document.text[line.start : line.end].strip() if line else None
    title = document.title or first_line or path.stem
    cuts.extend(titles(document.text, title, cuts))
    return Statement(
        statement_id=f"{_slug(path.stem)}-{_digest(document.text)[:8]}",
        revision="",
        text=document.text,
        title=title,
        issuer=document.issuer,
        date=document.date,
        source=str(path),
        language=language_of(document.text),
        cuts=merge_cuts(cuts),
    )


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
    """Remove the statements whose files lay below an ingested folder and exist no more."""
    folders = [Path(source).resolve() for source in sources if Path(source).is_dir()]
    gone = [
        statement.statement_id
        for statement in writable.store.all_statements()
        if any(folder in Path(statement.source).parents for folder in folders) and not Path(statement.source).exists()
    ]
    writable.remove(gone)
    run.removed += len(gone)


def _resolve_ids(wanted: Sequence[str], existing: Sequence[str]) -> list[str]:
    fits = {name: [key for key in existing if key == name] or [key for key in existing if key.startswith(name)] for name in wanted}
    problems = [f'"{name}" fits {", ".join(keys) or "no statement"}' for name, keys in fits.items() if len(keys) != 1]
    if problems:
        raise UnknownStatement(f"{'; '.join(problems)}; `bayan statements` lists the ids, nothing was removed")
    return [keys[0] for keys in fits.values()]


def _progress(items: Sequence[Path] | Sequence[Statement], show: bool) -> Iterable:  # type: ignore[type-arg]
    return tqdm(items, desc="statements", unit="", disable=None if show else True, leave=False)


def _slug(stem: str) -> str:
    return _SLUG.sub("-", stem).strip("-.").lower() or "statement"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
