"""An assistant over an index that may not be there yet, so that the window opens and statements can be added in it.

Until there is one it holds no statements, and every question raises IndexMissing; from then on it is the assistant of that index.

    LateAssistant(settings).statements()  # []
"""

from __future__ import annotations

from threading import Lock
from typing import Any

from rag.assistant import Assistant
from rag.errors import IndexMissing
from rag.schema import Facets, Filters, Statement
from rag.settings import Settings

PARTS = ("_retriever", "_settings", "_writer")


class LateAssistant(Assistant):
    """Opens its index when a part of it is first needed and it is there."""

    def __init__(self, settings: Settings) -> None:
        self._given, self._opening = settings, Lock()

    def __getattr__(self, name: str) -> Any:
        """Come by the parts of an assistant, which are not there before the index is. Raises IndexMissing."""
        if name not in PARTS:
            raise AttributeError(name)
        with self._opening:
            if name not in vars(self):
                vars(self).update(vars(Assistant.open(settings=self._given)))
        return vars(self)[name]

    def statements(self) -> list[Statement]:
        """Return the statements; none before there is an index."""
        try:
            return super().statements()
        except IndexMissing:
            return []

    def facets(self, filters: Filters | None = None) -> Facets:
        """Count the statements; none before there is an index."""
        try:
            return super().facets(filters)
        except IndexMissing:
            return Facets(0, {}, {}, {}, {})
