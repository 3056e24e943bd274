"""The one writer: takes what the engine made without ever making it wait, and says when it is safe on the disk."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from polyterm.core.digest import SessionDigest, WindowDigest
from polyterm.core.event import Event
from polyterm.core.gap import Gap
from polyterm.core.input import Input
from polyterm.core.market import MarketKey
from polyterm.core.snapshot import StoreState
from polyterm.errors import LeaseLost, StoreError
from polyterm.store.checkpoint_rows import StoredCheckpoint, checkpoint_row, cut_row
from polyterm.store.database import REFUSALS, is_locked, reason
from polyterm.store.intake import Intake, Limits
from polyterm.store.location import Location, PostgresServer, located
from polyterm.store.relay import Relay
from polyterm.store.rows import Row, SessionInfo
from polyterm.store.statements import CHECKPOINT, CUT, OLDER_BEGINNINGS
from polyterm.store.target import Backlog, Guard, SqliteTarget, Target
from polyterm.store.writer import Write, beginning_of_session, end_of_session, repeated, writes_of_gap

_LOOK_S: Final = 0.05

_log = logging.getLogger(__name__)


class StoreStatus(NamedTuple):
    """``reason`` is a sentence, empty when there is nothing to say; ``pending`` rows wait to be written.

    ``spool_rows`` are durable on this machine and wait for the server, the oldest for ``spool_age_s`` seconds.
    """

    state: StoreState
    reason: str
    pending: int
    spool_rows: int = 0
    spool_age_s: float = 0.0


class Store:
    """The database of one session, open for writing.

    A tick is committed within a second, an event at once, together with every tick submitted before it. While nothing
    can be written everything waits, in order and up to the bounds of ``Limits``, and is tried again with back-off.
    """

    def __init__(
        self,
        target: Target,
        session: str,
        on_durable: Callable[[tuple[Event, ...]], None],
        on_alarm: Callable[[str], None] | None,
        limits: Limits,
    ) -> None:
        self._target = target
        self._session = session
        self._on_durable = on_durable
        self._on_alarm = on_alarm
        self._limits = limits
        self.intake = Intake(session, limits)
        self._closing = asyncio.Event()
        self._writing = asyncio.Lock()
        self._repeated = 0
        self._retry_s = limits.retry_s
        self._failing_since: float | None = None
        self._failure = ""
        self._alarmed = False

    @classmethod
    async def open(
        cls,
        location: Location | Path | str,
        *,
        session: SessionInfo,
        on_durable: Callable[[tuple[Event, ...]], None],
        on_alarm: Callable[[str], None] | None = None,
        guard: Guard | None = None,
        limits: Limits | None = None,
    ) -> "Store":
        """Open or make the database, bring its schema up to date and record the session.

        A server that is away is no error: what comes waits in a spool for it, schema and session included.
        ``on_durable`` is called on the event loop with events whose rows are on a disk. ``on_alarm`` is called with the
        reason in words when this machine's disk takes no more, once until it does again. ``guard`` is asked in each
        transaction on a server, and raises when this process must no longer write.

        Raises:
            ConfigError: the database cannot be used; one sentence that says what to do.
            StoreError: another process holds the file locked, or the disk failed.
        """
        place, limits, begin = located(location), limits or Limits(), beginning_of_session(session)
        if isinstance(place, PostgresServer):
            target: Target = await Relay.open(place, limits, begin, guard)
        else:
            target = await SqliteTarget.open(place, limits, begin)
        return cls(target, session.id, on_durable, on_alarm, limits)

    @property
    def pending(self) -> int:
        return len(self.intake)

    @property
    def status(self) -> StoreStatus:
        backlog = self._target.backlog()
        state, reason_ = self._state(backlog)
        return StoreStatus(state, reason_, self.pending, backlog.rows, backlog.age_s)

    def _state(self, backlog: Backlog) -> tuple[StoreState, str]:
        now, limits, intake = time.monotonic(), self._limits, self.intake
        if intake.refusal:
            return "failed", intake.refusal + (f"; {self._failure}." if self._failure else ".")
        if self._failing_since is not None:
            late = self._alarmed or now - self._failing_since > limits.failed_after_s
            return ("failed" if late else "slow"), f"Writing waits: {self._failure}."
        if backlog.reason:
            return backlog.state, backlog.reason
        if intake.waiting_s > limits.slow_after_s:
            why = f"The disk is slow: the oldest row has waited {intake.waiting_s:.0f} s."
            return ("failed" if intake.waiting_s > limits.failed_after_s else "slow"), why
        return "ok", intake.losses

    def submit(self, item: Input, events: Sequence[Event] = (), digests: Sequence[WindowDigest] = ()) -> None:
        """Take an input, the events that it caused and the digests of the windows that it closed.

        Never blocks and never raises for what it was given.
        """
        self.intake.take(item, events, digests)

    def put_state(self, key: str, value_json: str, at_ms: int) -> None:
        """Set a row of ``system_state`` within a second; only the newest value of a key waits. Never blocks."""
        self.intake.put_state(key, value_json, at_ms)

    def put_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Behind everything that was submitted before; older ones are forgotten. Never blocks."""
        own: Row = {"own_session": checkpoint.session}
        writes = [Write(CHECKPOINT, checkpoint_row(checkpoint), own)]
        if checkpoint.number == 0:
            writes.append(Write(OLDER_BEGINNINGS, own))
        self.intake.take_besides(writes)

    def note_gaps(self, found: Iterable[Gap]) -> None:
        """What is missing of a series, also on the windows that it touches. Never blocks; while so much waits that no
        tick is taken any more, no gap is either."""
        if self.pending < self._limits.ticks:
            self.intake.take_besides([write for gap in found for write in writes_of_gap(gap, self._session)])

    async def repeat(self, events: Iterable[Event]) -> None:
        """What events of an earlier session leave behind, without announcing them; what is stored of it stays as it is.
        Waits until what it was given before is durable, so that no more than that ever waits."""
        while self.intake.stored < self._repeated:  # noqa: ASYNC110 - the writer wakes nobody
            await asyncio.sleep(_LOOK_S)
        self.intake.take_besides([write for event in events for write in repeated(event)])
        self._repeated = self.intake.taken

    def note_cut(self, session: str, windows: Iterable[MarketKey], at_ms: int) -> None:
        """That ``session`` ended in the middle of those windows. Never blocks."""
        self.intake.take_besides([Write(CUT, cut_row(session, key, at_ms)) for key in windows])

    async def delivered(self) -> None:
        """Wait until everything that was submitted so far is in the database itself, however long that takes."""
        taken = self.intake.taken
        while self.intake.stored < taken or self._target.backlog().rows:  # noqa: ASYNC110 - the writer wakes nobody
            await asyncio.sleep(_LOOK_S)

    async def run(self) -> None:
        """Write until cancelled or closed. Raises LeaseLost when somebody else has become the writer."""
        try:
            async with asyncio.TaskGroup() as group:
                besides = group.create_task(self._target.run())
                await self._write_on()
                besides.cancel()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _write_on(self) -> None:
        while not self._closing.is_set():
            await self.intake.arrived.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.batch_s):
                    await self.intake.urgent.wait()
            if not await self._write_chunk():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._retry_s):
                        await self._closing.wait()

    async def _write_chunk(self) -> bool:
        """Make the oldest submissions durable and announce their events. False when nothing took them."""
        async with self._writing:
            chunk = self.intake.oldest()
            try:
                if writes := chunk.writes:
                    await self._target.put(writes)
                    self._note_success()
            except REFUSALS as error:
                self._note_failure(error)
                return False
            self.intake.remove(chunk)
            if events := chunk.events:
                self._on_durable(events)
        return True

    def _note_failure(self, error: Exception) -> None:
        self._failure = reason(error)
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            _log.warning("writing waits: %s", self._failure)
        else:
            self._retry_s = min(self._retry_s * 2, self._limits.retry_max_s)
        if not self._alarmed and not is_locked(error):
            self._alarmed = True
            _log.error("nothing can be stored: %s", self._failure)
            if self._on_alarm is not None:
                self._on_alarm(self._failure)

    def _note_success(self) -> None:
        if self._failing_since is not None:
            _log.warning("writing again after %.1f s", time.monotonic() - self._failing_since)
        self._failing_since, self._failure, self._alarmed, self.intake.refusal = None, "", False, ""
        self._retry_s = self._limits.retry_s

    async def close(self, digest: SessionDigest | None = None) -> None:
        """Write what waits, mark the session's end with its ``digest`` and let the database go. Nothing may follow.

        Raises:
            StoreError: after ``close_s`` seconds something was still unwritten; it says how much and why.
        """
        if self._closing.is_set():
            return
        newest_ms = self.intake.newest_ms
        self.intake.close(None if newest_ms is None else end_of_session(self._session, newest_ms, digest))
        self._closing.set()
        try:
            async with asyncio.timeout(self._limits.close_s):
                while not self.intake.empty:
                    if not await self._write_chunk():
                        await asyncio.sleep(self._retry_s)
        except TimeoutError:
            if self.pending:
                why = self._failure or "the disk is slow"
                raise StoreError(f"{self.pending} rows could not be written before the end: {why}.") from None
        except LeaseLost as error:
            _log.warning("%d rows were not written: %s", self.pending, error)
        finally:
            await self._target.close()
