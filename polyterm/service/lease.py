"""One writer per database: whoever holds its lease. Of a SQLite file it is a lock on a file beside it."""

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import Final, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from polyterm.errors import ConfigError
from polyterm.service.latch import Latched

RETRY_S: Final = 0.5
"""How often whoever waits for a lease should try: the holder's end wakes nobody."""


class Lease(Protocol):
    """Held from a successful ``take`` until ``release``, the end of the process, or its loss to another instance.

    ``ran_before`` says whether somebody held it earlier with the files of this disk. ``fence`` grows with every holder,
    and is 0 where nothing can be taken from one; ``trouble`` is a sentence while its keeper cannot be reached.
    ``latched`` is the newest trading state that was kept with the lease at the last try, None where none is.
    """

    ran_before: bool
    fence: int
    trouble: str
    latched: Latched | None

    @property
    def held(self) -> bool: ...

    async def take(self) -> bool:
        """Try once; False when another holds it.

        Raises:
            ConfigError: it cannot be had, whoever holds it.
            StoreError: the database cannot be asked now.
        """
        ...

    def holder(self) -> str:
        """Who held it at the last try, in words."""
        ...

    async def check(self) -> bool:
        """Whether it is still ours, asked where it is kept. Raises StoreError when that cannot be asked now."""
        ...

    async def keep(self) -> None:
        """Give signs of life while it is held, until cancelled. Raises LeaseLost."""
        ...

    async def guard(self, connection: AsyncConnection) -> None:
        """First in every transaction that writes: until its end nobody else becomes the owner. Raises LeaseLost."""
        ...

    async def release(self) -> None: ...


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who writes; ``since_ms`` is unix time, ``token`` marks one holding of a lease that is kept elsewhere."""

    pid: int
    host: str
    instance: str
    since_ms: int
    token: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} (instance {self.instance})"


def this_process(instance: str) -> Holder:
    return Holder(os.getpid(), socket.gethostname(), instance, time.time_ns() // 1_000_000)


def lease_path(location: Path) -> Path:
    """The lock file of the database at ``location``."""
    return location.with_name(location.name + ".lease")


def is_held(path: Path) -> bool:
    """Whether somebody holds the lease now. To ask shuts out, for an instant, whoever wants to take it."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


class LockFile:
    """A file that one process at a time can lock, with the name of the last who held it.

    The system lets go of the lock however its holder ends; a stopped process keeps it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def locked(self) -> bool:
        return self._fd is not None

    def lock(self) -> bool:
        """Try once; False when another process has it. Raises ConfigError when the folder cannot be used."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            folder, why = self.path.parent, error.strerror
            raise ConfigError(
                f"The database folder {folder} cannot be used ({why}): make it writable, or choose another."
            ) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except OSError as error:
            os.close(fd)
            raise ConfigError(f"The database folder {self.path.parent} has no file locks: {error.strerror}.") from None
        self._fd = fd
        return True

    def read(self) -> Holder | None:
        """The last holder, None where there was none or nothing can be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, holder: Holder) -> None:
        """Leave the holder's name. Raises ConfigError, and the lock is gone, when that fails."""
        if self._fd is None:
            raise RuntimeError("the lock is not held")
        try:
            os.ftruncate(self._fd, os.pwrite(self._fd, msgspec.json.encode(holder) + b"\n", 0))
        except OSError as error:
            self.unlock()
            raise ConfigError(f"The lease {self.path} cannot be written: {error.strerror}.") from None

    def unlock(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class FileLease:
    """The lease of a SQLite file. Nobody can take it while its holder lives, so there is nothing to lose or to keep."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.ran_before = False
        self.fence = 0
        self.trouble = ""
        self.latched: Latched | None = None
        self._file = LockFile(path)
        self._holder = holder

    @property
    def held(self) -> bool:
        return self._file.locked

    async def take(self) -> bool:
        if not self._file.lock():
            return False
        self.ran_before = self._file.read() is not None
        self._file.write(self._holder)
        return True

    def holder(self) -> str:
        return str(self._file.read() or "another process")

    async def check(self) -> bool:
        return self.held

    async def keep(self) -> None:
        return

    async def guard(self, connection: AsyncConnection) -> None:
        return

    async def release(self) -> None:
        self._file.unlock()
