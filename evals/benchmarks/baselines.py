"""The systems that `make bench` puts side by side, each built as its own documentation does, all on the same embedding weights.

bayan       the retriever of this repository
tutorial    LangChain: RecursiveCharacterTextSplitter, Chroma, similarity search
hybrid      the same with BM25 over words between spaces, fused by reciprocal rank (EnsembleRetriever)
haystack    Haystack: DocumentSplitter, in-memory BM25 and vectors, reciprocal rank fusion

A peer's package, of the extra `bench`, is imported when the peer is used. LlamaIndex is not here: its BM25 retriever does not install
beside the versions that Bayan is locked to.

    SYSTEMS["tutorial"](Path("work"), embeddings).build(texts)      # one process
    system = SYSTEMS["tutorial"](Path("work"), embeddings); system.open(); system.search("كم عدد الجرحى؟", 10)      # another
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from ingest.passages import split
from rag.index.folder import Index, writing
from rag.language import language_of
from rag.retrieval.retriever import Retriever
from rag.schema import Statement

Floats = npt.NDArray[np.float32]
DEEP = 3  # pieces looked up for each text wanted, for several may be of one text
BATCH = 128
PAGE = 10_000


class BenchEmbeddings(Protocol):
    """What the systems need of an embedding model: LangChain's interface, and arrays."""

    name: str
    digest: str

    @property
    def dimension(self) -> int: ...
    def embed_documents(self, texts: list[str]) -> list[list[float]]: ...
    def embed_query(self, text: str) -> list[float]: ...
    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats: ...
    def embed_query_array(self, text: str) -> Floats: ...


class System(Protocol):
    """A search engine in a folder: texts go in, the numbers of texts come out."""

    def build(self, texts: Sequence[str]) -> None: ...
    def open(self) -> None: ...
    def search(self, question: str, count: int) -> list[int]: ...


class Bayan:
    """Each text is a statement of its own."""

    def __init__(self, folder: Path, embeddings: BenchEmbeddings) -> None:
        self._folder, self._embeddings = folder, embeddings

    def build(self, texts: Sequence[str]) -> None:
        statements = [Statement(str(n), "0", text, "", None, None, str(n), language_of(text)) for n, text in enumerate(texts)]
        with writing(self._folder, self._embeddings) as index:
            for start in range(0, len(statements), BATCH):
                index.put([(statement, split(statement, max_chars=700)) for statement in statements[start : start + BATCH]])

    def open(self) -> None:
        self._retriever = Retriever(Index.open(self._folder, self._embeddings), self._embeddings)

    def search(self, question: str, count: int) -> list[int]:
        found = self._retriever.retrieve(question, top_k=count)
        return distinct(int(c.statement.statement_id) for hit in found.candidates for c in (hit, *hit.copies))


class Tutorial:
    """LangChain's "build a RAG app": pieces of 1,000 characters that share 200."""

    def __init__(self, folder: Path, embeddings: BenchEmbeddings) -> None:
        os.environ["ANONYMIZED_TELEMETRY"] = "False"  # read when Chroma opens a client
        self._folder, self._embeddings = folder, embeddings

    def build(self, texts: Sequence[str]) -> None:
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
        pieces = splitter.create_documents(list(texts), [{"text": number} for number in range(len(texts))])
        store = self._store()
        for start in range(0, len(pieces), BATCH):
            store.add_documents(pieces[start : start + BATCH])

    def open(self) -> None:
        self._chroma = self._store()

    def search(self, question: str, count: int) -> list[int]:
        return distinct(piece.metadata["text"] for piece in self._chroma.similarity_search(question, k=DEEP * count))[:count]

    def _store(self) -> Any:
        from langchain_chroma import Chroma

        return Chroma("bench", _for_langchain(self._embeddings), str(self._folder))


class Hybrid(Tutorial):
    """BM25 holds its words in memory: opening reads every piece back from Chroma, in pages, for of 100,000 at once Chroma gives none."""

    def open(self) -> None:
        from langchain_classic.retrievers import EnsembleRetriever
        from langchain_community.retrievers import BM25Retriever

        super().open()
        pages = [self._chroma.get(limit=PAGE, offset=at) for at in range(0, self._chroma._collection.count(), PAGE)]
        texts, about = ([item for page in pages for item in page[part]] for part in ("documents", "metadatas"))
        lexical = BM25Retriever.from_texts(texts, about)
        self._dense = self._chroma.as_retriever()
        self._lexical = lexical
        self._both = EnsembleRetriever(retrievers=[self._dense, lexical], weights=[0.5, 0.5])

    def search(self, question: str, count: int) -> list[int]:
        self._dense.search_kwargs = {"k": DEEP * count}
        self._lexical.k = DEEP * count
        return distinct(piece.metadata["text"] for piece in self._both.invoke(question))[:count]


class Haystack:
    """Haystack's hybrid retrieval: pieces of 200 words, saved as one JSON file."""

    def __init__(self, folder: Path, embeddings: BenchEmbeddings) -> None:
        os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # read when haystack is imported
        self._folder, self._embeddings = folder, embeddings

    def build(self, texts: Sequence[str]) -> None:
        from haystack import Document
        from haystack.components.preprocessors import DocumentSplitter
        from haystack.document_stores.in_memory import InMemoryDocumentStore

        whole = [Document(content=text, meta={"text": number}) for number, text in enumerate(texts)]
        pieces = DocumentSplitter(split_by="word", split_length=200, split_overlap=20).run(documents=whole)["documents"]
        store = InMemoryDocumentStore()
        for start in range(0, len(pieces), BATCH):
            batch = pieces[start : start + BATCH]
            vectors = self._embeddings.embed_documents([piece.content or "" for piece in batch])
            store.write_documents([replace(piece, embedding=vector) for piece, vector in zip(batch, vectors, strict=True)])
        self._folder.mkdir(parents=True, exist_ok=True)
        store.save_to_disk(str(self._folder / "store.json"))

    def open(self) -> None:
        from haystack.components.joiners import DocumentJoiner
        from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
        from haystack.document_stores.in_memory import InMemoryDocumentStore

        store = InMemoryDocumentStore.load_from_disk(str(self._folder / "store.json"))
        self._legs = InMemoryBM25Retriever(store), InMemoryEmbeddingRetriever(store)
        self._joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")

    def search(self, question: str, count: int) -> list[int]:
        lexical, dense = self._legs
        words = lexical.run(query=question, top_k=DEEP * count)["documents"]
        near = dense.run(query_embedding=self._embeddings.embed_query(question), top_k=DEEP * count)["documents"]
        return distinct(piece.meta["text"] for piece in self._joiner.run(documents=[words, near])["documents"])[:count]


SYSTEMS: dict[str, type[Bayan] | type[Tutorial] | type[Haystack]] = {
    "bayan": Bayan,
    "tutorial": Tutorial,
    "hybrid": Hybrid,
    "haystack": Haystack,
}


def distinct(numbers: Iterable[int]) -> list[int]:
    """Return the numbers, each once, in order."""
    return list(dict.fromkeys(numbers))


def _for_langchain(embeddings: BenchEmbeddings) -> Embeddings:
    if not isinstance(embeddings, Embeddings):
        raise TypeError(f"{type(embeddings).__name__} is no LangChain Embeddings")
    return embeddings
