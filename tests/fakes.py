"""Embeddings readable by eye: a text is its folded words, each thrown into one of 512 places. Texts that share words are near.

>>> a, b, c = FakeEmbeddings().embed_passages_array(["the prison in Hasakah", "Hasakah prison", "olive harvest"])
>>> bool(a @ b > 0.6 > 0.3 > a @ c)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt

from rag.language import fold, words

Floats = npt.NDArray[np.float32]


class FakeEmbeddings:
    """Stands in for a model: `digest` names its weights, `embedded` lists every passage text it was asked for."""

    dimension = 512

    def __init__(self, name: str = "fake-words", digest: str = "fa" * 32) -> None:
        self.name, self.digest = name, digest
        self.embedded: list[str] = []

    def embed_passages_array(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        self.embedded.extend(texts)
        return np.array([self._vector(text) for text in texts], np.float32).reshape(len(texts), self.dimension)

    def load(self) -> None:
        """Nothing is to be loaded."""

    def embed_query_array(self, text: str) -> Floats:
        return self._vector(text)

    def _vector(self, text: str) -> Floats:
        vector = np.zeros(self.dimension, np.float32)
        vector[0] = 0.1  # so that a text without words has a direction too
        for word in words(fold(text)):
            vector[crc32(word.encode()) % self.dimension] += 1
        return vector / np.linalg.norm(vector)
