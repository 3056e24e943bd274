"""The same operations on SQLite and on PostgreSQL leave the same rows, and the SQL that users know runs on them."""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from polyterm.core.event import (
    EventId,
    PositionOpened,
    StrikeSet,
    TradingStateChanged,
    WindowClosed,
    WindowSettled,
    WindowStarted,
    WindowStats,
)
from polyterm.core.market import GRADES, FeeSchedule, MarketKey, Reference
from polyterm.core.position import Position, Trade
from polyterm.store.database import asking, reading_engine
from polyterm.store.history import read_store
from polyterm.store.intake import Limits
from polyterm.store.location import Location, SqliteFile, locate
from polyterm.store.rows import SessionInfo
from polyterm.store.schema import metadata, schema_version
from polyterm.store.span import Span
from polyterm.store.store import Store
from tests.postgres import Cluster
from tests.store.builders import EPOCH, closed, corrected, early_exit, settled, taken, tick
from tests.store.databases import opened

KEYS = [MarketKey("btc", "15m", EPOCH), MarketKey("eth", "15m", EPOCH), MarketKey("btc", "5m", EPOCH + 300)]

finite = st.floats(allow_nan=False, allow_infinity=False)
price = st.none() | finite
keys = st.sampled_from(KEYS)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
levels = st.lists(st.tuples(finite, finite), max_size=3).map(tuple)
references = st.builds(Reference, finite, words, st.sampled_from(GRADES), st.none() | st.integers(0, 2**62))
ids = st.builds(EventId, st.just("s1"), st.integers(1, 40), st.integers(0, 2))
moments = st.integers(EPOCH * 1000, EPOCH * 1000 + 900_000)
ticks = st.builds(
    tick,
    st.integers(0, 5),
    keys,
    up_bid=price,
    up_ask=price,
    spot=price,
    spot_basis=st.none() | st.floats(-1, 1),
    twap=price,
    strike=st.none() | references,
    up_bids=levels,
    down_asks=levels,
    oracle_age_ms=st.none() | st.integers(-5, 10**12),
    spot_source=st.none() | words,
)
statistics = st.builds(WindowStats, st.integers(0, 900), st.integers(0, 900), *([price] * 7))
trades = st.one_of(
    st.builds(early_exit, words, st.integers(0, 3), keys, finite),
    st.builds(settled, words, st.integers(0, 3), keys, won=st.booleans(), grade=st.sampled_from(GRADES)),
)


def position_of(trade: Trade) -> Position:
    """What became that trade."""
    touch = trade.leg("touch")
    return Position(
        trade.strategy, trade.key, trade.side, trade.entry_ms, touch.entry_price, touch.shares, trade.entry_reason,
        trade.strength, trade.entry, trade.strike, trade.strike_grade, trade.legs, 0.0,
    )  # fmt: skip


events = st.one_of(
    st.builds(PositionOpened, ids, moments, trades.map(position_of)),
    st.builds(WindowStarted, ids, moments, keys, st.none() | references, st.builds(FeeSchedule, finite, finite)),
    st.builds(StrikeSet, ids, moments, keys, references),
    st.builds(WindowClosed, ids, moments, keys, st.none() | references, st.none() | references, statistics, st.just(0)),
    st.builds(
        WindowSettled, ids, moments, keys, st.sampled_from(["up", "down"]), st.sampled_from(GRADES), words, price,
        st.booleans(),
    ),
    st.builds(closed, st.integers(1, 9), trades),
    st.builds(lambda number, pair: corrected(number, *pair), st.integers(1, 9), st.tuples(trades, trades)),
    st.builds(TradingStateChanged, ids, moments, st.just("RUNNING"), st.just("PAUSED"), words, words, words, words),
)  # fmt: skip
operations = st.lists(ticks | st.lists(events, min_size=1, max_size=3), max_size=12)


async def put(location: Location, done: Sequence[Any], session: str = "s1", limits: Limits | None = None) -> None:
    info = SessionInfo(id=session, started_ms=EPOCH * 1000 - 5_000, strategies=("a", "b"))
    store = await Store.open(location, session=info, on_durable=lambda _: None, limits=limits)
    writing = asyncio.create_task(store.run())
    for number, one in enumerate(done, 1):
        if isinstance(one, list):
            store.submit(taken(number=number), one)
        else:
            store.submit(taken(one, number))
    store.put_state("note", msgspec.json.encode({"n": len(done)}).decode(), EPOCH * 1000)
    await store.close()
    await writing


async def contents(location: Location) -> dict[str, list[dict[str, Any]]]:
    engine = reading_engine(location, connections=1)
    found = {}
    async with asking(engine) as connection:
        for table in metadata.sorted_tables:
            if table is not schema_version:
                rows = (await connection.execute(select(table).order_by(*table.primary_key.columns))).mappings()
                found[table.name] = [{name: plain(name, value) for name, value in row.items()} for row in rows]
    await engine.dispose()
    return found


def plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    # PostgreSQL writes a large number of a JSON text with all its digits.
    return json.loads(value, parse_int=float) if name.endswith("_depth") and value is not None else value


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a second each, too slow to look for a smaller one
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(done=operations, again=st.booleans())
def test_the_same_operations_leave_the_same_rows(
    postgres: str, cluster: Cluster, tmp_path: Path, done: list[Any], again: bool
) -> None:
    emptied = ", ".join(name for name in metadata.tables if name != schema_version.name)
    asyncio.run(opened(locate(postgres, tmp_path)))
    cluster.sql(f"TRUNCATE {emptied} RESTART IDENTITY", postgres.rpartition("/")[2])
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        places = [SqliteFile(Path(folder) / "a.db"), locate(postgres, Path(folder))]
        for place in places:
            asyncio.run(put(place, done))
            if again:  # what has an unknown fate is simply written once more
                asyncio.run(put(place, done))
        file, server = (asyncio.run(contents(place)) for place in places)
        assert file == server
        assert list(read_store(places[0], Span())) == list(read_store(places[1], Span()))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=operations, batch=st.integers(1, 5))
def test_what_came_by_way_of_the_spool_leaves_the_same_rows(
    postgres: str, cluster: Cluster, tmp_path: Path, done: list[Any], batch: int
) -> None:
    cluster.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", postgres.rpartition("/")[2])
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        file, server = SqliteFile(Path(folder) / "a.db"), locate(postgres, Path(folder))
        asyncio.run(put(file, done))
        # Nothing is fast enough to go straight to the server.
        asyncio.run(put(server, done, limits=Limits(direct_s=0.0, hold_s=0.0, batch=batch, retry_s=0.001)))
        assert asyncio.run(contents(file)) == asyncio.run(contents(server))


PERFORMANCE = (
    "SELECT strategy_name, COUNT(*) as trades, SUM(CASE WHEN pnl > 0 THEN 1 ELSE 0 END) as wins, "
    "ROUND(SUM(pnl)::numeric, 2) as total_pnl, "
    "ROUND((SUM(CASE WHEN pnl > 0 THEN 1 ELSE 0 END)::float / COUNT(*) * 100)::numeric, 1) as win_rate "
    "FROM paper_trades WHERE exit_time > NOW() - INTERVAL '24 hours' GROUP BY strategy_name ORDER BY total_pnl DESC;"
)
LAST = (
    "SELECT exit_time, strategy_name, crypto, side, ROUND(pnl::numeric, 2) as pnl, outcome FROM paper_trades "
    "ORDER BY exit_time DESC LIMIT 20;"
)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_documented_questions_run_as_written_in_any_time_zone(
    postgres: str, cluster: Cluster, tmp_path: Path, zone: str
) -> None:
    now_s = int(datetime.now(UTC).timestamp())
    recent = MarketKey("btc", "15m", now_s - now_s % 900 - 900)
    # Inside the 24 hours by a few hours only, and outside by a few: a wrong zone would move them over the edge.
    inside = MarketKey("btc", "15m", recent.epoch - 20 * 3600)
    outside = MarketKey("btc", "15m", recent.epoch - 28 * 3600)
    done = [
        [closed(1, early_exit("A", key=recent, pnl=12.345)), closed(2, early_exit("A", key=inside, pnl=-1.0))],
        [closed(3, early_exit("B", key=recent, pnl=0.0)), closed(4, early_exit("C", key=outside, pnl=99.0))],
        [closed(5, settled("B", key=inside))],
    ]
    asyncio.run(put(locate(postgres, tmp_path), done))
    name = postgres.rpartition("/")[2]
    told = cluster.sql(f"SET TIME ZONE '{zone}'; {PERFORMANCE}", name)
    assert told.splitlines() == ["B|2|1|60.00|50.0", "A|2|1|11.35|50.0"]
    last = [line.split("|") for line in cluster.sql(f"SET TIME ZONE '{zone}'; {LAST}", name).splitlines()]
    assert [line[1:] for line in last] == [
        ["A", "btc", "up", "12.35", ""],
        ["B", "btc", "up", "0.00", ""],
        ["B", "btc", "up", "60.00", "up"],
        ["A", "btc", "up", "-1.00", ""],
        ["C", "btc", "up", "99.00", ""],
    ]
    assert datetime.fromisoformat(last[0][0]).timestamp() == recent.epoch + 300
