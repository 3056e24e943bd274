"""What was collected: ticks of every series, the oracle beside the exchange, and who was right about the outcome."""

from typing import Final

import msgspec
from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import aliased

from polyterm.core.market import Coin, Horizon, Side
from polyterm.quant.performance import wilson_interval
from polyterm.quant.settlement import winning_side
from polyterm.store.reports.archive import SERIES, Archive, Row, Series, since, window_end_s
from polyterm.store.schema import ticks, windows

LAST_LOOK_S: Final = 120
"""A source's prediction is its last price within so many seconds before the end."""


class SeriesLine(msgspec.Struct, frozen=True, kw_only=True):
    """``missing`` slots lie between the first and the last tick counted here; divergence is percent of the oracle's
    price, staleness seconds. ``tradable`` ticks were complete and fresh enough to trade on."""

    coin: Coin
    horizon: Horizon
    ticks: int
    missing: int
    tradable: int
    with_oracle: int
    mean_divergence_pct: float | None
    max_divergence_pct: float | None
    mean_staleness_s: float | None
    first_ms: int
    last_ms: int


class AccuracyLine(msgspec.Struct, frozen=True, kw_only=True):
    """How often a source's last price before the end lay on the side of the strike that then won."""

    source: str
    coin: Coin
    windows: int
    right: int
    rate: float
    interval: tuple[float, float] | None


async def series_lines(archive: Archive, from_ms: int = 0) -> tuple[SeriesLine, ...]:
    """Of ticks stamped ``from_ms`` or later, for every series that has any, in the field's order."""
    column = ticks.c
    divergence = func.abs(column.price_divergence_pct)
    query = (
        select(
            column.crypto,
            column.horizon,
            func.count().label("ticks"),
            (func.count() - func.count(column.invalid)).label("tradable"),
            func.count(column.chainlink_price).label("with_oracle"),
            func.avg(divergence).label("mean_divergence"),
            func.max(divergence).label("max_divergence"),
            func.avg(column.chainlink_staleness).label("mean_staleness"),
            func.min(column.timestamp_ms).label("first_ms"),
            func.max(column.timestamp_ms).label("last_ms"),
        )
        .where(*since(from_ms))
        .group_by(column.crypto, column.horizon)
    )
    found = {(row["crypto"], row["horizon"]): row for row in await archive.rows(query)}
    return tuple(_series_line(series, found[series]) for series in SERIES if series in found)


def _series_line(series: Series, row: Row) -> SeriesLine:
    coin, horizon = series
    slots = (row["last_ms"] - row["first_ms"]) // 1000 + 1
    return SeriesLine(
        coin=coin,
        horizon=horizon,
        ticks=row["ticks"],
        missing=max(0, slots - row["ticks"]),
        tradable=row["tradable"],
        with_oracle=row["with_oracle"],
        mean_divergence_pct=row["mean_divergence"],
        max_divergence_pct=row["max_divergence"],
        mean_staleness_s=row["mean_staleness"],
        first_ms=row["first_ms"],
        last_ms=row["last_ms"],
    )


_PRICES: Final = (("exchange", "spot_price"), ("oracle", "chainlink_price"), ("average", "twap_price"))


async def accuracy(archive: Archive, from_ms: int) -> tuple[AccuracyLine, ...]:
    """Of windows that ended after ``from_ms`` and whose strike and outcome are known; a price at the strike says Up.

    Judged by the last tick under ``LAST_LOOK_S`` before the end that has the oracle's price: all sources by the same.
    ``average`` is the settlement stream's 60-second average.
    """
    right: dict[tuple[str, Coin], list[bool]] = {}
    for row in await archive.rows(_last_looks(from_ms)):
        for source, price in _PRICES:
            if row[price] is not None:
                side: Side = winning_side(row["start_price"], row[price])
                right.setdefault((source, row["crypto"]), []).append(side == row["outcome"])
    coins = dict.fromkeys(coin for coin, _ in SERIES)
    return tuple(
        _accuracy(source, coin, right[source, coin])
        for source, _ in _PRICES
        for coin in coins
        if (source, coin) in right
    )


def _accuracy(source: str, coin: Coin, verdicts: list[bool]) -> AccuracyLine:
    windows_judged, right = len(verdicts), sum(verdicts)
    return AccuracyLine(
        source=source,
        coin=coin,
        windows=windows_judged,
        right=right,
        rate=right / windows_judged,
        interval=wilson_interval(right, windows_judged),
    )


def _last_looks(from_ms: int) -> Select[tuple[object, ...]]:
    """A row a window: found along the primary key of ticks, not by reading them all."""
    tick, other = aliased(ticks), aliased(ticks)
    end_ms = window_end_s(windows.c.horizon, windows.c.epoch) * 1000
    last_ms = (
        select(func.max(other.c.timestamp_ms))
        .where(
            other.c.crypto == windows.c.crypto,
            other.c.horizon == windows.c.horizon,
            other.c.timestamp_ms > end_ms - LAST_LOOK_S * 1000,
            other.c.timestamp_ms < end_ms,
            other.c.chainlink_price.is_not(None),
        )
        .correlate(windows)
        .scalar_subquery()
    )
    same = and_(tick.c.crypto == windows.c.crypto, tick.c.horizon == windows.c.horizon, tick.c.timestamp_ms == last_ms)
    return (
        select(
            windows.c.crypto, windows.c.outcome, windows.c.start_price, tick.c.spot_price, tick.c.chainlink_price,
            tick.c.twap_price,
        )
        .select_from(windows)
        .join(tick, same)
        .where(windows.c.outcome.is_not(None), windows.c.start_price.is_not(None), end_ms > from_ms)
    )  # fmt: skip
