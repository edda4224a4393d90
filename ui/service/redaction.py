"""What readers are told of where statements and words come from: files of this machine and models at an endpoint by their names alone.

Whoever is let in may read the statements; how the server's folders and network are laid out is for those who run it (`bayan statements`,
`bayan doctor`). The names are among the keys by which filters find a source, see `rag/index/filters.py`.

    Redacted(Assistant.open("index")).search("متى تبدأ الدراسة؟")[0].source  # "school-year.md"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from rag.generation.models import without_address
from rag.index.filters import source_name
from rag.schema import Answer, Citation, Completed, Copy, Event, Facets, Filters, Hit, IngestReport, Problem, Quote, Retrieved, Statement

if TYPE_CHECKING:
    from rag.assistant import Assistant

Record = TypeVar("Record")


class Redacted:
    """What the doors need of an assistant, its records as readers are told them."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def stream(self, question: str, **options: Any) -> Iterator[Event]:
        """Answer step by step."""
        for event in self._assistant.stream(question, **options):
            yield told(event)

    def search(self, query: str, **options: Any) -> list[Hit]:
        """Search."""
        return [told(hit) for hit in self._assistant.search(query, **options)]

    def around(self, passage_id: str, **options: Any) -> Quote:
        """Return a passage with its neighbours."""
        return self._assistant.around(passage_id, **options)

    def facets(self, filters: Filters | None = None) -> Facets:
        """Count the statements; folders of one name are counted together, as a filter of that name finds them."""
        return told(self._assistant.facets(filters))

    def statements(self) -> list[Statement]:
        """Return every statement."""
        return [told(statement) for statement in self._assistant.statements()]

    def statement(self, statement_id: str) -> Statement:
        """Return one statement."""
        return told(self._assistant.statement(statement_id))


def told(record: Record) -> Record:
    """Return a record as readers are told it."""
    return replace(record, **_changes(record))  # type: ignore[type-var]


def _changes(record: object) -> dict[str, Any]:
    match record:
        case Statement(source=source, place=place, also_at=also_at):
            return {"source": source_name(source), "place": place and source_name(place), "also_at": tuple(map(source_name, also_at))}
        case Hit(source=source, copies=copies):
            return {"source": source_name(source), "copies": tuple(map(told, copies))}
        case Citation(source=source) | Copy(source=source):
            return {"source": source_name(source)}
        case Answer(model=model, citations=citations, nearest=nearest):
            named = model and without_address(model)
            return {"model": named, "citations": tuple(map(told, citations)), "nearest": tuple(map(told, nearest))}
        case Retrieved(hits=hits):
            return {"hits": tuple(map(told, hits))}
        case Completed(answer=answer):
            return {"answer": told(answer)}
        case Facets(sources=sources):
            counts: Counter[str] = Counter()
            for source, count in sources.items():
                counts[source_name(source)] += count
            return {"sources": dict(counts.most_common())}
        case Problem(source=source, reason=reason):
            return {"source": source_name(source), "reason": reason.replace(source, source_name(source))}
        case IngestReport(rejected=rejected, warnings=warnings):
            return {"rejected": tuple(map(told, rejected)), "warnings": tuple(map(told, warnings))}
    return {}
