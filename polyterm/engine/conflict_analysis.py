"""Who conflicts with whom over all that was traded, and what the netted position would have earned.

**Netting.** Of the shares bought in a window those of the smaller side are paired off against as many of the larger:
one of each together pay a dollar whatever happens. Only the surplus would have been bought, at what its side paid on
average: ``netted = pnl of the larger side * (1 - smaller / larger)``, 0 when both are equal. It is known only when the
window is over, so it says what conflicts cost or brought, and is no strategy.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from polyterm.core.market import COINS, Coin, MarketKey
from polyterm.core.side_totals import SideTotals
from polyterm.engine.conflict_pairs import Pairs, leading, never_conflicting, present
from polyterm.engine.conflict_report import NEWEST_WINDOWS, By, CoinReport, ConflictReport, Earned, NettedWindow
from polyterm.quant.camps import CAMP_SHARE, camp_name, clusters
from polyterm.strategies.camps import ALONE, CAMPS

CHUNK_WINDOWS: Final = 512

Table = npt.NDArray[np.float64]


def _table(shape: tuple[int, ...], cells: tuple[Sequence[int], ...], values: Sequence[float | None]) -> Table:
    """A value that is None is nan."""
    table = np.zeros(shape)
    table[tuple(np.array(axis, np.intp) for axis in cells)] = np.array(values, np.float64)
    return table


class ConflictAnalysis:
    """Give it the totals of all windows, those of one window in a row, none twice; then ask for the report.

    ``by`` says what a meeting of two strategies is: a window that both traded, with the sides of their first trades; or
    each pair of their trades in it, so that one with 3 trades meets each trade of the other 3 times.
    """

    def __init__(self, by: By = "window") -> None:
        self.windows = 0
        self._by = by
        self._places: dict[str, int] = {}
        self._pairs = np.zeros((3, 0, 0))  # met, agreed, dollars
        self._coins: dict[Coin, Table] = {}
        self._earned = np.zeros(4)
        self._trades = 0
        self._newest: list[tuple[int, str, str, NettedWindow]] = []
        self._keys: list[MarketKey] = []
        self._windows: list[int] = []
        self._rows: list[SideTotals] = []
        self._window: tuple[object, ...] | None = None

    def add(self, totals: Iterable[SideTotals]) -> None:
        keys, rows, windows = self._keys, self._rows, self._windows
        for one in totals:
            window = one[:3]
            if window != self._window:
                if len(keys) == CHUNK_WINDOWS:
                    self._count()
                self._window = window
                keys.append(MarketKey(one.coin, one.horizon, one.epoch))
            windows.append(len(keys) - 1)
            rows.append(one)

    def _count(self) -> None:
        """Take what was read into the sums."""
        if not self._keys:
            return
        _, _, _, names, sides, *figures = zip(*self._rows, strict=True)
        places = [self._places.setdefault(name, len(self._places)) for name in names]
        cells = [side == "down" for side in sides], self._windows, places
        shape = (2, len(self._keys), len(self._places))
        trades, first_ms, shares, touch, costed = (_table(shape, cells, column) for column in figures)
        first_ms[trades == 0] = math.inf
        self._count_pairs(trades, first_ms, touch.sum(0))
        self._count_windows(trades.sum(2), shares.sum(2), touch.sum(2), costed.sum(2))
        self.windows += len(self._keys)
        self._trades += int(trades.sum())
        for read in (self._keys, self._windows, self._rows):
            read.clear()

    def _count_pairs(self, trades: Table, first_ms: Table, touch: Table) -> None:
        up, down = trades
        if self._by == "window":
            took_up = (first_ms[0] <= first_ms[1]) & np.isfinite(first_ms[0])
            up, down = took_up.astype(np.float64), (np.isfinite(first_ms[1]) & ~took_up).astype(np.float64)
        traded = (trades.sum(0) > 0).astype(np.float64)
        together = touch.T @ traded
        grown = len(self._places) - self._pairs.shape[1]
        self._pairs = np.pad(self._pairs, ((0, 0), (0, grown), (0, grown)))
        self._pairs += (up + down).T @ (up + down), up.T @ up + down.T @ down, together + together.T

    def _count_windows(self, trades: Table, shares: Table, touch: Table, costed: Table) -> None:
        larger, smaller = np.argmax(shares, axis=0), shares.min(0)
        most = shares.max(0)
        left = 1 - np.divide(smaller, most, out=np.ones_like(most), where=most > 0)
        windows = np.arange(len(self._keys))
        parts = np.stack((touch.sum(0), costed.sum(0)))
        netted = np.stack((touch[larger, windows] * left, costed[larger, windows] * left))
        self._earned += np.concatenate((parts.sum(1), netted.sum(1)))
        conflicted = trades.min(0) > 0
        for place, key in enumerate(self._keys):
            both = float(conflicted[place])
            counts = np.array((1.0, both, trades[0, place] * both, trades[1, place] * both))
            self._coins[key.coin] = self._coins.get(key.coin, np.zeros(4)) + counts
            newest = (key.epoch, key.coin, key.horizon)
            if len(self._newest) == NEWEST_WINDOWS and newest <= self._newest[0][:3]:
                continue
            window = _netted_window(key, trades[:, place], shares[:, place], parts[:, place], netted[:, place])
            push = heapq.heappush if len(self._newest) < NEWEST_WINDOWS else heapq.heapreplace
            push(self._newest, (*newest, window))

    def report(self, camp_share: float = CAMP_SHARE) -> ConflictReport:
        """``camp_share`` as in ``quant.camps``, which imports scipy."""
        self._count()
        names = tuple(self._places)
        met, agreed, _ = self._pairs
        found = clusters(met, agreed, camp_share)
        pairs = Pairs(names, self._pairs, found.order)
        known = tuple(pairs)
        grouped = [tuple(names[place] for place in camp) for camp in found.camps]
        named, alone = present(CAMPS, names), present(ALONE, names)
        own = {camp_name(members): members for members in grouped}
        return ConflictReport(
            by=self._by,
            camp_share=camp_share,
            trades=self._trades,
            windows=self.windows,
            conflicted=sum(int(counts[1]) for counts in self._coins.values()),
            coins=tuple(_coin(coin, self._coins[coin]) for coin in COINS if coin in self._coins),
            strategies=tuple(names[place] for place in found.order),
            pairs=known,
            camps=(
                *(pairs.camp(name, members, found=False) for name, members in named.items() if len(members) > 1),
                *(pairs.camp(name, members, found=True) for name, members in own.items()),
            ),
            between=(*pairs.between({**named, **alone}), *pairs.between(own)),
            parts=_earned(self._earned[:2]),
            netted=_earned(self._earned[2:]),
            newest=tuple(window for *_, window in sorted(self._newest, key=lambda one: one[:3], reverse=True)),
            never=never_conflicting(known),
            agreeing=leading(known, lambda pair: pair.agreed / pair.met),
            conflicting=leading(known, lambda pair: pair.conflicted / pair.met),
        )


def _netted_window(key: MarketKey, trades: Table, shares: Table, parts: Table, netted: Table) -> NettedWindow:
    return NettedWindow(
        key, int(trades[0]), int(trades[1]), float(shares[0]), float(shares[1]), _earned(parts), _earned(netted)
    )


def _earned(dollars: Table) -> Earned:
    touch, costed = dollars.tolist()
    return Earned(touch, None if math.isnan(costed) else costed)


def _coin(coin: Coin, counts: Table) -> CoinReport:
    windows, conflicted, up, down = counts.tolist()
    means = (up / conflicted, down / conflicted) if conflicted else (None, None)
    return CoinReport(coin, int(windows), int(conflicted), *means)
