"""The oracle of one coin: its smoothed stream, the average that settles the windows, and the on-chain rounds."""

import math
import random
from collections import deque
from typing import Final

from polyterm.core.market import Coin
from polyterm.sim.events import ChainUpdated, OraclePrinted, TwapPrinted, WorldEvent
from polyterm.sim.prices import Lag

LOOKBACK_S: Final = 60
"""Seconds that the settling average covers."""

DELAY_S: Final = 3
"""The average printed for second T ends with the price of second T - 3."""

HISTORY: Final = 300

# The stream is most of a quick lag and some of a slow one, both behind a short one (seconds). One-second returns then
# show about 0.65 of the volatility and five-second returns 0.85, and they follow the exchange's by 0 to 1 s.
_FIRST_S: Final = 0.25
_QUICK_S: Final = 0.28
_SLOW_S: Final = 5.0
_QUICK_SHARE: Final = 0.8

_MISSING: Final = 0.03
_PHASE: Final = 5 << 64


class Oracle:
    """Follows the log index price. Prints are delivered in order, 1.0 to 2.2 s after the second they observe."""

    def __init__(self, coin: Coin, log_price: float, rng: random.Random) -> None:
        self._coin: Coin = coin
        self._rng = rng
        self._first = Lag(log_price, _FIRST_S)
        self._quick = Lag(log_price, _QUICK_S)
        self._slow = Lag(log_price, _SLOW_S)
        self._seconds: deque[float] = deque(maxlen=LOOKBACK_S + DELAY_S)
        self._due: deque[tuple[int, OraclePrinted | TwapPrinted]] = deque()
        self.prints: deque[OraclePrinted] = deque(maxlen=HISTORY)
        self.averages: deque[TwapPrinted] = deque(maxlen=HISTORY)

    def follow(self, log_price: float, dt_s: float) -> None:
        first = self._first.follow(log_price, dt_s)
        self._quick.follow(first, dt_s)
        self._slow.follow(first, dt_s)

    def observe(self, at_ms: int) -> None:
        """Takes the price of the whole second ``at_ms`` and schedules its prints, some of which get lost."""
        log_price = _QUICK_SHARE * self._quick.value + (1 - _QUICK_SHARE) * self._slow.value
        price = round(math.exp(log_price), 8)
        self._seconds.append(price)
        if self._rng.random() >= _MISSING:
            self._schedule(at_ms, OraclePrinted(self._coin, at_ms, price))
        if len(self._seconds) == LOOKBACK_S + DELAY_S and self._rng.random() >= _MISSING:
            self._schedule(at_ms, TwapPrinted(self._coin, at_ms, self.average()))

    def _schedule(self, at_ms: int, printed: OraclePrinted | TwapPrinted) -> None:
        due_ms = at_ms + 1000 + int(1000 * min(1.2, self._rng.expovariate(5.0)))
        if self._due:
            due_ms = max(due_ms, self._due[-1][0])
        self._due.append((due_ms, printed))

    def deliver(self, at_ms: int, events: list[WorldEvent]) -> None:
        while self._due and self._due[0][0] <= at_ms:
            printed = self._due.popleft()[1]
            if isinstance(printed, TwapPrinted):
                self.averages.append(printed)
            else:
                self.prints.append(printed)
            events.append(printed)

    def average(self) -> float:
        """The settling average as of the newest whole second."""
        prices = list(self._seconds)[:LOOKBACK_S]
        return round(math.fsum(prices) / len(prices), 8)

    def known_mean(self, left: int) -> float | None:
        """Mean of the elapsed part of an average whose last second is ``left`` whole seconds away (or past, negative).

        None when none of it has elapsed.
        """
        if left >= LOOKBACK_S:
            return None
        prices = list(self._seconds)[left - LOOKBACK_S : None if left >= 0 else left]
        return math.fsum(prices) / len(prices)

    def price_before(self, seconds: int) -> float:
        """The price ``seconds`` whole seconds before the newest one."""
        return self._seconds[max(0, len(self._seconds) - 1 - seconds)]


class ChainFeed:
    """The on-chain feed: a round every 34 s or a little less, and once in many hours a long silence."""

    def __init__(self, coin: Coin, price: float, rng: random.Random) -> None:
        self._coin: Coin = coin
        self._rng = rng
        self._next_s = 0
        self.latest = ChainUpdated(coin, _PHASE | rng.randrange(100_000, 900_000), round(price * 1e8), 0)

    def observe(self, at_s: int, oracle: Oracle, events: list[WorldEvent]) -> None:
        if at_s < self._next_s:
            return
        answer = round(oracle.price_before(3) * 1e8)
        self.latest = ChainUpdated(self._coin, self.latest.round_id + 1, answer, at_s)
        events.append(self.latest)
        self._next_s = at_s + self._pause_s()

    def _pause_s(self) -> int:
        draw = self._rng.random()
        if draw < 0.0005:
            return self._rng.randint(300, 4300)
        if draw < 0.05:
            return self._rng.randint(35, 56)
        if draw < 0.20:
            return self._rng.randint(31, 32)
        return 33 if draw < 0.40 else 34
