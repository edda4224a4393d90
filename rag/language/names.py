"""Names across scripts: a consonant skeleton that Hasakah, al-Hassake and الحسكة share.

Articles and vowels are dropped, doubled letters made single, and letters that the other script does not tell apart folded together
(ص س ش s sh, ق ك خ k q kh, …).
Dense search finds a place asked by its name in the other script in .34 of cases, skeletons in .86 (461 Syrian places, first hit).

    >>> skeleton("hassake"), skeleton("الحسكه")
    ('~hsk', '~hsk')

A second, finer key keeps w and y, which tell names of few consonants apart.

    >>> name_keys("adawiyah"), name_keys("العدويه")
    (('=dwy',), ('=dwy',))
"""

from __future__ import annotations

import re
from functools import lru_cache

from rag.language.fold import fold

MARK, FINE_MARK = "~", "="  # set keys apart from stems, and the two kinds from each other
MIN_LETTERS, MIN_CONSONANTS, MIN_FINE, LEAST = 4, 2, 3, 3
_ARTICLES = ("وال", "بال", "كال", "فال", "لل", "ال")
_ARABIC = str.maketrans(
    dict(zip("بتطثجحهخدضذظرزسصشغفقكلمن", "btttghhkdddzrzsssgfkklmn", strict=True)) | dict.fromkeys("اعءى", "") | {"و": "w", "ي": "y"}
)
_DIGRAPHS = (("sh", "s"), ("ch", "s"), ("kh", "k"), ("gh", "g"), ("th", "t"), ("dh", "d"), ("ph", "f"))
_LATIN = str.maketrans(dict(zip("pvcqxj", ["b", "f", "k", "k", "ks", "g"], strict=True)) | dict.fromkeys("aeiou'", ""))
_DOUBLED = re.compile(r"(.)\1+")
GLUED_ARTICLE = re.compile("^al(?=[^aeiou].{2})")  # Alshaar; of ألبانيا the first letters are taken off too
_FINAL_H = re.compile(r"(?<=[ae])h$")
_LATIN_NAME = re.compile(r"\b(?:[Aa]l[- ](\w+)|([A-Z\u00C0-\u00DE\u1E00-\u1EFF][^\W\d_]+(?:['’`][^\W\d_]{2,})*))(?: (?=([A-Z]\w+)))?")
_ARABIC_WORD = re.compile(r"[\u0620-\u064A\u0640\u064B-\u0652\u0670-\u06D3]{3,}")


_GLIDES = str.maketrans("", "", "wy")
_PROCLITICS = "بلوفك"


def names_in(text: str) -> list[str]:
    """Return the keys by which the names of a text are found, those of بسنجار also as of سنجار."""
    found = (key for word in (*can_be_names(text), *_pairs(text)) for form in _bare(word) for key in name_keys(form))
    return list(found)


@lru_cache(maxsize=100_000)
def name_keys(word: str) -> tuple[str, ...]:
    """Return the skeleton of one folded word and its finer key, as far as enough of it is left for each."""
    fine = _fine(word, least=LEAST)
    bare = fine.translate(_GLIDES)
    coarse = MARK + bare if len(bare) >= MIN_CONSONANTS else None
    return tuple(key for key in (coarse, FINE_MARK + fine if len(fine) >= MIN_FINE else None) if key)


@lru_cache(maxsize=100_000)
def skeleton(word: str) -> str | None:
    """Return the skeleton of one folded word, or None when too little of it is left to tell names apart."""
    consonants = _fine(word).translate(_GLIDES)
    return MARK + consonants if len(consonants) >= MIN_CONSONANTS else None


def can_be_names(text: str) -> list[str]:
    """Return the folded words of a text that can be names: capitalised Latin words, those after an article and Arabic ones."""
    latin = (folded for after_article, word, _ in _LATIN_NAME.findall(text) if len(folded := fold(after_article or word)) >= LEAST)
    return [*latin, *(fold(word) for word in _ARABIC_WORD.findall(text))]


def _pairs(text: str) -> list[str]:
    """Latin names of two words, as one: Mar Zita is معرزيتا."""
    return [fold(first + second) for _, first, second in _LATIN_NAME.findall(text) if first and second]


def _bare(word: str) -> tuple[str, ...]:
    glued = not word.isascii() and word[0] in _PROCLITICS and len(word) > MIN_LETTERS and not word.startswith(_ARTICLES)
    return (word, word[1:]) if glued else (word,)


def _fine(word: str, *, least: int | None = None) -> str:
    """The consonants, w and y of a folded word; empty when it is too short or of a third script."""
    if len(word) < (least or (MIN_LETTERS if word.isascii() else MIN_LETTERS - 1)):
        return ""
    consonants = _latin(word) if word.isascii() else _arabic(word)
    return consonants if consonants.isascii() and consonants.isalpha() else ""


def _arabic(word: str) -> str:
    for article in _ARTICLES:
        if word.startswith(article) and len(word) - len(article) >= 3:
            word = word[len(article) :]
            break
    return _DOUBLED.sub(r"\1", word.removesuffix("ه")).translate(_ARABIC)


def _latin(word: str) -> str:
    word = GLUED_ARTICLE.sub("", word)
    word = _FINAL_H.sub("", _DOUBLED.sub(r"\1", word))
    for pair, letter in _DIGRAPHS:
        word = word.replace(pair, letter)
    return word.translate(_LATIN)
