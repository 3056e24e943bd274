"""Who takes opposite sides. A strategy's side in a window is that of its first trade there."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from polyterm.core.market import COINS, HORIZONS, Coin, MarketKey, Side
from polyterm.core.position import Position
from polyterm.core.snapshot import CoinConflict, ConflictPair, Lineup


class Meetings(NamedTuple):
    """Strategies that have traded in windows that are over, in how many they met, and on the same side, by places."""

    names: tuple[str, ...]
    met: npt.NDArray[np.int64]
    agreed: npt.NDArray[np.int64]


class Sides(msgspec.Struct, eq=False):
    """A running window: first sides by strategy, and every side that was bought at all."""

    first: dict[str, Side] = {}
    bought: set[Side] = set()


class ConflictsState(msgspec.Struct, frozen=True):
    """``met`` and ``opposed`` are square tables of 64-bit counts in the order of ``strategies``, row by row."""

    windows: int
    strategies: tuple[str, ...]
    met: bytes
    opposed: bytes
    running: tuple[tuple[MarketKey, Sides], ...]
    coins: dict[Coin, tuple[int, int]]


class _Pairs:
    """Windows that two strategies both traded, and those in which they took opposite sides, by their places."""

    def __init__(self, strategies: int) -> None:
        self.windows = np.zeros((strategies, strategies), np.int64)
        self.opposed = np.zeros((strategies, strategies), np.int64)

    def add(self, up: npt.NDArray[np.int64], down: npt.NDArray[np.int64]) -> None:
        """A window; 1 at the places of those who took that side first."""
        either = up + down
        self.windows += np.outer(either, either)
        opposed = np.outer(up, down)
        self.opposed += opposed + opposed.T

    def copy(self) -> "_Pairs":
        copied = _Pairs(0)
        copied.windows, copied.opposed = self.windows.copy(), self.opposed.copy()
        return copied


class ConflictBoard:
    """Running windows count at once, so that a conflict shows while it lasts. ``strategies`` orders pairs and rows,
    ``windows`` counts those that are over."""

    def __init__(self, strategies: Sequence[str]) -> None:
        self.windows = 0
        self._order = {name: place for place, name in enumerate(strategies)}
        self._running: dict[MarketKey, Sides] = {}
        self._pairs = _Pairs(len(self._order))
        self._coins: dict[Coin, list[int]] = {}

    def opened(self, strategy: str, key: MarketKey, side: Side) -> None:
        sides = self._running.get(key)
        if sides is None:
            sides = self._running[key] = Sides()
        if side not in sides.bought:
            self._count_coin(key.coin, sides, side)
        sides.first.setdefault(strategy, side)

    def _count_coin(self, coin: Coin, sides: Sides, side: Side) -> None:
        counts = self._coins.setdefault(coin, [0, 0])
        counts[0] += not sides.bought
        counts[1] += len(sides.bought) == 1
        sides.bought.add(side)

    def _add(self, pairs: _Pairs, sides: Sides) -> None:
        up, down = np.zeros((2, len(self._order)), np.int64)
        for name, side in sides.first.items():
            (up if side == "up" else down)[self._order[name]] = 1
        pairs.add(up, down)

    def ended(self, key: MarketKey) -> None:
        """Its counts stay, its sides are forgotten."""
        sides = self._running.pop(key, None)
        if sides is not None:
            self.windows += 1
            self._add(self._pairs, sides)

    def saved(self) -> ConflictsState:
        return ConflictsState(
            self.windows,
            tuple(self._order),
            self._pairs.windows.tobytes(),
            self._pairs.opposed.tobytes(),
            tuple(self._running.items()),
            {coin: (windows, conflicted) for coin, (windows, conflicted) in self._coins.items()},
        )

    def restore(self, saved: ConflictsState, unchanged: Collection[str]) -> None:
        """The counts of the strategies that are ``unchanged``, and those of the coins."""
        self.windows = saved.windows
        self._coins = {coin: list(counts) for coin, counts in saved.coins.items()}
        self._running = dict(saved.running)
        for sides in self._running.values():
            sides.first = {name: side for name, side in sides.first.items() if name in unchanged}
        then = [place for place, name in enumerate(saved.strategies) if name in unchanged]
        now = [self._order[saved.strategies[place]] for place in then]
        shape = (len(saved.strategies), len(saved.strategies))
        tables = ((self._pairs.windows, saved.met), (self._pairs.opposed, saved.opposed))
        for table, counts in tables:
            table[np.ix_(now, now)] = np.frombuffer(counts, np.int64).reshape(shape)[np.ix_(then, then)]

    def strategies(self) -> tuple[str, ...]:
        return tuple(self._order)

    def traded(self) -> frozenset[str]:
        """Who has taken a side in any window, running ones included."""
        names = tuple(self._order)
        (places,) = np.nonzero(self._pairs.windows.diagonal())
        return frozenset(names[place] for place in places).union(*(sides.first for sides in self._running.values()))

    def meetings(self) -> Meetings:
        """In the order of the table; whoever traded only in windows that still run is not among them."""
        names = tuple(self._order)
        (places,) = np.nonzero(self._pairs.windows.diagonal())
        met = self._pairs.windows[np.ix_(places, places)]
        return Meetings(tuple(names[place] for place in places), met, met - self._pairs.opposed[np.ix_(places, places)])

    def pairs(self) -> tuple[ConflictPair, ...]:
        pairs = self._pairs.copy()
        for sides in self._running.values():
            self._add(pairs, sides)
        names = tuple(self._order)
        first, second = np.nonzero(np.triu(pairs.windows, 1))
        counts = zip(pairs.windows[first, second].tolist(), pairs.opposed[first, second].tolist(), strict=True)
        return tuple(
            ConflictPair(names[one], names[other], windows, opposed)
            for one, other, (windows, opposed) in zip(first.tolist(), second.tolist(), counts, strict=True)
        )

    def coins(self) -> tuple[CoinConflict, ...]:
        return tuple(CoinConflict(coin, *self._coins[coin]) for coin in COINS if coin in self._coins)

    def lineup(self) -> tuple[Lineup, ...]:
        """The running windows in which somebody has taken a side, by coin and horizon."""
        keys = sorted(self._running, key=lambda key: (COINS.index(key.coin), HORIZONS.index(key.horizon), key.epoch))
        return tuple(Lineup(key, self._names(key, "up"), self._names(key, "down")) for key in keys)

    def _names(self, key: MarketKey, side: Side) -> tuple[str, ...]:
        first = self._running[key].first
        return tuple(sorted((name for name in first if first[name] == side), key=self._order.__getitem__))


def with_holdings(lineups: Sequence[Lineup], positions: Sequence[Position]) -> tuple[Lineup, ...]:
    """The line-ups with what is open in their windows."""
    held: dict[MarketKey, dict[str, float]] = {}
    for position in positions:
        sums = held.setdefault(position.key, {})
        for name, more in (("shares", position.shares), ("cost", position.shares * position.entry_price)):
            field = f"{position.side}_{name}"
            sums[field] = sums.get(field, 0.0) + more
    return tuple(msgspec.structs.replace(lineup, **held.get(lineup.key, {})) for lineup in lineups)
