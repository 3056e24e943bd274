"""How far the market stands from fair value, by phase of the window and by coin.

Edges are fair value minus mid, fractions. The verdict reads the mean of their absolute values: a market whose mid is
close to fair value is efficient.
"""

from collections import deque
from collections.abc import Collection
from typing import Final, Literal, get_args

import msgspec

from polyterm.core.market import COINS, Coin
from polyterm.quant.moments import mean, population_sd
from polyterm.quant.primitives import known

Phase = Literal["early", "mid", "late"]
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
Verdict = Literal["efficient", "moderate", "exploitable", "significant"]

KEPT_PER_PHASE: Final = 5_000
KEPT_OVERALL: Final = 15_000
EFFICIENT: Final = 0.01
MODERATE: Final = 0.03
EXPLOITABLE: Final = 0.05


def phase(remaining_s: float, window_s: float = 900) -> Phase:
    """Early: more than two thirds of the window are left (600 s of 15 minutes); late: at most a fifth (180 s)."""
    if 3 * remaining_s > 2 * window_s:
        return "early"
    return "mid" if 5 * remaining_s > window_s else "late"


def verdict(mean_absolute_edge: float) -> Verdict:
    if mean_absolute_edge < EFFICIENT:
        return "efficient"
    if mean_absolute_edge < MODERATE:
        return "moderate"
    return "exploitable" if mean_absolute_edge < EXPLOITABLE else "significant"


class EdgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """Of ``count`` remembered edges; everything else is None when there are none."""

    count: int
    mean: float | None
    mean_absolute: float | None
    sd: float | None
    verdict: Verdict | None


class EfficiencyReport(msgspec.Struct, frozen=True, kw_only=True):
    overall: EdgeReport
    phases: tuple[tuple[Phase, EdgeReport], ...]
    coins: tuple[tuple[Coin, EdgeReport], ...]


def edge_report(edges: Collection[float]) -> EdgeReport:
    mean_absolute = known(mean([abs(edge) for edge in edges]))
    return EdgeReport(
        count=len(edges),
        mean=known(mean(edges)),
        mean_absolute=mean_absolute,
        sd=known(population_sd(edges)),
        verdict=None if mean_absolute is None else verdict(mean_absolute),
    )


class EfficiencyRecord:
    """Remembers the newest edges: ``KEPT_PER_PHASE`` per phase and per coin, ``KEPT_OVERALL`` of all."""

    def __init__(self) -> None:
        self._overall: deque[float] = deque(maxlen=KEPT_OVERALL)
        self._phases: dict[Phase, deque[float]] = {name: deque(maxlen=KEPT_PER_PHASE) for name in PHASES}
        self._coins: dict[Coin, deque[float]] = {coin: deque(maxlen=KEPT_PER_PHASE) for coin in COINS}

    def observe(self, coin: Coin, remaining_s: float, edge: float, window_s: float = 900) -> None:
        """Take the edge of one tick; a missing one (nan) is not remembered."""
        if known(edge) is None:
            return
        for edges in (self._overall, self._phases[phase(remaining_s, window_s)], self._coins[coin]):
            edges.append(edge)

    def report(self) -> EfficiencyReport:
        return EfficiencyReport(
            overall=edge_report(self._overall),
            phases=tuple((name, edge_report(edges)) for name, edges in self._phases.items()),
            coins=tuple((coin, edge_report(edges)) for coin, edges in self._coins.items()),
        )
