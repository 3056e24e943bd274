"""A passive check of the local clock against a venue's stamps."""

from collections import deque
from typing import Final

BUCKET_S: Final = 10
BUCKETS: Final = 6


class ClockSkew:
    """Minimum over the last minute (machine time) of receive time minus the venue's send time, in ms of market time.

    It is the shortest one-way delay plus the offset of our clock, so a negative value proves that our clock is slow.
    """

    def __init__(self) -> None:
        self._minima: deque[tuple[int, int]] = deque(maxlen=BUCKETS)  # (bucket, minimum)

    def observe(self, now_s: float, recv_ms: int, sent_ms: int) -> None:
        bucket, delay_ms = int(now_s) // BUCKET_S, recv_ms - sent_ms
        if not self._minima or self._minima[-1][0] != bucket:
            self._minima.append((bucket, delay_ms))
        elif delay_ms < self._minima[-1][1]:
            self._minima[-1] = (bucket, delay_ms)

    def estimate_ms(self, now_s: float) -> int | None:
        """None without a stamped frame in the last minute."""
        oldest = int(now_s) // BUCKET_S - BUCKETS + 1
        return min((delay for bucket, delay in self._minima if bucket >= oldest), default=None)
