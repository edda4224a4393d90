"""Reading question sets: every format, and every problem of every set named together with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import REPOSITORY

from evals.questions.formats import read_sets, read_squad
from evals.questions.questions import SetError, read_questions

GOOD = '{"id": "a", "question": "كم عدد الجرحى؟", "evidence": ["31"], "statement": "ferry", "tags": ["number"]}\n'
SQUAD = {
    "data": [
        {
            "title": "Ferry",
            "paragraphs": [
                {
                    "context": "The ferry carried 31 people.",
                    "qas": [
                        {"id": "1", "question": "How many?", "answers": [{"text": "31"}, {"text": "31"}]},
                        {"id": "2", "question": "Why?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ]
}


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(*paths: Path) -> tuple[str, ...]:
    with pytest.raises(SetError) as raised:
        read_sets(paths)
    assert all(problem in str(raised.value) for problem in raised.value.problems)
    return raised.value.problems


def test_the_project_s_set_is_sound() -> None:
    questions = read_questions(REPOSITORY / "evals" / "sets" / "samples.jsonl")
    assert {question.language for question in questions} == {"ar", "en"}
    assert {question.answerable for question in questions} == {True, False}


def test_what_is_not_said_is_taken_from_the_question(tmp_path: Path) -> None:
    [question] = read_questions(write(tmp_path / "s.jsonl", "\ufeff" + GOOD))
    assert (question.language, question.answerable, question.statement, question.line) == ("ar", True, "ferry", 1)


def test_csv_says_the_same_as_jsonl(tmp_path: Path) -> None:
    text = 'id,question,answerable,evidence,tags,follows\n1,"How many,\nexactly?",yes,31|thirty-one,number|x,\n2,And why?,no,,,1\n'
    one, two = read_questions(write(tmp_path / "s.csv", text))
    assert (one.question, one.evidence, one.tags, one.answerable) == ("How many,\nexactly?", ("31", "thirty-one"), ("number", "x"), True)
    assert (two.follows, two.answerable, two.line) == ("1", False, 4)


def test_squad_contexts_become_the_corpus(tmp_path: Path) -> None:
    path = write(tmp_path / "squad.json", json.dumps(SQUAD))
    [found] = read_sets([path])
    one, two = found.questions
    assert [document.text for document in found.corpus or ()] == ["The ferry carried 31 people."]
    assert (one.answerable, one.evidence, one.statement, two.answerable) == (True, ("31",), "p0001", False)
    assert found.qrels == {"1": {"p0001": 1}}
    assert [question.statement for question in read_squad(path, "en")] == ["The ferry carried 31 people.", None]


def test_a_beir_folder(tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    write(folder / "corpus.jsonl", '{"_id": "d1", "title": "T", "text": "one"}\n{"_id": "d2", "text": "two"}\n')
    write(folder / "queries.jsonl", '{"_id": "q1", "text": "first"}\n{"_id": "q2", "text": "not judged"}\n')
    write(folder / "qrels" / "train.tsv", "query-id\tcorpus-id\tscore\nq2\td1\t1\n")
    write(folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n")
    [found] = read_sets([folder])
    assert [question.question_id for question in found.questions] == ["q1"]
    assert found.qrels == {"q1": {"d1": 2, "d2": 0}}
    write(folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq1\td9\t1\nq7\td1\t1\nq1 d1\n")
    said = " ".join(problems(folder))
    assert '"d9" is not in the corpus' in said and '"q7" is not in queries.jsonl' in said and "line 4 is not a relevance judgement" in said


@pytest.mark.parametrize(
    "topics",
    [
        "<top>\n<num> Number: 7\n<title> ferry line\n<desc> Description:\nx\n</top>\n<top><num>8</num><title>Topic: olives</title></top>",
        "7\tferry line\n8\tolives\n",
    ],
)
def test_trec_topics_and_judgements(tmp_path: Path, topics: str) -> None:
    write(tmp_path / "t.qrels", "7 0 ferry 1\n8 0 ferry 0\n")
    [found] = read_sets([write(tmp_path / "t.topics", topics)])
    assert [(q.question_id, q.question, q.answerable) for q in found.questions] == [("7", "ferry line", True), ("8", "olives", False)]
    assert (found.corpus, found.qrels) == (None, {"7": {"ferry": 1}, "8": {"ferry": 0}})


def test_all_that_is_wrong_with_all_sets_is_named_together(tmp_path: Path) -> None:
    bad = write(
        tmp_path / "bad.jsonl",
        GOOD + "{broken\n[1]\n" + GOOD + '{"id": "b", "question": " ", "language": "fr", "answerable": 1, "evidence": "x", "tgas": []}\n'
        '{"id": "c", "question": "q", "answerable": true}\n{"id": "d", "question": "q", "follows": "z"}\n'
        '{"id": "e", "question": "q", "follows": "f"}\n{"id": "f", "question": "q", "follows": "e"}\n',
    )
    empty, latin = write(tmp_path / "empty.jsonl", "\n"), write(tmp_path / "old.csv", "id,question\n1,سؤال\n".encode("cp1256"))
    columns = write(tmp_path / "columns.csv", "id,question,colour\n1,q,red\n")
    said = problems(bad, empty, latin, columns, tmp_path / "gone.jsonl", write(tmp_path / "set.xlsx", "x"), tmp_path)
    text = "\n".join(said)
    for expected in (
        'bad.jsonl" line 2 is not JSON',
        'bad.jsonl" line 3 is not a JSON object',
        'bad.jsonl": the id "a" occurs 2 times',
        'line 5: unknown field "tgas"; known are id, question,',
        'line 5: "question" is missing or empty',
        'line 5: "language" is "fr", allowed are ar and en',
        'line 5: "answerable" is 1, allowed are true and false',
        "line 5: \"evidence\" is not a list of texts: 'x'",
        "line 6: an answerable question needs evidence or answers, an unanswerable one has none",
        'line 7 follows "z", which is not a question of the set',
        'line 8 follows itself, through "f"',
        'empty.jsonl" holds no questions',
        'old.csv" line 2 is not UTF-8 (byte 0xd3); save the file as UTF-8',
        'columns.csv" line 1: unknown column "colour"',
        'gone.jsonl" does not exist',
        'set.xlsx" is of no known format',
        "is not a BEIR folder",
    ):
        assert expected in text, expected


def test_two_sets_of_one_name(tmp_path: Path) -> None:
    assert problems(write(tmp_path / "a" / "s.jsonl", GOOD), write(tmp_path / "b" / "s.jsonl", GOOD)) == (
        '2 sets are named "s"; rename a file',
    )


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is not JSON"), ('{"data": [{"paragraphs": [{}]}]}', "is not in the SQuAD format from its beginning")]
)
def test_a_squad_file_that_is_not_one(tmp_path: Path, text: str, said: str) -> None:
    assert said in problems(write(tmp_path / "s.json", text))[0]


def parallel(context: str, question: str, answer: str, key: str = "1") -> str:
    qas = [{"id": key, "question": question, "answers": [{"text": answer}]}]
    return json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}, ensure_ascii=False)


def test_questions_of_one_language_are_put_to_the_contexts_of_another(tmp_path: Path) -> None:
    english = write(tmp_path / "x.en.json", parallel("The ferry carried 31 people.", "How many?", "31 people"))
    arabic = write(tmp_path / "x.ar.json", parallel("حملت العبّارة واحداً وثلاثين راكباً.", "كم عددهم؟", "واحداً وثلاثين راكباً"))
    [found] = read_sets([english], contexts=arabic)
    [question] = found.questions
    assert (found.name, question.question, question.language) == ("x.en-on-x.ar", "How many?", "en")
    assert question.evidence == ("واحداً وثلاثين راكباً",)
    assert found.corpus is not None and [document.text for document in found.corpus] == ["حملت العبّارة واحداً وثلاثين راكباً."]
    assert found.qrels == {"1": {question.statement: 1}}


def test_contexts_without_the_same_ids_are_refused(tmp_path: Path) -> None:
    asked = write(tmp_path / "a.json", parallel("One.", "What?", "One"))
    other = write(tmp_path / "b.json", parallel("Two.", "What?", "Two", key="2"))
    own = write(tmp_path / "own.jsonl", GOOD)
    with pytest.raises(SetError) as raised:
        read_sets([asked, own], contexts=other)
    assert len(raised.value.problems) == 2
    assert "1 questions of" in str(raised.value) and "same ids are needed" in str(raised.value)
    assert "both must be SQuAD files" in str(raised.value)
