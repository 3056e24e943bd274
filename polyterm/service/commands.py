"""Commands: they act on the engine first, are then latched on disk, and only then answered and announced."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Protocol

import msgspec

from polyterm.core.command import Ack, Command, CommandKind, TradingState
from polyterm.core.event import CommandRefused, Event, TradingStateChanged
from polyterm.errors import StoreError
from polyterm.service.latch import Latched

REMEMBERED: Final = 1024
RETRY_S: Final = 2.0

log = logging.getLogger(__name__)


class Keeps(Protocol):
    """Where the trading state outlives a restart."""

    def write(self, latched: Latched) -> None:
        """Raises StoreError when it cannot be kept."""
        ...


class _Answer(NamedTuple):
    kind: CommandKind
    task: asyncio.Task[Ack]


class Commands:
    """Applies each command once; a repeated one gets the first one's answer (the last ``REMEMBERED`` are known).

    ``apply`` hands a command to the engine; ``announce`` tells the links, ``tell`` hears what is wrong with the latch
    (empty when nothing is). Announced here, and so not to be announced again once stored: ``ANNOUNCED_AT_ONCE``.
    """

    ANNOUNCED_AT_ONCE: Final = (TradingStateChanged, CommandRefused)

    def __init__(
        self,
        latch: Keeps,
        *,
        apply: Callable[[Command], list[Event]],
        trading_state: Callable[[], TradingState],
        announce: Callable[[tuple[Event, ...]], None],
        tell: Callable[[str], None],
    ) -> None:
        self._latch = latch
        self._apply = apply
        self._trading_state = trading_state
        self._tell = tell
        self._newest: Latched | None = None
        self._failed = asyncio.Event()
        self._announce = announce
        self._answers: dict[str, _Answer] = {}
        # A thread of its own: the shared ones may all be waiting for a name server or a slow import.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="latch")

    async def send(self, command: Command) -> Ack:
        """The engine has acted before this first waits; the answer comes when the latch is on disk."""
        earlier = self._answers.get(command.id)
        if earlier is not None and earlier.kind != command.kind:
            # A kill is never taken for the repetition of something milder that was given the same id.
            command = msgspec.structs.replace(command, id=f"{command.id}/{command.kind}")
            earlier = self._answers.get(command.id)
        if earlier is None:
            self._answers[command.id] = earlier = self._begin(command)
            self._forget_old()
        return await asyncio.shield(earlier.task)

    def carry_out(self, command: Command) -> None:
        """The same at once, for a command that nobody waits for the answer to; it must have an id of its own."""
        self._answers[command.id] = self._begin(command)
        self._forget_old()

    async def run(self) -> None:
        """Latch what could not be latched, again and again until it is, or a later state is; until cancelled."""
        while True:
            await self._failed.wait()
            await asyncio.sleep(RETRY_S)
            if self._failed.is_set() and self._newest is not None:
                await self._write(self._newest)

    async def close(self) -> None:
        """Returns when every answer is given and the last latch is on disk."""
        if self._answers:
            await asyncio.wait([answer.task for answer in self._answers.values()])
        self._writer.shutdown()

    def _begin(self, command: Command) -> _Answer:
        events = tuple(self._apply(command))
        return _Answer(command.kind, asyncio.create_task(self._conclude(command, events)))

    async def _conclude(self, command: Command, events: tuple[Event, ...]) -> Ack:
        announced = tuple(event for event in events if isinstance(event, self.ANNOUNCED_AT_ONCE))
        changed = next((event for event in announced if isinstance(event, TradingStateChanged)), None)
        if changed is None:
            self._announce(announced)
            reason = next(
                (event.reason for event in announced if isinstance(event, CommandRefused)), "carried out before"
            )
            return Ack(command.id, False, reason, self._trading_state())
        why = command.reason or "no reason was given"
        log.warning(
            "trading is %s: %s by %s: %s", changed.after, command.kind, command.actor, why, extra={"always": True}
        )
        problem = await self._write(Latched(changed.after, command.reason, command.actor, changed.at_ms, command.id))
        self._announce(announced)
        reason = f"{problem} The state is in force, but would not outlive a restart." if problem else ""
        return Ack(command.id, True, reason, changed.after, str(changed.id))

    async def _write(self, latched: Latched) -> str:
        """What went wrong, empty when the latch is on disk."""
        self._newest, problem = latched, ""
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._latch.write, latched)
        except StoreError as error:
            problem = str(error)
            if not self._failed.is_set():
                log.exception("latch not written")
            self._failed.set()
        else:
            self._failed.clear()
        self._tell(problem)
        return problem

    def _forget_old(self) -> None:
        while len(self._answers) > REMEMBERED:
            oldest = next(iter(self._answers))
            if not self._answers[oldest].task.done():
                return
            del self._answers[oldest]
