"""Answers against their quotes: a table of cases, true sentences altered, and how sentences are tied to citations."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import SAMPLES
from fakes import FakeEmbeddings

from evals.measuring.alter import alterations, negations
from ingest import ingest
from ingest.passages import split
from rag.build import list_statements
from rag.schema import Citation, Passage, Statement
from rag.settings import load_settings
from rag.verification.check import check_answer
from rag.verification.claims import claims, plain_markers

TABLE = Path(__file__).parent / "data" / "verify.tsv"
Case = tuple[Citation, str, list[str]]


def read_table() -> list[Case]:
    quotes, cases = {}, []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("quote\t"):
            _, name, language, title, issuer, date, text = line.split("\t")
            quotes[name] = Citation(1, name, title, issuer, date, f"{name}.txt", language, text, 0, len(text), 1.0)  # type: ignore[arg-type]
        elif line.startswith("case\t"):
            _, name, said, unsupported = line.split("\t")
            cases.append((quotes[name], said, sorted(part for part in unsupported.split(" ; ") if part)))
    return cases


CASES = read_table()


def unsupported(text: str, *citations: Citation) -> list[str]:
    return sorted(f"{found.check.kind}:{found.check.text}" for found in check_answer(text, citations) if not found.check.supported)


def test_the_table_is_large_and_has_both_languages_and_both_outcomes() -> None:
    assert len(CASES) >= 200
    assert len({said for _, said, _ in CASES}) == len(CASES)
    for kind in ("number", "date", "name", "quote", "polarity", "citation"):
        assert any(part.startswith(kind) for _, _, expected in CASES for part in expected)


@pytest.mark.parametrize(("citation", "said", "expected"), CASES, ids=[said for _, said, _ in CASES])
def test_what_the_quote_does_not_support_is_found_and_nothing_else(citation: Citation, said: str, expected: list[str]) -> None:
    assert unsupported(said, citation) == expected


# True sentences, altered

NAMES = (  # of the sample statements
    "القمرية|الخزامى|Orbestone|نزيه الحجلاوي|عين الدراق|اللؤلؤ|المحار|عدنان الدلافي|المنارة|هبة المنارجي|سُلاف المرجاني|دار الياسمين|"
    "السنديان|سهيل العرعري|القناطر|الدباغين|الزيزفون|عبد الباسط الشراعي|منال الخورشاني|Delvanta|النورس|مأمون الزعروري|الوراقي|هولبروك|"
    "فيلمورا|البيادر",
    "Qamaria|Marsa Lulu|Umm al-Mahar|Hiba al-Manarji|Nasim al-Lulu|Ras al-Nawras|Fadil Sariyani|Rima Dalfouni|Bellamar Stays|Black Reef|"
    "Manal al-Khorshani|Delvanta Systems|Suhail al-Arari|Yanbu|Great Saffar|Meridian|Tolm|Tomas Erwick|Cape Morrow|Salwa Qamhawi|Granox|"
    "Rayhan|Halvern|Osmer|Brindle Ford|Petra Vansell|Tollard|Anselm Pryke",
)
NAME_POOLS = [pool.split("|") for pool in NAMES]
SEEDS = range(4)
CAUGHT, FALSE_ALARMS = 0.99, 0.01
TURNED_MISSED = 0.03  # measured: 2 of 96; "the authority denied" for "said" is close to what a quote may say elsewhere


@pytest.fixture
def true_sentences(fake: FakeEmbeddings) -> list[tuple[str, Statement, Citation]]:
    """Every sentence of the sample statements, with its passage as the quote cited."""
    settings = load_settings()
    ingest([SAMPLES], settings=settings)
    passages = [(passage, statement) for statement in list_statements(settings) for passage in split(statement)]
    return [
        (statement.text[span.start : span.end], statement, _cited(passage, statement))
        for passage, statement in passages
        for span in passage.sentences
    ]


def _cited(passage: Passage, statement: Statement) -> Citation:
    about = (statement.statement_id, statement.title, statement.issuer, statement.date, statement.source, passage.language)
    return Citation(1, *about, quote=passage.text, start=passage.start, end=passage.end, score=1.0)


def test_altered_sentences_are_caught_and_true_ones_are_not(true_sentences: list[tuple[str, Statement, Citation]]) -> None:
    alarms = [sentence for sentence, _, citation in true_sentences if unsupported(f"{sentence} [1]", citation)]
    assert len(true_sentences) > 150
    assert len(alarms) <= FALSE_ALARMS * len(true_sentences), alarms
    altered = [
        (text, bool(unsupported(f"{text} [1]", citation)))
        for seed in SEEDS
        for sentence, about, citation in true_sentences
        for _, text in alterations(sentence, f"{about.title} {about.issuer}", random.Random(f"{seed} {sentence}"), NAME_POOLS)
    ]
    # Measured: all but 2 of 1,744 are caught (.999); these put an Arabic name into an English sentence.
    missed = [text for text, caught in altered if not caught]
    assert len(altered) > 1500
    assert len(missed) <= (1 - CAUGHT) * len(altered), f"{len(missed)} of {len(altered)}: {missed}"


@pytest.mark.parametrize("name", ["السودان", "الأردن", "الحسكة", "القامشلي"])
def test_a_listed_name_stands_where_it_is_written(name: str) -> None:
    quote = f"وصل الوفد إلى {name} صباح أمس للقاء المسؤولين."
    assert unsupported(f"{quote} [1]", Citation(1, "s", "t", None, None, "s.txt", "ar", quote, 0, len(quote), 1.0)) == []


PARAPHRASES = [
    (*line.split("\t"), "")[:3] for line in TABLE.with_name("paraphrases.tsv").read_text("utf-8").splitlines() if not line.startswith("#")
]


@pytest.mark.parametrize(("name", "said", "known"), PARAPHRASES, ids=[said for _, said, _ in PARAPHRASES])
def test_what_is_held_against_true_sentences_in_other_words_is_known(name: str, said: str, known: str) -> None:
    found = unsupported(said, next(citation for citation, _, _ in CASES if citation.statement_id == name))
    assert found == ([known] if known else [])
    assert len(PARAPHRASES) >= 50 and sum(bool(alarm) for _, _, alarm in PARAPHRASES) <= 8


def test_a_sentence_made_to_deny_or_to_state_is_caught(true_sentences: list[tuple[str, Statement, Citation]]) -> None:
    turned = [(text, unsupported(f"{text} [1]", citation)) for sentence, _, citation in true_sentences for _, text in negations(sentence)]
    missed = [text for text, found in turned if not found]
    assert len(turned) > 75
    assert len(missed) <= TURNED_MISSED * len(turned), missed


# Sentences and their citations


def numbers_of(text: str, *citations: Citation) -> list[tuple[int, ...]]:
    return [claim.numbers for claim in claims(text, citations)]


def test_a_marker_belongs_to_its_sentence_wherever_it_stands() -> None:
    assert numbers_of("One thing [1]. Another [2].") == [(1,), (2,)]
    assert numbers_of("One thing. [1] Another. [2]") == [(1,), (2,)]
    assert numbers_of("شيء [١]. وآخر [٢].") == [(1,), (2,)]
    assert numbers_of("[1] One thing.\n[2] Another.") == [(1,), (2,)]
    assert numbers_of("- One thing [1, 2]\n- Another [١،٢]") == [(1, 2), (1, 2)]


def test_a_sentence_without_a_marker_takes_the_next_of_its_line() -> None:
    assert numbers_of("One thing. Another [2].") == [(2,), (2,)]
    assert numbers_of("One thing.\nAnother [2].") == [(), (2,)]
    assert numbers_of("The demands are:\n- One [1]\n- Another [2]") == [(1, 2), (1,), (2,)]


def test_markers_are_brought_to_one_form_but_not_inside_quotations() -> None:
    assert plain_markers("شيء [١، ٢]. وآخر «كما [٣] جاء» [ 1 ].", ()) == "شيء [1] [2]. وآخر «كما [٣] جاء» [1]."


def test_a_quotation_is_never_divided_and_its_brackets_are_no_markers() -> None:
    quote = "First it [7] said. Then it said more."
    citation = Citation(1, "s", "t", None, None, "s.txt", "en", quote, 0, len(quote), 1.0)
    assert numbers_of(f"The statement says:\n“{quote}” [1]", citation) == [(1,), (1,)]
    assert unsupported(f"The statement says:\n“{quote}” [1]", citation) == []


def test_a_fact_of_another_quote_than_the_one_cited_is_not_supported() -> None:
    one, two = CASES[0][0], next(citation for citation, _, _ in CASES if citation.statement_id == "sum")
    other = Citation(**{**two.__dict__, "number": 2})
    assert unsupported("عدد المصابين 121 راكباً [2].", one, other) == []
    assert "number:121" in unsupported("عدد المصابين 121 راكباً [1].", one, other)


@pytest.mark.parametrize("title", ["جسر", "سجن-2", "قرية 3"])
def test_the_words_of_the_frame_after_a_title_are_no_name(title: str) -> None:
    quote = "The prison said so."
    cited = Citation(1, "s", title, None, None, "s.txt", "en", quote, 0, len(quote), 1.0)
    text = f"أقرب ما جاء إلى سؤالك في بيان «{title}»، ونصه بالإنجليزية:\n«{quote}» [1]"
    assert [finding.check for finding in check_answer(text, [cited]) if not finding.check.supported] == []
