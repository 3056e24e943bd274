"""What a restart needs, on this machine's own disk: for a database that may be away when the engine is started again.

One file: the newest checkpoint, and every input since. It is there for the death of the process, not of the machine,
so nothing waits for the disk; of a torn end everything before it counts. After a power cut it may be an older one, so
it says in which run of the machine it was written.
"""

import logging
import os
import struct
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from polyterm.core.input import Input
from polyterm.service.boot import boot_id
from polyterm.store.checkpoint_rows import StoredCheckpoint
from polyterm.store.rows import SessionInfo

SUFFIX: Final = ".journal"
_LENGTH: Final = struct.Struct("<I")

log = logging.getLogger(__name__)


class _Head(msgspec.Struct, frozen=True):
    session: SessionInfo
    checkpoint: StoredCheckpoint | None
    boot: str | None = None


class Journalled(msgspec.Struct, frozen=True):
    """A session as its journal knows it: ``inputs`` are those after the checkpoint, or all when there is none.
    ``boot`` is the run of the machine (see ``boot_id``), None when that is not known."""

    session: SessionInfo
    checkpoint: StoredCheckpoint | None
    inputs: tuple[Input, ...]
    boot: str | None

    @property
    def is_whole(self) -> bool:
        """Nothing of it can have been lost with the machine's memory."""
        return self.boot is not None and self.boot == boot_id()


_encode: Final = msgspec.msgpack.Encoder().encode
_heads: Final = msgspec.msgpack.Decoder(_Head)
_inputs: Final = msgspec.msgpack.Decoder(Input)


class Journal:
    """Of one session. A disk that takes no more ends it until the next checkpoint, and the file goes: nobody could tell
    what it lacks. That is logged, and nothing else suffers.
    """

    def __init__(self, path: Path, session: SessionInfo) -> None:
        self._path = path
        self._session = session
        self.begun = False
        self._fd: int | None = None
        self._newest: deque[tuple[int, bytes]] = deque()
        self._fresh = path.with_name(path.name + ".new")

    def begin(self, checkpoint: StoredCheckpoint | None) -> None:
        """Put ``checkpoint`` and what came after it in the place of whatever was there."""
        self.begun = True
        after = 0 if checkpoint is None else checkpoint.number
        while self._newest and self._newest[0][0] <= after:
            self._newest.popleft()
        frames = [_frame(_encode(_Head(self._session, checkpoint, boot_id()))), *(frame for _, frame in self._newest)]
        fresh = self._fresh
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self.close()
            self._fd = fd
            self._write(b"".join(frames))
            fresh.replace(self._path)
        except OSError as error:
            self._give_up(error)

    def add(self, item: Input) -> None:
        """Never blocks for longer than the system takes to copy a few hundred bytes."""
        frame = _frame(_encode(item))
        self._newest.append((item.number, frame))
        if self._fd is not None:
            try:
                self._write(frame)
            except OSError as error:
                self._give_up(error)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, data: bytes) -> None:
        if self._fd is not None and os.write(self._fd, data) < len(data):
            raise OSError("the disk is full")

    def _give_up(self, error: OSError) -> None:
        log.error("the journal %s cannot be written: %s", self._path, error.strerror or error)
        self.close()
        for path in (self._path, self._fresh):
            with suppress(OSError):  # of a folder that is gone or read-only
                path.unlink()


def _frame(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def read_journal(path: Path) -> Journalled | None:
    """None when there is none that can be read."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    frames, place = [], 0
    while place + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        frames.append(data[place : place + length])
        place += length
    try:
        head = _heads.decode(frames[0])
        torn = place > len(data)
        return Journalled(
            head.session, head.checkpoint, tuple(map(_inputs.decode, frames[1 : -1 if torn else None])), head.boot
        )  # fmt: skip
    except (IndexError, msgspec.DecodeError) as error:
        log.warning("the journal %s cannot be read: %s", path, error)
        return None
