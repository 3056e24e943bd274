"""One window in full: how it went second by second, who traded in it, and what of it is missing."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, select

from polyterm.core.details import WindowLine, WindowTrade
from polyterm.core.gap import Gap
from polyterm.core.market import Coin, Horizon, MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.store.reports.archive import Archive, Row
from polyterm.store.schema import gaps, paper_trades, ticks, windows
from polyterm.store.tick_rows import tick_from_row

MAX_WINDOWS: Final = 200
MAX_TRADES: Final = 500
MAX_GAPS: Final = 100
_DEPTH: Final = ("up_book_depth", "down_book_depth")


async def newest_lines(archive: Archive, coin: Coin, horizon: Horizon, limit: int) -> tuple[WindowLine, ...]:
    """The newest windows of a series first, at most ``MAX_WINDOWS``."""
    query = (
        _lines(archive)
        .where(windows.c.crypto == coin, windows.c.horizon == horizon)
        .order_by(windows.c.epoch.desc())
        .limit(min(max(limit, 0), MAX_WINDOWS))
    )
    return tuple(_line(row) for row in await archive.rows(query))


async def window_line(archive: Archive, key: MarketKey) -> WindowLine:
    """With nothing but its key where nothing is stored."""
    column = windows.c
    query = _lines(archive).where(
        column.crypto == key.coin, column.horizon == key.horizon, column.epoch == key.epoch
    )  # fmt: skip
    rows = await archive.rows(query)
    return _line(rows[0]) if rows else WindowLine(key=key)


def _lines(archive: Archive) -> Select[Any]:
    return select(windows).with_only_columns(*archive.columns(windows))


async def window_ticks(archive: Archive, key: MarketKey) -> Sequence[Row]:
    """Every tick of the window, without depth, in their order; ``ticks_from_rows`` reads them."""
    column = ticks.c
    query = (
        select(ticks)
        .with_only_columns(*archive.columns(ticks, without=_DEPTH))
        .where(
            column.crypto == key.coin,
            column.horizon == key.horizon,
            column.timestamp_ms >= key.epoch * 1000,
            column.timestamp_ms < key.end * 1000,
        )
        .order_by(column.timestamp_ms)
    )
    return await archive.rows(query)


def ticks_from_rows(rows: Sequence[Row]) -> tuple[Tick, ...]:
    """It takes some 10 ms for a quarter of an hour."""
    without = dict.fromkeys(_DEPTH)
    return tuple(tick_from_row({**row, **without}) for row in rows)


async def window_trades(archive: Archive, key: MarketKey) -> tuple[WindowTrade, ...]:
    """The oldest first, at most ``MAX_TRADES``."""
    column = paper_trades.c
    query = (
        select(paper_trades)
        .where(column.crypto == key.coin, column.horizon == key.horizon, column.window_epoch == key.epoch)
        .order_by(column.entry_ms, column.id)
        .limit(MAX_TRADES)
    )
    return tuple(_trade(row) for row in await archive.rows(query))


async def window_gaps(archive: Archive, key: MarketKey) -> tuple[Gap, ...]:
    """Those that touch the window, the oldest first."""
    if not archive.holds(gaps):
        return ()
    column = gaps.c
    query = (
        select(gaps)
        .where(
            column.crypto == key.coin,
            column.horizon == key.horizon,
            column.from_ms < key.end * 1000,
            column.to_ms > key.epoch * 1000,
        )
        .order_by(column.from_ms, column.feed)
        .limit(MAX_GAPS)
    )
    return tuple(
        Gap(
            row["crypto"], row["horizon"], row["feed"], row["from_ms"], row["to_ms"], row["missing"], row["reason"]
        )
        for row in await archive.rows(query)
    )  # fmt: skip


def _line(row: Row) -> WindowLine:
    key = MarketKey(row["crypto"], row["horizon"], row["epoch"])
    strike = None
    if row["start_price"] is not None and row["strike_grade"] is not None:
        at_ms = key.epoch * 1000 if row["strike_at_ms"] is None else row["strike_at_ms"]
        strike = Reference(row["start_price"], row["strike_source"] or "", row["strike_grade"], at_ms)
    resolved_ms = row["resolved_ms"]
    return WindowLine(
        key=key,
        strike=strike,
        final_price=row["end_price"],
        outcome=row["outcome"],
        source=row["outcome_source"] or "",
        grade=row["outcome_grade"],
        delay_s=None if resolved_ms is None else (resolved_ms - key.end * 1000) / 1000,
        ticks=row["tick_count"],
        gaps=row["gap_count"],
        gap_s=row["gap_s"],
    )


def _trade(row: Row) -> WindowTrade:
    return WindowTrade(
        strategy=row["strategy_name"],
        side=row["side"],
        shares=row["shares"],
        entry_ms=row["entry_ms"],
        entry_price=row["entry_price"],
        reason=row["reason"],
        exit_ms=row["exit_ms"],
        exit_price=row["exit_price"],
        touch=row["pnl"],
        costed=row["costed_pnl"],
    )
