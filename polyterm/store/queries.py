"""Questions to the stored trades, on connections of their own that can only read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from polyterm.core.input import PositionsFound, TradesFound
from polyterm.core.market import HORIZONS, window_epoch
from polyterm.core.query import Period, StrategyTotals, TradesAnswer, TradesQuery
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.store.database import asking, reading_engine
from polyterm.store.gap_rows import Series, newest_slots, slots_from_rows
from polyterm.store.leftovers import contradicted, held_before, positions_found, trades_found
from polyterm.store.location import Location
from polyterm.store.reports.archive import Archives
from polyterm.store.schema import paper_trades, system_state
from polyterm.store.trade_rows import trade_from_row
from polyterm.store.unresolved import unresolved, unresolved_from_row

MAX_TRADES: Final = 1_000
"""Trades in one answer, whatever was asked for."""

_CONNECTIONS: Final = 3
_PERIOD_MS: Final[dict[Period, int]] = {"hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}


class Reader:
    """Reads what a ``Store`` writes, from the same process or another. Every question may raise StoreError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.archives = Archives(engine)

    @classmethod
    def open(cls, location: Location | Path | str) -> "Reader":
        """Raises ConfigError when there is no such file."""
        return cls(reading_engine(location, _CONNECTIONS))

    async def close(self) -> None:
        await self._engine.dispose()

    async def trades(self, query: TradesQuery, now_ms: int) -> TradesAnswer:
        """Trades of all sessions that were closed within the period before ``now_ms`` (market time), newest first.

        ``current`` means the windows that run at ``now_ms``. The page leaves out the first ``query.offset`` trades and
        holds at most ``MAX_TRADES``; totals and the number of windows cover the whole period.
        """
        wanted = _condition(query, now_ms)
        async with asking(self._engine) as connection:
            page = await connection.execute(_page(wanted, query))
            totals = await connection.execute(_totals(wanted))
            windows = await connection.scalar(_windows(wanted))
        return TradesAnswer(
            tuple(trade_from_row(row) for row in page.mappings()),
            tuple(StrategyTotals(*row) for row in totals),
            windows or 0,
        )

    async def unresolved(self, since_ms: int) -> tuple[UnresolvedWindow, ...]:
        """The windows since then (unix ms) whose official result is not stored, newest first, running ones included."""
        async with asking(self._engine) as connection:
            return tuple(
                unresolved_from_row(row) for row in (await connection.execute(unresolved(since_ms))).mappings()
            )

    async def held_before(self, session: str) -> tuple[PositionsFound, ...]:
        """Open positions of the sessions before this one, oldest window first."""
        async with asking(self._engine) as connection:
            return tuple(positions_found((await connection.execute(held_before(session))).mappings()))

    async def contradicted(self, since_s: int) -> tuple[TradesFound, ...]:
        """Trades of windows since then (unix s) that their official outcome contradicts, oldest window first."""
        async with asking(self._engine) as connection:
            return tuple(trades_found((await connection.execute(contradicted(since_s))).mappings()))

    async def newest_slots(self, series: Sequence[Series]) -> dict[Series, int]:
        """The newest tick of each (unix s), left out where there is none."""
        async with asking(self._engine) as connection:
            return slots_from_rows((await connection.execute(newest_slots(series))).mappings())

    async def state(self, key: str) -> str | None:
        """The JSON text under ``key``, None when it was never set."""
        async with asking(self._engine) as connection:
            value: str | None = await connection.scalar(select(system_state.c.value).where(system_state.c.key == key))
        return value


def _condition(query: TradesQuery, now_ms: int) -> ColumnElement[bool]:
    column = paper_trades.c
    conditions: list[ColumnElement[bool]] = []
    if query.period == "current":
        now_s = now_ms // 1000
        conditions.append(
            or_(
                *(
                    and_(column.horizon == horizon, column.window_epoch == window_epoch(now_s, horizon))
                    for horizon in HORIZONS
                )
            )
        )
    elif query.period != "all":
        conditions.append(column.exit_ms > now_ms - _PERIOD_MS[query.period])
    if query.strategy is not None:
        conditions.append(column.strategy_name == query.strategy)
    if query.coin is not None:
        conditions.append(column.crypto == query.coin)
    return and_(True, *conditions)


def _page(wanted: ColumnElement[bool], query: TradesQuery) -> Select[tuple[object, ...]]:
    return (
        select(paper_trades)
        .where(wanted)
        .order_by(paper_trades.c.exit_ms.desc(), paper_trades.c.id.desc())
        .limit(min(max(query.limit, 0), MAX_TRADES))
        .offset(max(query.offset, 0))
    )


def _totals(wanted: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    column = paper_trades.c
    return (
        select(
            column.strategy_name,
            column.crypto,
            func.count(),
            func.sum(case((column.pnl > 0, 1), else_=0)),
            func.sum(column.pnl),
            func.sum(func.coalesce(column.costed_pnl, 0.0)),
        )
        .where(wanted)
        .group_by(column.strategy_name, column.crypto)
        .order_by(column.strategy_name, column.crypto)
    )


def _windows(wanted: ColumnElement[bool]) -> Select[tuple[int]]:
    column = paper_trades.c
    windows = select(column.crypto, column.horizon, column.window_epoch).where(wanted).distinct().subquery()
    return select(func.count()).select_from(windows)
