"""The lease of a PostgreSQL database: a row in it, and on a session of our own an advisory lock as well.

The row names the holder, carries a fencing number that grows with every holder, and counts signs of life. Whoever wants
it watches: only a row that was given back, or that stayed as it was through ``STALE_S`` of answers, may be taken.
Nobody's clock is compared with another's. While the lock's session lives a living owner cannot be mistaken for a dead
one; behind a transaction pooler there is no such session, and the row alone decides.

The fence: every transaction that writes first locks the row as ours (``guard``), and taking it waits for those. An
owner that slept through its loss, or whose words were long on their way, finds the row taken and writes nothing.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple, TypeVar

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from polyterm.core.event import TradingStateChanged
from polyterm.errors import ConfigError, LeaseLost, StoreError
from polyterm.service.latch import Latched
from polyterm.service.lease import Holder, LockFile
from polyterm.store import postgres
from polyterm.store.location import PostgresServer
from polyterm.store.writer import TRADING_STATE_KEY

HEARTBEAT_S: Final = 2.0
STALE_S: Final = 8.0
"""Four heartbeats: how long a row must stand still, while the database answers, before it may be taken."""
HUNG_S: Final = 30.0
"""How long the row must stand still before a session that still holds the lock is ended: its owner is stopped."""
ANSWER_S: Final = 5.0
GRACE_S: Final = 1.0

_LOCK: Final = 0x706F6C79  # "poly": the advisory lock's number within the database

_CREATE: Final = """
CREATE TABLE IF NOT EXISTS writer_lease (
    id smallint PRIMARY KEY CHECK (id = 1), fence bigint NOT NULL, token text NOT NULL, holder text NOT NULL,
    beats bigint NOT NULL, released boolean NOT NULL, beat_at timestamptz NOT NULL
)"""
_FIRST: Final = "INSERT INTO writer_lease VALUES (1, 0, '', '', 0, true, now()) ON CONFLICT DO NOTHING"
_READ: Final = "SELECT fence, token, holder, beats, released FROM writer_lease WHERE id = 1"
_TAKE: Final = """
UPDATE writer_lease SET fence = fence + 1, token = $1, holder = $2, beats = 0, released = false, beat_at = now()
WHERE id = 1 RETURNING fence"""
_BEAT: Final = """
UPDATE writer_lease SET beats = beats + 1, beat_at = now() WHERE id = 1 AND token = $1 AND NOT released
RETURNING fence"""
_RELEASE: Final = "UPDATE writer_lease SET released = true WHERE id = 1 AND token = $1"
# The server gives up, after ten seconds, a transaction whose owner was stopped in the middle of it.
_GUARD: Final = """
SELECT token, holder, set_config('idle_in_transaction_session_timeout', '10000', true)
FROM writer_lease WHERE id = 1 FOR KEY SHARE"""
_END_HOLDER: Final = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = $1 AND objsubid = 1
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_STATE: Final = "SELECT value FROM system_state WHERE key = $1"
_KEEPALIVE: Final = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""What the server finds out by when our machine is gone without a word."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class Row(NamedTuple):
    fence: int
    token: str
    holder: str
    beats: int
    released: bool


class Watch:
    """How long a row has stood still while the database answered, in machine time.

    A look that comes late counts for little: whoever could not look cannot say that nothing moved.
    """

    def __init__(self) -> None:
        self._row: Row | None = None
        self._looked_at = 0.0
        self.still_s = 0.0

    def look(self, row: Row, now_s: float) -> float:
        if row == self._row:
            self.still_s += min(now_s - self._looked_at, HEARTBEAT_S)
        else:
            self._row, self.still_s = row, 0.0
        self._looked_at = now_s
        return self.still_s


class PostgresLease:
    """Behind a transaction pooler no session of ours lasts, so that there is no lock to hold.

    A file of this machine is locked as long as the lease is held: it keeps those who share this disk, and with it the
    files beside the database, apart, and lets the next one on it take the place of a dead one at once.
    """

    def __init__(self, server: PostgresServer, holder: Holder) -> None:
        self.ran_before = False
        self.fence = 0
        self.trouble = ""
        self.latched: Latched | None = None
        self._server = server
        self._file = LockFile(server.beside(".lease"))
        self._holder = msgspec.structs.replace(holder, token=secrets.token_hex(8))
        self._connection: Any = None
        self._locked = False
        self._seen = ""
        self._watch = Watch()
        self._held = False

    @property
    def held(self) -> bool:
        return self._held

    def holder(self) -> str:
        return self._seen or "another process"

    async def take(self) -> bool:
        """See ``Lease.take``. To find out that another is gone takes several tries, ``RETRY_S`` apart.

        While the server is away the last holder on this disk goes on holding, until ``keep`` hears otherwise.
        """
        return await self._to_the_end(self._take())

    async def _take(self) -> bool:
        if not self._file.lock():
            self._seen = str(self._file.read() or "another process")
            return False
        before = self._file.read()
        last_here = "" if before is None else before.token
        try:
            async with self._asking() as connection:
                self._held = await self._try(connection, last_here)
        except StoreError as error:
            if not last_here:
                raise
            self._held, self.trouble = True, str(error)
            self._holder = msgspec.structs.replace(self._holder, token=last_here)
        finally:
            if not self._held:
                self._file.unlock()
        if self._held:
            self.ran_before = before is not None
            self._file.write(self._holder)
            log.info("holding the lease of the database", extra={"fence": self.fence})
        return self._held

    async def check(self) -> bool:
        async with self._asking() as connection:
            row = await self._read(connection)
        return self._held and row.token == self._holder.token and not row.released

    async def keep(self) -> None:
        """While the database is away its owner stays the owner: nobody else can reach it either.

        Raises:
            LeaseLost: somebody else has been given it meanwhile.
        """
        while True:
            await self._to_the_end(self._sign())
            await asyncio.sleep(HEARTBEAT_S)

    async def _sign(self) -> None:
        try:
            async with self._asking() as connection:
                await self._beat(connection)
            self.trouble = ""
        except (StoreError, ConfigError) as error:
            self.trouble = str(error)

    async def guard(self, connection: AsyncConnection) -> None:
        row = (await connection.exec_driver_sql(_GUARD)).first()
        if row is None or row[0] != self._holder.token:
            raise self._lost("" if row is None else row[1])

    async def release(self) -> None:
        """Give it back so that the next one need not wait; where the database cannot be told, time will tell."""
        if self._held:
            self._held = False
            try:
                async with self._asking() as connection:
                    await connection.execute(_RELEASE, self._holder.token)
                    await self._unlock(connection)
                self._forget()
            except (StoreError, ConfigError) as error:
                log.warning("the lease was not given back: %s", error)
        self._hang_up()
        self._file.unlock()
        await asyncio.sleep(0)  # in which the loop lets go of the connection

    async def _beat(self, connection: Any) -> None:
        fence: int | None = await connection.fetchval(_BEAT, self._holder.token)
        if fence is None:
            row = await self._read(connection)
            # Given back by the one before us on this disk, when nobody could be asked.
            is_ours = row.token == self._holder.token and row.released
            if not (is_ours and await self._swap(connection, row)):
                raise self._lost(row.holder)
        else:
            self.fence = fence
        await self._lock(connection)

    async def _try(self, connection: Any, last_here: str) -> bool:
        """``last_here`` marks the last holding by a process that had the locked file, and so is dead."""
        row = await self._read(connection)
        self.latched = await _trading_state(connection)
        still_s = self._watch.look(row, time.monotonic())
        self._seen = _name(row.holder)
        free = row.released or row.token == last_here
        if not await self._lock(connection):
            if still_s >= HUNG_S:
                log.warning("ending the session of %s, which gives no sign of life", self._seen)
                await connection.execute(_END_HOLDER, _LOCK)
            return False
        if (free or still_s >= STALE_S) and await self._swap(connection, row):
            return True
        await self._unlock(connection)
        return False

    async def _lock(self, connection: Any) -> bool:
        """Whether this session has the lock, which it would otherwise get once more each time."""
        if self._server.pooled:
            return True
        if not self._locked:
            self._locked = await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK)
        return self._locked

    async def _unlock(self, connection: Any) -> None:
        if self._locked:
            self._locked = False
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)

    async def _swap(self, connection: Any, expected: Row) -> bool:
        """Take the row if it is still as it was when looked at; the writing of its owner is waited for."""
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '2s'")
                if Row(*await connection.fetchrow(_READ + " FOR UPDATE")) != expected:
                    return False
                owner = msgspec.json.encode(self._holder).decode()
                self.fence = await connection.fetchval(_TAKE, self._holder.token, owner)
        except asyncpg.LockNotAvailableError:  # it is being written
            return False
        return True

    async def _read(self, connection: Any) -> Row:
        try:
            found = await connection.fetchrow(_READ)
        except asyncpg.UndefinedTableError:
            found = None
        if found is None:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK + 1)  # two may be the first
                await connection.execute(_CREATE)
                await connection.execute(_FIRST)
            found = await connection.fetchrow(_READ)
        return Row(*found)

    def _lost(self, holder: str) -> LeaseLost:
        self._held = False
        self._forget()
        return LeaseLost(f"{_name(holder)} has become the writer of this database: nothing more is written here.")

    def _forget(self) -> None:
        """The next one on this disk must not go on where this one ended."""
        if self._file.locked:
            with suppress(ConfigError):  # of a full disk: the row says who holds it all the same
                self._file.write(msgspec.structs.replace(self._holder, token=""))

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Any]:
        """A connection. What goes wrong in an answer costs it, because nobody knows its state then."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._locked = False
                self._connection = await postgres.connect(self._server, command_s=ANSWER_S, **_KEEPALIVE)
            async with asyncio.timeout(ANSWER_S):
                yield self._connection
        except postgres.FAILURES as error:
            self._hang_up()
            raise postgres.opening_error(self._server, error) from None

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Let an answer that is on its way come in when the caller is cancelled: to call off a question takes another
        connection, which nobody could wait for."""
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=GRACE_S)
            if not task.done():
                self._hang_up()
                task.cancel()
                await asyncio.wait({task})
            if not task.cancelled() and (late := task.exception()) is not None:
                log.debug("ended with %s", late)
            raise

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def _name(holder: str) -> str:
    try:
        return str(msgspec.json.decode(holder, type=Holder))
    except msgspec.DecodeError:
        return "another process"


async def _trading_state(connection: Any) -> Latched | None:
    """What the writers of this database were told last, as far as it has reached it."""
    try:
        told = await connection.fetchval(_STATE, TRADING_STATE_KEY)
        change = None if told is None else msgspec.json.decode(told, type=TradingStateChanged)
    except (asyncpg.UndefinedTableError, msgspec.DecodeError):
        return None
    if change is None:
        return None
    return Latched(change.after, change.reason, change.actor, change.at_ms, change.command_id)
