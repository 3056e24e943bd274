"""What only the store still knows is handed to the engine: positions that nobody holds, and trades that the official
result of a forgotten window contradicts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from polyterm.core.event import Event, WindowSettled
from polyterm.core.input import Payload, PositionsFound, TradesFound
from polyterm.core.market import GRADES, MarketKey
from polyterm.core.position import Position
from polyterm.engine.engine import Engine
from polyterm.errors import StoreError
from polyterm.service.unresolved import ANSWER_WITHIN_S, LOOK_BACK_MS, RETRY_S
from polyterm.transport.clock import Clock

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class Written(Protocol):
    async def delivered(self) -> None: ...


class Stored(Protocol):
    async def held_before(self, session: str) -> tuple[PositionsFound, ...]: ...
    async def contradicted(self, since_s: int) -> tuple[TradesFound, ...]: ...


class Leftovers:
    """Of an engine. ``handle`` takes what is found, as an input like any other.

    The store is asked when all that the engine did before is in it, so that nothing is settled or corrected twice.
    """

    def __init__(self, engine: Engine, handle: Callable[[Payload], object]) -> None:
        self._engine = engine
        self._handle = handle
        self._judged = asyncio.Event()
        self._since_s: int | None = None

    def note(self, events: Sequence[Event]) -> None:
        """What the engine made of an input."""
        for event in events:
            if isinstance(event, WindowSettled) and event.grade == GRADES[-1]:
                self._since_s = min(event.key.epoch, self._since_s or event.key.epoch)
                self._judged.set()

    async def run(self, store: Written, stored: Stored, clock: Clock) -> None:
        """Hand over what earlier sessions left, then what an official result contradicts, until cancelled."""
        await self._positions(store, stored)
        since_s = (clock.market_ms() - LOOK_BACK_MS) // 1000
        while True:
            await self._trades(store, stored, since_s)
            await self._judged.wait()
            self._judged.clear()
            since_s, self._since_s = self._since_s or since_s, None

    async def _positions(self, store: Written, stored: Stored) -> None:
        held = set(map(_name, self._engine.open_positions()))  # before it is asked: one may be closed meanwhile
        for found in await _answer(store, lambda: stored.held_before(self._engine.session)):
            orphans = tuple(position for position in found.positions if _name(position) not in held)
            if orphans:
                log.warning("%d positions of %s, which nobody holds, wait for its outcome", len(orphans), found.key)
                self._handle(msgspec.structs.replace(found, positions=orphans))

    async def _trades(self, store: Written, stored: Stored, since_s: int) -> None:
        """Until there are none, or the same ones again: then their corrections are not taken by the store."""
        before: tuple[TradesFound, ...] = ()
        while found := await _answer(store, lambda: stored.contradicted(since_s)):
            if found == before:
                return
            for one in found:
                log.warning(
                    "%s was settled otherwise than its official result: %d trades are corrected",
                    one.outcome.key, len(one.trades),
                )  # fmt: skip
                self._handle(one)
            before = found


async def _answer(store: Written, question: Callable[[], Awaitable[Answer]]) -> Answer:
    while True:
        await store.delivered()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await question()
        except (StoreError, TimeoutError) as error:
            log.warning("what earlier sessions left is not known: %s", str(error) or "the database does not answer")
        await asyncio.sleep(RETRY_S)


def _name(position: Position) -> tuple[str, str, MarketKey, int]:
    return position.session, position.strategy, position.key, position.entry_ms
