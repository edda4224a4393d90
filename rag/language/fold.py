"""Folding: the form of a text in which spellings that readers take for the same are equal.

After Lucene's ArabicNormalizer (alef forms, alef maqsura, ta marbuta, marks, tatweel), extended by compatibility forms, Persian
letters, all digit families, hamza carriers and Latin accents. The result is for matching only and is never shown.

    >>> fold("أُسْـرَةٌ ١٢٣")
    'اسره 123'
"""

from __future__ import annotations

import unicodedata

TATWEEL = "\u0640"
_SAME = {
    "\u0671": "ا",  # alef wasla has no decomposition
    "ى": "ي",
    "ة": "ه",
    "ە": "ه",
    "ک": "ك",
    "ی": "ي",
    "ھ": "ه",
    "گ": "ك",
    "٪": "%",
    "٫": ".",
    "٬": ",",
    "ـ": "",
    "’": "'",
    "ʼ": "'",
    "ß": "ss",
    "ø": "o",
    "ı": "i",
}


class _Folded(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        apart = unicodedata.normalize("NFKD", chr(code)).casefold()
        self[code] = folded = "".join(_SAME.get(char, _plain(char)) for char in apart)
        return folded


_FOLDED = _Folded()


def fold(text: str) -> str:
    """Return the folded form of `text`: no marks, no invisible characters, one letter form, digits 0–9, lower case.

    Decomposition (NFKD) separates أ إ آ ؤ ئ and accented Latin letters from their marks and opens presentation forms; what remains of
    category Mn or Cf is dropped.
    """
    return text.lower() if text.isascii() else text.translate(_FOLDED)


def _plain(char: str) -> str:
    if char.isascii():
        return char
    category = unicodedata.category(char)
    if category in ("Mn", "Cf"):
        return ""
    return str(unicodedata.decimal(char)) if category == "Nd" else char
