"""The index through its whole life, on real Chroma and tantivy: ingest, change, removal, rebuild, damage, sudden death.

Embeddings are fake (`fakes.py`): what is tested here does not depend on what vectors mean.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_socket
from fakes import FakeEmbeddings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from servers import free_port, start_chroma

import rag.index.folder
import rag.index.manifest
import rag.index.store
from ingest import ingest, rebuild, remove
from rag import Assistant, Statement
from rag.build import list_statements
from rag.doctor import examine_all, fix
from rag.errors import IndexBusy, IndexMismatch, IndexMissing, IndexUnusable, SourceError, UnknownStatement
from rag.index.folder import Health, examine, writing
from rag.index.lexical import LexicalIndex
from rag.index.manifest import JOURNAL, MANIFEST, read_manifest
from rag.index.store import Store
from rag.schema import Passage
from rag.settings import load_settings

pytestmark = pytest.mark.usefixtures("fake")
HERE = Path(__file__).parent

PRISON = "بيان حول الهجوم\n\nتعرض سجن الصناعة في مدينة الحسكة لهجوم. استشهد مئة وواحد وعشرون شخصا في الهجوم.\n"
HARVEST = "Olive harvest\n\nThe ministry said the olive harvest reached 40 tonnes. Farmers were paid in March.\n"
BRIDGE = "Bridge reopened\n\nThe Raqqa bridge reopened on Sunday. Engineers repaired two arches.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two statements to ingest."""
    return write(tmp_path / "statements", {"prison.txt": PRISON, "harvest.txt": HARVEST})


def write(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


def stored(index: Path) -> tuple[dict[str, Statement], list[Passage], Health]:
    """What the index holds, read from its files, and how far its halves agree."""
    data = index / read_manifest(index).data
    store = Store.open(data, prefix=data.name)
    try:
        statements = {statement.statement_id: statement for statement in store.all_statements()}
        passages = [found.passage for key in statements for found, _ in store.passages_of(key).values()]
        return statements, passages, examine(store, LexicalIndex.open(data))
    finally:
        store.close()


def titles(index: Path) -> list[str]:
    """Titles of the statements, after checking that all is in order."""
    statements, passages, health = stored(index)
    assert health.in_step, health
    assert health.passages == len(passages)
    assert all(passage.text == statements[passage.statement_id].text[passage.start : passage.end] for passage in passages)
    assert not (index / JOURNAL).exists()
    return sorted(statement.title for statement in statements.values())


def found(index: Path, query: str) -> list[str]:
    """Texts of the passages an assistant finds, after checking that each stands in its statement."""
    assistant = Assistant.open(index)
    hits = assistant.search(query)
    assert all(hit.text == assistant.statement(hit.statement_id).text[hit.start : hit.end] for hit in hits)
    return [hit.text for hit in hits]


# Adding, changing, removing


def test_a_second_ingest_changes_nothing(folder: Path, index: Path, fake: FakeEmbeddings) -> None:
    first = ingest([folder])
    assert (first.added, first.updated, first.unchanged, first.removed) == (2, 0, 0, 0)
    assert (first.rejected, first.warnings) == ((), ())
    statements, passages, health = stored(index)
    assert first.passages == len(passages) == health.passages > 0
    fake.embedded.clear()

    second = ingest([folder])
    assert (second.added, second.updated, second.unchanged, second.passages) == (0, 0, 2, 0)
    assert fake.embedded == []
    assert stored(index)[:2] == (statements, passages)
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]


def test_a_changed_file_is_updated_and_only_its_new_sentences_are_embedded(folder: Path, index: Path, fake: FakeEmbeddings) -> None:
    ingest([folder])
    before = {statement.title: key for key, statement in stored(index)[0].items()}
    fake.embedded.clear()
    write(folder, {"harvest.txt": HARVEST.replace("in March", "in April")})

    report = ingest([folder])
    assert (report.added, report.updated, report.unchanged) == (0, 1, 1)
    assert {statement.title: key for key, statement in stored(index)[0].items()} == before
    sentences = [text.removeprefix("Olive harvest\n") for text in fake.embedded if text.startswith("Olive harvest\n")]
    assert sentences == ["Farmers were paid in April."]
    assert not any("الحسكة" in text for text in fake.embedded)
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]
    assert not any("March" in text for text in found(index, "farmers paid"))


def test_the_same_text_from_another_file_is_kept_once_with_a_warning(folder: Path, index: Path) -> None:
    write(folder, {"copy.txt": HARVEST})
    report = ingest([folder])
    assert (report.added, report.unchanged) == (2, 1)
    assert "holds the same text as" in report.warnings[0].reason
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]


def test_the_same_file_in_another_folder_is_kept_once_with_a_warning(folder: Path, index: Path) -> None:
    write(folder, {"archive/harvest.txt": HARVEST})
    report = ingest([folder])
    assert (report.added, report.unchanged) == (2, 1)
    [warning] = report.warnings
    assert warning.source == str(folder / "harvest.txt")
    assert f'holds the same text as "{folder / "archive" / "harvest.txt"}"; kept once' in warning.reason
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]


def test_the_old_text_of_a_changed_file_can_be_kept_beside_it(folder: Path, index: Path) -> None:
    ingest([folder])
    write(folder, {"harvest.txt": BRIDGE, "archive/harvest.txt": HARVEST})
    ingest([folder])
    assert titles(index) == ["Bridge reopened", "Olive harvest", "بيان حول الهجوم"]


def test_prune_removes_what_is_gone_from_the_folder_only(folder: Path, index: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"bridge.txt": BRIDGE})
    ingest([folder, other])
    (folder / "prison.txt").unlink()
    (other / "bridge.txt").unlink()
    assert ingest([folder]).removed == 0
    assert ingest([folder], prune=True).removed == 1
    assert titles(index) == ["Bridge reopened", "Olive harvest"]
    assert not any("الحسكة" in text for text in found(index, "سجن الحسكة"))


def test_prune_keeps_a_statement_whose_file_has_moved(folder: Path, index: Path) -> None:
    ingest([folder])
    (folder / "2024").mkdir()
    (folder / "harvest.txt").rename(folder / "2024" / "harvest.txt")
    ingest([folder], prune=True)
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]
    assert {statement.source for statement in list_statements(load_settings())} == {
        str(folder / "2024" / "harvest.txt"),
        str(folder / "prison.txt"),
    }


def test_hidden_files_and_links_out_of_the_folder_are_passed_over(folder: Path, index: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"bridge.txt": BRIDGE}) / "bridge.txt"
    write(folder, {".hidden.txt": BRIDGE + "1", ".git/notes.txt": BRIDGE + "2"})
    (folder / "link.txt").symlink_to(outside)
    assert ingest([folder]).added == 2
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]


def test_one_bad_file_does_not_stop_the_others(folder: Path, index: Path) -> None:
    (folder / "empty.txt").write_bytes(b"")
    (folder / "binary.txt").write_bytes(b"\x00\x01")
    (folder / "page.doc").write_bytes(b"\xd0\xcf")
    report = ingest([folder])
    assert report.added == 2
    reasons = {Path(problem.source).name: problem.reason for problem in report.rejected}
    assert sorted(reasons) == ["binary.txt", "empty.txt", "page.doc"]
    assert "is empty" in reasons["empty.txt"]
    assert "is binary" in reasons["binary.txt"]
    assert "is of a format that is not read; supported are " in reasons["page.doc"]
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]


def test_a_terminal_is_shown_how_far_an_ingest_is_how_fast_and_what_remains(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    ingest([folder], progress=True)
    shown = capsys.readouterr().err
    assert "statements:   0%" in shown and "<?" in shown and "/s]" in shown


def test_a_path_that_does_not_exist_is_told_before_anything_is_written(folder: Path, index: Path) -> None:
    with pytest.raises(SourceError, match=r'nowhere\.txt" does not exist'):
        ingest([folder, folder / "nowhere.txt"])
    assert not index.exists()


def test_statements_are_removed_by_the_beginning_of_their_id(folder: Path, index: Path) -> None:
    ingest([folder])
    [full] = remove(["harv"])
    assert full.startswith("harvest-")
    assert titles(index) == ["بيان حول الهجوم"]
    assert not any("olive" in text for text in found(index, "olive harvest"))


def test_an_ambiguous_or_unknown_id_removes_nothing(folder: Path, index: Path) -> None:
    write(folder, {"harvest-2.txt": BRIDGE})
    ingest([folder])
    before = stored(index)
    with pytest.raises(UnknownStatement, match=r'"harvest" fits harvest-\S+, harvest-\S+; "nothing" fits no statement; .*nothing was'):
        remove(["prison", "harvest", "nothing"])
    assert stored(index) == before


def test_a_refused_removal_does_not_count_as_an_interrupted_ingest(folder: Path, index: Path) -> None:
    ingest([folder])
    with pytest.raises(UnknownStatement):
        remove(["nothing"])
    assert [finding for finding in examine_all(load_settings()) if not finding.ok] == []


# Offsets, for any document

ARABIC = st.sampled_from(
    "سجن الحسكة بيانٌ مُحَمَّدٌ الإدارةُ كـــتاب ﻻ ﷲ ﺳﺠﻦ ﻣﺪﻳﻨﺔ العِرَاق ٪٥٠ ١٢٣ مئة گردستان پێشمەرگە آلاف إنّ هٰذا لا\u200cحول \u200fنص\u202c".split()
)
LATIN = st.sampled_from("Hasakah prison 121 the U.N. Mr. 3.5 naïve é co-operation don't Nº 2024-03-15 ﬁre 𝒜bc 👩‍🚀 said.".split())
ENDS = st.sampled_from(
    [" ", " ", " ", ". ", "، ", "؟ ", "! ", "…", "\n", "\r\n", "\r\n\r\n", "\n\n", "\r", "\t", "\u2028", "\x85", "\u00a0", "» «"]
)
DOCUMENT = st.lists(
    st.tuples(ARABIC | LATIN | st.text(st.characters(exclude_categories=["Cs"]), max_size=5), ENDS), min_size=3, max_size=120
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(DOCUMENT.map(lambda pieces: "".join(word + end for word, end in pieces)), min_size=1, max_size=4))
@example(["سجن سجن Hasakah ", "سجن سجن\nHasakah "])  # a quote in English of an Arabic statement was said to be in Arabic
def test_whatever_the_documents_passages_and_quotes_are_verbatim(fake: FakeEmbeddings, documents: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        texts = {f"سجن-{number}.txt": text for number, text in enumerate(documents)}
        folder, index = write(Path(scratch) / "statements", texts), Path(scratch) / "index"
        report = ingest([folder], index=index)
        statements, passages, health = stored(index)
        assert health.in_step
        for statement in statements.values():
            assert statement.text == texts[Path(statement.source).name].removeprefix("\ufeff")
        for passage in passages:
            text = statements[passage.statement_id].text
            assert passage.text == text[passage.start : passage.end] != ""
            assert all(passage.start <= span.start < span.end <= passage.end for span in passage.sentences)
        rejected = {Path(problem.source).name for problem in report.rejected}
        twins = {Path(problem.source).name for problem in report.warnings}
        assert {Path(statement.source).name for statement in statements.values()} == texts.keys() - rejected - twins
        for question in ("ماذا جاء في البيان عن سجن الحسكة؟", "What did the statement say about the prison in Hasakah?"):
            answer = Assistant.open(index).ask(question)
            for citation in (*answer.citations, *answer.nearest):
                assert citation.quote == statements[citation.statement_id].text[citation.start : citation.end] != ""
            assert all(check.supported for check in answer.checks)


# Another model, another text processing, rebuild


def test_an_index_of_another_model_is_refused_with_the_command_that_mends_it(
    folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest([folder])
    other = FakeEmbeddings("other-words", "0b" * 32)
    monkeypatch.setattr(rag.build, "open_embeddings", lambda settings: other)
    expected = rf'made with the model "fake-words".*ask for "other-words".*bayan ingest --rebuild --index "{index}"'
    with pytest.raises(IndexMismatch, match=expected):
        Assistant.open(index)
    with pytest.raises(IndexMismatch, match=expected):
        ingest([folder])


def test_an_index_of_another_text_processing_is_refused(folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest([folder])
    monkeypatch.setattr(rag.index.manifest, "TEXT_VERSION", 99)
    with pytest.raises(IndexMismatch, match=r"text processing \d+\).*, 99\); rebuild it with `bayan ingest --rebuild"):
        Assistant.open(index)


def test_an_index_of_an_earlier_format_is_refused(folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest([folder])
    monkeypatch.setattr(rag.index.manifest, "FORMAT", 99)
    with pytest.raises(IndexMismatch, match=r"format \d+, .*fafafafafafa, 99, \d+\); rebuild it with `bayan ingest --rebuild"):
        ingest([folder])
    assert (rebuild().updated, titles(index)) == (2, ["Olive harvest", "بيان حول الهجوم"])


def test_an_index_of_format_3_is_rebuilt_with_all_it_knew(folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of_format_3(statement: Statement) -> dict[str, str | None]:
        lists = {"cuts": [[cut.start, cut.end, cut.reason] for cut in statement.cuts], "pages": [], "also_at": []}
        headings = [[heading.start, heading.end, heading.level] for heading in statement.headings]
        plain = {name: getattr(statement, name) for name in ("revision", "text", "title", "issuer", "date", "source", "language", "place")}
        return {**plain, **{name: json.dumps(value) for name, value in {**lists, "headings": headings}.items() if value or name == "cuts"}}

    (folder / "sections.md").write_text("# Olives\n\n## Yield\n\nThe harvest reached 41 tonnes.\n\nRead more\n", encoding="utf-8")
    with monkeypatch.context() as before:
        before.setattr(rag.index.store, "statement_metadata", of_format_3)
        before.setattr(rag.index.manifest, "FORMAT", 3)
        ingest([folder])
        held = {statement.title: statement for statement in list_statements(load_settings(index=index))}
    assert held["Olives"].headings
    assert held["Olives"].cuts
    for later in ("statements.jsonl", "seal.json"):
        (index / read_manifest(index).data / later).unlink()
    assert rebuild().updated == 3
    again = {statement.title: statement for statement in list_statements(load_settings(index=index))}
    assert {title: replace(statement, revision="") for title, statement in again.items()} == {
        title: replace(statement, revision="") for title, statement in held.items()
    }


def test_an_index_whose_manifest_says_less_or_more_is_rebuilt(folder: Path, index: Path) -> None:
    ingest([folder])
    told = json.loads((index / MANIFEST).read_text())
    (index / told["data"] / "seal.json").unlink()  # an earlier Bayan wrote none
    (index / MANIFEST).write_text(json.dumps({name: told[name] for name in told if name != "generation"} | {"format": 2, "other": "x"}))
    with pytest.raises(IndexMismatch, match=r"format 2, .*rebuild it with `bayan ingest --rebuild --index"):
        Assistant.open(index)
    shutil.rmtree(folder)
    assert (rebuild().updated, titles(index)) == (2, ["Olive harvest", "بيان حول الهجوم"])


def test_an_index_of_a_newer_bayan_is_left_alone(folder: Path, index: Path) -> None:
    ingest([folder])
    told = json.loads((index / MANIFEST).read_text())
    (index / told["data"] / "seal.json").unlink()
    (index / MANIFEST).write_text(json.dumps(told | {"format": 99}))
    for refused in (lambda: Assistant.open(index), lambda: ingest([folder]), rebuild):
        with pytest.raises(IndexMismatch, match=r"was made by a newer Bayan \(format 99, not \d+\); install that one"):
            refused()


def test_rebuild_keeps_the_statements_and_needs_no_files(folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest([folder])
    before, answers = stored(index)[0], found(index, "olive harvest")
    shutil.rmtree(folder)
    other = FakeEmbeddings("other-words", "0b" * 32)
    monkeypatch.setattr(rag.build, "open_embeddings", lambda settings: other)
    report = rebuild()
    assert (report.updated, report.added, report.removed) == (2, 0, 0)
    assert stored(index)[0] == before
    assert read_manifest(index).digest == other.digest
    assert found(index, "olive harvest") == answers
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]
    assert len(list(index.glob("data-*"))) == 1


# Folders that cannot be used


def test_a_second_writer_is_told_to_wait(folder: Path, index: Path, fake: FakeEmbeddings) -> None:
    with writing(index, fake), pytest.raises(IndexBusy, match=r'another ingest is writing to the index ".*"; wait'):
        ingest([folder])
    ingest([folder])
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]


def test_a_folder_that_may_not_be_written_is_told(folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(IndexUnusable, match=r"cannot write to the index folder .* choose another with --index"):
        ingest([folder])


@pytest.mark.parametrize("below", [True, False])
def test_a_file_in_the_place_of_the_folder_is_told(folder: Path, tmp_path: Path, below: bool) -> None:
    (tmp_path / "file").write_text("not a folder")
    place = tmp_path / "file" / "index" if below else tmp_path / "file"
    with pytest.raises(IndexUnusable, match="file"):
        ingest([folder], index=place)


def test_reading_where_there_is_no_index_says_how_to_make_one(index: Path) -> None:
    with pytest.raises(IndexMissing, match=r'no index in ".*index"; make one with `bayan ingest PATH --index'):
        Assistant.open(index)
    with pytest.raises(IndexMissing, match="no index"):
        remove(["x"])
    assert not index.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', "\x00"])
def test_a_damaged_manifest_is_told(folder: Path, index: Path, content: str) -> None:
    ingest([folder])
    (index / MANIFEST).write_text(content)
    with pytest.raises(IndexUnusable, match="manifest of the index"):
        Assistant.open(index)


@pytest.mark.parametrize("name", ["chroma/chroma.sqlite3", "reference.npz"])
@pytest.mark.parametrize("content", [b"nothing of use" * 400, b"", None])
def test_a_damaged_store_is_told(folder: Path, index: Path, name: str, content: bytes | None, tmp_path: Path) -> None:
    ingest([folder])
    copied = tmp_path / "copied"  # Chroma keeps the original's file open
    shutil.copytree(index, copied)
    damaged = copied / read_manifest(index).data / name
    damaged.unlink() if content is None else damaged.write_bytes(content)
    with pytest.raises(IndexUnusable, match="index"):
        Assistant.open(copied).ask("How large was the olive harvest?")


# The lexical half, lost or damaged


def lose_folder(lexical: Path) -> None:
    shutil.rmtree(lexical)


def lose_everything_in_it(lexical: Path) -> None:
    lose_folder(lexical)
    lexical.mkdir()


def spoil_table_of_contents(lexical: Path) -> None:
    (lexical / "meta.json").write_text("{ nothing of use")


def lose_a_segment(lexical: Path) -> None:
    for path in lexical.glob("*.term"):
        path.unlink()


def spoil_a_segment(lexical: Path) -> None:
    for path in (*lexical.glob("*.idx"), *lexical.glob("*.store")):
        path.write_bytes(b"\xff" * 40)


@pytest.mark.parametrize("damage", [lose_folder, lose_everything_in_it, spoil_table_of_contents, lose_a_segment, spoil_a_segment])
def test_doctor_finds_and_mends_a_damaged_lexical_index(folder: Path, index: Path, damage: object) -> None:
    ingest([folder])
    damage(index / read_manifest(index).data / "lexical")  # type: ignore[operator]
    bad = [finding for finding in examine_all(load_settings()) if not finding.ok]
    assert any("bayan doctor --fix" in f"{finding.detail} {finding.remedy}" for finding in bad), bad
    fix(load_settings())
    assert [finding.detail for finding in examine_all(load_settings()) if not finding.ok] == []
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]
    assert "olive harvest" in found(index, "olive harvest")[0]


# Sudden death: the ingest runs in a process of its own, which kills itself without warning

DRIVER = """
import os, signal, sys
import rag.build, rag.index.folder
from fakes import FakeEmbeddings
from ingest import pipeline

folder, command, target, nth, after = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5] == "after"
rag.build.open_embeddings = lambda settings: FakeEmbeddings()
pipeline.BATCH_PASSAGES = 1  # a batch for each statement
owner, _, name = target.rpartition(".")
owner = {"": rag.index.folder, "Store": rag.index.folder.Store, "LexicalIndex": rag.index.folder.LexicalIndex}[owner]
original, calls = getattr(owner, name), 0

def deadly(*arguments, **options):
    global calls
    calls += 1
    if calls == nth and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*arguments, **options)
    if calls == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, deadly)
pipeline.rebuild() if command == "rebuild" else pipeline.ingest([folder], prune=command == "prune")
"""


def run_elsewhere(folder: Path, command: str, target: str = "examine", nth: int = 0, when: str = "before") -> int:
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"}
    arguments = [sys.executable, "-c", DRIVER, str(folder), command, target, str(nth), when]
    done = subprocess.run(arguments, env=environment, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.parametrize(
    ("target", "nth", "when"),
    [
        ("Store.write_passages", 1, "after"),
        ("LexicalIndex.update", 1, "after"),
        ("Store.write_statements", 1, "after"),
        ("Store.delete_passages", 1, "after"),
        ("LexicalIndex.update", 2, "after"),
        ("Store.write_passages", 3, "before"),
        ("Store.delete_statement", 1, "after"),
        ("_complete", 1, "before"),
    ],
)
def test_a_killed_ingest_leaves_an_index_that_answers_and_the_next_one_completes_it(
    folder: Path, index: Path, target: str, nth: int, when: str
) -> None:
    write(folder, {"bridge.txt": BRIDGE})
    ingest([folder])
    changed = {
        "harvest.txt": HARVEST.replace("40 tonnes", "55 tonnes"),
        "prison.txt": PRISON.replace("شخصا", "عنصرا"),
        "new.txt": BRIDGE * 2,
    }
    write(folder, changed)
    (folder / "bridge.txt").unlink()
    assert run_elsewhere(folder, "prune", target, nth, when) == -signal.SIGKILL

    texts = found(index, "olive harvest tonnes")
    assert sum("tonnes" in text for text in texts) == 1, "the old statement or the new one, whole"
    assert sum("الحسكة" in text for text in found(index, "سجن الحسكة")) == 1
    assert any("interrupted" in finding.detail and not finding.ok for finding in examine_all(load_settings()))

    ingest([folder], prune=True)
    assert len(titles(index)) == 3
    assert {statement.text for statement in stored(index)[0].values()} == set(changed.values())
    assert sum("55 tonnes" in text for text in found(index, "olive harvest tonnes")) == 1
    assert not any("interrupted" in finding.detail for finding in examine_all(load_settings()))


@pytest.mark.parametrize("target", ["Store.write_passages", "_save_reference", "_complete"])
def test_a_killed_first_ingest_is_no_index_and_the_next_one_completes_it(folder: Path, index: Path, target: str) -> None:
    assert run_elsewhere(folder, "ingest", target, 1, "before") == -signal.SIGKILL
    with pytest.raises(IndexMissing, match=r"first ingest .* was interrupted: \d statements are kept.*give the same `bayan ingest PATH"):
        Assistant.open(index)
    ingest([folder])
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]


def test_what_a_killed_first_ingest_has_kept_is_told_and_gone_on_from(folder: Path, index: Path) -> None:
    assert run_elsewhere(folder, "ingest", "Store.write_statements", 1, "after") == -signal.SIGKILL
    said = (
        r'the first ingest into ".*index" is running or was interrupted: 1 statements are kept.*`bayan ingest PATH --index ".*index"` again'
    )
    with pytest.raises(IndexMissing, match=said):
        Assistant.open(index)
    [finding] = [finding for finding in examine_all(load_settings()) if finding.name == "index"]
    assert not finding.ok
    assert "1 statements are kept" in finding.detail
    (index / JOURNAL).write_text("{")
    report = ingest([folder])
    assert (report.added, report.unchanged) == (1, 1)
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]


@pytest.mark.parametrize("then", ["ingest", "rebuild"])
def test_a_killed_rebuild_leaves_the_old_index_and_nothing_behind(folder: Path, index: Path, then: str) -> None:
    ingest([folder])
    assert run_elsewhere(folder, "rebuild", "Store.write_statements", 1, "after") == -signal.SIGKILL
    assert "olive harvest" in found(index, "olive harvest")[0]
    ingest([folder]) if then == "ingest" else rebuild()
    assert titles(index) == ["Olive harvest", "بيان حول الهجوم"]
    assert [path.name for path in index.glob("data-*")] == [read_manifest(index).data], "an unfinished data folder stays behind"


def test_an_open_reader_sees_what_another_process_has_ingested(folder: Path, index: Path) -> None:
    ingest([folder])
    assistant = Assistant.open(index)
    assert not any("Raqqa" in hit.text for hit in assistant.search("Raqqa bridge"))
    write(folder, {"bridge.txt": BRIDGE})
    (folder / "prison.txt").unlink()
    assert run_elsewhere(folder, "prune") == 0
    assert "Raqqa bridge" in assistant.search("Raqqa bridge")[0].text
    assert sorted(statement.title for statement in assistant.statements()) == ["Bridge reopened", "Olive harvest"]
    assert run_elsewhere(folder, "rebuild") == 0
    assert "Raqqa bridge" in assistant.search("Raqqa bridge")[0].text


def test_an_open_reader_sees_what_its_own_process_has_ingested(folder: Path, index: Path) -> None:
    ingest([folder])
    assistant = Assistant.open(index)
    write(folder, {"bridge.txt": BRIDGE})
    ingest([folder])
    assert "Raqqa bridge" in assistant.search("Raqqa bridge")[0].text
    assert json.loads((index / MANIFEST).read_text())["generation"] == 2


@pytest.fixture(scope="module")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Chroma server of the test's own."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    port = free_port()
    with start_chroma(tmp_path_factory.mktemp("chroma"), port) as server:
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.mark.integration
def test_indexes_on_one_chroma_server_stay_apart_and_a_rebuild_leaves_nothing_behind(
    folder: Path, tmp_path: Path, fake: FakeEmbeddings, chroma_server: str
) -> None:
    one, other = (load_settings(index=tmp_path / name).model_copy(update={"chroma_url": chroma_server}) for name in ("one", "other"))
    ingest([folder], settings=one)
    ingest([folder / "prison.txt"], settings=other)
    before = len(chroma_collections(chroma_server))
    rebuild(settings=one)
    assert len(chroma_collections(chroma_server)) == before
    assert len(Assistant.open(settings=one).statements()) > len(Assistant.open(settings=other).statements()) == 1
    assert all(finding.ok for finding in examine_all(one))


def chroma_collections(url: str) -> list[str]:
    import chromadb

    address = urlsplit(url)
    client = chromadb.HttpClient(host=str(address.hostname), port=address.port or 0)
    return [collection.name for collection in client.list_collections()]


def test_a_store_can_be_opened_while_others_of_its_folder_are_closed(tmp_path: Path) -> None:
    def come_and_go() -> None:
        for _ in range(15):
            store = Store.open(tmp_path)
            assert store.counts()["statements"] == 0
            store.close()

    with ThreadPoolExecutor(4) as pool:
        [run.result(60) for run in [pool.submit(come_and_go) for _ in range(4)]]
