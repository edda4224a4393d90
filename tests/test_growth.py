"""Every function over a document's text grows about as the text does: what is quadratic holds a server up with a few kilobytes."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import _lru_cache_wrapper, cache, partial

import pytest

import ingest.pipeline as pipeline
from ingest import metadata
from ingest.clean import cleaned
from ingest.passages import split
from ingest.readers import Document, File, Working, read_file
from ingest.readers.headings import lines_of
from ingest.sources import Reading
from rag.errors import SourceError
from rag.index import near_duplicates
from rag.language import amounts, analyse, dates, foreign_language, sentences
from rag.language.decades import decades
from rag.language.mentions import mentions, possible_names, wording
from rag.language.polarity import clauses
from rag.reading import emphasis
from rag.reading.together import around, together
from rag.retrieval import dedup
from rag.schema import Citation, Span, Statement
from rag.verification import claims, substitutions
from ui.html.markup import emphasise, isolate
from ui.html.reader import Place, reader_html

LENGTH = 10_000  # characters
LONG = 40_000  # of what an ingest does with every text
INGEST = ("cleaning", "passages", "dates", "front_matter", "headings", "text", "Markdown", "CSV", "JSON lines", "e-mail", "sentences")
QUOTE = 2_000  # of a passage or quote, which has 1,000 at most
OF_QUOTES = ("says_the_same", "how many", "when", "swaps", "differences")
MOST = 2.2  # times as long, a character, as in a fourth of the text; quadratic growth gives 4
FLOOR_S = 0.04  # what is quicker is not looked at

SHAPES: Mapping[str, str] = {
    "prose": "أعلنت وزارة الصحة يوم الأحد 19 كانون الثاني 2031 أن ثلاثة أشخاص أصيبوا في حلب. "
    "The ministry said that 12 people were hurt in Aleppo on 3 May 2031.\n",
    "boilerplate lines": "Share\n",
    "Arabic boilerplate": "اظهر المزيد\n",
    "row of buttons": "فيسبوك تويتر واتساب 1.2k\n",
    "one endless line": "قال الناطق ",
    "one endless word": "ا",
    "one endless Latin word": "Ab",
    "digits": "1",
    "numbers": "12 ",
    "grouped digits": "1,234,",
    "dotted digits": "1.234.",
    "groups of digits": "123,",
    "groups by dots": "123.",
    "groups by spaces": "123\u00a0",
    "signs of digits": "5-",
    "phone": "0933-123-",
    "plus signs": "+963 ",
    "times": "4x",
    "numbered names": "F-16-",
    "months": "أب ",
    "January": "January ",
    "dates": "19/1/2031 ",
    "date range": "19-",
    "years": "عام 1990 ",
    "year cue": "عام ",
    "number words": "مئة وواحد وعشرون ",
    "English number words": "twenty one hundred and ",
    "and": "و ",
    "halves": "نصف مليون ",
    "decades": "السبعينيات القرن ",
    "round brackets": "(",
    "closing brackets": ")",
    "Markdown brackets": "[",
    "guillemets": "«",
    "closed guillemets": "«أ» ",
    "straight marks": '"a" ',
    "one straight mark": '" ',
    "apostrophes": "a'",
    "marks": "\u064e",
    "marks of two kinds": "\u0650\u064e",
    "marks on a letter": "",
    "vowelled": "بَ",
    "vowelled words": "بَيَانٌ ",
    "list lines": "- فتح الطريق\n",
    "introduced lists": "مطالب:\n- أ\n",
    "colons": "قال: ",
    "numbered lines": "1. text\n",
    "spaces": " ",
    "spaces in a line": "a" + " " * 50,
    "newlines": "\n",
    "carriage returns": "a\r\n\r\n",
    "tabs": "a\t",
    "URLs": "https://example.org/a?b=c ",
    "endless URL": "http://a/",
    "addresses": "a@b.c ",
    "dots": ".",
    "dots in a word": "a.",
    "at signs": "a@",
    "hyphens": "a-",
    "dashes": "– ",
    "abbreviations": "د. م. Mr. ",
    "commas": "قال، ",
    "fences": "```\n",
    "backticks": "`a",
    "stars": "*a _b ",
    "quoted lines": "> ",
    "HTML": "<p>قال</p>",
    "open tags": "<div>",
    "pointed brackets": "<",
    "entities": "&amp;",
    "conjunctions": "وقال ولم ينف ",
    "negations": "لم ولا لن not ",
    "names": "Ahmad Khalil ",
    "Arabic names": "الدكتور سامر القمحاوي ",
    "capitals": "A",
    "skeletons": "Nazih نزيه ",
    "distinct words": "",
    "distinct lines": "",
    "tables": "| a | b |\n",
    "citation marks": "[1] ",
    "front matter": "---\ntitle: a\n",
    "keys": "title: a\n",
    "bidi": "\u202ea\u202c",
    "page breaks": "a\f",
    "emoji": "😀",
    "ligatures": "ﷺ",
}


def shaped(name: str, length: int) -> str:
    """A text of a shape and length; some are not one piece again and again."""
    if name == "marks on a letter":
        return ("ب" + "\u0650\u064e" * length)[:length]
    if name.startswith("distinct"):
        end = "\n" if "lines" in name else " "
        return "".join(f"{chr(0x628 + i % 20)}{chr(0x628 + i // 20 % 20)}{chr(0x628 + i // 400 % 20)}ن{end}" for i in range(length // 5))
    return (SHAPES[name] * (length // len(SHAPES[name]) + 1))[:length]


def statement(text: str) -> Statement:
    return pipeline._statement(Reading("a.txt", stem="a"), "a.txt", cleaned(Document(text)), pipeline._Run())


def cited(text: str) -> Citation:
    return Citation(1, "a", "بيان", None, "2031-01-19", "a.txt", "ar", text, 0, len(text), 1.0)


def read_as(suffix: str, text: str) -> list[object]:
    try:
        return [found for found in read_file(File(f"a{suffix}", suffix, text.encode())) if not isinstance(found, Working)]
    except SourceError:
        return []


def drawn(text: str) -> str:
    made = statement(text)
    return reader_html(Place(made, marks=(Span(0, min(10, len(text))),)), "ar")


def widened(text: str) -> object:
    made, spans = statement(text), sentences(text)
    middle = len(spans) // 2
    return spans and (around(made, spans[middle]), together(text, spans[max(0, middle - 20) : middle + 20], 0, 0))


FUNCTIONS: Mapping[str, Callable[[str], object]] = {
    "cleaning": statement,
    "passages": lambda text: split(statement(text)),
    "dates": dates,
    "front_matter": metadata.front_matter,
    "headings": lambda text: lines_of(text, [(1, line) for line in text.splitlines()]),
    "text": partial(read_as, ".txt"),
    "Markdown": partial(read_as, ".md"),
    "CSV": partial(read_as, ".csv"),
    "JSON lines": partial(read_as, ".jsonl"),
    "e-mail": lambda text: read_as(".eml", f"Subject: a\n\n{text}"),
    "sentences": sentences,
    "foreign_language": foreign_language,
    "amounts": amounts,
    "decades": decades,
    "terms": analyse,
    "mentions": mentions,
    "wording": wording,
    "possible_names": possible_names,
    "clauses": clauses,
    "sketch": lambda text: near_duplicates.sketch(statement(text)),
    "differences": lambda text: near_duplicates.differences(text, text[: len(text) // 2] + " آخر 12 " + text[len(text) // 3 :]),
    "says_the_same": lambda text: dedup.says_the_same(text, text + " آخر"),
    "how many": lambda text: emphasis.bearings("كم عدد القتلى؟", text),
    "when": lambda text: emphasis.bearings("متى حدث ذلك؟", text),
    "claims": lambda text: claims.claims(text, [cited("قال")]),
    "swaps": lambda text: list(substitutions.swaps("قُتل ثلاثة أشخاص في دمشق", [text])),
    "together": widened,
    "window": lambda text: isolate(text, "ar") + isolate(text, "en") + emphasise(text, [Span(1, 3)], "ar"),
    "reader": drawn,
}


def seconds(function: Callable[[str], object], text: str, *, times: int = 1) -> float:
    """The least time of the processor's that a function takes over a text which no cache holds."""
    taken = []
    for _ in range(times):
        for held in whole_texts():
            held.cache_clear()
        began = time.process_time()
        function(text)
        taken.append(time.process_time() - began)
    return min(taken)


@cache
def whole_texts() -> list[_lru_cache_wrapper[object]]:
    """The caches of texts; those of words, which are larger, stay."""
    modules = [module for name, module in list(sys.modules.items()) if name.split(".")[0] in ("rag", "ingest", "ui")]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, _lru_cache_wrapper)]
    return [one for one in found if 0 < (one.cache_parameters()["maxsize"] or 0) <= 5_000]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """To look through a million lasting objects takes longer than what is measured."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_grows_as_the_text_does(name: str) -> None:
    function, too_long = FUNCTIONS[name], {}
    length = LONG if name in INGEST else QUOTE if name in OF_QUOTES else LENGTH
    function(shaped("prose", 500))  # what is read once, is
    for shape in SHAPES:
        fourth, whole = shaped(shape, length // 4), shaped(shape, length)
        if seconds(function, whole) > FLOOR_S:
            least, most = seconds(function, fourth, times=3), seconds(function, whole, times=2)
            if most > 4 * MOST * least:
                too_long[shape] = f"{least:.3f} s, and {most:.3f} s for four times as much"
    assert not too_long
