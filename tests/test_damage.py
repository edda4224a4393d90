"""Every file of an index truncated, emptied, removed and altered: each command says so in a line, doctor names it, and what doctor names
mends it, without the loss of a statement.

The embeddings are fake, Chroma and tantivy real; Chroma is told to write its vector indexes early, as it does of thousands.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import SAMPLES
from fakes import FakeEmbeddings

import rag.build
import rag.index.store
import ui.server
from ingest import ingest
from rag.errors import IndexUnusable
from rag.index.manifest import JOURNAL, MANIFEST, check_files, read_manifest
from rag.integrity.seal import broken, seal
from rag.integrity.stamp import peeled
from rag.settings import load_settings
from ui.cli.main import main

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("fake")]

VECTORS = ("data_level0.bin", "header.bin", "length.bin", "link_lists.bin", "index_metadata.pickle")
TRIED = ("manifest.json", "seal.json", "statements.jsonl", "reference.npz", "chroma.sqlite3", "data_level0.bin", "header.bin", "meta.json")
LEXICAL = ("meta.json", ".managed.json", "*.del", "*.fast", "*.fieldnorm", "*.idx", "*.pos", "*.store", "*.term")
FILES = (
    "manifest.json",
    "data-*/seal.json",
    "data-*/statements.jsonl",
    "data-*/reference.npz",
    "data-*/chroma/chroma.sqlite3",
    *(f"data-*/chroma/*/{name}" for name in VECTORS),
    *(f"data-*/lexical/{name}" for name in LEXICAL),
)
HARMLESS = ("write.lock", "data-*/lexical/.tantivy-meta.lock", "data-*/lexical/.tantivy-writer.lock")
WRITTEN = "index_metadata.pickle"
QUESTION = "متى تبدأ الدراسة؟"


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def alter(path: Path) -> None:
    content, chance = bytearray(path.read_bytes()), random.Random(7)
    begin = len(content) // 3
    for at in range(begin, min(begin + 64, len(content))):
        content[at] ^= chance.randrange(1, 256)
    path.write_bytes(bytes(content))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the sample statements, of which one was corrected."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copytree(SAMPLES, folder / "statements")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rag.build, "open_embeddings", lambda settings: FakeEmbeddings())
        patch.setattr(rag.index.store, "_collection", written_early)
        ingest([folder / "statements"], index=folder / "index")
        corrected = folder / "statements" / "fishermen-strike.txt"
        corrected.write_text(corrected.read_text(encoding="utf-8") + "\nThe strike ended on Monday.\n", encoding="utf-8")
        assert ingest([folder / "statements"], index=folder / "index").updated == 1
    return folder / "index"


def written_early(client: Any, name: str) -> Any:
    configuration = {"hnsw": {"space": "cosine", "sync_threshold": 8, "batch_size": 4}}
    return client.get_or_create_collection(name, embedding_function=None, configuration=configuration)


@pytest.fixture
def copied(whole: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy to be damaged, for Chroma keeps the original's files open."""
    shutil.copytree(whole, index)
    monkeypatch.setattr(ui.server, "serve", lambda *arguments, **options: None)
    yield index
    shutil.rmtree(index)


def run(*arguments: str) -> Result:
    """Run a command; it may fail, with one line."""
    done = CliRunner().invoke(main, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), (arguments, done.exception)
    if done.exit_code and arguments[0] != "doctor":
        assert done.exit_code == 1
        assert done.stderr.splitlines()[-1].startswith("bayan: "), done.stderr
    return done


def held() -> dict[str, Any]:
    """All that an index says of its statements, earlier texts with them."""
    listed = json.loads(run("statements", "--json").stdout)["statements"]
    return {one["statement_id"]: json.loads(run("statements", one["statement_id"], "--json").stdout) for one in listed}


@pytest.fixture(scope="module")
def before(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        copy = tmp_path_factory.mktemp("before") / "index"
        shutil.copytree(whole, copy)
        patch.setenv("BAYAN_INDEX", str(copy))
        return held()


def findings() -> dict[str, str]:
    """What doctor says is wrong, by name, with the remedy."""
    found = json.loads(run("doctor", "--json").stdout)["findings"]
    return {one["name"]: f"{one['detail']} → {one['remedy']}" for one in found if not one["ok"]}


def run_all(folder: Path) -> None:
    """Every command that opens an index says in a line what is wrong, or does its work."""
    (folder.parent / "new").mkdir()
    (folder.parent / "new" / "new.txt").write_text("Well dug\n\nThe well is forty metres deep. It was dug in May.\n")
    run("ask", QUESTION)
    run("search", "ferry")
    run("statements")
    run("statements", "ferry")
    run("facets")
    run("serve", "--port", "0")
    run("ingest", str(folder.parent / "new"))


def files_of(folder: Path, pattern: str) -> list[Path]:
    """The files, those of vector indexes that Chroma has written first: one that it has not is made anew, and is damaged by nothing."""
    found = [path for path in folder.glob(pattern) if path.is_file()]
    return sorted(found, key=lambda path: ((path.parent / "header.bin").exists() and not (path.parent / WRITTEN).exists(), path))


def test_every_file_of_an_index_is_tried(whole: Path) -> None:
    known = {path for pattern in (*FILES, *HARMLESS) for path in files_of(whole, pattern)}
    assert {path for path in whole.rglob("*") if path.is_file()} == known
    assert all(files_of(whole, pattern) for pattern in FILES)


@pytest.mark.parametrize("damage", [halve, empty, remove, alter])
@pytest.mark.parametrize("pattern", [pattern for pattern in FILES if not pattern.endswith(TRIED)])
def test_damage_is_found_before_anything_is_opened(copied: Path, pattern: str, damage: Callable[[Path], None]) -> None:
    """Of what `test_damage_is_told_found_and_mended` tries one of each kind."""
    spoil(copied, pattern, damage)
    with pytest.raises(IndexUnusable, match=r'is missing or damaged; run `bayan doctor --fix --index "'):
        check_files(copied, read_manifest(copied))


def spoil(folder: Path, pattern: str, damage: Callable[[Path], None]) -> None:
    path = files_of(folder, pattern)[0]
    original = path.read_bytes()
    damage(path)
    if path.exists() and path.read_bytes() == original:
        pytest.skip("an empty file stays one")


@pytest.mark.parametrize("damage", [halve, empty, remove, alter])
@pytest.mark.parametrize("pattern", [pattern for pattern in FILES if pattern.endswith(TRIED)])
def test_damage_is_told_found_and_mended(copied: Path, before: dict[str, Any], pattern: str, damage: Callable[[Path], None]) -> None:
    spoil(copied, pattern, damage)
    found = findings()
    assert any(Path(pattern).name.replace("*", "") in text or "manifest" in text for text in found.values()), found
    assert all("bayan doctor --fix" in text for text in found.values()), found
    run_all(copied)
    assert_mended(before)
    assert run("ingest", str(copied.parent / "new")).exit_code == 0


def assert_mended(before: dict[str, Any], *command: str) -> None:
    """`bayan doctor --fix`, or the command given, leaves nothing wrong and nothing lost."""
    mended = run(*(command or ("doctor", "--fix")))
    assert mended.exit_code == 0, mended.output
    assert findings() == {}
    now = held()
    assert {key: now[key] for key in before} == before
    assert json.loads(run("search", "ferry", "--json").stdout)["hits"]


def database(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(files_of(folder, "data-*/chroma/chroma.sqlite3")[0])


def rewrite_record(folder: Path, key: str, old: str, new: str) -> None:
    """Alter what stands in the records of a statement or of passages, behind Bayan's back."""
    with closing(database(folder)) as store, store:
        altered = store.execute(
            "UPDATE embedding_metadata SET string_value = replace(string_value, ?, ?) WHERE key = 'record' AND string_value LIKE ? "
            "AND id IN (SELECT id FROM embeddings WHERE embedding_id LIKE ?)",
            [old, new, f"%{old}%", key],
        )
        assert altered.rowcount == 1


def test_a_figure_altered_in_a_stored_text_is_never_quoted_and_comes_back(copied: Path, before: dict[str, Any]) -> None:
    [changed] = [key for key in before if key.startswith("bridge-reopening-wire")]
    rewrite_record(copied, changed, "28 September", "27 September")
    assert changed in findings()["records"]
    for command in (("statements", changed), ("ask", "When does the temporary passenger ferry of the Osmer Bridge make its last run?")):
        said = run(*command)
        assert said.exit_code == 1
        assert f'the statement "{changed}" of the index is damaged' in said.stderr
        assert "run `bayan doctor --fix`" in said.stderr
    assert_mended(before)


def test_a_figure_altered_in_a_passage_is_found_and_comes_back(copied: Path, before: dict[str, Any]) -> None:
    rewrite_record(copied, "bridge-reopening-wire%:%", "28 September", "27 September")
    assert "bridge-reopening-wire" in findings()["records"]
    assert_mended(before)


@pytest.mark.parametrize("command", [("doctor", "--fix"), ("ingest", "--rebuild")])
def test_a_folder_of_vectors_that_is_gone_is_made_anew(copied: Path, before: dict[str, Any], command: tuple[str, ...]) -> None:
    shutil.rmtree(files_of(copied, "data-*/chroma/*/header.bin")[0].parent)
    assert "header.bin" in findings()["files"]
    assert_mended(before, *command)


def test_bytes_that_decayed_without_a_change_of_the_file_are_found(copied: Path, before: dict[str, Any]) -> None:
    path = files_of(copied, "data-*/chroma/*/data_level0.bin")[0]
    facts = path.stat()
    alter(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert "data_level0.bin" in findings()["files"]
    assert_mended(before)


def test_a_byte_of_a_vector_in_the_database_is_found(tmp_path: Path, index: Path) -> None:
    (tmp_path / "one.txt").write_text("Bridge reopened\n\nThe bridge reopened on Sunday. Two arches were repaired.\n")
    ingest([tmp_path / "one.txt"])
    before = held()
    copied = tmp_path / "copied"
    shutil.copytree(index, copied)
    with closing(database(copied)) as store, store:
        [(key, vector)] = store.execute("SELECT seq_id, vector FROM embeddings_queue WHERE length(vector) > 4").fetchall()
        flipped = bytearray(vector)
        flipped[2] ^= 0x81  # of the first value's exponent
        store.execute("UPDATE embeddings_queue SET vector = ? WHERE seq_id = ?", [bytes(flipped), key])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAYAN_INDEX", str(copied))
        assert "passage" in findings()["records"]
        assert run("doctor", "--fix").exit_code == 0
        assert held() == before


@pytest.mark.parametrize(
    "change", [{"dimension": 511}, {"generation": 9}, {"digest": "00" * 32}, {"text_version": 1}, {"data": "data-1-0000"}]
)
def test_a_manifest_that_says_something_else_than_the_seal_is_put_right(
    copied: Path, before: dict[str, Any], change: dict[str, Any]
) -> None:
    original = (copied / MANIFEST).read_text()
    (copied / MANIFEST).write_text(json.dumps(json.loads(original) | change))
    assert any("bayan doctor --fix" in text for text in findings().values())
    run_all(copied)
    assert_mended(before)
    assert (copied / MANIFEST).read_text() == original


@pytest.mark.parametrize("damage", [halve, empty, alter])
def test_a_damaged_journal_is_an_interrupted_ingest(copied: Path, before: dict[str, Any], damage: Callable[[Path], None]) -> None:
    shutil.copy(copied / MANIFEST, copied / JOURNAL)
    damage(copied / JOURNAL)
    found = findings()
    assert "run `bayan ingest` again" in found["ingest"]
    run_all(copied)
    assert findings() == {}
    assert {key: held()[key] for key in before} == before


def test_two_copies_damaged_lose_what_they_both_lack_and_nothing_more(copied: Path, before: dict[str, Any]) -> None:
    """All of the ledger and one record of the store."""
    empty(files_of(copied, "data-*/statements.jsonl")[0])
    [gone] = [key for key in before if key.startswith("bridge-reopening-wire")]
    rewrite_record(copied, gone, "28 September", "27 September")
    said = run("doctor", "--fix")
    assert f'the statement "{gone}" is damaged, and so is its copy; ingest its source again' in said.stderr
    assert held().keys() == before.keys() - {gone}


def ingest_as_before_there_were_digests(tmp_path: Path, index: Path) -> None:
    def unstamped(metadata: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        return lambda *given: {key: peeled(value) if isinstance(value, str) else value for key, value in metadata(*given).items()}

    (tmp_path / "one.txt").write_text("Bridge reopened\n\nThe bridge reopened on Sunday. Two arches were repaired.\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("statement_metadata", "passage_metadata"):
            patch.setattr(rag.index.store, name, unstamped(getattr(rag.index.store, name)))
        ingest([tmp_path / "one.txt"])
    for later in ("statements.jsonl", "seal.json"):
        files_of(index, f"data-*/{later}")[0].unlink()


@pytest.mark.parametrize("damage", [halve, remove])
def test_an_earlier_index_whose_manifest_is_damaged_is_made_anew(tmp_path: Path, index: Path, damage: Callable[[Path], None]) -> None:
    ingest_as_before_there_were_digests(tmp_path, index)
    before = held()
    damage(index / MANIFEST)
    assert "bayan doctor --fix" in findings()["index"]
    assert run("ingest", str(tmp_path / "one.txt")).exit_code == 1
    assert run("doctor", "--fix").exit_code == 0
    assert held() == before


def test_an_index_without_its_data_says_that_only_a_backup_helps(copied: Path) -> None:
    shutil.rmtree(copied / read_manifest(copied).data)
    for command in (("statements",), ("doctor", "--fix"), ("ingest", "--rebuild")):
        assert "its statements are lost: run `bayan restore FILE --force` on a backup" in run(*command).output


@pytest.mark.parametrize("command", ["doctor", "ingest"])
def test_an_index_from_before_there_were_digests_is_asked_and_taken_up(
    tmp_path: Path, index: Path, fake: FakeEmbeddings, command: str
) -> None:
    ingest_as_before_there_were_digests(tmp_path, index)
    before, data = held(), read_manifest(index).data
    assert len(before) == 1
    assert json.loads(run("search", "bridge", "--json").stdout)["hits"]
    assert "seal.json" in findings()["files"]
    fake.embedded.clear()
    run("doctor", "--fix") if command == "doctor" else run("ingest", str(tmp_path / "one.txt"))
    assert findings() == {}
    assert held() == before
    assert read_manifest(index).data == data, "it was made anew"
    assert fake.embedded == []
    remove(files_of(index, "data-*/chroma/chroma.sqlite3")[0])
    run("doctor", "--fix")
    assert held() == before


def test_damage_of_an_unpacked_model_is_found_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = "multilingual-e5-small"
    source = load_settings().cache / "models" / model
    if not (source / "e5-small-q4.bin").exists():
        pytest.skip(f"{model} is not in the cache")
    shutil.copytree(source, tmp_path / "cache" / "models" / model)
    monkeypatch.setenv("BAYAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BAYAN_EMBEDDING", model)
    run("models", "pull", model)  # what an earlier Bayan unpacked has no digests
    path = tmp_path / "cache" / "models" / model / "e5-small-q4-onnx" / "embedding.onnx"
    halve(path)
    assert findings()["model"] == f'what was unpacked of it is damaged: "{path}" → run `bayan models pull {model}`'
    run("models", "pull", model)
    assert "model" not in findings()


def test_vectors_that_chroma_writes_after_an_ingest_are_no_damage(tmp_path: Path) -> None:
    """With an editor at work on 5,000 passages, the server's readers wrote the vector index after the seal, and every later job failed."""
    folder = tmp_path / "chroma" / "a1"
    folder.mkdir(parents=True)
    names = ("data_level0.bin", "header.bin", "index_metadata.pickle", "length.bin", "link_lists.bin")
    for name in names:
        (folder / name).write_bytes(b"" if name == "link_lists.bin" else name.encode())
    seal(tmp_path, {})
    assert broken(tmp_path) == []
    time.sleep(0.02)
    for name in names:
        (folder / name).write_bytes(b"" if name == "link_lists.bin" else b"new " + name.encode())
    assert broken(tmp_path) == []
    seal(tmp_path, {})
    (folder / "data_level0.bin").write_bytes(b"altered")
    assert broken(tmp_path) == ["chroma/a1/data_level0.bin"]
    (folder / "index_metadata.pickle").unlink()
    assert broken(tmp_path) == ["chroma/a1/data_level0.bin", "chroma/a1/index_metadata.pickle"]
