"""Source files to statements to passages to the index.

    from ingest import ingest
    ingest(["folder", "file.txt"], index="path/to/index")   # IngestReport

The process that reads files needs nothing of an index: names are resolved when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.pipeline import ingest, rebuild, remove

__all__ = ["ingest", "rebuild", "remove"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("ingest.pipeline"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
