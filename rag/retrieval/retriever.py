"""Question → ranked passages: dense and lexical search in each language, brought to one scale.

A passage is scored by its own vector, its best sentence's vector and the question's terms found in it (weights: `rag.retrieval.fusion`).
The vectors' similarities are standardised within the passage's language, because a model puts two texts of one language nearer than two of
different ones; a mixed index would otherwise hide the other language (arXiv 2507.07543). The lexical share is near 0 when the question's
words do not occur, so a lexical leg with nothing to say has no vote.

R@1 / R@5 on 790 Arabic passages (XQuAD, ARCD and TyDiQA development halves), and what each step brings:

                                XQuAD ar     ARCD ar      TyDiQA ar    XQuAD en→ar
    passage vector              .81 / .93    .59 / .90    .91 / .98    .67 / .93
    + best sentence             .85 / .96    .61 / .93    .91 / .98    .77 / .94
    + the question's terms      .92 / .98    .69 / .96    .93 / .98    .83 / .97

    retriever.retrieve("كم عدد الجرحى؟", top_k=8).candidates  # best first
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rag.index.filters import checked, no_match
from rag.index.folder import Index
from rag.index.lexical import WeightedTerm
from rag.index.near_duplicates import Sketch, related, versions
from rag.index.records import StoredPassage
from rag.index.store import LANGUAGES
from rag.language import language_of
from rag.language.sounds import heard_in
from rag.retrieval.dedup import says_the_same
from rag.retrieval.fusion import Signals, fusion
from rag.retrieval.shared_lock import Gate
from rag.schema import Copy, Facets, Filters, Hit, Language, Passage, Quote, Related, Statement, Version

Floats = npt.NDArray[np.float32]
V = TypeVar("V", float, Floats)
CANDIDATES = 50  # taken from each leg in each language
# Filtered: so few passages are compared one by one; of more, the nearest of all are taken, as many as should hold enough that pass.
EXACT, SPARE, MOST = 200, 2.0, 2_000
RERANKED = 30  # of the best, looked at again by the optional reranker
REMEMBERED = 2_000  # passages, 10 KB each
COPIES_WITHIN = 3  # times the passages wanted: as far down are copies looked for


class QuestionEmbeddings(Protocol):
    """What retrieval needs of an embedding model."""

    def embed_query_array(self, text: str) -> Floats: ...


class PassageReranker(Protocol):
    """What retrieval needs of a reranker: scores of the first texts, as many as its time allows."""

    def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]: ...


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of a question's similarity to texts that have nothing to do with it."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, similarities: Floats) -> Scale:
        return cls(float(similarities.mean()), float(similarities.std()))

    def standardise(self, value: V) -> V:
        return (value - self.mean) / max(self.deviation, 1e-6)


@dataclass(frozen=True)
class Scored:
    """A passage with its signals, before it is known whether its statement still has it; `Candidate` tells what they mean."""

    passage: Passage
    score: float
    sentence_scores: Floats
    passage_similarity: float
    sentence_similarities: Floats
    signals: Signals


@dataclass(frozen=True)
class Candidate:
    """A passage found, with its signals.

    The scores rank it and its sentences within the index. The similarities are standardised by the reference sentences, so that they
    mean the same in an index of one statement and of a million: 0 is a text on any other subject, 1 one standard deviation nearer.
    """

    passage: Passage
    statement: Statement
    score: float
    sentence_scores: tuple[float, ...]
    passage_similarity: float
    sentence_similarities: tuple[float, ...]
    signals: Signals
    copies: tuple[Candidate, ...] = ()  # which say the same, best first

    @classmethod
    def of(cls, found: Scored, statement: Statement) -> Candidate:
        scores, similarities = (tuple(map(float, by)) for by in (found.sentence_scores, found.sentence_similarities))
        return cls(found.passage, statement, found.score, scores, found.passage_similarity, similarities, found.signals)

    @property
    def lexical_share(self) -> float:
        return self.signals.lexical


@dataclass(frozen=True)
class Found:
    """The passages found, best first, and the question's terms as each language says them."""

    candidates: tuple[Candidate, ...]
    terms: Mapping[Language, Sequence[WeightedTerm]]


class Retriever:
    """Searches an index; keeps a sample of its vectors to know what an unrelated similarity is."""

    def __init__(self, index: Index, embeddings: QuestionEmbeddings, reranker: PassageReranker | None = None) -> None:
        self._index, self._embeddings, self._reranker = index, embeddings, reranker
        self._remembered: dict[str, StoredPassage] = {}
        self._samples: dict[Language, Floats] = {}
        self._sketches: dict[str, Sketch] = {}
        self._references: dict[Language, Floats] = {}
        self._gate = Gate()

    def retrieve(self, question: str, *, top_k: int, filters: Filters | None = None) -> Found:
        """Return at most `top_k` passages for a question that pass the filters, best first.

        Raises FilterError for filters that cannot be read or that no statement passes.
        """
        filters = checked(filters)
        vector = self._embeddings.embed_query_array(question)
        with self._reading():
            searched = self._searched(filters)
            terms = {code: tuple(self._index.lexical.weigh(question, code)) for code in LANGUAGES}
            found = [scored for code in searched for scored in self._in_language(question, vector, terms[code], code, filters)]
            best = sorted(found, key=lambda scored: -scored.score)
            ranked = self._current(best, most=max(top_k * COPIES_WITHIN, RERANKED))
        if self._reranker:
            ranked = rerank(question, ranked, self._reranker)
        return Found(tuple(collapse(ranked, top_k=top_k)), terms)

    def facets(self, filters: Filters | None = None) -> Facets:
        """Count the statements that pass the filters, by value."""
        filters = checked(filters)
        with self._reading():
            return self._index.lexical.facets(filters)

    def statement(self, statement_id: str) -> Statement | None:
        """Return a statement by id, or None."""
        with self._reading():
            return self._index.store.statements([statement_id]).get(statement_id)

    def around(self, passage_id: str, *, passages: int) -> Quote | None:
        """Return a passage with up to `passages` before it and after it, or None when there is no such passage.

        Where something was cut from the statement, nothing is joined: what is returned is what its author wrote, word for word.
        """
        begin, _, number = passage_id.rpartition(":")
        numbers = range(int(number) - passages, int(number) + passages + 1) if number.isdecimal() else ()
        with self._reading():
            stored = self._index.store.passages([f"{begin}:{near}" for near in numbers if near >= 0])
            if passage_id not in stored:
                return None
            own = stored[passage_id].passage
            statement = self._index.store.statements([own.statement_id]).get(own.statement_id)
        if statement is None or statement.revision != own.revision:
            return None
        return join(statement, own, [item.passage for item in stored.values()])

    def statements(self) -> list[Statement]:
        """Return every statement."""
        with self._reading():
            return list(self._index.store.all_statements())

    def versions(self, statement: Statement) -> list[Version]:
        """Return the earlier texts of a statement, newest first."""
        with self._reading():
            return versions(statement, self._index.store.versions(statement.statement_id))

    def related(self, statement: Statement) -> list[Related]:
        """Return the statements that nearly repeat one, the likest first."""
        with self._reading():
            self._sketches = self._sketches or self._index.store.sketches()
            return related(statement, self._sketches, self._index.store.statements)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Search among others; after another process's ingest the store is reopened, and no search may be under way then."""
        if not self._index.is_current():
            with self._gate.alone():
                if self._index.refresh():
                    self._remembered.clear()
                    self._samples.clear()
                    self._sketches = {}
        with self._gate.inside():
            yield

    def _searched(self, filters: Filters | None) -> list[Language]:
        """The languages in which a passage passes the filters. Raises FilterError when none does."""
        if not filters:
            return list(LANGUAGES)
        passing = [code for code in LANGUAGES if self._index.lexical.count(code, filters)]
        if not passing:
            raise no_match(filters, self._index.lexical.facets())
        return passing

    def _in_language(
        self, question: str, vector: Floats, terms: Sequence[WeightedTerm], language: Language, filters: Filters | None
    ) -> list[Scored]:
        store = self._index.store
        similarity = dict(self._nearest(vector, language, filters) if filters else store.search(vector, language, limit=CANDIDATES))
        lexical = self._index.lexical.search(question, terms, language, limit=CANDIDATES, filters=filters)
        stored = self._stored([*similarity, *(key for key in lexical if key not in similarity)], language)
        unrelated, reference = self._scales(vector, language)
        asked = language_of(question)
        texts = [f"{item.title}\n{item.passage.text}" for item in stored.values()]
        names = heard_in(question, texts) if asked != language else [0.0] * len(texts)
        coverage = self._index.lexical.coverage(terms, list(stored))
        weights = fusion(asked, language)
        found = []
        for (key, item), name in zip(stored.items(), names, strict=True):
            sentences = item.sentence_vectors @ vector
            best = float(sentences.max(initial=-1.0))
            own = similarity.get(key, best)  # what only the lexical leg found lies beyond the nearest; its best sentence stands in
            near = unrelated.standardise(own), unrelated.standardise(best)
            signals = Signals(*near, lexical.get(key, 0.0), coverage.get(key, 0.0), name)
            scores, similarities = (by.standardise(sentences) for by in (unrelated, reference))
            score, nearness = weights.score(signals), reference.standardise(own)
            found.append(Scored(item.passage, score, scores, nearness, similarities, signals))
        return found

    def _current(self, best: Sequence[Scored], *, most: int) -> list[Candidate]:
        """The first passages, at most so many, that their statements still have, each with its own.

        Of others no statement is read: it took half the time of a search. Passages of earlier revisions are few, and there only during an
        ingest.
        """
        current: list[Candidate] = []
        for begin in range(0, len(best), most):
            part = best[begin : begin + most]
            about = self._index.store.statements(list({scored.passage.statement_id for scored in part}))
            for scored in part:
                statement = about.get(scored.passage.statement_id)
                if statement and statement.revision == scored.passage.revision:
                    current.append(Candidate.of(scored, statement))
            if len(current) >= most:
                break
        return current[:most]

    def _stored(self, ids: Sequence[str], language: Language) -> dict[str, StoredPassage]:
        """The passages with these ids; those asked for lately are at hand, for reading from the store is half the time of a search.

        An id names a text of one revision, so what is remembered stays true.
        """
        known = {key: found for key in ids if (found := self._remembered.get(key))}
        fetched = self._index.store.passages([key for key in ids if key not in known], language)
        if len(self._remembered) + len(fetched) > REMEMBERED:
            self._remembered.clear()
        self._remembered.update(fetched)
        return {key: found for key in ids if (found := known.get(key) or fetched.get(key))}

    def _nearest(self, vector: Floats, language: Language, filters: Filters) -> list[tuple[str, float]]:
        """The nearest passages that pass the filters.

        A filter of Chroma's own reads its whole table: at 20,000 passages 35 to 160 ms, against 13 unfiltered and 9 to fetch and compare
        a hundred.
        """
        store, lexical = self._index.store, self._index.lexical
        passing = lexical.count(language, filters)
        if passing <= EXACT:
            return store.compare(vector, language, lexical.select(language, filters))[:CANDIDATES]
        near = store.search(vector, language, limit=min(ceil(CANDIDATES * SPARE * lexical.count(language) / passing), MOST))
        kept = set(lexical.select(language, filters, among=[key for key, _ in near]))
        if len(kept) < CANDIDATES:  # what passes lies far from the question
            return store.search(vector, language, limit=CANDIDATES, among=lexical.select(language, filters))
        return [(key, similarity) for key, similarity in near if key in kept][:CANDIDATES]

    def _scales(self, vector: Floats, language: Language) -> tuple[Scale, Scale]:
        """The question's similarity to the index's passages at large, and to the reference sentences."""
        if language not in self._samples:
            self._references[language] = self._index.reference(language)
            self._samples[language] = np.vstack([self._index.sample(language), self._references[language]])
        return Scale.of(self._samples[language] @ vector), Scale.of(self._references[language] @ vector)


def rerank(question: str, ranked: Sequence[Candidate], reranker: PassageReranker) -> list[Candidate]:
    """Put the best passages in the reranker's order. Those it had no time for keep their places behind; place by place the scores stay."""
    scores = reranker.scores(question, [candidate.passage.text for candidate in ranked[:RERANKED]])
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    again = [replace(ranked[at], score=place.score) for at, place in zip(order, ranked, strict=False)]
    return [*again, *ranked[len(again) :]]


def collapse(ranked: Sequence[Candidate], *, top_k: int) -> list[Candidate]:
    """Return the best `top_k` passages of which none repeats another, each with its copies among the next best."""
    kept: list[list[Candidate]] = []
    for candidate in ranked[: top_k * COPIES_WITHIN]:
        same = next((group for group in kept if says_the_same(group[0].passage.text, candidate.passage.text)), None)
        if same is not None:
            same.append(candidate)
        elif len(kept) < top_k:
            kept.append([candidate])
    return [replace(first, copies=tuple(others)) if others else first for first, *others in kept]


def join(statement: Statement, own: Passage, near: Sequence[Passage]) -> Quote:
    """Join a passage with those near it, as far as nothing was cut between them."""
    start, end = own.start, own.end
    for other in sorted(near, key=lambda passage: abs(passage.start - own.start)):
        begin, finish = min(start, other.start), max(end, other.end)
        if not any(cut.start < finish and begin < cut.end for cut in statement.cuts):
            start, end = begin, finish
    return Quote(statement.text[start:end], start, end)


def to_hits(candidates: Sequence[Candidate]) -> list[Hit]:
    """Return the candidates as numbered hits."""
    return [
        Hit(
            rank=rank,
            score=round(candidate.score, 4),
            statement_id=candidate.statement.statement_id,
            passage_id=candidate.passage.passage_id,
            title=candidate.statement.title,
            issuer=candidate.statement.issuer,
            date=candidate.statement.date,
            language=candidate.passage.language,
            source=candidate.statement.source,
            text=candidate.passage.text,
            start=candidate.passage.start,
            end=candidate.passage.end,
            copies=tuple(map(_copy, candidate.copies)),
            section=candidate.statement.section(candidate.passage.start),
        )
        for rank, candidate in enumerate(candidates, 1)
    ]


def _copy(candidate: Candidate) -> Copy:
    passage, of = candidate.passage, candidate.statement
    return Copy(of.statement_id, passage.passage_id, of.title, of.issuer, of.date, of.source)
