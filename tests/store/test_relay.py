"""Rows on their way to a real PostgreSQL that is stopped, frozen and started."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from polyterm.errors import ConfigError, LeaseLost, StoreError
from polyterm.store.intake import Limits
from polyterm.store.location import PostgresServer, locate
from polyterm.store.relay import REFUSED_SUFFIX, SPOOL_SUFFIX, Relay
from polyterm.store.store import Store
from tests.postgres import Cluster
from tests.store.builders import EPOCH, SESSION, closed, corrected, early_exit, settled, taken, tick
from tests.store.conftest import Announced
from tests.waiting import eventually

QUICK = Limits(
    batch_s=0.02, retry_s=0.01, retry_max_s=0.05, failed_after_s=0.1, close_s=2.0, open_s=2.0, direct_s=0.5, hold_s=0.05
)


@pytest.fixture
def server(postgres: str, tmp_path: Path) -> PostgresServer:
    found = locate(postgres, tmp_path / "data")
    assert isinstance(found, PostgresServer)
    return found


@pytest.fixture
def stopped(cluster: Cluster) -> Iterator[Cluster]:
    """Stopped by the test; runs again for the next one."""
    yield cluster
    cluster.thaw()
    cluster.start()


@asynccontextmanager
async def writing(
    server: PostgresServer, announced: Announced, limits: Limits = QUICK, **options: Any
) -> AsyncIterator[Store]:
    session = msgspec.structs.replace(SESSION, id=options.pop("session", "s1"), started_ms=options.pop("started_ms", 1))
    store = await Store.open(server, session=session, on_durable=announced, limits=limits, **options)
    task = asyncio.create_task(store.run())
    try:
        yield store
    finally:
        await store.close()
        with suppress(LeaseLost):
            await task


def relay(store: Store) -> Relay:
    assert isinstance(store._target, Relay)
    return store._target


def asked(cluster: Cluster, server: PostgresServer, sql: str) -> str:
    return cluster.sql(sql, server.database)


def feed(store: Store, *numbers: int) -> None:
    for number in numbers:
        store.submit(taken(tick(number), number), [closed(number, early_exit(second=number))])


def told(announced: Announced) -> list[int]:
    return [event.id.input for event in announced.events]


async def test_an_event_is_announced_when_its_row_is_on_the_server(
    cluster: Cluster, server: PostgresServer, announced: Announced
) -> None:
    seen: list[str] = []
    question = "SELECT (SELECT count(*) FROM ticks), (SELECT count(*) FROM paper_trades)"
    announced.hook = lambda _: seen.append(asked(cluster, server, question))
    async with writing(server, announced) as store:
        store.submit(taken(tick(1)))
        feed(store, 2)
        await eventually(lambda: told(announced) == [2])
        assert store.status == ("ok", "", 0, 0, 0.0)
    assert seen == ["2|1"]
    assert not list(server.folder.glob("*.spool.db*"))


async def test_a_commit_waits_for_the_disk_of_the_server_whatever_its_default(
    cluster: Cluster, server: PostgresServer, announced: Announced
) -> None:
    asked(cluster, server, f"ALTER DATABASE {server.database} SET synchronous_commit TO off")
    for pooled in (False, True):
        async with writing(msgspec.structs.replace(server, pooled=pooled), announced) as store:
            engine = relay(store)._engine
            assert engine is not None
            async with engine.begin() as connection:
                assert await connection.scalar(text("SHOW synchronous_commit")) == "on"


async def test_while_the_server_is_away_rows_are_durable_here_and_then_come_in_order_and_once(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    async with writing(server, announced) as store:
        feed(store, 1)
        await eventually(lambda: told(announced) == [1])
        stopped.stop("immediate")
        feed(store, *range(2, 12))
        store.put_state("mood", '"first"', 5)
        await eventually(lambda: store.status.spool_rows == 21)
        assert told(announced) == list(range(1, 12))
        store.put_state("mood", '"second"', 6)
        await eventually(lambda: store.status.spool_rows == 22)
        state, reason, pending, rows, age_s = store.status
        assert (state, pending, rows) == ("slow", 0, 22)
        away = "The server is away: the server refuses connections."
        assert reason == f"{away} 22 rows wait in the spool, the oldest for 0 s."
        assert 0 < age_s < 10
        stopped.start()
        await eventually(lambda: store.status == ("ok", "", 0, 0, 0.0))
        feed(store, 12)
        await eventually(lambda: told(announced) == list(range(1, 13)))
    stored = asked(stopped, server, "SELECT string_agg(entry_ms::text, ',' ORDER BY id) FROM paper_trades")
    assert stored == ",".join(str((EPOCH + second) * 1000) for second in range(1, 13))
    assert asked(stopped, server, "SELECT count(*) FROM ticks") == "12"
    assert asked(stopped, server, "SELECT value FROM system_state WHERE key = 'mood'") == '"second"'


async def test_a_server_that_does_not_answer_delays_one_commit_and_then_none(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    loop = asyncio.get_running_loop()
    async with writing(server, announced) as store:
        feed(store, 1)
        await eventually(lambda: told(announced) == [1])
        stopped.freeze()
        began = loop.time()
        feed(store, 2)
        await eventually(lambda: told(announced) == [1, 2])
        assert loop.time() - began < 1.5
        began = loop.time()
        feed(store, 3)
        await eventually(lambda: told(announced) == [1, 2, 3])
        assert loop.time() - began < 0.4
        assert store.status.reason.startswith("The server is away: the server does not answer.")
        stopped.thaw()
        await eventually(lambda: store.status.state == "ok")
    assert asked(stopped, server, "SELECT count(*), count(DISTINCT entry_ms) FROM paper_trades") == "3|3"


async def test_a_start_without_the_server_collects_and_the_rest_of_the_last_run_comes_first(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    """Not even the tables are there: the server was never seen."""
    stopped.stop()
    async with writing(server, announced, session="first", started_ms=1) as store:
        feed(store, 1, 2)
        await eventually(lambda: told(announced) == [1, 2])
    async with writing(server, announced, session="second", started_ms=2) as store:
        store.submit(taken(tick(3)), [closed(3, early_exit(second=3), "second")])
        await eventually(lambda: told(announced) == [1, 2, 3])
        assert "cannot be opened: the server refuses connections" in store.status.reason
        assert store.status.spool_rows == 9  # two sessions, an end, and what was fed
        stopped.start()
        await eventually(lambda: store.status.state == "ok")
    sessions = asked(stopped, server, "SELECT session, predecessor, ended_ms FROM sessions ORDER BY started_ms")
    assert sessions.split() == [f"first||{(EPOCH + 2) * 1000}", f"second|first|{(EPOCH + 3) * 1000}"]
    assert asked(stopped, server, "SELECT string_agg(session, ' ' ORDER BY id) FROM paper_trades") == "s1 s1 second"


async def test_a_start_with_a_server_that_does_not_answer_waits_for_it_in_the_background(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    stopped.freeze()
    limits = msgspec.structs.replace(QUICK, open_s=0.2)
    async with writing(server, announced, limits) as store:
        feed(store, 1)
        await eventually(lambda: told(announced) == [1])
        stopped.thaw()
        await eventually(lambda: store.status.state == "ok")
    assert asked(stopped, server, "SELECT count(*) FROM ticks") == "1"


async def test_tables_that_are_gone_are_made_again(
    cluster: Cluster, server: PostgresServer, announced: Announced
) -> None:
    """The server was set up anew, or from a copy."""
    async with writing(server, announced) as store:
        feed(store, 1)
        await eventually(lambda: told(announced) == [1])
        asked(cluster, server, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        feed(store, 2)
        await eventually(lambda: told(announced) == [1, 2] and store.status.state == "ok")
    assert asked(cluster, server, "SELECT count(*) FROM ticks") == "1"


async def test_a_spool_that_is_damaged_is_put_aside(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    spool = server.beside(SPOOL_SUFFIX)
    spool.write_text("dear diary, " * 1000)
    stopped.stop()
    async with writing(server, announced) as store:
        feed(store, 1)
        await eventually(lambda: told(announced) == [1])
        assert store.status.spool_rows == 3
        assert "Rows of an earlier run cannot be read and lie in" in store.status.reason
    (aside,) = spool.parent.glob(f"{spool.name}.damaged-*")
    assert aside.read_text().startswith("dear diary")


async def test_a_damaged_part_of_the_spool_does_not_stop_delivery_and_is_told(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    stopped.stop()
    async with writing(server, announced) as store:
        feed(store, 1)
        await eventually(lambda: told(announced) == [1])
        with closing(sqlite3.connect(server.beside(SPOOL_SUFFIX))) as other, other:
            other.execute("UPDATE spool SET lines = x'00' WHERE seq = (SELECT MAX(seq) FROM spool)")
        feed(store, 2)
        await eventually(lambda: told(announced) == [1, 2])
        stopped.start()
        await eventually(lambda: not store.status.spool_rows, 20)
        assert store.status.state == "failed"
        assert "rows of the spool cannot be read and lie in" in store.status.reason
    assert asked(stopped, server, "SELECT timestamp_ms FROM ticks") == str(tick(2).at_ms)


async def test_what_was_delivered_and_not_yet_dropped_is_delivered_again_without_a_trace(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    def everything() -> list[str]:
        tables = ("ticks", "inputs", "paper_trades", "trade_corrections", "system_state")
        return [asked(stopped, server, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables]

    spool, kept = server.beside(SPOOL_SUFFIX), server.folder / "kept"
    stopped.stop()
    async with writing(server, announced) as store:
        before, after = settled(), settled(won=False)
        store.submit(taken(tick(1)), [closed(1, before), closed(2, early_exit())])
        store.submit(taken(number=2), [corrected(3, before, after)])
        store.submit(taken(number=3), [corrected(4, after, before)])
        store.put_state("mood", '"good"', 5)
        await eventually(lambda: len(announced.events) == 4 and not store.pending)
    shutil.copy(spool, kept)
    stopped.start()
    async with writing(server, announced, session="next") as store:
        await eventually(lambda: store.status.state == "ok")
    once = everything()
    shutil.copy(kept, spool)
    async with writing(server, announced, session="third") as store:
        assert store.status.spool_rows or store.status.state == "ok"
        await eventually(lambda: store.status == ("ok", "", 0, 0, 0.0))
    assert everything() == once
    assert asked(stopped, server, "SELECT pnl FROM paper_trades WHERE outcome IS NOT NULL") == "60"
    assert asked(stopped, server, "SELECT count(*) FROM trade_corrections") == "2"


async def test_a_row_that_no_server_takes_is_set_aside_and_holds_up_nothing(
    cluster: Cluster, server: PostgresServer, announced: Announced
) -> None:
    async with writing(server, announced) as store:
        names = ["A", "B", "bad\0name", "C"]
        store.submit(taken(tick(1)), [closed(k, early_exit(name)) for k, name in enumerate(names)])
        await eventually(lambda: len(announced.events) == 4)
        aside = server.beside(REFUSED_SUFFIX)
        await eventually(lambda: store.status[:2] == ("failed", f"1 rows were refused and lie in {aside}."))
    (kept,) = map(json.loads, aside.read_text().splitlines())
    assert (kept["kind"], kept["row"]["strategy_name"]) == ("trade", "bad\0name")
    assert "Unicode" in kept["why"]
    assert asked(cluster, server, "SELECT string_agg(strategy_name, ' ' ORDER BY id) FROM paper_trades") == "A B C"
    assert asked(cluster, server, "SELECT count(*) FROM ticks") == "1"


async def test_a_spool_that_cannot_be_written_is_an_alarm_and_what_waits_goes_straight_to_the_server(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    alarms: list[str] = []
    async with writing(server, announced, on_alarm=alarms.append) as store:
        stopped.stop("immediate")
        server.beside(SPOOL_SUFFIX).mkdir()
        feed(store, *range(5))
        await eventually(lambda: alarms)
        await eventually(lambda: store.status.state == "failed")
        assert store.status.reason == "Writing waits: the database file cannot be opened."
        assert (told(announced), store.pending) == ([], 10)
        stopped.start()
        await eventually(lambda: store.status == ("ok", "", 0, 0, 0.0))
    assert alarms == ["the database file cannot be opened"]
    assert told(announced) == list(range(5))
    assert asked(stopped, server, "SELECT count(*) FROM paper_trades") == "5"


async def test_the_spool_of_one_database_is_not_delivered_to_another(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    other = msgspec.structs.replace(server, database=stopped.create())
    stopped.stop()
    async with writing(server, announced) as store:
        feed(store, 1)
        await eventually(lambda: told(announced) == [1])
    stopped.start()
    async with writing(other, announced, session="else") as store:
        assert store.status.spool_rows == 0
        feed(store, 2)
        await eventually(lambda: told(announced) == [1, 2])
    assert asked(stopped, other, "SELECT session FROM sessions") == "else"
    async with writing(server, announced, session="next") as store:
        await eventually(lambda: store.status == ("ok", "", 0, 0, 0.0))
    assert asked(stopped, server, "SELECT count(*) FROM ticks") == "1"


async def test_a_writer_that_was_replaced_writes_no_more_and_says_so(
    cluster: Cluster, server: PostgresServer, announced: Announced
) -> None:
    lost = False

    async def guard(_: object) -> None:
        if lost:
            raise LeaseLost("Somebody else writes.")

    store = await Store.open(server, session=SESSION, on_durable=announced, limits=QUICK, guard=guard)
    task = asyncio.create_task(store.run())
    feed(store, 1)
    await eventually(lambda: told(announced) == [1])
    lost = True
    feed(store, 2)
    with pytest.raises(LeaseLost, match="Somebody else writes"):
        await task
    await store.close()
    assert told(announced) == [1]
    assert asked(cluster, server, "SELECT count(*) FROM ticks") == "1"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"database": "nowhere"}, "the server has no database of that name"),
        ({"user": "guarded", "password": "wrong"}, "the server does not accept the user and the password"),
    ],
)
async def test_a_server_that_answers_and_refuses_is_a_mistake_and_no_outage(
    server: PostgresServer, announced: Announced, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        await Store.open(
            msgspec.structs.replace(server, **changes), session=SESSION, on_durable=announced, limits=QUICK
        )
    assert not list(server.folder.glob("*.spool.db*"))


async def test_neither_a_server_nor_room_for_a_spool_is_said(
    stopped: Cluster, server: PostgresServer, announced: Announced
) -> None:
    stopped.stop()
    server.beside(SPOOL_SUFFIX).mkdir()
    with pytest.raises(StoreError, match=r"spool .* cannot be written: the database file cannot be opened"):
        await Store.open(server, session=SESSION, on_durable=announced, limits=QUICK)
