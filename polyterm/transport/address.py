"""Addresses: the part of a URL that may be shown, and which hosts are this machine."""

import ipaddress
from urllib.parse import urlsplit


def host_of(url: str) -> str:
    """``host`` or ``host:port`` of a URL. Paths, queries and user info may hold keys, so they are never shown."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    return host if parts.port is None else f"{host}:{parts.port}"


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
