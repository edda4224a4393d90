"""How a passage's signals make one score: a sum, with weights of its own for each pair of languages, question's and passage's.

A keyword of the question says more where both are of one language than where a lexicon stands between them; and the scores of two languages
must fit into one list. The weights are learnt for all pairs together by `python -m evals.learning.fusion`; what they were learnt on and
what they reach is in `rag/retrieval/fusion.toml`. Knows nothing of how the signals are found.

    fusion("ar", "en").score(Signals(passage=1.2, sentence=2.1, lexical=0.1, coverage=0.5, name=0.0))
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rag.schema import Language


@dataclass(frozen=True)
class Signals:
    """What speaks for a passage. The similarities are in standard deviations above what is unrelated, the others from 0 to 1."""

    passage: float  # similarity of its vector to the question's
    sentence: float  # of its best sentence's
    lexical: float  # BM25, as a share of what the question could reach
    coverage: float  # share of the question's terms, by rarity, that stand in it or above it
    name: float  # how surely a name of the question is heard in it, across scripts


@dataclass(frozen=True)
class Fusion:
    """The weights of one pair of languages."""

    passage: float
    sentence: float
    lexical: float
    coverage: float
    name: float

    def score(self, found: Signals) -> float:
        """Return the passage's score, to be compared with those of either language."""
        dense = self.passage * found.passage + self.sentence * found.sentence
        return dense + self.lexical * found.lexical + self.coverage * found.coverage + self.name * found.name


@cache
def fusion(asked: Language, answered: Language) -> Fusion:
    """Read the weights for a question's language and a passage's from fusion.toml."""
    return Fusion(**tomllib.loads(files("rag.retrieval").joinpath("fusion.toml").read_text(encoding="utf-8"))[f"{asked}-{answered}"])
