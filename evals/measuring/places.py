"""Where a set is asked: the user's index, or an index of the set's own corpus, made once and kept in the cache.

[place] = find_places(read_sets([Path("xquad-dev.ar.json")]), settings)
place.settings.index, place.statements["p0001"].text
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from evals.questions.overlap import holds
from evals.questions.questions import Document, EvalSet, Question, SetError, at
from ingest.passages import split
from rag.build import list_statements, open_writing
from rag.embedding.local import LAYOUTS, engine_of
from rag.errors import IndexMissing
from rag.index.manifest import FORMAT
from rag.language import TEXT_VERSION, language_of
from rag.schema import Statement
from rag.settings import Settings

BATCH_STATEMENTS = 32
Stage = Literal["embedding", "asking"]
Watch = Callable[[Stage, int, int], None]  # told how many statements are embedded, or questions asked, of how many


def unwatched(stage: Stage, done: int, total: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True)
class Place:
    """A set with the index it is asked of. Statements are named in full; `warnings`: what looks wrong but can be run."""

    found: EvalSet
    settings: Settings
    statements: Mapping[str, Statement]
    warnings: tuple[str, ...] = ()


def find_places(sets: Sequence[EvalSet], settings: Settings, *, needs_index: bool = True, watch: Watch = unwatched) -> list[Place]:
    """Check the sets against their indexes, then make the indexes that are missing.

    Raises SetError naming every statement that is not there, and IndexMissing unless the system under test needs no index.
    """
    problems: list[str] = []
    indexed: Mapping[str, Statement] = {}
    if any(found.corpus is None for found in sets):
        indexed = _indexed(settings, must_exist=needs_index)
    places = [_in_index(found, settings, indexed, problems) if found.corpus is None else _own(found, settings) for found in sets]
    places = [replace(place, warnings=(*_waiting(place.found), *place.warnings)) for place in places]
    if problems:
        raise SetError(problems)
    if needs_index:
        for place in places:
            if place.found.corpus is not None:
                _make_index(place, watch)
    return places


def _waiting(found: EvalSet) -> Iterator[str]:
    if found.proposed:
        yield f'"{found.path}": {found.proposed} questions that a model proposed are left out until you accept them: bayan eval accept'


# The user's index


def _indexed(settings: Settings, *, must_exist: bool) -> dict[str, Statement]:
    try:
        return {statement.statement_id: statement for statement in list_statements(settings)}
    except IndexMissing:
        if must_exist:
            raise
        return {}


def _in_index(found: EvalSet, settings: Settings, statements: Mapping[str, Statement], problems: list[str]) -> Place:
    if not statements:  # a peer is asked, without an index to check against
        return Place(found, settings, {})
    by_file = {Path(statement.source).stem: key for key, statement in statements.items()}
    questions, warnings = [], []
    for question in found.questions:
        named = question.statement
        if named is not None and named not in statements and named not in by_file:
            problems.append(f'{at(found.path, question.line)}: no statement of the index is "{named}"; `bayan statements` lists them')
            continue
        question = replace(question, statement=named if named in statements or named is None else by_file[named])
        warnings += [f"{at(found.path, question.line)}: {sentence}" for sentence in _doubts(question, statements)]
        questions.append(question)
    unknown = sorted({key for grades in (found.qrels or {}).values() for key in grades} - set(statements))
    problems += [f'"{found.path}": the judged statement "{key}" is not in the index' for key in unknown]
    return Place(replace(found, questions=tuple(questions)), settings, statements, tuple(warnings))


def _doubts(question: Question, statements: Mapping[str, Statement]) -> Iterator[str]:
    """Evidence that no quote can ever hold."""
    for stretch in question.evidence:
        if not any(holds(statement.text, stretch) for statement in statements.values()):
            yield f'the evidence "{stretch}" is in no statement of the index'


# An index of the set's own


def _own(found: EvalSet, settings: Settings) -> Place:
    statements = {document.document_id: _statement(document) for document in found.corpus or ()}
    making = (
        digest_of([asdict(document) for document in found.corpus or ()]),
        settings.embedding,
        LAYOUTS[engine_of(settings.embedding, settings.embedding_engine)],
        FORMAT,
        TEXT_VERSION,
        settings.passage_chars,
    )
    folder = settings.cache / "evals" / digest_of(making)[:16]  # sets that bring the same texts share one
    return Place(found, settings.model_copy(update={"index": folder, "chroma_url": None}), statements)


def _statement(document: Document) -> Statement:
    """A document as a statement; it is taken whole, for nothing in it was left behind by a web page."""
    text = document.text
    return Statement(
        document.document_id, digest_of(asdict(document))[:16], text, document.title, None, None, document.document_id, language_of(text)
    )


def _make_index(place: Place, watch: Watch) -> None:
    if (place.settings.index / "manifest.json").exists():  # written last: the index is whole
        return
    with open_writing(place.settings) as index:
        there = index.store.revisions()  # an interrupted making goes on where it was
        missing = [statement for statement in place.statements.values() if there.get(statement.statement_id) != statement.revision]
        done, total = len(place.statements) - len(missing), len(place.statements)
        for batch in _batches(missing):
            watch("embedding", done, total)
            index.put([(statement, split(statement, max_chars=place.settings.passage_chars)) for statement in batch])
            done += len(batch)
        watch("embedding", done, total)


def _batches(statements: Sequence[Statement]) -> Iterator[Sequence[Statement]]:
    return (statements[begin : begin + BATCH_STATEMENTS] for begin in range(0, len(statements), BATCH_STATEMENTS))


def digest_of(value: object) -> str:
    """Return the SHA-256 of a value by its JSON."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str).encode()).hexdigest()
