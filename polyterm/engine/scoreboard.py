"""What each strategy has earned in this session."""

from typing import Final

from polyterm.core.market import Side
from polyterm.core.position import Position, Trade
from polyterm.core.snapshot import LeaderboardRow

HOUR_MS: Final = 3_600_000
REMEMBERED_HOURS: Final = 72


class _Totals:
    def __init__(self, strategy: str, family: str) -> None:
        self.strategy = strategy
        self.family = family
        self.trades = self.wins = self.open = 0
        self.touch = self.costed = 0.0
        self.last_side: Side | None = None
        self.last_reason = ""
        self.last_ms: int | None = None
        self.disabled: str | None = None

    def row(self) -> LeaderboardRow:
        return LeaderboardRow(
            strategy=self.strategy,
            family=self.family,
            trades=self.trades,
            wins=self.wins,
            open=self.open,
            pnl_touch=self.touch,
            pnl_costed=self.costed,
            last_side=self.last_side,
            last_reason=self.last_reason,
            last_ms=self.last_ms,
            disabled=self.disabled,
        )


class Scoreboard:
    """``strategies``: (name, family) in the order of the table."""

    def __init__(self, strategies: list[tuple[str, str]]) -> None:
        self._totals = {name: _Totals(name, family) for name, family in strategies}
        self._hours: dict[int, tuple[float, float]] = {}

    def opened(self, position: Position) -> None:
        totals = self._totals[position.strategy]
        totals.open += 1
        totals.last_side, totals.last_reason, totals.last_ms = position.side, position.reason, position.entry_ms

    def closed(self, trade: Trade) -> None:
        totals = self._totals[trade.strategy]
        totals.open -= 1
        totals.trades += 1
        totals.last_side, totals.last_reason, totals.last_ms = trade.side, trade.exit_reason, trade.exit_ms
        self._add(trade, 1)

    def corrected(self, before: Trade, after: Trade) -> None:
        self._add(before, -1)
        self._add(after, 1)

    def _add(self, trade: Trade, sign: int) -> None:
        totals = self._totals[trade.strategy]
        touch, costed = sign * trade.pnl, sign * trade.costed_pnl
        totals.wins += sign * (trade.pnl > 0)
        totals.touch += touch
        totals.costed += costed
        hour = trade.exit_ms // HOUR_MS
        hour_touch, hour_costed = self._hours.get(hour, (0.0, 0.0))
        self._hours[hour] = (hour_touch + touch, hour_costed + costed)
        if len(self._hours) > REMEMBERED_HOURS:
            del self._hours[min(self._hours)]

    def disabled(self, strategy: str, error: str) -> None:
        self._totals[strategy].disabled = error

    def rows(self) -> tuple[LeaderboardRow, ...]:
        return tuple(totals.row() for totals in self._totals.values())

    def pnl_since(self, market_ms: int) -> tuple[float, float]:
        """(touch, costed) dollars of trades that ended in the hour of ``market_ms`` or later, at most 72 h back."""
        first = market_ms // HOUR_MS
        recent = [pnl for hour, pnl in self._hours.items() if hour >= first]
        return sum(touch for touch, _ in recent), sum(costed for _, costed in recent)
