"""Which running engine a command means."""

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
    if settings.socket_path.exists():
        return _socket(settings.socket_path)
    sockets = sorted(settings.runtime_dir.glob("*.sock")) if settings.runtime_dir.is_dir() else []
    if not sockets:
        raise LinkError(
            f"No engine runs here (no socket in {settings.runtime_dir}): "
            "start one with 'polyterm' or 'polyterm --headless', or give an address."
        )
    if len(sockets) > 1:
        names = ", ".join(path.stem for path in sockets)
        raise LinkError(f"Several engines run here ({names}): choose one with --instance NAME.")
    return _socket(sockets[0])


def _socket(path: Path) -> str:
    if not path.exists():
        raise LinkError(f"No engine named {path.stem!r} runs here (no socket {path}).")
    return f"unix:{path}"
