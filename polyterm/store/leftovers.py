"""What is stored and no engine may know of any more: positions that nobody closed, and trades that an official result
contradicts."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select

from polyterm.core.input import Outcome, PositionsFound, TradesFound
from polyterm.core.market import COINS, GRADES, HORIZONS, MarketKey
from polyterm.core.position import Position
from polyterm.errors import StoreError
from polyterm.store.position_rows import position_from_row
from polyterm.store.schema import open_positions, paper_trades, windows
from polyterm.store.trade_rows import trade_from_row

_log = logging.getLogger(__name__)

MOST_POSITIONS: Final = 5_000
"""In one answer: some windows full of what every strategy can hold."""
MOST_TRADES: Final = 500
"""In one answer, the oldest of them."""

_JUDGED: Final = tuple(
    windows.c[name].label(f"window_{name}") for name in ("outcome", "outcome_grade", "outcome_source", "end_price")
)


def held_before(session: str) -> Select[Any]:
    """What sessions before this one hold, with what is known of its windows."""
    column = open_positions.c
    return (
        select(open_positions, *_JUDGED)
        .outerjoin(windows, _of_window(column))
        .where(column.session != session)
        .order_by(*_in_order(column))
        .limit(MOST_POSITIONS)
    )


def contradicted(since_s: int) -> Select[Any]:
    """Trades that were settled otherwise than the official outcome of their window says, which began at ``since_s`` or
    later."""
    column = paper_trades.c
    official = GRADES[-1]
    return (
        select(paper_trades, *_JUDGED)
        .join(windows, _of_window(column))
        .where(windows.c.crypto.in_(COINS), windows.c.horizon.in_(HORIZONS), windows.c.epoch >= since_s)
        .where(windows.c.outcome_grade == official, column.outcome != windows.c.outcome)
        .where(or_(column.outcome_grade.is_(None), column.outcome_grade != official))
        .order_by(*_in_order(column))
        .limit(MOST_TRADES)
    )


def positions_found(rows: Iterable[Mapping[Any, Any]]) -> Iterator[PositionsFound]:
    """Without those that cannot be read."""
    for key, same in groupby(rows, _key):
        of_window = list(same)
        outcome = None if of_window[0]["window_outcome"] is None else _outcome(key, of_window[0])
        yield PositionsFound(key, tuple(_readable(of_window)), outcome)


def _readable(rows: Iterable[Mapping[Any, Any]]) -> Iterator[Position]:
    for row in rows:
        try:
            yield position_from_row(row)
        except StoreError as error:
            _log.error("%s", error)


def trades_found(rows: Iterable[Mapping[Any, Any]]) -> Iterator[TradesFound]:
    for key, same in groupby(rows, _key):
        of_window = list(same)
        yield TradesFound(_outcome(key, of_window[0]), tuple(map(trade_from_row, of_window)))


def _of_window(column: Any) -> ColumnElement[bool]:
    return and_(
        windows.c.crypto == column.crypto, windows.c.horizon == column.horizon, windows.c.epoch == column.window_epoch
    )


def _in_order(column: Any) -> tuple[Any, ...]:
    return column.window_epoch, column.crypto, column.horizon, column.entry_ms, column.strategy_name


def _key(row: Mapping[Any, Any]) -> MarketKey:
    return MarketKey(row["crypto"], row["horizon"], row["window_epoch"])


def _outcome(key: MarketKey, row: Mapping[Any, Any]) -> Outcome:
    return Outcome(
        key, row["window_outcome"], row["window_outcome_grade"], row["window_outcome_source"] or "",
        row["window_end_price"],
    )  # fmt: skip
