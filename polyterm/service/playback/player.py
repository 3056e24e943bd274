"""Plays a recording: the only one who waits, so that its inputs come when their time has come."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from polyterm.core.event import Event
from polyterm.core.playback import SPEEDS, Playback, PlaybackOrder
from polyterm.core.tick import Tick
from polyterm.service.playback.stage import Stage
from polyterm.service.playback.tape import Tape
from polyterm.transport.clock import PlayerClock

SKIPPED_MS: Final = 120_000
"""A longer silence in the recording is skipped, market ms."""

TURN_S: Final = 0.02
SHORTEST_REST_S: Final = 0.005
LATE_S: Final = 0.25
EVENTS_RECALLED: Final = 1000

Announce = Callable[[tuple[Event, ...]], None]


class Player:
    """``announce`` gets what happens while it plays or steps. What is passed by on the way to a window is not
    announced: ``recall`` gets the last events before it when the player is there."""

    def __init__(
        self,
        tape: Tape,
        stage: Stage,
        clock: PlayerClock,
        *,
        announce: Announce,
        recall: Announce,
        speed: int = 1,
    ) -> None:
        self._tape = tape
        self._stage = stage
        self._clock = clock
        self._announce = announce
        self._recall = recall
        self._speed = speed
        self._paused = False
        self._take = 1
        self._target: int | None = None
        self._window = 0  # that is sought
        self._began = 0  # the place where the seeking began
        self._still_since: float | None = clock.monotonic()
        self._wake = asyncio.Event()

    def grown(self) -> None:
        """There is more on the tape, or its end."""
        self._wake.set()

    @property
    def ended(self) -> bool:
        return self._tape.complete and self._stage.place == self._tape.length and self._target is None

    def playback(self) -> Playback:
        tape, place, target = self._tape, self._stage.place, self._target
        share = 0.0 if target is None else (place - self._began) / max(1, target - self._began)
        return Playback(
            take=self._take,
            paused=self._paused,
            ended=self.ended,
            speed=self._speed,
            window=tape.window_at(place),
            windows=len(tape.starts),
            complete=tape.complete,
            seeking=None if target is None else self._window,
            share=round(share, 2),
            still_s=0 if self._still_since is None else int(self._clock.monotonic() - self._still_since),
        )

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            self._wake.clear()
            rest_s = self._play_on() if self._target is None else self._seek_on()
            if rest_s == 0:
                await asyncio.sleep(0)
                continue
            try:
                async with asyncio.timeout(rest_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def steer(self, order: PlaybackOrder) -> str:
        """Why nothing comes of it, empty when it is obeyed."""
        self._wake.set()
        match order.kind:
            case "toggle":
                return self._toggle()
            case "tick" | "second":
                return self._step(whole_second=order.kind == "second")
            case "faster" | "slower" | "speed":
                return self._run_at(self._speed_of(order))
            case "next" | "previous" | "window":
                return self._seek(self._window_of(order))

    def _toggle(self) -> str:
        if self.ended:
            return "the recording has ended: go back to a window"
        self._paused = not self._paused
        self._run_clock(0 if self._paused else self._speed)
        return ""

    def _speed_of(self, order: PlaybackOrder) -> int:
        """0 where there is no faster or slower one."""
        if order.kind == "faster":
            return next((speed for speed in SPEEDS if speed > self._speed), 0)
        if order.kind == "slower":
            return next((speed for speed in reversed(SPEEDS) if speed < self._speed), 0)
        return order.value

    def _run_at(self, speed: int) -> str:
        if not SPEEDS[0] <= speed <= SPEEDS[-1]:
            return f"it plays at {SPEEDS[0]}× to {SPEEDS[-1]}×"
        self._speed = speed
        if self._clock.speed:
            self._run_clock(speed)
        return ""

    def _run_clock(self, speed: int) -> None:
        self._clock.run(speed)
        if speed:
            self._still_since = None
        elif self._still_since is None:
            self._still_since = self._clock.monotonic()

    # Playing

    def _play_on(self) -> float | None:
        """Take what is due. Gives the seconds until more is, None when that depends on others."""
        if self._paused or self._stage.place == self._tape.length:
            self._run_clock(0)
            return None
        if not self._clock.speed:
            self._run_clock(self._speed)
        at_ms, now_ms = self._tape.at(self._stage.place)[0], self._clock.market_ms()
        if at_ms - now_ms > SKIPPED_MS:
            self._clock.set(at_ms)
        elif at_ms > now_ms:
            return max(SHORTEST_REST_S, (at_ms - now_ms) / 1000 / self._speed)
        self._take_due(max(now_ms, at_ms))
        return 0

    def _take_due(self, now_ms: int) -> None:
        """For a moment at most: those who look, and those who command, have their turn as well."""
        events: list[Event] = []
        until = time.monotonic() + TURN_S
        at_ms = now_ms
        while self._stage.place < self._tape.length and (at_ms := self._tape.at(self._stage.place)[0]) <= now_ms:
            events += self._next()
            if time.monotonic() > until:
                break
        if now_ms - at_ms > LATE_S * 1000 * self._speed:
            self._clock.set(at_ms)  # this machine is not fast enough for that speed
        self._announce(tuple(events))

    def _next(self) -> list[Event]:
        place = self._stage.place
        if self._starts(place):
            self._stage.mark()
        return self._stage.take(self._tape.at(place))

    def _starts(self, place: int) -> bool:
        starts = self._tape.starts
        index = bisect_right(starts, place) - 1
        return index >= 0 and starts[index] == place

    # Steps

    def _step(self, *, whole_second: bool) -> str:
        """Up to the next tick, or to the end of its second."""
        if self._target is not None:
            return "it is on the way to another window"
        if self._stage.place == self._tape.length:
            return "the recording has ended" if self._tape.complete else "the recording is still being read"
        self._paused = True
        self._run_clock(0)
        events: list[Event] = []
        second = None
        while self._stage.place < self._tape.length:
            at_ms, payload = self._tape.at(self._stage.place)
            if second is not None and at_ms // 1000 != second:
                break
            self._clock.set(at_ms)
            events += self._next()
            if isinstance(payload, Tick):
                if not whole_second:
                    break
                second = at_ms // 1000
        self._announce(tuple(events))
        return ""

    # Seeking

    def _window_of(self, order: PlaybackOrder) -> int:
        here = self._tape.window_at(self._stage.place) if self._target is None else self._window
        if order.kind == "previous":
            return max(1, here - 1)
        return here + 1 if order.kind == "next" else order.value

    def _seek(self, window: int) -> str:
        starts = self._tape.starts
        if not 1 <= window <= len(starts):
            if window > len(starts) and not self._tape.complete:
                return "the recording is still being read"
            return f"it has {len(starts)} windows" if window != len(starts) + 1 else "this is the last window"
        target = starts[window - 1] + 1
        nearest = self._stage.nearest(target)
        if nearest != self._stage.place:
            self._stage.go_to(nearest)
        self._target, self._window, self._began = target, window, self._stage.place
        return ""

    def _seek_on(self) -> float:
        """Go towards the window, silently."""
        target = self._target or 0
        until = time.monotonic() + TURN_S
        while self._stage.place < target and time.monotonic() < until:
            self._next()
        if self._stage.place >= target:
            self._target = None
            self._take += 1
            self._recall(self._stage.past.newest(EVENTS_RECALLED))
            self._clock.set(self._tape.at(self._stage.place - 1)[0])
            self._run_clock(0 if self._paused else self._speed)
        return 0
