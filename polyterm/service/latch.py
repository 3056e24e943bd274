"""The trading state on disk, so that a kill or a pause outlives the process until somebody resumes explicitly.

The file lies beside the database and depends on nothing but the file system: it is written while the database is locked
or gone. When it cannot be trusted, the engine starts KILLED.
"""

import errno
import os
from pathlib import Path
from typing import Final

import msgspec

from polyterm.core.command import Command, CommandKind, TradingState
from polyterm.errors import StoreError

ORIGIN: Final = "latch"
_UNREADABLE: Final = "unreadable"
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class Latched(msgspec.Struct, frozen=True):
    """The last commanded trading state; ``at_ms`` is market time."""

    state: TradingState
    reason: str
    actor: str
    at_ms: int
    command_id: str


_decoder: Final[msgspec.json.Decoder[Latched]] = msgspec.json.Decoder(Latched)


class Latch:
    """One latch file. Writes are atomic: a reader or a crash sees the old state or the new one.

    On a full disk a kill or a pause is written over the old state, whose room it has; cut off in the middle of that it
    cannot be read, and so kills.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, latched: Latched) -> None:
        """Returns once file and folder are on disk.

        Raises:
            StoreError: the state could not be made durable.
        """
        fresh, data = self.path.with_name(self.path.name + ".new"), msgspec.json.format(msgspec.json.encode(latched))
        try:
            try:
                _write_durably(fresh, data)
                fresh.replace(self.path)
            except OSError as error:
                if error.errno not in _NO_ROOM or latched.state == "RUNNING":
                    raise
                _write_over(self.path, data)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise StoreError(f"The latch file {self.path} cannot be written: {error.strerror or error}.") from error

    def begin(self) -> None:
        """On the very first start leave a latch, so that its later absence means something. Raises StoreError."""
        if not self.path.exists():
            self.write(Latched("RUNNING", "", ORIGIN, 0, "first start"))

    def read(self) -> Latched:
        """The state in force; KILLED when that cannot be told. Deleting the file does not resume trading."""
        try:
            return _decoder.decode(self.path.read_bytes())
        except FileNotFoundError:
            return self._closed("is gone")
        except (OSError, msgspec.DecodeError) as error:
            return self._closed(f"cannot be read ({error})")

    def catch_up(self, known: Latched | None) -> None:
        """Take over a newer state that is known from elsewhere; a latch that cannot be trusted stays closed.

        Raises StoreError.
        """
        ours = self.read()
        if known is not None and known.at_ms > ours.at_ms and ours.command_id != _UNREADABLE:
            self.write(known)

    def _closed(self, what: str) -> Latched:
        reason = f"the latch file {self.path} {what}: trading stays killed until you resume"
        return Latched("KILLED", reason, ORIGIN, 0, _UNREADABLE)


def opening(latched: Latched) -> Command | None:
    """The command that brings a fresh engine into a latched state, None when that is RUNNING."""
    if latched.state == "RUNNING":
        return None
    kind: CommandKind = "kill" if latched.state == "KILLED" else "pause"
    return Command(f"{ORIGIN}-{latched.command_id}", kind, latched.actor, ORIGIN, latched.reason)


def _write_durably(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _write_over(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
