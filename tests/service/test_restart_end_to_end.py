"""A real engine process on the simulator is killed in the middle of a window, twice; nothing is lost, nothing twice."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from polyterm.service.verification import verify_session
from polyterm.sim.box import Box
from tests.service.engines import request, short_folder
from tests.waiting import eventually

EPOCH = 1_790_000_100
SPEED = 20.0


def environment(box: Box, folder: Path) -> dict[str, str]:
    given = {"POLYTERM_DATA_DIR": str(folder / "data"), "POLYTERM_RUNTIME_DIR": str(folder / "run")}
    for section in ("clock", "feeds", "credentials"):
        for name, value in msgspec.to_builtins(getattr(box.endpoints, section)).items():
            text = value if isinstance(value, str) else json.dumps(value)
            given[f"POLYTERM_{section.upper()}__{name.upper()}"] = text
    return {**os.environ, **given}


class Engine:
    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._socket = folder / "run" / "default.sock"

    async def get(self, what: str) -> Any:
        return (await request(self._socket, "GET", f"/api/{what}"))[1]

    async def runs(self) -> bool:
        if not self._socket.exists():
            return False
        try:
            return bool((await request(self._socket, "GET", "/health"))[1]["status"] != "starting")
        except OSError:  # the socket of the one before
            return False

    async def held(self) -> set[tuple[Any, ...]]:
        positions = (await self.get("live/positions"))["positions"]
        return {(one["strategyName"], one["crypto"], one["windowEpoch"], _ms(one["entryTime"])) for one in positions}

    async def post(self, what: str) -> int:
        return (await request(self._socket, "POST", f"/api/{what}"))[0]


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@asynccontextmanager
async def engine(box: Box, folder: Path) -> AsyncIterator[Engine]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "polyterm", "--headless",
        env=environment(box, folder), stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        started = Engine(folder, process)
        await eventually(started.runs, 20)
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def ask(folder: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "data" / "polyterm.db")) as connection, connection:
        return connection.execute(question).fetchall()


def traded(folder: Path) -> set[tuple[Any, ...]]:
    columns = "strategy_name, crypto, window_epoch, entry_ms"
    return set(ask(folder, f"SELECT {columns} FROM paper_trades"))


async def test_positions_records_and_a_kill_outlive_the_process(measured: Callable[[str], None]) -> None:
    with short_folder() as folder:
        async with Box(seed=5, speed=SPEED, market0_ms=(EPOCH + 600) * 1000) as box:
            async with engine(box, folder) as first:

                async def holds_many() -> bool:
                    return len(await first.held()) >= 10

                await eventually(holds_many, 20)
                before = await first.held()
                newest_ms = max(entry_ms for *_, entry_ms in before)
                await eventually(lambda: (ask(folder, "SELECT max(timestamp_ms) FROM ticks")[0][0] or 0) > newest_ms)
                first.process.send_signal(signal.SIGKILL)
                await first.process.wait()
            async with engine(box, folder) as second:
                after = await second.held()
                gone = before - after
                assert gone <= traded(folder), "a position is neither open nor closed"

                async def settled() -> bool:
                    return before | after <= traded(folder)

                await eventually(settled, 60)
                assert await second.post("live/kill") == 200
                second.process.send_signal(signal.SIGKILL)
                await second.process.wait()
            async with engine(box, folder) as third:
                assert (await third.get("live/status"))["state"] == "KILLED"
                third.process.send_signal(signal.SIGTERM)
                assert await third.process.wait() == 0
        natural = "strategy_name, crypto, horizon, window_epoch, entry_ms"
        assert not ask(folder, f"SELECT {natural}, count(*) FROM paper_trades GROUP BY {natural} HAVING count(*) > 1")
        assert before <= traded(folder)
        sessions = ask(folder, "SELECT session, predecessor FROM sessions ORDER BY started_ms")
        assert [predecessor for _, predecessor in sessions] == [None, *(name for name, _ in sessions[:-1])]
        assert (await verify_session(folder / "data" / "polyterm.db", sessions[-1][0])).verdict == "verified"
    measured(f"restart: {len(before)} positions open at kill -9, {len(after)} open after it, all settled once")
