"""Addresses to listen on: a socket file that only its owner can reach, and a TCP port."""

import errno
import os
import socket
import stat
from pathlib import Path
from typing import Final

from aiohttp import web

from polyterm.errors import ConfigError

_PROBE_TIMEOUT_S: Final = 1.0


async def listen_unix(runner: web.AppRunner, path: Path) -> web.BaseSite:
    """Listen on a socket file that only this user can open; one left behind by a dead process is replaced.

    Raises:
        ConfigError: a living process listens there, or the path cannot be used.
    """
    _private_folder(path.parent)
    if _is_alive(path):
        raise ConfigError(
            f"An engine already listens on {path}: stop it, or give this one another name with --instance."
        )
    site = web.SockSite(runner, _bound(path))
    await site.start()
    return site


async def listen_tcp(runner: web.AppRunner, host: str, port: int) -> int:
    """Listen on a port (0 chooses a free one) and give its number.

    Raises:
        ConfigError: the port is taken or the address is not this machine's.
    """
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"Port {port} on {host} is in use: stop what uses it, or set another (DASHBOARD_PORT or PORT)."
            ) from None
        raise ConfigError(f"The address {host}:{port} cannot be listened on: {error.strerror or error}.") from None
    bound = [address[1] for address in runner.addresses if isinstance(address, tuple)]
    return int(bound[-1])


def remove(path: Path) -> None:
    """Take a socket file of ours away."""
    path.unlink(missing_ok=True)


def _private_folder(folder: Path) -> None:
    """Made when missing. One that others may write to could have its socket exchanged, and is refused, not changed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise ConfigError(f"The runtime folder {folder} cannot be used: {error.strerror}.") from None
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ConfigError(f"The runtime folder {folder} can be changed by other users: set POLYTERM_RUNTIME_DIR.")


def _bound(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    umask = os.umask(0o177)  # the file must never have been open to others, not even until a chmod
    try:
        path.unlink(missing_ok=True)
        listening.bind(os.fspath(path))
    except OSError as error:
        listening.close()
        raise ConfigError(f"The socket {path} cannot be opened: {error.strerror or error}.") from None
    finally:
        os.umask(umask)
    return listening


def _is_alive(path: Path) -> bool:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"{path} is in the way of the status socket and is not a socket: remove it.")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_PROBE_TIMEOUT_S)
            probe.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except OSError as error:
        # A full backlog or a slow peer is somebody's all the same.
        if error.errno in {errno.EAGAIN, errno.ETIMEDOUT} or isinstance(error, TimeoutError):
            return True
        raise ConfigError(f"The socket {path} cannot be used: {error.strerror or error}.") from None
    return True
