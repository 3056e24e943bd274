"""What is stored and no engine may know of any more: positions that nobody closed, and trades that an official result
contradicts."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Select, and_, exists, or_, select

from polyterm.core.input import Outcome, PositionsFound, TradesFound
from polyterm.core.market import COINS, GRADES, HORIZONS, MarketKey
from polyterm.store.position_rows import position_from_row
from polyterm.store.schema import open_positions, paper_trades, windows
from polyterm.store.trade_rows import trade_from_row

MOST: Final = 500
"""Positions or trades in one answer, the oldest of them."""

_JUDGED: Final = tuple(
    windows.c[name].label(f"window_{name}") for name in ("outcome", "outcome_grade", "outcome_source", "end_price")
)
_NAME: Final = ("session", "strategy_name", "crypto", "horizon", "window_epoch", "entry_ms")


def still_open() -> Select[Any]:
    """What is held, in the order of time."""
    column = open_positions.c
    sold = exists().where(*(paper_trades.c[name] == column[name] for name in _NAME))
    return select(open_positions).where(~sold).order_by(*_in_order(open_positions.c))


def held_before(session: str) -> Select[Any]:
    """What sessions before this one hold, with what is known of its windows."""
    column = open_positions.c
    of_window = and_(
        windows.c.crypto == column.crypto, windows.c.horizon == column.horizon, windows.c.epoch == column.window_epoch
    )
    found = still_open().add_columns(*_JUDGED).outerjoin_from(open_positions, windows, of_window)
    return found.where(column.session != session).limit(MOST)


def contradicted(since_s: int) -> Select[Any]:
    """Trades that were settled otherwise than the official outcome of their window says, which began at ``since_s`` or
    later."""
    column = paper_trades.c
    official = GRADES[-1]
    return (
        select(paper_trades, *_JUDGED)
        .join(
            windows,
            and_(
                windows.c.crypto == column.crypto,
                windows.c.horizon == column.horizon,
                windows.c.epoch == column.window_epoch,
            ),
        )
        .where(windows.c.crypto.in_(COINS), windows.c.horizon.in_(HORIZONS), windows.c.epoch >= since_s)
        .where(windows.c.outcome_grade == official, column.outcome != windows.c.outcome)
        .where(or_(column.outcome_grade.is_(None), column.outcome_grade != official))
        .order_by(*_in_order(column))
        .limit(MOST)
    )


def positions_found(rows: Iterable[Mapping[Any, Any]]) -> Iterator[PositionsFound]:
    for key, same in groupby(rows, _key):
        of_window = list(same)
        outcome = None if of_window[0]["window_outcome"] is None else _outcome(key, of_window[0])
        yield PositionsFound(key, tuple(map(position_from_row, of_window)), outcome)


def trades_found(rows: Iterable[Mapping[Any, Any]]) -> Iterator[TradesFound]:
    for key, same in groupby(rows, _key):
        of_window = list(same)
        yield TradesFound(_outcome(key, of_window[0]), tuple(map(trade_from_row, of_window)))


def _in_order(column: Any) -> tuple[Any, ...]:
    return column.window_epoch, column.crypto, column.horizon, column.entry_ms, column.strategy_name


def _key(row: Mapping[Any, Any]) -> MarketKey:
    return MarketKey(row["crypto"], row["horizon"], row["window_epoch"])


def _outcome(key: MarketKey, row: Mapping[Any, Any]) -> Outcome:
    return Outcome(
        key, row["window_outcome"], row["window_outcome_grade"], row["window_outcome_source"] or "",
        row["window_end_price"],
    )  # fmt: skip
