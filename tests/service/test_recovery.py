"""Whatever ends an engine, the next one goes on from there: positions, records, trading state, nothing twice."""

import asyncio
import math
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from polyterm.core.command import Command
from polyterm.core.event import Event, PositionOpened, TradeClosed
from polyterm.core.input import Input, Payload
from polyterm.core.market import COINS, MarketKey
from polyterm.core.query import EventsAnswer, EventsQuery
from polyterm.engine.engine import Engine
from polyterm.service import recovery as recovery_module
from polyterm.service import resumption
from polyterm.service import runtime as runtime_module
from polyterm.service.checkpoints import CheckpointKeeper
from polyterm.service.recovery import Recovery, recover
from polyterm.service.runtime import Runtime
from polyterm.service.verification import verify_session
from polyterm.store import store as store_module
from polyterm.store.intake import Limits
from polyterm.store.location import SqliteFile
from polyterm.store.rows import SessionInfo
from polyterm.store.store import Store
from polyterm.strategies.registry import REGISTRY
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

SECOND = KEY.next()
PATIENCE = 3  # of a machine that others use
KILL = Command("k1", "kill", "ann", "console", "drill")
PAUSE = Command("p1", "pause", "ann", "console", "lunch")


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path


@pytest.fixture
def after() -> Iterator[Path]:
    """What a killed engine leaves behind."""
    with short_folder() as path:
        yield path


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks are stored at once."""
    monkeypatch.setattr(store_module, "Limits", lambda: Limits(batch_s=0.01))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    manual = ManualClock((KEY.epoch - 5) * 1000)
    monkeypatch.setattr(runtime_module, "ScaledClock", lambda **_: manual)
    return manual


def database(folder: Path) -> Path:
    return folder / "data" / "polyterm.db"


def ask(folder: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database(folder))) as connection, connection:
        return connection.execute(question).fetchall()


async def feed(engine: Running, clock: ManualClock, *payloads: Payload) -> None:
    """The engine takes them; returns when they are stored."""
    for payload in payloads:
        clock.advance_to(getattr(payload, "at_ms", 0))
        engine.feed(payload)
    store = engine.runtime.view.store
    assert store is not None
    await eventually(lambda: store.intake.empty)


async def checkpoints(folder: Path, number: int) -> None:
    await eventually(lambda: ask(folder, "SELECT count(*) FROM checkpoints")[0][0] >= number)


def kill(folder: Path, after: Path) -> None:
    """``after`` becomes what a kill -9 would leave of ``folder``."""
    shutil.copytree(folder / "data", after / "data", ignore=shutil.ignore_patterns("*.sock"))


def trades(folder: Path) -> list[tuple[Any, ...]]:
    return ask(folder, "SELECT strategy_name, session, window_epoch, pnl FROM paper_trades ORDER BY exit_ms, id")


OPENING = (opened(), tick(81, 0.90), tick(80, 0.90), tick(79, 0.91))
"""Endgame_Aggressive buys Up at 0.91, 80 s before the end."""


async def cut_off(folder: Path, after: Path, clock: ManualClock, *payloads: Payload) -> str:
    """A session that is killed after ``payloads``; its name."""
    async with running(settings(folder)) as engine:
        await feed(engine, clock, payloads[0])
        await checkpoints(folder, 1)
        await feed(engine, clock, *payloads[1:])
        kill(folder, after)
        return engine.runtime.view.session


async def test_an_open_position_outlives_a_kill_and_is_settled_once(
    folder: Path, after: Path, clock: ManualClock
) -> None:
    first = await cut_off(folder, after, clock, *OPENING)
    async with running(settings(after)) as engine:
        view = engine.runtime.view
        (position,) = view.positions()
        assert (position.strategy, position.session, position.entry_price) == ("Endgame_Aggressive", first, 0.91)
        board = {row.strategy: row for row in view.snapshot().leaderboard.rows}
        assert board["Endgame_Aggressive"].open == 1
        await feed(engine, clock, tick(70, 0.92), ended(), won("up"))
        second = view.session
        answer = await view.ask(EventsQuery(limit=100))
        assert isinstance(answer, EventsAnswer)
        assert [event.id.session for event in answer.events] == [second] * len(answer.events)
        assert not [event for event in answer.events if isinstance(event, PositionOpened)], "announced twice"
        assert len([event for event in answer.events if isinstance(event, TradeClosed)]) == 1
        assert view.health().reasons == ()
    assert trades(after) == [("Endgame_Aggressive", first, KEY.epoch, pytest.approx(9.0))]
    assert ask(after, "SELECT session, predecessor FROM sessions ORDER BY started_ms") == [
        (first, None),
        (second, first),
    ]
    assert ask(after, "SELECT session, window_epoch FROM cut_windows") == [(first, KEY.epoch)]
    location = SqliteFile(database(after))
    again = await verify_session(location, second)
    assert (again.verdict, [window.finding for window in again.windows]) == ("verified", ["equal"])
    cut = await verify_session(location, first)
    assert (cut.verdict, cut.windows[-1].finding) == ("unverifiable", "cut off: cannot be verified")


async def test_a_clean_end_leaves_nothing_to_repeat(folder: Path, clock: ManualClock) -> None:
    async with running(settings(folder)) as engine:
        await feed(engine, clock, *OPENING)
    numbers = [number for (number,) in ask(folder, "SELECT number FROM checkpoints ORDER BY number")]
    assert numbers[-1] == len(OPENING)
    async with running(settings(folder)) as engine:
        assert len(engine.runtime.view.positions()) == 1
        await feed(engine, clock, opened(), tick(70, 0.92), ended(), won("down"))
    assert [pnl for *_, pnl in trades(folder)] == [pytest.approx(-91.0)]


async def test_records_go_on_over_restarts(folder: Path, clock: ManualClock) -> None:
    for key in (KEY, SECOND):
        async with running(settings(folder)) as engine:
            await feed(
                engine, clock, opened(key), tick(81, 0.9, key=key), tick(80, 0.9, key=key), ended(key), won("up", key)
            )
            board = {row.strategy: row for row in engine.runtime.view.snapshot().leaderboard.rows}
    assert (board["Endgame_Aggressive"].trades, board["Endgame_Aggressive"].open) == (2, 0)
    assert board["Endgame_Aggressive"].pnl_touch == pytest.approx(18.0)


@pytest.mark.parametrize(("command", "state"), [(KILL, "KILLED"), (PAUSE, "PAUSED")])
async def test_the_trading_state_stays_and_the_session_can_be_verified(
    folder: Path, after: Path, clock: ManualClock, command: Command, state: str
) -> None:
    async with running(settings(folder)) as engine:
        await feed(engine, clock, *OPENING)
        assert (await engine.runtime.send(command)).accepted
        await feed(engine, clock, tick(78, 0.91))
        await checkpoints(folder, 1)
        kill(folder, after)
    async with running(settings(after)) as engine:
        assert engine.runtime.view.trading_state == state
        assert len(engine.runtime.view.positions()) == 1
        await feed(engine, clock, tick(60, 0.10))  # the stop: exits go on in PAUSED, and not in KILLED
        assert len(engine.runtime.view.positions()) == (1 if state == "KILLED" else 0)
        await feed(engine, clock, ended(), won("up"))
    assert len(trades(after)) == 1
    assert (await verify_session(SqliteFile(database(after)), None)).verdict == "verified"


def spoil(folder: Path, where: str = "") -> None:
    with closing(sqlite3.connect(database(folder))) as connection, connection:
        connection.execute(f"UPDATE checkpoints SET state = 'AAAA' || substr(state, 5) {where}")


async def test_an_older_checkpoint_serves_when_the_newest_is_damaged(
    folder: Path, after: Path, clock: ManualClock
) -> None:
    async with running(settings(folder)) as engine:
        await feed(engine, clock, *OPENING)
        await checkpoints(folder, 1)
        await feed(engine, clock, ended(), opened(SECOND), tick(81, 0.9, key=SECOND), tick(80, 0.9, key=SECOND))
        await checkpoints(folder, 2)
        kill(folder, after)
    spoil(after, "WHERE number = (SELECT max(number) FROM checkpoints)")
    async with running(settings(after)) as engine:
        assert [position.key for position in engine.runtime.view.positions()] == [SECOND, KEY]
        assert engine.runtime.view.health().reasons == ()


async def test_without_a_readable_checkpoint_it_begins_with_what_is_held_and_says_so(
    folder: Path, after: Path, clock: ManualClock
) -> None:
    first = await cut_off(folder, after, clock, *OPENING)
    spoil(after)
    async with running(settings(after)) as engine:
        (reason,) = engine.runtime.view.health().reasons
        assert reason.startswith(f"No checkpoint of session {first} can be read")
        await eventually(engine.runtime.view.positions)
        assert [one.session for one in engine.runtime.view.positions()] == [first], "what is held is stored elsewhere"
        await feed(engine, clock, tick(40, 0.93))
    async with running(settings(after)) as engine:  # and that is forgotten with the next start
        assert engine.runtime.view.health().reasons == ()


async def test_a_crash_before_the_first_checkpoint_loses_nothing(folder: Path, after: Path, clock: ManualClock) -> None:
    await cut_off(folder, after, clock, *OPENING)
    with closing(sqlite3.connect(database(after))) as connection, connection:
        connection.execute("DELETE FROM checkpoints")
    async with running(settings(after)) as engine:
        assert len(engine.runtime.view.positions()) == 1


async def test_a_session_of_who_observed_before_begins_when_it_takes_over(folder: Path, clock: ManualClock) -> None:
    """Else it would seem to end the other's before what that has stored since."""
    async with running(settings(folder)) as owner, running(settings(folder, instance="second")) as observer:
        await feed(owner, clock, *OPENING)
        owner.stop.set()
        await owner.task
        await eventually(lambda: observer.runtime.view.health().status != "starting" and observer.runtime.view.store)
        assert len(observer.runtime.view.positions()) == 1
    began = ask(folder, "SELECT session, started_ms FROM sessions ORDER BY started_ms")
    assert began == [
        (owner.runtime.view.session, (KEY.epoch - 5) * 1000),
        (observer.runtime.view.session, (KEY.end - 79) * 1000),
    ]


async def test_a_long_repetition_has_time_as_long_as_it_goes_on(
    folder: Path, after: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session of an earlier version has no checkpoint, and days of inputs."""

    async def slow(*of: Any) -> Recovery:
        for _ in range(3):
            of[3]("repeating")
            await asyncio.sleep(0.25)
        return await recover(*of)

    await cut_off(folder, after, clock, *OPENING)
    monkeypatch.setattr(resumption, "RECOVER_S", 0.6)
    monkeypatch.setattr(resumption, "recover", slow)
    async with running(settings(after)) as engine:
        assert len(engine.runtime.view.positions()) == 1


async def test_a_start_that_came_to_nothing_is_passed_over(folder: Path, after: Path, clock: ManualClock) -> None:
    first = await cut_off(folder, after, clock, *OPENING)
    with closing(sqlite3.connect(database(after))) as connection, connection:
        columns = "mode, program, platform, sizing, started_at, strategies"
        connection.execute(
            f"INSERT INTO sessions (session, predecessor, started_ms, {columns}) "
            f"SELECT 'stillborn', session, started_ms + 826000, {columns} FROM sessions"
        )
    async with running(settings(after)) as engine:
        assert [position.session for position in engine.runtime.view.positions()] == [first]


async def test_a_stored_trade_wins_over_an_open_position(folder: Path, after: Path, clock: ManualClock) -> None:
    """The tick on which it was sold is not stored, the trade is."""
    await cut_off(folder, after, clock, *OPENING, tick(60, 0.10))
    with closing(sqlite3.connect(database(after))) as connection, connection:
        connection.execute(f"DELETE FROM ticks WHERE timestamp_ms = {(KEY.end - 60) * 1000}")
    async with running(settings(after)) as engine:
        assert engine.runtime.view.positions() == ()
        await feed(engine, clock, ended(), won("up"))
    assert len(trades(after)) == 1


async def test_a_recomputed_trade_that_is_not_stored_is_stored(folder: Path, after: Path, clock: ManualClock) -> None:
    first = await cut_off(folder, after, clock, *OPENING, tick(60, 0.10))
    (trade,) = trades(after)
    with closing(sqlite3.connect(database(after))) as connection, connection:
        connection.execute("DELETE FROM paper_trades")
    async with running(settings(after)) as engine:
        await feed(engine, clock, tick(50, 0.10))
    assert trades(after) == [trade]
    assert trade[1] == first


async def test_a_strategy_that_is_gone_leaves_its_position_to_settle(
    folder: Path, after: Path, clock: ManualClock
) -> None:
    async with running(settings(folder)) as engine:
        await feed(engine, clock, *OPENING)  # at once, so that the checkpoint knows of the position
        await checkpoints(folder, 1)
        kill(folder, after)
        first = engine.runtime.view.session
    others = [entry for entry in ENTRIES if entry.name != "Endgame_Aggressive"]
    runtime, stop = Runtime(settings(after), assemble=Quiet, entries=others), asyncio.Event()
    task = asyncio.create_task(runtime.run(stop))
    await eventually(lambda: runtime.view.health().status == "ok")
    assert [row.strategy for row in runtime.view.snapshot().positions.rows] == ["Endgame_Aggressive"]
    for payload in (ended(), won("up")):
        runtime.handle(payload)
    stop.set()
    await task
    assert trades(after) == [("Endgame_Aggressive", first, KEY.epoch, pytest.approx(9.0))]


async def test_a_command_during_the_start_acts_at_once_and_stays(folder: Path, after: Path, clock: ManualClock) -> None:
    await cut_off(folder, after, clock, *OPENING)
    runtime, stop = Runtime(settings(after), assemble=Quiet, entries=ENTRIES), asyncio.Event()
    task = asyncio.create_task(runtime.run(stop))
    await eventually(lambda: runtime._commands is not None)
    assert runtime.view.health().status == "starting"
    ack = await runtime.send(KILL)
    assert (ack.accepted, ack.state) == (True, "KILLED")
    await eventually(lambda: runtime.view.health().status == "ok")
    assert (runtime.view.trading_state, len(runtime.view.positions())) == ("KILLED", 1)
    stop.set()
    await task
    assert (await verify_session(SqliteFile(database(after)), None)).verdict == "verified"


def full_window() -> Iterator[Input]:
    """Every second of a window of all coins."""
    keys = [MarketKey(coin, "15m", KEY.epoch) for coin in COINS]
    payloads: list[tuple[int, Payload]] = [(KEY.epoch * 1000, opened(key)) for key in keys]
    for second in range(900):
        for key in keys:
            made = tick(900 - second, 0.5 + 0.4 * math.sin(second / 40), 101 + math.cos(second / 9), key)
            payloads.append((made.at_ms, made))
    for number, (at_ms, payload) in enumerate(payloads, start=1):
        yield Input(number, at_ms, payload)


async def test_a_full_window_is_repeated_in_less_than_a_second(
    folder: Path, measured: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """3,600 ticks of four coins, with every registered strategy."""
    place, first = SqliteFile(folder / "polyterm.db"), Engine("s1")
    names = tuple(entry.name for entry in REGISTRY)
    info = SessionInfo(id="s1", started_ms=KEY.epoch * 1000 - 5_000, strategies=names)
    store = await Store.open(place, session=info, on_durable=lambda _: None, limits=Limits(batch_s=0.01))
    writing = asyncio.create_task(store.run())
    keeper = CheckpointKeeper(first)
    made: list[Event] = []
    for item in full_window():
        events = first.apply(item)
        made += events if item.number > 4 else ()
        store.submit(item, events)
        if item.number == 4:
            keeper.note(item, events)
            await keeper.keep(store.put_checkpoint)
    await store.close()
    await writing
    began = time.perf_counter()
    first.checkpoint()
    took_ms = (time.perf_counter() - began) * 1000
    monkeypatch.setattr(recovery_module, "CHUNK", 50)
    handed: list[Sequence[Event]] = []

    async def hand_on(events: Sequence[Event]) -> None:
        handed.append(events)

    recovery = await recover(place, "s2", REGISTRY, lambda _: None, hand_on)
    second = Engine("s2")
    assert recovery.state is not None
    second.restore(recovery.state)
    measured(
        f"recovery: {recovery.inputs} inputs repeated in {recovery.took_s:.2f} s; a checkpoint takes {took_ms:.1f} ms"
    )
    assert (recovery.inputs, recovery.missing) == (3_600, 0)
    assert second.open_positions() == first.open_positions()
    assert len(second.open_positions()) > 100
    assert [event for events in handed for event in events] == made
    most = len(REGISTRY) + 50  # one input more than it takes
    assert len(handed) > 2
    assert max(map(len, handed)) < most
    assert recovery.took_s < 1.0 * PATIENCE
