"""Passages found → the quotes that answer, and how likely they do.

Each sentence is scored by its nearness to the question, its statement's best passage, the share of the question's terms that it or the
title above it holds, and whether it holds the kind of thing asked for, counts what is asked for, names the fact or is in the question's
language. The best sentences, each with what it must not be parted from and the neighbours that fit beside it, become quotes. Whether they
answer is decided in `rag.reading.decision`. Knows nothing of storage, wording or interfaces.

    evidence = gather(question, retriever.retrieve(question, top_k=8), count=2)
    evidence.answers, evidence.quotes[0].text
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache

from rag.index.lexical import WeightedTerm
from rag.language import content_words, language_of, number_terms
from rag.language.lexicon import Term, asked_facts, asked_names, question_terms
from rag.language.names import MARK
from rag.language.questions import Kind, asked_for, holds, may_answer
from rag.reading.decision import calibration, signals, stems_of
from rag.reading.emphasis import COUNTS, bearings, names_counted
from rag.reading.frame import differing
from rag.reading.together import adjoin, around, together
from rag.retrieval.retriever import Candidate, Found
from rag.schema import Language, Span, Statement

# Weights of a sentence's signals beside its own nearness, chosen on the sample questions; the public sets do not tell 0.5 to 1.5 times
# these values apart.
STATEMENT_WEIGHT, TERMS_WEIGHT, KIND_WEIGHT, COUNTED_WEIGHT, FACT_WEIGHT = 1.0, 3.0, 0.5, 1.0, 1.0
OWN_LANGUAGE_WEIGHT = 0.25  # of what says as much, a reader can check the one in the question's language
JUDGED = 2  # quotes that are to answer; a third is only read on
QUOTE_CHARS = 400  # neighbours join a sentence up to this length
NAME_LIKENESS = 0.7  # of two consonant skeletons, mark included, as difflib measures it
TOLD_KINDS: tuple[Kind, ...] = ("number", "date")  # hardly a sentence is without a name
FARTHEST = 2.0  # standard deviations that the passage of another statement, set against the best quote, scores behind it
MOST_TERMS, HALF = 0.6, 0.5  # of the question's terms in it; half is enough of figures that name what they count: 520 TONNES
ALIKE = 0.8  # share of common stems from which two quotes say the same


@dataclass(frozen=True)
class Sentence:
    """A sentence that may answer: the number of it in its passage, and its signals."""

    candidate: Candidate
    number: int
    score: float
    similarity: float  # standardised by the reference sentences
    terms_share: float  # of the question's terms, 0 to 1
    kind: int  # 1 holds what is asked for, -1 does not, 0 nothing is asked for by kind

    @property
    def text(self) -> str:
        span = self.candidate.passage.sentences[self.number]
        return self.candidate.statement.text[span.start : span.end]


@dataclass(frozen=True)
class Asked:
    """What a question asks for: a kind of thing, and facts or offices that it names; of a follow-up, the stems of its own words."""

    question: str
    language: Language
    kind: Kind | None
    facts: tuple[Term, ...]
    own: Mapping[Language, set[str]]


@dataclass(frozen=True)
class Quotable:
    """A stretch of a statement to quote, around the sentence that it was chosen for."""

    sentence: Sentence
    span: Span

    @property
    def text(self) -> str:
        return self.sentence.candidate.statement.text[self.span.start : self.span.end]


@dataclass(frozen=True)
class Evidence:
    """The quotes, best first, and the probability that they answer the question."""

    quotes: tuple[Quotable, ...]
    confidence: float
    answers: bool


def gather(question: str, found: Found, *, count: int, own: str = "") -> Evidence:
    """Choose up to `count` quotes from the passages found and decide whether they answer.

    `own`: the words of a follow-up itself, where `question` has those that it leans on too. These say which statement is meant, its own
    what is asked of it.
    """
    chosen, seen = consider(question, found, count=count, own=own)
    if not chosen or seen is None:
        return Evidence(tuple(chosen), 0.0, False)
    best = chosen[0].sentence.candidate.passage.language
    model = calibration(language_of(question), best)
    confidence = model.probability(seen)
    return Evidence(tuple(chosen), confidence, confidence >= model.threshold)


def consider(question: str, found: Found, *, count: int, own: str = "") -> tuple[list[Quotable], dict[str, float] | None]:
    """Choose up to `count` quotes, and return them with the signals of the first JUDGED: None when a name, year or fact asked for is in
    none of these, or no figure or date where one is asked for (of public questions for one this loses 1 of 223 that are answered, and
    refuses 22 of 237 whose paragraph was taken away).
    """
    about = about_asked(question, found)
    chosen = choose(question, about or found, count=count, own=own)
    judged = chosen[:JUDGED]
    told = about and names_asked_facts(question, judged) and any(may_answer(quote.text, question) for quote in judged)
    return chosen, signals(question, judged, found) if told else None


def about_asked(question: str, found: Found) -> Found | None:
    """Keep the passages of statements that hold every name and year of the question; None when there are none.

    A text on a like event in another place or year is as near to the question as the right one. Of answerable questions this loses .04
    at most in any direction (XQuAD, ARCD and TyDiQA, gold passage given).
    """
    names = {code: asked_names(question, code) for code in found.terms}
    held = tuple(candidate for candidate in found.candidates if _holds(candidate, question, names[candidate.passage.language]))
    return replace(found, candidates=held) if held else None


def choose(question: str, found: Found, *, count: int, own: str = "") -> list[Quotable]:
    """Return up to `count` quotes, best first, none repeating another; one that answers differently from the first comes second."""
    ranked = _rank(question, found, own)
    chosen: list[Quotable] = []
    for sentence in ranked:
        if len(chosen) == count:
            break
        taken = [other.span for other in chosen if _source(other.sentence) == _source(sentence)]
        at = sentence.candidate.passage.sentences[sentence.number]
        if any(at.overlaps(span) for span in taken):
            continue
        quote = Quotable(sentence, _widen(sentence, ranked, taken))
        if not any(_alike(quote, other) for other in chosen):
            chosen.append(quote)
    other = _different(question, chosen[0], ranked) if chosen else None
    if other is None:
        return chosen
    kept = [quote for quote in chosen[1:] if _source(quote.sentence) != _source(other.sentence) or not quote.span.overlaps(other.span)]
    return [chosen[0], other, *kept][:count]


def names_asked_facts(question: str, chosen: Sequence[Quotable]) -> bool:
    """Say whether the quotes name every fact that the question asks for by name, such as a population or a budget.

    A text about the asked-for place or body that never speaks of the asked-for fact is as near to the question as one that does; only
    the missing word tells them apart.
    """
    stems = frozenset().union(*(stems_of(f"{quote.sentence.candidate.statement.title}\n{quote.text}") for quote in chosen))
    return all(fact.found_in(stems) for fact in asked_facts(question))


def _different(question: str, first: Quotable, ranked: Sequence[Sentence]) -> Quotable | None:
    """The best quote of another statement on the matter that gives another figure or date for what is asked.

    A question of one word ("and when?") is not on one matter. On public questions, whose paragraphs seldom differ, the limit of nearness
    takes back nine pairs of eighteen, most of them on other matters.
    """
    own, asked = first.sentence.candidate.statement, len(content_words(question))
    for sentence in ranked if asked > 1 else ():
        statement = sentence.candidate.statement
        if statement.statement_id == own.statement_id or first.sentence.candidate.score - sentence.candidate.score > FARTHEST:
            continue
        if sentence.terms_share < max(first.sentence.terms_share, MOST_TERMS):
            by_name = asked > 2 and sentence.terms_share >= HALF and all(names_counted(question, part.text) for part in (first, sentence))
            if not by_name:
                continue
        if differing(question, [(own, first.text), (statement, sentence.text)]):
            return Quotable(sentence, _widen(sentence, ranked, []))
    return None


def _holds(candidate: Candidate, question: str, names: Sequence[Term]) -> bool:
    if not names:
        return True
    stems, foreign = _statementstems_of(candidate.statement), language_of(question) != candidate.passage.language
    return all(name.found_in(stems) or (foreign and _sounds_in(name, stems)) for name in names)


@lru_cache(maxsize=256)
def _statementstems_of(statement: Statement) -> frozenset[str]:
    """The stems of a statement and of what is known about it; numbers too, for a year spelled out is the year."""
    text = "\n".join(filter(None, (statement.title, statement.issuer, statement.date, statement.text)))
    return frozenset(stems_of(text) | number_terms(text))


def _sounds_in(name: Term, stems: frozenset[str]) -> bool:
    """Whether a name of the other script stands in a text in a spelling of its own: John and جون, Osmer and أوزمر.

    What has no skeleton, a year among it, is taken to: across languages a missing year alone does not refuse.
    """
    shapes = [key for form in name.renderings for key in form if key.startswith(MARK)]
    heard = [key for key in stems if key.startswith(MARK)]
    return not shapes or any(get_close_matches(shape, heard, n=1, cutoff=NAME_LIKENESS) for shape in shapes)


def _rank(question: str, found: Found, own: str = "") -> list[Sentence]:
    stems = {code: {term.stem for term in question_terms(own, code)} for code in found.terms} if own else {}
    asked, best = Asked(question, language_of(question), asked_for(question), tuple(asked_facts(question)), stems), _best_scores(found)
    top = max(best.values(), default=0.0)
    sentences = [
        _sentence(candidate, number, asked, found.terms[candidate.passage.language], best[candidate.statement.statement_id] - top)
        for candidate in found.candidates
        for number in range(len(candidate.passage.sentences))
    ]
    return sorted(sentences, key=lambda sentence: -sentence.score)


def _best_scores(found: Found) -> dict[str, float]:
    """The score of each statement's best passage."""
    ascending = sorted(found.candidates, key=lambda candidate: candidate.score)
    return {candidate.statement.statement_id: candidate.score for candidate in ascending}


def _sentence(candidate: Candidate, number: int, asked: Asked, terms: Sequence[WeightedTerm], statement_score: float) -> Sentence:
    span, statement = candidate.passage.sentences[number], candidate.statement
    text = statement.text[span.start : span.end]
    share = _share(terms, f"{statement.title}\n{text}")
    if own := [item for item in terms if item.known and item.term.stem in asked.own.get(candidate.passage.language, ())]:
        share = (share + _share(own, text)) / 2
    held = 0 if asked.kind is None or asked.kind not in TOLD_KINDS else (1 if holds(text, asked.kind) else -1)
    counted = asked.kind == "number" and any(bearing.fit == COUNTS for bearing in bearings(asked.question, text))
    named = bool(asked.facts) and all(fact.found_in(stems_of(text)) for fact in asked.facts)
    nearness = candidate.sentence_scores[number]
    told = KIND_WEIGHT * held + COUNTED_WEIGHT * counted + FACT_WEIGHT * named
    told += OWN_LANGUAGE_WEIGHT * (candidate.passage.language == asked.language)
    score = nearness + STATEMENT_WEIGHT * statement_score + TERMS_WEIGHT * share + told
    return Sentence(candidate, number, score, candidate.sentence_similarities[number], share, held)


def _share(terms: Sequence[WeightedTerm], text: str) -> float:
    """The share of the known terms that are found in `text`; each counts the same, for in a small index rarity means little."""
    known = [item.term for item in terms if item.known]
    stems = stems_of(text)
    return sum(term.found_in(stems) for term in known) / len(known) if known else 0.0


def _widen(sentence: Sentence, ranked: Sequence[Sentence], taken: Sequence[Span]) -> Span:
    """The sentence with its neighbours in the paragraph, the better-scored side first, as long as they fit and are not quoted yet; with
    each what it must not be parted from, which may stand in the statement's passages beside it."""
    statement, passage = sentence.candidate.statement, sentence.candidate.passage
    text, (before, after) = statement.text, around(statement, Span(passage.start, passage.end))
    spans = [*before, *passage.sentences, *after]
    scores = {len(before) + other.number: other.score for other in ranked if other.candidate is sentence.candidate}
    own = len(before) + sentence.number
    first, last = together(text, spans, own, own, taken=taken)
    while True:
        wider = []
        for at, next_to in ((first - 1, first), (last + 1, last)):
            if at in scores and adjoin(text, spans[min(at, next_to)], spans[max(at, next_to)]):
                begin, end = together(text, spans, min(at, first), max(at, last), taken=taken)
                whole = Span(spans[begin].start, spans[end].end)
                if whole.end - whole.start <= QUOTE_CHARS and not any(whole.overlaps(span) for span in taken):
                    wider.append((scores[at], begin, end))
        if not wider:
            return Span(spans[first].start, spans[last].end)
        _, first, last = max(wider)


def _source(sentence: Sentence) -> str:
    return sentence.candidate.statement.statement_id


def _alike(one: Quotable, other: Quotable) -> bool:
    """Whether quotes of two statements say the same: a wire story republished gives one quote, not two."""
    if _source(one.sentence) == _source(other.sentence):
        return False
    a, b = stems_of(one.text), stems_of(other.text)
    return len(a & b) >= ALIKE * len(a | b)
