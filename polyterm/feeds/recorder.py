"""Raw frames on disk, as they were received: compressed, in files that are never too large."""

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import zstandard

from polyterm.core.market import Coin, Horizon
from polyterm.errors import ConfigError
from polyterm.feeds.recording import FORMAT, Header, Heard
from polyterm.transport.clock import Clock
from polyterm.transport.health import FeedHealth
from polyterm.transport.tap import Kind

WAITING_BYTES: Final = 32 * 2**20
"""Of text. When so much waits for the disk, what follows is dropped and counted."""

FLUSH_EVERY_S: Final = 1.0
RETRY_S: Final = 5.0
FILE_SECONDS: Final = 3600
SUFFIX: Final = ".frames.jsonl.zst"


class Recorder:
    """A tap that writes what it hears into ``folder``, in files of at most an hour or ``file_bytes`` on disk.

    Compressing and writing are done in a thread. What is dropped, because the disk is slow, full or gone, is counted as
    gaps of ``health`` and marked in the recording where it is missing.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        coins: Sequence[Coin],
        horizon: Horizon,
        file_bytes: int,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        """Makes the folder, not its parents. Raises ConfigError when it cannot be written to."""
        _make(folder)
        self.health = FeedHealth("recorder", clock, stale_after_s=float("inf"))
        self.dropped = 0
        self._clock = clock
        self._waiting_limit = waiting_bytes
        self._waiting: list[Heard] = []
        self._waiting_bytes = 0
        self._lost = 0
        header = Header(
            polyterm_recording=FORMAT,
            run=time.time_ns() // 1_000_000,
            part=0,
            speed=clock.speed,
            coins=tuple(coins),
            horizon=horizon,
        )
        self._files = _Files(folder, header, file_bytes)

    def hear(self, kind: Kind, feed: str, host: str, text: str = "", what: str = "") -> None:
        if self._waiting_bytes + len(text) > self._waiting_limit:
            self._drop(1)
            self.health.gap("frames come faster than the disk takes them")
            return
        wall_ms, market_ms = time.time_ns() // 1_000_000, self._clock.market_ms()
        if self._lost:
            self._waiting.append(Heard("lost", "recorder", wall_ms, market_ms, text=str(self._lost)))
            self._lost = 0
        self._waiting.append(Heard(kind, feed, wall_ms, market_ms, host, what, text))
        self._waiting_bytes += len(text)

    async def run(self) -> None:
        """Write once a second until cancelled; what waits then is written first."""
        self.health.connecting("disk")
        # One thread, so that a write that is cancelled here and goes on there is not overtaken by the next.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder") as writer:
            try:
                while True:
                    await asyncio.sleep(FLUSH_EVERY_S)
                    if not await self._write(writer):
                        await asyncio.sleep(RETRY_S)
            finally:
                await asyncio.shield(self._finish(writer))

    async def _write(self, writer: ThreadPoolExecutor) -> bool:
        heard, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not heard:
            return True
        try:
            await asyncio.get_running_loop().run_in_executor(writer, self._files.write, heard)
        except OSError as error:
            self._drop(len(heard))
            self.health.gaps += len(heard)
            self.health.down(f"the recording cannot be written ({error.strerror or error})", RETRY_S)
            return False
        self.health.data()
        return True

    async def _finish(self, writer: ThreadPoolExecutor) -> None:
        await self._write(writer)
        try:
            await asyncio.get_running_loop().run_in_executor(writer, self._files.close)
        except OSError as error:
            self.health.down(f"the recording could not be ended ({error.strerror or error})", RETRY_S)

    def _drop(self, frames: int) -> None:
        self.dropped += frames
        self._lost += frames


class _Files:
    """The file being written, and when the next one is due. Blocks: for a thread, one call at a time."""

    def __init__(self, folder: Path, header: Header, file_bytes: int) -> None:
        self._folder = folder
        self._header = header
        self._file_bytes = file_bytes
        self._encoder = msgspec.json.Encoder()
        self._compressor: Any = None
        self._file: BinaryIO | None = None
        self._hour = 0

    def write(self, heard: Sequence[Heard]) -> None:
        """Whatever fails, the next call begins with a file of its own. Raises OSError."""
        try:
            file = self._current(heard[0].wall_ms)
            self._put(file, b"".join(self._encoder.encode(one) + b"\n" for one in heard))
        except OSError:
            self._abandon()
            raise

    def _current(self, wall_ms: int) -> BinaryIO:
        hour = wall_ms // (FILE_SECONDS * 1000)
        if self._file is not None and (hour != self._hour or self._file.tell() >= self._file_bytes):
            self.close()
        if self._file is None:
            self._header = msgspec.structs.replace(self._header, part=self._header.part + 1)
            stamp = datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S")
            name = f"{stamp}-{self._header.run % 10_000:04d}-{self._header.part:05d}{SUFFIX}"
            self._file = (self._folder / name).open("xb")
            self._hour = hour
            self._compressor = zstandard.ZstdCompressor().compressobj()
            self._put(self._file, self._encoder.encode(self._header) + b"\n")
        return self._file

    def _put(self, file: BinaryIO, data: bytes) -> None:
        """Flushed to a point from which it can be read, should this be the last that is ever written."""
        file.write(self._compressor.compress(data) + self._compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
        file.flush()

    def close(self) -> None:
        """Raises OSError."""
        if self._file is not None:
            file, self._file = self._file, None
            with file:
                file.write(self._compressor.flush())

    def _abandon(self) -> None:
        """A file that nothing reached goes, so that a disk that stays full is not strewn with them."""
        file, self._file = self._file, None
        if file is None:
            return
        path = Path(file.name)
        with contextlib.suppress(OSError):  # that it failed is known already
            file.close()
            if path.stat().st_size == 0:
                path.unlink()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"The folder {folder} for the recording cannot be made ({reason}): choose another.") from None
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"The folder {folder} for the recording cannot be written to: choose another.")
