"""How alike a name sounds in the other script: the graded second look at what the keys of `names` found.

Each word becomes its sounds in one alphabet for both scripts, at two finenesses: consonants folded where the scripts do not tell them apart
(ق ك خ k q kh), and with emphatics, gutturals and long vowels (w, y) kept. A name of several words is compared as one with each stretch of
about as many words, so that Ma'ar Zita is معرزيتا and كفر غان is not كفر ناها. Nothing is a threshold but the floor: what is less alike
says nothing. 461 Syrian places asked by their English names, ranked by likeness alone: .93 / .96 first hit and first five.

    >>> name = heard("What happened in al-Hassake?")[0]
    >>> likeness(name, "وصلت قافلة إلى الحسكة") > likeness(name, "وصلت قافلة إلى القامشلي")
    True
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache
from itertools import accumulate, islice
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Indel

from rag.language.detect import language_of
from rag.language.fold import fold
from rag.language.lexicon import Term, is_vocabulary
from rag.language.names import GLUED_ARTICLE, name_keys
from rag.language.resources import entries
from rag.language.terms import content_words, stem

FLOOR = 0.7  # likeness below this is that of any two names
COARSE_SHARE = 0.75  # of the coarse sounds in a likeness; the fine ones give the rest
CLEAR, FEW = 0.5, 2  # from which likeness a text is taken to give a name; in how many texts it still tells them apart
MIN_SOUNDS = 2  # consonants of a name
CLOSE, MOST_ALIKE = 0.65, 8  # coarse likeness from which the fine sounds are looked at, and those of how many stretches
_ARTICLE = re.compile("^(?:وال|بال|كال|فال|لل|ال)(?=..)")
_LATIN_ARTICLES = frozenset(["al", "ar", "as", "at", "az", "ad", "an", "ash", "el"])
_ARABIC = str.maketrans(dict(zip("بتثجحخدذرزسشصضطظغفقكلمنهوي", "btTjHxdDrzsScVPZGfqklmnhwy", strict=True)) | {"ع": "'", "ا": "", "ء": ""})
_LATIN_PAIRS = (
    *(("sh", "S"), ("ch", "S"), ("kh", "x"), ("gh", "G"), ("th", "T"), ("dh", "D"), ("ph", "f"), ("ck", "k")),
    *(("ou", "w"), ("oo", "w"), ("ee", "y"), ("ei", "y"), ("ai", "y"), ("ay", "y"), ("aw", "w"), ("au", "w")),
)
_LATIN = str.maketrans({"p": "b", "v": "f", "c": "k", "a": "", "e": "", "i": "y", "o": "w", "u": "w", "'": ""})
_COARSE = str.maketrans(dict(zip("TcPVDZHxqGjS", "tstddzhkkggs", strict=True)) | dict.fromkeys("wy'", ""))
_FINE = str.maketrans(dict(zip("cPVZq", "stdzk", strict=True)) | {"'": ""})
_OF_PLACE = frozenset(["في", "من", "الي", "قرب", "نحو", "علي"])
LONGEST_ROW = 3
_DOUBLED = re.compile(r"(.)\1+")
_MARKS = r"[\u0300-\u036F\u064B-\u065F\u0670]"  # vowel signs stand inside a word and end none: العبّارة
_LETTERS = rf"[^\W\d_]+(?:{_MARKS}+[^\W\d_]*)*"
_WORD = re.compile(rf"{_LETTERS}(?:['’`ʿʾ]{_LETTERS})*")


class Sounds(NamedTuple):
    """A word, or several written as one."""

    coarse: str
    fine: str


class Name(NamedTuple):
    """A name of a question, how it sounds and how much of the question it is."""

    sounds: Sounds
    words: tuple[str, ...]
    share: float  # of the question's words


def heard(question: str) -> list[Name]:
    """Return the names of a question as they sound.

    In English a name is a row of words that begins with a capital inside the sentence and goes on with words of no vocabulary; in
    Arabic a row of words of no vocabulary.
    """
    rows = _latin_rows(question) if language_of(question) == "en" else _arabic_rows(question)
    total = max(len(content_words(question)), 1)
    names = [Name(_joined([_sounds(word) for word in row]), tuple(row), min(len(row) / total, 1.0)) for row in rows]
    return [name for name in names if len(name.sounds.coarse) >= MIN_SOUNDS]


def as_one(terms: Sequence[Term], question: str) -> list[Term]:
    """Let the terms of the question's names be found by the keys of the whole name as well: كفرزيبا for Kafar Ziba."""
    keys = {stem(word): tuple((key,) for key in name_keys("".join(name.words))) for name in heard(question) for word in name.words}
    return [replace(term, renderings=tuple(dict.fromkeys((*term.renderings, *keys.get(term.stem, ()))))) for term in terms]


def heard_in(question: str, texts: Sequence[str]) -> list[float]:
    """Return for each of the texts found how surely it gives the names of the question, from 0 to 1.

    A name counts by the square of its share of the question's words: a question that is little more than a name asks for it, others for
    something about it. One that many of the texts give, as paragraphs on one subject do, does not tell them apart.
    """
    sure = [0.0] * len(texts)
    for name in heard(question):
        alike = [likeness(name, text) for text in texts]
        rarity = min(1.0, FEW / max(sum(value >= CLEAR for value in alike), 1))
        sure = [before + rarity * (name.share * value) ** 2 for before, value in zip(sure, alike, strict=True)]
    return sure


def likeness(name: Name, text: str) -> float:
    """Return from 0 to 1 how alike the name and the most alike stretch of a text of the other script sound; 0 up to the floor."""
    said = _said(text)
    sizes = range(max(1, len(name.words) - 1), len(name.words) + 2)
    ends = [*said.coarse_ends, *[0] * sizes.stop]  # what would go on behind the text's end is empty
    parts = [said.sounds.coarse[ends[at] : ends[at + size]] for at in said.begins for size in sizes]
    long = [part if len(part) >= MIN_SOUNDS else "" for part in parts]
    near = process.extract(name.sounds.coarse, long, scorer=Indel.normalized_similarity, score_cutoff=CLOSE, limit=None)
    stretches = ((coarse, value, said.begins[at // len(sizes)], sizes[at % len(sizes)]) for coarse, value, at in near)
    alike = islice({(coarse, said.fine(at, size)): value for coarse, value, at, size in stretches}.items(), MOST_ALIKE)
    best = max((COARSE_SHARE * value + (1 - COARSE_SHARE) * _alike(name.sounds.fine, fine) for (_, fine), value in alike), default=0)
    return max(best - FLOOR, 0.0) / (1 - FLOOR)


def _alike(one: str, other: str) -> float:
    return Indel.normalized_similarity(one, other)


class Said(NamedTuple):
    """The sounds of a text, where each word ends in them, and the words at which a name can begin: in Latin those with a capital."""

    sounds: Sounds
    coarse_ends: list[int]
    fine_ends: list[int]
    begins: Sequence[int]

    def fine(self, begin: int, words: int) -> str:
        """The fine sounds of so many words."""
        return self.sounds.fine[self.fine_ends[begin] : self.fine_ends[begin + words]]


@lru_cache(maxsize=1_000)  # the texts of a few questions; some 10 KB each
def _said(text: str) -> Said:
    """A text as it sounds. Every stretch is cut from this: to join each anew took half of a question's time."""
    words = _WORD.findall(text)
    sounds = [_sounds_of(word) for word in words]
    coarse, fine = ([0, *accumulate(len(sound[part]) for sound in sounds)] for part in (0, 1))
    latin = sum(map(str.isascii, words)) > len(words) / 2
    begins = [at for at, word in enumerate(words) if word[0].isupper()] if latin else range(len(words))
    return Said(_joined(sounds), coarse, fine, begins)


def _latin_rows(question: str) -> list[list[str]]:
    row: list[str] = []
    rows = [row]
    for at, word in enumerate(_WORD.findall(question)):
        folded, capital = fold(word), word[0].isupper() and at > 0
        named = capital and (bool(row) or not is_vocabulary(folded))
        if named or (folded in _LATIN_ARTICLES and (capital or row)) or (row and _is_unknown(folded)):
            row.append(folded)
        elif row:
            rows.append(row := [])
    return [_without_kind(row) for row in rows]


def _without_kind(row: list[str]) -> list[str]:
    """A name without the word for what it names behind it: Suluk nahiyah, Sanam Bridge."""
    several = len([word for word in row if word not in _LATIN_ARTICLES]) > 1
    return row[:-1] if several and (_sounds(row[-1]).coarse in _kinds() or is_vocabulary(row[-1])) else row


@cache
def _heads() -> frozenset[str]:
    return frozenset(fold(word) for word in entries("name_heads.txt"))


@cache
def _kinds() -> frozenset[str]:
    return frozenset(_sounds(word).coarse for word in _heads())


def _arabic_rows(question: str) -> list[list[str]]:
    """Rows of words of no vocabulary; behind a preposition of place any words, for القدم is a foot, and a quarter of Damascus."""
    said = list(map(fold, _WORD.findall(question)))
    row: list[str] = []
    rows, placed = [row], False
    for before, word in zip(["", *said], said, strict=False):
        if not row:
            placed = before in _OF_PLACE
        if content_words(word) and (_is_unknown(word) or (placed and len(row) < LONGEST_ROW)):
            row.append(word)
        elif row:
            rows.append(row := [])
    unknown = [row for row in rows if any(map(_is_unknown, row))]
    return [row[1:] if len(row) > 1 and row[0] in _heads() else row for row in unknown or rows]


def _is_unknown(word: str) -> bool:
    return bool(content_words(word)) and not is_vocabulary(word)


def _joined(row: Sequence[Sounds]) -> Sounds:
    return Sounds("".join(word.coarse for word in row), "".join(word.fine for word in row))


@lru_cache(maxsize=100_000)
def _sounds_of(word: str) -> Sounds:
    """The sounds of a word as it is written."""
    return _sounds(fold(word))


@lru_cache(maxsize=100_000)
def _sounds(word: str) -> Sounds:
    """The sounds of one folded word; none of an article or a word of a third script."""
    if word in _LATIN_ARTICLES:
        return Sounds("", "")
    heard = _of_latin(word) if word.isascii() else _ARTICLE.sub("", word).removesuffix("ه").translate(_ARABIC)
    fine = _DOUBLED.sub(r"\1", heard.translate(_FINE))
    coarse = _DOUBLED.sub(r"\1", heard.translate(_COARSE))
    return Sounds(coarse, fine) if heard.isascii() else Sounds("", "")


def _of_latin(word: str) -> str:
    word = re.sub("(?<=[ae])h$", "", re.sub("['`]", "", word))
    word = GLUED_ARTICLE.sub("", word).replace("x", "ks")
    for pair, sound in _LATIN_PAIRS:
        word = word.replace(pair, sound)
    return _DOUBLED.sub(r"\1", word).translate(_LATIN)
