"""What only the store still knows is not lost: it is settled, and corrected."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from polyterm.core.event import TradeClosed, TradeCorrected
from polyterm.core.input import Outcome
from polyterm.core.query import EventsAnswer, EventsQuery
from polyterm.engine.windows import REMEMBERED_WINDOWS
from polyterm.service import runtime as runtime_module
from polyterm.service.leftovers import Leftovers
from polyterm.service.runtime import Runtime
from polyterm.service.verification import verify_session
from polyterm.settings import Settings
from polyterm.store import store as store_module
from polyterm.store.database import asking, reading_engine
from polyterm.store.intake import Limits
from polyterm.store.location import locate
from polyterm.store.schema import open_positions
from polyterm.strategies.entry import Entry
from polyterm.transport.clock import ManualClock
from tests.service.engines import (
    ENTRIES,
    KEY,
    Quiet,
    Running,
    ended,
    opened,
    running,
    settings,
    short_folder,
    tick,
    won,
)
from tests.waiting import eventually

BUYING = (opened(), tick(81, 0.90), tick(80, 0.90), tick(79, 0.91))
"""Endgame_Aggressive buys 100 Up at 0.91, 80 s before the end: +9 or -91."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks are stored at once."""
    monkeypatch.setattr(store_module, "Limits", lambda: Limits(batch_s=0.01))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    manual = ManualClock((KEY.epoch - 5) * 1000)
    monkeypatch.setattr(runtime_module, "ScaledClock", lambda **_: manual)
    return manual


@pytest.fixture
def after() -> Iterator[Path]:
    with short_folder() as folder:
        yield Path(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Iterator[Settings]:
    with short_folder() as folder:
        config = settings(Path(folder))
        if request.param == "postgres":
            config = config.model_copy(update={"db": request.getfixturevalue("postgres")})
        yield config


async def rows(place: Settings, question: Any) -> list[tuple[Any, ...]]:
    asked = text(question) if isinstance(question, str) else question
    engine = reading_engine(locate(place.db, place.data_dir), connections=1)
    try:
        async with asking(engine) as connection:
            return [tuple(row) for row in await connection.execute(asked)]
    finally:
        await engine.dispose()


async def feed(engine: Running, clock: ManualClock, *payloads: Any) -> None:
    for payload in payloads:
        clock.advance_to(getattr(payload, "at_ms", 0))
        engine.feed(payload)
    store = engine.runtime.view.store
    assert store is not None
    await store.delivered()


async def killed_after_its_last_checkpoint(place: Settings, clock: ManualClock, after: Path) -> tuple[Settings, str]:
    """A session that bought after the checkpoint of the window's start, and was killed: what it leaves and its name."""
    async with running(place) as engine:
        await feed(engine, clock, BUYING[0])

        async def is_kept() -> bool:
            return bool((await rows(place, "SELECT count(*) FROM checkpoints"))[0][0])

        await eventually(is_kept)
        await feed(engine, clock, *BUYING[1:])
        shutil.copytree(place.data_dir, after / "data", ignore=shutil.ignore_patterns("*.sock"))

        async def killed(_: int) -> None:
            """No checkpoint of the end."""

        engine.runtime._continuity.end = killed  # type: ignore[method-assign]
        return place.model_copy(update={"data_dir": after / "data"}), engine.runtime.view.session


def changed() -> list[Entry]:
    """The strategies after a person has set Endgame_Aggressive's price higher."""
    return [
        msgspec.structs.replace(entry, parameters=msgspec.structs.replace(entry.parameters, min_probability=0.99))
        if entry.name == "Endgame_Aggressive"
        else entry
        for entry in ENTRIES
    ]


@asynccontextmanager
async def restarted(place: Settings, entries: Sequence[Entry]) -> AsyncIterator[Running]:
    runtime, stop = Runtime(place, assemble=Quiet, entries=entries), asyncio.Event()
    task = asyncio.create_task(runtime.run(stop))
    try:
        await eventually(lambda: task.done() or runtime.view.health().status != "starting")
        yield Running(runtime, place, task, stop)
    finally:
        stop.set()
        await task


TRADES = "SELECT strategy_name, session, window_epoch, round(pnl * 100), outcome FROM paper_trades"


async def test_a_position_of_a_strategy_that_was_changed_after_a_kill_is_settled(
    place: Settings, clock: ManualClock, after: Path
) -> None:
    place, first = await killed_after_its_last_checkpoint(place, clock, after)
    assert await rows(place, "SELECT strategy_name, side FROM open_positions") == [("Endgame_Aggressive", "up")]
    async with restarted(place, changed()) as engine:
        view = engine.runtime.view
        await eventually(view.positions)
        (position,) = view.positions()
        assert (position.strategy, position.session, position.entry_price) == ("Endgame_Aggressive", first, 0.91)
        second = view.session
        await feed(engine, clock, opened(), tick(60, 0.10), ended(), won("up"))
        assert view.positions() == ()
        answer = await view.ask(EventsQuery(limit=100))
        assert isinstance(answer, EventsAnswer)
        assert [type(event) for event in answer.events].count(TradeClosed) == 1
    assert await rows(place, TRADES) == [("Endgame_Aggressive", first, KEY.epoch, 900, "up")]
    assert await rows(place, select(open_positions)) == []
    again = await verify_session(locate(place.db, place.data_dir), second, changed())
    assert again.verdict == "verified", again.reason


async def test_a_position_of_a_window_that_was_settled_meanwhile_is_settled_at_the_start(
    place: Settings, clock: ManualClock, after: Path
) -> None:
    """Nobody will tell its official result again."""
    place, first = await killed_after_its_last_checkpoint(place, clock, after)
    async with restarted(place, []) as engine:
        await eventually(engine.runtime.view.positions)
        await feed(engine, clock, ended())
        engine.runtime._engine.desks.clear()  # as if it had never heard of the window
        await feed(engine, clock, won("down"))
        engine.runtime._engine.desks.clear()
    assert await rows(place, TRADES) == []
    async with restarted(place, []):

        async def is_settled() -> bool:
            return bool(await rows(place, TRADES))

        await eventually(is_settled)
    assert await rows(place, TRADES) == [("Endgame_Aggressive", first, KEY.epoch, -9100, "down")]
    assert await rows(place, select(open_positions)) == []


CORRECTIONS = (
    "SELECT session, trade_session, round(pnl_before * 100), round(pnl_after * 100), grade_after FROM trade_corrections"
)


async def test_a_late_result_corrects_the_trades_of_a_window_that_the_engine_forgot(
    place: Settings, clock: ManualClock
) -> None:
    """Settled at 1 by the stream: +9. The venue says Down a day and a hundred windows later: -91."""
    async with running(place) as engine:
        view = engine.runtime.view
        await feed(engine, clock, *BUYING, ended(), Outcome(KEY, "up", "stream", "twap60 against twap60"))
        key = KEY
        for _ in range(REMEMBERED_WINDOWS + 1):
            key = key.next()
            engine.feed(opened(key), ended(key))
        clock.advance_to(key.end * 1000)
        await feed(engine, clock, won("down"))
        await eventually(lambda: any(isinstance(event, TradeCorrected) for event in view._recent))
        session = view.session
    assert await rows(place, TRADES) == [("Endgame_Aggressive", session, KEY.epoch, -9100, "down")]
    assert await rows(place, CORRECTIONS) == [(session, session, 900, -9100, "official")]
    again = await verify_session(locate(place.db, place.data_dir), None, ENTRIES)
    assert again.verdict == "verified", again.reason


async def test_a_result_that_came_to_an_engine_without_its_state_corrects_at_the_next_start(
    place: Settings, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: Any) -> None:
        """Before it could correct anything."""

    with monkeypatch.context() as dying:
        dying.setattr(Leftovers, "_trades", dies)
        async with running(place) as engine:
            await feed(engine, clock, *BUYING, ended(), Outcome(KEY, "up", "stream", "twap60 against twap60"))
            first = engine.runtime.view.session
            engine.runtime._engine.desks.clear()
            await feed(engine, clock, won("down"))
    assert await rows(place, TRADES) == [("Endgame_Aggressive", first, KEY.epoch, 900, "up")]
    for _ in range(2):  # the second start finds nothing to do
        async with running(place) as engine:
            store, second = engine.runtime.view.store, engine.runtime.view.session
            assert store is not None

            async def is_corrected() -> bool:
                return bool(await rows(place, CORRECTIONS))

            await eventually(is_corrected)
            await store.delivered()
    assert await rows(place, TRADES) == [("Endgame_Aggressive", first, KEY.epoch, -9100, "down")]
    ((session, *correction),) = await rows(place, CORRECTIONS)
    assert session != second
    assert correction == [first, 900, -9100, "official"]
