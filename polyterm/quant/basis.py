"""How far the exchange's price stands from the settlement price."""

import math
from bisect import bisect_left, insort
from collections import deque
from typing import Final

BASIS_SLOTS: Final = 600
BASIS_MIN_SAMPLES: Final = 10


class SpotBasis:
    """Running median of ln(spot / settlement price) over the last ``slots`` market seconds.

    A median over minutes keeps the steady offset of two price sources and ignores that one of them lags a jump.
    """

    def __init__(self, slots: int = BASIS_SLOTS, min_samples: int = BASIS_MIN_SAMPLES) -> None:
        self._slots = slots
        self._min_samples = min_samples
        self._arrived: deque[tuple[int, float]] = deque()
        self._sorted: list[float] = []

    def update(self, slot: int, spot: float | None, settlement: float | None) -> float | None:
        """Take one slot's pair (dollars) and return the basis, None while too few pairs are known.

        Slots must grow; a pair with a missing half, or a slot seen before, only lets old pairs expire.
        """
        while self._arrived and self._arrived[0][0] <= slot - self._slots:
            _, expired = self._arrived.popleft()
            del self._sorted[bisect_left(self._sorted, expired)]
        newer = not self._arrived or slot > self._arrived[-1][0]
        if newer and spot is not None and settlement is not None and spot > 0 and settlement > 0:
            value = math.log(spot / settlement)
            self._arrived.append((slot, value))
            insort(self._sorted, value)
        return self.value

    @property
    def value(self) -> float | None:
        count = len(self._sorted)
        if count < max(1, self._min_samples):
            return None
        middle = count // 2
        if count % 2:
            return self._sorted[middle]
        return (self._sorted[middle - 1] + self._sorted[middle]) / 2
