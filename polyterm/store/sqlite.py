"""Connections to the SQLite file, and its errors in words."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from polyterm.errors import ConfigError, PolytermError, StoreError

_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "the database is locked by another process",
    sqlite3.SQLITE_LOCKED: "the database is locked by another process",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the database cannot be written",
    sqlite3.SQLITE_PERM: "the database cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is not a database",
}
_NO_ACCESS: Final = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN)


def probe(path: Path, busy_ms: int) -> None:
    """Open the file once and read its header, making it when it is missing. Blocks; raises sqlite3.Error.

    A connection that fails inside an engine leaves a thread behind that nobody can wait for.
    """
    with closing(sqlite3.connect(path, timeout=busy_ms / 1000)) as connection:
        connection.execute("PRAGMA schema_version")


def writing_engine(path: Path, busy_ms: int) -> AsyncEngine:
    """One connection whose transactions take the write lock at their start and are on the disk when they end.

    A lock held by another process is waited for ``busy_ms`` milliseconds, off the event loop.
    """
    engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)), pool_size=1, max_overflow=0)
    _own_transactions(engine, "BEGIN IMMEDIATE", ("synchronous=FULL", "fullfsync=ON", f"busy_timeout={busy_ms:d}"))
    return engine


def require_file(path: Path) -> None:
    if not os.access(path, os.R_OK) or not path.is_file():
        raise ConfigError(
            f"There is no database at {path} that can be read: start an engine, which makes it, or correct --db."
        )


def reading_engine(path: Path, connections: int) -> AsyncEngine:
    """Connections that can only read, each transaction one consistent state of the database.

    A connection is made when the first question is asked. Raises ConfigError when there is no such file.
    """
    require_file(path)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"}),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=5,
    )
    _own_transactions(engine, "BEGIN", ("query_only=ON", "busy_timeout=2000"))
    return engine


def _own_transactions(engine: AsyncEngine, begin: str, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # else the driver begins transactions of its own, and late
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


async def pragma(engine: AsyncEngine, text: str) -> object:
    """Set a pragma outside any transaction; what SQLite answers, None when it says nothing."""
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        async with driver.execute(f"PRAGMA {text}") as cursor:
            row = await cursor.fetchone()
    return None if row is None else row[0]


def check_place(path: Path) -> None:
    """Raises ConfigError when there is no folder for the file."""
    folder = path.parent
    try:
        if path.is_dir():
            raise ConfigError(f"The database {path} is a folder: give --db the name of a file in it.")
        if not folder.exists():
            raise ConfigError(f"The folder {folder} of the database does not exist: make it, or correct --db.")
        if not folder.is_dir():
            raise ConfigError(f"The database {path} cannot be made, {folder} is not a folder: correct --db.")
    except OSError as error:
        raise ConfigError(f"The database {path} cannot be used: {error.strerror}; choose another with --db.") from None


async def use_write_ahead_log(engine: AsyncEngine, path: Path) -> None:
    """Raises ConfigError where the file system cannot."""
    if await pragma(engine, "journal_mode=WAL") != "wal":
        raise ConfigError(
            f"The database {path} is on a file system without write-ahead logs: choose another with --db."
        )


def reason(error: sqlite3.Error) -> str:
    """Why the database refused, as the middle of a sentence."""
    if getattr(error, "sqlite_errorcode", -1) == sqlite3.SQLITE_IOERR_SHMSIZE:  # no room for the index of the log
        return _REASONS[sqlite3.SQLITE_FULL]
    return _REASONS.get(_code(error), f"the database failed ({error})")


def opening_error(path: Path, error: sqlite3.Error) -> PolytermError:
    code = _code(error)
    if code == sqlite3.SQLITE_NOTADB:
        return ConfigError(f"The file {path} is not a database: choose another with --db.")
    if code in _NO_ACCESS:
        return ConfigError(f"The database {path} cannot be written: make it writable, or choose another with --db.")
    return StoreError(f"The database {path} cannot be opened: {reason(error)}.")


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", -1)
    return code if code < 0 else code & 0xFF  # the upper bits only tell variants apart
