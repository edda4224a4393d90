"""Embeddings from an endpoint of OpenAI's protocol, for indexes that want more than one machine or a model that runs elsewhere.

    BAYAN_EMBEDDING=openai:text-embedding-3-small            # OpenAI itself; the key in OPENAI_API_KEY
    BAYAN_EMBEDDING=openai:bge-m3@http://localhost:8000/v1   # any other: vLLM, llama.cpp, TEI

Every text that is ingested and every question is sent there. Knows nothing of statements, stores or settings.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from rag.errors import ModelError

if TYPE_CHECKING:
    from langchain_openai import OpenAIEmbeddings

Floats = npt.NDArray[np.float32]
PREFIX = "openai:"
BATCH = 64  # texts a request
TIMEOUT_S = 120.0
_SPEC = re.compile(r"openai:(?P<model>[^@\s]+)(?:@(?P<url>https?://\S+))?")


class EndpointEmbeddings(Embeddings):
    """A model behind an endpoint. The digest is that of its name: what stands behind a name cannot be verified from here."""

    def __init__(self, spec: str) -> None:
        match = _SPEC.fullmatch(spec)
        if not match:
            raise ModelError(f'the embedding model "{spec}" cannot be read; write openai:MODEL or openai:MODEL@http://HOST:PORT/v1')
        if not find_spec("langchain_openai"):
            raise ModelError(f'the embedding model "{spec}" wants a package that is not installed; run: pip install "bayan[openai]"')
        if not match["url"] and not os.environ.get("OPENAI_API_KEY"):
            raise ModelError(f'the embedding model "{spec}" wants a key; set OPENAI_API_KEY')
        self.name, self._model_name, self._url = spec, match["model"], match["url"]
        self.digest = hashlib.sha256(f"{PREFIX}{self._model_name}".encode()).hexdigest()

    @cached_property
    def _client(self) -> OpenAIEmbeddings:
        from langchain_openai import OpenAIEmbeddings

        key = os.environ.get("OPENAI_API_KEY") or "none"
        return OpenAIEmbeddings(
            model=self._model_name,
            base_url=self._url,
            api_key=lambda: key,
            chunk_size=BATCH,
            timeout=TIMEOUT_S,
            check_embedding_ctx_length=False,  # it would send token numbers of OpenAI's own, which no other endpoint reads
        )

    @cached_property
    def dimension(self) -> int:
        return len(self.embed_query_array("بيان"))

    def load(self) -> None:
        """Ask the endpoint once, so that one that does not answer is told of now. Raises ModelError."""
        _ = self.dimension

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed passages."""
        return [vector.tolist() for vector in self.embed_passages_array(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Embed one query."""
        return [float(x) for x in self.embed_query_array(text)]

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        """Embed passages: (n, dimension), unit norm, in the order given. Raises ModelError."""
        with self._answering():
            return _unit(self._client.embed_documents(list(texts))) if texts else np.empty((0, self.dimension), np.float32)

    def embed_query_array(self, text: str) -> Floats:
        """Embed one query: (dimension,), unit norm. Raises ModelError."""
        with self._answering():
            vector: Floats = _unit([self._client.embed_query(text)])[0]
        return vector

    @contextmanager
    def _answering(self) -> Iterator[None]:
        import openai

        try:
            yield
        except (openai.OpenAIError, ValueError, TypeError, KeyError) as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            where = self._url or "OpenAI"
            raise ModelError(
                f'the embedding model "{self._model_name}" at {where} does not answer ({reason}); check that it runs'
            ) from error


def _unit(vectors: Sequence[Sequence[float]]) -> Floats:
    rows = np.asarray(vectors, dtype=np.float32)
    made: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
    return made
