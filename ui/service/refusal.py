"""A request that is not done: with a status, a stable code, and one line that says why. Knows nothing of how it is told.

raise Refusal(404, "unknown-job", 'no job has the id "x"')
"""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """A request that is not done, with its status, code and one line; `headers` go with the response."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, " ".join(detail.split()), dict(headers or {})
