"""Whether the quotes chosen answer the question: a probability from many signals at once.

Plain logistic models, one for each pair of languages (question's and statement's), learnt by `python -m evals.learning.calibrate`; the
parameters, where they come from and what they reach are in `rag/reading/calibration.toml`. No signal depends on the size of the index.
Knows nothing of how quotes are chosen or worded.

    calibration("ar", "en").probability(signals(question, quotes, found))
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from math import exp
from typing import TYPE_CHECKING

from rag.language import analyse, content_words, number_terms, stem
from rag.language.questions import asked_for
from rag.reading.emphasis import COUNTS, bearings
from rag.schema import Language

if TYPE_CHECKING:
    from rag.index.lexical import WeightedTerm
    from rag.reading.evidence import Quotable
    from rag.retrieval.retriever import Found

MIN_CLITIC_WORD = 4  # letters; in shorter words the first letter is most likely their own
FIELD = 5  # statements behind the best that make the field
MOST_TERMS = 10  # a longer question is no surer


@dataclass(frozen=True)
class Calibration:
    """A logistic model: probability = 1 / (1 + exp(−(intercept + Σ weight × signal)))."""

    intercept: float
    weights: Mapping[str, float]
    threshold: float

    def probability(self, found: Mapping[str, float]) -> float:
        return 1 / (1 + exp(-(self.intercept + sum(weight * found[name] for name, weight in self.weights.items()))))


@cache
def calibration(asked: Language, answered: Language) -> Calibration:
    """Read the model for a question's language and its quote's from calibration.toml."""
    table = tomllib.loads(files("rag.reading").joinpath("calibration.toml").read_text(encoding="utf-8"))[f"{asked}-{answered}"]
    return Calibration(table["intercept"], table["weights"], table["threshold"])


def signals(question: str, quotes: Sequence[Quotable], found: Found) -> dict[str, float]:
    """Return what the decision rests on, of the best quote and the field behind it.

    Nearness of sentence and passage to the question, against reference sentences; shares of the question's terms, plain and weighted by
    rarity, in sentence, passage and whole statement; the rarest term missing; pairs of neighbouring words kept together; the margin to
    the field of statements behind it; whether both ways of searching agree; whether what is asked for (a figure with its unit, a date, a
    name) stands beside the question's words.
    """
    best, candidate = quotes[0].sentence, quotes[0].sentence.candidate
    statement, passage = candidate.statement, candidate.passage
    terms = [item for item in found.terms[passage.language] if item.known]
    in_sentence, in_quote = (stems_of(f"{statement.title}\n{text}") for text in (best.text, quotes[0].text))
    in_passage, in_statement = stems_of(f"{statement.title}\n{passage.text}"), stems_of(f"{statement.title}\n{statement.text}")
    scores, lexical, dense = (_field(found, value, passage.language) for value in ("score", "lexical_share", "passage_similarity"))
    return {
        "sentence_similarity": best.similarity,
        "passage_similarity": candidate.passage_similarity,
        "sentence_terms": _share(terms, in_sentence),
        "passage_terms": _share(terms, in_passage),
        "rare_in_sentence": _share(terms, in_sentence, rare=True),
        "rare_in_quote": _share(terms, in_quote, rare=True),
        "rare_in_passage": _share(terms, in_passage, rare=True),
        "rare_in_statement": _share(terms, in_statement, rare=True),
        "missing_from_passage": _rarest_missing(terms, in_passage),
        "missing_from_quote": _rarest_missing(terms, in_quote),
        "pairs_in_passage": _pairs(question, passage.text),
        "known_terms": float(min(len(terms), MOST_TERMS)),
        "unknown_terms": float(sum(not item.known for item in found.terms[passage.language])),
        "lexical_share": candidate.lexical_share,
        "field_margin": scores[0] - sum(scores[1:]) / (len(scores) - 1),
        "legs_agree": float(candidate.lexical_share == lexical[0]) + float(candidate.passage_similarity == dense[0]),
        **_asked(question, quotes),
    }


def stems_of(text: str) -> frozenset[str]:
    """Return the stems and name keys of a text; a word that may begin with a one-letter preposition (بتخطيط) counts without it too."""
    return _stems_of(text)


@lru_cache(maxsize=4096)
def _stems_of(text: str) -> frozenset[str]:
    terms = analyse(text)
    bare = {stem(word[1:]) for word in content_words(text) if word[0] in "بلكف" and len(word) > MIN_CLITIC_WORD}
    return frozenset((*terms.stems, *terms.names, *terms.numbers, *bare))


def _share(terms: Sequence[WeightedTerm], stems: frozenset[str], *, rare: bool = False) -> float:
    """The share of the terms that stand there; each counts the same, or by its rarity."""
    weights = [item.weight if rare else 1.0 for item in terms]
    held = sum(weight for item, weight in zip(terms, weights, strict=True) if item.term.found_in(stems))
    return held / sum(weights) if sum(weights) else 0.0


def _rarest_missing(terms: Sequence[WeightedTerm], stems: frozenset[str]) -> float:
    """How rare the rarest term is that does not stand there, 1 when it is the rarest of the question."""
    missing = (item.weight for item in terms if not item.term.found_in(stems))
    return max(missing, default=0.0) / max((item.weight for item in terms), default=1.0)


def _pairs(question: str, text: str) -> float:
    """The share of a question's pairs of neighbouring words that stand side by side in the text; 0 across languages."""
    asked = _neighbours(question)
    return len(asked & _neighbours(text)) / len(asked) if asked else 0.0


@lru_cache(maxsize=1024)
def _neighbours(text: str) -> frozenset[tuple[str, str]]:
    return frozenset(pairwise(stem(word) for word in content_words(text)))


def _field(found: Found, signal: str, language: Language) -> list[float]:
    """The best value of a signal in each of the first statements of a language, highest first; where there are few, 0, that of a text on
    any other subject, follows: two statements on one event do not make the question a doubtful one."""
    best: dict[str, float] = {}
    for candidate in found.candidates:
        if candidate.passage.language == language:
            key, value = candidate.statement.statement_id, float(getattr(candidate, signal))
            best[key] = max(best.get(key, value), value)
    highest = sorted(best.values(), reverse=True)[: FIELD + 1]
    return [*highest, *[0.0] * (FIELD + 1 - len(highest))]


def _asked(question: str, quotes: Sequence[Quotable]) -> dict[str, float]:
    """Whether the quotes hold the kind of thing asked for, and how near to the question's words."""
    kind = asked_for(question)
    found = [bearing for quote in quotes[:2] for bearing in bearings(question, quote.text)]
    stated, text = number_terms(question), "\n".join(quote.sentence.candidate.statement.text for quote in quotes[:1])
    return {
        "kind_held": 0.0 if kind is None else (1.0 if found else -1.0),
        "kind_fits": float(max((bearing.fit for bearing in found), default=0) == COUNTS),
        "kind_near": max((bearing.share for bearing in found), default=0.0),
        "figures_missing": float(bool(stated) and not stated <= _figures(text)),
    }


@lru_cache(maxsize=512)
def _figures(text: str) -> frozenset[str]:
    return frozenset(number_terms(text))
