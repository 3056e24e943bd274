import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

NOWHERE = {  # a closed port on loopback: every venue refuses the connection
    "POLYTERM_FEEDS__BINANCE_WS": '["ws://127.0.0.1:9"]',
    "POLYTERM_FEEDS__BINANCE_REST": "http://127.0.0.1:9",
    "POLYTERM_FEEDS__GAMMA": "http://127.0.0.1:9",
    "POLYTERM_FEEDS__CLOB": "http://127.0.0.1:9",
    "POLYTERM_FEEDS__MARKET_WS": "ws://127.0.0.1:9/ws/market",
    "POLYTERM_FEEDS__SETTLEMENT_WS": "ws://127.0.0.1:9/ws",
    "POLYTERM_FEEDS__POLYGON_RPC": '["http://127.0.0.1:9"]',
}


class Engine:
    """A headless engine in a process of its own, reached through its Unix socket."""

    def __init__(self, process: asyncio.subprocess.Process, socket: Path) -> None:
        self.process = process
        self.socket = socket

    async def request(self, method: str, path: str, **options: object) -> tuple[int, dict]:
        connector = aiohttp.UnixConnector(path=str(self.socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://localhost{path}", **options) as response,
        ):
            return response.status, await response.json()

    async def answers(self) -> bool:
        if self.process.returncode is not None:
            raise AssertionError(f"the engine ended with {self.process.returncode}")
        try:
            await self.request("GET", "/health")
        except (aiohttp.ClientError, OSError):
            return False
        return True

    async def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(20):
            return await self.process.wait()


@pytest.fixture
def short_runtime_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """pytest's own folders are too deep for a Unix socket's path."""
    with tempfile.TemporaryDirectory(prefix="pt-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder) / "polyterm"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def headless(short_runtime_dir: Path):
    @asynccontextmanager
    async def start(*arguments: str, instance: str = "default") -> AsyncIterator[Engine]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "polyterm", "--headless", "--instance", instance, *arguments,
            stdin=subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        engine = Engine(process, short_runtime_dir / f"{instance}.sock")
        try:
            yield engine
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return start


@pytest.fixture
def polyterm(short_runtime_dir: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a user would, and return what it printed."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "polyterm", *arguments],
            capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ), stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run
