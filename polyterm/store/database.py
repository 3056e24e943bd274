"""Connections to either database, and what they refuse in words."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from polyterm.errors import PolytermError, StoreError
from polyterm.store import postgres, sqlite
from polyterm.store.location import Location, PostgresServer, SqliteFile, located
from polyterm.store.migrations import migrate

REFUSALS: Final = (DBAPIError, sqlite3.Error, *postgres.FAILURES)
"""What a statement raises, wrapped by SQLAlchemy or as the driver gave it."""

First = Callable[[AsyncConnection], Awaitable[None]] | None

_OPEN_BUSY_MS: Final = 5_000
_DISPOSE_S: Final = 2.0
_MIGRATION_LOCK: Final = 0x706F6C79_73636865  # "polysche"


async def open_database(location: Location, busy_ms: int, first: First = None) -> AsyncEngine:
    """An engine for writing to a database of today's schema, made or brought up to date.

    It has one connection; a transaction that ended is on the disk. A lock of another process is waited for ``busy_ms``
    milliseconds. ``first`` is done in the transaction that looks after the schema.

    Raises:
        ConfigError: the database cannot be used; one sentence that says what to do.
        StoreError: it does not answer, another process holds it locked, or the disk failed.
    """
    if isinstance(location, SqliteFile):
        sqlite.check_place(location.path)
    engine = writing_engine(location, busy_ms)
    try:
        if isinstance(location, SqliteFile):
            await _prepare_file(engine, location, busy_ms, first)
        else:
            await _prepare_server(location, first)
    except BaseException as error:
        await dispose(engine)
        if isinstance(error, REFUSALS):
            raise opening_error(location, error) from None
        raise
    return engine


async def _prepare_file(engine: AsyncEngine, file: SqliteFile, busy_ms: int, first: First) -> None:
    await asyncio.to_thread(sqlite.probe, file.path, _OPEN_BUSY_MS)
    await sqlite.pragma(engine, f"busy_timeout={_OPEN_BUSY_MS}")
    async with engine.begin() as connection:
        await _look_after(connection, file, first)
    await sqlite.use_write_ahead_log(engine, file.path)
    await sqlite.pragma(engine, f"busy_timeout={busy_ms}")


async def _prepare_server(server: PostgresServer, first: First) -> None:
    patient = postgres.patient_engine(server)
    try:
        async with patient.begin() as connection:
            # Of those who start at once, one makes the tables.
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            await _look_after(connection, server, first)
    finally:
        await dispose(patient)


async def _look_after(connection: AsyncConnection, location: Location, first: First) -> None:
    await connection.run_sync(migrate, location.label)
    if first is not None:
        await first(connection)


def writing_engine(location: Location, busy_ms: int) -> AsyncEngine:
    if isinstance(location, PostgresServer):
        return postgres.writing_engine(location)
    return sqlite.writing_engine(location.path, busy_ms)


def reading_engine(place: Location | Path | str, connections: int) -> AsyncEngine:
    """Connections that can only read, each transaction one consistent state of the database.

    A connection is made when the first question is asked. Raises ConfigError when there is no such file.
    """
    location = located(place)
    if isinstance(location, PostgresServer):
        return postgres.reading_engine(location, connections)
    return sqlite.reading_engine(location.path, connections)


async def dispose(engine: AsyncEngine) -> None:
    """Close the connections, or leave them to the system when the database does not let go."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISPOSE_S):
            await engine.dispose()


@asynccontextmanager
async def changing(location: Location, busy_ms: int) -> AsyncIterator[AsyncEngine]:
    """One patient connection for work on tables and many rows, whatever schema they have.

    Raises:
        ConfigError: there is no such database.
        StoreError: it could not be done.
    """
    if isinstance(location, PostgresServer):
        engine = postgres.patient_engine(location)
    else:
        sqlite.require_file(location.path)
        engine = sqlite.writing_engine(location.path, busy_ms)
    try:
        yield engine
    except REFUSALS as error:
        raise StoreError(f"The database {location} could not be changed: {reason(error)}.") from None
    finally:
        await dispose(engine)


@asynccontextmanager
async def asking(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for one question. Raises StoreError when it cannot be answered."""
    try:
        async with engine.connect() as connection:
            yield connection
    except REFUSALS as error:
        raise StoreError(f"The question could not be answered: {reason(error)}.") from None
    except PoolTimeoutError:
        raise StoreError("The question could not be answered: the database is busy with others.") from None


async def size_bytes(connection: AsyncConnection) -> int:
    """Of the whole database, without the log of what was written last."""
    if connection.dialect.name == "postgresql":
        question = "SELECT pg_database_size(current_database())"
    else:
        question = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    return int(await connection.scalar(text(question)) or 0)


def reason(error: Exception) -> str:
    """Why the database refused, as the middle of a sentence."""
    cause = original(error)
    return sqlite.reason(cause) if isinstance(cause, sqlite3.Error) else postgres.reason(cause)


def is_locked(error: Exception) -> bool:
    """Whether another process holds the file, and will let it go."""
    return getattr(original(error), "sqlite_errorcode", -1) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def opening_error(location: Location, error: Exception) -> PolytermError:
    cause = original(error)
    if isinstance(location, PostgresServer):
        return postgres.opening_error(location, cause)
    if isinstance(cause, sqlite3.Error):
        return sqlite.opening_error(location.path, cause)
    return StoreError(f"The database {location} cannot be opened: {cause}.")


def original(error: Exception) -> BaseException:
    """SQLAlchemy wraps what its own adapter of a driver wrapped."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return error
    return error.orig.__cause__ or error.orig
