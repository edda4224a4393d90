"""Bayan answers Arabic and English questions about official and press statements with verbatim, cited quotes.

    from rag import Assistant
    Assistant.open("path/to/index").ask("كم عدد الشهداء؟")

Importing the package loads neither models nor stores: names are resolved when first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.schema import Answer, Citation, Facets, Filters, Hit, IngestReport, Statement
    from rag.settings import Settings

# ONNX Runtime's builds for Linux tell their maker of every process, and keep an id of the machine, unless this stands before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_HOMES = {
    "Assistant": "rag.assistant",
    "Answer": "rag.schema",
    "Citation": "rag.schema",
    "Facets": "rag.schema",
    "Filters": "rag.schema",
    "Hit": "rag.schema",
    "IngestReport": "rag.schema",
    "Settings": "rag.settings",
    "Statement": "rag.schema",
}
__all__ = ["Answer", "Assistant", "Citation", "Facets", "Filters", "Hit", "IngestReport", "Settings", "Statement"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
