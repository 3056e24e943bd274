"""Whole engines as processes, each on a machine of its own as far as files go, away from all venues."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.service.engines import request
from tests.service.test_process import environment


class Instance:
    """One headless engine; without ``url`` its database is the SQLite file of ``folder``, which others may share."""

    def __init__(self, folder: Path, name: str, url: str | None = None) -> None:
        self.name = name
        self.errors = b""
        self._folder = folder
        self._env = environment(folder)
        if url is not None:
            self._env |= {"DATABASE_URL": url, "POLYTERM_DATA_DIR": str(folder / name)}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "polyterm", "--headless", "--instance", self.name,
            env=self._env, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def health(self) -> dict[str, Any]:
        """What it says of itself; empty while it says nothing."""
        own = (
            self._folder / "run" / f"{self.name}.sock",
            self._folder / "run" / f"{self.name}-{self.process.pid}.sock",
        )
        for path in own:
            with suppress(aiohttp.ClientError, OSError):
                return dict((await request(path, "GET", "/health"))[1])
        if self.process.returncode is not None:
            self.errors = await self._read_errors()
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.errors.decode()}")
        return {}

    async def owns(self) -> bool:
        health = await self.health()
        return bool(health) and health["role"] == "owner" and health["status"] != "starting"

    async def observes(self) -> bool:
        return (await self.health()).get("role") == "observer"

    async def is_settled(self) -> bool:
        return await self.owns() or await self.observes()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.ended(30)

    async def ended(self, within_s: float) -> int:
        async with asyncio.timeout(within_s):
            self.errors = await self._read_errors()
            return await self.process.wait()

    async def _read_errors(self) -> bytes:
        return b"" if self.process.stderr is None else await self.process.stderr.read()


@asynccontextmanager
async def started(*instances: Instance) -> AsyncIterator[None]:
    """All at once; whoever is left at the end is killed."""
    try:
        await asyncio.gather(*(one.start() for one in instances))
        yield
    finally:
        with _resumed(instances):
            for one in instances:
                await one.end(signal.SIGKILL)


@contextmanager
def _resumed(instances: Sequence[Instance]) -> Iterator[None]:
    for one in instances:
        with suppress(ProcessLookupError):
            os.kill(one.process.pid, signal.SIGCONT)
    yield
