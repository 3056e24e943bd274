"""Why a connection failed, in words a trader can read."""

import socket
import ssl
from typing import Final

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

_STATUS: Final = {
    401: "does not accept our credentials",
    403: "refuses access",
    418: "has banned this address for a while",
    429: "asks us to slow down",
    451: "refuses this region",
}

# The first that matches counts: the special ones before OSError, which they all are.
_FAILURES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TimeoutError, "does not answer"),
    (socket.gaierror, "cannot be found: no network, or no such name"),
    (ConnectionRefusedError, "refuses the connection"),
    (ssl.SSLError, "offers no secure connection ({error})"),
    (OSError, "cannot be reached ({error})"),
    (InvalidMessage, "breaks off the handshake"),
    (InvalidHandshake, "does not answer as a websocket server ({error})"),
)


def status_reason(host: str, status: int) -> str:
    """``status`` is an HTTP status that is not a success."""
    what = _STATUS.get(status, "is out of order" if status >= 500 else "answered unexpectedly")
    return f"{host} {what} (HTTP {status})"


def failure_reason(error: Exception, host: str) -> str:
    if isinstance(error, InvalidStatus):
        return status_reason(host, error.response.status_code)
    if isinstance(error, ConnectionClosed):
        if error.rcvd is None:
            return f"the connection to {host} was lost"
        said = f", {error.rcvd.reason}" if error.rcvd.reason else ""
        return f"{host} closed the connection ({error.rcvd.code}{said})"
    for kind, what in _FAILURES:
        if isinstance(error, kind):
            return f"{host} {what.format(error=error)}"
    return f"{host}: {type(error).__name__}: {error}"
