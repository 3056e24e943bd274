"""A disk that takes no more: an alarm, no more trading, and nothing lost that there is room for."""

from sqlalchemy import text

from polyterm.core.command import Command
from polyterm.store.target import SqliteTarget
from tests.service.engines import Running, opened, running, settings, short_folder, tick
from tests.store.builders import rows
from tests.waiting import eventually


async def pages(engine: Running, most: int | None) -> None:
    """Bound the database file to ``most`` pages, None: to those that it has."""
    store = engine.runtime.view.store
    assert store is not None
    target = store._target
    assert isinstance(target, SqliteTarget)
    async with store._writing, target.engine.connect() as connection:
        if most is None:
            most = await connection.scalar(text("PRAGMA page_count"))
        await connection.execute(text(f"PRAGMA max_page_count={most}"))


async def test_a_full_disk_pauses_trading_until_a_person_resumes_and_loses_nothing() -> None:
    with short_folder() as folder:
        async with running(settings(folder)) as engine:
            view = engine.runtime.view
            await pages(engine, None)
            engine.feed(opened(), *(tick(second, 0.5) for second in range(890, 290, -1)))
            await eventually(lambda: view.trading_state == "PAUSED")
            status = view.snapshot().status
            assert status.trading_reason == "nothing can be stored: the disk is full"
            assert (status.store_state, status.store_reason) == ("failed", "Writing waits: the disk is full.")
            engine.feed(tick(200, 0.5))
            await pages(engine, 100_000)
            await eventually(lambda: view.snapshot().status.store_pending == 0)
            assert view.snapshot().status.store_state == "ok"
            assert view.trading_state == "PAUSED"
            ack = await engine.runtime.send(Command("r1", "resume", "ann", "console"))
            assert (ack.accepted, view.trading_state) == (True, "RUNNING")
        file = folder / "data" / "polyterm.db"
        assert rows(file, "SELECT COUNT(*) AS n FROM ticks") == [{"n": 601}]
        (pause, _) = rows(file, "SELECT payload FROM inputs WHERE payload LIKE '%\"command\"%' ORDER BY number")
        assert '"actor":"store"' in pause["payload"]
