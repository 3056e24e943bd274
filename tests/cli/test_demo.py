"""The whole product on the simulator, as processes: headless demo, its socket, and the three ways to kill."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import eventually

DEMO = ("--demo", "--demo-speed", "60", "--seed", "7")


def demo_folders(folder: Path) -> list[Path]:
    return list(folder.glob("polyterm-demo-*"))


async def trades(engine) -> list[dict]:
    status, body = await engine.request("GET", "/api/paper-trades?period=all")
    assert status == 200
    return body["trades"]


async def test_demo_trades_on_live_ticks_of_all_coins_and_ends_cleanly(headless: Callable) -> None:
    async with headless(*DEMO, instance="demo") as engine:
        await eventually(engine.answers, 30)

        async def has_closed_trades() -> bool:
            return len(await trades(engine)) >= 3

        await eventually(has_closed_trades, 60)
        _, status = await engine.request("GET", "/api/live/status")
        assert set(status["markets"]) == {"btc", "eth", "sol", "xrp"}
        for trade in await trades(engine):
            assert 0 < trade["entry_price"] < 1
            assert trade["side"] in ("up", "down")
        assert await engine.stop(signal.SIGTERM) == 0
        assert not engine.socket.exists()


async def test_sigint_ends_a_headless_engine_cleanly(headless: Callable) -> None:
    async with headless(*DEMO, instance="demo") as engine:
        await eventually(engine.answers, 30)
        assert await engine.stop(signal.SIGINT) == 0
        assert not engine.socket.exists()


async def test_commands_of_the_command_line(headless: Callable, polyterm: Callable) -> None:
    async with headless(*DEMO, instance="demo") as engine:
        await eventually(engine.answers, 30)

        async def run(*arguments: str):
            return await asyncio.to_thread(polyterm, *arguments)

        paused = await run("pause")
        assert (paused.returncode, paused.stdout.split()[0]) == (0, "PAUSED")
        again = await run("pause")
        assert (again.returncode, again.stdout.strip()) == (0, "PAUSED (already paused)")
        killed = await run("kill", "--reason", "drill")
        assert (killed.returncode, killed.stdout.split()[0]) == (0, "KILLED")
        refused = await run("pause")
        assert refused.returncode == 2
        assert "resume first" in refused.stderr
        shown = await run("status")
        assert "KILLED" in shown.stdout
        assert "drill" in shown.stdout
        told = await run("status", "--text")
        assert "DEMO, KILLED" in told.stdout
        assert "PAUSED to KILLED" in told.stdout
        as_json = json.loads((await run("status", "--json")).stdout)
        assert as_json["status"]["trading_state"] == "KILLED"
        assert (await run("resume")).stdout.split()[0] == "RUNNING"


async def test_kill_over_http_acts_within_100_ms(headless: Callable) -> None:
    async with headless(*DEMO, instance="demo") as engine:
        await eventually(engine.answers, 30)
        took_ms = []
        for _ in range(5):
            began = time.monotonic()
            status, body = await engine.request("POST", "/api/live/kill", json={"reason": "drill"})
            took_ms.append((time.monotonic() - began) * 1000)
            assert (status, body["success"]) == (200, True)
            _, after = await engine.request("GET", "/api/live/status")
            assert after["state"] == "KILLED"
            status, body = await engine.request("POST", "/api/live/resume", json={})
            assert (status, body["success"]) == (200, True)
        # The median: this machine runs other tests at the same time.
        assert sorted(took_ms)[2] < 100, f"the kills took {took_ms} ms"


async def test_killed_stays_killed_until_an_explicit_resume(
    headless: Callable, polyterm: Callable, tmp_path: Path, offline: None
) -> None:
    db = ("--db", str(tmp_path / "p.db"))

    async def state(engine) -> str:
        return (await engine.request("GET", "/api/live/status"))[1]["state"]

    async with headless(*db) as engine:
        await eventually(engine.answers, 30)
        assert await state(engine) == "RUNNING"
        assert (await asyncio.to_thread(polyterm, "kill")).returncode == 0
        assert await engine.stop(signal.SIGKILL) == -signal.SIGKILL
    async with headless(*db) as engine:
        await eventually(engine.answers, 30)
        assert await state(engine) == "KILLED"
        assert (await asyncio.to_thread(polyterm, "resume")).returncode == 0
        assert await engine.stop() == 0
    async with headless(*db) as engine:
        await eventually(engine.answers, 30)
        assert await state(engine) == "RUNNING"


async def test_with_no_network_the_engine_runs_and_says_what_it_cannot_reach(
    headless: Callable, offline: None, tmp_path: Path
) -> None:
    async with headless("--db", str(tmp_path / "p.db")) as engine:
        await eventually(engine.answers, 30)

        async def every_feed_explains_itself() -> bool:
            _, status = await engine.request("GET", "/api/live/status")
            down = [feed for feed in status["feeds"] if feed["state"] in ("down", "connecting") and feed["reason"]]
            return len(down) >= 3 and any("127.0.0.1" in feed["reason"] + feed["host"] for feed in down)

        await eventually(every_feed_explains_itself, 30)
        status, _ = await engine.request("POST", "/api/live/pause", json={})
        assert status == 200
        assert await engine.stop() == 0


async def test_what_a_killed_demo_left_goes_with_the_next_one(
    headless: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    async with headless(*DEMO, instance="demo") as engine:
        await eventually(engine.answers, 30)
        (left,) = demo_folders(tmp_path)
        await engine.stop(signal.SIGKILL)
    async with headless(*DEMO, instance="demo") as engine:
        await eventually(engine.answers, 30)
        assert not left.exists()
        assert await engine.stop() == 0
    assert not demo_folders(tmp_path)
