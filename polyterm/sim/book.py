"""The Up book of one market: a ladder of levels a side, kept uncrossed, that tells each of its changes.

Inside, prices are mills (thousandths of a dollar), so that a change of the market's tick moves nothing.
"""

import math
import random
from functools import lru_cache
from typing import Final

from polyterm.core.market import MarketKey
from polyterm.sim.events import LevelChanged, TickSizeChanged, WorldEvent
from polyterm.sim.views import TickLevels

DEPTH: Final = 15
_EDGE: Final = 40
"""Closer than this to 0 or 1 dollar (mills), prices may use the fine tick."""


def floor_price(mills: float, fine: bool) -> int:
    """The highest price at or below ``mills`` that the market's tick allows."""
    whole = int(mills // 1)
    return whole if fine and not _EDGE <= whole < 1000 - _EDGE else whole - whole % 10


def ceil_price(mills: float, fine: bool) -> int:
    """The lowest price at or above ``mills`` that the market's tick allows."""
    return 1000 - floor_price(1000 - mills, fine)


@lru_cache(maxsize=4096)
def ladder(best: int, is_bid: bool, fine: bool) -> tuple[int, ...]:
    """Prices of one side from ``best`` outwards, at most ``DEPTH``; in a fine market, too, cents in the middle."""
    if not is_bid:
        return tuple(1000 - mills for mills in ladder(1000 - best, True, fine))
    prices: list[int] = []
    mills = best
    while mills > 0 and len(prices) < DEPTH:
        prices.append(mills)
        mills = floor_price(mills - 1, fine)
    return tuple(prices)


class BookSide:
    """One side's sizes by price, and its best price (None when empty)."""

    def __init__(self, is_bid: bool) -> None:
        self.is_bid = is_bid
        self.best: int | None = None
        self.prices: tuple[int, ...] = ()
        self.sizes: dict[int, float] = {}


class UpBook:
    """``best_size`` and ``deep_size`` are median shares at the best price and behind it."""

    def __init__(self, key: MarketKey, best_size: float, deep_size: float, rng: random.Random) -> None:
        self._key = key
        self._best_size, self._deep_size = best_size, deep_size
        self._rng = rng
        self.fine = False
        self.bid, self.ask = BookSide(True), BookSide(False)

    @property
    def ticks_per_dollar(self) -> int:
        return 1000 if self.fine else 100

    def ticks(self, mills: int) -> int:
        return mills if self.fine else mills // 10

    def levels(self, side: BookSide) -> TickLevels:
        return tuple((self.ticks(mills), side.sizes[mills]) for mills in side.prices)

    def move(self, bid: int | None, ask: int | None, at_ms: int, events: list[WorldEvent]) -> None:
        """Moves both sides to new best prices. What goes is told before what comes, so nothing ever looks crossed."""
        moved = [(side, best) for side, best in ((self.bid, bid), (self.ask, ask)) if side.best != best]
        if not moved:
            return
        for side, best in moved:
            side.best = best
            side.prices = () if best is None else ladder(best, side.is_bid, self.fine)
            kept = set(side.prices)
            for mills in [mills for mills in side.sizes if mills not in kept]:
                del side.sizes[mills]
                self._tell(side, mills, 0.0, at_ms, events)
        for side, _ in moved:
            for depth, mills in enumerate(side.prices):
                if depth == 0 or mills not in side.sizes:
                    self._resize(side, depth, at_ms, events)

    def stir(self, at_ms: int, events: list[WorldEvent]) -> None:
        """One level, any of them, gets a new size."""
        side = self.bid if self._rng.random() < 0.5 else self.ask
        if side.prices:
            self._resize(side, int(len(side.prices) * self._rng.random()), at_ms, events)

    def take(self, side: BookSide, at_most: float, at_ms: int, events: list[WorldEvent]) -> float:
        """A trade against the best level, which never empties it; answers the shares traded (0: no such side)."""
        if side.best is None:
            return 0.0
        there = side.sizes[side.best]
        size = round(min(at_most, there * 0.8), 2)
        left = round(there - size, 2)
        if size <= 0 or left <= 0:
            return 0.0
        side.sizes[side.best] = left
        self._tell(side, side.best, left, at_ms, events)
        return size

    def refine(self, at_ms: int, events: list[WorldEvent]) -> None:
        """The tick becomes a tenth of a cent; every level is told anew in the new unit."""
        events.append(TickSizeChanged(self._key, at_ms, 100, 1000))
        self.fine = True
        for side in (self.bid, self.ask):
            for mills in side.prices:
                self._tell(side, mills, side.sizes[mills], at_ms, events)

    def clear(self, at_ms: int, events: list[WorldEvent]) -> None:
        self.move(None, None, at_ms, events)

    def _resize(self, side: BookSide, depth: int, at_ms: int, events: list[WorldEvent]) -> None:
        mills = side.prices[depth]
        median, sd = (self._best_size, 0.8) if depth == 0 else (self._deep_size, 0.7)
        side.sizes[mills] = size = round(1 + median * math.exp(self._rng.gauss(0, sd)), 2)
        self._tell(side, mills, size, at_ms, events)

    def _tell(self, side: BookSide, mills: int, size: float, at_ms: int, events: list[WorldEvent]) -> None:
        events.append(LevelChanged(self._key, at_ms, side.is_bid, self.ticks(mills), size))
