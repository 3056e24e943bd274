"""Go on from where the last session on this database stopped, however it stopped.

Its newest checkpoint and the inputs that were stored after it give the engine that it had. What is made again on the
way is announced to nobody, and stored only where it is missing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from polyterm import __version__
from polyterm.core.event import Event
from polyterm.core.input import Input
from polyterm.core.market import MarketKey
from polyterm.engine.books import Book, Sizing
from polyterm.engine.checkpoint import Checkpoint, CheckpointError, decode, farewells, unchanged
from polyterm.engine.engine import Engine
from polyterm.errors import StoreError
from polyterm.service.journal import Journalled
from polyterm.store.checkpoint_rows import StoredCheckpoint
from polyterm.store.location import Location
from polyterm.store.sessions import SessionArchive, StoredSession, open_archive
from polyterm.strategies.entry import Entry

PROGRAM: Final = f"polyterm {__version__}"
SIZINGS: Final[dict[str, Sizing]] = {"shares": "shares", "usd": "usd"}
BREATH: Final = 25
"""So many inputs are repeated before somebody else gets a turn: a kill must not wait."""
CHUNK: Final = 1_000
"""So many events at most are kept before they are handed on: a session may have been long, and without a checkpoint."""

log = logging.getLogger(__name__)
HandOn = Callable[[Sequence[Event]], Awaitable[None]]
"""Gets what was made again, in order, and comes back when there is room for more."""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """``state`` is what a new session goes on from, None when there is nothing; ``problem`` says why that is a pity.

    ``inputs`` that the checkpoint did not know were repeated, ``missing`` more are not stored.
    The ``session`` ended at ``ended_ms`` in the middle of the windows ``cut``.
    """

    session: str = ""
    state: Checkpoint | None = None
    inputs: int = 0
    missing: int = 0
    cut: tuple[MarketKey, ...] = ()
    ended_ms: int = 0
    notices: tuple[str, ...] = ()
    problem: str = ""
    took_s: float = 0.0


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where the repetition of a session begins: at a checkpoint, or with nothing at number 0."""

    session: StoredSession
    checkpoint: StoredCheckpoint | None = None
    state: Checkpoint | None = None
    problem: str = ""


async def recover(
    place: Location, own: str, entries: Sequence[Entry], tell: Callable[[str], None], hand_on: HandOn
) -> Recovery:
    """What the session ``own`` goes on from; ``entries`` are today's strategies, ``tell`` hears how far it has come.
    ``hand_on`` may get everything once more, if this is tried again.

    Raises:
        StoreError: the database cannot be read now.
    """
    began = time.monotonic()
    async with open_archive(place) as archive:
        start = await _start(archive, own)
        if start is None:
            return Recovery()
        if start.problem:
            return Recovery(session=start.session.id, problem=start.problem)
        repetition = _Repetition(start, entries, hand_on)
        after, after_ms = (0, None) if start.checkpoint is None else (start.checkpoint.number, start.checkpoint.at_ms)
        async for item in archive.inputs(start.session, after, after_ms):
            await repetition.add(item)
            if repetition.inputs % BREATH == 0:
                tell(f"repeating session {start.session.id}: {repetition.inputs:,} inputs so far")
                await asyncio.sleep(0)
        await repetition.hand_on()
        repetition.engine.forget(await archive.closed(repetition.engine.open_positions()))
    return repetition.recovery(time.monotonic() - began)


async def recover_from(journal: Journalled, entries: Sequence[Entry], hand_on: HandOn) -> Recovery:
    """The same from what this machine noted, while the database is away."""
    began, info, checkpoint = time.monotonic(), journal.session, journal.checkpoint
    session = StoredSession(
        id=info.id, predecessor=None, program=info.program, platform=info.platform, sizing=info.sizing,
        strategies=info.strategies, started_ms=info.started_ms, ended_ms=None, next_ms=None, digest=None,
    )  # fmt: skip
    try:
        state = None if checkpoint is None else decode(checkpoint.state(), checkpoint.version)
    except (StoreError, CheckpointError) as error:
        why = f"The checkpoint of session {info.id} cannot be read ({error}): the engine began with nothing."
        return Recovery(session=info.id, problem=why)
    repetition = _Repetition(_Start(session=session, checkpoint=checkpoint, state=state), entries, hand_on)
    for item in journal.inputs:
        await repetition.add(item)
        if repetition.inputs % BREATH == 0:
            await asyncio.sleep(0)
    await repetition.hand_on()
    return repetition.recovery(time.monotonic() - began)


async def _start(archive: SessionArchive, own: str) -> _Start | None:
    """The last session of which anything is left. One that came to nothing is passed over."""
    session = await archive.before(own)
    while session is not None:
        stored = await archive.checkpoints(session.id)
        problems = []
        for checkpoint in stored:
            try:
                state = decode(checkpoint.state(), checkpoint.version)
            except (StoreError, CheckpointError) as error:
                problems.append(f"{checkpoint.number}: {error}")
            else:
                _tell_of_damage(problems)
                return _Start(session=session, checkpoint=checkpoint, state=state)
        if problems:
            why = f"No checkpoint of session {session.id} can be read ({problems[0]}): the engine began with nothing."
            return _Start(session=session, problem=why)
        if await anext(archive.inputs(session), None) is not None:
            return _Start(session=session)
        session = None if session.predecessor is None else await archive.session(session.predecessor)
    return None


def _tell_of_damage(problems: Sequence[str]) -> None:
    for problem in problems:
        log.warning("an older checkpoint is used, a newer one cannot be read: %s", problem)


class _Repetition:
    """The last session's engine, once more. Strategies that are not what they were then do nothing in it."""

    def __init__(self, start: _Start, entries: Sequence[Entry], hand_on: HandOn) -> None:
        session, state = start.session, start.state
        names = session.strategies if state is None else unchanged(state, entries)
        books = [Book(entry) for entry in entries if entry.name in names]
        self.engine = Engine(session.id, books, SIZINGS.get(session.sizing, "shares"))
        self.inputs = 0
        self._start = start
        self._hand_on = hand_on
        self._events: list[Event] = []
        self._last = 0 if start.checkpoint is None else start.checkpoint.number
        self._first = self._last
        self._at_ms = session.started_ms if start.checkpoint is None else start.checkpoint.at_ms
        self._notices: list[str] = []
        if state is not None:
            self._notices = [*farewells(state, entries), *self.engine.restore(state)]

    async def add(self, item: Input) -> None:
        self.inputs += 1
        self._last, self._at_ms = item.number, item.at_ms
        self._events += self.engine.apply(item)
        if len(self._events) >= CHUNK:
            await self.hand_on()

    async def hand_on(self) -> None:
        """All that has come together."""
        events, self._events = self._events, []
        if events:
            await self._hand_on(events)

    def recovery(self, took_s: float) -> Recovery:
        session = self._start.session
        missing = self._last - self._first - self.inputs
        if missing:
            self._notices.append(f"{missing:,} inputs of session {session.id} are not stored: its end is not exact.")
        if self.inputs and session.program != PROGRAM:
            self._notices.append(f"The end of session {session.id} was worked out by {PROGRAM}, not {session.program}.")
        state = decode(self.engine.checkpoint())
        return Recovery(
            session=session.id,
            state=state.resumed(),
            inputs=self.inputs,
            missing=missing,
            cut=tuple(desk.windows.running.key for desk in state.desks if desk.windows.running is not None),
            ended_ms=self._at_ms,
            notices=tuple(self._notices),
            took_s=took_s,
        )
