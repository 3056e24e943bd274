"""The URL of a PostgreSQL server, read as it is pasted from a provider's page."""

import difflib
import ipaddress
from typing import Final, Literal, NamedTuple, cast
from urllib.parse import unquote

from polyterm.errors import ConfigError

TlsMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
"""``require`` encrypts and believes any certificate, the two below it check who signed it, and whose it is."""

_PORT: Final = 5432
_SUPABASE_TRANSACTIONS: Final = 6543
_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# What other programs read from the same URL and what has no meaning for ours.
_OTHERS: Final = frozenset(
    {
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "connection_limit",
        "fallback_application_name", "gssencmode", "keepalives", "keepalives_count", "keepalives_idle",
        "keepalives_interval", "pool_timeout", "supa", "target_session_attrs", "uselibpqcompat",
    }
)  # fmt: skip
_OURS: Final = frozenset({"dbname", "host", "password", "pgbouncer", "port", "ssl", "sslmode", "sslrootcert", "user"})


class ServerUrl(NamedTuple):
    host: str
    port: int
    database: str
    user: str
    password: str | None
    tls: TlsMode
    root_certificate: str | None
    pooled: bool


def parse_server(rest: str) -> ServerUrl:
    """What stands behind ``postgresql://``.

    A password may be pasted as it is, even with ``@ / ? #`` in it. Without ``sslmode`` a connection that leaves the
    machine and its private network is encrypted.

    Raises:
        ConfigError: one sentence without the URL, which may hold a password.
    """
    credentials, _, place = rest.rpartition("@")
    address, _, query = place.partition("?")
    options = _options(query)
    host_port, _, path = address.partition("/")
    host, port = _host_and_port(host_port)
    user, colon, password = credentials.partition(":")
    if "/" in user or "?" in user:  # what should be the user may be a host and options with a password
        raise ConfigError("The database URL has an @ after its host or in its options: write %40 for it there.")
    if "your-password" in password.lower():
        raise ConfigError("The database URL still says [YOUR-PASSWORD]: put the password there.")
    host = options.get("host", host) or "localhost"
    number = _port(options.get("port", port))
    name = unquote(user) or options.get("user", "") or "postgres"
    certificate = options.get("sslrootcert")
    return ServerUrl(
        host=host,
        port=number,
        database=unquote(path.rstrip("/")) or options.get("dbname", "") or name,
        user=name,
        password=unquote(password) if colon else options.get("password"),
        tls=_tls(options, host, certificate),
        root_certificate=certificate,
        pooled=options["pgbouncer"].lower() == "true" if "pgbouncer" in options else number == _SUPABASE_TRANSACTIONS,
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name not in _OURS | _OTHERS:
            near = difflib.get_close_matches(name, _OURS, n=1)
            advice = f"did you mean {near[0]}?" if near else "leave it out."
            raise ConfigError(f"The database URL has an option {name!r} that is not supported: {advice}")
        options[name] = unquote(value)
    return options


def _host_and_port(text: str) -> tuple[str, str]:
    if "," in text:
        raise ConfigError("The database URL names several hosts: give the one that is written to.")
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.removeprefix(":")
    host, _, port = text.partition(":")
    return unquote(host), port


def _port(text: str) -> int:
    if not text:
        return _PORT
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise ConfigError("The port in the database URL is no number from 1 to 65535: correct it.")


def _tls(options: dict[str, str], host: str, certificate: str | None) -> TlsMode:
    given = options.get("sslmode") or {"true": "require", "false": "disable"}.get(options.get("ssl", ""))
    if given is None:
        return "prefer" if _near(host) else "require"
    if given not in _MODES:
        near = difflib.get_close_matches(given, _MODES, n=1) or ["require"]
        raise ConfigError(f"The database URL has sslmode={given!r}, which is none: did you mean {near[0]}?")
    if given == "allow":
        return "prefer"
    if given == "require" and certificate is not None:  # as libpq has it
        return "verify-ca"
    return cast("TlsMode", given)


def _near(host: str) -> bool:
    """Whether it is this machine or a private network, where servers often have no certificate."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_private
    except ValueError:
        return host.startswith("/") or "." not in host or host.endswith((".internal", ".local", ".localhost"))
