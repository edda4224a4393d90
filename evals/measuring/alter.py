"""How surely the checks catch a true sentence that was altered, and how seldom they flag one that was not.

Every sentence of an index, and every sentence of public sets that holds an answer, cites the passage it stands in. One digit, number word,
month, name or negation is changed at a time, a word only to one that the passage does not hold; the checks should object to that and to
nothing in the sentence as it stands. A digit may make a figure that stands elsewhere in the passage. No model is needed.

    python -m evals.measuring.alter INDEX ../shared/evalsets/xquad-dev.ar.json ../shared/evalsets/xquad-dev.en.json
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

from evals.measuring.summary import SEED
from evals.questions.formats import read_squad
from ingest.passages import split
from rag.build import list_statements
from rag.language import dates, language_of, sentences, stem, words
from rag.language.mentions import mentions
from rag.language.polarity import turns
from rag.schema import Citation, Language
from rag.settings import load_settings
from rag.verification.check import check_answer

SEEDS = range(SEED, SEED + 3)  # the alterations tried of each sentence, one of each kind by each
LONGEST = 700  # characters of a passage, as ingest makes them
DIGITS = "0123456789٠١٢٣٤٥٦٧٨٩"
NUMBER_WORDS = (  # those of a line may stand for each other
    "ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة",
    "ثلاث أربع خمس ست سبع تسع",
    "عشرون ثلاثون أربعون خمسون ستون سبعون ثمانون تسعون",
    "عشرين ثلاثين أربعين خمسين ستين سبعين ثمانين تسعين",
    "ثلاثمئة أربعمئة خمسمئة ستمئة سبعمئة ثمانمئة",
    "two three four five six seven eight nine",
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "twenty thirty forty fifty sixty seventy eighty ninety",
)
MONTHS = (
    "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر شباط آذار نيسان أيار حزيران تموز آب أيلول",
    "January February March April May June July August September October November December",
)
TURNED = {  # what states, what denies: each is made the other
    "كان": "لم يكن",
    "كانت": "لم تكن",
    "وأكد": "ونفى",
    "وأكدت": "ونفت",
    "أكدت": "نفت",
    "ستبقى": "لن تبقى",
    "تبدأ": "لا تبدأ",
    "يبدأ": "لا يبدأ",
    "is": "is not",
    "was": "was not",
    "were": "were not",
    "has": "has not",
    "will": "will not",
    "said": "denied",
}
_FOOTNOTE = re.compile(r"\[\d+\]")  # an encyclopedia's; here such a number is a citation
Altered = tuple[str, str]  # what was changed, the sentence it makes


@dataclass(frozen=True)
class Sentence:
    """A true sentence and the quote that it is taken from."""

    text: str
    citation: Citation


def alterations(sentence: str, known: str, chance: random.Random, names: Sequence[Sequence[str]] = ()) -> Iterator[Altered]:
    """Yield the sentence with one thing changed, to what neither it nor, if a word, `known` holds; `names` may stand for each other."""
    for at, char in enumerate(sentence):
        if char in DIGITS:
            family = DIGITS[:10] if char in DIGITS[:10] else DIGITS[10:]
            yield "digit", sentence[:at] + chance.choice([digit for digit in family[1:] if digit != char]) + sentence[at + 1 :]
    pools = [("number word", pool.split()) for pool in NUMBER_WORDS] + [("month", pool.split()) for pool in MONTHS]
    for kind, pool in (*pools, *(("name", list(pool)) for pool in names)):
        for word in pool:
            for match in _whole(word).finditer(sentence) if word in sentence else ():
                others = [other for other in pool if other not in f"{sentence} {known}" and not _same(word, other)]
                if others:
                    yield kind, sentence[: match.start()] + chance.choice(others) + sentence[match.end() :]


def negations(sentence: str) -> Iterator[Altered]:
    """Yield the sentence with its first word that states made one that denies, or the reverse."""
    for states, denies in TURNED.items():
        for word, other in ((denies, states), (states, denies)):
            match = _whole(word).search(sentence)
            if match and not any(turns(near) for near in words(sentence[match.end() :])[:2] if word == states):
                yield "negation", sentence[: match.start()] + other + sentence[match.end() :]
                return


def flagged(text: str, citation: Citation) -> list[str]:
    """Return what the checks object to in a sentence that cites a quote."""
    return [f"{found.check.kind}:{found.check.text}" for found in check_answer(f"{text} [1]", [citation]) if not found.check.supported]


@lru_cache(maxsize=10_000)
def _whole(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]|[\u064b-\u0652]){re.escape(word)}(?![^\W_]|[\u064b-\u0652])")


def _same(word: str, other: str) -> bool:
    """Whether two words name the same month, or the same name otherwise: with another ending (سوري، السورية), as listed (بريطاني، UK)."""
    return bool(_meant(word) & _meant(other))


@lru_cache(maxsize=10_000)
def _meant(word: str) -> frozenset[object]:
    """The month that a word names, else its stems and the forms of a listed name: آذار is مارس."""
    found = dates(f"5 {word} 2030")
    forms = (form for name in mentions(word) for form in name.forms)
    return frozenset([found[0].month] if found and found[0].month else (*map(stem, words(word)), *forms))


# What is altered


def of_index(index: Path) -> list[Sentence]:
    """Return every sentence of an index with its passage as the quote."""
    found = []
    for statement in list_statements(load_settings(index=index)):
        for passage in split(statement):
            about = (statement.statement_id, statement.title, statement.issuer, statement.date, statement.source, passage.language)
            citation = Citation(1, *about, quote=passage.text, start=passage.start, end=passage.end, score=1.0)
            found += [Sentence(statement.text[span.start : span.end], citation) for span in passage.sentences]
    return found


def of_squad(path: Path) -> list[Sentence]:
    """Return the sentences of a SQuAD file that hold an answer, each with the paragraph about it as the quote."""
    language: Language = "en" if ".en." in path.name else "ar"
    found: dict[str, Sentence] = {}
    for question in read_squad(path, language):
        paragraph = question.statement or ""
        at = paragraph.find(question.evidence[0]) if question.evidence else -1
        for span in sentences(paragraph):
            text = paragraph[span.start : span.end]
            if span.start <= at < span.end and len(text.split()) > 4 and not _FOOTNOTE.search(text):
                start = max(0, min(span.start, len(paragraph) - LONGEST))
                quote = paragraph[start : max(start + LONGEST, span.end)]
                citation = Citation(1, "p", "", None, None, path.name, language, quote, start, start + len(quote), 1.0)
                found[text] = Sentence(text, citation)
    return list(found.values())


def name_pools(found: Iterable[Sentence]) -> list[list[str]]:
    """Return the names that the sentences mention, a list for each language, to stand for each other."""
    pools: dict[Language, dict[str, None]] = {"ar": {}, "en": {}}
    for sentence in found:
        for name in mentions(sentence.text):
            if len(name.text) > 3 and not any(char.isdigit() for char in name.text):
                pools[language_of(name.text)].setdefault(name.text)
    return [list(pool) for pool in pools.values()]


# The measurement


def measure(name: str, found: Sequence[Sentence]) -> None:
    """Print what share of the altered sentences was caught, by what was altered, and which true ones were flagged."""
    pools = name_pools(found)
    alarms = [(sentence.text, objections) for sentence in found if (objections := flagged(sentence.text, sentence.citation))]
    tried: Counter[str] = Counter()
    missed: list[Altered] = []
    for sentence, seed in product(found, SEEDS):
        for kind, text in one_of_each(sentence, pools, seed):
            tried[kind] += 1
            if not flagged(text, sentence.citation):
                missed.append((kind, text))
    caught = {kind: f"{1 - sum(k == kind for k, _ in missed) / count:.3f} of {count}" for kind, count in sorted(tried.items())}
    total = sum(tried.values())
    print(f"{name}: {len(found)} true sentences, {len(alarms)} flagged ({len(alarms) / max(len(found), 1):.3f})")
    print(f"  caught {1 - len(missed) / max(total, 1):.3f} of {total}: {', '.join(f'{kind} {told}' for kind, told in caught.items())}")
    for text, objections in alarms:
        print(f"  flagged {objections}: {text}")
    for kind, text in missed:
        print(f"  missed {kind}: {text}")


def one_of_each(sentence: Sentence, names: Sequence[Sequence[str]], seed: int) -> list[Altered]:
    """Return an alteration of each kind that a sentence allows."""
    chance = random.Random(f"{seed} {sentence.text}")
    made: Mapping[str, list[str]] = {}
    for kind, text in (*alterations(sentence.text, sentence.citation.quote, chance, names), *negations(sentence.text)):
        made = {**made, kind: [*made.get(kind, []), text]}
    return [(kind, chance.choice(texts)) for kind, texts in made.items()]


if __name__ == "__main__":
    index, *sets = map(Path, sys.argv[1:])
    measure(str(index), of_index(index))
    for path in sets:
        measure(path.name, of_squad(path))
