"""Keeping away from an endpoint that failed."""

import math
from typing import Final

from polyterm.transport.backoff import Backoff

PAUSE: Final = Backoff(base_s=30.0, cap_s=600.0)


class Breaker:
    """Each failure in a row shuts an endpoint out for longer: 30 s, doubling to 10 minutes, of machine time."""

    def __init__(self) -> None:
        self._failures = 0
        self._until_s = -math.inf

    def trip(self, now_s: float) -> None:
        self._failures += 1
        self._until_s = now_s + PAUSE.ceiling(self._failures)

    def reset(self) -> None:
        self._failures, self._until_s = 0, -math.inf

    def wait_s(self, now_s: float) -> float:
        """0 when the endpoint may be tried."""
        return max(0.0, self._until_s - now_s)
