"""Whole tables as streams of rows, part by part, so that memory does not grow with what is read.

Every part is a question of its own: an export of hours holds no transaction open on a database that an engine writes.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Double,
    Integer,
    Select,
    Table,
    func,
    select,
    tuple_,
    union_all,
)

from polyterm.core.market import COINS, HORIZONS, Horizon
from polyterm.store.reports.archive import Archive, Archives, Series, window_end_s
from polyterm.store.schema import paper_trades, ticks, windows
from polyterm.store.span import Span

What = Literal["ticks", "trades", "windows"]
WHATS: Final[tuple[What, ...]] = get_args(What)
Kind = Literal["whole", "real", "text", "time", "json"]

PART_MS: Final = 900_000
"""Of ticks at once: 3,600 of four series."""

PART_ROWS: Final = 2_000

_TABLES: Final[dict[What, Table]] = {"ticks": ticks, "trades": paper_trades, "windows": windows}
# A tick's place among the inputs of its session means nothing elsewhere.
_WITHOUT: Final = ("input_number", "input_ms")

ExportedRow = dict[str, Any]


class Part(msgspec.Struct, frozen=True):
    """``share`` of the export is done with these rows, where that can be told: 0 to 1."""

    rows: Sequence[ExportedRow]
    share: float | None


def columns(what: What) -> dict[str, Kind]:
    """Names and kinds, in the order in which rows have them. Times are UTC, ``json`` is text."""
    return {column.name: _kind(column) for column in _TABLES[what].c if column.name not in _WITHOUT}


def _kind(column: Column[Any]) -> Kind:
    if isinstance(column.type, DateTime):
        return "time"
    if isinstance(column.type, BigInteger | Integer):
        return "whole"
    if isinstance(column.type, Double):
        return "real"
    return "json" if column.name.endswith("_depth") else "text"


async def parts(archives: Archives, what: What, span: Span) -> AsyncIterator[Part]:
    """Ticks in order of time, trades as they closed, windows that lie in the span with any part, in order of time.

    Raises:
        ConfigError, StoreError: as ``Archives.archive``.
    """
    streams = {"ticks": tick_parts, "trades": _trade_parts, "windows": _window_parts}
    async for part in streams[what](archives, span):
        yield part


async def tick_parts(
    archives: Archives, span: Span, part_ms: int = PART_MS, horizons: tuple[Horizon, ...] = HORIZONS
) -> AsyncGenerator[Part, None]:  # fmt: skip
    """In parts of ``part_ms`` market time, aligned to it."""
    async with archives.archive() as archive:
        ends = await archive.ends()
    series = [(coin, horizon) for coin in span.coins or COINS for horizon in horizons]
    wanted = [ends[each] for each in series if each in ends]
    begin_ms = max(span.from_ms or 0, min((first for first, _ in wanted), default=0))
    end_ms = max((newest for _, newest in wanted), default=-1) + 1
    end_ms = end_ms if span.to_ms is None else min(end_ms, span.to_ms)
    from_ms: int | None = begin_ms
    while from_ms is not None and from_ms < end_ms:
        until_ms = min(from_ms - from_ms % part_ms + part_ms, end_ms)
        async with archives.archive() as archive:
            rows = await _rows(archive, "ticks", _ticks_between(archive, series, from_ms, until_ms))
            from_ms = until_ms if rows else await _next_ms(archive, series, until_ms)
        if rows:
            yield Part(rows, (until_ms - begin_ms) / (end_ms - begin_ms))


def _ticks_between(archive: Archive, series: Sequence[Series], from_ms: int, until_ms: int) -> Select[Any]:
    column = ticks.c
    return (
        select(*archive.columns(ticks, _WITHOUT))
        .where(
            column.crypto.in_({coin for coin, _ in series}),
            column.horizon.in_({horizon for _, horizon in series}),
            column.timestamp_ms >= from_ms,
            column.timestamp_ms < until_ms,
        )
        .order_by(column.timestamp_ms, column.crypto, column.horizon)
    )


async def _next_ms(archive: Archive, series: Sequence[Series], from_ms: int) -> int | None:
    """The first tick from there on, found along the primary key however long the gap is."""
    of_series = [
        select(func.min(ticks.c.timestamp_ms).label("at_ms")).where(
            ticks.c.crypto == coin, ticks.c.horizon == horizon, ticks.c.timestamp_ms >= from_ms
        )
        for coin, horizon in series
    ]
    found: int | None = await archive.scalar(select(func.min(union_all(*of_series).subquery().c.at_ms)))
    return found


async def _trade_parts(archives: Archives, span: Span) -> AsyncIterator[Part]:
    column = paper_trades.c
    conditions = _coins(paper_trades, span)
    if span.from_ms is not None:
        conditions.append(column.exit_ms >= span.from_ms)
    if span.to_ms is not None:
        conditions.append(column.exit_ms < span.to_ms)
    after = 0
    while True:
        async with archives.archive() as archive:
            query = select(*archive.columns(paper_trades)).where(*conditions, column.id > after)
            rows = await _rows(archive, "trades", query.order_by(column.id).limit(PART_ROWS))
        if not rows:
            return
        after = rows[-1]["id"]
        yield Part(rows, None)


async def _window_parts(archives: Archives, span: Span) -> AsyncIterator[Part]:
    column = windows.c
    conditions = _coins(windows, span)
    if span.from_ms is not None:
        conditions.append(window_end_s(column.horizon, column.epoch) * 1000 > span.from_ms)
    if span.to_ms is not None:
        conditions.append(column.epoch * 1000 < span.to_ms)
    place = tuple_(column.epoch, column.crypto, column.horizon)
    after = (0, "", "")
    while True:
        async with archives.archive() as archive:
            query = select(*archive.columns(windows)).where(*conditions, place > after)
            ordered = query.order_by(column.epoch, column.crypto, column.horizon).limit(PART_ROWS)
            rows = await _rows(archive, "windows", ordered)
        if not rows:
            return
        after = (rows[-1]["epoch"], rows[-1]["crypto"], rows[-1]["horizon"])
        yield Part(rows, None)


def _coins(table: Table, span: Span) -> list[ColumnElement[bool]]:
    return [] if span.coins is None else [table.c.crypto.in_(span.coins)]


async def _rows(archive: Archive, what: What, query: Select[Any]) -> list[ExportedRow]:
    kinds = columns(what)
    times = [name for name, kind in kinds.items() if kind == "time"]
    nested = [name for name, kind in kinds.items() if kind == "json"]
    found = [dict(row) for row in await archive.rows(query)]
    for row in found:
        for name in times:
            row[name] = _utc(row[name])
        for name in nested:
            row[name] = _json_text(row[name])
    return found


def _utc(value: datetime | None) -> datetime | None:
    """SQLite gives UTC without saying so, PostgreSQL the zone of its session."""
    if value is None:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _json_text(value: str | Mapping[str, Any] | None) -> str | None:
    """PostgreSQL keeps it taken apart."""
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
