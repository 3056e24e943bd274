"""A real headless process, away from all venues."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.service.engines import request, short_folder
from tests.waiting import eventually

NOWHERE = "127.0.0.1:9"


def environment(folder: Path) -> dict[str, str]:
    urls = {"BINANCE_WS": f'["ws://{NOWHERE}"]', "POLYGON_RPC": "[]"}
    urls |= dict.fromkeys(("BINANCE_REST", "GAMMA", "CLOB"), f"http://{NOWHERE}")
    urls |= dict.fromkeys(("MARKET_WS", "SETTLEMENT_WS"), f"ws://{NOWHERE}/ws")
    return {
        **os.environ,
        **{f"POLYTERM_FEEDS__{name}": value for name, value in urls.items()},
        "POLYTERM_DATA_DIR": str(folder / "data"),
        "POLYTERM_RUNTIME_DIR": str(folder / "run"),
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with short_folder() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "polyterm", "--headless",
            env=environment(folder), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        path = folder / "run" / "default.sock"

        async def makes_ticks() -> bool:
            if not path.exists():
                return False
            code, status = await request(path, "GET", "/api/live/status")
            return code == 200 and status["inputs"] > 0

        await eventually(makes_ticks, 20)
        assert (await request(path, "POST", "/api/live/kill"))[0] == 200
        process.send_signal(number)
        async with asyncio.timeout(15):
            out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert not path.exists()
        lines = [json.loads(line) for line in out.splitlines()]
        assert lines[-1]["message"] == "ended"
        with closing(sqlite3.connect(folder / "data" / "polyterm.db")) as connection, connection:
            assert connection.execute("SELECT count(*) FROM ticks").fetchone()[0] > 0
            assert connection.execute("SELECT count(*) FROM sessions WHERE ended_ms IS NOT NULL").fetchone() == (1,)
        latch = json.loads((folder / "data" / "polyterm.db.latch.json").read_text())
        assert latch["state"] == "KILLED"


NO_NAME_SERVER = """
import socket, threading

known = socket.getaddrinfo

def look_up(host, *args, **kwargs):
    if host == "venue.invalid":
        print("looking up", flush=True)
        threading.Event().wait()
    return known(host, *args, **kwargs)

socket.getaddrinfo = look_up
from polyterm.cli import main
main()
"""


async def test_a_name_server_that_never_answers_does_not_hold_up_the_end() -> None:
    with short_folder() as folder:
        names = {name: value.replace(NOWHERE, "venue.invalid") for name, value in environment(folder).items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", NO_NAME_SERVER, "--headless",
            env=names, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(20):
            while await process.stdout.readline() != b"looking up\n":
                pass
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(5):
                _, err = await process.communicate()
        except TimeoutError:
            process.kill()
            raise
        assert (process.returncode, err) == (0, b"")
        assert not (folder / "run" / "default.sock").exists()
