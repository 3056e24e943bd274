"""What waits to be written: taken without ever making the engine wait, bounded, in order."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from polyterm.core.digest import WindowDigest
from polyterm.core.event import Event
from polyterm.core.input import Input
from polyterm.core.tick import Tick
from polyterm.errors import StoreError
from polyterm.store.input_rows import digest_row, input_row, tick_input_row
from polyterm.store.rows import Row, state_row
from polyterm.store.statements import DIGEST, INPUT, STATE, TICK
from polyterm.store.writer import Write, writes_of

_log = logging.getLogger(__name__)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and patience, in machine time.

    ``ticks`` is an hour of four series (about 40 MB when full), ``events`` some hours of every strategy (about 80 MB),
    ``inputs``, those that are no ticks, more than a day.
    ``chunk`` submissions share a commit at most, so that a backlog neither holds the database nor the event loop long.

    For a server: a commit that takes longer than ``direct_s`` goes to the spool instead, and so does what follows for
    ``hold_s``; the spool is delivered ``batch`` rows at a time, each within ``batch_timeout_s``. A server whose tables
    are not ready within ``open_s`` gets ``migrate_s`` while rows go to the spool.
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
    open_s: float = 5.0
    direct_s: float = 2.0
    hold_s: float = 5.0
    batch: int = 2_000
    batch_timeout_s: float = 30.0
    migrate_s: float = 3_600.0


class Submission(NamedTuple):
    at_s: float
    tick: Write | None
    other: Write | None
    events: tuple[Event, ...]
    writes: tuple[Write, ...]


class Chunk(NamedTuple):
    """The oldest of what waits; ``states`` are written after it."""

    submissions: tuple[Submission, ...]
    states: dict[str, Row]

    @property
    def writes(self) -> list[Write]:
        found = [one.tick for one in self.submissions if one.tick is not None]
        found += [one.other for one in self.submissions if one.other is not None]
        found += [write for one in self.submissions for write in one.writes]
        found += [Write(STATE, row) for row in self.states.values()]
        return found

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(event for one in self.submissions for event in one.events)


class Intake:
    """When the waiting ticks reach their bound the newest tick is refused; likewise other inputs, and events, which
    are then neither stored nor announced. All are counted: what was accepted is never given up for something newer.

    ``arrived`` is set while something waits, ``urgent`` while it should not wait for more. ``refusal`` is why
    something was refused since it was last cleared. Of ``taken`` submissions so many are ``stored``.
    """

    def __init__(self, session: str, limits: Limits) -> None:
        self.taken = 0
        self.stored = 0
        self.lost_ticks = 0
        self.lost_inputs = 0
        self.lost_events = 0
        self.refusal = ""
        self.newest_ms: int | None = None
        self.arrived = asyncio.Event()
        self.urgent = asyncio.Event()
        self._closed = False
        self._session = session
        self._limits = limits
        self._queue: deque[Submission] = deque()
        self._states: dict[str, Row] = {}
        self._waiting_ticks = 0
        self._waiting_inputs = 0
        self._waiting_events = 0

    def __len__(self) -> int:
        """Rows and events."""
        return self._waiting_ticks + self._waiting_inputs + self._waiting_events + len(self._states)

    @property
    def empty(self) -> bool:
        return not self._queue and not self._states

    @property
    def waiting_s(self) -> float:
        """Of the oldest."""
        return time.monotonic() - self._queue[0].at_s if self._queue else 0.0

    @property
    def losses(self) -> str:
        """A sentence, empty when there are none."""
        if not (self.lost_ticks or self.lost_inputs or self.lost_events):
            return ""
        return (
            f"{self.lost_ticks} ticks, {self.lost_inputs} other inputs and {self.lost_events} events of this session "
            "were not stored."
        )

    def take(self, item: Input, events: Sequence[Event], digests: Sequence[WindowDigest]) -> None:
        self._check_open()
        tick = self._accept_tick(item.payload, item) if isinstance(item.payload, Tick) else None
        other = None if isinstance(item.payload, Tick) else self._accept_input(item)
        accepted, writes = self._accept_events(events)
        writes += tuple(Write(DIGEST, digest_row(digest)) for digest in digests)
        self.newest_ms = max(item.at_ms, self.newest_ms or item.at_ms)
        if tick is not None or other is not None or writes or accepted:
            self._enqueue(Submission(time.monotonic(), tick, other, accepted, writes))

    def take_besides(self, writes: Sequence[Write]) -> None:
        """Rows that no input of this session brought, in their order, behind what came before."""
        self._check_open()
        if writes:
            self._enqueue(Submission(time.monotonic(), None, None, (), tuple(writes)))

    def put_state(self, key: str, value_json: str, at_ms: int) -> None:
        """Only the newest value of a key waits."""
        self._check_open()
        self._states[key] = state_row(key, value_json, at_ms)
        self.arrived.set()

    def close(self, last: Write | None) -> None:
        """Nothing more is taken; ``last`` goes behind everything else. What waits is urgent from now on."""
        if last is not None:
            self._enqueue(Submission(time.monotonic(), None, None, (), (last,)))
        self._closed = True
        self.arrived.set()
        self.urgent.set()

    def oldest(self) -> Chunk:
        return Chunk(tuple(islice(self._queue, self._limits.chunk)), dict(self._states))

    def remove(self, chunk: Chunk) -> None:
        """What was taken with ``oldest`` is stored."""
        self.stored += len(chunk.submissions)
        for one in chunk.submissions:
            self._queue.popleft()
            self._waiting_ticks -= one.tick is not None
            self._waiting_inputs -= one.other is not None
            self._waiting_events -= len(one.events)
        for key, row in chunk.states.items():
            if self._states[key] is row:
                del self._states[key]
        if self._closed:
            return
        if self.empty:
            self.arrived.clear()
        if not self._waiting_events and len(self._queue) < self._limits.chunk:
            self.urgent.clear()

    def refuse(self, why: str) -> None:
        if why != self.refusal:
            _log.error("%s", why)
        self.refusal = why

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The store is closed.")

    def _accept_tick(self, tick: Tick, item: Input) -> Write | None:
        if self._waiting_ticks >= self._limits.ticks:
            self.lost_ticks += 1
            self.refuse(f"{self._waiting_ticks} ticks wait to be written and no more are taken")
            return None
        try:
            return Write(TICK, tick_input_row(tick, item, self._session))
        except StoreError as error:
            self.lost_ticks += 1
            self.refuse(str(error).rstrip("."))
            return None

    def _accept_input(self, item: Input) -> Write | None:
        if self._waiting_inputs >= self._limits.inputs:
            self.lost_inputs += 1
            self.refuse(f"{self._waiting_inputs} inputs wait to be written and no more are taken")
            return None
        try:
            return Write(INPUT, input_row(item, self._session))
        except StoreError as error:
            self.lost_inputs += 1
            self.refuse(str(error).rstrip("."))
            return None

    def _accept_events(self, events: Sequence[Event]) -> tuple[tuple[Event, ...], tuple[Write, ...]]:
        accepted: list[Event] = []
        writes: list[Write] = []
        for event in events:
            if self._waiting_events + len(accepted) >= self._limits.events:
                self.lost_events += 1
                self.refuse(f"{self._waiting_events} events wait to be written and no more are taken")
                continue
            try:
                writes.extend(tuple(writes_of(event)))  # all of an event's rows or none
            except StoreError as error:
                self.lost_events += 1
                self.refuse(str(error).rstrip("."))
                continue
            accepted.append(event)
        return tuple(accepted), tuple(writes)

    def _enqueue(self, submission: Submission) -> None:
        self._queue.append(submission)
        self.taken += 1
        self._waiting_ticks += submission.tick is not None
        self._waiting_inputs += submission.other is not None
        self._waiting_events += len(submission.events)
        self.arrived.set()
        if submission.events or len(self._queue) >= self._limits.chunk:
            self.urgent.set()
