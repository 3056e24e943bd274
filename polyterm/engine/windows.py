"""Windows as the engine knows them: strike, statistics, what waits for an outcome, and the outcome itself."""

from typing import Final

import msgspec

from polyterm.core.input import Outcome
from polyterm.core.market import FeeSchedule, MarketKey, Reference, outranks
from polyterm.core.position import Position, Trade

REMEMBERED_WINDOWS: Final = 96


class Window(msgspec.Struct, eq=False):
    """One market from its start until it is forgotten.

    ``ticks`` counts what was seen of it, ``last_spot`` is the newest spot among that. ``pending`` are positions that
    wait for its outcome; while it runs, those of strategies that are gone.
    """

    key: MarketKey
    fee: FeeSchedule
    strike: Reference | None = None
    final: Reference | None = None
    outcome: Outcome | None = None
    pending: tuple[Position, ...] = ()
    settled: tuple[Trade, ...] = ()
    ticks: int = 0
    last_spot: float | None = None

    def raise_strike(self, strike: Reference | None) -> bool:
        """Take a first strike, or a better-graded one; whether it was taken."""
        if strike is None or (self.strike is not None and not outranks(strike.grade, self.strike.grade)):
            return False
        self.strike = strike
        return True

    @property
    def exit_spot(self) -> float | None:
        """The exchange price at the end: the final where that is one, else the last one seen in the window."""
        if self.final is not None and self.final.grade == "spot":
            return self.final.price
        return self.last_spot

    def believes(self, outcome: Outcome) -> bool:
        """Whether ``outcome`` is the first one, or better graded than the one in force."""
        return self.outcome is None or outranks(outcome.grade, self.outcome.grade)


class WindowsState(msgspec.Struct, frozen=True):
    running: Window | None
    finished: tuple[Window, ...]
    newest_epoch: int | None


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
        """The window takes over the positions that were found to wait for it."""
        found = self._finished.pop(window.key.epoch, None)
        if found is not None:
            window.pending += found.pending
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

    def find(self, key: MarketKey) -> Window | None:
        """The window of that key, running or finished."""
        if self.running is not None and self.running.key == key:
            return self.running
        return self.finished(key)

    def remember(self, window: Window) -> None:
        """A finished window; one that ended before this engine began is known by its outcome only."""
        self._finished[window.key.epoch] = window
        surplus = len(self._finished) - REMEMBERED_WINDOWS
        if surplus > 0:
            oldest_first = sorted(self._finished)
            for epoch in oldest_first[:surplus]:
                if not self._finished[epoch].pending:
                    del self._finished[epoch]

    def known(self) -> tuple[Window, ...]:
        """The finished ones in the order in which they were remembered, then the running one."""
        return (*self._finished.values(), *([] if self.running is None else [self.running]))

    def pending(self) -> tuple[Position, ...]:
        return tuple(position for window in self.known() for position in window.pending)

    def saved(self) -> WindowsState:
        """The windows themselves, not copies."""
        return WindowsState(self.running, tuple(self._finished.values()), self._newest_epoch)

    def restore(self, saved: WindowsState) -> None:
        self.running, self._newest_epoch = saved.running, saved.newest_epoch
        self._finished = {window.key.epoch: window for window in saved.finished}
