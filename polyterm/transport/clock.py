"""Market time and machine time.

Market time stamps ticks and windows and may run faster than the wall (a demo) or stand still (a test). Machine time is
monotonic and serves timeouts, back-off and silence; it never scales.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

# The wall clock can be set while somebody waits for it.
LOOK_EVERY_S: Final = 1.0


class Clock(Protocol):
    """``speed`` is market seconds per wall second."""

    @property
    def speed(self) -> float: ...

    def market_ms(self) -> int: ...

    def monotonic(self) -> float: ...

    async def until(self, market_ms: int) -> None:
        """Return once market time has reached ``market_ms``."""
        ...


class ScaledClock(msgspec.Struct, frozen=True):
    """Market time = market0 + (wall - wall0) * speed. At speed 1 with equal origins this is the system clock.

    ``wall0_ms`` and ``market0_ms`` are unix milliseconds of the same moment; processes that are given the same three
    numbers agree on market time.
    """

    wall0_ms: int = 0
    market0_ms: int = 0
    speed: float = 1.0

    def market_ms(self) -> int:
        return self.market0_ms + int((time.time() * 1000 - self.wall0_ms) * self.speed)

    def monotonic(self) -> float:
        return time.monotonic()

    async def until(self, market_ms: int) -> None:
        while (left_ms := market_ms - self.market_ms()) > 0:  # noqa: ASYNC110 - nothing else can wake it
            await asyncio.sleep(min(left_ms / 1000 / self.speed, LOOK_EVERY_S))


class PlayerClock:
    """Market time of a recording that is played: it can be set, run at any speed, and stand still (speed 0)."""

    def __init__(self, market_ms: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._from_ms = market_ms
        self._since = monotonic()
        self._speed = 0.0

    @property
    def speed(self) -> float:
        return self._speed

    def market_ms(self) -> int:
        return self._from_ms + int((self._monotonic() - self._since) * 1000 * self._speed)

    def monotonic(self) -> float:
        return self._monotonic()

    def run(self, speed: float) -> None:
        """Go on from now at ``speed``."""
        self.set(self.market_ms())
        self._speed = speed

    def set(self, market_ms: int) -> None:
        """Go on from there at the same speed."""
        self._from_ms, self._since = market_ms, self._monotonic()

    async def until(self, market_ms: int) -> None:
        while (left_ms := market_ms - self.market_ms()) > 0:  # noqa: ASYNC110 - it may be set at any time
            await asyncio.sleep(min(left_ms / 1000 / self._speed, LOOK_EVERY_S) if self._speed else LOOK_EVERY_S)


def system_clock() -> ScaledClock:
    return ScaledClock()


class ManualClock:
    """A clock that moves only when told to; those who wait are woken in order of their deadlines."""

    def __init__(self, market_ms: int = 0, speed: float = 1.0) -> None:
        self.speed = speed
        self._market_ms = market_ms
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def market_ms(self) -> int:
        return self._market_ms

    def monotonic(self) -> float:
        return self._market_ms / 1000 / self.speed

    async def until(self, market_ms: int) -> None:
        if market_ms <= self._market_ms:
            return
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        self._waiters.append((market_ms, self._count, future))
        await future

    def advance_to(self, market_ms: int) -> None:
        self._market_ms = max(self._market_ms, market_ms)
        due = sorted(waiter for waiter in self._waiters if waiter[0] <= self._market_ms)
        self._waiters = [waiter for waiter in self._waiters if waiter[0] > self._market_ms]
        for _, _, future in due:
            if not future.done():
                future.set_result(None)


def freshness_ms(limit_ms: int, speed: float) -> int:
    """An age limit in market ms. At least 1 s of wall time: scaling must not make normal delay look stale."""
    return max(limit_ms, int(1000 * speed))
