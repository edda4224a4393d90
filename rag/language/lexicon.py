"""A bilingual lexicon: what a question's words are called in a statement of the other language, and what says the same in their own.

`resources/lexicon.tsv` holds concepts, English forms | tab | Arabic forms; `more_words.tsv` holds further ones, which translate and do
no more: many are somebody's name too (مرجان, coral), and what tells names from words leaves them alone. Matching is by stems, so
inflections need no entries. This is dictionary-based cross-language search: it joins a question to words, where an embedding model joins
it to a vague neighbourhood. Within a language the forms of a concept are synonyms: who asks for الجرحى finds أصيب as surely as who asks
for the injured.

    >>> [(term.stem, term.renderings) for term in question_terms("Which prison?", "ar")]
    [('prison', (('سجن',), ('سجون',), ...))]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from rag.language.calendar_words import months, weekdays
from rag.language.detect import language_of
from rag.language.fold import fold
from rag.language.gazetteer import listed_names
from rag.language.hijri import gregorian_years, hijri_years
from rag.language.names import MIN_LETTERS, can_be_names, name_keys, skeleton
from rag.language.numbers import number_terms
from rag.language.questions import asked_for
from rag.language.resources import entries
from rag.language.terms import content_words, stem, telling_numbers, words
from rag.language.tokens import key as calendar_key

Form = tuple[str, ...]  # the stems of a word or phrase
LONGEST_FORM = 3
_WHICH = ("اي", "ايه", "كم")  # "which town lies …": what follows is no name
_YEAR = re.compile(r"(?<![\d.,])(?:1[0-9]|20)\d\d(?![\d.,]*\d|['’]?s)")
_INNER_CAPITALISED = re.compile(r"(?<=[^\s.?!:]\s)(?:[Aa]l-)?([A-Z][a-z]{3,})")


@dataclass(frozen=True)
class Term:
    """A word or phrase of a question, and the forms, as stems, in which a text of the searched language may say it.

    `synonyms`: of a word of that same language, other words for the same thing.
    """

    stem: str
    renderings: tuple[Form, ...]
    synonyms: tuple[Form, ...] = ()

    def found_in(self, stems: frozenset[str] | set[str]) -> bool:
        """Say whether one of the forms stands in a text with these stems."""
        return self.said_in(stems) or _stands(self.synonyms, stems)

    def said_in(self, stems: frozenset[str] | set[str]) -> bool:
        """Say whether the word itself, or in another language one of its renderings, stands in a text with these stems."""
        return _stands(self.renderings, stems)


def _stands(forms: Sequence[Form], stems: frozenset[str] | set[str]) -> bool:
    return any(all(part in stems for part in form) for form in forms)


def question_terms(question: str, language: Literal["ar", "en"]) -> list[Term]:
    """Return the terms of a question as a text in `language` would say them, each once, in order.

    A term of the same language stands for itself and for its synonyms in the lexicon, a number for every way of writing it. One of the
    other language is rendered by the lexicon, and looked for by its keys in the other script when it can be a name.
    """
    kept, asked = content_words(question), language_of(question)
    known = _forms(asked, language)
    if asked == language:
        keys = dict.fromkeys((*map(stem, kept), *telling_numbers(question)))
        return [Term(key, ((key,),), tuple(form for form in known.get((key,), ()) if form != (key,))) for key in keys]
    terms = _rendered([(stem(word), word) for word in kept], known, set(can_be_names(question)))
    stated = [Term(key, ((key,),)) for key in telling_numbers(question)]
    return list({term.stem: term for term in (*terms, *stated)}.values())


def asked_facts(question: str) -> list[Term]:
    """Return the facts that a question asks for by name, each with all the forms of both languages that can name it.

    Of a question for a person the office that is named too: who is its president no text tells that speaks of none.

    >>> [term.stem for term in asked_facts("What is the population of Hasakah?")]
    ['popul']
    >>> [term.stem for term in asked_facts("Who is the president of Turkey?")], asked_facts("What did the president say?")
    (['presid'], [])
    """
    stems = [stem(word) for word in content_words(question)]
    phrases = {tuple(stems[at : at + size]) for size in range(1, LONGEST_FORM + 1) for at in range(len(stems) - size + 1)}
    listed = ("facts.tsv", "offices.tsv") if asked_for(question) == "person" else ("facts.tsv",)
    return [Term(" ".join(forms[0]), forms) for name in listed for forms in _facts(name) if phrases.intersection(forms)]


def asked_names(question: str, language: Literal["ar", "en"]) -> list[Term]:
    """Return the names and years that a question is about, each with the forms in which a text in `language` can give it.

    Names in English are the capitalised words inside the sentence that are no vocabulary of the lexicon; in Arabic, which has no
    capitals, the word after one that announces a name (بلدة، جسر، جمهورية: `name_heads.txt`). A year is a number of four digits. A text
    on a like event in another place or year is as near to the question as the right one; only these words tell them apart.

    >>> [term.stem for term in asked_names("How many were hurt in Tollard in 2028?", "ar")]
    ['2028', 'tollard']
    """
    asked = language_of(question)
    target = _forms(asked, language) if asked != language else {}
    return [Term(stem(word), _name_forms(word, target)) for word in (*_YEAR.findall(fold(question)), *_names(question))]


def is_vocabulary(word: str) -> bool:
    """Say whether a folded word is one of the lexicon's, names apart, in any inflection, or a month's or weekday's."""
    return stem(word) in _common_stems() or (len(word) > 3 and calendar_key(word) in _calendar())


def _names(question: str) -> Iterable[str]:
    if language_of(question) == "en":
        return (word for word in map(fold, _INNER_CAPITALISED.findall(question)) if _is_name((stem(word),)))
    said = words(question)
    triples = zip(["", *said], said, said[1:], strict=False)
    return (word for before, head, word in triples if before not in _WHICH and _is_head(head) and _can_be_name(word))


def _can_be_name(word: str) -> bool:
    return len(word) >= MIN_LETTERS and (stem(word),) not in _every_form()


def _name_forms(word: str, target: dict[Form, tuple[Form, ...]]) -> tuple[Form, ...]:
    if word.isdigit():
        return tuple((form,) for year in (word, *_other_calendar(int(word))) for form in (year, *number_terms(year)))
    key, shape = stem(word), skeleton(word)
    return ((key,), *target.get((key,), ()), *(((shape,),) if shape else ()))


def _other_calendar(year: int) -> Iterator[str]:
    """A year as the other calendar counts it; 1300 to 1500 are most likely Hijri, though a history may mean the Middle Ages."""
    years = gregorian_years(year) if 1300 <= year <= 1500 else hijri_years(year) if 1900 <= year <= 2077 else ()
    return map(str, years)


def _is_name(form: Form) -> bool:
    """Whether a capitalised word is a name by itself: unknown to the lexicon, or capitalised there too."""
    return form in _capitalised_forms() or form not in _every_form()


def _is_head(word: str) -> bool:
    return word in _name_heads() or (word[:1] in "بلفوك" and word[1:] in _name_heads())


@cache
def _name_heads() -> frozenset[str]:
    heads = [fold(word) for word in entries("name_heads.txt")]
    return frozenset(heads)


@cache
def _every_form() -> frozenset[Form]:
    """Every one-word form of the lexicon, and every word of its phrases."""
    forms = [form for line in entries("lexicon.tsv") for part in line.split("\t") for form in _stemmed(part)]
    return frozenset((part,) for form in forms for part in form)


@cache
def _calendar() -> frozenset[str]:
    return frozenset([*months(), *weekdays()])


@cache
def _common_stems() -> frozenset[str]:
    lines = (line for line in entries("lexicon.tsv") if not line[0].isupper())
    return frozenset(stem(word) for line in lines for word in content_words(line))


@cache
def _capitalised_forms() -> frozenset[Form]:
    parts = [form.strip() for line in entries("lexicon.tsv") for form in line.partition("\t")[0].split("|")]
    return frozenset((stem(fold(part)),) for part in parts if part[:1].isupper() and part.isalpha())


def _rendered(kept: Sequence[tuple[str, str]], known: dict[Form, tuple[Form, ...]], names: set[str]) -> Iterable[Term]:
    """Look up the longest phrases first, from left to right."""
    at = 0
    while at < len(kept):
        for length in range(min(LONGEST_FORM, len(kept) - at), 0, -1):
            form = tuple(key for key, _ in kept[at : at + length])
            if form in known or length == 1:
                as_name = _as_name(kept[at][1], names) if length == 1 else ()
                yield Term(" ".join(form), (*known.get(form, (form,)), *as_name))
                at += length
                break


def _as_name(word: str, names: set[str]) -> tuple[Form, ...]:
    """A word can be a name although the lexicon has it: الميدان is a square, and a quarter of Aleppo."""
    return tuple((key,) for key in name_keys(word)) if word in names else ()


@cache
def _forms(source: Literal["ar", "en"], target: Literal["ar", "en"]) -> dict[Form, tuple[Form, ...]]:
    """Every form of one language, as stems, with what says the same in another, or in the same; those of several concepts are joined.

    In the same language of names those of organisations only: a country's adjective (تركي) has the stem of other words (ترك, he left).
    """
    found: dict[Form, dict[Form, None]] = {}
    concepts = [*entries("lexicon.tsv"), *entries("more_words.tsv")]
    lines = [*concepts, *listed_names()]
    if source == target:
        lines = [*(line for line in concepts if not line[0].isupper()), *listed_names(kind="organisation")]
    for line in lines:
        forms = _sides(line)
        for form in forms[source] if forms[target] else ():
            found.setdefault(form, {}).update(dict.fromkeys(forms[target]))
    return {form: tuple(renderings) for form, renderings in found.items()}


@cache  # for the four pairs of languages
def _sides(line: str) -> dict[str, list[Form]]:
    english, arabic = line.split("\t")
    return {"en": _stemmed(english), "ar": _stemmed(arabic)}


@cache
def _facts(name: str) -> tuple[tuple[Form, ...], ...]:
    return tuple(tuple(form for part in line.split("\t") for form in _stemmed(part)) for line in entries(name))


def _stemmed(forms: str) -> list[Form]:
    stemmed = (tuple(stem(word) for word in content_words(form)) for form in forms.split("|"))
    return [form for form in dict.fromkeys(stemmed) if 0 < len(form) <= LONGEST_FORM]
