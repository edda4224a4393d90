"""Many may be inside at once; one who must be alone waits until all have left, and nobody enters before it is done.

Searches are inside; reopening an index is done alone, for its store cannot be closed under a search.

    gate = Gate()
    with gate.inside(): ...
    with gate.alone(): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0
        self._waiting = 0  # who want to be alone; they go first, so that a stream of searches cannot keep them out

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be among others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one; not for one who is inside."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._inside)
                yield
            finally:
                self._waiting -= 1
                self._changed.notify_all()
