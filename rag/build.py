"""The composition root: settings in, assembled parts out. Concrete classes are picked here only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import IndexUnusable, UnknownStatement
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from rag.embedding.local import Asked, LocalEmbeddings
    from rag.generation.generate import Writer
    from rag.index.damage import Salvage
    from rag.index.folder import Index, WritableIndex
    from rag.index.manifest import PassageEmbeddings
    from rag.index.store import Store
    from rag.retrieval.reranker import Reranker
    from rag.retrieval.retriever import Retriever
    from rag.schema import Account, Facets, Filters, Statement


def open_embeddings(settings: Settings) -> LocalEmbeddings:
    """Open the embedding model that the settings name, once in a process. Raises ModelError."""
    return _embeddings(settings.embedding, settings.cache, settings.offline, settings.embedding_engine)


@cache  # half a gigabyte once loaded: the chat and an evaluation or an ingest beside it share one
def _embeddings(name: str, folder: Path, offline: bool, engine: Asked) -> LocalEmbeddings:
    if name.startswith("openai:"):
        from rag.embedding.endpoint import EndpointEmbeddings

        return EndpointEmbeddings(name)  # type: ignore[return-value]  # it is asked the same
    from rag.embedding.local import open_embeddings as load

    return load(name, cache=folder, offline=offline, engine=engine)


def open_index(settings: Settings, embeddings: LocalEmbeddings) -> Index:
    """Open the index for reading. Raises IndexMissing, IndexMismatch, IndexUnusable."""
    from rag.index.folder import Index

    return Index.open(settings.index, embeddings, chroma_url=settings.chroma_url)


def open_retriever(settings: Settings) -> Retriever:
    """Open model and index for searching. A missing index is told of before a model is loaded."""
    from rag.index.manifest import read_manifest
    from rag.retrieval.retriever import Retriever

    read_manifest(settings.index)
    embeddings = open_embeddings(settings)
    embeddings.load()  # a model that cannot be loaded is told of now, not at the first question
    return Retriever(open_index(settings, embeddings), embeddings, _open_reranker(settings))


def _open_reranker(settings: Settings) -> Reranker | None:
    if settings.reranker == "none":
        return None
    from rag.retrieval.reranker import open_reranker

    return open_reranker(settings.reranker, budget_ms=settings.rerank_budget_ms, offline=settings.offline)


def open_llm(settings: Settings) -> BaseChatModel | None:
    """Set the language model of the settings up, None when there is none. Raises SettingsError, ModelError."""
    from rag.generation.models import NONE, open_chat_model

    if settings.llm == NONE:
        return None
    limits: dict[str, Any] = {"timeout_s": settings.llm_timeout_s, "context": settings.llm_context}
    return open_chat_model(settings.llm, **limits, cache=settings.cache, offline=settings.offline)


def open_writer(settings: Settings) -> Writer | None:
    """Set up what words answers with the language model of the settings, None when there is none. Raises SettingsError, ModelError."""
    from rag.generation.generate import Writer

    model = open_llm(settings)
    return Writer(model, settings.llm, timeout_s=settings.llm_timeout_s, context=settings.llm_context) if model else None


def list_statements(settings: Settings) -> list[Statement]:
    """Return the statements of an index, newest first; no model is loaded. Raises IndexMissing, IndexUnusable."""
    with open_store(settings) as store:
        return newest_first(store.all_statements())


def account(settings: Settings, statement_id: str) -> Account:
    """Return a statement with its earlier texts and those nearly the same; the beginning of an id is enough. Raises UnknownStatement."""
    from rag.index.near_duplicates import related, versions
    from rag.schema import Account

    with open_store(settings) as store:
        fits = [key for key in store.revisions() if key.startswith(statement_id)]
        full = statement_id if statement_id in fits else fits[0] if len(fits) == 1 else ""
        if not full:
            raise UnknownStatement(f'"{statement_id}" fits {", ".join(fits) or "no statement"}; `bayan statements` lists the ids')
        statement = store.statements([full])[full]
        earlier = versions(statement, store.versions(full))
        return Account(statement, tuple(earlier), tuple(related(statement, store.sketches(), store.statements)))


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """Open the store of an index for reading; no model is loaded. Raises IndexMissing, IndexUnusable."""
    from rag.index.folder import open_store as opened
    from rag.index.manifest import read_manifest

    store = opened(settings.index, read_manifest(settings.index), chroma_url=settings.chroma_url)
    try:
        yield store
    finally:
        store.close()


def open_salvage(settings: Settings) -> AbstractContextManager[Salvage]:
    """Open what can be read of the texts of an index that may be damaged. Raises IndexMissing, IndexUnusable."""
    from rag.index.damage import salvage
    from rag.index.manifest import read_manifest

    return salvage(settings.index, read_manifest(settings.index), chroma_url=settings.chroma_url)


def count_statements(settings: Settings, filters: Filters | None = None) -> Facets:
    """Count the statements that pass the filters; no model is loaded. Raises FilterError, IndexMissing, IndexUnusable."""
    from rag.index.filters import checked
    from rag.index.lexical import LexicalIndex
    from rag.index.manifest import check_files, read_manifest

    filters = checked(filters)
    check_files(settings.index, manifest := read_manifest(settings.index), among=("lexical/",))
    return LexicalIndex.open(settings.index / manifest.data).facets(filters)


def newest_first(statements: Iterable[Statement]) -> list[Statement]:
    """Order statements by date, newest first, those without a date last."""
    return sorted(statements, key=lambda statement: (statement.date or "", statement.title), reverse=True)


@contextmanager
def open_writing(
    settings: Settings, *, must_exist: bool = False, rebuild: bool = False, embeddings: PassageEmbeddings | None = None
) -> Iterator[WritableIndex]:
    """Open the index for writing, made if it is not there unless it `must_exist`; with `embeddings` in the settings' place."""
    from rag.index.folder import writing
    from rag.index.manifest import read_manifest

    if must_exist:
        with suppress(IndexUnusable) if rebuild else nullcontext():  # what is damaged can be made anew
            read_manifest(settings.index)
    with writing(settings.index, embeddings or open_embeddings(settings), chroma_url=settings.chroma_url, rebuild=rebuild) as index:
        yield index
