"""What Railway is told, tried out here as it is written."""

import asyncio
import json
import re
import signal
import socket
import sqlite3
import sys
import time
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from polyterm.settings import load
from tests.service.engines import short_folder
from tests.service.test_process import environment
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def told() -> dict[str, Any]:
    return tomllib.loads((ROOT / "railway-headless.toml").read_text(encoding="utf-8"))


def test_seconds_are_numbers_and_the_engine_has_time_to_end(told: dict[str, Any]) -> None:
    deploy = told["deploy"]
    for name in ("healthcheckTimeout", "overlapSeconds", "drainingSeconds"):
        assert type(deploy[name]) is int
    assert 20 <= deploy["drainingSeconds"] <= 30
    assert deploy["startCommand"].startswith("exec ")
    assert list(deploy["multiRegionConfig"]) == ["europe-west4-drams3a"]


def test_both_forms_say_the_same(told: dict[str, Any]) -> None:
    text = (ROOT / ".railway" / "railway.ts").read_text(encoding="utf-8")
    names = "buildCommand|builder|startCommand|healthcheck\\w+|restartPolicyType|overlapSeconds|drainingSeconds"
    said = {name: json.loads(value) for name, value in re.findall(rf'\b({names}): ("[^"]*"|\d+)', text)}
    expected = {**told["build"], **told["deploy"]}
    (region,) = expected.pop("multiRegionConfig")
    assert said == expected
    assert f'REGION = "{region}"' in text


def test_a_port_of_the_environment_is_open_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().service.host == "127.0.0.1"
    monkeypatch.setenv("PORT", "8080")
    assert (load().service.host, load().service.port) == ("0.0.0.0", 8080)
    monkeypatch.setenv("POLYTERM_SERVICE__HOST", "127.0.0.1")
    assert load().service.host == "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_the_start_command_serves_health_and_ends_on_a_signal(told: dict[str, Any]) -> None:
    with short_folder() as folder:
        (folder / "env").symlink_to(Path(sys.prefix))
        (folder / "volume").mkdir()
        port = free_port()
        variables = {**environment(folder), "PORT": str(port), "RAILWAY_VOLUME_MOUNT_PATH": str(folder / "volume")}
        del variables["POLYTERM_DATA_DIR"]
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", told["deploy"]["startCommand"],
            cwd=folder, env=variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with aiohttp.ClientSession(headers={"Host": "healthcheck.railway.app"}) as session:

            async def code(path: str) -> int:
                try:
                    async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                        return response.status
                except aiohttp.ClientConnectionError:
                    return 0

            async def healthy() -> bool:
                return await code("/health") == 200

            await eventually(healthy, 20)
            assert await code("/metrics") == 401
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(told["deploy"]["drainingSeconds"]):
            out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert time.monotonic() - began < 10
        assert json.loads(out.splitlines()[-1])["message"] == "ended"
        with closing(sqlite3.connect(folder / "volume" / "polyterm.db")) as connection:
            assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
