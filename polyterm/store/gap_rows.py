"""Gaps as rows, and the windows that they touch."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.sql.expression import literal

from polyterm.core.gap import Gap
from polyterm.core.market import Coin, Horizon, MarketKey, window_epoch
from polyterm.store.rows import Row
from polyterm.store.schema import ticks

Series = tuple[Coin, Horizon]


def gap_row(gap: Gap, session: str) -> Row:
    return {
        "crypto": gap.coin,
        "horizon": gap.horizon,
        "feed": gap.feed,
        "from_ms": gap.from_ms,
        "to_ms": gap.to_ms,
        "missing": gap.missing,
        "reason": gap.reason,
        "session": session,
    }


def touched_row(gap: Gap) -> Row:
    """The windows in which the gap lies, from the first to the last."""
    first, last = gap.from_ms // 1000, (gap.to_ms - 1) // 1000
    return _flagged(gap.coin, gap.horizon, window_epoch(first, gap.horizon), window_epoch(last, gap.horizon))


def closed_row(key: MarketKey) -> Row:
    """The one window, whose gaps may have been told before it was."""
    return _flagged(key.coin, key.horizon, key.epoch, key.epoch)


def _flagged(coin: Coin, horizon: Horizon, first: int, last: int) -> Row:
    return {"own_crypto": coin, "own_horizon": horizon, "first_epoch": first, "last_epoch": last}


def newest_slots(series: Iterable[Series]) -> Select[Any]:
    """(coin, horizon, unix ms of the newest tick or NULL), two steps along the primary key each."""
    asked = (
        select(
            literal(coin).label("crypto"),
            literal(horizon).label("horizon"),
            select(func.max(ticks.c.timestamp_ms))
            .where(ticks.c.crypto == coin, ticks.c.horizon == horizon)
            .scalar_subquery()
            .label("newest_ms"),
        )
        for coin, horizon in series
    )
    found = union_all(*asked).subquery()
    return select(found)


def slots_from_rows(rows: Iterable[Mapping[Any, Any]]) -> dict[Series, int]:
    """Unix seconds; without the series that have no tick."""
    return {(row["crypto"], row["horizon"]): row["newest_ms"] // 1000 for row in rows if row["newest_ms"] is not None}
