import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen

from polyterm.core.event import CommandRefused, EventId, WindowClosed, WindowStats
from polyterm.core.market import Reference
from polyterm.errors import StoreError
from polyterm.store.rows import SessionInfo
from polyterm.store.store import Limits, Store
from tests.store.builders import EPOCH, KEY, SESSION, closed, corrected, early_exit, rows, settled, taken, tick
from tests.store.conftest import QUICK
from tests.waiting import eventually


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process (here: another connection) holds the write lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def count(path: Path, table: str) -> int:
    return rows(path, f"SELECT COUNT(*) AS n FROM {table}")[0]["n"]


async def test_an_event_is_announced_only_when_others_can_read_its_row(open_store, path, announced):
    seen = []
    announced.hook = lambda events: seen.append(
        (len(events), count(path, "paper_trades"), count(path, "trade_corrections"), count(path, "ticks"))
    )
    store = await open_store()
    store.submit(taken(tick(1)), [closed(1, settled())])
    await eventually(lambda: len(announced.events) == 1)
    store.submit(taken(tick(2)))
    store.submit(taken(tick(3)), [corrected(2, settled(), settled(won=False))])
    await eventually(lambda: len(announced.events) == 2)
    assert seen[0] == (1, 1, 0, 1)
    assert seen[1] == (1, 1, 1, 3)


async def test_an_event_without_a_row_is_announced_in_its_place(open_store, announced):
    store = await open_store()
    refused = CommandRefused(EventId("s1", 2, 0), EPOCH * 1000, "c1", "ann", "console", "already paused")
    events = [closed(1, early_exit()), refused, closed(3, early_exit(second=5))]
    store.submit(taken(), events)
    await eventually(lambda: len(announced.events) == 3)
    assert announced.events == events


async def test_writes_reach_the_disk_before_a_commit_returns(open_store, path):
    store = await open_store()
    async with store._target.engine.connect() as connection:
        assert await connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert await connection.scalar(text("PRAGMA journal_mode")) == "wal"
    assert rows(path, "PRAGMA journal_mode") == [{"journal_mode": "wal"}]


async def test_ticks_of_one_second_share_a_commit(open_store, path):
    commits = []
    store = await open_store(Limits(batch_s=0.1))
    listen(store._target.engine.sync_engine, "commit", commits.append)
    for second in range(60):
        store.submit(taken(tick(second)))
        await asyncio.sleep(0)
    assert store.status[:3] == ("ok", "", 60)
    assert commits == []
    await eventually(lambda: store.pending == 0)
    assert len(commits) == 1
    assert count(path, "ticks") == 60


async def test_submitting_the_same_again_changes_nothing(open_store, path):
    store = await open_store()
    before, after = settled(), settled(won=False)
    everything = [closed(1, before), closed(2, early_exit()), corrected(3, before, after)]

    def state() -> list[list[dict[str, object]]]:
        return [rows(path, f"SELECT * FROM {table}") for table in ("ticks", "paper_trades", "trade_corrections")]

    store.submit(taken(tick()), everything)
    await eventually(lambda: store.pending == 0)
    once = state()
    store.submit(taken(tick()), everything)
    store.submit(taken(tick()), everything[:1])
    await eventually(lambda: store.pending == 0)
    assert state() == once
    assert [len(table) for table in once] == [1, 2, 1]


async def test_the_same_trade_in_another_session_is_another_row(open_store, path):
    store = await open_store()
    store.submit(taken(), [closed(1, settled()), closed(1, settled(), session="s2")])
    await store.close()
    assert rows(path, "SELECT session FROM paper_trades ORDER BY id") == [{"session": "s1"}, {"session": "s2"}]


async def test_a_locked_database_delays_but_loses_nothing(open_store, path, announced):
    store = await open_store()
    with locked(path):
        for second in range(20):
            store.submit(taken(tick(second)), [closed(second, early_exit(second=second))])
        store.put_state("collector_health", "{}", EPOCH * 1000)
        await eventually(lambda: store.status.state == "slow")
        assert store.status[:3] == ("slow", "Writing waits: the database is locked by another process.", 41)
        await eventually(lambda: store.status.state == "failed")
        assert announced.events == []
    await eventually(lambda: store.status[:3] == ("ok", "", 0))
    assert [event.id.input for event in announced.events] == list(range(20))
    stored = rows(path, "SELECT entry_ms FROM paper_trades ORDER BY id")
    assert [row["entry_ms"] for row in stored] == [(EPOCH + second) * 1000 for second in range(20)]
    assert count(path, "ticks") == 20
    assert count(path, "system_state") == 1


async def test_submitting_takes_no_longer_while_the_database_is_locked(open_store, path):
    store = await open_store(Limits(batch_s=0.01, busy_ms=10_000))
    loop = asyncio.get_running_loop()
    with locked(path):
        store.submit(taken(tick(0)), [closed(0, early_exit())])
        await eventually(store._writing.locked)
        started = loop.time()
        for second in range(1, 200):
            store.submit(taken(tick(second)), [closed(second, early_exit(second=second))])
        await asyncio.sleep(0)
        assert loop.time() - started < 0.5
    await eventually(lambda: store.pending == 0)


async def test_a_full_disk_delays_but_loses_nothing(open_store, path, announced):
    store = await open_store()
    async with store._target.engine.connect() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))
    for number in range(200):
        store.submit(taken(tick(number)), [closed(number, early_exit(second=number))])
    await eventually(lambda: store.status.state == "failed")
    assert store.status.reason == "Writing waits: the disk is full."
    async with store._writing, store._target.engine.connect() as connection:
        await connection.execute(text("PRAGMA max_page_count=100000"))
    await eventually(lambda: store.status[:3] == ("ok", "", 0))
    assert [event.id.input for event in announced.events] == list(range(200))
    assert count(path, "paper_trades") == count(path, "ticks") == 200


async def test_the_newest_tick_is_refused_when_too_many_wait(open_store, path):
    store = await open_store(Limits(ticks=3, batch_s=0.01, busy_ms=10, retry_s=0.01, retry_max_s=0.01))
    with locked(path):
        for second in range(5):
            store.submit(taken(tick(second)))
        await eventually(lambda: "locked" in store.status.reason)
        assert store.status[:3] == (
            "failed",
            "3 ticks wait to be written and no more are taken; the database is locked by another process.",
            3,
        )
    await eventually(lambda: store.pending == 0)
    assert store.status[:3] == ("ok", "2 ticks, 0 other inputs and 0 events of this session were not stored.", 0)
    kept = rows(path, "SELECT timestamp_ms FROM ticks ORDER BY timestamp_ms")
    assert [row["timestamp_ms"] for row in kept] == [(EPOCH + second) * 1000 for second in range(3)]


async def test_events_beyond_the_bound_are_neither_stored_nor_announced(open_store, path, announced):
    store = await open_store(Limits(events=2, batch_s=0.01, busy_ms=10, retry_s=0.01, retry_max_s=0.01))
    with locked(path):
        store.submit(taken(), [closed(number, early_exit(second=number)) for number in range(4)])
        store.submit(taken(tick()))
        assert store.status.state == "failed"
        assert store.intake.lost_events == 2
    await eventually(lambda: store.pending == 0)
    assert [event.id.input for event in announced.events] == [0, 1]
    assert count(path, "paper_trades") == 2
    assert count(path, "ticks") == 1
    store.submit(taken(), [closed(9, early_exit(second=9))])
    await eventually(lambda: len(announced.events) == 3)


async def test_a_number_that_is_not_finite_is_kept_out_and_said(open_store, path, announced):
    store = await open_store()
    store.submit(taken(tick(1, spot=float("nan"))), [closed(1, early_exit(pnl=float("inf"))), closed(2, settled())])
    assert store.status.state == "failed"
    assert "pnl is inf" in store.status.reason
    await eventually(lambda: store.pending == 0)
    assert [event.id.input for event in announced.events] == [2]
    assert (store.intake.lost_ticks, store.intake.lost_events) == (1, 1)
    assert (count(path, "ticks"), count(path, "paper_trades")) == (0, 1)


async def test_an_event_that_is_refused_leaves_no_part_of_itself(open_store, path):
    store = await open_store()
    strike = Reference(100.0, "twap60", "stream", EPOCH * 1000)
    stats = WindowStats(1, 0, 0.5, 0.5, 0.5, 0.5, None, None, float("nan"))
    store.submit(taken(tick()), [WindowClosed(EventId("s1", 1, 0), EPOCH * 1000, KEY, strike, None, stats, 0)])
    await eventually(lambda: store.pending == 0)
    assert (count(path, "ticks"), count(path, "windows")) == (1, 0)


async def test_closing_writes_what_waits_even_after_the_writer_was_cancelled(open_store, path, announced):
    store = await open_store(running=False)
    writer = asyncio.create_task(store.run())
    await asyncio.sleep(0)
    store.submit(taken(tick()), [closed(1, early_exit())])
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    await store.close()
    assert count(path, "ticks") == count(path, "paper_trades") == 1
    assert len(announced.events) == 1


async def test_a_writer_cancelled_inside_a_commit_neither_loses_nor_doubles(open_store, path, announced):
    store = await open_store(running=False)
    for number in range(30):
        writer = asyncio.create_task(store.run())
        store.submit(taken(tick(number)), [closed(number, early_exit(second=number))])
        for _ in range(number % 15):
            await asyncio.sleep(0)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    await store.close()
    assert [event.id.input for event in announced.events] == list(range(30))
    assert count(path, "ticks") == count(path, "paper_trades") == 30


async def test_closing_gives_up_on_a_database_that_stays_locked(open_store, path):
    store = await open_store(Limits(batch_s=0.01, busy_ms=10, retry_s=0.01, close_s=0.1))
    with locked(path):
        store.submit(taken(tick()), [closed(1, early_exit())])
        with pytest.raises(StoreError, match="2 rows could not be written before the end: the database is locked"):
            await store.close()


async def test_nothing_is_taken_after_closing(open_store):
    store = await open_store()
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        store.submit(taken(tick()))
    with pytest.raises(StoreError, match="closed"):
        store.put_state("a", "{}", 0)


async def test_sessions_name_their_predecessor_and_their_end(open_store, path):
    first = await open_store()
    first.submit(taken(tick(30)))
    await first.close()
    second = await open_store(session=SessionInfo(id="s2", started_ms=(EPOCH + 60) * 1000, mode="DEMO"))
    assert rows(path, "SELECT session, predecessor, mode, program, started_ms, ended_ms FROM sessions") == [
        {
            "session": "s1", "predecessor": None, "mode": "PAPER", "program": "0.1.0",
            "started_ms": EPOCH * 1000 - 5_000, "ended_ms": (EPOCH + 30) * 1000,
        },
        {
            "session": "s2", "predecessor": "s1", "mode": "DEMO", "program": "",
            "started_ms": (EPOCH + 60) * 1000, "ended_ms": None,
        },
    ]  # fmt: skip
    await second.close()


async def test_an_error_in_the_announcement_ends_the_writer(path):
    def broken(events: object) -> None:
        raise RuntimeError("no")

    store = await Store.open(path, session=SESSION, on_durable=broken, limits=QUICK)
    store.submit(taken(), [closed(1, early_exit())])
    with pytest.raises(RuntimeError, match="no"):
        await store.run()
    await store.close()
    assert count(path, "paper_trades") == 1
