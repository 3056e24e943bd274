"""The simulator as a process, and a box whose time runs by itself."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from polyterm.core.market import COINS, MarketKey, window_epoch
from polyterm.settings import load
from polyterm.sim.box import Box, first_market_ms, step_ms
from tests.sim.clients import MARKET0_MS, gamma_event, get, listen, open_market, running, tokens

TIMEOUT_S = 20


@asynccontextmanager
async def simulator(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "polyterm.sim", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def announced(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(await asyncio.wait_for(process.stdout.readline(), TIMEOUT_S))


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "end of input"])
async def test_it_serves_until_told_to_stop_and_exits_with_0(end: str, tmp_path: Path) -> None:
    port_file = tmp_path / "box.json"
    async with simulator("--speed", "30", "--seed", "7", "--port-file", str(port_file)) as process:
        told = await announced(process)
        assert json.loads(port_file.read_text()) == told
        assert (told["seed"], told["clock"]["speed"]) == (7, 30.0)
        async with listen(told["feeds"]["binance_ws"][0] + "/ws/btcusdt@bookTicker") as socket:
            assert json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_S))["s"] == "BTCUSDT"
            if end == "end of input":
                assert process.stdin is not None
                process.stdin.close()
            else:
                process.send_signal(signal.Signals[end])
            assert await asyncio.wait_for(process.wait(), TIMEOUT_S) == 0
        assert process.stdout is not None
        assert process.stderr is not None
        assert (await process.stdout.read(), await process.stderr.read()) == (b"", b"")


async def test_what_it_announces_are_settings_for_an_engine() -> None:
    async with simulator() as process:
        told = await announced(process)
    settings = load({name: told[name] for name in ("feeds", "credentials", "clock")})
    assert settings.feeds.market_ws.startswith("ws://127.0.0.1:")
    assert settings.feeds.gamma == told["feeds"]["gamma"]
    assert settings.credentials.complete
    assert settings.clock.speed == 15
    assert settings.clock.market0_ms == told["clock"]["market0_ms"]


async def test_a_bad_argument_is_named() -> None:
    async with simulator("--speed", "0") as process:
        _, stderr = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode == 2
    assert b"--speed" in stderr


async def test_a_stopped_reader_of_stdout_does_not_matter_once_the_line_is_out() -> None:
    read_end, write_end = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "polyterm.sim", stdin=asyncio.subprocess.DEVNULL, stdout=write_end
    )
    os.close(write_end)
    with os.fdopen(read_end) as out:
        told = json.loads(await asyncio.to_thread(out.readline))
    try:
        assert (await get(f"{told['control']}/endpoints")).json() == told  # no pipe on stdin: it goes on
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), TIMEOUT_S) == 0


async def test_time_runs_by_itself_at_the_speed_asked_for() -> None:
    async with Box(seed=7, speed=60, market0_ms=MARKET0_MS) as box:
        async with listen(box.endpoints.feeds.market_ws) as socket:
            await open_market(socket, tokens(box, running(box)))
            await asyncio.wait_for(socket.recv(), TIMEOUT_S)
        assert box.now_ms > MARKET0_MS
        assert box.now_ms <= box.endpoints.clock.market_ms()
        with pytest.raises(RuntimeError, match="moves by itself"):
            await box.step(100)


async def test_the_first_window_is_todays_and_has_its_strike_in_the_stream() -> None:
    wall_ms = 1_795_344_000_000  # 10:40 UTC
    market0_ms = first_market_ms(wall_ms, "15m")
    assert market0_ms == 1_795_343_425_000  # 25 s into the window of 10:30
    async with Box(seed=1) as box:
        for coin in COINS:
            key = MarketKey(coin, "15m", window_epoch(box.now_ms // 1000, "15m"))
            assert (box.now_ms // 1000) - key.epoch == 25
            view = box.scene.view(key)
            assert view is not None
            assert view.strike is not None
            before = MarketKey(coin, "15m", key.epoch - 900)
            assert (await gamma_event(box, before))["slug"] == f"{coin}-updown-15m-{before.epoch}"


async def test_the_same_seed_gives_the_same_world() -> None:
    books = []
    for _ in range(2):
        async with Box(seed=11, market0_ms=MARKET0_MS) as box:
            await box.step(30_000)
            books.append((await get(f"{box.endpoints.feeds.clob}/book", token_id=tokens(box, running(box))[0])).text)
    assert books[0] == books[1]


def test_steps_are_fine_at_speed_1_and_few_at_high_speed() -> None:
    assert step_ms(1) == 100
    assert step_ms(15) == 600
    assert step_ms(100) == 4000
