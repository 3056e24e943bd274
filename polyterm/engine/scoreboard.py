"""What each strategy has earned."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import Final

import msgspec

from polyterm.core.market import Side
from polyterm.core.position import Position, Trade
from polyterm.core.snapshot import LeaderboardRow
from polyterm.engine.tallies import Breakdown, Curve, Pnl, Sums

HOUR_MS: Final = 3_600_000
REMEMBERED_HOURS: Final = 72
UNCOUNTED: Final = 4_096
"""So many openings and closings may wait to be counted: counting many together takes a fraction of the time."""


class _News:
    """What a strategy opened and closed since it was last counted."""

    __slots__ = ("newest", "opened", "pnls", "trades")

    def __init__(self) -> None:
        self.newest: Position | Trade | None = None
        self.opened = 0
        self.trades: list[Trade] = []
        self.pnls: list[Pnl] = []


class _Totals:
    def __init__(self, strategy: str, family: str) -> None:
        self.strategy = strategy
        self.family = family
        self.sums = Sums()
        self.equity = Curve()
        self.breakdown = Breakdown()
        self.open = 0
        self.last_side: Side | None = None
        self.last_reason = ""
        self.last_ms: int | None = None
        self.disabled: str | None = None
        self.shown: LeaderboardRow | None = None

    def count(self, news: _News) -> None:
        self.shown = None
        match news.newest:
            case Trade() as trade:
                self.last_side, self.last_reason, self.last_ms = trade.side, trade.exit_reason, trade.exit_ms
            case Position() as position:
                self.last_side, self.last_reason, self.last_ms = position.side, position.reason, position.entry_ms
        self.open += news.opened - len(news.trades)
        for level in list(accumulate((costed for _, costed in news.pnls), initial=self.sums.costed))[1:]:
            self.equity.add(level)
        self.sums.closed(news.pnls)
        self.breakdown.closed(news.trades, news.pnls)

    def newest(self) -> LeaderboardRow:
        """``row``, made anew only when something has changed: it is asked for several times a second."""
        if self.shown is None:
            self.shown = self.row()
        return self.shown

    def row(self) -> LeaderboardRow:
        return LeaderboardRow(
            strategy=self.strategy,
            family=self.family,
            trades=self.sums.trades,
            wins=self.sums.wins,
            open=self.open,
            pnl_touch=self.sums.touch,
            pnl_costed=self.sums.costed,
            last_side=self.last_side,
            last_reason=self.last_reason,
            last_ms=self.last_ms,
            disabled=self.disabled,
            squares=self.sums.squares,
            drawdown=self.sums.drawdown,
            equity=self.equity.shown(self.sums.costed),
            days=self.breakdown.days.tallies(),
            windows=self.breakdown.windows.tallies(),
            coins=self.breakdown.coins.tallies(),
        )

    def saved(self) -> "TotalsState":
        return TotalsState(
            self.strategy, self.sums, self.equity, self.breakdown, self.last_side, self.last_reason, self.last_ms,
            self.disabled,
        )  # fmt: skip

    def restore(self, saved: "TotalsState") -> None:
        self.sums, self.equity, self.breakdown = saved.sums, saved.equity, saved.breakdown
        self.last_side, self.last_reason, self.last_ms = saved.last_side, saved.last_reason, saved.last_ms
        self.disabled = saved.disabled


class TotalsState(msgspec.Struct, frozen=True):
    strategy: str
    sums: Sums
    equity: Curve
    breakdown: Breakdown
    last_side: Side | None
    last_reason: str
    last_ms: int | None
    disabled: str | None


class ScoreboardState(msgspec.Struct, frozen=True):
    """``hours`` are (touch, costed) dollars by UTC hour."""

    totals: tuple[TotalsState, ...]
    hours: dict[int, tuple[float, float]]


class Scoreboard:
    """``strategies``: (name, family) in the order of the table. What closes for one that is gone counts for the hours
    alone. They are counted together, when somebody looks."""

    def __init__(self, strategies: list[tuple[str, str]]) -> None:
        self._totals = {name: _Totals(name, family) for name, family in strategies}
        self._hours: dict[int, tuple[float, float]] = {}
        self._uncounted: list[Position | Trade] = []

    def opened(self, position: Position) -> None:
        self.hear((position,))

    def closed(self, trade: Trade) -> None:
        self.hear((trade,))

    def hear(self, news: Sequence[Position | Trade]) -> None:
        """What was opened and closed, in its order."""
        self._uncounted += news
        if len(self._uncounted) >= UNCOUNTED:
            self._count()

    def _count(self) -> None:
        """Bring everything up to date: whoever looks at it does this first."""
        news: defaultdict[str, _News] = defaultdict(_News)
        for item in self._uncounted:
            own = news[item.strategy]
            own.newest = item
            if isinstance(item, Trade):
                touch, costed = item.pnl, item.costed_pnl
                own.trades.append(item)
                own.pnls.append((touch, costed))
                self._add(item.exit_ms, touch, costed)
            else:
                own.opened += 1
        self._uncounted.clear()
        for strategy, own in news.items():
            totals = self._totals.get(strategy)
            if totals is not None:
                totals.count(own)

    def corrected(self, before: Trade, after: Trade) -> None:
        self._count()
        totals = self._totals.get(before.strategy)
        if totals is not None:
            totals.sums.corrected(before, after)
            totals.breakdown.corrected(before, after)
            totals.shown = None
        self._add(before.exit_ms, -before.pnl, -before.costed_pnl)
        self._add(after.exit_ms, after.pnl, after.costed_pnl)

    def _add(self, exit_ms: int, touch: float, costed: float) -> None:
        hour = exit_ms // HOUR_MS
        hour_touch, hour_costed = self._hours.get(hour, (0.0, 0.0))
        self._hours[hour] = (hour_touch + touch, hour_costed + costed)
        if len(self._hours) > REMEMBERED_HOURS:
            del self._hours[min(self._hours)]

    def disabled(self, strategy: str, error: str) -> None:
        totals = self._totals[strategy]
        totals.disabled, totals.shown = error, None

    def rows(self) -> tuple[LeaderboardRow, ...]:
        self._count()
        return tuple(totals.newest() for totals in self._totals.values())

    def pnl_since(self, market_ms: int) -> tuple[float, float]:
        """(touch, costed) dollars of trades that ended in the hour of ``market_ms`` or later, at most 72 h back."""
        self._count()
        first = market_ms // HOUR_MS
        recent = [pnl for hour, pnl in self._hours.items() if hour >= first]
        return sum(touch for touch, _ in recent), sum(costed for _, costed in recent)

    def saved(self) -> ScoreboardState:
        """The sums themselves, not copies."""
        self._count()
        return ScoreboardState(tuple(totals.saved() for totals in self._totals.values()), self._hours)

    def restore(self, saved: ScoreboardState, unchanged: Collection[str], held: Iterable[str]) -> None:
        """The records of the strategies that are ``unchanged``; ``held`` names the strategy of every open position."""
        self._uncounted.clear()
        self._hours = dict(saved.hours)
        for state in saved.totals:
            if state.strategy in unchanged:
                self._totals[state.strategy].restore(state)
        self.recount(held)

    def recount(self, held: Iterable[str]) -> None:
        """``held`` names the strategy of every open position."""
        self._count()
        numbers = Counter(held)
        for strategy, totals in self._totals.items():
            totals.open, totals.shown = numbers[strategy], None
