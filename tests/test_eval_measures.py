"""Measures against reference formulas and figures worked out by hand, and each way of cheating against the measure meant for it."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import log2

import numpy as np
import pytest

from evals.measuring.measures import measure
from evals.measuring.rows import Row, from_record, is_verbatim, to_record
from evals.measuring.summary import estimate, summarise
from evals.questions.overlap import exact_match, holds, normalise, token_f1
from evals.questions.questions import Question
from evals.reporting.compare import compare, sign_flip_p
from evals.reporting.gate import check, check_regressions, parse
from rag.schema import Answer, Check, Citation, Hit, Language, Statement, Timings

TEXT = "وقالت الهيئة إن واحداً وثلاثين راكباً أصيبوا. The rest is silence."
STATEMENT = Statement("ferry-1", "r", TEXT, "بيان العبّارة", "الهيئة", None, "ferry.txt", "ar")
ASKED = Question("q", "كم عدد الجرحى؟", "ar", True, ("واحداً وثلاثين",), "ferry-1")
UNANSWERABLE = Question("u", "من فاز بالكأس؟", "ar", False)
FRAME = {"ar": "أقرب ما جاء إلى سؤالك في بيان «{}»:\n«{}» [1]", "en": "Nearest to your question, from the statement “{}”:\n“{}” [1]"}


def hit(rank: int, text: str, statement_id: str = "other") -> Hit:
    return Hit(rank, 1.0 / rank, statement_id, f"p{rank}", "t", None, None, "ar", "s", text, 0, len(text))


def answer(question: Question, quote: str | None, *, language: Language = "ar", start: int = 0, supported: bool = True) -> Answer:
    if quote is None:
        return Answer(question.question, "ar", "not_found", "quote", None, "لم يُعثر في البيانات على جواب عن هذا السؤال.")
    citation = Citation(1, "ferry-1", "بيان العبّارة", "الهيئة", None, "ferry.txt", "ar", quote, start, start + len(quote), 1.0)
    checks = (Check("quote", quote, supported, 1),)
    return Answer(question.question, "ar", "answered", "quote", None, FRAME[language].format("بيان العبّارة", quote), (citation,), checks)


def row(question: Question, given: Answer | None, *hits: Hit, error: str | None = None) -> Row:
    verbatim = is_verbatim(given.citations, {"ferry-1": STATEMENT}) if given else ()
    return Row("s", question, "ar->ar", hits, given, verbatim, latency_ms=5.0, error=error)


def values(*rows: Row) -> dict[str, float]:
    return {name: item.value for name, item in summarise(rows, measure(rows))["s"]["all"].items()}


def quoting(question: Question = ASKED, quote: str = TEXT[:45]) -> Answer:
    return answer(question, quote)


GOOD = [row(ASKED, quoting(), hit(1, TEXT, "ferry-1"), hit(2, "…")), row(UNANSWERABLE, answer(UNANSWERABLE, None), hit(1, "…"))]


# Text


def official_tokens(text: str) -> list[str]:
    """The steps of SQuAD's evaluate-v2.0 script, in its order."""
    text = "".join(char for char in text.lower() if char not in set(string.punctuation))
    return re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text).split()


def official_f1(said: str, gold: str) -> float:
    a, b = official_tokens(gold), official_tokens(said)
    if not a or not b:
        return float(a == b)
    same = sum((Counter(a) & Counter(b)).values())
    if not same:
        return 0.0
    precision, recall = same / len(b), same / len(a)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize(
    ("said", "gold", "f1", "em"),
    [
        ("The Denver Broncos!", "denver broncos", 1.0, 1.0),
        ("an apple, a pear", "the apple", 2 / 3, 0.0),
        ("U.S. troops", "US troops", 1.0, 1.0),
        ("24–10", "24-10", 0.0, 0.0),  # the script knows ASCII punctuation only
        ("the", "a", 1.0, 1.0),
        ("", "Tesla", 0.0, 0.0),
        ("to be or not to be", "to be", 2 * 2 / (6 + 2), 0.0),
        ("theatre another", "atre", 0.0, 0.0),
    ],
)
def test_english_agrees_with_the_official_squad_script(said: str, gold: str, f1: float, em: float) -> None:
    assert token_f1(said, gold) == pytest.approx(official_f1(said, gold), abs=1e-6) == pytest.approx(f1, abs=1e-6)
    assert exact_match(said, gold) == float(official_tokens(said) == official_tokens(gold)) == em


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("أُصيبَ ٣١ راكبًا،", "اصيب 31 راكبا"),
        ("القَاهِرَة", "قاهره"),
        ("إلى المدرسةِ الكبرى", "الي مدرسه كبري"),  # إلى keeps its letters: two must be left after ال
        ("والهجوم", "والهجوم"),
        ("٢٫٥٪ «تقريباً»", "25 تقريبا"),
        ("الـحـسـكـة", "حسكه"),
        ("آل سعود", "ال سعود"),
    ],
)
def test_arabic_is_normalised_as_documented(text: str, normal: str) -> None:
    assert normalise(text, arabic=True) == normal


@pytest.mark.parametrize(
    ("said", "gold", "f1", "em"),
    [
        ("الحسكة", "حسكه", 1.0, 1.0),
        ("في مدينةِ الحسكة", "مدينة الحسكة", 2 * 2 / (3 + 2), 0.0),
        ("مئة وواحد وعشرون", "مئة وواحد وعشرين", 2 / 3, 0.0),
        ("١٢١ شهيداً", "121 شهيدا", 1.0, 1.0),
        ("القامشلي", "الحسكة", 0.0, 0.0),
    ],
)
def test_arabic_cases_worked_by_hand(said: str, gold: str, f1: float, em: float) -> None:
    assert (token_f1(said, gold), exact_match(said, gold)) == (pytest.approx(f1, abs=1e-6), em)


@pytest.mark.parametrize(
    ("text", "stretch", "held"),
    [
        ("بلغ العدد ١٣ شخصاً", "13", True),
        ("in 2013", "13", False),
        ("3.5 percent", "3", False),
        ("1,140 teachers", "1", False),
        ("the cats", "cat", False),
        ("أَلفاً  ومئةً", "ألفا ومئة", True),
        ("بالحسكة", "الحسكة", True),
    ],
)
def test_what_counts_as_holding_the_evidence(text: str, stretch: str, held: bool) -> None:
    assert holds(text, stretch) is held


# Retrieval


def test_graded_retrieval_as_trec_eval_computes_it() -> None:
    question = Question("g", "ports", "en", True)
    hits = (hit(1, "", "b"), hit(2, "", "b"), hit(3, "", "x"), hit(4, "", "a"), hit(5, "", "y"), hit(6, "", "z"), hit(7, "", "c"))
    found = values(Row("s", question, "en->en", hits, asked=False, relevant={"a": 3, "b": 1, "c": 2, "x": 0}))
    # statements in order, each once: b x a y z c; gains 1 0 3 0 0 2; ideal 3 2 1
    dcg, ideal = 1 / log2(2) + 3 / log2(4) + 2 / log2(7), 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert found["nDCG@10"] == pytest.approx(dcg / ideal, abs=1e-6)
    assert (found["RR"], found["R@1"], found["R@5"], found["R@10"]) == pytest.approx((1.0, 1 / 3, 2 / 3, 1.0), abs=1e-6)


def test_evidence_is_found_at_its_first_passage() -> None:
    found = values(row(ASKED, quoting(), hit(1, "…"), hit(2, "…"), hit(3, TEXT), hit(4, TEXT)))
    assert (found["RR"], found["R@1"], found["R@5"]) == pytest.approx((1 / 3, 0, 1))
    assert found["nDCG@10"] == pytest.approx(1 / log2(4), abs=1e-6)


# Cheating, and failing


def test_a_good_system_scores_well() -> None:
    found = values(*GOOD)
    for name in ("right", "evidence", "R@1", "RR", "citation.precision", "citation.recall", "verbatim", "language"):
        assert found[name] == 1.0, name
    for name in ("answered.wrong", "refused.wrong", "alarm", "failed"):
        assert found[name] == 0.0, name


def test_a_broken_retriever_is_caught_by_recall() -> None:
    found = values(row(ASKED, quoting(), *(hit(rank, "…") for rank in range(1, 11))))
    assert (found["R@10"], found["RR"], found["nDCG@10"]) == (0, 0, 0)


def test_a_citation_inventor_is_caught_by_verbatimness() -> None:
    invented = row(ASKED, answer(ASKED, "أصيب واحداً وثلاثين راكباً في الحادث"), hit(1, TEXT))
    assert values(invented)["verbatim"] == 0.0
    elsewhere = row(ASKED, answer(ASKED, "The rest is silence.", start=TEXT.index("The")), hit(1, TEXT))
    assert values(elsewhere)["verbatim"] == 1.0
    assert values(elsewhere)["citation.precision"] == values(elsewhere)["citation.recall"] == 0.0


def test_a_right_quote_at_wrong_offsets_is_not_verbatim() -> None:
    assert values(row(ASKED, answer(ASKED, TEXT[:45], start=3)))["verbatim"] == 0.0


def test_an_always_refuser_is_caught_by_wrong_refusals() -> None:
    found = values(row(ASKED, answer(ASKED, None)), row(UNANSWERABLE, answer(UNANSWERABLE, None)))
    assert (found["refused.wrong"], found["answered.wrong"], found["evidence"], found["citation.recall"], found["f1"]) == (1, 0, 0, 0, 0)


def test_an_always_answerer_is_caught_by_wrong_answers() -> None:
    found = values(row(ASKED, quoting()), row(UNANSWERABLE, quoting(UNANSWERABLE)))
    assert (found["answered.wrong"], found["refused.wrong"], found["right"], found["citation.precision"]) == (1, 0, 0.5, 0.5)


def test_a_wrong_language_answerer_is_caught_though_its_quotes_are_right() -> None:
    found = values(row(ASKED, answer(ASKED, TEXT[:45], language="en")))
    assert (found["language"], found["evidence"]) == (0.0, 1.0)


def test_an_unsupported_detail_raises_the_alarm() -> None:
    assert values(row(ASKED, answer(ASKED, TEXT[:45], supported=False)))["alarm"] == 1.0


def test_skipping_never_pays() -> None:
    failing = values(GOOD[0], row(UNANSWERABLE, None, error="TimeoutError: "), row(replace(ASKED, question_id="r"), None, error="x"))
    good = values(GOOD[0])
    for name in ("evidence", "f1", "citation.precision", "citation.recall", "verbatim", "R@5", "right", "language"):
        assert failing[name] < good[name], name
    for name in ("answered.wrong", "refused.wrong", "failed", "alarm"):
        assert failing[name] > 0, name


def test_a_peer_s_text_is_judged_where_nothing_is_quoted() -> None:
    said = Answer(ASKED.question, "ar", "answered", "llm", "peer", "أصيب واحداً وثلاثين راكباً [1].")
    found = values(row(replace(ASKED, answers=("واحداً وثلاثين راكباً",)), said))
    assert (found["evidence"], found["citation.precision"]) == (1.0, 0.0)
    assert found["f1"] == pytest.approx(2 * 3 / (4 + 3))
    assert "RR" not in found, "a system that shows nothing of its search is not measured by it"


# Groups, intervals, rows


def test_every_measure_by_cell_answerability_and_tag() -> None:
    rows = [replace(GOOD[0], question=replace(ASKED, tags=("number",))), GOOD[1]]
    groups = summarise(rows, measure(rows))["s"]
    assert list(groups) == ["all", "answerable", "ar->ar", "tag:number", "unanswerable"]
    assert "evidence" not in groups["unanswerable"]
    assert "answered.wrong" not in groups["answerable"]


def test_an_interval_is_that_of_the_mean() -> None:
    drawn = np.random.default_rng(1).random(400)
    found = estimate(drawn, "f1")
    half = 1.96 * drawn.std() / 20
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.006)
    assert estimate(drawn, "f1") == found, "seeded"
    assert estimate(np.arange(101.0), "latency.p95").value == 95


def test_a_row_survives_its_json() -> None:
    complete = replace(GOOD[0], confidence=0.5, usage={"input_tokens": 3, "output_tokens": 1}, relevant={"ferry-1": 1})
    assert complete.answer is not None
    complete = replace(complete, answer=replace(complete.answer, timings_ms=Timings(total=3)))
    assert from_record(to_record(complete)) == complete


# Comparing and gating


def runs(before: Sequence[float], after: Sequence[float]) -> tuple[dict[tuple[str, str], dict[str, float]], ...]:
    return tuple({("s", str(n)): {"right": value, "answered.wrong": 1 - value} for n, value in enumerate(run)} for run in (before, after))


def test_the_sign_flip_test_is_exact_where_few_differ() -> None:
    assert sign_flip_p(np.array([0.0] * 40 + [-1.0] * 6)) == pytest.approx(2 / 2**6)
    assert sign_flip_p(np.array([1.0, -1.0, 1.0, -1.0])) == 1.0
    assert sign_flip_p(np.array([0.0, 1.0])) == 1.0
    assert sign_flip_p(np.array([-4e-7] * 40)) == 1.0, "what rounding takes away is no difference"


def test_regressions_are_told_first_and_only_beyond_noise() -> None:
    found = compare(*runs([1] * 10 + [0], [0] * 8 + [1] * 3))["s"]
    assert (found.lost, found.won) == (tuple("01234567"), ("10",))
    assert [change.is_worse for change in found.changes] == [True, True]
    [verdict] = check_regressions({"s": found})
    assert not verdict.passed and "right went from 0.9091 to 0.2727" in verdict.sentence and "lost: 0, 1" in verdict.sentence
    [verdict] = check_regressions(compare(*runs([1] * 10, [0] * 3 + [1] * 7)))
    assert verdict.passed


@pytest.mark.parametrize(
    ("bar", "passed"),
    [
        ("right=1", True),
        ("RR>=.5", True),
        ("refused.wrong<=.2", True),
        ("refused.wrong=0", True),
        ("ar->ar:R@5=.95", True),
        ("f1>=.9", False),
        ("latency.p95<=1", False),
        ("ar->en:R@5=.1", False),
    ],
)
def test_the_gate(bar: str, passed: bool) -> None:
    [verdict] = check([parse(bar)], summarise(GOOD, measure(GOOD)))
    assert verdict.passed is passed, verdict.sentence


@pytest.mark.parametrize("bar", ["R@5", "R@7=.5", "right=high", "right>0.5"])
def test_a_bar_that_makes_no_sense(bar: str) -> None:
    with pytest.raises(ValueError, match="is not of the form|names no measure"):
        parse(bar)
