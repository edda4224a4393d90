"""The window with its evaluation tab over a real index of the samples, for browser tests: python tests/fakes_eval.py FOLDER.

Embeddings are the readable ones of `fakes.py`; a question with the word "slow" takes its time. Connections to other hosts are refused.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from fakes import FakeEmbeddings, Floats
from fakes_ui import _refuse_outbound

import rag.build
from ingest import ingest
from rag import Assistant
from rag.settings import load_settings
from ui.server import serve
from ui.service.evaluations import Evaluations

PAUSE_S = 0.2


class SlowEmbeddings(FakeEmbeddings):
    """Takes its time over slow questions."""

    def embed_query_array(self, text: str) -> Floats:
        time.sleep(PAUSE_S if "slow" in text else 0)
        return super().embed_query_array(text)


if __name__ == "__main__":
    sys.addaudithook(_refuse_outbound)
    embeddings = SlowEmbeddings()
    rag.build.open_embeddings = lambda settings: embeddings  # type: ignore[assignment,return-value]
    settings = load_settings(index=Path(sys.argv[1]) / "index", port=0)
    ingest([Path(__file__).parents[1] / "ingest" / "samples"], settings=settings)
    serve(Assistant.open(settings=settings), settings=settings, evaluations=Evaluations(settings))
