"""Which language a text is in: Arabic and English by script, others by a statistical identifier.

>>> language_of("سجن الصناعة في Hasakah"), foreign_language("Quelle est la population de Hassaké ?")
('ar', 'fr')
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from rag.language.fold import fold
from rag.language.resources import entries

_ARABIC = re.compile(r"[\u0620-\u064A\u066E-\u06D3\u06FA-\u06FF\u0750-\u077F\uFB50-\uFDFF\uFE70-\uFEFC]+")
_LATIN = re.compile(r"[A-Za-z\u00C0-\u024F\u1E00-\u1EFF]+")
_WORD = re.compile(r"[^\W\d_]+")
_OURS = ("ar", "arz", "ary", "en")
# The languages a reader of this region's statements may type; few enough that a short question is told apart surely.
_CANDIDATES = (*_OURS, "fr", "de", "es", "it", "pt", "nl", "sv", "pl", "ro", "id", "tr", "az", "ku", "ckb", "sdh", "fa", "ur", "ps")
_SURE = 0.8


def language_of(text: str) -> Literal["ar", "en"]:
    """Return "ar" when `text` has at least as many Arabic letters as Latin ones, else "en"; a text without letters is "en".

    A short Latin name does not make an Arabic question English: one Arabic word among Latin ones decides for Arabic from a third on.
    """
    arabic, latin = _letters(_ARABIC, text), _letters(_LATIN, text)
    return "ar" if arabic and arabic * 2 >= latin else "en"


def foreign_language(text: str) -> str | None:
    """Return the ISO code of the language of a question that is neither Arabic nor English, "und" for another script, else None.

    Careful in one direction: names, single words and anything with an Arabic or English function word count as ours.
    """
    letters, ours = _letters(_WORD, text), _letters(_ARABIC, text) + _letters(_LATIN, text)
    if letters and ours * 2 < letters:
        return "und"
    found = _WORD.findall(text)
    if len(found) < 3 or any(fold(word) in _telling_words() for word in found):
        return None
    code, probability = _identifier().classify(text)
    return None if code in _OURS or probability < _SURE else str(code)


def _letters(runs: re.Pattern[str], text: str) -> int:
    """How many letters a text has; a list of them would take eighty times the text's memory."""
    return sum(run.end() - run.start() for run in runs.finditer(text))


@cache
def _telling_words() -> frozenset[str]:
    """Function words that only Arabic or English has, so that one of them settles the matter."""
    return frozenset(fold(word) for word in entries("telling.txt"))


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(identifier.labels)
    identifier.set_languages([code for code in _CANDIDATES if code in known])
    return identifier
