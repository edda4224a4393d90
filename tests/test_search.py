"""Searching as its users meet it: copies shown once, passages joined, a reranker within its time, odd questions, many readers at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Doors
from fakes import FakeEmbeddings

from ingest import ingest
from rag import Assistant
from rag.errors import BayanError, ModelError, QuestionError, UnknownStatement
from rag.retrieval.dedup import says_the_same
from rag.retrieval.reranker import Reranker, open_reranker
from rag.retrieval.shared_lock import Gate
from rag.settings import load_settings

pytestmark = pytest.mark.usefixtures("fake")

WIRE = (
    "The ferry Amal sank off the northern coast on Sunday evening after a fire in its engine room. Rescuers saved 121 people from the "
    "water and brought them to the harbour of Marsa. The ministry said that the cause of the fire is not known and that an inquiry begins."
)
STORY = (
    "غرقت العبّارة «أمل» قبالة الساحل الشمالي مساء الأحد بعد حريق في غرفة محركاتها. وأنقذ رجال الإنقاذ 121 شخصاً من الماء "
    "ونقلوهم إلى ميناء مرسى. وقالت الوزارة إن سبب الحريق غير معروف وإن تحقيقاً سيبدأ في الأيام المقبلة مع شركة الملاحة المالكة للعبّارة."
)


# Copies


@pytest.mark.parametrize(
    ("text", "was", "becomes"),
    [
        (WIRE, "brought them to", "took them into"),
        (WIRE, "WIRE", "WIRE"),
        (STORY, "وقالت الوزارة", "وذكرت الوزارة"),
        (STORY, "العبّارة", "العبارة"),  # spelling
    ],
)
def test_a_story_republished_is_a_copy(text: str, was: str, becomes: str) -> None:
    assert says_the_same(text, text.replace(was, becomes, 1))


@pytest.mark.parametrize(
    ("text", "was", "becomes"),
    [
        (WIRE, "121", "112"),
        (WIRE, "121 people", "a hundred and twelve people"),
        (WIRE, "Sunday", "Monday"),
        (WIRE, "is not known", "is known"),
        (WIRE, "Marsa", "Tollard"),
        (WIRE, " Rescuers saved 121 people from the water", " Rescuers saved people from the water"),
        (STORY, "121", "211"),
        (STORY, "121", "مئة واثني عشر"),
        (STORY, "الأحد", "الاثنين"),
        (STORY, "غير معروف", "معروف"),
        (STORY, "مساء الأحد", "في 3 أيار"),
        (WIRE, WIRE[:120], ""),
    ],
)
def test_what_differs_in_a_figure_a_date_or_a_negation_is_no_copy(text: str, was: str, becomes: str) -> None:
    assert was in text
    assert not says_the_same(text, text.replace(was, becomes, 1))


def test_copies_are_one_result_that_lists_them(tmp_path: Path) -> None:
    for name, text in {
        "one": WIRE,
        "two": WIRE.replace("brought them to", "took them into"),
        "three": WIRE.replace("121", "112"),
    }.items():
        (tmp_path / f"{name}.md").write_text(f"---\ntitle: {name}\nissuer: Agency {name}\n---\n{text}", encoding="utf-8")
    ingest([tmp_path / "one.md", tmp_path / "two.md", tmp_path / "three.md"])
    hits = Assistant.open().search("How many people were saved from the ferry?")
    shown = {hit.title: {copy.title for copy in hit.copies} for hit in hits}
    assert shown in ({"one": {"two"}, "three": set()}, {"two": {"one"}, "three": set()})
    [copied] = [hit for hit in hits if hit.copies]
    assert (copied.copies[0].issuer, copied.copies[0].source) == (
        f"Agency {copied.copies[0].title}",
        str(tmp_path / f"{copied.copies[0].title}.md"),
    )


# Neighbours


LONG = "\n\n".join(
    f"Paragraph {number} speaks of harbour number {number}. " + "It goes on for quite a while about ships. " * 9 for number in range(5)
)


def test_a_passage_is_joined_with_its_neighbours_word_for_word(tmp_path: Path, doors: Doors) -> None:
    (tmp_path / "long.txt").write_text(LONG, encoding="utf-8")
    ingest([tmp_path / "long.txt"])
    assistant = doors.assistant
    hit = next(hit for hit in assistant.search("harbour number 2") if "number 2" in hit.text)
    statement = assistant.statement(hit.statement_id)
    alone, wider = assistant.around(hit.passage_id, passages=0), assistant.around(hit.passage_id, passages=1)
    assert alone.text == hit.text
    assert wider.start < hit.start < hit.end < wider.end
    assert wider.text == statement.text[wider.start : wider.end]
    assert assistant.around(hit.passage_id, passages=20).text in statement.text
    with pytest.raises(UnknownStatement, match='no passage has the id "nothing:x:y"'):
        assistant.around("nothing:x:y")
    client = doors.client()
    assert client.get(f"/api/v1/passages/{hit.passage_id}").json() == {"text": wider.text, "start": wider.start, "end": wider.end}
    assert client.get("/api/v1/passages/x").status_code == 404


def test_what_stands_above_a_passage_is_searched_and_never_quoted(doors: Doors) -> None:
    [hit] = [hit for hit in doors.assistant.search("Farming, 4 March 2031") if hit.issuer == "Ministry of Farming"]
    assert hit.rank == 1
    assert "Ministry of Farming" not in hit.text and "2031" not in hit.text
    assert hit.text == doors.assistant.statement(hit.statement_id).text[hit.start : hit.end]


# The reranker


class Slow:
    """Stands in for a cross-encoder: the longest text is best, and each batch takes a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.seen = seconds, 0

    def predict(self, pairs: Sequence[tuple[str, str]], **_: object) -> list[float]:
        time.sleep(self.seconds)
        self.seen += len(pairs)
        return [float(len(text)) for _, text in pairs]


def test_a_reranker_scores_only_what_its_time_allows() -> None:
    texts = ["a" * number for number in range(1, 41)]
    assert Reranker(Slow(0), budget_ms=60_000).scores("?", texts) == [float(number) for number in range(1, 41)]
    slow = Slow(0.2)
    begun = time.monotonic()
    scored = Reranker(slow, budget_ms=300).scores("?", texts)
    assert time.monotonic() - begun < 0.2 * 5  # all five batches
    assert len(scored) < 40 and scored == [float(number) for number in range(1, len(scored) + 1)]
    assert Reranker(Slow(0.5), budget_ms=1).scores("?", texts) == []


def test_passages_go_in_the_rerankers_order_and_the_rest_behind(doors: Doors) -> None:
    from rag.retrieval.retriever import Retriever

    class First:
        def scores(self, question: str, texts: Sequence[str]) -> list[float]:
            return [0.0, 1.0][: len(texts)]

    retriever: Retriever = doors.assistant._retriever
    plain = retriever.retrieve("olives water مياه", top_k=5).candidates
    again = Retriever(retriever._index, FakeEmbeddings(), First()).retrieve("olives water مياه", top_k=5).candidates
    assert [c.passage.passage_id for c in again] == [plain[at].passage.passage_id for at in (1, 0, *range(2, len(plain)))]
    assert [c.score for c in again] == [c.score for c in plain]


@pytest.mark.integration
def test_any_cross_encoder_can_be_named(tmp_path: Path, doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz")]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    made = tmp_path / "reranker"
    transformers.BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(made)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=len(words), num_labels=1, **sizes)
    transformers.BertForSequenceClassification(config).save_pretrained(made)

    monkeypatch.setenv("BAYAN_RERANKER", str(made))
    monkeypatch.setenv("BAYAN_RERANK_BUDGET_MS", "60000")
    hits = Assistant.open().search("olive harvest")
    plain = doors.assistant.search("olive harvest")
    assert {hit.passage_id for hit in hits} == {hit.passage_id for hit in plain}
    scores = open_reranker(str(made), budget_ms=60_000, offline=True).scores("olive harvest", [hit.text for hit in hits])
    assert scores == sorted(scores, reverse=True)


def test_a_reranker_that_is_not_there_is_told_of(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAYAN_RERANKER", "/nowhere/reranker")
    monkeypatch.setenv("BAYAN_OFFLINE", "true")
    with pytest.raises(ModelError, match='the reranker "/nowhere/reranker" cannot be loaded'):
        Assistant.open()


# Odd questions


@pytest.mark.parametrize(
    "question",
    [
        "من في على إلى عن",  # only stop words
        "what is the of and",
        "121",
        "١٢١",
        '+olive -water "harvest" AND (title:x OR *) ^2 ~3 \\ /a/ [1 TO 5]',
        "\u202eكم عدد الأحياء؟\u202c \u2067olive\u2069",
        "كم عدد the olives في Ministry؟",
        "olive 🫒 harvest 🚢",
        "زيتون" * 300,
        "\u0640\u0640زيتون\u0640",
    ],
)
def test_odd_questions_are_answered_sensibly(question: str, doors: Doors) -> None:
    hits = doors.assistant.search(question)
    assert all(hit.text == doors.assistant.statement(hit.statement_id).text[hit.start : hit.end] for hit in hits)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert doors.assistant.ask(question).status in ("answered", "not_found")


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("olive " * 1_667, "at most 2000 are allowed, shorten it"),
        ("🫒🚢", "has no words; write one in Arabic or English"),
        ("؟!()*\u202e", "has no words"),
        ("", "has no words"),
    ],
)
def test_what_cannot_be_searched_is_told(question: str, told: str, doors: Doors) -> None:
    for door in (doors.assistant.search, doors.assistant.ask):
        with pytest.raises(QuestionError) as error:
            door(question)
        assert told in str(error.value)


# Many readers


def test_many_may_be_inside_a_gate_and_one_alone() -> None:
    gate, order, both = Gate(), [], threading.Barrier(2)

    def reads() -> None:
        with gate.inside():
            both.wait(5)  # passes only when two are inside at once
            order.append("read")

    def reopens() -> None:
        with gate.alone():
            order.append("reopened")

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(reads), pool.submit(reads)]
        [reader.result(10) for reader in readers]
        with gate.inside():
            writer = pool.submit(reopens)
            time.sleep(0.05)
            assert "reopened" not in order
        writer.result(10)
    assert order == ["read", "read", "reopened"]


def test_searches_go_on_while_another_process_ingests(tmp_path: Path, doors: Doors) -> None:
    stop, failed = threading.Event(), []

    def searches() -> None:
        while not stop.is_set():
            try:
                assert doors.assistant.search("olive harvest")
            except (BayanError, AssertionError) as error:
                failed.append(error)

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(searches) for _ in range(3)]
        try:
            for number in range(4):
                (tmp_path / f"{number}.txt").write_text(f"Statement {number}. The zebra {number} was counted.", encoding="utf-8")
                ingest([tmp_path / f"{number}.txt"], settings=load_settings())
        finally:
            stop.set()
        [reader.result(60) for reader in readers]
    assert not failed
    assert len({hit.statement_id for hit in doors.assistant.search("zebra")}) >= 4
