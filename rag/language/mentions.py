"""The names that a text mentions, and whether another text, of either language, mentions them too.

A name is one of the gazetteer (the entries of `lexicon.tsv` that English writes with a capital), a capitalised Latin word that is no
vocabulary, or, in Arabic, which has no capitals, what follows a word that announces a name (جسر، الدكتور) or makes a full name with a
surname (سلوى القمحاوي); and web addresses. Knows nothing of answers or quotes.

    >>> [(name.text, name.stands_in(wording("بيان من الحسكة"))) for name in mentions("The prison in Hasakah and the one in Raqqa")]
    [('Hasakah', True), ('Raqqa', False)]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from itertools import pairwise

import regex  # type: ignore[import-untyped, unused-ignore]

from rag.language.calendar_words import months, weekdays
from rag.language.fold import fold
from rag.language.gazetteer import listed_names
from rag.language.lexicon import question_terms
from rag.language.names import MARK, skeleton
from rag.language.numbers import numbers
from rag.language.polarity import turns
from rag.language.resources import entries
from rag.language.taken import Taken
from rag.language.terms import content_words, stem
from rag.language.tokens import key

Form = tuple[str, ...]
LIKENESS = 0.85  # of two consonant skeletons across scripts, as difflib measures it: one letter more or less in seven
MIN_STEM = 4  # letters that Iraq and Iraqi have in common
LONGEST_FORM = 4
MIN_LETTERS = 3  # of a name that is not listed
_WORD = regex.compile(r"\p{L}[\p{L}\p{Mn}\p{Cf}]*")
_ADDRESS = regex.compile(
    r"(?i)(?:https?://|www\.)[^\s<>()\[\]«»“”\"]+|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"
    r"|\b[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,9}\.(?:com|org|net|example)\b"  # a label has 63 letters at most
)
_STARTS = frozenset('.!?؟؛:\n“”"«»(')  # behind these a sentence begins, over spaces and the marks of a list
_BESIDE = regex.compile(r"[\s\p{Cf}«“\"(]*")  # between a word that announces a name and the name; «السجن»، ونصه has none
TANWIN = regex.compile("\u0627\u064b|\u064b\u0627")  # the ending of راكباً
_VERB_ENDINGS, _VERB_BEGINNINGS = ("ت", "وا", "تا"), "يتن"
_BEGINNINGS, _ENDINGS = ("ال", "لل", "وال", "بال", "ي", "ت", "ن", "ا"), ("ها", "هم", "ه", "ت", "وا", "نا", "ات")  # of verbs and nouns
_CLITICS = ("و", "ف", "ب", "ل", "ك", "وب", "ول", "فل")


@dataclass(frozen=True, slots=True)
class Wording:
    """What a text says, to look names up in: stems with and without clitics, skeletons of each script, addresses."""

    stems: frozenset[str]
    arabic: tuple[str, ...]
    latin: tuple[str, ...]
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Mention:
    """A name and where it is written. `forms`: the ways of giving one that is listed, as stems; else there is the word alone."""

    start: int
    end: int
    text: str
    forms: tuple[Form, ...] = ()

    def stands_in(self, found: Wording) -> bool:
        """Say whether a text of this wording gives the name, be it in the other script or as its adjective (Iraq, Iraqi)."""
        if _ADDRESS.fullmatch(self.text):
            return fold(self.text) in found.addresses
        if self.forms:
            return any(all(part in found.stems for part in form) for form in self.forms) or _sounds_same(fold(self.text), found)
        stems = {stem(form) for form in _bare(fold(TANWIN.sub("", self.text)))}
        return bool(stems & found.stems) or _sounds_alike(fold(self.text), found) or _is_kindred(fold(self.text), found)

    def means_in(self, text: str) -> bool:
        """Say whether a word of an Arabic text means the same, by the lexicon."""
        mine = _meanings(self.text)
        return any(mine & _meanings(word.text) for word in _words(text))


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    text: str
    folded: str


@lru_cache(maxsize=512)
def wording(text: str) -> Wording:
    """Return what `Mention.stands_in` looks into."""
    said = _words(text)
    forms = [form for word in said for form in _bare(word.folded)]
    latin = [shape for word in said if word.text[0].isupper() and (shape := skeleton(word.folded))]
    arabic = [shape for form in forms if not form.isascii() and (shape := skeleton(form))]
    addresses = [fold(_trimmed(match[0])) for match in _ADDRESS.finditer(text)]
    stems = {stem(shape) for form in forms for shape in (form, _without_article(form))}  # السودان is its own stem, سودان another
    return Wording(frozenset(stems), tuple(arabic), tuple(latin), frozenset(addresses))


@lru_cache(maxsize=512)
def mentions(text: str) -> tuple[Mention, ...]:
    """Return the names in `text`, in order, without overlaps."""
    found = [Mention(match.start(), match.start() + len(_trimmed(match[0])), _trimmed(match[0])) for match in _ADDRESS.finditer(text)]
    taken = Taken(len(text), found)
    said = [word for word in _words(text) if word.start not in taken]
    for mention in _listed(text, said):
        taken.add(mention.start, mention.end)
        found.append(mention)
    names: list[_Word] = []
    for at, word in enumerate(said):
        if word.start not in taken and _is_name(text, said, at, names):
            names.append(word)
    found += [Mention(word.start, word.end, word.text) for word in names]
    return tuple(sorted(found, key=lambda mention: mention.start))


def possible_names(text: str) -> list[Mention]:
    """Return the Arabic words of a text that may be names, though nothing says so: those of no vocabulary."""
    said = [word for word in _words(text) if not word.folded.isascii() and len(word.folded) >= MIN_LETTERS and content_words(word.text)]
    possible = [
        word
        for word in said
        if not (turns(word.text) or _is_vocabulary(word))
        and (not _begins(text, word.start) or _is_definite(word))  # what begins a sentence is a verb, most often
    ]
    return [Mention(word.start, word.end, word.text) for word in possible]


def rows_of_names(text: str) -> list[Mention]:
    """Return the Arabic words of a text of which two or more in a row may be names, none with the article or the ending of a verb.

    Beside their own passages, 1,766 public questions have nine such rows that are not in it: seven are names, two are none (قام طاقم).
    """
    said = [name for name in possible_names(text) if not _is_inflected(fold(name.text))]
    beside = [(one, two) for one, two in pairwise(said) if text[one.end : two.start] == " "]
    return list({name.start: name for pair in beside for name in pair}.values())


def _is_inflected(folded: str) -> bool:
    return folded.startswith(_BEGINNINGS) or folded.endswith(_ENDINGS)


def can_be_name(text: str) -> bool:
    """Say whether no word of a text is one of the lexicon, of dates or of numbers, and each carries meaning and, if Latin, a capital."""
    said = _words(text)
    capitals = all(word.text[0].isupper() or not word.folded.isascii() for word in said)
    return bool(said) and capitals and not any(_is_vocabulary(word) or not content_words(word.text) or turns(word.text) for word in said)


def is_announced(text: str, at: int) -> bool:
    """Say whether the word before an offset announces a name, be what follows a common word as in جبل الشيخ."""
    before = _words(text[:at])[-1:]
    return any(_announces(word) and _BESIDE.fullmatch(text[word.end : at]) is not None for word in before)


@lru_cache(maxsize=4096)
def _meanings(word: str) -> frozenset[Form]:
    return frozenset(form for term in question_terms(word, "en") for form in term.renderings if not form[0].startswith(MARK))


def _is_definite(word: _Word) -> bool:
    return any(form.startswith(("ال", "لل")) for form in _bare(word.folded))


def _trimmed(address: str) -> str:
    return address.rstrip(".,،؛:!?؟")


def _words(text: str) -> list[_Word]:
    found = [(match, fold(TANWIN.sub("", match[0]))) for match in _WORD.finditer(text)]
    return [_Word(match.start(), match.end(), match[0], folded) for match, folded in found if folded]


def _bare(folded: str) -> list[str]:
    """A word, and what is left of it when its first letters are taken for clitics (بدمشق)."""
    if folded.isascii():
        return [folded]
    rests = [folded.removeprefix(clitic) for clitic in _CLITICS if folded.startswith(clitic)]
    return [folded, *(rest for rest in rests if len(rest) >= MIN_LETTERS)]


def _sounds_alike(folded: str, found: Wording) -> bool:
    """Whether a name stands in a text in the other script."""
    others = found.arabic if folded.isascii() else found.latin
    shapes = [shape for form in _bare(folded) if (shape := skeleton(form))]
    if any(shape.replace("h", "") == other.replace("h", "") for shape in shapes for other in others):
        return True  # John and جون, Nazih and نزيه
    if not shapes and others and folded.isascii():
        return not found.latin  # too short to be told by its consonants: Umm, Ras
    return any(get_close_matches(shape[1:], [other[1:] for other in others], n=1, cutoff=LIKENESS) for shape in shapes)


def _sounds_same(folded: str, found: Wording) -> bool:
    """Whether a listed name is that of someone else in the other script: السرياني, a Syriac, and Sariyani."""
    shape = skeleton(folded)
    return shape is not None and len(shape) > MIN_STEM - 1 and shape in (found.arabic if folded.isascii() else found.latin)


def _is_kindred(folded: str, found: Wording) -> bool:
    """Whether a text holds a Latin name with another ending: Iraqi for Iraq."""
    beginnings = [other for other in found.stems if len(other) >= MIN_STEM and other.isascii()]
    return len(folded) >= MIN_STEM and any(other.startswith(folded) or folded.startswith(other) for other in beginnings)


# Listed names


def _listed(text: str, said: Sequence[_Word]) -> Iterator[Mention]:
    """Names of the gazetteer, the longest at each place."""
    kept = [word for word in said if content_words(word.text)]
    at = 0
    while at < len(kept):
        length, forms = _longest(kept, at)
        if forms:
            start, end = kept[at].start, kept[at + length - 1].end
            yield Mention(start, end, text[start:end], forms)
        at += max(length, 1)


def _longest(kept: Sequence[_Word], at: int) -> tuple[int, tuple[Form, ...]]:
    for length in range(min(LONGEST_FORM, len(kept) - at), 0, -1):
        rest = tuple(_without_article(word.folded) for word in kept[at + 1 : at + length])
        whole = (_without_article(kept[at].folded),) in _common()  # ورقة is a paper before it is "and Raqqa"
        for first in _bare(kept[at].folded)[: 1 if whole else None]:
            forms = _gazetteer().get((_without_article(first), *rest))
            if forms and (not kept[at].folded.isascii() or kept[at].text[0].isupper()):
                return length, forms
    return 0, ()


@cache
def _gazetteer() -> dict[Form, tuple[Form, ...]]:
    """The words of every listed name, with all the forms of that name; left out are days, months, what common words are written
    like, and what is left of «سي إن إن» without the words that are stop words."""
    found: dict[Form, dict[Form, None]] = {}
    for line in (*entries("lexicon.tsv"), *listed_names()):
        if line[0].isupper() and not _is_calendar(line):
            for written in _written(line):
                if written not in _common() and (len(written) > 1 or len(written[0]) >= MIN_LETTERS or written[0].isascii()):
                    found.setdefault(written, {}).update(dict.fromkeys(_stemmed(line)))
    return {written: tuple(forms) for written, forms in found.items()}


@cache
def _common() -> frozenset[Form]:
    """The words of everything in the lexicon that is no name."""
    lines = (line for line in entries("lexicon.tsv") if not line[0].isupper() or _is_calendar(line))
    return frozenset(written for line in lines for written in _written(line))


def _is_calendar(line: str) -> bool:
    first = key(line.partition("\t")[0].split("|")[0].split()[0])
    return first in months() or first in weekdays()


def _written(line: str) -> list[Form]:
    forms = [content_words(form) for part in line.split("\t") for form in part.split("|")]
    return [tuple(_without_article(word) for word in form) for form in forms if form]


def _stemmed(line: str) -> list[Form]:
    forms = [content_words(form) for part in line.split("\t") for form in part.split("|")]
    return [tuple(stem(word) for word in form) for form in forms if form]


def _without_article(folded: str) -> str:
    return folded.removeprefix("ال") if len(folded) >= MIN_STEM else folded


# Other names


def _is_name(text: str, said: Sequence[_Word], at: int, names: Sequence[_Word]) -> bool:
    word = said[at]
    if len(word.folded) < MIN_LETTERS - word.text.isupper() or not content_words(word.text) or _is_vocabulary(word):
        return False
    before, following = (said[at - 1] if at else None), (said[at + 1] if at + 1 < len(said) else None)
    if word.folded.isascii():
        return _is_capitalised(text, word, following)
    after_name = before is not None and before in names[-1:] and text[before.end : word.start] == " " and word.folded[0] != "و"
    announced = before is not None and _announces(before) and _BESIDE.fullmatch(text[before.end : word.start]) is not None
    return after_name or announced or _is_full_name(word, following)


def _is_capitalised(text: str, word: _Word, following: _Word | None) -> bool:
    """Whether a Latin word is written as a name: with a capital that no beginning of a sentence explains, or in capitals."""
    if not word.text[0].isupper():
        return False
    inside = not _begins(text, word.start)
    full = following is not None and following.text[0].isupper() and text[word.end : following.start] == " "
    return inside or word.text.isupper() or full


def _begins(text: str, at: int) -> bool:
    """Whether a sentence begins at a place, or what is in quotation marks or brackets."""
    while at and text[at - 1] not in _STARTS and (text[at - 1].isspace() or text[at - 1] in "•*-"):
        at -= 1
    return not at or text[at - 1] in _STARTS


def _is_full_name(word: _Word, following: _Word | None) -> bool:
    """Whether a given name and a surname of origin stand here: سلوى القمحاوي."""
    surname = following is not None and following.folded.startswith("ال") and following.folded.endswith("ي")
    return bool(surname and following and not _is_vocabulary(following) and not word.folded.startswith("ال"))


def _announces(word: _Word) -> bool:
    return any(form in _heads() for form in _bare(word.folded))


def _is_vocabulary(word: _Word) -> bool:
    """Whether a word is one of the lexicon, of dates or of numbers, in any inflection."""
    stems = {stem(shape) for form in _bare(word.folded) for shape in (form, *_verbs(form))}
    calendar = key(word.text) in months() or key(word.text) in weekdays()
    return not stems.isdisjoint(_vocabulary()) or calendar or bool(numbers(word.text))


def _verbs(form: str) -> Iterator[str]:
    """A word without what a verb may have at either end: بدأت، أعلنوا، ينفي."""
    for ending in _VERB_ENDINGS:
        if form.endswith(ending) and len(form) - len(ending) >= MIN_LETTERS:
            yield form.removesuffix(ending)
    if form[0] in _VERB_BEGINNINGS and len(form) > MIN_LETTERS:
        yield form[1:]


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(stem(part) for form in _common() for part in form)


@cache
def _heads() -> frozenset[str]:
    return frozenset(fold(word) for name in ("name_heads.txt", "titles.txt") for word in entries(name))
