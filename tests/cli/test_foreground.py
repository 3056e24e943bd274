"""The console with an engine of its own, on a terminal: what is left when either of them is killed."""

import asyncio
import contextlib
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polyterm.cli.launch import Launch
from polyterm.cli.reach import is_alive
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("offline")


class Terminal:
    """A program that runs on a pseudo-terminal of 120×36, and all that it wrote there."""

    def __init__(self, process: asyncio.subprocess.Process, fd: int) -> None:
        self.process = process
        self.written = b""
        self._fd = fd
        asyncio.get_running_loop().add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            self.written += os.read(self._fd, 65536)
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self._fd)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    async def ended(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def terminal(*arguments: str, **environment: str) -> AsyncIterator[Terminal]:
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "polyterm", *arguments,
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "36", **environment},
    )  # fmt: skip
    os.close(slave)
    shown = Terminal(process, master)
    try:
        yield shown
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        shown.close()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the engine through /proc")


async def test_quitting_stops_the_engine(short_runtime_dir: Path) -> None:
    socket = short_runtime_dir / "default.sock"
    async with terminal() as console:
        await eventually(lambda: b"RUNNING" in console.written, 20)
        assert b"NO ENGINE" not in console.written  # one that is starting is no alarm
        console.type("q")
        assert await console.ended() == 0
    assert not socket.exists()


@needs_proc
async def test_what_names_the_database_is_in_no_list_of_processes(short_runtime_dir: Path, tmp_path: Path) -> None:
    given, other = tmp_path / "given.db", tmp_path / "other.db"
    async with terminal("--db", str(given), DATABASE_URL=str(other), POLYTERM_DB=str(other)) as console:
        await eventually(lambda: b"RUNNING" in console.written, 20)
        (engine,) = children(console.process.pid)
        assert b"given.db" not in command_line(engine)
        console.type("q")
        assert await console.ended() == 0
    assert given.exists()
    assert not other.exists()
    assert "1234" not in repr(Launch(db="postgresql://me:1234@here/polyterm"))


@needs_proc
async def test_a_killed_engine_ends_the_console_with_a_sentence(short_runtime_dir: Path) -> None:
    async with terminal() as console:
        await eventually(lambda: b"RUNNING" in console.written, 20)
        (engine,) = children(console.process.pid)
        os.kill(engine, signal.SIGKILL)
        assert await console.ended() == 2
        await eventually(lambda: b"The engine was killed (SIGKILL). Start polyterm again." in console.written)
    assert not is_alive(short_runtime_dir / "default.sock")


async def test_a_killed_console_takes_its_engine_along(short_runtime_dir: Path) -> None:
    socket = short_runtime_dir / "default.sock"
    async with terminal() as console:
        await eventually(lambda: b"RUNNING" in console.written, 20)
        console.process.kill()
        await console.ended()
        await eventually(lambda: not socket.exists(), 20)


@pytest.mark.parametrize("arguments", [[], ["--demo"]])
async def test_a_terminal_without_a_cursor_is_refused(arguments: list[str]) -> None:
    async with terminal(*arguments, TERM="dumb") as console:
        assert await console.ended() == 2
        await eventually(lambda: b"TERM=dumb" in console.written and b"--headless" in console.written)
