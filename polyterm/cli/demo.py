"""The simulator as a process of its own, and what an engine must be told to trade on it."""

import asyncio
import contextlib
import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec

from polyterm.cli.launch import Launch
from polyterm.errors import ConfigError

DEFAULT_SPEED: Final = 15.0
_PREFIX: Final = "polyterm-demo-"
_START_TIMEOUT_S: Final = 30.0
_STOP_TIMEOUT_S: Final = 5.0


class Demo(msgspec.Struct, frozen=True):
    """``settings`` is the part of the settings tree that points an engine at the simulator."""

    settings: dict[str, Any]
    folder: Path


@contextlib.asynccontextmanager
async def demo(launch: Launch) -> AsyncIterator[Demo]:
    """Start a simulator, and stop it afterwards; the demo's data folder goes with it.

    Raises:
        ConfigError: the simulator did not start.
    """
    speed = DEFAULT_SPEED if launch.demo_speed is None else launch.demo_speed
    command = [sys.executable, "-m", "polyterm.sim", "--speed", str(speed)]
    if launch.seed is not None:
        command += ["--seed", str(launch.seed)]
    if launch.horizon is not None:
        command += ["--horizon", launch.horizon]
    folder = await asyncio.to_thread(_fresh_folder)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl+C reaches the engine first, which then lets the simulator go
    )
    try:
        importlib.import_module("polyterm.service.runtime")  # of use while the simulator starts
        yield Demo(await _announced(process), folder)
    finally:
        await _stop(process)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _fresh_folder() -> Path:
    """Named after this process, so that what a killed demo left behind can be told from a running one's, and goes."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not _is_running(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _announced(process: asyncio.subprocess.Process) -> dict[str, Any]:
    try:
        line = b"" if process.stdout is None else await asyncio.wait_for(process.stdout.readline(), _START_TIMEOUT_S)
        told = json.loads(line)
        return {"feeds": told["feeds"], "credentials": told["credentials"], "clock": told["clock"]}
    except (TimeoutError, ValueError, KeyError):
        raise ConfigError(
            "The demo's simulator did not start: run 'python -m polyterm.sim' to see what it says."
        ) from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
