"""The trades of every strategy on either side of every window, summed by the database."""

from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import Select, case, func, select

from polyterm.core.side_totals import SideTotals
from polyterm.store.reports.archive import Archive
from polyterm.store.schema import paper_trades
from polyterm.store.span import Span

PART: Final = 5_000


async def side_totals(archive: Archive, span: Span) -> AsyncIterator[list[SideTotals]]:
    """All sessions' windows that began within ``span``, those of one window in a row. A part at a time."""
    async for rows in archive.parts(_totals(span), PART):
        yield [SideTotals(*row) for row in rows]


def _totals(span: Span) -> Select[Any]:
    column = paper_trades.c
    grouped = (column.crypto, column.horizon, column.window_epoch, column.strategy_name, column.side)
    all_know = func.count(column.costed_pnl) == func.count()
    query = (
        select(
            *grouped,
            func.count(),
            func.min(column.entry_ms),
            func.sum(column.shares),
            func.sum(column.pnl),
            case((all_know, func.sum(column.costed_pnl))),
        )
        .where(column.side.in_(("up", "down")))
        .group_by(*grouped)
        .order_by(*grouped)  # for free in this order
    )
    if span.from_ms is not None:
        query = query.where(column.window_epoch * 1000 >= span.from_ms)
    if span.to_ms is not None:
        query = query.where(column.window_epoch * 1000 < span.to_ms)
    if span.coins is not None:
        query = query.where(column.crypto.in_(span.coins))
    return query
