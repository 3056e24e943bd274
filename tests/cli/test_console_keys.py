"""K and P from the console, through a real link, to a real engine; also while the database is locked."""

import asyncio
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from textual.pilot import Pilot

from polyterm.console.app import ConsoleApp
from polyterm.console.theming import choose, find_themes
from polyterm.core.query import TradesAnswer, TradesQuery
from polyterm.service.link.client import LinkClient
from polyterm.store.location import locate
from tests.service.engines import Running, ended, opened, running, settings, short_folder, tick, won
from tests.waiting import eventually


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process that writes and does not stop."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def console(engine: Running) -> ConsoleApp:
    return ConsoleApp(LinkClient(engine.address), theme=choose(find_themes(None), "dark"))


def shown(app: ConsoleApp) -> str:
    status = app.screen.query_one("#status")
    return "\n".join(status.render_line(y).text for y in range(status.size.height))


def held(engine: Running) -> int:
    return len(engine.runtime.view.positions())


async def killed_in_ms(engine: Running, pilot: Pilot[None]) -> float:
    """From the key to the engine's KILLED."""
    began = time.monotonic()
    press = asyncio.create_task(pilot.press("K"))  # it returns only once the app is idle again
    await eventually(lambda: engine.runtime.view.trading_state == "KILLED")
    took_s = time.monotonic() - began
    await press
    return took_s * 1000


@pytest.mark.parametrize("database", ["free", "locked"])
async def test_k_kills_within_100_ms_and_no_entry_follows(database: str, measured: Callable[[str], None]) -> None:
    with short_folder() as folder:
        config = settings(folder)
        async with running(config) as engine:
            app = console(engine)
            async with app.run_test(size=(120, 36)) as pilot:
                await eventually(lambda: "RUNNING" in shown(app))
                engine.feed(opened(), tick(100, 0.9))
                lock = locked(locate(None, config.data_dir).path) if database == "locked" else nullcontext()
                with lock:
                    took_ms = [await killed_in_ms(engine, pilot)]
                    engine.feed(tick(80, 0.9), tick(79, 0.9))
                    assert held(engine) == 0
                    await eventually(lambda: "KILLED" in shown(app))
                    for _ in range(4):  # the machine may have had its mind elsewhere for a moment
                        assert (await engine.request("POST", "/api/live/resume"))[0] == 200
                        await eventually(lambda: "RUNNING" in shown(app))
                        took_ms.append(await killed_in_ms(engine, pilot))
                    assert statistics.median(took_ms) < 100, took_ms
        async with running(config) as engine:
            assert await engine.state() == "KILLED"
    times = ", ".join(f"{each:.0f}" for each in sorted(took_ms))
    measured(f"K in the console with the database {database}: KILLED after {times} ms")


@pytest.mark.parametrize("database", ["free", "locked"])
async def test_p_pauses_entries_while_settlement_goes_on(database: str) -> None:
    with short_folder() as folder:
        config = settings(folder)
        async with running(config) as engine:
            app = console(engine)
            async with app.run_test(size=(120, 36)) as pilot:
                await eventually(lambda: "RUNNING" in shown(app))
                engine.feed(opened(), tick(81, 0.9))
                bought = held(engine)
                assert bought > 0
                lock = locked(locate(None, config.data_dir).path) if database == "locked" else nullcontext()
                with lock:
                    await pilot.press("P")
                    await eventually(lambda: "PAUSED" in shown(app))
                    engine.feed(ended(), won("up"))
                    assert held(engine) == 0
                    await pilot.press("P")
                    await eventually(lambda: "RUNNING" in shown(app))

            async def settled() -> bool:
                answer = await engine.runtime.view.ask(TradesQuery(period="all"))
                assert isinstance(answer, TradesAnswer)
                return len(answer.trades) == bought

            await eventually(settled)
