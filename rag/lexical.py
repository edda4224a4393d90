"""Lexical search: a tantivy index over analysed text, beside the store and rebuilt from it when needed.

What is indexed is not text but terms that `rag.language` made of it (stems and character n-grams); a question goes through the same
analysis, by way of the bilingual lexicon when it is in the other language, and query syntax has no meaning. The only file that imports
tantivy.

    lexical = LexicalIndex.open(Path("index"))
    lexical.search(question, lexical.weigh(question, "ar"), "ar", limit=50)  # {"passage-id": 0.61, …}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import log
from pathlib import Path

import tantivy
from tantivy import Query

from rag.errors import IndexUnusable
from rag.language import analyse, language_of
from rag.language.lexicon import Term, question_terms
from rag.language.names import FINE_MARK, MARK
from rag.schema import Language, Passage

GRAM_BOOST, TITLE_BOOST = 0.35, 0.4  # beside a stem's 1
NAME_BOOST = {FINE_MARK: 2.0, MARK: 1.5}  # of a name found by its key in the other script
FUZZY_BOOST = 0.5  # when a letter of the key is different
FUZZY_LETTERS = 4  # keys longer than this, mark included, may differ in one
K1 = 1.2  # of tantivy's BM25
MAX_TERMS = 256  # a pasted page as a question is searched by its first terms
_WRITER_BYTES = 64_000_000


@dataclass(frozen=True)
class WeightedTerm:
    """A term of a question and how rare it is in the index; `known` when its absence from a text means something."""

    term: Term
    weight: float
    known: bool = True


class LexicalIndex:
    def __init__(self, index: tantivy.Index) -> None:
        self._index = index

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> LexicalIndex:
        """Open the lexical index kept in `folder`. Raises IndexUnusable when it is missing or damaged."""
        path = folder / "lexical"
        with _usable():
            if create:
                path.mkdir(parents=True, exist_ok=True)
            return cls(tantivy.Index(_schema(), path=str(path)))

    def weigh(self, question: str, language: Language) -> list[WeightedTerm]:
        """Return the question's terms, as texts in `language` say them, each with its rarity.

        Rarity is the inverse document frequency ln(1 + (N − n + ½)/(n + ½)); a term with several renderings is as rare as the commonest.
        A term of the other language that the lexicon cannot render, that is no name and that no text holds as it is, is not known.
        """
        searcher = self._index.searcher()
        unseen = _rarity(searcher.num_docs, 0)
        foreign = language_of(question) != language
        weighed = []
        for term in question_terms(question, language)[:MAX_TERMS]:
            forms = (
                max(_rarity(searcher.num_docs, searcher.doc_freq(_field("stems", part), part)) for part in form) for form in term.renderings
            )
            weight = min(forms)
            known = not foreign or weight < unseen or term.renderings != ((term.stem,),)
            weighed.append(WeightedTerm(term, weight, known))
        return weighed

    def search(self, question: str, terms: Sequence[WeightedTerm], language: Language, *, limit: int) -> dict[str, float]:
        """Return ids of the best passages in `language` with the share, 0 to 1, of the question found in each.

        `terms`: the question's, from `weigh`; its character n-grams join them when it is asked in `language`. The share is BM25 divided by
        what a passage could reach that repeats every term without end: a scale that depends neither on the question nor on the corpus.
        Empty when nothing of the question occurs in that language.
        """
        searcher = self._index.searcher()
        grams = analyse(question).grams if language_of(question) == language else ()
        rare = {gram: _rarity(searcher.num_docs, searcher.doc_freq("grams", gram)) for gram in list(dict.fromkeys(grams))[:MAX_TERMS]}
        bound = (K1 + 1) * (sum(term.weight for term in terms) + GRAM_BOOST * sum(rare.values()))
        if not bound:
            return {}
        hits = searcher.search(self._query(terms, list(rare), language), limit, count=False).hits
        return {searcher.doc(address)["passage_id"][0]: min(float(score) / bound, 1.0) for score, address in hits}

    def passage_ids(self) -> list[str]:
        """Return the ids of all indexed passages."""
        searcher = self._index.searcher()
        hits = searcher.search(Query.all_query(), max(searcher.num_docs, 1), count=False).hits
        return [searcher.doc(address)["passage_id"][0] for _, address in hits]

    def reload(self) -> None:
        """See what other processes have committed."""
        self._index.reload()

    def update(self, add: Iterable[tuple[Passage, str]] = (), *, delete: Iterable[str] = ()) -> None:
        """Add passages, each with its statement's title, delete others by id, and commit: all of it or nothing."""
        with _usable():
            writer = self._index.writer(_WRITER_BYTES, 1)
            for passage_id in delete:
                writer.delete_documents_by_term("passage_id", passage_id)
            for passage, title in add:
                writer.delete_documents_by_term("passage_id", passage.passage_id)
                writer.add_document(_document(passage, title))
            writer.commit()
            writer.wait_merging_threads()
            self._index.reload()

    def _query(self, terms: Sequence[WeightedTerm], grams: Sequence[str], language: Language) -> Query:
        schema, should, must = self._index.schema, tantivy.Occur.Should, tantivy.Occur.Must
        stems = [_best([*_renderings(schema, "stems", item.term), *self._near(item.term)]) for item in terms]
        titles = [Query.boost_query(_best(_renderings(schema, "title_stems", item.term)), TITLE_BOOST) for item in terms]
        pieces = [Query.boost_query(Query.term_query(schema, "grams", gram, "freq"), GRAM_BOOST) for gram in grams]
        wanted = Query.boolean_query([(should, query) for query in (*stems, *titles, *pieces)])
        spoken = Query.const_score_query(Query.term_query(schema, "language", language), 0.0)
        return Query.boolean_query([(must, spoken), (must, wanted)])

    def _near(self, term: Term) -> list[Query]:
        """The keys of a term's names with a letter missing, wrong or too many, weighed by how rare all of these are together."""
        keys = [part for form in term.renderings for part in form if part[0] in NAME_BOOST and len(part) > FUZZY_LETTERS]
        near = [(key, Query.fuzzy_term_query(self._index.schema, "names", key, 1)) for key in keys]
        searcher = self._index.searcher()
        holding = [searcher.search(query, 1, count=True).count or 0 for _, query in near]
        return [
            Query.boost_query(query, FUZZY_BOOST * NAME_BOOST[key[0]] * _rarity(searcher.num_docs, count))
            for (key, query), count in zip(near, holding, strict=True)
        ]


def _best(queries: Sequence[Query]) -> Query:
    return Query.disjunction_max_query(list(queries))


def _renderings(schema: tantivy.Schema, field: str, term: Term) -> list[Query]:
    """A query for each rendering; every word of a phrase must occur."""
    return [Query.boolean_query([(tantivy.Occur.Must, _exact(schema, field, part)) for part in form]) for form in term.renderings]


def _exact(schema: tantivy.Schema, field: str, part: str) -> Query:
    query = Query.term_query(schema, _field(field, part), part, "freq")
    return Query.boost_query(query, NAME_BOOST[part[0]]) if part[0] in NAME_BOOST else query


def _field(field: str, part: str) -> str:
    return {"stems": "names", "title_stems": "title_names"}[field] if part[0] in NAME_BOOST else field


def _rarity(total: int, holding: int) -> float:
    return log(1 + (max(total - holding, 0) + 0.5) / (holding + 0.5))


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("passage_id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    for field in ("stems", "names", "grams", "title_stems", "title_names"):
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


def _document(passage: Passage, title: str) -> tantivy.Document:
    terms, title_terms = analyse(passage.text), analyse(title)
    return tantivy.Document(
        passage_id=passage.passage_id,
        language=passage.language,
        stems=" ".join((*terms.stems, *terms.numbers)),
        names=" ".join(terms.names),
        grams=" ".join(terms.grams),
        title_stems=" ".join((*title_terms.stems, *title_terms.numbers)),
        title_names=" ".join(title_terms.names),
    )


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        raise IndexUnusable(f"the lexical index cannot be used ({error}); run `bayan doctor --fix`") from error
