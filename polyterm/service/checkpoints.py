"""Checkpoints while the engine runs: at the start of every window, often enough in long ones, and at a clean end."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from polyterm.core.event import Event, WindowStarted
from polyterm.core.input import Input
from polyterm.engine.checkpoint import VERSION
from polyterm.engine.engine import Engine
from polyterm.service.recovery import PROGRAM
from polyterm.store.checkpoint_rows import StoredCheckpoint, pack

MOST_INPUTS: Final = 5_000
"""So many inputs at most have to be repeated after a crash; a window of a quarter of an hour has 3,600 ticks."""

Put = Callable[[StoredCheckpoint], None]


class CheckpointKeeper:
    """``note`` every input that was applied and submitted; ``put`` gets checkpoints that belong behind them."""

    def __init__(self, engine: Engine) -> None:
        self.number = 0
        self._engine = engine
        self._at_ms = 0
        self._inputs = 0
        self._due = asyncio.Event()

    def note(self, item: Input, events: Sequence[Event]) -> None:
        self.number, self._at_ms = item.number, item.at_ms
        self._inputs += 1
        if self._inputs >= MOST_INPUTS or any(isinstance(event, WindowStarted) for event in events):
            self._due.set()

    async def run(self, put: Put) -> None:
        """Keep what is due, until cancelled. Windows that start together share a checkpoint."""
        while True:
            await self._due.wait()
            await self.keep(put)

    async def keep(self, put: Put) -> None:
        """Keep what the engine knows now: the engine waits for milliseconds, and not for the packing."""
        self._due.clear()
        self._inputs = 0
        number, at_ms, state = self.number, self._at_ms, self._engine.checkpoint()
        put(await packed(self._engine.session, number, at_ms, state))


async def packed(session: str, number: int, at_ms: int, state: bytes) -> StoredCheckpoint:
    text = await asyncio.to_thread(pack, state)
    return StoredCheckpoint(
        session=session, number=number, at_ms=at_ms, program=PROGRAM, version=VERSION, packed=text
    )  # fmt: skip
