"""The one writer: takes what the engine made without ever making it wait, and says when it is safe on the disk."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from polyterm.core.digest import SessionDigest, WindowDigest
from polyterm.core.event import Event
from polyterm.core.input import Input
from polyterm.core.snapshot import StoreState
from polyterm.core.tick import Tick
from polyterm.errors import StoreError
from polyterm.store.database import REFUSALS, dispose, open_database, reason
from polyterm.store.input_rows import digest_row, input_row, tick_input_row
from polyterm.store.location import Location, located
from polyterm.store.rows import Row, SessionInfo, state_row
from polyterm.store.writer import (
    INSERT_DIGEST,
    INSERT_INPUT,
    UPSERT_STATE,
    Write,
    end_of_session,
    insert_session,
    write,
    writes_of,
)

_log = logging.getLogger(__name__)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and patience, in machine time.

    ``ticks`` is an hour of four series (about 40 MB when full), ``events`` some hours of every strategy (about 80 MB),
    ``inputs``, those that are no ticks, more than a day.
    ``chunk`` submissions share a commit at most, so that a backlog neither holds the database nor the event loop long.
    """

    ticks: int = 14_400
    events: int = 20_000
    inputs: int = 5_000
    chunk: int = 250
    batch_s: float = 1.0
    busy_ms: int = 250
    retry_s: float = 0.1
    retry_max_s: float = 2.0
    slow_after_s: float = 3.0
    failed_after_s: float = 10.0
    close_s: float = 5.0


class StoreStatus(NamedTuple):
    """``reason`` is a sentence, empty when there is nothing to say; ``pending`` rows wait to be written."""

    state: StoreState
    reason: str
    pending: int


class _Submission(NamedTuple):
    at_s: float
    tick: Row | None
    other: Write | None
    events: tuple[Event, ...]
    writes: tuple[Write, ...]


class Store:
    """The database of one session, open for writing.

    A tick is committed within a second, an event at once, together with every tick submitted before it. While the
    database cannot be written everything waits, in order, and is tried again with back-off. When the waiting ticks
    reach their bound the newest tick is refused; likewise other inputs, and events, neither stored nor announced then.
    All are counted and make the state "failed": what was accepted is never given up for something newer.
    """

    def __init__(self, engine: AsyncEngine, session: str, on_durable: Callable[[tuple[Event, ...]], None],
                 limits: Limits) -> None:  # fmt: skip
        self.lost_ticks = 0
        self.lost_inputs = 0
        self.lost_events = 0
        self._engine = engine
        self._session = session
        self._on_durable = on_durable
        self._limits = limits
        self._queue: deque[_Submission] = deque()
        self._states: dict[str, Row] = {}
        self._waiting_ticks = 0
        self._waiting_inputs = 0
        self._waiting_events = 0
        self._newest_ms: int | None = None
        self._arrived = asyncio.Event()
        self._urgent = asyncio.Event()
        self._closing = asyncio.Event()
        self._writing = asyncio.Lock()
        self._retry_s = limits.retry_s
        self._failing_since: float | None = None
        self._failure = ""
        self._refusal = ""

    @classmethod
    async def open(
        cls,
        location: Location | Path | str,
        *,
        session: SessionInfo,
        on_durable: Callable[[tuple[Event, ...]], None],
        limits: Limits | None = None,
    ) -> "Store":
        """Open or make the database, bring its schema up to date and record the session.

        ``on_durable`` is called on the event loop with events whose rows are on the disk.

        Raises:
            ConfigError: the database cannot be used; one sentence that says what to do.
            StoreError: it does not answer, another process holds it locked, or the disk failed.
        """
        limits = limits or Limits()

        async def record(connection: AsyncConnection) -> None:
            await connection.execute(insert_session(session))

        engine = await open_database(located(location), limits.busy_ms, record)
        return cls(engine, session.id, on_durable, limits)

    @property
    def pending(self) -> int:
        return self._waiting_ticks + self._waiting_inputs + self._waiting_events + len(self._states)

    @property
    def status(self) -> StoreStatus:
        now, limits, pending = time.monotonic(), self._limits, self.pending
        if self._refusal:
            return StoreStatus("failed", self._refusal + (f"; {self._failure}." if self._failure else "."), pending)
        if self._failing_since is not None:
            state: StoreState = "failed" if now - self._failing_since > limits.failed_after_s else "slow"
            return StoreStatus(state, f"Writing waits: {self._failure}.", pending)
        waiting_s = now - self._queue[0].at_s if self._queue else 0.0
        if waiting_s > limits.slow_after_s:
            state = "failed" if waiting_s > limits.failed_after_s else "slow"
            return StoreStatus(state, f"The disk is slow: the oldest row has waited {waiting_s:.0f} s.", pending)
        return StoreStatus("ok", self._losses(), pending)

    def _losses(self) -> str:
        if not (self.lost_ticks or self.lost_inputs or self.lost_events):
            return ""
        return (
            f"{self.lost_ticks} ticks, {self.lost_inputs} other inputs and {self.lost_events} events of this session "
            "were not stored."
        )

    def submit(self, item: Input, events: Sequence[Event] = (), digests: Sequence[WindowDigest] = ()) -> None:
        """Take an input, the events that it caused and the digests of the windows that it closed.

        Never blocks and never raises for what it was given.
        """
        if self._closing.is_set():
            raise StoreError("The store is closed.")
        tick = self._accept_tick(item.payload, item) if isinstance(item.payload, Tick) else None
        other = None if isinstance(item.payload, Tick) else self._accept_input(item)
        accepted, writes = self._accept_events(events)
        writes += tuple(Write(INSERT_DIGEST, digest_row(digest)) for digest in digests)
        self._newest_ms = max(item.at_ms, self._newest_ms or item.at_ms)
        if tick is not None or other is not None or writes or accepted:
            self._enqueue(_Submission(time.monotonic(), tick, other, accepted, writes))

    def put_state(self, key: str, value_json: str, at_ms: int) -> None:
        """Set a row of ``system_state`` within a second; only the newest value of a key waits. Never blocks."""
        if self._closing.is_set():
            raise StoreError("The store is closed.")
        self._states[key] = state_row(key, value_json, at_ms)
        self._arrived.set()

    def _accept_tick(self, tick: Tick, item: Input) -> Row | None:
        if self._waiting_ticks >= self._limits.ticks:
            self.lost_ticks += 1
            self._refuse(f"{self._waiting_ticks} ticks wait to be written and no more are taken")
            return None
        try:
            return tick_input_row(tick, item, self._session)
        except StoreError as error:
            self.lost_ticks += 1
            self._refuse(str(error).rstrip("."))
            return None

    def _accept_input(self, item: Input) -> Write | None:
        if self._waiting_inputs >= self._limits.inputs:
            self.lost_inputs += 1
            self._refuse(f"{self._waiting_inputs} inputs wait to be written and no more are taken")
            return None
        try:
            return Write(INSERT_INPUT, input_row(item, self._session))
        except StoreError as error:
            self.lost_inputs += 1
            self._refuse(str(error).rstrip("."))
            return None

    def _accept_events(self, events: Sequence[Event]) -> tuple[tuple[Event, ...], tuple[Write, ...]]:
        accepted: list[Event] = []
        writes: list[Write] = []
        for event in events:
            if self._waiting_events + len(accepted) >= self._limits.events:
                self.lost_events += 1
                self._refuse(f"{self._waiting_events} events wait to be written and no more are taken")
                continue
            try:
                writes.extend(tuple(writes_of(event)))  # all of an event's rows or none
            except StoreError as error:
                self.lost_events += 1
                self._refuse(str(error).rstrip("."))
                continue
            accepted.append(event)
        return tuple(accepted), tuple(writes)

    def _refuse(self, why: str) -> None:
        if why != self._refusal:
            _log.error("%s", why)
        self._refusal = why

    def _enqueue(self, submission: _Submission) -> None:
        self._queue.append(submission)
        self._waiting_ticks += submission.tick is not None
        self._waiting_inputs += submission.other is not None
        self._waiting_events += len(submission.events)
        self._arrived.set()
        if submission.events or len(self._queue) >= self._limits.chunk:
            self._urgent.set()

    async def run(self) -> None:
        """Write until cancelled or closed."""
        while not self._closing.is_set():
            await self._arrived.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.batch_s):
                    await self._urgent.wait()
            if not await self._write_chunk():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._retry_s):
                        await self._closing.wait()

    async def _write_chunk(self) -> bool:
        """Commit the oldest submissions and announce their events. False when the database refused."""
        async with self._writing:
            chunk = tuple(islice(self._queue, self._limits.chunk))
            states = dict(self._states)
            tick_rows = [one.tick for one in chunk if one.tick is not None]
            writes = [one.other for one in chunk if one.other is not None]
            writes += [one_write for one in chunk for one_write in one.writes]
            writes += [Write(UPSERT_STATE, row) for row in states.values()]
            try:
                if tick_rows or writes:
                    async with self._engine.begin() as connection:
                        await write(connection, tick_rows, writes)
                    self._note_success()
            except REFUSALS as error:
                self._note_failure(error)
                return False
            self._forget(chunk, states)
            if events := tuple(event for one in chunk for event in one.events):
                self._on_durable(events)
        return True

    def _forget(self, chunk: tuple[_Submission, ...], states: dict[str, Row]) -> None:
        for one in chunk:
            self._queue.popleft()
            self._waiting_ticks -= one.tick is not None
            self._waiting_inputs -= one.other is not None
            self._waiting_events -= len(one.events)
        for key, row in states.items():
            if self._states[key] is row:
                del self._states[key]
        if self._closing.is_set():
            return
        if not self._queue and not self._states:
            self._arrived.clear()
        if not self._waiting_events and len(self._queue) < self._limits.chunk:
            self._urgent.clear()

    def _note_failure(self, error: Exception) -> None:
        self._failure = reason(error)
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            _log.warning("writing waits: %s", self._failure)
        else:
            self._retry_s = min(self._retry_s * 2, self._limits.retry_max_s)

    def _note_success(self) -> None:
        if self._failing_since is not None:
            _log.warning("writing again after %.1f s", time.monotonic() - self._failing_since)
        self._failing_since, self._failure, self._refusal = None, "", ""
        self._retry_s = self._limits.retry_s

    async def close(self, digest: SessionDigest | None = None) -> None:
        """Write what waits, mark the session's end with its ``digest`` and let the file go. Nothing may follow.

        Raises:
            StoreError: after ``close_s`` seconds something was still unwritten; it says how much and why.
        """
        if self._closing.is_set():
            return
        if self._newest_ms is not None:
            end = end_of_session(self._session, self._newest_ms, digest)
            self._queue.append(_Submission(time.monotonic(), None, None, (), (end,)))
        self._closing.set()
        self._arrived.set()
        self._urgent.set()
        try:
            async with asyncio.timeout(self._limits.close_s):
                while self._queue or self._states:
                    if not await self._write_chunk():
                        await asyncio.sleep(self._retry_s)
        except TimeoutError:
            if self.pending:
                why = self._failure or "the disk is slow"
                raise StoreError(f"{self.pending} rows could not be written before the end: {why}.") from None
        finally:
            await dispose(self._engine)
