"""An ingest on a Ray of this machine gives the index and the report of any other; skipped where Ray, an extra, is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import corpus
import formats
import pytest

from ingest import ingest
from ingest.on_ray import ingest_on_ray
from rag.build import list_statements, open_embeddings, open_store
from rag.errors import SettingsError
from rag.settings import load_settings

RAY = importlib.util.find_spec("ray") is not None


@pytest.fixture
def stopped() -> Iterator[None]:
    import ray

    yield
    ray.shutdown()


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.skipif(not RAY, reason="Ray is not installed: pip install 'bayan[ray]'")
@pytest.mark.usefixtures("stopped")
def test_an_ingest_on_ray_is_an_ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "statements"
    formats.write_each(folder, corpus.statements()[:3], ".docx", formats.docx)
    formats.write_each(folder, corpus.statements()[3:4], ".txt", formats.text("utf-8"))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n")
    here, there = load_settings(index=tmp_path / "here"), load_settings(index=tmp_path / "there")
    usual = ingest([folder], settings=here)
    embeddings = open_embeddings(there)
    asked: list[str] = []
    embed = embeddings.embed_passages_array
    monkeypatch.setattr(embeddings, "embed_passages_array", lambda texts, **options: asked.extend(texts) or embed(texts, **options))
    report = ingest_on_ray([folder], settings=there, actors=1)
    assert replace(report, seconds=0) == replace(usual, seconds=0)
    assert list_statements(there) == list_statements(here)
    with open_store(here) as one, open_store(there) as other:
        for statement in list_statements(here):
            ours, theirs = one.passages_of(statement.statement_id), other.passages_of(statement.statement_id)
            assert all(abs(float(vector @ theirs[key][1]) - 1) < 1e-3 for key, (_, vector) in ours.items())
    assert not any(sample.paragraphs[-1][:40] in text for sample in corpus.statements() for text in asked), "Ray embedded them"
    again = ingest_on_ray([folder], settings=there, actors=1)
    assert (again.unchanged, again.added, again.updated, again.passages) == (4, 0, 0, 0)


@pytest.mark.skipif(RAY, reason="Ray is installed")
def test_without_ray_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"pip install 'bayan\[ray\]'"):
        ingest_on_ray([tmp_path], index=tmp_path / "index")
