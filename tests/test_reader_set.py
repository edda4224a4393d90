"""The set the reader learns from, and what is made of it: every span where it says, nothing that gives the label away by the cut."""

from __future__ import annotations

import json
import re
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.learning.examples import Mixture, OwnMixture, altered, answered, stretch, unanswered, without_answer
from evals.learning.rows import OWN, Row, is_unseen, own_rows

LABELS = ("answerable", "absent", "contradicted")
FILES = sorted(OWN.glob("*.jsonl"))
ROW = Row(
    "How many sheep were lost in 2031?",
    "The flood of 2031 took the lower fields. Herders lost 340 sheep and 12 goats. The 2029 flood had taken none. It will rain on Friday.",
    "answerable", ((54, 63),), "own", "en", "en", "flood", "Flood · Herders' union", "count", "It will rain on Friday.",
)  # fmt: skip


def letters(text: str) -> str:
    return "ar" if len(re.findall(r"[\u0621-\u064a]", text)) > len(re.findall("[A-Za-z]", text)) else "en"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_is_what_the_readme_says(path: Any) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        statement = json.loads(line)
        text, asked = statement["text"], statement["questions"]
        where = f"{path.name}:{number}"
        assert statement["language"] == letters(text), where
        assert {question["language"] for question in asked} == {"ar", "en"}, where
        for question in asked:
            assert question["label"] in LABELS, where
            assert question["language"] == letters(question["question"]), where
            assert bool(question["answers"]) == (question["label"] != "absent"), where
            assert all(answer in text for answer in question["answers"]), where
            assert question["misleading"] in text, where
            if question["label"] == "answerable":
                assert not any(question["misleading"] and answer in question["misleading"] for answer in question["answers"]), where
            assert question["pair"] is None or 0 <= question["pair"] < len(asked), where


def test_the_set_has_the_size_the_languages_and_the_labels_that_it_is_said_to_have() -> None:
    rows = own_rows()
    labels = Counter(row.label for row in rows)
    told = (OWN.parent / "README.md").read_text(encoding="utf-8")
    assert len({row.text for row in rows}) >= 700
    assert len(rows) >= 8_000
    for label in LABELS:
        assert f"| `{label}` | {labels[label]:,} |" in told
    languages = Counter((row.question_language, row.text_language) for row in rows)
    assert min(languages.values()) > len(rows) / 5
    unseen = {row.group for row in rows if is_unseen(row)}
    assert unseen.isdisjoint(row.group for row in rows if not is_unseen(row))
    assert 0.05 < sum(map(is_unseen, rows)) / len(rows) < 0.15
    for row in rows:
        assert all(row.text[start:end].strip() for start, end in row.spans)


def test_no_question_is_asked_of_two_statements_in_the_same_words() -> None:
    asked = Counter((row.question, row.text) for row in own_rows())
    assert [question for question, count in asked.items() if count > 1] == []


@given(seed=st.integers(0, 10_000), row=st.sampled_from(own_rows()))
def test_a_stretch_keeps_its_spans_on_the_same_words(seed: int, row: Row) -> None:
    passage, kept = stretch(row.text, row.spans, Random(seed))
    assert passage in row.text
    words = {row.text[start:end] for start, end in row.spans}
    assert all(passage[start:end] in words for start, end in kept)
    assert not row.spans or kept, "cut round an answer, it holds one"


@given(seed=st.integers(0, 10_000), row=st.sampled_from([row for row in own_rows() if row.label == "answerable"]))
def test_what_is_made_of_a_row_is_labelled_rightly(seed: int, row: Row) -> None:
    words = {row.text[start:end] for start, end in row.spans}
    whole = answered(row, Random(seed), gap=bool(seed % 2))
    assert whole.answers
    assert all(whole.passage[start:end] in words for start, end in whole.spans)
    assert whole.borne
    less = without_answer(row, Random(seed))
    if less:
        assert not less.answers
        assert not any(word in less.passage for word in words)


def test_another_year_is_no_longer_answered_and_the_other_sentence_is_shown() -> None:
    changed = altered(ROW, Random(1))
    assert changed is not None
    assert not changed.answers
    assert "2031" not in changed.question
    lost = without_answer(ROW, Random(1))
    assert lost is None or "340 sheep" not in lost.passage
    absent = unanswered(Row(**{**ROW.__dict__, "label": "absent", "spans": ()}), Random(2))
    assert (absent.answers, absent.spans) == (False, ())


def test_a_mixture_is_the_same_for_the_same_seed_and_has_both_kinds() -> None:
    rows = own_rows()[:400]
    mixture = OwnMixture(
        rows,
        Mixture(
            [], [("مرحبا بكم في المدينة", "Welcome to the city"), *[("نعم", "Yes"), ("لا", "No"), ("شكرا", "Thanks")] * 3], {"pairs": 1.0}
        ).draw,
    )
    one, other = ([mixture.draw(Random(seed)) for seed in range(200)] for _ in range(2))
    assert one == other
    share = sum(example.answers for example in one) / len(one)
    assert 0.2 < share < 0.6


def test_targets_stand_on_the_tokens_of_the_answer() -> None:
    pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    from evals.learning.train import batches, collate, encode

    vocabulary = {
        word: number
        for number, word in enumerate(
            ["<s>", "</s>", "<pad>", "<unk>", *"How many sheep were lost in 2031 ? Herders 340 and 12 goats . ,".split()]
        )
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 1)])
    example = answered(ROW, Random(3))
    [row] = encode(tokenizer, [example])
    begin, end = (int(marks.argmax()) for marks in row["target"])
    assert [tokenizer.id_to_token(piece) for piece in row["ids"][begin : end + 1]] == ["340", "sheep"]
    assert row["second"][begin] and row["second"][end]
    assert row["bears"][begin] == 1
    assert row["bears"].sum() < row["second"].sum()
    padded = collate([row, *encode(tokenizer, [unanswered(ROW, Random(1))])], 2, __import__("torch").device("cpu"))
    assert padded["target"][1, :, 0].sum() == 2, "without an answer both marks stand on the first token"
    mixture = OwnMixture([ROW], lambda random: example)
    first = batches(mixture.draw, tokenizer, 0)
    for _ in range(3):
        next(first)
    assert [row["ids"] for row in next(first)] == [row["ids"] for row in next(batches(mixture.draw, tokenizer, 3))]
