"""The one HTTP client of the program."""

from typing import Final

import httpx

from polyterm import __version__
from polyterm.errors import ConfigError

USER_AGENT: Final = f"polyterm/{__version__}"
_LOOPBACK: Final = ("all://localhost", "all://127.0.0.1", "all://[::1]")


def http_client(*, timeout_s: float = 5.0, connections: int = 20) -> httpx.AsyncClient:
    """A client that gives up after ``timeout_s`` in each phase, honours proxy variables except for this machine, and
    follows no redirects. The caller closes it.

    Raises:
        ConfigError: the environment names a proxy that cannot be used.
    """
    try:
        return httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s),
            headers={"User-Agent": USER_AGENT},
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            mounts=dict.fromkeys(_LOOPBACK),
        )
    except (ImportError, httpx.InvalidURL, ValueError):  # their texts may repeat a password
        raise ConfigError(
            "A proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) cannot be used: give it as "
            "http://host:port, SOCKS is not supported, or unset it."
        ) from None
