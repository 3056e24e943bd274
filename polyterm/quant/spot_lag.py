"""After a jump of spot, how long does the market's mid take to reach its new fair value?

Prices of spot are dollars, mids and fair values probabilities of Up, times market seconds. An event begins when spot
moved by at least ``MIN_JUMP`` within one second and its fair value now differs from the mid before by more than
``MIN_GAP``; it is followed for ``FOLLOW_S`` and then analysed. Memory is bounded: at most ``FOLLOW_S`` + 1 events are
open at once, and closed ones only count.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from polyterm.core.market import Side

MIN_JUMP: Final = 0.0005
MIN_GAP: Final = 0.01
FOLLOW_S: Final = 30
DECAY_S: Final = (0, 1, 2, 3, 5, 10, 15, 20, 30)
DECAY_REACH_S: Final = 1.5
SHARES: Final = (0.25, 0.50, 0.75, 0.90, 1.00)
HALF: Final = 0.50
FULL: Final = 0.90

SIGNAL_LAG: Final = 0.03
SIGNAL_MOMENTUM: Final = 0.0003
FULL_STRENGTH_LAG: Final = 0.1


class LagSignal(msgspec.Struct, frozen=True):
    """``lag`` is fair value minus mid, ``strength`` |lag| in tenths, at most 1."""

    side: Side
    lag: float
    momentum: float
    strength: float


def lag_signal(fair: float, mid: float, momentum: float) -> LagSignal | None:
    """Buy the side to which spot moves while the mid still stands behind; None when it does not, or one is missing.

    ``momentum`` is the return of spot over the last four seconds.
    """
    lag = fair - mid
    strength = min(1.0, abs(lag) / FULL_STRENGTH_LAG)
    if lag > SIGNAL_LAG and momentum > SIGNAL_MOMENTUM:
        return LagSignal("up", lag, momentum, strength)
    if lag < -SIGNAL_LAG and momentum < -SIGNAL_MOMENTUM:
        return LagSignal("down", lag, momentum, strength)
    return None


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """How the mid took in one jump.

    ``max_lag`` is the distance it had to go. ``reached_s`` are the seconds until ``SHARES`` of it were done, None for
    those that were not reached in time; ``remaining`` the share still to go at the seconds of ``DECAY_S``, None where
    no observation is near.
    """

    direction: Side
    max_lag: float
    reached_s: tuple[int | None, ...]
    remaining: tuple[float | None, ...]


class LagStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the events of one direction, or of both; None while there is nothing to average.

    ``half_s`` and ``full_s`` are the seconds until 50 % and 90 % were priced, over the ``half_events`` and
    ``full_events`` that got there within ``FOLLOW_S``: slower ones are missing from the means.
    """

    events: int
    half_events: int
    full_events: int
    half_s: float | None
    full_s: float | None
    max_lag: float | None


class LagReport(msgspec.Struct, frozen=True, kw_only=True):
    """``decay``: seconds after the jump, and percent of the initial lag that remain on average."""

    every: LagStatistics
    up: LagStatistics
    down: LagStatistics
    decay: tuple[tuple[int, float | None], ...]


def reaction(fair: float, mid_before: float, snapshots: Sequence[tuple[int, float]]) -> Reaction | None:
    """Analyse one event from its (seconds since the jump, mid), in time order.

    None with fewer than two snapshots or less than ``MIN_GAP`` to go. A mid that reacted in the second of the jump
    itself reacted after 0 s: that is a time, not a missing one.
    """
    gap = fair - mid_before
    if len(snapshots) < 2 or not abs(gap) >= MIN_GAP:
        return None
    return Reaction(
        direction="up" if gap > 0 else "down",
        max_lag=abs(gap),
        reached_s=tuple(_first_at(share, gap, mid_before, snapshots) for share in SHARES),
        remaining=tuple(_remaining_at(second, fair, abs(gap), snapshots) for second in DECAY_S),
    )


def _first_at(share: float, gap: float, mid_before: float, snapshots: Sequence[tuple[int, float]]) -> int | None:
    return next((after for after, mid in snapshots if (mid - mid_before) / gap >= share), None)


def _remaining_at(second: int, fair: float, max_lag: float, snapshots: Sequence[tuple[int, float]]) -> float | None:
    """From the nearest snapshot, the earlier of two as near."""
    after, mid = min(snapshots, key=lambda snapshot: abs(snapshot[0] - second))
    return abs(fair - mid) / max_lag if abs(after - second) <= DECAY_REACH_S else None


class _Event:
    __slots__ = ("fair", "mid_before", "slot", "snapshots")

    def __init__(self, slot: int, fair: float, mid_before: float) -> None:
        self.slot, self.fair, self.mid_before = slot, fair, mid_before
        self.snapshots: list[tuple[int, float]] = []


class _Mean:
    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0

    def add(self, value: float | None) -> None:
        if value is not None:
            self.count += 1
            self.total += value

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


class _Tally:
    def __init__(self) -> None:
        self.half, self.full, self.max_lag = _Mean(), _Mean(), _Mean()

    def add(self, event: Reaction) -> None:
        self.half.add(event.reached_s[SHARES.index(HALF)])
        self.full.add(event.reached_s[SHARES.index(FULL)])
        self.max_lag.add(event.max_lag)

    def statistics(self) -> LagStatistics:
        return LagStatistics(
            events=self.max_lag.count,
            half_events=self.half.count,
            full_events=self.full.count,
            half_s=self.half.value,
            full_s=self.full.value,
            max_lag=self.max_lag.value,
        )


class SpotLagAnalyzer:
    """Follows the jumps of one (coin, horizon) and keeps their statistics over all windows."""

    def __init__(self) -> None:
        self._open: list[_Event] = []
        self._last: tuple[int, float, float] | None = None
        self._every, self._up, self._down = _Tally(), _Tally(), _Tally()
        self._decay = [_Mean() for _ in DECAY_S]

    def start_window(self) -> None:
        """Drop the open events: their fair value belongs to another strike."""
        self._open.clear()
        self._last = None

    def observe(self, slot: int, spot: float, mid: float, fair: float) -> tuple[Reaction, ...]:
        """Take one tick and give the events that it completes; values may be missing (nan). Slots must grow.

        ``fair`` is the fair value of ``spot`` now. A tick without spot or mid, or a skipped second, begins no event.
        """
        self._begin(slot, spot, fair)
        self._last = (slot, spot, mid)
        if not math.isnan(mid):
            for event in self._open:
                if slot - event.slot <= FOLLOW_S:
                    event.snapshots.append((slot - event.slot, mid))
        done = [event for event in self._open if slot - event.slot >= FOLLOW_S]
        if not done:
            return ()
        self._open = [event for event in self._open if slot - event.slot < FOLLOW_S]
        analysed = (reaction(event.fair, event.mid_before, event.snapshots) for event in done)
        reactions = tuple(found for found in analysed if found is not None)
        for found in reactions:
            self._count(found)
        return reactions

    def _begin(self, slot: int, spot: float, fair: float) -> None:
        if self._last is None or self._last[0] != slot - 1:
            return
        _, spot_before, mid_before = self._last
        if spot_before > 0 and abs(spot / spot_before - 1) >= MIN_JUMP and abs(fair - mid_before) > MIN_GAP:
            self._open.append(_Event(slot, fair, mid_before))

    def _count(self, found: Reaction) -> None:
        self._every.add(found)
        (self._up if found.direction == "up" else self._down).add(found)
        for mean, share in zip(self._decay, found.remaining, strict=True):
            mean.add(share)

    def report(self) -> LagReport:
        return LagReport(
            every=self._every.statistics(),
            up=self._up.statistics(),
            down=self._down.statistics(),
            decay=tuple(
                (second, None if mean.value is None else 100 * mean.value)
                for second, mean in zip(DECAY_S, self._decay, strict=True)
            ),
        )
