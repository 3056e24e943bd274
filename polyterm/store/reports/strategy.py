"""What one strategy has closed: its equity, and its totals by coin and by minute of the window."""

from typing import Any, Final

from sqlalchemy import Select, case, func, select

from polyterm.core.details import CoinTotals, EquityPoint, MinuteTotals, Record
from polyterm.core.market import COINS
from polyterm.store.reports.archive import Archive, Row
from polyterm.store.reports.trades import TradesWanted, conditions
from polyterm.store.schema import paper_trades

POINTS: Final = 300
"""Of an equity curve, whatever the number of trades."""


async def record(archive: Archive, wanted: TradesWanted) -> Record:
    coins = {row["part"]: row for row in await archive.rows(_totals(wanted, paper_trades.c.crypto))}
    minute = (paper_trades.c.entry_ms - paper_trades.c.window_epoch * 1000) // 60_000
    minutes = await archive.rows(_totals(wanted, minute))
    return Record(
        equity=tuple(_point(row) for row in await archive.rows(_equity(wanted))),
        coins=tuple(CoinTotals(coin=coin, **_sums(coins[coin])) for coin in COINS if coin in coins),
        minutes=tuple(MinuteTotals(minute=int(row["part"]), **_sums(row)) for row in minutes),
    )


def _totals(wanted: TradesWanted, part: Any) -> Select[Any]:
    column = paper_trades.c
    return (
        select(
            part.label("part"),
            func.count().label("trades"),
            func.sum(case((column.pnl > 0, 1), else_=0)).label("wins"),
            func.sum(column.pnl).label("touch"),
            func.sum(column.costed_pnl).label("costed"),
        )
        .where(*conditions(wanted))
        .group_by(part)
        .order_by(part)
    )


def _sums(row: Row) -> dict[str, Any]:
    return {
        "trades": int(row["trades"]),
        "wins": int(row["wins"]),
        "touch": row["touch"],
        "costed": row["costed"],
    }


def _equity(wanted: TradesWanted) -> Select[Any]:
    """The running sums after every trade, of which about ``POINTS`` are kept, the newest among them."""
    column = paper_trades.c
    order = (column.exit_ms, column.id)
    every = (
        select(
            column.exit_ms.label("at_ms"),
            func.row_number().over(order_by=order).label("number"),
            func.count().over().label("trades"),
            func.sum(column.pnl).over(order_by=order).label("touch"),
            func.sum(column.costed_pnl).over(order_by=order).label("costed"),
            func.count(column.costed_pnl).over(order_by=order).label("known"),
        )
        .where(*conditions(wanted))
        .subquery()
    )
    number, trades = every.c.number, every.c.trades
    is_kept = (number * (POINTS - 1)) // trades != ((number - 1) * (POINTS - 1)) // trades
    return select(every).where((trades <= POINTS) | is_kept).order_by(number)


def _point(row: Row) -> EquityPoint:
    return EquityPoint(row["at_ms"], row["touch"], row["costed"] if row["known"] == row["number"] else None)
