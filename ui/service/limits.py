"""How often somebody may do something: so many times in any minute, counted by the package `limits`.

RateLimit(300).take("newsroom")  # 0.0, or the seconds to wait
"""

from __future__ import annotations

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from ui.service.refusal import Refusal


class RateLimit:
    """`per_minute` times for each name; 0 means any number. Safe to share between threads."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, who: str) -> float:
        """Count one and return 0, or return the seconds until there is room for one."""
        if self._item is None or self._limiter.hit(self._item, who):
            return 0.0
        return max(0.01, self._limiter.get_window_stats(self._item, who).reset_time - time.time())


def wait_if(seconds: float, code: str, what: str) -> None:
    """Raise the refusal that tells how long to wait, when there is something to wait for."""
    if seconds:
        wait = int(seconds) + 1
        raise Refusal(429, code, f"{what}; try again in {wait} s", {"Retry-After": str(wait)})
