"""Running sums over closed trades, in bounded memory: of a strategy, and of its days, windows and coins."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from polyterm.core.market import COINS, Coin
from polyterm.core.position import Trade
from polyterm.core.snapshot import Tally

DAY_MS: Final = 86_400_000
DAYS: Final = 1
WINDOWS: Final = 3
CURVE_POINTS: Final = 32
_PLACES: Final[dict[Coin, int]] = {coin: place for place, coin in enumerate(COINS)}
_DECIMALS: Final = 4  # of what is shown: finer than a cent, shorter than a float

Pnl = tuple[float, float]
"""Of a trade, in dollars: under the touch model and after the venue's fee."""


class Sums(msgspec.Struct, eq=False):
    """What trades have come to. A correction takes the old judgement out and puts the new one in."""

    trades: int = 0
    wins: int = 0
    touch: float = 0.0
    costed: float = 0.0
    squares: float = 0.0
    peak: float = 0.0
    drawdown: float = 0.0

    def closed(self, pnls: Sequence[Pnl]) -> None:
        """Of trades in their order."""
        wins, touch, costed, squares = self.wins, self.touch, self.costed, self.squares
        peak, drawdown = self.peak, self.drawdown
        for trade_touch, trade_costed in pnls:
            wins += trade_touch > 0
            touch += trade_touch
            squares += trade_costed * trade_costed
            costed += trade_costed
            # As ``_level``, spelled out: a replay comes here three times for each of its trades.
            if costed > peak:
                peak = costed
            elif peak - costed > drawdown:
                drawdown = peak - costed
        self.trades += len(pnls)
        self.wins, self.touch, self.costed, self.squares = wins, touch, costed, squares
        self.peak, self.drawdown = peak, drawdown

    def corrected(self, before: Trade, after: Trade) -> None:
        self._add(before.pnl, before.costed_pnl, -1)
        self._add(after.pnl, after.costed_pnl, 1)
        self._level()

    def _add(self, touch: float, costed: float, sign: int) -> None:
        self.wins += sign * (touch > 0)
        self.touch += sign * touch
        self.costed += sign * costed
        self.squares += sign * costed * costed

    def _level(self) -> None:
        if self.costed > self.peak:
            self.peak = self.costed
        elif self.peak - self.costed > self.drawdown:
            self.drawdown = self.peak - self.costed

    def tally(self, part: int) -> Tally:
        dollars = (self.touch, self.costed, self.squares, self.drawdown)
        return Tally(part, self.trades, self.wins, *(round(value, _DECIMALS) for value in dollars))


class Curve(msgspec.Struct, eq=False):
    """A running sum after some of its steps: every ``stride``-th, so that a long curve is as short as a young one."""

    points: list[float] = []
    stride: int = 1
    steps: int = 0

    def add(self, level: float) -> None:
        self.steps += 1
        if self.steps % self.stride:
            return
        self.points.append(level)
        if len(self.points) == 2 * CURVE_POINTS:
            self.points = self.points[1::2]
            self.stride *= 2

    def shown(self, newest: float) -> tuple[float, ...]:
        """From 0 before the first step to ``newest``."""
        if not self.steps:
            return ()
        ends = () if self.points and self.points[-1] == newest else (newest,)
        return tuple(round(point, 2) for point in (0.0, *self.points, *ends))


class Parts(msgspec.Struct, eq=False):
    """Sums by part, of the newest ``kept`` parts; what closes in an older one is not remembered apart."""

    kept: int
    sums: dict[int, Sums] = {}

    def closed(self, pnls: Mapping[int, Sequence[Pnl]]) -> None:
        """By part, those of a part in their order."""
        newest = sorted({*self.sums, *pnls})[-self.kept :]
        for part in [part for part in self.sums if part < newest[0]]:
            del self.sums[part]
        for part, own in pnls.items():
            if part >= newest[0]:
                self.sums.setdefault(part, Sums()).closed(own)

    def corrected(self, part: int, before: Trade, after: Trade) -> None:
        sums = self.sums.get(part)
        if sums is not None:
            sums.corrected(before, after)

    def tallies(self) -> tuple[Tally, ...]:
        """The oldest first."""
        return tuple(self.sums[part].tally(part) for part in sorted(self.sums))


class Breakdown(msgspec.Struct, eq=False):
    """One strategy's trades by day, window and coin."""

    days: Parts = msgspec.field(default_factory=lambda: Parts(DAYS))
    windows: Parts = msgspec.field(default_factory=lambda: Parts(WINDOWS))
    coins: Parts = msgspec.field(default_factory=lambda: Parts(len(COINS)))

    def closed(self, trades: Sequence[Trade], pnls: Sequence[Pnl]) -> None:
        """Trades in their order, and what they came to."""
        self.days.closed(_by_part((trade.exit_ms // DAY_MS for trade in trades), pnls))
        self.windows.closed(_by_part((trade.key.epoch for trade in trades), pnls))
        self.coins.closed(_by_part((_PLACES[trade.key.coin] for trade in trades), pnls))

    def corrected(self, before: Trade, after: Trade) -> None:
        for parts, part in self._places(before):
            parts.corrected(part, before, after)

    def _places(self, trade: Trade) -> tuple[tuple[Parts, int], ...]:
        return (
            (self.days, trade.exit_ms // DAY_MS),
            (self.windows, trade.key.epoch),
            (self.coins, _PLACES[trade.key.coin]),
        )


def _by_part(parts: Iterable[int], pnls: Iterable[Pnl]) -> dict[int, list[Pnl]]:
    found: dict[int, list[Pnl]] = {}
    for part, pnl in zip(parts, pnls, strict=True):
        found.setdefault(part, []).append(pnl)
    return found
