"""Which windows of earlier sessions still owe the venue's own result."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final, Protocol

from polyterm.core.unresolved import UnresolvedWindow
from polyterm.engine.engine import Engine
from polyterm.errors import StoreError
from polyterm.service.sources import Sources
from polyterm.transport.clock import Clock

LOOK_BACK_MS: Final = 8 * 86_400_000
"""A day more than any result is asked for."""
ANSWER_WITHIN_S: Final = 5.0
RETRY_S: Final = 30.0

log = logging.getLogger(__name__)


class Stored(Protocol):
    async def unresolved(self, since_ms: int) -> tuple[UnresolvedWindow, ...]: ...


async def resume_unresolved(sources: Sources, reader: Stored, engine: Engine, clock: Clock) -> None:
    """Tell the sources of them, once the database says which they are; the engine's own at once."""
    own = unsettled(engine)
    while True:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                stored = await reader.unresolved(clock.market_ms() - LOOK_BACK_MS)
        except (StoreError, TimeoutError) as error:
            why = str(error) or "the database does not answer"
            log.warning("which windows have no result yet is not known: %s", why)
            sources.resume(owed((), own))
            await asyncio.sleep(RETRY_S)
            continue
        windows = owed(stored, own)
        if windows:
            log.info("%d windows of earlier sessions have no official result yet", len(windows))
        sources.resume(windows)
        return


def unsettled(engine: Engine) -> tuple[UnresolvedWindow, ...]:
    """The windows of an engine that goes on from where it was."""
    wanted = set(engine.unsettled())
    return tuple(
        UnresolvedWindow(
            window.key,
            window.strike,
            window.final,
            None if window.outcome is None else window.outcome.grade,
            closed=window is not desk.windows.running,
        )
        for desk in engine.desks.values()
        for window in desk.windows.known()
        if window.key in wanted
    )


def owed(stored: Iterable[UnresolvedWindow], own: Iterable[UnresolvedWindow]) -> tuple[UnresolvedWindow, ...]:
    """What the store knows, and what the engine does, which wins: its own may not be in the store yet. Oldest first."""
    known = {window.key: window for window in (*stored, *own)}
    return tuple(sorted(known.values(), key=lambda window: (window.key.epoch, window.key)))
