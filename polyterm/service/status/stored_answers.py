"""What the endpoints that read the database say, in the field names that dashboards of this kind already read."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from polyterm.core.market import Coin, Grade, Horizon, Side
from polyterm.core.query import Period
from polyterm.store.reports.research import ENOUGH_FOR_ANOMALY, ENOUGH_FOR_EDGE, Outcomes, Research, Sample
from polyterm.store.reports.trades import Totals
from polyterm.store.reports.windows import WindowLine, WindowsPage

NOTE: Final = (
    "P&L is dollars under the touch model, costed_pnl after the venue's fee; a win has touch P&L above 0. "
    "Intervals are Wilson's for 95 %."
)


class WindowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of the table ``windows``; ``change_pct`` is percent of the start price."""

    epoch: int
    crypto: Coin
    horizon: Horizon
    start_price: float | None
    strike_source: str | None
    strike_grade: Grade | None
    end_price: float | None
    change_pct: float | None
    outcome: Side | None
    outcome_source: str | None
    outcome_grade: Grade | None
    resolved_after_s: float | None
    opening_up_price: float | None
    closing_up_price: float | None
    high_up_price: float | None
    low_up_price: float | None
    tick_count: int | None


class WindowsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    windows: tuple[WindowAnswer, ...]
    total: int
    resolved: int
    limit: int
    offset: int


class MetricsAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """``win_rate`` is percent."""

    period: Period
    total_trades: int
    wins: int
    total_pnl: float
    costed_pnl: float | None
    win_rate: float | None
    open_positions: int
    timestamp: datetime


class ResearchSummary(msgspec.Struct, frozen=True, kw_only=True):
    period: Period
    total_trades: int
    wins: int
    total_pnl: float
    costed_pnl: float | None
    strategies_used: int
    windows_resolved: int
    enough_for_edge: int = ENOUGH_FOR_EDGE
    enough_for_anomaly: int = ENOUGH_FOR_ANOMALY
    note: str = NOTE
    timestamp: datetime


class ResearchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    summary: ResearchSummary
    trade_statistics: tuple[Totals, ...]
    window_outcomes: tuple[Outcomes, ...]
    sample_sizes_with_confidence: tuple[Sample, ...]


class Sums(msgspec.Struct, frozen=True):
    """Of several strategies' trades together; costed is None when no fee is known."""

    trades: int
    wins: int
    pnl: float
    costed_pnl: float | None


def sums(totals: tuple[Totals, ...]) -> Sums:
    costed = [line.costed_pnl for line in totals if line.costed_pnl is not None]
    return Sums(
        sum(line.trades for line in totals),
        sum(line.wins for line in totals),
        sum(line.pnl for line in totals),
        sum(costed) if costed else None,
    )


def windows_answer(page: WindowsPage, limit: int) -> WindowsAnswer:
    return WindowsAnswer(
        windows=tuple(_window(line) for line in page.windows),
        total=page.total,
        resolved=page.resolved,
        limit=limit,
        offset=page.offset,
    )


def _window(line: WindowLine) -> WindowAnswer:
    return WindowAnswer(
        epoch=line.epoch,
        crypto=line.coin,
        horizon=line.horizon,
        start_price=line.start,
        strike_source=line.strike_source,
        strike_grade=line.strike_grade,
        end_price=line.end,
        change_pct=line.change_pct,
        outcome=line.outcome,
        outcome_source=line.outcome_source,
        outcome_grade=line.outcome_grade,
        resolved_after_s=line.delay_s,
        opening_up_price=line.opening_mid,
        closing_up_price=line.closing_mid,
        high_up_price=line.high_mid,
        low_up_price=line.low_mid,
        tick_count=line.ticks,
    )


def metrics_answer(period: Period, totals: tuple[Totals, ...], open_positions: int, now_ms: int) -> MetricsAnswer:
    whole = sums(totals)
    return MetricsAnswer(
        period=period,
        total_trades=whole.trades,
        wins=whole.wins,
        total_pnl=whole.pnl,
        costed_pnl=whole.costed_pnl,
        win_rate=whole.wins / whole.trades * 100 if whole.trades else None,
        open_positions=open_positions,
        timestamp=_time(now_ms),
    )


def research_answer(period: Period, found: Research, now_ms: int) -> ResearchAnswer:
    whole = sums(found.strategies)
    summary = ResearchSummary(
        period=period,
        total_trades=whole.trades,
        wins=whole.wins,
        total_pnl=whole.pnl,
        costed_pnl=whole.costed_pnl,
        strategies_used=len({line.strategy for line in found.strategies}),
        windows_resolved=sum(line.windows for line in found.outcomes),
        timestamp=_time(now_ms),
    )
    return ResearchAnswer(
        summary=summary,
        trade_statistics=found.strategies,
        window_outcomes=found.outcomes,
        sample_sizes_with_confidence=found.samples,
    )


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
