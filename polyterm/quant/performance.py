"""Whether a strategy's results could be luck. P&L is dollars per closed trade, shares and rates are fractions."""

import math
from collections import deque
from collections.abc import Collection
from typing import Final

import msgspec

from polyterm.quant.moments import mean, population_sd
from polyterm.quant.primitives import known, ratio

SHARPE_TRADES: Final = 100
SIGNIFICANT_TRADES: Final = 30
SIGNIFICANT_SHARPE: Final = 0.5

Z_95: Final = 1.959963984540054
"""The normal deviate that leaves 2.5 % on either side."""


def sharpe(pnls: Collection[float]) -> float | None:
    """Mean over population standard deviation, per trade; None under two trades or when all are equal."""
    if len(pnls) < 2 or min(pnls) == max(pnls):
        return None
    return known(ratio(mean(pnls), population_sd(pnls)))


def wilson_interval(wins: int, trades: int, z: float = Z_95) -> tuple[float, float] | None:
    """Where the true win rate lies, in 95 of 100 such samples; None without trades.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", J. American
    Statistical Association 22 (1927).
    """
    if trades <= 0:
        return None
    rate = wins / trades
    scale = 1 + z * z / trades
    centre = (rate + z * z / (2 * trades)) / scale
    half = z * math.sqrt(rate * (1 - rate) / trades + z * z / (4 * trades * trades)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


class PerformanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """``win_rate`` counts P&L above 0 only, ``win_interval`` is its Wilson 95 % interval. ``sharpe`` is over the newest
    ``SHARPE_TRADES``. ``max_drawdown`` is the deepest fall of the running P&L below its peak, in dollars, >= 0.
    ``significant``: at least 30 trades and |sharpe| above 0.5."""

    trades: int
    wins: int
    pnl: float
    win_rate: float | None
    win_interval: tuple[float, float] | None
    mean_pnl: float | None
    sharpe: float | None
    significant: bool
    max_drawdown: float


class Performance:
    """Running figures of one strategy, in the order in which its trades closed."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=SHARPE_TRADES)
        self._trades = self._wins = 0
        self._pnl = self._peak = self._max_drawdown = 0.0

    def add(self, pnl: float) -> None:
        """Count one closed trade."""
        self._recent.append(pnl)
        self._trades += 1
        self._wins += pnl > 0
        self._pnl += pnl
        self._peak = max(self._peak, self._pnl)
        self._max_drawdown = max(self._max_drawdown, self._peak - self._pnl)

    def report(self) -> PerformanceReport:
        trades, of_recent = self._trades, sharpe(self._recent)
        return PerformanceReport(
            trades=trades,
            wins=self._wins,
            pnl=self._pnl,
            win_rate=self._wins / trades if trades else None,
            win_interval=wilson_interval(self._wins, trades),
            mean_pnl=self._pnl / trades if trades else None,
            sharpe=of_recent,
            significant=trades >= SIGNIFICANT_TRADES and of_recent is not None and abs(of_recent) > SIGNIFICANT_SHARPE,
            max_drawdown=self._max_drawdown,
        )
