"""Lexical search: a tantivy index over analysed text, beside the store and rebuilt from it when needed.

What is indexed is not text but terms that `rag.language` made of it (stems and character n-grams); a question goes through the same
analysis, by way of the bilingual lexicon when it is in the other language, and query syntax has no meaning. The only file that imports
tantivy.

    lexical = LexicalIndex.open(Path("index"))
    lexical.search(question, lexical.weigh(question, "ar"), "ar", limit=50)  # {"passage-id": 0.61, …}

Filters are answered here for both halves of an index: which passages pass, of these or of all, and how many statements there are by value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import log
from pathlib import Path

import tantivy
from tantivy import Query

from rag.errors import IndexUnusable
from rag.index.filters import day_number, issuer_key, source_group, source_keys
from rag.language import analyse, dates, language_of
from rag.language.dates import in_words
from rag.language.lexicon import Form, Term, question_terms
from rag.language.names import FINE_MARK, MARK
from rag.language.sounds import as_one
from rag.schema import Facets, Filters, Language, Passage, Statement

GRAM_BOOST, TITLE_BOOST = 0.35, 0.4  # beside a stem's 1
SYNONYM_BOOST = 0.7  # beside the word itself
NAME_BOOST = {FINE_MARK: 2.0, MARK: 1.5}  # of a name found by its key in the other script
FUZZY_BOOST = 0.5  # when a letter of the key is different
FUZZY_LETTERS = 4  # keys longer than this, mark included, may differ in one
K1 = 1.2  # of tantivy's BM25
MAX_TERMS = 256  # a pasted page as a question is searched by its first terms
MAX_BUCKETS = 10_000  # values counted of one kind
_WRITER_BYTES = 20_000_000  # a batch never fills it; tantivy wants 15 at least
_FIRST_PASSAGE = ":0"  # ends the id of a statement's first passage, which stands for the statement where statements are counted


@dataclass(frozen=True)
class WeightedTerm:
    """A term of a question and how rare it is in the index; `known` when its absence from a text means something."""

    term: Term
    weight: float
    known: bool = True


class LexicalIndex:
    def __init__(self, index: tantivy.Index) -> None:
        self._index = index
        self._writer: tantivy.IndexWriter | None = None

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

        Rarity is the inverse document frequency ln(1 + (N − n + ½)/(n + ½)); a term with several renderings is as rare as the commonest,
        one that occurs only as a synonym as rare as the commonest of these.
        A term of the other language that the lexicon cannot render, that is no name and that no text holds as it is, is not known.
        """
        searcher = self._index.searcher()
        unseen = _rarity(searcher.num_docs, 0)
        foreign = language_of(question) != language
        weighed = []

        def rarity(forms: Sequence[Form]) -> float:
            """That of the commonest form, of a phrase that of its rarest word."""
            return min(max(_rarity(searcher.num_docs, searcher.doc_freq(_field("stems", part), part)) for part in form) for form in forms)

        terms = question_terms(question, language)
        for term in (as_one(terms, question) if foreign else terms)[:MAX_TERMS]:
            weight = rarity(term.renderings)
            if weight == unseen and term.synonyms:
                weight = rarity(term.synonyms)
            known = not foreign or weight < unseen or term.renderings != ((term.stem,),)
            weighed.append(WeightedTerm(term, weight, known))
        return weighed

    def search(
        self, question: str, terms: Sequence[WeightedTerm], language: Language, *, limit: int, filters: Filters | None = None
    ) -> dict[str, float]:
        """Return ids of the best passages in `language` that pass the filters, with the share, 0 to 1, of the question found in each.

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
        query = self._query(terms, list(rare), _narrowed(self._index.schema, filters, language))
        hits = searcher.search(query, limit, count=False).hits
        return {searcher.doc(address)["passage_id"][0]: min(float(score) / bound, 1.0) for score, address in hits}

    def coverage(self, terms: Sequence[WeightedTerm], passage_ids: Sequence[str]) -> dict[str, float]:
        """Return for each of these passages the share, 0 to 1 by rarity, of the known terms that it or its heading holds, however often."""
        known = [item for item in terms if item.known]
        total = sum(item.weight for item in known)
        if not total or not passage_ids:
            return {}
        schema, should, must = self._index.schema, tantivy.Occur.Should, tantivy.Occur.Must
        held = [(should, self._held(item)) for item in known]
        among = Query.const_score_query(Query.term_set_query(schema, "passage_id", list(passage_ids)), 0.0)
        searcher = self._index.searcher()
        hits = searcher.search(Query.boolean_query([(must, among), (must, Query.boolean_query(held))]), len(passage_ids), count=False).hits
        return {searcher.doc(address)["passage_id"][0]: float(score) / total for score, address in hits}

    def count(self, language: Language, filters: Filters | None = None) -> int:
        """Return how many passages in `language` pass the filters."""
        return self._index.searcher().search(_narrowed(self._index.schema, filters, language), 1, count=True).count or 0

    def select(
        self, language: Language, filters: Filters | None = None, *, among: Sequence[str] | None = None, limit: int | None = None
    ) -> list[str]:
        """Return ids of the passages in `language` that pass the filters: of all or `among` these, at most `limit`."""
        searcher, query = self._index.searcher(), _narrowed(self._index.schema, filters, language)
        if among is not None:
            wanted = Query.term_set_query(self._index.schema, "passage_id", list(among))
            query = Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, wanted)])
        hits = searcher.search(query, max(limit or searcher.num_docs, 1), count=False).hits
        return [searcher.doc(address)["passage_id"][0] for _, address in hits]

    def facets(self, filters: Filters | None = None) -> Facets:
        """Count the statements that pass the filters, in all and by value; their language is their own here, not their passages'."""
        schema, must = self._index.schema, tantivy.Occur.Must
        firsts = Query.term_query(schema, "first", "1", "basic")
        narrowed = [(must, query) for query in _conditions(schema, filters, spoken="spoken")]
        counted = {name: {"terms": {"field": name, "size": MAX_BUCKETS}} for name in ("issuer", "spoken", "source", "year", "first")}
        found = self._index.searcher().aggregate(Query.boolean_query([(must, firsts), *narrowed]), counted)
        by = {name: {str(bucket["key"]): int(bucket["doc_count"]) for bucket in told["buckets"]} for name, told in found.items()}
        return Facets(by["first"].get("1", 0), by["issuer"], by["spoken"], by["source"], dict(sorted(by["year"].items())))

    def passage_ids(self) -> list[str]:
        """Return the ids of all indexed passages."""
        with _usable():
            searcher = self._index.searcher()
            hits = searcher.search(Query.all_query(), max(searcher.num_docs, 1), count=False).hits
            return [searcher.doc(address)["passage_id"][0] for _, address in hits]

    def reload(self) -> None:
        """See what other processes have committed."""
        self._index.reload()

    def update(self, add: Iterable[tuple[Passage, Statement]] = (), *, delete: Iterable[str] = ()) -> None:
        """Add passages, each with its statement, delete others by id, and commit: all of it or nothing.

        The writer stays open until `close`: one opened for each batch leaves the memory of its threads behind, 5 MB per 1,000 passages.
        """
        with _usable():
            writer, self._writer = self._writer or self._index.writer(_WRITER_BYTES, 1), None
            for passage_id in delete:
                writer.delete_documents_by_term("passage_id", passage_id)
            for passage, statement in add:
                writer.delete_documents_by_term("passage_id", passage.passage_id)
                writer.add_document(_document(passage, statement))
            writer.commit()
            self._index.reload()
            self._writer = writer  # not after a failure: what it had not committed is dropped with it

    def close(self) -> None:
        """Finish the merges under way and let another process write."""
        writer, self._writer = self._writer, None
        if writer:
            with _usable():
                writer.wait_merging_threads()

    def _query(self, terms: Sequence[WeightedTerm], grams: Sequence[str], narrowed: Query) -> Query:
        schema, should, must = self._index.schema, tantivy.Occur.Should, tantivy.Occur.Must
        stems = [_best([*_renderings(schema, "stems", item.term), *self._near(item.term)]) for item in terms]
        titles = [Query.boost_query(_best(_renderings(schema, "title_stems", item.term)), TITLE_BOOST) for item in terms]
        pieces = [Query.boost_query(Query.term_query(schema, "grams", gram, "freq"), GRAM_BOOST) for gram in grams]
        wanted = Query.boolean_query([(should, query) for query in (*stems, *titles, *pieces)])
        return Query.boolean_query([(must, narrowed), (must, wanted)])

    def _held(self, item: WeightedTerm) -> Query:
        fields = (_renderings(self._index.schema, field, item.term) for field in ("stems", "title_stems"))
        anywhere = Query.boolean_query([(tantivy.Occur.Should, query) for queries in fields for query in queries])
        return Query.const_score_query(anywhere, item.weight)

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


def _narrowed(schema: tantivy.Schema, filters: Filters | None, language: Language) -> Query:
    """What every passage found must be, without a say in its score."""
    must, spoken = tantivy.Occur.Must, Query.term_query(schema, "language", language, "basic")
    conditions = [(must, query) for query in (spoken, *_conditions(schema, filters, spoken="language"))]
    return Query.const_score_query(Query.boolean_query(conditions), 0.0)


def _conditions(schema: tantivy.Schema, filters: Filters | None, *, spoken: str) -> Iterator[Query]:
    """A query for each kind of filter. `spoken`: the field of the language, of the passage or of its statement."""
    if filters is None:
        return
    kinds = (
        ("issuer_key", [issuer_key(issuer) for issuer in filters.issuers]),
        (spoken, filters.languages),
        ("source_keys", filters.sources),
        ("statement_id", filters.statement_ids),
    )
    yield from (Query.term_set_query(schema, field, list(values)) for field, values in kinds if values)
    first, last = day_number(filters.date_from), day_number(filters.date_to, last=True)
    if first or last:
        yield Query.range_query(schema, "date", tantivy.FieldType.Unsigned, first or 0, last or 99_999_999)


def _best(queries: Sequence[Query]) -> Query:
    return Query.disjunction_max_query(list(queries))


def _renderings(schema: tantivy.Schema, field: str, term: Term) -> list[Query]:
    """A query for each rendering and, with less of a say, for each synonym; every word of a phrase must occur."""
    said, synonyms = (
        [Query.boolean_query([(tantivy.Occur.Must, _exact(schema, field, part)) for part in form]) for form in forms]
        for forms in (term.renderings, term.synonyms)
    )
    return [*said, *(Query.boost_query(query, SYNONYM_BOOST) for query in synonyms)]


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
    for field in ("language", "statement_id", "issuer_key", "source_keys"):
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic")
    for field in ("stems", "names", "grams", "title_stems", "title_names"):
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
    for field in ("first", "spoken", "issuer", "source"):  # counted, and so kept by column
        builder.add_text_field(field, fast=True, tokenizer_name="raw", index_option="basic")
    for field in ("date", "year"):
        builder.add_unsigned_field(field, indexed=True, fast=True)
    return builder.build()


def heading(statement: Statement, language: Language) -> str:
    """Return what stands above every passage of a statement: title, issuer and date, in digits and as texts in `language` write it."""
    written = [in_words(date, language) for date in dates(statement.date or "")]
    return "\n".join(filter(None, (statement.title, statement.issuer, statement.date, *written)))


_heading_terms = lru_cache(maxsize=64)(analyse)  # a statement's passages come one after the other


def _document(passage: Passage, statement: Statement) -> tantivy.Document:
    terms, title_terms = analyse(passage.text), _heading_terms(heading(statement, passage.language))
    document = tantivy.Document(
        passage_id=passage.passage_id,
        language=passage.language,
        stems=" ".join((*terms.stems, *terms.numbers)),
        names=" ".join(terms.names),
        grams=" ".join(terms.grams),
        title_stems=" ".join((*title_terms.stems, *title_terms.numbers)),
        title_names=" ".join(title_terms.names),
        first=str(int(passage.passage_id.endswith(_FIRST_PASSAGE))),
        statement_id=statement.statement_id,
        spoken=statement.language,
        source=source_group(statement.source),
        source_keys=list(source_keys(statement.source)),
    )
    if statement.issuer:
        document.add_text("issuer", statement.issuer)
        document.add_text("issuer_key", issuer_key(statement.issuer))
    if day := day_number(statement.date):
        document.add_unsigned("date", day)
        document.add_unsigned("year", day // 10_000)
    return document


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except BaseException as error:  # a panic of its native part is of no family
        if not isinstance(error, (ValueError, OSError)) and type(error).__name__ != "PanicException":
            raise
        raise IndexUnusable(
            f"the lexical index cannot be used ({error}); if neither disk nor permission lacks, run `bayan doctor --fix`"
        ) from error
