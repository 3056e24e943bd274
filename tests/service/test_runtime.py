import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from polyterm.core.command import Command
from polyterm.core.event import Event, PositionOpened, TradeClosed, TradingStateChanged
from polyterm.core.query import EventsAnswer, EventsQuery, PositionsAnswer, PositionsQuery, TradesAnswer, TradesQuery
from polyterm.core.snapshot import SnapshotDelta
from polyterm.errors import ConfigError
from polyterm.service.link import oneshot
from polyterm.service.link.client import LinkClient
from tests.service.engines import ended, opened, running, settings, short_folder, started, tick, won
from tests.service.test_link_client import running as linked
from tests.waiting import eventually

KILL = Command(id="k1", kind="kill", actor="ann", origin="console", reason="drill")
PAUSE = Command(id="p1", kind="pause", actor="ann", origin="console")
RESUME = Command(id="r1", kind="resume", actor="ann", origin="console")


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def database(folder: Path) -> Path:
    return folder / "data" / "polyterm.db"


async def test_ticks_become_trades_in_the_database_and_on_the_socket(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
        _, held = await engine.request("GET", "/api/live/positions")
        engine.feed(tick(79, 0.92), ended(), won("up"))

        async def is_stored() -> bool:
            _, body = await engine.request("GET", "/api/paper-trades?period=all")
            return bool(body["trades"])

        await eventually(is_stored)
        _, body = await engine.request("GET", "/api/paper-trades?period=all&crypto=btc&strategy=Endgame_Aggressive")
        _, status = await engine.request("GET", "/api/live/status")
    (position,) = held["positions"]
    assert (position["strategyName"], position["tokenSide"], position["tokenId"]) == ("Endgame_Aggressive", "UP", "111")
    assert (position["entryPrice"], position["shares"], position["size"]) == (0.91, 100, pytest.approx(91))
    (trade,) = body["trades"]
    assert (trade["entry_price"], trade["exit_price"], trade["outcome"]) == (0.91, 1.0, "up")
    assert trade["pnl"] == pytest.approx(9.0)
    assert body["overall"]["windows_traded"] == 1
    assert body["strategyStats"][0]["losses"] == 0
    assert status["sessionStats"]["grossPnL"] == pytest.approx(9.0)
    assert status["markets"] == {}
    with closing(sqlite3.connect(database(folder))) as connection, connection:
        assert connection.execute("SELECT count(*) FROM ticks").fetchone() == (3,)
        assert connection.execute("SELECT count(*) FROM paper_trades").fetchone() == (1,)
        (ping,) = connection.execute("SELECT value FROM system_state WHERE key = 'collector_health'").fetchone()
    assert json.loads(ping)["memory"] > 10


async def test_health_says_ok_and_status_names_markets_and_feeds(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        engine.feed(opened(), tick(500, 0.5))
        code, health = await engine.request("GET", "/health")
        _, status = await engine.request("GET", "/api/live/status")
    assert (code, health["status"], health["reasons"]) == (200, "ok", [])
    assert status["markets"]["btc"]["upTokenId"] == "111"
    assert (status["feeds"][0]["name"], status["feeds"][0]["age_s"]) == ("binance", 0.1)
    assert (status["mode"], status["role"], status["connected"]) == ("PAPER", "owner", True)
    assert status["riskStatus"]["tradingAllowed"] is True
    assert status["riskStatus"]["circuitBreakerTripped"] is None


async def test_a_kill_over_http_stops_entries_and_exits_but_not_settlement(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
        code, answer = await engine.request("POST", "/api/live/kill", json={"reason": "drill"})
        assert (code, answer["success"], answer["state"]) == (200, True, "KILLED")
        engine.feed(tick(79, 0.40), tick(50, 0.95))  # an exit, then an entry, if they were allowed
        _, held = await engine.request("GET", "/api/live/positions")
        assert [position["strategyName"] for position in held["positions"]] == ["Endgame_Aggressive"]
        engine.feed(ended(), won("down"))
        _, status = await engine.request("GET", "/api/live/status")
        assert status["positions"] == []
        assert status["riskStatus"]["killSwitchReason"] == "drill"
        assert status["sessionStats"]["tradesExecuted"] == 1
        again, answer = await engine.request("POST", "/api/live/kill")
        assert (again, answer["success"], answer["reason"]) == (200, True, "already killed")


async def test_a_pause_stops_entries_and_lets_exits_go_on(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
        assert (await engine.request("POST", "/api/live/pause"))[0] == 200
        engine.feed(tick(79, 0.40), tick(50, 0.95))
        answer = await engine.runtime.view.ask(PositionsQuery())
        assert answer == PositionsAnswer(())
        events = await engine.runtime.view.ask(EventsQuery())
        assert isinstance(events, EventsAnswer)
        assert (await engine.request("POST", "/api/live/resume"))[0] == 200
        engine.feed(tick(49, 0.95))
        _, held = await engine.request("GET", "/api/live/positions")
        assert {position["strategyName"] for position in held["positions"]} >= {"Endgame"}


async def test_killed_survives_a_restart_until_an_explicit_resume(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        await engine.runtime.send(KILL)
    async with running(settings(folder)) as engine:
        assert await engine.state() == "KILLED"
        events = await engine.runtime.view.ask(EventsQuery())
        assert isinstance(events, EventsAnswer)
        (change,) = events.events
        assert isinstance(change, TradingStateChanged)
        assert (change.id.input, change.origin, change.actor, change.reason) == (1, "latch", "ann", "drill")
        engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
        assert engine.runtime.view.positions() == ()
        assert (await engine.runtime.send(PAUSE)).reason == "killed: resume first"
        assert (await engine.runtime.send(RESUME)).state == "RUNNING"
    async with running(settings(folder)) as engine:
        assert await engine.state() == "RUNNING"


async def test_paused_survives_a_restart(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        await engine.runtime.send(PAUSE)
    async with running(settings(folder)) as engine:
        assert await engine.state() == "PAUSED"


@pytest.mark.parametrize("damage", [Path.unlink, lambda latch: latch.write_text("{")], ids=["deleted", "nonsense"])
async def test_a_damaged_latch_starts_killed_and_says_so(folder: Path, damage) -> None:
    async with running(settings(folder)):
        pass
    damage(folder / "data" / "polyterm.db.latch.json")
    async with running(settings(folder)) as engine:
        _, status = await engine.request("GET", "/api/live/status")
        assert status["state"] == "KILLED"
        assert "latch file" in status["stateReason"]
        await engine.runtime.send(RESUME)
    async with running(settings(folder)) as engine:
        assert await engine.state() == "RUNNING"


async def test_kill_and_pause_do_not_wait_for_a_locked_database(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        other = sqlite3.connect(database(folder), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
            began = time.perf_counter()
            code, answer = await engine.request("POST", "/api/live/pause")
            paused_ms = (time.perf_counter() - began) * 1000
            assert (code, answer["state"]) == (200, "PAUSED")
            began = time.perf_counter()
            code, answer = await engine.request("POST", "/api/live/kill", json={"reason": "drill"})
            killed_ms = (time.perf_counter() - began) * 1000
            assert (code, answer["state"]) == (200, "KILLED")
            latch = json.loads((folder / "data" / "polyterm.db.latch.json").read_text())
            assert (latch["state"], latch["reason"]) == ("KILLED", "drill")
            assert await engine.state() == "KILLED"
        finally:
            other.close()
        assert paused_ms < 100
        assert killed_ms < 100

        async def has_caught_up() -> bool:
            _, status = await engine.request("GET", "/api/live/status")
            return (status["store"]["state"], status["store"]["pending"]) == ("ok", 0)

        await eventually(has_caught_up, 10)


async def test_a_latch_that_cannot_be_written_is_said_and_the_kill_holds(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        (folder / "data" / "polyterm.db.latch.json.new").mkdir()
        ack = await engine.runtime.send(KILL)
        code, health = await engine.request("GET", "/health")
    assert (ack.accepted, ack.state) == (True, "KILLED")
    assert "would not outlive a restart" in ack.reason
    assert (code, health["status"]) == (200, "degraded")
    assert "cannot be written" in health["reasons"][0]


async def test_a_repeated_id_is_answered_not_repeated(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        first = await engine.runtime.send(PAUSE)
        await engine.runtime.send(RESUME)
        again = await engine.runtime.send(PAUSE)
        assert again == first
        assert await engine.state() == "RUNNING"
        _, one = await engine.request("POST", "/api/live/pause", json={"id": "h1"})
        _, two = await engine.request("POST", "/api/live/pause", json={"id": "h1"})
        assert one == two


async def test_a_kill_is_never_taken_for_the_repetition_of_something_milder(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        await engine.runtime.send(PAUSE)
        ack = await engine.runtime.send(Command(PAUSE.id, "kill", "ann", "console"))
        assert (ack.accepted, ack.state) == (True, "KILLED")


async def test_a_console_sees_changes_sends_commands_and_asks(folder: Path) -> None:
    deltas: list[SnapshotDelta] = []
    events: list[Event] = []
    async with running(settings(folder)) as engine:
        client = LinkClient(engine.address)
        client.on_snapshot = deltas.append
        client.on_events = events.extend
        async with linked(client):
            await eventually(lambda: bool(deltas))
            assert client.connection.role == "operator"
            first = deltas[0]
            assert first.status is not None
            assert first.leaderboard is not None
            assert len(first.leaderboard.rows) == 7
            engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
            await eventually(lambda: any(isinstance(event, PositionOpened) for event in events))
            await eventually(lambda: any(delta.positions and delta.positions.rows for delta in deltas))
            ack = await client.send(KILL)
            assert (ack.accepted, ack.state) == (True, "KILLED")
            await eventually(lambda: any(isinstance(event, TradingStateChanged) for event in events))
            await eventually(lambda: any(delta.status and delta.status.trading_state == "KILLED" for delta in deltas))
            engine.feed(ended(), won("up"))
            await eventually(lambda: any(isinstance(event, TradeClosed) for event in events))
            answer = await client.ask(TradesQuery(period="all"))
            assert isinstance(answer, TradesAnswer)
            assert answer.trades[0].pnl == pytest.approx(9.0)
    assert [type(event).__name__ for event in events].count("TradingStateChanged") == 1
    changed = [delta.leaderboard.version for delta in deltas if delta.leaderboard is not None]
    assert changed == list(range(1, len(changed) + 1))
    assert len(changed) < len(deltas)


async def test_a_command_line_call_gets_the_whole_status(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        snapshot = await oneshot.status(engine.address)
        assert (await oneshot.send(engine.address, KILL)).state == "KILLED"
    assert [row.note for row in snapshot.ticks.rows] == [
        "no market for btc 15m", "no market for eth 15m", "no market for sol 15m", "no market for xrp 15m",
    ]  # fmt: skip


async def test_a_second_instance_observes_and_takes_over(folder: Path) -> None:
    async with running(settings(folder)) as first:
        await first.runtime.send(PAUSE)
        async with running(settings(folder, instance="second")) as second:
            _, seen = await second.request("GET", "/api/live/status")
            assert (seen["role"], seen["state"], seen["connected"]) == ("observer", "PAUSED", False)
            assert f"process {os.getpid()} on " in seen["roleReason"]
            code, refused = await second.request("POST", "/api/live/kill")
            assert (code, refused["success"]) == (409, False)
            assert "(instance default)" in refused["reason"]
            assert (await second.request("GET", "/api/paper-trades"))[0] == 503
            first.stop.set()

            async def took_over() -> bool:
                _, status = await second.request("GET", "/api/live/status")
                return status["role"] == "owner" and status["state"] == "PAUSED"

            await eventually(took_over)
            assert (await second.request("POST", "/api/live/kill"))[0] == 200


async def test_a_second_instance_of_the_same_name_gets_a_socket_of_its_own_until_it_takes_over(folder: Path) -> None:
    async with running(settings(folder)) as first, running(settings(folder)) as second:
        own = folder / "run" / f"default-{os.getpid()}.sock"
        assert own.is_socket()
        first.stop.set()
        await first.task

        async def took_over() -> bool:
            return first.settings.socket_path.exists() and (await second.state()) == "RUNNING"

        await eventually(took_over)
        await eventually(lambda: not own.exists())


async def test_without_waiting_a_second_instance_is_refused_by_name(folder: Path) -> None:
    async with running(settings(folder)):
        with pytest.raises(ConfigError, match=rf"belongs to process {os.getpid()} on .* \(instance default\)"):
            async with started(settings(folder, instance="second"), wait_for_lease=False):
                pass


async def test_a_locked_database_is_waited_for_at_the_start_and_a_kill_is_not(folder: Path) -> None:
    async with running(settings(folder)):
        pass
    other = sqlite3.connect(database(folder), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        async with started(settings(folder)) as engine:

            async def says_why() -> bool:
                if not engine.settings.socket_path.exists():
                    return False
                code, health = await engine.request("GET", "/health")
                return code == 503 and any("lock" in reason for reason in health["reasons"])

            await eventually(says_why, 15)
            assert (await engine.request("POST", "/api/live/kill", json={"reason": "early"}))[0] == 200
            assert await engine.state() == "KILLED"
            other.close()

            async def is_open() -> bool:
                return (await engine.request("GET", "/health"))[0] == 200

            await eventually(is_open)
    finally:
        other.close()


async def test_the_end_leaves_no_socket_and_closes_consoles(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(engine.settings.socket_path))) as session:
            socket = await session.ws_connect("http://localhost/link")
            await socket.send_str('{"type":"hello","protocol":2,"client":"test"}')
            await socket.receive()
            engine.feed(opened(), tick(81, 0.90))
            engine.stop.set()
            async for _ in socket:
                pass
            assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
        await engine.task
        assert not engine.settings.socket_path.exists()
    with closing(sqlite3.connect(database(folder))) as connection, connection:
        assert connection.execute("SELECT count(*) FROM ticks").fetchone() == (1,)
