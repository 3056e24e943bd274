"""The system clock, when somebody sets it."""

import asyncio

import pytest

from polyterm.transport import clock
from polyterm.transport.clock import system_clock


async def test_a_clock_that_is_set_forward_again_wakes_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "LOOK_EVERY_S", 0.01)
    wall = [1_790_000_000.0]
    monkeypatch.setattr(clock.time, "time", lambda: wall[0])
    waiting = asyncio.create_task(system_clock().until(1_790_003_600_000))
    await asyncio.sleep(0)
    wall[0] += 3600
    async with asyncio.timeout(2):
        await waiting
