"""The numbers of a text, Arabic and English, in digits and in words, with the exact characters that write each.

A number is read token by token, as far as it goes: units, tens, hundreds and scales each have their place, و or "and" joins them, and what
cannot follow begins the next number. Vague amounts (عشرات، بضعة، dozens) are none; "more than fifty" is fifty, marked as a bound.

    >>> [(str(number.value), number.kind) for number in numbers("مئة وواحد وعشرون شهيداً، أي 2.75 بالمئة")]
    [('121', 'cardinal'), ('2.75', 'percent')]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import cache, lru_cache
from itertools import zip_longest
from typing import Literal

from rag.language.numerals import REPEATED, Kind, Sum
from rag.language.resources import entries, pairs
from rag.language.tokens import Token, key, phrase, tokens

Written = Literal["digits", "words", "mixed", "dual"]
Bound = Literal["exact", "about", "over", "under"]
_PERCENTS = ("%", "بالمئة", "بالمائة", "بالمية", "في المئة", "في المائة", "في المية", "percent", "per cent", "pct")
_HYPHENS = "-‐‑"
_MULTIPLIERS = ("hundred", "hundreds", "scale", "scales", "tanwin", "parts")
_CURRENCY_SIGNS = ("$", "€", "£")
_MILLIONS = {"m": Decimal(10**6), "b": Decimal(10**9)}  # after digits, and only of money: 100m is a distance
_ORDINAL_LETTERS = ("st", "nd", "rd", "th")
_RANGE = ("-", "–", "—", "الي", "to")
_LONGEST_BOUND = 4  # words


@dataclass(frozen=True, slots=True)
class Number:
    """A number and where it is written. `value` of 20% is 20; `dual` is a noun that says two of something (قتيلان)."""

    start: int
    end: int
    value: Decimal
    kind: Kind
    written: Written
    bound: Bound = "exact"


@dataclass(frozen=True, slots=True)
class Placed:
    """A number and the tokens that write it, for what is built from numbers."""

    number: Number
    first: int
    after: int


def numbers(text: str) -> list[Number]:
    """Return every number in `text`, in order, the longest reading of each; `text[number.start : number.end]` is what is written."""
    return [placed.number for placed in read(text)[1]]


def same_number(one: Number, other: Number) -> bool:
    """Say whether two numbers state the same: equal values, both or neither a percentage. "20th" and "20" are the same."""
    return one.value == other.value and (one.kind == "percent") == (other.kind == "percent")


def number_terms(text: str) -> set[str]:
    """Return a search key for each number in `text`, the same for every way of writing it: `#121`, `#2.75`."""
    return {f"#{_plain(number.value)}" for number in numbers(text)}


def in_digits(number: Number) -> str:
    """Return a number in digits, thousands grouped: `12,000`, `2.75%`. A fraction without end is rounded to two places."""
    with localcontext(prec=len(f"{number.value:f}") + 6):  # else what has more than 28 digits cannot be rounded
        shown = number.value if number.value == round(number.value, 6) else round(number.value, 2)
        return f"{shown.normalize():,f}" + ("%" if number.kind == "percent" else "")


def _plain(value: Decimal) -> str:
    """A value in digits, without zeros that say nothing; of any length, where `normalize` rounds to 28 digits or overflows."""
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


@lru_cache(maxsize=4096)
def read(text: str) -> tuple[tuple[Token, ...], tuple[Placed, ...]]:
    """Return the tokens of a text and the numbers among them."""
    found, placed, at = tuple(tokens(text)), [], 0
    telling = _no_numbers()
    while at < len(found):
        token = found[at]
        if (not token.role or token.role == "sign") and token.key not in telling:  # most words: this line sets the speed
            at += 1
            continue
        number = _number(found, at) if token.role not in ("", "sign") else None
        skipped = _no_number(found, at)
        if skipped and not number and _goes_on(found, at + skipped):
            skipped = 0
        if number and at + skipped < number.after:
            placed.append(number)
        at = max(number.after if number else 0, at + skipped, at + 1)
    return found, tuple(_share_percent(found, placed))


def _number(found: Sequence[Token], at: int) -> Placed | None:
    """The longest number that begins with the token `at`."""
    if _is_list_marker(found, at) or _is_pronoun(found, at):
        return None
    reading, best, before_join = Sum(), None, None
    after = at
    while (step := _next(found, at, after)) is not None:
        token, joined = found[step], step > at and (found[step].joined or found[after].key in ("و", "and"))
        if step > at and (token.preposed or (token.article and not found[at].article and reading.last != REPEATED)):
            break
        role = _role(found, step, reading, joined=joined)
        if not reading.take(role, token.value, joined=joined, latin=token.latin):
            if role in _MULTIPLIERS and not joined and before_join:
                best = before_join  # «مئة وثلاث مئة» is 100 and 300
            break
        after, before_join = step + 1, best if joined else before_join
        best = (after, reading.value, reading.kind) if reading.complete else best
    if best is None:
        return None
    after, value, kind = best
    return _finished(found, at, after, value, "ordinal" if _is_definite_tens(found, at, after) else kind)


def _next(found: Sequence[Token], first: int, at: int) -> int | None:
    """The token that may go on with a number: over a و or "and" standing alone, the hyphen of twenty-one."""
    step = at
    if at > first and at + 1 < len(found):
        token, following = found[at], found[at + 1]
        if token.key in ("و", "and"):
            step += 1
            if following.role == "one" and at + 2 < len(found) and found[at + 2].role == "fraction":
                step += 1  # three and a half
        elif token.key == "of" and found[at - 1].role == "fraction" and following.role == "one":
            step += 2  # a quarter of a million
        elif token.key in _HYPHENS and found[at - 1].latin and following.latin:
            step += found[at - 1].end == token.start and token.end == following.start
    return step if step < len(found) and found[step].role not in ("", "sign") else None


def _role(found: Sequence[Token], at: int, reading: Sum, *, joined: bool) -> str:
    """The role of a word where its neighbours decide: مليونا دولار are two million, عشرون مليوناً twenty; a third of, the third."""
    token, following = found[at], found[at + 1] if at + 1 < len(found) else None
    if token.role == "tanwin" and reading.group is not None and not joined:
        return "scale"
    if token.role == "tanwin":
        noun = following and not following.role and not following.latin and following.key[:1] != "و" and following.key not in _stop_words()
        return "two" if noun and not token.tanwin else "scale"
    if token.role == "ordinal" and token.latin and reading.group == 1 and token.value >= 3:
        return "parts" if reading.last == "unit" or (following and following.key == "of") else ""
    if token.role == "definite":
        return "ordinal" if token.article else ""
    return token.role


def _finished(found: Sequence[Token], first: int, after: int, value: Decimal, kind: Kind) -> Placed:
    """The number with what belongs to it on both sides: a percent sign, a minus, the letters of 3rd or $5m."""
    start, end = found[first].start, found[after - 1].end
    written = _written([token.role for token in found[first:after]])
    before, following = (found[first - 1] if first else None), (found[after] if after < len(found) else None)
    adjoins = bool(following and following.start == end and written == "digits")
    percent = _phrase_length(found, after, _percents())
    if percent:
        kind, after = "percent", after + percent
    elif adjoins and following and following.key in _ORDINAL_LETTERS:
        kind, after = "ordinal", after + 1
    elif adjoins and following and following.key in _MILLIONS and before and before.key in _CURRENCY_SIGNS:
        value, after = value * _MILLIONS[following.key], after + 1
    elif written == "digits" and before and before.end == start:
        apart = first == 1 or found[first - 2].end < before.start
        if before.role == "percent" and apart:
            kind, start = "percent", before.start
        elif before.key == "\u2212" or (before.key == "-" and apart and first > 1 and found[first - 2].key != "\n"):
            value, start = -value, before.start
    return Placed(Number(start, found[after - 1].end, value, kind, written, _bound(found, first)), first, after)


def _written(roles: Sequence[str]) -> Written:
    if roles[0] == "noun":
        return "dual"
    in_digits = ["digits" if role in ("digits", "suffix") else "words" for role in roles if role not in ("", "sign")]
    return "mixed" if len(set(in_digits)) == 2 else in_digits[0]  # type: ignore[return-value]


def _bound(found: Sequence[Token], first: int) -> Bound:
    """What the words before a number make of it; they may begin with a clitic (بأكثر من، وحوالي)."""
    for length in range(min(_LONGEST_BOUND, first), 0, -1):
        words = tuple(token.key for token in found[first - length : first])
        for start in (words[0], words[0][1:]) if words[0][:1] in "وبلف" else (words[0],):
            if known := _bounds().get((start, *words[1:])):
                return known
    return "exact"


def _is_definite_tens(found: Sequence[Token], first: int, after: int) -> bool:
    """Whether the number is tens with an article alone: القرن العشرون is the twentieth."""
    return after == first + 1 and found[first].article and found[first].role == "tens"


def _is_list_marker(found: Sequence[Token], at: int) -> bool:
    """Whether the token numbers a line: `1. text`, `2) text`, `3- text`."""
    if found[at].role != "digits" or found[at].value >= 100 or at + 2 >= len(found) or (at and found[at - 1].key != "\n"):
        return False
    mark, text = found[at + 1 : at + 3]
    return mark.key in (".", ")", "-") and mark.start == found[at].end and text.start > mark.end and text.key != "\n"


def _is_pronoun(found: Sequence[Token], at: int) -> bool:
    """Whether "one" counts nothing because nothing follows it: the last one."""
    return found[at].key == "one" and (at + 1 == len(found) or (found[at + 1].role == "sign" and found[at + 1].key not in _HYPHENS))


def _no_number(found: Sequence[Token], at: int) -> int:
    """How many tokens from `at` on are a phrase in which a number word counts nothing (no one, كانون الثاني)."""
    return _phrase_length(found, at, _no_numbers())


def _goes_on(found: Sequence[Token], after: int) -> bool:
    """Whether the last word before `after` begins a longer number: "that one hundred"."""
    number = _number(found, after - 1) if found[after - 1].role not in ("", "sign") else None
    return number is not None and number.after > after


def _phrase_length(found: Sequence[Token], at: int, phrases: Mapping[str, Sequence[tuple[str, ...]]]) -> int:
    """How many tokens from `at` on are one of the phrases, which are found by their first word; 0 when none stands there."""
    for words in phrases.get(found[at].key, ()) if at < len(found) else ():
        last = at + len(words) - 1
        if last < len(found) and found[last].key == words[-1] and all(found[at + i].key == word for i, word in enumerate(words)):
            return len(words)
    return 0


def _share_percent(found: Sequence[Token], placed: Sequence[Placed]) -> Iterator[Placed]:
    """In a range only its end bears the percent sign: 5–7%, من 5 إلى 7 بالمئة."""
    for one, other in zip_longest(placed, placed[1:]):
        between = found[one.after : other.first] if other else ()
        joined = len(between) == 1 and between[0].key in _RANGE and one.number.kind == "cardinal"
        shared = joined and other and other.number.kind == "percent"
        yield replace(one, number=replace(one.number, kind="percent")) if shared else one


@cache
def _no_numbers() -> dict[str, list[tuple[str, ...]]]:
    return _by_first_word(entries("not_numbers.txt"))


@cache
def _percents() -> dict[str, list[tuple[str, ...]]]:
    return _by_first_word(_PERCENTS)


def _by_first_word(phrases: Iterable[str]) -> dict[str, list[tuple[str, ...]]]:
    """The phrases by their first words, longest first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for words in sorted(map(phrase, phrases), key=len, reverse=True):
        found.setdefault(words[0], []).append(words)
    return found


@cache
def _bounds() -> dict[tuple[str, ...], Bound]:
    return {phrase(words): bound for words, bound in pairs("bounds.tsv").items()}  # type: ignore[misc]


@cache
def _stop_words() -> frozenset[str]:
    return frozenset(key(word) for word in entries("stopwords.ar.txt"))
