"""How far two short texts agree: exact match, token F1, and whether one holds the other.

English is normalised as the official SQuAD script does it: lower case, no punctuation, no articles, single spaces. The official scripts
for Arabic differ from each other; here an Arabic text is folded (rag.language.fold: no marks or tatweel, أإآ → ا, ى → ي, ة → ه, digits
0–9), loses its punctuation in every script, and each word its article ال when two letters remain. Clitics (و ب ل ك ف) stay: taking them off
spoils words that begin with those letters. The language of the expected text decides.

    >>> token_f1("على متنها مئتا راكبٍ", "مئتا راكب"), exact_match("The  ferry!", "a ferry")
    (0.6666666666666666, 1.0)
"""

from __future__ import annotations

import re
import string
from collections import Counter
from functools import lru_cache
from unicodedata import category

from rag.language import fold, language_of

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ARABIC_ARTICLE = re.compile(r"\bال(?=\w{2})")
_PUNCTUATION = frozenset(string.punctuation)


def normalise(text: str, *, arabic: bool) -> str:
    """Return the form in which answers are compared."""
    if not arabic:
        bare = "".join(char for char in text.lower() if char not in _PUNCTUATION)
        return " ".join(_ARTICLES.sub(" ", bare).split())
    bare = "".join(char for char in fold(text) if category(char)[0] not in "PS")
    return " ".join(_ARABIC_ARTICLE.sub("", bare).split())


def exact_match(said: str, expected: str) -> float:
    """Return 1.0 when both texts are the same once normalised, else 0.0."""
    arabic = language_of(expected) == "ar"
    return float(normalise(said, arabic=arabic) == normalise(expected, arabic=arabic))


def token_f1(said: str, expected: str) -> float:
    """Return the harmonic mean of precision and recall of the words; 1.0 when neither text has any."""
    arabic = language_of(expected) == "ar"
    a, b = (normalise(text, arabic=arabic).split() for text in (said, expected))
    if not a or not b:
        return float(a == b)
    common = (Counter(a) & Counter(b)).total()
    return 2 * common / (len(a) + len(b))


def holds(text: str, stretch: str) -> bool:
    """Say whether `text` holds `stretch`, both folded, however spaced; "3" is not held by "13" or "3.5", nor "cat" by "cats"."""
    return _whole(stretch).search(_folded(text)) is not None


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return " ".join(fold(text).split())


@lru_cache(maxsize=4096)
def _whole(stretch: str) -> re.Pattern[str]:
    """Numbers and Latin words count whole; an Arabic word may carry clitics."""
    folded = _folded(stretch)
    begin = r"(?<!\d)(?<!\d[.,])" if folded[:1].isdigit() else r"(?<![a-z])" if folded[:1].isascii() and folded[:1].isalpha() else ""
    end = r"(?![.,]?\d)" if folded[-1:].isdigit() else r"(?![a-z])" if folded[-1:].isascii() and folded[-1:].isalpha() else ""
    return re.compile(begin + re.escape(folded) + end)
