"""Who takes opposite sides. A strategy's side in a window is that of its first trade there."""

from collections.abc import Sequence

from polyterm.core.market import COINS, HORIZONS, Coin, MarketKey, Side
from polyterm.core.snapshot import CoinConflict, ConflictPair, Lineup


class _Sides:
    """A running window: first sides by strategy, and every side that was bought at all."""

    def __init__(self) -> None:
        self.first: dict[str, Side] = {}
        self.bought: set[Side] = set()


class ConflictBoard:
    """Counted as positions open, so that a conflict shows while it lasts. ``strategies`` orders pairs and rows."""

    def __init__(self, strategies: Sequence[str]) -> None:
        self._order = {name: place for place, name in enumerate(strategies)}
        self._running: dict[MarketKey, _Sides] = {}
        self._pairs: dict[tuple[str, str], list[int]] = {}
        self._coins: dict[Coin, list[int]] = {}

    def opened(self, strategy: str, key: MarketKey, side: Side) -> None:
        sides = self._running.setdefault(key, _Sides())
        self._count_coin(key.coin, sides, side)
        if strategy not in sides.first:
            for other, other_side in sides.first.items():
                self._count_pair(strategy, other, opposed=side != other_side)
            sides.first[strategy] = side

    def _count_coin(self, coin: Coin, sides: _Sides, side: Side) -> None:
        counts = self._coins.setdefault(coin, [0, 0])
        counts[0] += not sides.bought
        counts[1] += len(sides.bought) == 1 and side not in sides.bought
        sides.bought.add(side)

    def _count_pair(self, one: str, other: str, *, opposed: bool) -> None:
        pair = (one, other) if self._order[one] < self._order[other] else (other, one)
        counts = self._pairs.setdefault(pair, [0, 0])
        counts[0] += 1
        counts[1] += opposed

    def ended(self, key: MarketKey) -> None:
        """Its counts stay, its sides are forgotten."""
        self._running.pop(key, None)

    def strategies(self) -> tuple[str, ...]:
        return tuple(self._order)

    def pairs(self) -> tuple[ConflictPair, ...]:
        ordered = sorted(self._pairs.items(), key=lambda item: (self._order[item[0][0]], self._order[item[0][1]]))
        return tuple(ConflictPair(first, second, windows, opposed) for (first, second), (windows, opposed) in ordered)

    def coins(self) -> tuple[CoinConflict, ...]:
        return tuple(CoinConflict(coin, *self._coins[coin]) for coin in COINS if coin in self._coins)

    def lineup(self) -> tuple[Lineup, ...]:
        """The running windows in which somebody has taken a side, by coin and horizon."""
        keys = sorted(self._running, key=lambda key: (COINS.index(key.coin), HORIZONS.index(key.horizon), key.epoch))
        return tuple(Lineup(key, self._names(key, "up"), self._names(key, "down")) for key in keys)

    def _names(self, key: MarketKey, side: Side) -> tuple[str, ...]:
        first = self._running[key].first
        return tuple(sorted((name for name in first if first[name] == side), key=self._order.__getitem__))
