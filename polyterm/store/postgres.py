"""Connections to a PostgreSQL server, and its errors in words."""

import errno
import socket
import ssl
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from polyterm.errors import ConfigError, PolytermError, StoreError
from polyterm.store.location import PostgresServer

CONNECT_S: Final = 8.0
"""Until the server has greeted."""
WRITE_S: Final = 8.0
"""For one statement of a batch: a second's rows need milliseconds, and a spool waits behind it."""
UPKEEP_S: Final = 3_600.0
"""For one statement that changes tables or many rows."""
QUESTION_S: Final = 120.0
"""For one statement of a report over everything that is stored."""

FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What a connection raises; timeouts and failed handshakes are OSErrors."""

_LOST: Final = "the connection to the server was lost"
_UNENCRYPTED: Final = "the server does not encrypt: add ?sslmode=disable to its URL if that is meant"
_REASONS: Final = {
    "08": _LOST,
    "25006": "the server is read-only",
    "28": "the server does not accept the user and the password",
    "3D000": "the server has no database of that name",
    "40001": "another transaction was in the way",
    "40P01": "another transaction was in the way",
    "42501": "the user may not do that there",
    "53100": "the disk of the server is full",
    "53200": "the server is out of memory",
    "53300": "the server has no connection left",
    "53400": "the server has no connection left",
    "55P03": "the database is locked by another process",
    "57014": "the server gave the statement up",
    "57P01": "the server is shutting down",
    "57P02": "the server crashed",
    "57P03": "the server is starting or shutting down",
}
_NETWORK: Final = {
    errno.ECONNREFUSED: "the server refuses connections",
    errno.ENOENT: "the server is not running",  # of a Unix socket
    errno.ENETUNREACH: "there is no way to the network of the server",
    errno.EHOSTUNREACH: "there is no way to the server",
    errno.EADDRNOTAVAIL: "there is no way to the network of the server",
}
# What only a person can put right, so that to try again is no use.
_LASTING: Final = ("28", "3D000", "42501")


async def connect(server: PostgresServer, *, command_s: float, **settings: str) -> "asyncpg.Connection[Any]":
    """A connection of its own. ``settings`` are the session's, which a transaction pooler would not keep.

    Raises one of ``FAILURES``, or ConfigError for a certificate file that cannot be read.
    """
    known: dict[str, str] = {"application_name": "polyterm"}
    if not server.pooled:
        known.update(settings)
    connection: asyncpg.Connection[Any] = await asyncpg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=server.database,
        ssl=_tls(server),
        timeout=CONNECT_S,
        command_timeout=command_s,
        statement_cache_size=0 if server.pooled else 100,
        server_settings=known,
    )
    return connection


def writing_engine(server: PostgresServer) -> AsyncEngine:
    """One connection whose transactions are on the server's disk when they end."""
    engine = _engine(server, connections=1, command_s=WRITE_S, synchronous_commit="on")
    if server.pooled:

        @event.listens_for(engine.sync_engine, "begin")
        def durable(connection: Connection) -> None:
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO on")

    return engine


def patient_engine(server: PostgresServer) -> AsyncEngine:
    """One connection for work on the tables themselves."""
    return _engine(server, connections=1, command_s=UPKEEP_S)


def reading_engine(server: PostgresServer, connections: int) -> AsyncEngine:
    """Connections that can only read, each transaction one consistent state of the database."""
    engine = _engine(server, connections, QUESTION_S)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _engine(server: PostgresServer, connections: int, command_s: float, **settings: str) -> AsyncEngine:
    async def made(**_: object) -> "asyncpg.Connection[Any]":
        return await connect(server, command_s=command_s, **settings)

    arguments: dict[str, Any] = {"async_creator_fn": made}
    if server.pooled:
        # Statements without a name last as long as their transaction, which is all that a pooler keeps together.
        arguments.update(prepared_statement_cache_size=0, prepared_statement_name_func=str)
    return create_async_engine(
        URL.create("postgresql+asyncpg"),
        connect_args=arguments,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=5,
        json_serializer=str,  # JSON is text on our side of either database
        json_deserializer=str,
        hide_parameters=True,
    )


def _tls(server: PostgresServer) -> "ssl.SSLContext | str | bool":
    if server.tls in ("disable", "prefer"):
        return False if server.tls == "disable" else "prefer"
    authority = server.root_certificate
    try:
        context = ssl.create_default_context(cafile=None if authority in (None, "system") else authority)
    except (OSError, ssl.SSLError):
        raise ConfigError(f"The certificate {authority} of sslrootcert cannot be read: correct the URL.") from None
    context.check_hostname = server.tls == "verify-full"
    if server.tls == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


def reason(error: BaseException) -> str:
    """Why the server refused or failed, as the middle of a sentence."""
    match error:
        case asyncpg.PostgresError():
            return _told(error)
        case TimeoutError():
            return "the server does not answer"
        case asyncpg.InterfaceError() | asyncpg.InternalClientError() | ConnectionResetError() | BrokenPipeError():
            return _LOST
        case OSError():
            return _network(error)
        case _:
            return f"the database failed ({type(error).__name__})"


def _network(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of the server is not to be trusted ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "the name of the server is not known"
    if isinstance(error, ConnectionError) and "SSL" in str(error):
        return _UNENCRYPTED
    if error.errno is None:  # a name with several addresses
        return "none of the addresses of the server answers"
    return _NETWORK.get(error.errno) or f"the server cannot be reached ({error.strerror})"


def _told(error: asyncpg.PostgresError) -> str:
    state, text = error.sqlstate or "", str(error)
    if "max clients" in text.lower():
        return _REASONS["53300"]
    if "tenant or user not found" in text.lower():
        return "the pooler does not know the user, which is written postgres.PROJECT there"
    return _REASONS.get(state) or _REASONS.get(state[:2]) or f"the database failed ({text})"


def opening_error(server: PostgresServer, error: BaseException) -> PolytermError:
    """A ConfigError when to try again is no use."""
    why = reason(error)
    state = getattr(error, "sqlstate", None) or ""
    lasting = state in _LASTING or state[:2] in _LASTING or isinstance(error, ssl.SSLError) or why is _UNENCRYPTED
    return (ConfigError if lasting else StoreError)(f"The database {server} cannot be opened: {why}.")
