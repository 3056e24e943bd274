"""The watch over gaps, set up with what earlier sessions have stored."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from polyterm.core.market import Coin, Horizon
from polyterm.core.tick import BOOK_MAX_AGE_MS
from polyterm.engine.engine import Engine
from polyterm.errors import StoreError
from polyterm.quant.gaps import GapWatch
from polyterm.transport.clock import Clock, freshness_ms

Series = tuple[Coin, Horizon]

ANSWER_WITHIN_S: Final = 3.0

log = logging.getLogger(__name__)


class Stored(Protocol):
    async def newest_slots(self, series: Sequence[Series]) -> Mapping[Series, int]: ...


async def gap_watch(engine: Engine, reader: Stored, series: Sequence[Series], clock: Clock) -> GapWatch:
    """An engine that goes on from where it was knows its newest ticks; the database is asked for the others."""
    newest = {one: desk.last_slot for one, desk in engine.desks.items() if desk.last_slot >= 0}
    others = [one for one in series if one not in newest]
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            newest |= await reader.newest_slots(others) if others else {}
    except (StoreError, TimeoutError) as error:
        log.warning("the gap since the last session is not known: %s", str(error) or "the database does not answer")
    return GapWatch(newest, freshness_ms(BOOK_MAX_AGE_MS, clock.speed) / BOOK_MAX_AGE_MS)
