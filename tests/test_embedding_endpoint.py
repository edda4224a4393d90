"""Embeddings from an endpoint of OpenAI's protocol: a server on loopback that answers with the fake vectors of `fakes.py`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeEmbeddings

from ingest import ingest
from rag import Assistant
from rag.build import open_embeddings
from rag.errors import IndexMismatch, ModelError
from rag.index.manifest import read_manifest
from rag.settings import load_settings

pytest.importorskip("langchain_openai")


class Server(ThreadingHTTPServer):
    """Answers as an embedding endpoint; `asked` are the requests, `status` what it answers with."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(asked)
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        vectors = 3 * FakeEmbeddings().embed_passages_array(texts)
        data = [{"object": "embedding", "index": i, "embedding": vector.tolist()} for i, vector in enumerate(vectors)]
        body = {"object": "list", "model": asked["model"], "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        answer = json.dumps(body if self.server.status == 200 else {"error": {"message": "no such model"}}).encode()
        self.send_response(self.server.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("BAYAN_EMBEDDING", f"openai:words@http://127.0.0.1:{server.server_port}/v1")
        yield server
        server.shutdown()


def test_an_index_is_made_and_asked_by_an_endpoint(server: Server, tmp_path: Path, index: Path) -> None:
    (tmp_path / "olives.txt").write_text("Olive harvest\n\nThe olive harvest reached 40 tonnes. Farmers were paid in March.")
    assert ingest([tmp_path / "olives.txt"]).added == 1
    assert read_manifest(index).dimension == FakeEmbeddings.dimension
    hit = Assistant.open(index).search("olive harvest")[0]
    assert "40 tonnes" in hit.text
    assert {asked["model"] for asked in server.asked} == {"words"}
    assert all(isinstance(text, str) for asked in server.asked for text in asked["input"]), "texts are sent, not token numbers"


def test_vectors_are_of_unit_length(server: Server) -> None:
    embeddings = open_embeddings(load_settings())
    vectors = embeddings.embed_passages_array(["olive harvest", "سجن الحسكة"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[0], embeddings.embed_query_array("olive harvest"), atol=1e-6)


def test_another_model_behind_the_endpoint_is_another_index(
    server: Server, tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "olives.txt").write_text("Olive harvest\n\nThe olive harvest reached 40 tonnes.")
    ingest([tmp_path / "olives.txt"])
    monkeypatch.setenv("BAYAN_EMBEDDING", f"openai:other@http://127.0.0.1:{server.server_port}/v1")
    with pytest.raises(IndexMismatch, match=r"bayan ingest --rebuild"):
        Assistant.open(index)


def test_an_endpoint_that_refuses_is_told_in_a_line(server: Server) -> None:
    server.status = 404
    with pytest.raises(ModelError, match=r'"words" at http://127.*does not answer \(.*no such model.*\); check that it runs') as caught:
        open_embeddings(load_settings()).load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [("openai:", "write openai:MODEL"), ("openai:m@ftp://x", "write openai:MODEL"), ("openai:small", "set OPENAI_API_KEY")],
)
def test_a_spec_that_cannot_be_used_is_told(spec: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match=message):
        open_embeddings(load_settings(embedding=spec))
