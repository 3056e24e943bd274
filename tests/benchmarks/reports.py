"""How long every report takes on a million ticks. Run as ``python -m tests.benchmarks.reports``.

The database is made by SQL in half a minute: four coins, 250,000 seconds each, depth as large as a real one's, a window
every 900 s and 40 strategies that each traded every window of every coin. ``--db`` names another database instead, also
one on PostgreSQL; with ``--make`` it is filled first.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from polyterm.core.market import COINS
from polyterm.store.database import dispose, open_database, writing_engine
from polyterm.store.location import Location, locate
from polyterm.store.reports.archive import Archive, Archives
from polyterm.store.reports.export import parts
from polyterm.store.reports.health import health
from polyterm.store.reports.lines import json_objects
from polyterm.store.reports.review import review
from polyterm.store.reports.status import database_status
from polyterm.store.reports.trades import TradesWanted, trades_page
from polyterm.store.span import Span

SECONDS = 250_000
STRATEGIES = 40
EPOCH = 1_790_000_100
DEPTH = '{"bids": [[0.49, 120.0], [0.48, 330.0], [0.47, 1250.5], [0.46, 90.0], [0.45, 2000.0]], "asks": '
DEPTH += "[[0.51, 80.0], [0.52, 310.0], [0.53, 995.25], [0.54, 70.0], [0.55, 1500.0]]}"


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def fill(location: Location, seconds: int = SECONDS) -> None:
    """Make the tables and their rows."""
    await dispose(await open_database(location, busy_ms=1_000))
    engine = writing_engine(location, busy_ms=1_000)
    try:
        async with engine.begin() as connection:
            postgres = connection.dialect.name == "postgresql"
            for statement in _statements(seconds, postgres=postgres):
                await connection.exec_driver_sql(statement)
    finally:
        await dispose(engine)


_COUNTING = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {many}),
    names(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM names WHERE k + 1 < {strategies}),
    coins AS ({coins})
"""
_SESSION = """
INSERT INTO sessions (session, mode, program, platform, sizing, started_ms, started_at)
SELECT 's', 'PAPER', 'bench', 'none', 'shares', {first} * {thousand}, {at_first}
"""
_PING = """
INSERT INTO system_state (key, value, updated_at, updated_ms)
SELECT 'collector_health', '{{"timestamp" : {last}000, "inputs" : {seconds}}}', {at_first}, {last} * {thousand}
"""
_TICKS = """
INSERT INTO ticks (crypto, horizon, timestamp_ms, timestamp, session, made_ms, window_epoch, time_remaining_sec,
    up_bid, up_ask, up_mid, spot_price, chainlink_price, chainlink_staleness, price_divergence_pct, up_book_depth,
    down_book_depth)
SELECT coin, '15m', ({first} + i) * {thousand}, {at_tick}, 's', ({first} + i) * {thousand} + 12,
    {first} + i - i % 900, 900 - i % 900, 0.04 + (i % 900) * 0.001, 0.06 + (i % 900) * 0.001,
    0.05 + (i % 900) * 0.001, 100.0 + (i % 977) * 0.01, 99.98 + (i % 977) * 0.01, i % 30, 0.02, {depth}, {depth}
FROM n CROSS JOIN coins ORDER BY i, place
"""
_WINDOWS = """
INSERT INTO windows (crypto, horizon, epoch, session, start_price, end_price, outcome, outcome_source, outcome_grade,
    resolved_ms, opened_ms, created_at)
SELECT coin, '15m', {first} + i * 900, 's', 104.0, 104.0 + (i % 3 - 1) * 0.5,
    CASE WHEN i % 3 = 0 THEN 'down' ELSE 'up' END, 'bench', 'official', ({first} + i * 900 + 930) * {thousand},
    ({first} + i * 900) * {thousand}, {at_window}
FROM n CROSS JOIN coins
"""
_TRADES = """
INSERT INTO paper_trades (session, event_id, strategy_name, crypto, horizon, side, entry_time, exit_time, entry_ms,
    exit_ms, window_epoch, holding_time_ms, entry_price, exit_price, time_remaining_at_entry, shares, stake_usd, pnl,
    costed_pnl, costed_fee, reason, entry_reason)
SELECT 's', 's/' || i || '/' || k, 'Strategy_' || k, coin, '15m', 'up', {at_window}, {at_exit},
    ({first} + i * 900) * {thousand}, ({first} + i * 900 + 300 + k) * {thousand}, {first} + i * 900, 300000, 0.5, 0.6,
    900, 100, 50, (i + k) % 7 - 3, (i + k) % 7 - 4.75, 1.75, 'take_profit', 'lag'
FROM n CROSS JOIN coins CROSS JOIN names ORDER BY i, k
"""


def _statements(seconds: int, *, postgres: bool) -> list[str]:
    """Numbers grow by fixed steps, so that nothing has to be drawn by chance."""

    def stamp(unix_s: str) -> str:
        return f"to_timestamp({unix_s})" if postgres else f"datetime({unix_s}, 'unixepoch')"

    words = {
        "strategies": STRATEGIES,
        "coins": " UNION ALL ".join(f"SELECT '{coin}' AS coin, {place} AS place" for place, coin in enumerate(COINS)),
        "seconds": seconds,
        "first": EPOCH,
        "last": EPOCH + seconds,
        "thousand": "CAST(1000 AS BIGINT)",
        "depth": f"CAST('{DEPTH}' AS JSONB)" if postgres else f"'{DEPTH}'",
        "at_first": stamp(f"{EPOCH}"),
        "at_tick": stamp(f"{EPOCH} + i"),
        "at_window": stamp(f"{EPOCH} + i * 900"),
        "at_exit": stamp(f"{EPOCH} + i * 900 + 300 + k"),
    }
    of_ticks, of_windows = (_COUNTING.format(many=many, **words) for many in (seconds, seconds // 900))
    ticks, windows, trades = (statement.format(**words) for statement in (_TICKS, _WINDOWS, _TRADES))
    # SQLite wants the counting first, PostgreSQL takes it there as well
    return [
        _SESSION.format(**words), _PING.format(**words), of_ticks + ticks, of_windows + windows, of_windows + trades,
    ]  # fmt: skip


async def measure(location: Location) -> None:
    now_ms = (EPOCH + SECONDS) * 1000
    questions: dict[str, Callable[[Archive], Awaitable[object]]] = {
        "review 6": lambda archive: review(archive, now_ms, 6),
        "review 24": lambda archive: review(archive, now_ms, 24),
        "review 72 (everything)": lambda archive: review(archive, now_ms, 72),
        "health": lambda archive: health(archive, now_ms),
        "trades": lambda archive: trades_page(archive, TradesWanted(), 50),
        "db status": database_status,
    }
    archives = Archives.open(location)
    for name, question in questions.items():
        for run in ("first", "again"):
            began = time.perf_counter()
            async with archives.archive() as archive:
                await question(archive)
            tell(f"{name:<24} {run}  {time.perf_counter() - began:7.3f} s")
    await measure_export(archives)
    await archives.close()


async def measure_export(archives: Archives) -> None:
    """Memory after a tenth and at the end: flat is when they are equal."""
    began, rows, early_mb = time.perf_counter(), 0, 0.0
    async for part in parts(archives, "ticks", Span()):
        json_objects("ticks", part.rows)
        rows += len(part.rows)
        if not early_mb and part.share is not None and part.share >= 0.1:
            early_mb = memory_mb()
    took_s = time.perf_counter() - began
    tell(f"export of {rows:,} ticks     {took_s:7.1f} s, peak {early_mb:.0f} MB after a tenth, {memory_mb():.0f} MB")


def memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", help="a database that is there already")
    parser.add_argument("--make", action="store_true", help="fill --db first")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        name = arguments.db or str(Path(folder) / "reports.db")
        location = locate(name, Path(folder))
        if arguments.make or arguments.db is None:
            began = time.perf_counter()
            asyncio.run(fill(location))
            tell(f"made in {time.perf_counter() - began:.1f} s")
        asyncio.run(measure(location))


if __name__ == "__main__":
    main()
