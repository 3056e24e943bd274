"""What a database holds: its tables and their size, sessions, trades, windows and ticks."""

from typing import Final

import msgspec
from sqlalchemy import func, select

from polyterm.core.market import Coin, Horizon, Side
from polyterm.store.reports.archive import Archive
from polyterm.store.reports.collection import SeriesLine, series_lines
from polyterm.store.reports.trades import TradeLine, TradesWanted, newest_trades
from polyterm.store.reports.windows import WindowLine, WindowsWanted, newest_windows
from polyterm.store.schema import VERSION, metadata, open_positions, paper_trades, sessions, ticks, windows

LAST: Final = 10
LISTED: Final = 500
"""Open positions: more than every strategy in every market."""


class TableSize(msgspec.Struct, frozen=True):
    """``size_bytes`` counts indexes in; None where the database does not tell."""

    name: str
    rows: int
    size_bytes: int | None


class SessionLine(msgspec.Struct, frozen=True):
    """``started_ms`` is None where nobody knows: of adopted tables without rows."""

    session: str
    mode: str
    program: str
    started_ms: int | None
    ended_ms: int | None


class OpenPosition(msgspec.Struct, frozen=True):
    strategy: str
    coin: Coin
    horizon: Horizon
    window_epoch: int
    side: Side
    shares: float
    entry_price: float
    entry_ms: int
    reason: str
    session: str


class DatabaseStatus(msgspec.Struct, frozen=True, kw_only=True):
    """``version`` is of the schema found, ``program_version`` what this program would make of it.

    ``size_bytes`` is of the whole database. ``bytes_per_day`` is the size of ``ticks`` over the time that they cover,
    None below an hour. ``positions`` were ever opened, of which ``open_positions`` are not closed yet and the newest of
    them listed; a schema that does not tell has None and none.
    """

    version: int
    program_version: int
    dialect: str
    size_bytes: int
    bytes_per_day: float | None
    tables: tuple[TableSize, ...]
    sessions: tuple[SessionLine, ...]
    paper_trades: int
    last_trades: tuple[TradeLine, ...]
    positions: int
    open_positions: int | None
    newest_open: tuple[OpenPosition, ...]
    windows: int
    windows_resolved: int
    last_windows: tuple[WindowLine, ...]
    ticks: int
    series: tuple[SeriesLine, ...]


async def database_status(archive: Archive) -> DatabaseStatus:
    """Reads every tick once: some seconds where there are millions."""
    tables, size_bytes = await _tables(archive)
    rows = {table.name: table.rows for table in tables}
    series = await series_lines(archive)
    resolved = await archive.scalar(select(func.count(windows.c.outcome)))
    opened, newest_open = await _held(archive)
    of_ticks = next((table.size_bytes for table in tables if table.name == ticks.name), None)
    return DatabaseStatus(
        version=archive.version,
        program_version=VERSION,
        dialect=archive.dialect,
        size_bytes=size_bytes,
        bytes_per_day=_per_day(of_ticks, series),
        tables=tables,
        sessions=await _sessions(archive),
        paper_trades=rows[paper_trades.name],
        last_trades=await newest_trades(archive, TradesWanted(), LAST),
        positions=rows[paper_trades.name] + (opened or 0),
        open_positions=opened,
        newest_open=newest_open,
        windows=rows[windows.name],
        windows_resolved=resolved,
        last_windows=await newest_windows(archive, WindowsWanted(resolved=True), LAST),
        ticks=rows[ticks.name],
        series=series,
    )


async def _held(archive: Archive) -> tuple[int | None, tuple[OpenPosition, ...]]:
    if not archive.holds(open_positions):
        return None, ()
    column = open_positions.c
    query = (
        select(
            column.strategy_name.label("strategy"), column.crypto.label("coin"), column.horizon, column.window_epoch,
            column.side, column.shares, column.entry_price, column.entry_ms, column.entry_reason.label("reason"),
            column.session,
        )
        .order_by(column.entry_ms.desc(), column.strategy_name)
        .limit(LISTED)
    )  # fmt: skip
    number = await archive.scalar(select(func.count()).select_from(open_positions))
    return number, tuple(OpenPosition(**row) for row in await archive.rows(query))


async def _sessions(archive: Archive) -> tuple[SessionLine, ...]:
    column = sessions.c
    query = (
        select(column.session, column.mode, column.program, column.started_ms, column.ended_ms)
        .order_by(column.started_ms.desc())
        .limit(LAST)
    )
    return tuple(SessionLine(**{**row, "started_ms": row["started_ms"] or None}) for row in await archive.rows(query))


async def _tables(archive: Archive) -> tuple[tuple[TableSize, ...], int]:
    sizes, whole = await (_postgres_sizes(archive) if archive.dialect == "postgresql" else _sqlite_sizes(archive))
    found = []
    for table in metadata.sorted_tables:
        if archive.holds(table):
            rows = await archive.scalar(select(func.count()).select_from(table))
            found.append(TableSize(str(table.name), rows, sizes.get(table.name)))
    return tuple(found), whole


async def _postgres_sizes(archive: Archive) -> tuple[dict[str, int], int]:
    sizes = await archive.text(
        "SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c "
        "WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid)"
    )
    whole = await archive.text("SELECT pg_database_size(current_database()) AS bytes")
    return {row["name"]: row["bytes"] for row in sizes}, whole[0]["bytes"]


async def _sqlite_sizes(archive: Archive) -> tuple[dict[str, int], int]:
    """Sizes of tables need a virtual table that not every SQLite is built with."""
    whole = await archive.text("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size")
    built_in = await archive.text("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'")
    if not built_in:
        return {}, whole[0]["bytes"]
    sizes = await archive.text(
        "SELECT m.tbl_name AS name, SUM(s.pgsize) AS bytes FROM dbstat s JOIN sqlite_master m ON m.name = s.name "
        "WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
    )
    return {row["name"]: row["bytes"] for row in sizes}, whole[0]["bytes"]


def _per_day(size_bytes: int | None, series: tuple[SeriesLine, ...]) -> float | None:
    """Over the time that the ticks there are stand for; gaps do not thin it."""
    slots = sum(line.ticks for line in series)
    if size_bytes is None or not series or slots < 3_600 * len(series):
        return None
    return size_bytes / slots * 86_400 * len(series)
