"""Which running engine a command means."""

import socket
from pathlib import Path

from polyterm.errors import LinkError
from polyterm.settings import Settings


def find_engine(settings: Settings, address: str | None, instance: str | None) -> str:
    """The link address of an engine: as given, by name, or the only one that runs here.

    Raises:
        LinkError: none runs, or more than one and the choice was left open.
    """
    if address is not None:
        return address if "://" in address or address.startswith("unix:") else f"unix:{address}"
    if instance is not None:
        return _socket(settings.runtime_dir / f"{instance}.sock")
    if is_alive(settings.socket_path):
        return _socket(settings.socket_path)
    sockets = [path for path in sorted(settings.runtime_dir.glob("*.sock")) if is_alive(path)]
    if not sockets:
        raise LinkError(
            f"No engine runs here (no socket in {settings.runtime_dir}): "
            "start one with 'polyterm' or 'polyterm --headless', or give an address."
        )
    if len(sockets) > 1:
        names = ", ".join(path.stem for path in sockets)
        raise LinkError(f"Several engines run here ({names}): choose one with --instance NAME.")
    return _socket(sockets[0])


def is_alive(path: Path) -> bool:
    """Whether a process listens on that Unix socket; a file that a dead one left behind does not count."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _socket(path: Path) -> str:
    if not path.exists():
        raise LinkError(f"No engine named {path.stem!r} runs here (no socket {path}).")
    return f"unix:{path}"
