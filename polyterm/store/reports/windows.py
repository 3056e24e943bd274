"""Windows and how they ended."""

from typing import Final

import msgspec
from sqlalchemy import ColumnElement, func, select

from polyterm.core.market import Coin, Grade, Horizon, Side
from polyterm.store.reports.archive import Archive, Row, window_end_s
from polyterm.store.schema import windows

MAX_WINDOWS: Final = 1_000

_END_S: Final = window_end_s(windows.c.horizon, windows.c.epoch)


class WindowsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Windows that ended after ``after_ms`` and began before ``before_ms``."""

    coins: tuple[Coin, ...] | None = None
    horizon: Horizon | None = None
    after_ms: int | None = None
    before_ms: int | None = None
    resolved: bool | None = None


class WindowLine(msgspec.Struct, frozen=True, kw_only=True):
    """``start`` is the strike, ``end`` the final price; ``change_pct`` is percent of the strike.

    ``delay_s`` is how long after its end the newest outcome came, market seconds.
    """

    epoch: int
    coin: Coin
    horizon: Horizon
    start: float | None
    strike_source: str | None
    strike_grade: Grade | None
    end: float | None
    change_pct: float | None
    outcome: Side | None
    outcome_source: str | None
    outcome_grade: Grade | None
    delay_s: float | None
    opening_mid: float | None
    closing_mid: float | None
    high_mid: float | None
    low_mid: float | None
    ticks: int | None


class WindowsPage(msgspec.Struct, frozen=True, kw_only=True):
    windows: tuple[WindowLine, ...]
    offset: int
    total: int
    resolved: int


async def windows_page(archive: Archive, wanted: WindowsWanted, limit: int, offset: int = 0) -> WindowsPage:
    """Newest first, at most ``MAX_WINDOWS``; the counts are of all that was asked for."""
    counts = await archive.row(
        select(func.count().label("total"), func.count(windows.c.outcome).label("resolved")).where(*_conditions(wanted))
    )
    return WindowsPage(
        windows=await newest_windows(archive, wanted, min(max(limit, 0), MAX_WINDOWS), max(offset, 0)),
        offset=max(offset, 0),
        total=counts["total"],
        resolved=counts["resolved"],
    )


async def newest_windows(
    archive: Archive, wanted: WindowsWanted, limit: int, offset: int = 0
) -> tuple[WindowLine, ...]:  # fmt: skip
    column = windows.c
    query = (
        select(windows, _END_S.label("end_s"))
        .with_only_columns(*archive.columns(windows), _END_S.label("end_s"))
        .where(*_conditions(wanted))
        .order_by(column.epoch.desc(), column.crypto, column.horizon)
        .limit(limit)
        .offset(offset)
    )
    return tuple(_line(row) for row in await archive.rows(query))


def _conditions(wanted: WindowsWanted) -> list[ColumnElement[bool]]:
    column = windows.c
    found: list[ColumnElement[bool]] = []
    if wanted.coins is not None:
        found.append(column.crypto.in_(wanted.coins))
    if wanted.horizon is not None:
        found.append(column.horizon == wanted.horizon)
    if wanted.after_ms is not None:
        found.append(wanted.after_ms < _END_S * 1000)
    if wanted.before_ms is not None:
        found.append(column.epoch * 1000 < wanted.before_ms)
    if wanted.resolved is not None:
        found.append(column.outcome.is_not(None) if wanted.resolved else column.outcome.is_(None))
    return found


def _line(row: Row) -> WindowLine:
    start, end, resolved_ms = row["start_price"], row["end_price"], row["resolved_ms"]
    return WindowLine(
        epoch=row["epoch"],
        coin=row["crypto"],
        horizon=row["horizon"],
        start=start,
        strike_source=row["strike_source"],
        strike_grade=row["strike_grade"],
        end=end,
        change_pct=None if end is None or not start else (end - start) / start * 100,
        outcome=row["outcome"],
        outcome_source=row["outcome_source"],
        outcome_grade=row["outcome_grade"],
        delay_s=None if resolved_ms is None else (resolved_ms - row["end_s"] * 1000) / 1000,
        opening_mid=row["opening_up_price"],
        closing_mid=row["closing_up_price"],
        high_mid=row["high_up_price"],
        low_mid=row["low_up_price"],
        ticks=row["tick_count"],
    )
