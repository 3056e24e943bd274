"""Windows as the engine knows them: strike, statistics, what waits for an outcome, and the outcome itself."""

import math
from typing import Final

from polyterm.core.event import WindowStats
from polyterm.core.input import Outcome
from polyterm.core.market import FeeSchedule, MarketKey, Reference, outranks
from polyterm.core.position import Position, Trade
from polyterm.core.tick import Tick
from polyterm.quant.tick_features import TickFeatures

REMEMBERED_WINDOWS: Final = 96


class LogReturnSpread:
    """Population standard deviation of log returns between neighbouring slots, in one pass (Welford)."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0
        self._last: tuple[int, float] | None = None

    def add(self, slot: int, price: float) -> None:
        """A price that is not a positive number is a gap, and no return spans a gap."""
        if not price > 0:
            return
        if self._last is not None and self._last[0] == slot - 1:
            value = math.log(price / self._last[1])
            self._count += 1
            off = value - self._mean
            self._mean += off / self._count
            self._squares += off * (value - self._mean)
        self._last = (slot, price)

    @property
    def sd(self) -> float | None:
        return math.sqrt(self._squares / self._count) if self._count else None


class _Statistics:
    def __init__(self) -> None:
        self._ticks = 0
        self._changes = 0
        self._opening: float | None = None
        self._closing: float | None = None
        self._high: float | None = None
        self._low: float | None = None
        self._mids = LogReturnSpread()
        self._spots = LogReturnSpread()
        self._max_abs_distance: float | None = None

    def observe(self, slot: int, f: TickFeatures) -> None:
        self._ticks += 1
        self._mids.add(slot, f.up_mid)
        self._spots.add(slot, f.spot)
        if not math.isnan(f.up_mid):
            self._observe_mid(f.up_mid)
        if not math.isnan(f.distance):
            self._max_abs_distance = max(self._max_abs_distance or 0.0, abs(f.distance))

    def _observe_mid(self, mid: float) -> None:
        if self._opening is None or self._high is None or self._low is None:
            self._opening = self._high = self._low = mid
        elif mid != self._closing:
            self._changes += 1
        self._closing = mid
        self._high = max(self._high, mid)
        self._low = min(self._low, mid)

    def summary(self) -> WindowStats:
        return WindowStats(
            ticks=self._ticks,
            price_changes=self._changes,
            opening_mid=self._opening,
            closing_mid=self._closing,
            high_mid=self._high,
            low_mid=self._low,
            mid_return_sd=self._mids.sd,
            spot_return_sd=self._spots.sd,
            max_abs_distance=self._max_abs_distance,
        )


class Window:
    """One market from its start until it is forgotten. ``pending`` are positions that wait for its outcome."""

    def __init__(self, key: MarketKey, fee: FeeSchedule, strike: Reference | None = None) -> None:
        self.key = key
        self.fee = fee
        self.strike = strike
        self.final: Reference | None = None
        self.outcome: Outcome | None = None
        self.pending: tuple[Position, ...] = ()
        self.settled: tuple[Trade, ...] = ()
        self._statistics = _Statistics()
        self._last_spot: float | None = None

    def raise_strike(self, strike: Reference | None) -> bool:
        """Take a first strike, or a better-graded one; whether it was taken."""
        if strike is None or (self.strike is not None and not outranks(strike.grade, self.strike.grade)):
            return False
        self.strike = strike
        return True

    def observe(self, tick: Tick, features: TickFeatures) -> None:
        self._statistics.observe(tick.slot, features)
        if tick.spot is not None:
            self._last_spot = tick.spot

    @property
    def stats(self) -> WindowStats:
        return self._statistics.summary()

    @property
    def exit_spot(self) -> float | None:
        """The exchange price at the end: the final where that is one, else the last one seen in the window."""
        if self.final is not None and self.final.grade == "spot":
            return self.final.price
        return self._last_spot

    def believes(self, outcome: Outcome) -> bool:
        """Whether ``outcome`` is the first one, or better graded than the one in force."""
        return self.outcome is None or outranks(outcome.grade, self.outcome.grade)


class SeriesWindows:
    """The windows of one (coin, horizon): the running one and the finished ones that an outcome may still change.

    At most ``REMEMBERED_WINDOWS`` finished ones are kept, and beyond them only those with positions to settle: an open
    position is never forgotten.
    """

    def __init__(self) -> None:
        self.running: Window | None = None
        self._finished: dict[int, Window] = {}
        self._newest_epoch: int | None = None

    def begin(self, window: Window) -> None:
        self.running = window
        self._newest_epoch = window.key.epoch

    def is_new(self, key: MarketKey) -> bool:
        """Whether the window may begin: none as late as it has."""
        return self._newest_epoch is None or key.epoch > self._newest_epoch

    def is_ahead(self, key: MarketKey) -> bool:
        """Whether the window is yet to come, so that nobody can know its outcome."""
        return self._newest_epoch is not None and key.epoch > self._newest_epoch

    def finish(self) -> None:
        if self.running is not None:
            self.remember(self.running)
            self.running = None

    def finished(self, key: MarketKey) -> Window | None:
        return self._finished.get(key.epoch)

    def remember(self, window: Window) -> None:
        """A finished window; one that ended before this engine began is known by its outcome only."""
        self._finished[window.key.epoch] = window
        surplus = len(self._finished) - REMEMBERED_WINDOWS
        if surplus > 0:
            oldest_first = sorted(self._finished)
            for epoch in oldest_first[:surplus]:
                if not self._finished[epoch].pending:
                    del self._finished[epoch]

    def pending(self) -> tuple[Position, ...]:
        return tuple(position for window in self._finished.values() for position in window.pending)
