"""A text as tokens: words, numerals and signs with their places in the original, and what each word means to a number.

Words are folded one by one, never the whole text, so that offsets stay true through diacritics, tatweel and presentation forms. Knows
nothing of how tokens combine.

    >>> [(token.start, token.end, token.role, int(token.value)) for token in tokens("وعِشرين ٢٠ألف")]
    [(1, 7, 'tens', 20), (8, 10, 'digits', 20), (10, 13, 'scale', 1000)]
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import cache, lru_cache
from itertools import accumulate
from typing import NamedTuple

import regex  # type: ignore[import-untyped, unused-ignore]

from rag.language.fold import fold
from rag.language.resources import entries, pairs

_GROUPED = r"\d{1,3}(?P<comma>[,٬،'’\u00A0\u2009\u202F])\d{3}(?:(?P=comma)\d{3})*+(?!\d)(?:[.٫]\d++)?"  # 1,234,567.8
_DOTTED = r"\d{1,3}(?:\.\d{3}){2,}+(?!\.?\d)"  # 1.002.000
_DECIMAL = r"(?<!\d[.٫])\d++(?:[.٫]\d++(?![.٫]\d)|[,،]\d{1,2}(?![\d,،.٫]\d|\d))"  # 2.75 and 2,75
_NOT_COUNTED = "|".join(
    (
        r"https?://\S+|www\.\S+|(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]++@[\w-]+(?:\.\w+)+",
        r"\+\d{1,3}(?:[ -]?\(?\d{1,4}\)?){2,4}(?!\d)",  # +963 11 234 5678
        r"(?<![\d.,])0\d{4,}+(?:[- ]\d++)*+|(?<!\d)0\d++-\d[\d-]{4,}",  # 0933-123-456
        r"(?!\d{4}-\d\d?-\d\d?(?![\d-])|\d\d?-\d\d?-\d{4}(?![\d-]))\d++(?:-\d++){2,}",  # 1-800-555
        r"\d++(?:\.\d++){3,}|\d++[AC-JLN-Z](?![A-Za-z])|\d++[A-Za-z]+\d\w*",  # 10.0.0.1, 5G, 4x4
        r"(?i:(?!(?:mid|pre|post|early|late|non|us|usd|eur|gbp|rs|syp)-?\d)[a-z]+-?\d[\w-]*)",  # F-16, A320
    )
)
_TOKEN = regex.compile(
    rf"(?P<word>(?![A-Za-z])\p{{L}}[\p{{L}}\p{{Mn}}\p{{Cf}}]*+)|(?=[A-Za-z0-9+])(?<!\w)(?P<name>{_NOT_COUNTED})"
    rf"|(?P<numeral>{_GROUPED}|{_DOTTED}|{_DECIMAL}|\d++)|(?P<latin>[A-Za-z]++(?:['’][a-z]++)?)|(?P<sign>[^\s\w\p{{M}}\p{{Cf}}]|\p{{No}}|\n)"
)
_GROUPS = re.compile(r"\d{1,3}(?:[,،' ]\d{3})+(?:\.\d+)?")
_POINT_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}|[1-9]\d{0,2}\.\d00")  # 309.500 square kilometres
_INVISIBLE = "".join(map(chr, (0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)))
_PREFIX = {  # before an Arabic number word: the letters its span leaves out, whether و joins it, a preposition, the article
    f"{conjunction}{preposition}{article}": (
        len(conjunction + preposition),
        conjunction == "و",
        bool(preposition) or conjunction == "ف",
        article,
    )
    for article in ("", "ال")
    for preposition in ("", "ب", "ك", "ل")
    for conjunction in ("", "و", "ف")
    if not (preposition == "ل" and article)
} | {f"{conjunction}لل": (len(conjunction), conjunction == "و", True, "ال") for conjunction in ("", "و", "ف")}
_PREFIXES = sorted(_PREFIX, key=len)
_LONGEST_WORD = 100  # characters
_LONGEST_GLUED = 24  # letters of two number words written as one
_MULTIPLIERS = ("ten", "hundred", "scale", "scales", "tanwin")


class Token(NamedTuple):
    """A word, numeral or sign. The span of a number word leaves out a و or a preposition before it and keeps its article (للألف whole)."""

    start: int
    end: int
    key: str  # the folded word, whole
    role: str = ""  # of `numerals.tsv`, "digits", "sign" or, for any other word, empty
    value: Decimal = Decimal(0)
    joined: bool = False  # by a و before it
    preposed: bool = False
    article: bool = False
    latin: bool = False
    tanwin: bool = False  # a written ً: مليوناً is one million, where مليونا may be two


_JOINED_ONE = Token(1, 0, "واحد", "part", Decimal(1), joined=True)  # وأحد عشر, which folds like واحد


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text in order. White space separates them; a line break is a sign."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        group, (start, end) = match.lastgroup, match.span()
        if group in ("word", "latin"):
            for token in _read(match[0]):
                found.append(Token(start + token[0], start + token[1], *token[2:]))  # noqa: PERF401  # faster than a generator here
        elif group == "numeral":
            found.append(Token(start, end, match[0], "digits", _value(match[0])))
        else:
            found.append(_sign(start, end, match[0]))
    return found


def key(word: str) -> str:
    """Fold a word as number words are listed: ئ stays apart from ي, for ميتين are dead and مئتين are two hundred."""
    return fold(_composed(word).replace("ئ", "ء"))


def _composed(word: str) -> str:
    """A word in composed letters (NFKC); not what is no word: composing takes four times as long for twice as many marks."""
    return word if len(word) > _LONGEST_WORD else unicodedata.normalize("NFKC", word)


def phrase(entry: str) -> tuple[str, ...]:
    """Return the keys of the words of a listed phrase."""
    return tuple(key(word) for word in entry.split())


@lru_cache(maxsize=100_000)
def _read(word: str) -> tuple[Token, ...]:
    """The token of one word, with offsets into it; two when two number words are written as one (ثلاثمئة، عشرألف)."""
    word_key, end = key(word), len(word.rstrip(_INVISIBLE))
    if word.isascii():
        return (Token(0, end, word_key, *_numerals().get(word_key, ("", Decimal(0))), latin=True),)
    known = _known(word_key)
    if word_key == "واحد" and "أ" in _composed(word):
        known = _JOINED_ONE
    if known:
        return (_placed(word, known, 0, end),)
    for cut in range(2, len(word_key) - 2) if len(word_key) <= _LONGEST_GLUED else ():
        first, second = _known(word_key[:cut]), _known(word_key[cut:])
        if first and second and (second.joined or (not second.start and not second.article and second.role in _MULTIPLIERS)):
            middle = original(word, cut)
            return _placed(word, first, 0, middle), _placed(word[middle:], second, middle, end)
    return (Token(0, end, word_key),)


def _known(word_key: str) -> Token | None:
    """The number word in a key, the fewest letters taken off before it; `start` counts those the span leaves out."""
    numerals = _numerals()
    for prefix in _PREFIXES if word_key[:1] in "وفبكلا" else ("",):
        found = numerals.get(word_key[len(prefix) :]) if word_key.startswith(prefix) else None
        if found:
            role, value = found
            left_out, joined, preposed, article = _PREFIX[prefix]
            return None if role == "lookalike" else Token(left_out, 0, word_key, role, value, joined, preposed, bool(article))
    return None


def _placed(word: str, known: Token, offset: int, end: int) -> Token:
    return known._replace(start=offset + original(word, known.start), end=end, tanwin="\u064b" in word)


def original(word: str, letters: int) -> int:
    """Where the first `letters` letters of the folded word end in the word as written, their marks included."""
    reached = accumulate((len(key(char)) for char in word), initial=0)
    return max(at for at, count in enumerate(reached) if count <= letters) if letters else 0


def _value(numeral: str) -> Decimal:
    plain = fold(numeral)  # ٬ is a comma now, ٫ a point, a no-break space a space
    if _POINT_GROUPS.fullmatch(plain):
        return Decimal(plain.replace(".", ""))
    return Decimal(re.sub("[,،' ]", "" if _GROUPS.fullmatch(plain) else ".", plain))


def _sign(start: int, end: int, sign: str) -> Token:
    if sign in "%٪":
        return Token(start, end, "%", "percent")
    if sign.isnumeric():
        over, _, under = unicodedata.normalize("NFKC", sign).partition("\u2044")  # ¾ is 3⁄4
        if over and under:
            return Token(start, end, sign, "fraction", Decimal(over) / Decimal(under), joined=True)
    return Token(start, end, sign, "sign")


@cache
def _numerals() -> dict[str, tuple[str, Decimal]]:
    found: dict[str, tuple[str, Decimal]] = {}
    for form, meaning in pairs("numerals.tsv").items():
        role, value = meaning.split()
        over, _, under = value.partition("/")
        found[key(form)] = role, Decimal(over) / Decimal(under or 1)
    return found | {key(form): ("noun", Decimal(2)) for form in entries("dual_nouns.txt")}
