"""Rows that wait on this machine for a database elsewhere: a SQLite file, in order, durable when ``append`` returns."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec
import zstandard

from polyterm.store.lines import Line

_SETTINGS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",
    """CREATE TABLE IF NOT EXISTS spool (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at_s REAL NOT NULL, rows INTEGER NOT NULL, lines BLOB NOT NULL
    )""",
)
_SUFFIXES: Final = ("", "-wal", "-shm")
_KEEP_BYTES: Final = 4 * 2**20
"""A file that has become empty is kept up to this size, and given back to the disk beyond it."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class Batch(NamedTuple):
    """``last`` is the place of its end in the spool."""

    last: int
    lines: list[Line]


class Spool:
    """One spool file, made when the first row comes. It is only used on a thread of its own; errors are sqlite3's.

    ``rows`` have not been dropped. What one ``append`` took stays together. ``damaged`` rows could not be read again
    and were put aside; ``aside`` is where the last of them lie.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.damaged = 0
        self.aside: Path | None = None
        self._oldest_at_s: float | None = None
        self._dropped = 0
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._pack = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self._unpack = zstandard.ZstdDecompressor()
        self._decode = msgspec.msgpack.Decoder(list[Line])

    @property
    def age_s(self) -> float:
        """Of the oldest row, by this machine's clock; 0 without any."""
        return 0.0 if self._oldest_at_s is None else max(0.0, time.time() - self._oldest_at_s)

    async def look(self) -> None:
        """Find what an earlier run left; nothing is made when there is nothing. A damaged file is put aside."""
        await self._do(self._look)

    async def append(self, lines: Sequence[Line]) -> None:
        """Returns when all of it is on the disk, or none of it is there."""
        await self._do(lambda: self._append(lines))

    async def oldest(self, rows: int) -> Batch | None:
        """About as many rows, in their order; they stay until they are dropped."""
        return await self._do(lambda: self._oldest(rows))

    async def drop(self, last: int) -> None:
        """Forget everything up to ``last``. Where the disk does not even take that, the next drop does it again."""
        await self._do(lambda: self._drop(last))

    async def close(self) -> None:
        await self._do(self._let_go)
        self._thread.shutdown()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # On the thread

    def _look(self) -> None:
        if not self.path.exists():
            return
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            self._put_aside(error)

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        """The whole file, if that is what is damaged; else raises the ``error`` again."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise error
        self._let_go()
        self.aside = _rename(self.path, "damaged")
        self.damaged += self.rows
        self.rows, self._oldest_at_s, self._dropped = 0, None, 0
        log.error("the spool is damaged and was put aside as %s: %s", self.aside, error)

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        connection = sqlite3.connect(self.path, timeout=1.0, isolation_level=None, check_same_thread=False)
        try:
            self.path.chmod(0o600)
            for line in _SETTINGS:
                connection.execute(line)
            self._count(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _count(self, connection: sqlite3.Connection) -> None:
        total = "SELECT COALESCE(SUM(rows), 0), MIN(at_s) FROM spool WHERE seq > ?"
        self.rows, self._oldest_at_s = connection.execute(total, (self._dropped,)).fetchone()

    def _append(self, lines: Sequence[Line]) -> None:
        now, packed = time.time(), self._pack.compress(msgspec.msgpack.encode(lines))
        insert, row = "INSERT INTO spool (at_s, rows, lines) VALUES (?, ?, ?)", (now, len(lines), packed)
        try:
            self._open().execute(insert, row)
        except sqlite3.DatabaseError as error:
            self._put_aside(error)
            self._open().execute(insert, row)
        self.rows += len(lines)
        self._oldest_at_s = self._oldest_at_s or now

    def _oldest(self, rows: int) -> Batch | None:
        found: list[Line] = []
        unreadable: dict[int, str] = {}
        last = self._dropped
        query = "SELECT seq, lines FROM spool WHERE seq > ? ORDER BY seq"
        try:
            connection = self._open()
            with closing(connection.execute(query, (last,))) as cursor:
                for place, packed in cursor:
                    last = place
                    try:
                        found += self._decode.decode(self._unpack.decompress(packed))
                    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
                        unreadable[place] = str(error)
                    if len(found) >= rows:
                        break
            for place, why in unreadable.items():
                self._take_out(connection, place, why)
            if unreadable or not found:
                self._count(connection)
        except sqlite3.DatabaseError as error:
            self._put_aside(error)
            return None
        return Batch(last, found) if found else None

    def _take_out(self, connection: sqlite3.Connection, place: int, why: str) -> None:
        """Keep what cannot be read in a file of its own, so that it does not stop what comes after it."""
        rows, packed = connection.execute("SELECT rows, lines FROM spool WHERE seq = ?", (place,)).fetchone()
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns() // 1_000_000}-{place}")
        try:
            with aside.open("wb") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
            connection.execute("DELETE FROM spool WHERE seq = ?", (place,))
        except (OSError, sqlite3.OperationalError) as error:  # it stays, and the next look finds it again
            raise sqlite3.OperationalError(f"damaged rows of the spool cannot be put aside: {error}") from error
        self.damaged, self.aside = self.damaged + rows, aside
        log.error("%d damaged rows of the spool were put aside as %s: %s", rows, aside, why)

    def _drop(self, last: int) -> None:
        connection, self._dropped = self._open(), last
        try:
            connection.execute("DELETE FROM spool WHERE seq <= ?", (last,))
            self._count(connection)
            if not self.rows and self.path.stat().st_size > _KEEP_BYTES:
                self._remove()
        except sqlite3.OperationalError as error:
            self._count(connection)
            if self.rows:
                log.warning("delivered rows stay in the spool: %s", error)
            else:
                self._remove()  # all of it was delivered, and a file that is gone needs no room

    def _remove(self) -> None:
        self._let_go()
        for suffix in _SUFFIXES:
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._dropped = 0

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.OperationalError):  # a last checkpoint needs room; without it the log just stays
                connection.close()


def put_aside(path: Path) -> Path | None:
    """Give a closed spool that still holds rows another name, so that no later run delivers them; that name."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'spool'").fetchone() == (0,):
            return None
        if connection.execute("SELECT count(*) FROM spool").fetchone() == (0,):
            return None
    return _rename(path, "lost")


def _rename(path: Path, why: str) -> Path:
    aside = path.with_name(f"{path.name}.{why}-{time.time_ns() // 1_000_000}")
    for suffix in reversed(_SUFFIXES):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    return aside
