"""Backups: what is restored is what was kept, whatever went on meanwhile, and nothing is changed by an archive that is not whole."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import FakeEmbeddings

from ingest import backup as backups
from ingest import ingest, remove
from ingest.backup import backup, restore
from rag import Assistant
from rag.build import list_statements
from rag.doctor import examine_all
from rag.errors import BackupError, IndexMissing, IndexUnusable
from rag.index.folder import writing
from rag.index.manifest import read_manifest
from rag.settings import load_settings
from ui.cli.main import main

pytestmark = pytest.mark.usefixtures("fake")

HARVEST = "Olive harvest\n\nThe ministry said the olive harvest reached 40 tonnes. Farmers were paid in March.\n"
WATER = "بيان حول انقطاع المياه\n\nقالت الهيئة إن انقطاع المياه شمل سبعة أحياء. وعادت المياه إلى الأحياء مساء الخميس.\n"


@pytest.fixture
def file(tmp_path: Path, index: Path) -> Path:
    """Where the backup is to be; two statements are in the index, one corrected, and what people have left beside."""
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "harvest.txt").write_text(HARVEST.replace("40", "30"))
    (folder / "water.txt").write_text(WATER)
    ingest([folder])
    (folder / "harvest.txt").write_text(HARVEST)
    ingest([folder])
    (index / "keys.json").write_text("secret")
    (index / "feedback.jsonl").write_text('{"good": true}\n')
    (index / "runs" / "one").mkdir(parents=True)
    (index / "runs" / "one" / "rows.jsonl").write_text("{}\n")
    (tmp_path / "index-sets").mkdir()
    (tmp_path / "index-sets" / "feedback.jsonl").write_text("{}\n")
    return tmp_path / "backup.zip"


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(main, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def held(index: Path) -> dict[str, Any]:
    """Statements and their earlier texts, after checking that all is in order."""
    settings = load_settings(index=index)
    assert [finding for finding in examine_all(settings) if not finding.ok] == []
    assistant = Assistant.open(index)
    assert assistant.search("olive harvest")
    return {statement.statement_id: (statement, assistant.versions(statement.statement_id)) for statement in list_statements(settings)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_is_restored_is_what_was_kept(file: Path, index: Path, tmp_path: Path, fake: FakeEmbeddings) -> None:
    before = held(index)
    kept = json.loads(run("backup", str(file), "--json").stdout)
    assert (kept["statements"], kept["vectors"], kept["bytes"]) == (2, True, file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    fake.embedded.clear()
    again = json.loads(run("restore", str(file), "--index", str(tmp_path / "again"), "--json").stdout)
    assert (again["statements"], again["vectors"]) == (2, True)
    assert fake.embedded == [], "vectors come with it"
    assert held(tmp_path / "again") == before
    assert ingest([tmp_path / "statements"], index=tmp_path / "again").unchanged == 2
    assert (tmp_path / "again" / "feedback.jsonl").read_text() == '{"good": true}\n'
    assert (tmp_path / "again" / "runs" / "one" / "rows.jsonl").exists()
    assert (tmp_path / "again-sets" / "feedback.jsonl").exists()
    assert not (tmp_path / "again" / "keys.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_restore_replaces_an_index_only_by_force_and_open_readers_see_it(file: Path, index: Path) -> None:
    before = held(index)
    run("backup", str(file))
    assistant = Assistant.open(index)
    remove(["harvest"])
    (index / "feedback.jsonl").write_text("newer")
    refused = run("restore", str(file))
    assert refused.exit_code == 1
    assert f'there is an index in "{index}"; restore into another folder with --index, or give --force' in refused.stderr
    assert len(assistant.statements()) == 1
    assert run("restore", str(file), "--force").exit_code == 0
    assert held(index) == before
    assert len(assistant.statements()) == 2
    assert len(list(index.glob("data-*"))) == 1
    assert (index / "feedback.jsonl").read_text() == "newer"
    assert (index / "keys.json").read_text() == "secret"


def test_while_an_ingest_writes_the_texts_are_kept_and_embedded_at_the_restore(
    file: Path, index: Path, tmp_path: Path, fake: FakeEmbeddings
) -> None:
    before = held(index)
    with writing(index, fake):
        kept = backup(load_settings(), file)
    assert (kept.statements, kept.vectors) == (2, False)
    fake.embedded.clear()
    assert not restore(load_settings(index=tmp_path / "again"), file).vectors
    assert fake.embedded
    again = held(tmp_path / "again")
    assert {key: text.text for key, (text, _) in again.items()} == {key: text.text for key, (text, _) in before.items()}
    assert {key: len(earlier) for key, (_, earlier) in again.items()} == {key: len(earlier) for key, (_, earlier) in before.items()}


def test_a_backup_of_a_damaged_index_leaves_the_one_before(file: Path, index: Path) -> None:
    backup(load_settings(), file)
    good = file.read_bytes()
    path = index / read_manifest(index).data / "reference.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(IndexUnusable, match=r'"reference.npz" of the index is missing or damaged; run `bayan doctor --fix'):
        backup(load_settings(), file)
    assert file.read_bytes() == good


def test_a_backup_that_is_interrupted_leaves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backups, "_add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        backup(load_settings(), file)
    assert not file.exists()
    assert [path.name for path in file.parent.iterdir() if "backup" in path.name] == []


def test_a_file_that_is_no_backup_is_not_overwritten(file: Path) -> None:
    file.write_text("a novel")
    with pytest.raises(BackupError, match=r'backup.zip" is there and is no backup; choose another name'):
        backup(load_settings(), file)
    assert file.read_text() == "a novel"


def test_without_an_index_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        backup(load_settings(), tmp_path / "backup.zip")
    assert not (tmp_path / "backup.zip").exists()


# Archives that are not whole, or not ours


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None], *, told: bool = False) -> None:
    """Write an archive anew with changed contents; `told`: with the digests of these."""
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    change(contents)
    if told:
        record = json.loads(contents["backup.json"])
        sums = {
            name: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            for name, body in contents.items()
            if name != "backup.json"
        }
        contents["backup.json"] = json.dumps(record | {"files": sums}).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in contents.items():
            archive.writestr(name, body)


def alter_text(contents: dict[str, bytes]) -> None:
    contents["data/statements.jsonl"] = contents["data/statements.jsonl"].replace(b"40 tonnes", b"41 tonnes")


def lose_text(contents: dict[str, bytes]) -> None:
    del contents["data/statements.jsonl"]


def add(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda contents: contents.update({name: b"x"})


@pytest.mark.parametrize(
    ("change", "told", "reason"),
    [
        (alter_text, False, '"data/statements.jsonl" is not what its digest says'),
        (lose_text, False, 'it does not hold the files that its "backup.json" names'),
        (add("data/more"), False, 'it does not hold the files that its "backup.json" names'),
        (add("../outside"), True, 'it holds "../outside", which no backup does'),
        (add("data/../../outside"), True, 'it holds "data/../../outside", which no backup does'),
        (add("/etc/outside"), True, 'it holds "/etc/outside", which no backup does'),
        (add("data/..\\outside"), True, "which no backup does"),
        (add("elsewhere/file"), True, "which no backup does"),
        (add("beside/keys.json"), True, "which no backup does"),
        (lambda contents: contents.pop("backup.json"), False, 'it holds no "backup.json"'),
        (lambda contents: contents.update({"backup.json": b"{"}), False, 'its "backup.json" cannot be read'),
    ],
)
def test_an_archive_that_is_not_as_it_was_written_changes_nothing(
    file: Path, index: Path, change: Callable[[dict[str, bytes]], None], told: bool, reason: str
) -> None:
    backup(load_settings(), file)
    rewritten(file, change, told=told)
    before = contents(index)
    with pytest.raises(BackupError) as caught:
        restore(load_settings(), file, force=True)
    assert reason in str(caught.value)
    assert "nothing was changed" in str(caught.value)
    assert contents(index) == before
    assert not (file.parent / "outside").exists()


@pytest.mark.parametrize("length", [0, 10, 0.5, 0.99])
def test_an_archive_that_was_cut_off_leaves_no_folder(file: Path, tmp_path: Path, length: float) -> None:
    backup(load_settings(), file)
    file.write_bytes(file.read_bytes()[: int(length if length > 1 else length * file.stat().st_size)])
    with pytest.raises(BackupError, match="nothing was changed"):
        restore(load_settings(index=tmp_path / "again"), file)
    assert not (tmp_path / "again").exists()


def test_bytes_that_were_altered_anywhere_in_an_archive_are_found(file: Path, tmp_path: Path) -> None:
    backup(load_settings(), file)
    whole = file.read_bytes()
    for at in range(0, len(whole), len(whole) // 40):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            restore(load_settings(index=tmp_path / "again"), file)
        except BackupError:
            assert not (tmp_path / "again").exists()
            continue
        assert held(tmp_path / "again") == held(load_settings().index), "the byte was of no matter"
        break


def test_a_link_in_an_archive_is_refused(file: Path, tmp_path: Path) -> None:
    backup(load_settings(), file)
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    link = zipfile.ZipInfo("data/reference.npz")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in contents.items():
            archive.writestr(link if name == link.filename else name, body)
    with pytest.raises(BackupError, match='it holds "data/reference.npz", which no backup does'):
        restore(load_settings(index=tmp_path / "again"), file)


def test_what_would_unpack_to_too_much_is_refused_before_it_is(file: Path, tmp_path: Path) -> None:
    backup(load_settings(), file)
    rewritten(file, lambda contents: contents.update({"runs": b""}) or contents.pop("runs"))

    def boast(contents: dict[str, bytes]) -> None:
        record = json.loads(contents["backup.json"])
        record["files"]["data/reference.npz"]["bytes"] = 50_000_000_000
        contents["backup.json"] = json.dumps(record).encode()

    rewritten(file, boast)
    with pytest.raises(BackupError, match="it would unpack to 50,0"):
        restore(load_settings(index=tmp_path / "again"), file)


def test_a_file_longer_than_it_was_said_to_be_is_refused(file: Path, tmp_path: Path) -> None:
    backup(load_settings(), file)
    rewritten(file, lambda contents: contents.update({"data/reference.npz": b"\0" * 300_000_000}))
    with pytest.raises(BackupError, match='"data/reference.npz" is not what its digest says'):
        restore(load_settings(index=tmp_path / "again"), file)
    assert not (tmp_path / "again").exists()


def test_no_file_no_restore(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r'there is no file ".*nothing.zip"; name a file that `bayan backup` has written'):
        restore(load_settings(), tmp_path / "nothing.zip")
