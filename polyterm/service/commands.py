"""Commands: they act on the engine first, are then latched on disk, and only then answered and announced."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from polyterm.core.command import Ack, Command, CommandKind, TradingState
from polyterm.core.event import CommandRefused, Event, TradingStateChanged
from polyterm.errors import StoreError
from polyterm.service.latch import Latch, Latched

REMEMBERED: Final = 1024

log = logging.getLogger(__name__)


class Commands:
    """Applies each command once; a repeated one gets the first one's answer (the last ``REMEMBERED`` are known).

    ``apply`` hands a command to the engine; ``announce`` tells the links. Announced here, and so not to be announced
    again once stored: ``ANNOUNCED_AT_ONCE``.
    """

    ANNOUNCED_AT_ONCE: Final = (TradingStateChanged, CommandRefused)

    def __init__(
        self,
        latch: Latch,
        *,
        apply: Callable[[Command], list[Event]],
        trading_state: Callable[[], TradingState],
        announce: Callable[[tuple[Event, ...]], None],
    ) -> None:
        self.problem = ""
        self._latch = latch
        self._apply = apply
        self._trading_state = trading_state
        self._announce = announce
        self._answers: dict[tuple[str, CommandKind], asyncio.Task[Ack]] = {}
        # A thread of its own: the shared ones may all be waiting for a name server or a slow import.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="latch")

    async def send(self, command: Command) -> Ack:
        """The engine has acted before this first waits; the answer comes when the latch is on disk."""
        # The kind belongs to the identity: a kill is never taken for the repetition of something milder.
        identity = (command.id, command.kind)
        answer = self._answers.get(identity)
        if answer is None:
            events = tuple(self._apply(command))
            answer = asyncio.create_task(self._conclude(command, events))
            self._answers[identity] = answer
            self._forget_old()
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Returns when every answer is given and the last latch is on disk."""
        if self._answers:
            await asyncio.wait(self._answers.values())
        self._writer.shutdown()

    async def _conclude(self, command: Command, events: tuple[Event, ...]) -> Ack:
        changed = next((event for event in events if isinstance(event, TradingStateChanged)), None)
        refused = next((event for event in events if isinstance(event, CommandRefused)), None)
        state = changed.after if changed else self._trading_state()
        if changed is not None:
            log.warning(
                "trading is %s: %s by %s (%s)", state, command.kind, command.actor, command.reason or "no reason"
            )
            await self._write(Latched(state, command.reason, command.actor, changed.at_ms, command.id))
        self._announce(tuple(event for event in events if isinstance(event, self.ANNOUNCED_AT_ONCE)))
        reason = refused.reason if refused else ""
        if changed is not None and self.problem:
            reason = f"{self.problem} The state is in force, but would not outlive a restart."
        return Ack(command.id, refused is None, reason, state, str(changed.id) if changed else None)

    async def _write(self, latched: Latched) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._latch.write, latched)
        except StoreError as error:
            self.problem = str(error)
            log.exception("latch not written")
        else:
            self.problem = ""

    def _forget_old(self) -> None:
        while len(self._answers) > REMEMBERED and (oldest := next(iter(self._answers.items())))[1].done():
            del self._answers[oldest[0]]
