"""The trades of every strategy on either side of every window, summed by the database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, case, func, select

from polyterm.core.side_totals import SideTotals
from polyterm.store.database import asking, reading_engine
from polyterm.store.location import Location
from polyterm.store.schema import paper_trades
from polyterm.store.span import Span

BATCH: Final = 5_000


async def read_side_totals(location: Location | Path, span: Span) -> AsyncIterator[list[SideTotals]]:
    """All sessions' windows that began within ``span``, those of one window in a row. A batch at a time.

    Raises:
        ConfigError: there is no such database.
        StoreError: it cannot be read.
    """
    engine = reading_engine(location, connections=1)
    try:
        async with asking(engine) as connection:
            result = await connection.stream(_totals(span))
            async for rows in result.partitions(BATCH):
                yield [SideTotals(*row) for row in rows]
    finally:
        await engine.dispose()


def _totals(span: Span) -> Select[Any]:
    column = paper_trades.c
    window = (column.crypto, column.horizon, column.window_epoch)
    all_know = func.count(column.costed_pnl) == func.count()
    query = (
        select(
            *window,
            column.strategy_name,
            column.side,
            func.count(),
            func.min(column.entry_ms),
            func.sum(column.shares),
            func.sum(column.pnl),
            case((all_know, func.sum(column.costed_pnl))),
        )
        .where(column.side.in_(("up", "down")))
        .group_by(*window, column.strategy_name, column.side)
        .order_by(*window)
    )
    if span.from_ms is not None:
        query = query.where(column.window_epoch * 1000 >= span.from_ms)
    if span.to_ms is not None:
        query = query.where(column.window_epoch * 1000 < span.to_ms)
    if span.coins is not None:
        query = query.where(column.crypto.in_(span.coins))
    return query
