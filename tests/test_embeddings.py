"""Embeddings: the unpacking of a tiny E5S1 file made here, the batching with a model readable by eye, and (integration) the real model."""

from __future__ import annotations

import json
import math
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest
from conftest import SAMPLES
from safetensors.numpy import load_file
from tokenizers import Tokenizer

import rag.embedding.torch
from ingest import ingest
from rag.embedding.catalogue import entry, weights_path
from rag.embedding.e5_file import SPECIAL_PIECES, build_tokenizer, dequantise, kept_pieces, read_e5, unpack_e5
from rag.embedding.e5_graph import GRAPH, INPUTS, unpack_onnx
from rag.embedding.local import BATCH, EIGHT_BITS, Encoder, Kind, LocalEmbeddings, altered, folder_digest, open_embeddings, unpacked
from rag.embedding.torch import SentenceTransformerEncoder
from rag.errors import IndexMismatch, ModelError
from rag.index.folder import Index, writing
from rag.settings import Settings

HIDDEN, LAYERS, HEADS, FFN, POSITIONS = 32, 1, 2, 64, 64
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁a", "b", "▁سجن", "ال", "é", "12", "ж", "▁жя", "大", ":", "q", "<mask>"]
SCORES = [0.0] * 4 + [-2.0, -3.0, -4.0, -3.5, -5.0, -6.0, -5.5, -9.0, -9.5, -20.0, -4.5, -4.6, 0.0]
KEPT = [piece for piece in PIECES if piece not in ("ж", "▁жя")]  # "大" stays: the lowest score makes that of <unk>


def quantise(values: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Q4_0 as written in models.md, and the values it stands for."""
    blocks = values.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1, keepdims=True) / 7).astype("<f2")
    nibbles = np.clip(np.round(blocks / scales.astype(np.float32)) + 8, 0, 15).astype(np.uint8)
    packed = nibbles[:, :16] | nibbles[:, 16:] << 4
    data = b"".join(scale.tobytes() + row.tobytes() for scale, row in zip(scales, packed, strict=True))
    return data, ((nibbles.astype(np.float32) - 8) * scales.astype(np.float32)).reshape(values.shape)


def write_e5(path: Path) -> dict[str, np.ndarray]:
    """Write a tiny E5S1 file; the result is what its tensors should read as."""
    random, vocab = np.random.default_rng(0), len(PIECES) + 3
    layer = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN)}
    layer |= {"fi": (FFN, HIDDEN), "fo": (HIDDEN, FFN), "aln": (HIDDEN,), "oln": (HIDDEN,)}
    shapes: dict[str, tuple[int, ...]] = {"emb.word": (vocab, HIDDEN), "emb.pos": (POSITIONS, HIDDEN), "emb.type": (2, HIDDEN)}
    shapes |= {"emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for name, shape in layer.items():
        shapes |= {f"l0.{name}.w": shape, f"l0.{name}.b": shape[:1]}
    values = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    quantised = {name for name in values if name == "emb.word" or (name.startswith("l0") and values[name].ndim == 2)}
    data = {name: quantise(value)[0] if name in quantised else value.tobytes() for name, value in values.items()}
    blob = [piece.encode() for piece in PIECES]
    head = struct.pack("<4sI7ifi", b"E5S1", 1, HIDDEN, LAYERS, HEADS, FFN, vocab, POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(b"".join(blob)))
    head += np.cumsum([0, *map(len, blob)]).astype("<u4").tobytes() + np.array(SCORES, "<f4").tobytes() + b"".join(blob)
    head += struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0x9, 1, 0x20) + struct.pack("<i", len(data))
    offset = len(head) + sum(len(name) + 23 for name in data)
    table = b""
    for name, content in data.items():
        table += struct.pack("<H", len(name)) + name.encode()
        table += struct.pack("<BIQQ", name in quantised, values[name].size, offset, len(content))
        offset += len(content)
    path.write_bytes(head + table + b"".join(data.values()))
    return {name: quantise(value)[1] if name in quantised else value for name, value in values.items()}


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    path = tmp_path / "tiny.bin"
    return path, write_e5(path)


# The file format


def test_blocks_hold_the_low_nibbles_before_the_high() -> None:
    block = np.frombuffer(np.float16(0.5).tobytes() + bytes([0x9F] + [0x88] * 15), np.uint8)
    expected = np.zeros(32, np.float32)
    expected[0], expected[16] = 3.5, 0.5
    np.testing.assert_array_equal(dequantise(block), expected)


def test_the_folder_holds_the_files_numbers_for_the_kept_pieces(tiny: tuple[Path, dict[str, np.ndarray]], tmp_path: Path) -> None:
    path, values = tiny
    folder = tmp_path / "made"
    folder.mkdir()
    unpack_e5(path, folder)
    state = load_file(folder / "model.safetensors")
    rows = [PIECES.index(piece) for piece in KEPT]
    np.testing.assert_array_equal(state["embeddings.word_embeddings.weight"], values["emb.word"][rows])
    np.testing.assert_array_equal(state["encoder.layer.0.output.dense.weight"], values["l0.fo.w"])
    np.testing.assert_array_equal(state["encoder.layer.0.attention.self.key.bias"], values["l0.k.b"])
    assert json.loads((folder / "config.json").read_text())["vocab_size"] == len(KEPT)
    prompts = json.loads((folder / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts == {"query": "query: ", "passage": "passage: ", "document": "passage: "}


@pytest.mark.parametrize("text", ["a b", "سجن السجن", "aé 12", "\u200fa  b\t ", "大", "q: a12", "", "ａﬁ", "a\u0301"])
def test_text_in_kept_scripts_is_cut_as_by_the_whole_vocabulary(
    tiny: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, text: str
) -> None:
    reduced, whole = (tokenizer(tiny[0], tmp_path / name, everything) for name, everything in (("r", False), ("w", True)))
    assert pieces(reduced, text) == pieces(whole, text)
    assert pieces(whole, text)[0] == "<s>" and pieces(whole, text)[-1] == "</s>"


def test_other_scripts_become_unknown(tiny: tuple[Path, dict[str, np.ndarray]], tmp_path: Path) -> None:
    assert pieces(tokenizer(tiny[0], tmp_path / "r", False), "a жя") == ["<s>", "▁a", "▁", "<unk>", "</s>"]


def pieces(tokenizer: Tokenizer, text: str) -> list[str | None]:
    """The pieces by id: `Encoding.tokens` shows the text under `<unk>` instead of `<unk>`."""
    return [tokenizer.id_to_token(number) for number in tokenizer.encode(text).ids]


def tokenizer(weights: Path, folder: Path, all_scripts: bool) -> Tokenizer:
    folder.mkdir()
    unpack_e5(weights, folder, all_scripts=all_scripts)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.mark.parametrize(("content", "message"), [(b"GGUF" + bytes(100), "is not an E5S1"), (b"E5S1\x01\0", "cut short or damaged")])
def test_another_or_a_damaged_file_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.bin").write_bytes(content)
    with pytest.raises(ModelError, match=f'bad.bin" .*{message}.*; run `bayan models verify`|{message}'):
        read_e5(tmp_path / "bad.bin")


# The graph


def test_the_graph_computes_what_the_numbers_say(tiny: tuple[Path, dict[str, np.ndarray]], tmp_path: Path) -> None:
    path, values = tiny
    kept = kept_pieces(read_e5(path))
    embed = graph(path, tmp_path)
    rng = np.random.default_rng(0)
    texts = [np.array([0, *rng.integers(4, len(kept) - 1, rng.integers(1, 12)), 2]) for _ in range(100)]
    cosines = [float(embed([text])[0] @ by_hand(values, kept[text])) for text in texts]
    assert min(cosines) > 0.98 and np.median(cosines) > 0.997  # 32 random channels, in 8 bits: the real model is nearer (below)


def test_what_fills_a_row_up_changes_nothing(tiny: tuple[Path, Any], tmp_path: Path) -> None:
    embed = graph(tiny[0], tmp_path)
    short, long = np.array([0, 7, 2]), np.array([0, 5, 6, 9, 8, 2])
    together = embed([long, short])
    np.testing.assert_allclose(together, [embed([long])[0], embed([short])[0]], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def graph(weights: Path, folder: Path) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """The graph made from a file, run on ids."""
    import onnxruntime

    unpack_onnx(weights, folder)
    session = onnxruntime.InferenceSession(str(folder / GRAPH), providers=["CPUExecutionProvider"])

    def embed(texts: Sequence[np.ndarray]) -> np.ndarray:
        lengths = np.array([len(text) for text in texts], np.int32)
        present = np.arange(lengths.max()) < lengths[:, None]
        ids = np.ones(present.shape, np.int64)
        ids[present] = np.concatenate(texts)
        vectors: np.ndarray = session.run(None, dict(zip(INPUTS, (ids, present.astype(np.float32), lengths), strict=True)))[0]
        return vectors

    return embed


def by_hand(values: dict[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    """One text through the tiny model in plain numpy, fp64."""

    def norm(states: np.ndarray, name: str) -> np.ndarray:
        centred = states - states.mean(axis=1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-12) * values[f"{name}.w"] + values[f"{name}.b"]

    def linear(states: np.ndarray, name: str) -> np.ndarray:
        return states @ values[f"l0.{name}.w"].T.astype(np.float64) + values[f"l0.{name}.b"]

    states = norm(values["emb.word"][ids] + values["emb.pos"][: len(ids)] + values["emb.type"][0], "emb.ln")
    query, key, value = (linear(states, part).reshape(len(ids), HEADS, -1).transpose(1, 0, 2) for part in "qkv")
    weights = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(HIDDEN / HEADS))
    attended = (weights / weights.sum(axis=2, keepdims=True) @ value).transpose(1, 0, 2).reshape(len(ids), HIDDEN)
    states = norm(states + linear(attended, "ao"), "l0.aln")
    inner = linear(states, "fi")
    active = inner * np.vectorize(lambda x: (1 + math.erf(x / math.sqrt(2))) / 2)(inner)
    mean = norm(states + linear(active, "fo"), "l0.oln").mean(axis=0)
    return mean / np.linalg.norm(mean)


# The folder beside the weights


def test_the_folder_is_made_once_and_again_when_it_is_not_whole(tiny: tuple[Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    folder = unpacked(tiny[0], "d1", engine="torch", progress=False)
    made = (folder / "manifest.json").stat().st_mtime_ns
    assert unpacked(tiny[0], "d1", engine="torch", progress=False) == folder
    assert (folder / "manifest.json").stat().st_mtime_ns == made
    (folder / "model.safetensors").write_bytes(b"cut")
    unpacked(tiny[0], "d1", engine="torch", progress=False)
    assert (folder / "model.safetensors").stat().st_size > 1000
    assert json.loads((folder / "manifest.json").read_text())["weights_sha256"] == "d1"
    assert capsys.readouterr().err == ""
    assert not list(folder.parent.glob(".unpack-*"))


@pytest.mark.parametrize("content", [b"", b"x", None])
@pytest.mark.parametrize("name", [GRAPH, "tokenizer.json", "manifest.json"])
def test_a_file_of_the_folder_that_was_altered_is_found_and_made_anew(tiny: tuple[Path, Any], name: str, content: bytes | None) -> None:
    path = unpacked(tiny[0], "d1", engine="onnx", progress=False) / name
    assert altered(tiny[0], engine="onnx") == []
    path.unlink() if content is None else path.write_bytes(content and content * path.stat().st_size)
    assert altered(tiny[0], engine="onnx") == [path]
    unpacked(tiny[0], "d1", engine="onnx", progress=False, thorough=True)
    assert altered(tiny[0], engine="onnx") == []


def test_a_folder_that_an_earlier_version_made_is_known_by_its_sizes_and_gets_digests(tiny: tuple[Path, Any]) -> None:
    folder = unpacked(tiny[0], "d1", engine="onnx", progress=False)
    folder.with_name(f"{folder.name}.digests").unlink()
    unpacked(tiny[0], "d1", engine="onnx", progress=False)
    assert folder.with_name(f"{folder.name}.digests").exists()
    folder.with_name(f"{folder.name}.digests").unlink()
    (folder / GRAPH).write_bytes(b"cut")
    assert altered(tiny[0], engine="onnx") == [folder / GRAPH]


def test_each_engine_has_a_folder_of_its_own(tiny: tuple[Path, Any]) -> None:
    torch_folder = unpacked(tiny[0], "d1", engine="torch", progress=False)
    onnx_folder = unpacked(tiny[0], "d1", engine="onnx", progress=False)
    before = (torch_folder / "manifest.json").stat().st_mtime_ns
    assert not (torch_folder / GRAPH).exists() and not (onnx_folder / "model.safetensors").exists()
    (onnx_folder / GRAPH).write_bytes(b"cut")
    assert unpacked(tiny[0], "d1", engine="onnx", progress=False) == onnx_folder
    assert (onnx_folder / GRAPH).stat().st_size > 1000
    unpacked(tiny[0], "d1", engine="torch", progress=False)
    assert (torch_folder / "manifest.json").stat().st_mtime_ns == before


def test_a_folders_digest_follows_what_decides_its_vectors(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    before = folder_digest(tmp_path)
    (tmp_path / "README.md").write_text("words")
    assert folder_digest(tmp_path) == before
    (tmp_path / "config.json").write_text("{ }")
    assert folder_digest(tmp_path) != before


# The batching, with a model readable by eye


class FakeEncoder:
    """Embeds a text as (length, 1); keeps what it was given."""

    dimension = 2

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []

    def encode(self, texts: Sequence[str], kind: Kind) -> np.ndarray:
        self.calls.append((kind, list(texts)))
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def fake() -> tuple[LocalEmbeddings, FakeEncoder]:
    encoder = FakeEncoder()
    return LocalEmbeddings(lambda: encoder, name="fake", digest="0"), encoder


class FakeModel:
    """What sentence-transformers loads: keeps the prompts that it was given."""

    def __init__(self, prompts: dict[str, str]) -> None:
        self.prompts = prompts
        self.given: list[str] = []

    def encode(self, texts: list[str], *, prompt: str, normalize_embeddings: bool, **_: object) -> np.ndarray:
        assert normalize_embeddings
        self.given.append(prompt)
        return np.zeros((len(texts), 2), dtype=np.float64)


def test_passages_come_back_in_order_from_batches_of_like_length() -> None:
    embeddings, encoder = fake()
    lengths = np.random.default_rng(1).permutation(3 * BATCH - 2) + 1
    vectors = embeddings.embed_passages_array(["x" * n for n in lengths])
    assert vectors.dtype == np.float32
    assert vectors[:, 0].tolist() == lengths.tolist()
    assert [len(texts) for _, texts in encoder.calls] == [BATCH, BATCH, BATCH - 2]
    assert min(map(len, encoder.calls[0][1])) > max(map(len, encoder.calls[1][1]))


def test_queries_and_passages_are_told_apart() -> None:
    embeddings, encoder = fake()
    assert embeddings.embed_query("ab") == [2.0, 1.0]
    assert embeddings.embed_documents(["abc"]) == [[3.0, 1.0]]
    assert encoder.calls == [("query", ["ab"]), ("passage", ["abc"])]


@pytest.mark.parametrize(
    ("prompts", "given"),
    [
        ({"query": "query: ", "passage": "passage: ", "document": ""}, ["query: ", "passage: "]),
        ({"query": "", "document": "text: "}, ["", "text: "]),
        ({}, ["", ""]),
    ],
)
def test_sentence_transformers_get_the_models_own_prompts(
    monkeypatch: pytest.MonkeyPatch, prompts: dict[str, str], given: list[str]
) -> None:
    model = FakeModel(prompts)
    monkeypatch.setattr(rag.embedding.torch, "_load", lambda *_, **__: model)
    encoder = SentenceTransformerEncoder("model", local=True)
    encoder.encode(["ab"], "query")
    assert encoder.encode(["ab"], "passage").dtype == np.float32
    assert model.given == given


def test_threads_that_come_together_load_one_model() -> None:
    loads: list[int] = []

    def load() -> Encoder:
        loads.append(1)
        time.sleep(0.05)
        return FakeEncoder()

    embeddings = LocalEmbeddings(load, name="fake", digest="0")
    threads = [threading.Thread(target=embeddings.load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [1]


def test_no_passages_make_an_empty_array() -> None:
    assert fake()[0].embed_passages_array([]).shape == (0, 2)


# What can be opened


@pytest.mark.parametrize("name", ["e5", "./nowhere", "/no/such/folder", "a/b/c", ""])
def test_an_unknown_model_says_what_is_allowed(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        open_embeddings(name, cache=tmp_path, offline=True)
    assert str(caught.value).startswith(f'no embedding model "{name}": name one of the catalogue (multilingual-e5-small), ')


@pytest.mark.parametrize("name", ["org/model", "{folder}"])
def test_the_onnx_engine_says_which_models_it_runs(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match='the engine "onnx" runs models of the catalogue, not ".*"; set BAYAN_EMBEDDING_ENGINE=torch'):
        open_embeddings(name.format(folder=tmp_path), cache=tmp_path, offline=True, engine="onnx")


def test_a_language_model_is_not_an_embedding_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='"smollm2-135m-instruct" is a language model, not an embedding model'):
        open_embeddings("smollm2-135m-instruct", cache=tmp_path, offline=True)


def test_offline_without_weights_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="run `bayan models pull multilingual-e5-small`"):
        open_embeddings("multilingual-e5-small", cache=tmp_path, offline=True)


def test_importing_loads_no_torch() -> None:
    code = "import sys, rag.embedding.local; print({'torch', 'transformers', 'tokenizers', 'onnx', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    assert done.stdout.strip() == "set()"


# The real sentence-transformers


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def torch_real() -> LocalEmbeddings:
    return open_embeddings("multilingual-e5-small", cache=platformdirs.user_cache_path("bayan"), engine="torch")


@pytest.fixture(scope="module")
def onnx_real() -> LocalEmbeddings:
    return open_embeddings("multilingual-e5-small", cache=platformdirs.user_cache_path("bayan"), engine="onnx")


@pytest.fixture(params=["torch", "onnx"])
def real(request: pytest.FixtureRequest) -> LocalEmbeddings:
    found: LocalEmbeddings = request.getfixturevalue(f"{request.param}_real")
    return found


@pytest.mark.integration
@pytest.mark.usefixtures("no_network")
def test_a_tiny_file_makes_a_genuine_sentence_transformer(tiny: tuple[Path, Any]) -> None:
    folder = unpacked(tiny[0], "d1", engine="torch", progress=False)
    embeddings = open_embeddings(str(folder), cache=folder)
    assert (embeddings.name, embeddings.dimension, embeddings.digest) == (str(folder), HIDDEN, folder_digest(folder))
    np.testing.assert_allclose(np.linalg.norm(embeddings.embed_passages_array(["سجن", "a b"]), axis=1), 1, atol=1e-6)

    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(folder), local_files_only=True)
    np.testing.assert_allclose(plain.encode_query("سجن"), embeddings.embed_query_array("سجن"), atol=1e-6)
    np.testing.assert_allclose(plain.encode_document("سجن"), embeddings.embed_passages_array(["سجن"])[0], atol=1e-6)


@pytest.mark.integration
def test_a_folder_that_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f'the embedding model "{tmp_path}" cannot be loaded: '):
        open_embeddings(str(tmp_path), cache=tmp_path).load()


@pytest.mark.integration
def test_the_real_reduced_vocabulary_cuts_random_arabic_and_latin_text_like_the_whole() -> None:
    file = read_e5(weights_path("multilingual-e5-small", cache=platformdirs.user_cache_path("bayan")))
    kept = kept_pieces(file)
    reduced, whole = build_tokenizer(file, kept), build_tokenizer(file, np.arange(len(file.pieces)))
    random = np.random.default_rng(7)
    usable = [file.pieces[i].replace("▁", " ") for i in kept if file.pieces[i] not in SPECIAL_PIECES]
    characters = sorted(set("".join(usable)))
    for words, glue in [(usable, ""), (usable, " "), (characters, "")] * 300:
        text = glue.join(random.choice(np.array(words, dtype=object), size=40))
        assert pieces(reduced, text) == pieces(whole, text)


@pytest.mark.integration
def test_an_ingest_that_finds_nothing_new_loads_no_model(real_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the model was loaded")

    for load in ("_sentence_transformer", "_eight_bits"):
        monkeypatch.setattr(f"rag.embedding.local.{load}", refuse)
    report = ingest([SAMPLES], settings=Settings(index=real_index, offline=True))
    assert (report.added, report.updated, report.passages) == (0, 0, 0)


TEXTS = [
    "استعادت القوات السيطرة على السجن.",
    "Who retook the prison?",
    "قُتل مئة وواحد وعشرون من عناصر قوات سوريا الديمقراطية في الهجوم على سجن الصناعة في مدينة الحسكة، وأصيب آخرون. " * 6,
    "The ministry of health announced the opening of three new hospitals in the city (12/3/2031).",
    "",
]


@pytest.mark.integration
def test_the_engine_torch_is_the_genuine_sentence_transformer(torch_real: LocalEmbeddings) -> None:
    from sentence_transformers import SentenceTransformer

    weights = weights_path("multilingual-e5-small", cache=platformdirs.user_cache_path("bayan"))
    plain = SentenceTransformer(str(weights.with_suffix("")), local_files_only=True)
    given = plain.encode(["query: " + TEXTS[0], "passage: " + TEXTS[0]], normalize_embeddings=True)
    found = [torch_real.embed_query_array(TEXTS[0]), torch_real.embed_passages_array([TEXTS[0]])[0]]
    np.testing.assert_allclose(found, given, atol=1e-5)
    assert torch_real.digest == entry("multilingual-e5-small").sha256


@pytest.mark.integration
def test_prompts_and_unit_norm(real: LocalEmbeddings) -> None:
    query, passage = real.embed_query_array(TEXTS[0]), real.embed_passages_array([TEXTS[0]])[0]
    assert float(query @ passage) < 0.999
    np.testing.assert_allclose([np.linalg.norm(query), np.linalg.norm(passage)], 1, atol=1e-5)
    assert (query.shape, query.dtype, real.dimension) == ((384,), np.float32, 384)


@pytest.mark.integration
def test_eight_bits_are_near_the_genuine_sentence_transformer(onnx_real: LocalEmbeddings) -> None:
    from sentence_transformers import SentenceTransformer

    weights = weights_path("multilingual-e5-small", cache=platformdirs.user_cache_path("bayan"))
    plain = SentenceTransformer(str(weights.with_suffix("")), local_files_only=True)
    passages = (plain.encode_document(TEXTS) * onnx_real.embed_passages_array(TEXTS)).sum(axis=1)
    queries = (plain.encode_query(TEXTS) * np.stack([onnx_real.embed_query_array(text) for text in TEXTS])).sum(axis=1)
    assert passages.min() > 0.999 and queries.min() > 0.999
    assert np.mean([*passages, *queries]) > 0.9995


@pytest.mark.integration
def test_an_index_of_the_other_engine_is_refused_with_the_command_that_rebuilds_it(
    onnx_real: LocalEmbeddings, torch_real: LocalEmbeddings, tmp_path: Path
) -> None:
    assert onnx_real.digest == f"{EIGHT_BITS}-{torch_real.digest}"
    for made, asked in ((torch_real, onnx_real), (onnx_real, torch_real)):
        folder = tmp_path / made.digest[:6]
        with writing(folder, made):
            pass
        Index.open(folder, made)
        with pytest.raises(IndexMismatch, match="bayan ingest --rebuild --index .* set BAYAN_EMBEDDING and BAYAN_EMBEDDING_ENGINE"):
            Index.open(folder, asked)


@pytest.mark.integration
def test_the_onnx_engine_loads_no_torch(onnx_real: LocalEmbeddings) -> None:
    code = (
        "import sys, platformdirs; from rag.embedding.local import open_embeddings;"
        "found = open_embeddings('multilingual-e5-small', cache=platformdirs.user_cache_path('bayan'), offline=True, engine='onnx');"
        "print(len(found.embed_query('سجن')), {'torch', 'transformers', 'sentence_transformers', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    assert done.stdout.strip() == "384 set()"


@pytest.mark.integration
def test_the_order_is_kept_and_neighbours_do_not_matter(real: LocalEmbeddings) -> None:
    texts = [f"{'كلمة ' * (i % 7 + 1)} number {i}" for i in range(2 * BATCH + 3)]
    together = real.embed_passages_array(texts)
    alone = np.stack([real.embed_passages_array([text])[0] for text in texts])
    assert (together * alone).sum(axis=1).min() > 0.9999


@pytest.mark.integration
def test_an_outlying_neighbour_does_not_change_a_text(real: LocalEmbeddings) -> None:
    alone = real.embed_passages_array(["سجن الحسكة"])[0]
    beside = real.embed_passages_array(["!" * 300, "سجن الحسكة", "x" * 3000])[1]
    assert float(alone @ beside) > 0.9999


@pytest.mark.integration
def test_each_question_is_nearest_its_passage_in_all_four_cells(real: LocalEmbeddings) -> None:
    passages = [
        "قُتل مئة وواحد وعشرون من عناصر قوات سوريا الديمقراطية في الهجوم على سجن الصناعة.",
        "أعلنت وزارة الصحة عن افتتاح ثلاثة مستشفيات جديدة في المدينة.",
        "One hundred and twenty-one members of the Syrian Democratic Forces were killed in the attack on the prison.",
        "The ministry of health announced the opening of three new hospitals in the city.",
    ]
    questions = {"كم عدد القتلى في الهجوم على السجن؟": 0, "How many were killed in the prison attack?": 0}
    questions |= {"كم مستشفى افتتحت الوزارة؟": 1, "How many hospitals were opened?": 1}
    vectors = real.embed_passages_array(passages)
    for question, wanted in questions.items():
        scores = vectors @ real.embed_query_array(question)
        assert [scores[:2].argmax(), scores[2:].argmax()] == [wanted, wanted], question


@pytest.mark.integration
def test_threads_may_share_a_model(real: LocalEmbeddings) -> None:
    texts = [f"question number {i} " * (i + 1) for i in range(8)]
    expected = [real.embed_query_array(text) for text in texts]
    found: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: real.embed_query_array(texts[i])})) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose([found[i] for i in range(8)], expected, atol=1e-6)


@pytest.mark.integration
def test_what_was_put_off_can_still_be_used(torch_real: LocalEmbeddings) -> None:
    torch_real.load()
    from sentence_transformers.util import pairwise_manhattan_sim
    from sklearn.metrics import f1_score

    assert f1_score([1, 0], [1, 0]) == 1
    assert float(pairwise_manhattan_sim(np.ones((1, 2)), np.ones((1, 2)))[0]) == 0
