"""What every test stands on: no network, no settings of the machine it runs on, and the real index for those who need it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
from fakes import FakeEmbeddings
from fastapi import FastAPI
from fastapi.testclient import TestClient
from windows import browser, server, window  # noqa: F401  # fixtures

import rag.build
from ingest import ingest
from rag import Assistant, Settings
from rag.errors import BayanError
from rag.settings import load_settings

REPOSITORY = Path(__file__).parents[1]
SAMPLES = REPOSITORY / "ingest" / "samples"
SHARED = REPOSITORY.parent / "shared"
LOOPBACK = ["127.0.0.1", "::1"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Side by side, a file's tests stay together, and the files that open a browser too: two browsers on two cores wait for each other."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            text = (REPOSITORY / file).read_text(encoding="utf-8")
            return "browser" if "mark.browser" in text or "from windows import" in text else file

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_this_machine() -> Iterator[None]:
    """Settings start from their defaults; the model cache is the user's, so that weights are fetched once."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith("BAYAN_")]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def loopback_only(request: pytest.FixtureRequest) -> None:
    """Only this machine can be reached, except by tests marked `enable_socket`; pytest-socket lifts it after each test."""
    if not request.node.get_closest_marker("enable_socket"):
        pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that settings name as the index: not there yet, and the test's own."""
    folder = tmp_path / "index"
    monkeypatch.setenv("BAYAN_INDEX", str(folder))
    return folder


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEmbeddings:
    """Fake embeddings in place of whichever model the settings name."""
    embeddings = FakeEmbeddings()
    monkeypatch.setattr(rag.build, "open_embeddings", lambda settings: embeddings)
    monkeypatch.setenv("BAYAN_EMBEDDING", embeddings.name)  # the doctor looks for no weights then
    return embeddings


@dataclass(frozen=True)
class Doors:
    """The whole web application over a few statements, met through a client on this machine."""

    settings: Settings
    assistant: Assistant
    stack: ExitStack

    def web(self, **changed: Any) -> FastAPI:
        from ui.server import build_web
        from ui.service.access import Access

        settings = self.settings.model_copy(update=changed)
        return build_web(self.assistant, settings, Access.configured(settings))

    def client(self, *, address: str = "127.0.0.1", headers: dict[str, str] | None = None, **changed: Any) -> TestClient:
        base = "http://127.0.0.1:7860"
        client = TestClient(self.web(**changed), base, raise_server_exceptions=False, client=(address, 50_000), headers=headers)
        return self.stack.enter_context(client)


OLIVES = """---
title: Olive harvest
issuer: Ministry of Farming
date: 2031-03-04
---
The ministry said the olive harvest reached 40 tonnes. Farmers were paid in March."""
WATER = "بيان حول انقطاع المياه\n\nقالت الهيئة إن انقطاع المياه شمل سبعة أحياء. وعادت المياه إلى الأحياء مساء الخميس."


@pytest.fixture
def doors(tmp_path: Path, index: Path, fake: FakeEmbeddings) -> Iterator[Doors]:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "olives.md").write_text(OLIVES, encoding="utf-8")
    (folder / "water.txt").write_text(WATER, encoding="utf-8")
    settings = load_settings()
    ingest([folder], settings=settings)
    with ExitStack() as stack:
        yield Doors(settings, Assistant.open(settings=settings), stack)


@dataclass(frozen=True)
class RealModel:
    """The real embedding model, loaded once for the whole session."""

    embeddings: Any

    def assistant(self, folder: Path, *sources: Path) -> Assistant:
        """Ingest `sources` into `folder` and open it."""
        settings = load_settings(index=folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rag.build, "open_embeddings", lambda settings: self.embeddings)
            ingest(sources, settings=settings)
            return Assistant.open(settings=settings)


@pytest.fixture(scope="session")
def real_model() -> RealModel:
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)  # a session's fixtures come before a test's
    try:
        return RealModel(rag.build.open_embeddings(Settings(offline=True)))
    except BayanError as error:
        pytest.skip(f"no embedding model: {error}")


@pytest.fixture(scope="session")
def real_index(tmp_path_factory: pytest.TempPathFactory, real_model: RealModel) -> Path:
    """The sample statements under the real model."""
    folder = tmp_path_factory.mktemp("samples") / "index"
    real_model.assistant(folder, SAMPLES)
    return folder


@pytest.fixture(scope="session")
def samples(real_index: Path, real_model: RealModel) -> Assistant:
    """An assistant over the sample statements and the real model."""
    return real_model.assistant(real_index, SAMPLES)


def shared(path: str) -> Path:
    """A file of ../shared, which only some checkouts have beside them."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f'"{found}" is not there: the development data lies beside the repository, not in it')
    return found
