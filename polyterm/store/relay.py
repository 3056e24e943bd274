"""Rows on their way to a server: straight to it while it answers, by way of the spool while it is slow or away."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from polyterm.errors import ConfigError, LeaseLost, StoreError
from polyterm.store.database import REFUSALS, dispose, open_database, original, reason
from polyterm.store.intake import Limits
from polyterm.store.lines import Line, line_of, send
from polyterm.store.location import PostgresServer
from polyterm.store.spool import Spool
from polyterm.store.target import Backlog, Guard
from polyterm.store.writer import Write

SPOOL_SUFFIX: Final = ".spool.db"
REFUSED_SUFFIX: Final = ".refused.jsonl"
_AT_FAULT: Final = ("22", "23")
"""Classes of SQLSTATE that tell of a row that will never go in. Whatever else is wrong may pass."""
_NO_SUCH_TABLE: Final = "42"

_LEFT_S: Final = 3.0
log = logging.getLogger(__name__)


class Refused(NamedTuple):
    line: Line
    why: str


class Relay:
    """``put`` returns when rows are durable: on the server, or in the spool of this machine.

    While anything lies in the spool whatever comes goes behind it, so that the server gets everything in its order.
    What was sent and not confirmed is sent again: every write can be repeated.
    """

    def __init__(self, server: PostgresServer, limits: Limits, guard: Guard | None) -> None:
        self.spool = Spool(server.beside(SPOOL_SUFFIX))
        self._server = server
        self._limits = limits
        self._guard = guard
        self._engine: AsyncEngine | None = None
        self._wanted = asyncio.Event()
        self._talking = asyncio.Lock()
        self._stepping = asyncio.Lock()
        self._left: set[asyncio.Task[None]] = set()
        self._aside = server.beside(REFUSED_SUFFIX)
        self._hold_until = 0.0
        self._retry_s = limits.retry_s
        self._batch = limits.batch
        self._trouble = ""
        self._lasting = False
        self._refused = 0

    @classmethod
    async def open(cls, server: PostgresServer, limits: Limits, first: Write, guard: Guard | None) -> "Relay":
        """Find what an earlier run left, and the server, if it answers in time.

        Raises:
            ConfigError: the server answered, and the database cannot be used.
            StoreError: neither the server nor the disk of this machine takes ``first``.
        """
        relay = cls(server, limits, guard)
        try:
            await relay._begin(first)
        except BaseException as error:
            await relay.close()
            if isinstance(error, REFUSALS):
                raise StoreError(f"The spool {relay.spool.path} cannot be written: {reason(error)}.") from None
            raise
        return relay

    async def put(self, writes: Sequence[Write]) -> None:
        lines = [line_of(one) for one in writes]
        engine = self._engine
        if engine is not None and not self.spool.rows and time.monotonic() >= self._hold_until:
            began = time.monotonic()
            try:
                await self._within(self._send(engine, lines), self._limits.direct_s)
            except REFUSALS as error:
                if not _at_fault(error):  # a row to blame is found when the spool is delivered
                    self._note_trouble(error)
            else:
                self._note_well(time.monotonic() - began)
                return
        try:
            await self.spool.append(lines)
        except sqlite3.Error:
            self._hold_until = 0.0  # the server is the only way that is left
            raise
        self._wanted.set()

    def backlog(self) -> Backlog:
        rows = self.spool.rows
        aside = self._lost()
        if not rows and not self._trouble:
            return Backlog(reason=aside, state="failed" if aside else "ok")
        news, age_s = self._trouble or "The server is back.", self.spool.age_s
        waiting = f" {rows:,} rows wait in the spool, the oldest for {_lasting(age_s)}." if rows else ""
        return Backlog(rows, age_s, "failed" if self._lasting else "slow", f"{news}{waiting} {aside}".rstrip())

    def _lost(self) -> str:
        """What of this run will never be delivered by itself, empty when there is nothing."""
        lost = [f"{self._refused} rows were refused and lie in {self._aside}."] if self._refused else []
        if self.spool.aside is not None:
            rows = f"{self.spool.damaged:,} rows of the spool" if self.spool.damaged else "Rows of an earlier run"
            lost.append(f"{rows} cannot be read and lie in {self.spool.aside}.")
        return " ".join(lost)

    async def run(self) -> None:
        """Deliver what the spool holds, whenever it holds something."""
        while True:
            await self._wanted.wait()
            if not await self._step():
                await asyncio.sleep(self._retry_s)

    async def close(self) -> None:
        """Deliver what can still be delivered, for ``close_s``; the rest is for the next run."""
        with suppress(TimeoutError, LeaseLost):
            async with asyncio.timeout(self._limits.close_s):
                while self.spool.rows and await self._step():
                    pass
        if self.spool.rows:
            log.warning("%d rows stay in the spool %s for the next run", self.spool.rows, self.spool.path)
        if self._left:
            await asyncio.wait(self._left, timeout=_LEFT_S)
        if self._engine is not None:
            await dispose(self._engine)
        await self.spool.close()

    async def _begin(self, first: Write) -> None:
        try:
            await self.spool.look()
        except sqlite3.Error as error:
            log.warning("the spool %s cannot be read: %s", self.spool.path, reason(error))
        if self.spool.rows:
            log.warning("%d rows of an earlier run wait in the spool", self.spool.rows)
        try:
            await self._within(self._connect(), self._limits.open_s)
        except (StoreError, *REFUSALS) as error:
            self._note_trouble(error)
        await self.put([first])
        if self.spool.rows or self._engine is None:
            self._wanted.set()

    async def _step(self) -> bool:
        """Deliver one batch. False when the server did not take it."""
        async with self._stepping:
            began = time.monotonic()
            try:
                if self._engine is None:
                    await self._within(self._connect(), self._limits.migrate_s)
                elif batch := await self.spool.oldest(self._batch):
                    await self._within(self._deliver(self._engine, batch.lines), self._limits.batch_timeout_s)
                    await self.spool.drop(batch.last)
            except (ConfigError, StoreError, *REFUSALS) as error:
                self._note_trouble(error)
                if _sqlstate(error)[:2] == _NO_SUCH_TABLE and self._engine is not None:
                    engine, self._engine = self._engine, None  # it is another database now: look after its tables
                    await dispose(engine)
                return False
            self._note_well(time.monotonic() - began)
            if not self.spool.rows and self._engine is not None:
                self._wanted.clear()
            return True

    async def _connect(self) -> None:
        async with self._talking:
            if self._engine is not None:
                return
            engine = await open_database(self._server, self._limits.busy_ms)
            try:
                async with engine.begin() as connection:
                    await _must_be_durable(connection)
            except BaseException:
                await dispose(engine)
                raise
            self._engine = engine

    async def _send(self, engine: AsyncEngine, lines: Sequence[Line]) -> None:
        async with self._transaction(engine) as connection:
            await send(connection, lines)

    async def _deliver(self, engine: AsyncEngine, lines: Sequence[Line]) -> None:
        try:
            await self._send(engine, lines)
        except (DBAPIError, StoreError) as error:
            if not _at_fault(error):
                raise
            async with self._transaction(engine) as connection:
                refused = await _sift(connection, lines)
            await asyncio.to_thread(_set_aside, self._aside, refused)
            self._refused += len(refused)

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        async with self._talking, engine.begin() as connection:
            if self._guard is not None:
                await self._guard(connection)
            yield connection

    async def _within(self, work: Coroutine[Any, Any, None], patience_s: float) -> None:
        """Raises TimeoutError when it takes longer. It is then given up, and ends by itself: to say good-bye to a
        server that does not answer takes time as well."""
        task = asyncio.create_task(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=patience_s)
            if not done:
                raise TimeoutError
        finally:
            if not task.done():
                self._left.add(task)
                task.add_done_callback(self._ended)
                task.cancel()
        task.result()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._left.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.debug("given up, then ended: %s", task.exception())

    def _note_trouble(self, error: Exception) -> None:
        self._lasting = isinstance(error, ConfigError)
        self._batch = max(1, self._batch // 2)  # less may arrive in time
        trouble = _told(error)
        if trouble == self._trouble:
            self._retry_s = min(self._retry_s * 2, self._limits.retry_max_s)
        else:
            log.warning("rows go to the spool: %s", trouble)
        self._trouble = trouble
        self._hold_until = time.monotonic() + self._limits.hold_s

    def _note_well(self, took_s: float) -> None:
        if self._trouble:
            log.warning("the server is back, %d rows wait in the spool", self.spool.rows)
        self._trouble, self._lasting, self._retry_s = "", False, self._limits.retry_s
        self._batch = min(self._limits.batch, self._batch * 2)
        if took_s > self._limits.direct_s:  # too slow to make anybody wait for it
            self._hold_until = time.monotonic() + self._limits.hold_s


def _told(error: Exception) -> str:
    if isinstance(error, ConfigError | StoreError):
        return str(error)
    if isinstance(error, sqlite3.Error):
        return f"The spool cannot be read: {reason(error)}."
    return f"The server is away: {reason(error)}."


def _lasting(age_s: float) -> str:
    if age_s < 120:
        return f"{age_s:.0f} s"
    return f"{age_s / 60:.0f} min" if age_s < 7_200 else f"{age_s / 3600:.0f} h"


async def _must_be_durable(connection: AsyncConnection) -> None:
    if await connection.scalar(text("SHOW synchronous_commit")) == "off":
        raise StoreError("The server does not keep synchronous_commit on: its commits would not be durable.")


def _at_fault(error: Exception) -> bool:
    """Whether a row is to blame."""
    return isinstance(error, StoreError) or _sqlstate(error)[:2] in _AT_FAULT


def _sqlstate(error: Exception) -> str:
    return getattr(original(error), "sqlstate", None) or ""


async def _sift(connection: AsyncConnection, lines: Sequence[Line]) -> list[Refused]:
    """Store all lines but those that are to blame."""
    try:
        async with connection.begin_nested():
            await send(connection, lines)
    except (DBAPIError, StoreError) as error:
        if not _at_fault(error):
            raise
        if len(lines) == 1:
            return [Refused(lines[0], str(error) if isinstance(error, StoreError) else str(original(error)))]
    else:
        return []
    half = len(lines) // 2
    return [*await _sift(connection, lines[:half]), *await _sift(connection, lines[half:])]


def _set_aside(path: Path, refused: Sequence[Refused]) -> None:
    """Keep what no server takes where a person can read it."""
    with path.open("ab") as file:
        for line, why in refused:
            log.error("a row of the kind %s was refused: %s", line.kind, why)
            then = None if line.then is None else msgspec.Raw(line.then)
            kept = {"kind": line.kind, "why": why, "row": msgspec.Raw(line.body), "then": then}
            file.write(msgspec.json.encode(kept) + b"\n")
        file.flush()
        os.fsync(file.fileno())
