"""A passive check of the local clock against a venue's stamps."""

from collections import deque
from typing import Final

BUCKET_S: Final = 10
BUCKETS: Final = 6
# No network delivers before it was sent; none that can be traded over takes so long for its quickest message.
BEHIND_MS: Final = 250
AHEAD_MS: Final = 1_000


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

    def notice(self, now_s: float, speed: float) -> str:
        """What is wrong with our clock, empty when nothing is. Windows begin and end by it."""
        estimate_ms = self.estimate_ms(now_s)
        if estimate_ms is None or -BEHIND_MS * speed <= estimate_ms <= AHEAD_MS * speed:
            return ""
        seconds, way = abs(estimate_ms) / 1000, "behind" if estimate_ms < 0 else "ahead of"
        late = "" if estimate_ms < 0 else ", or its prices come that late"
        return f"the clock of this machine is {seconds:.1f} s {way} the exchange's{late}: set it"
