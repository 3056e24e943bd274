"""One writer per database: a lock on a file beside it, which the system lets go of however its holder ends."""

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import Final

import msgspec

from polyterm.errors import ConfigError

RETRY_S: Final = 0.5
"""How often whoever waits for a lease should try: the holder's end wakes nobody."""


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


class Holder(msgspec.Struct, frozen=True):
    """Who writes; ``since_ms`` is unix time."""

    pid: int
    host: str
    instance: str
    since_ms: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} (instance {self.instance})"


def this_process(instance: str) -> Holder:
    return Holder(os.getpid(), socket.gethostname(), instance, time.time_ns() // 1_000_000)


class Lease:
    """Held from a successful ``take`` until ``release`` or the end of the process.

    ``ran_before`` says whether somebody held it earlier: the file stays when the lock goes.
    """

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.ran_before = False
        self._holder = holder
        self._fd: int | None = None

    def take(self) -> bool:
        """Try once; False when another process holds it.

        Raises:
            ConfigError: the file cannot be opened, locked or written there.
        """
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"The database folder {self.path.parent} cannot be used: {error.strerror}.") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except OSError as error:
            os.close(fd)
            raise ConfigError(f"The database folder {self.path.parent} has no file locks: {error.strerror}.") from None
        self.ran_before = os.fstat(fd).st_size > 0
        try:
            os.ftruncate(fd, os.pwrite(fd, msgspec.json.encode(self._holder) + b"\n", 0))
        except OSError as error:
            os.close(fd)
            raise ConfigError(f"The lease {self.path} cannot be written: {error.strerror}.") from None
        self._fd = fd
        return True

    @property
    def held(self) -> bool:
        return self._fd is not None

    def holder(self) -> str:
        """Who holds it, in words."""
        try:
            return str(msgspec.json.decode(self.path.read_bytes(), type=Holder))
        except (OSError, msgspec.DecodeError):
            return "another process"

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
