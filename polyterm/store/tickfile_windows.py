"""Rows of a recording, slot by slot, as ticks and as windows that open, end and are settled."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import COINS, HORIZONS, Coin, MarketKey, Reference, outranks
from polyterm.core.tick import Tick
from polyterm.quant.basis import SpotBasis
from polyterm.quant.settlement import winning_side
from polyterm.quant.validity import judge
from polyterm.store.tickfile_outcomes import KnownWindow
from polyterm.store.tickfile_rows import Row, WindowEnd

Stamped = tuple[int, Payload]

NEAR_BOUNDARY_S: Final = 2
"""How far from a window's first or last second a price may be seen and still serve as its strike or final."""


class _RecordedWindow:
    def __init__(self, key: MarketKey, strike: Reference | None) -> None:
        self.key = key
        self.strike = strike
        self._final_spot: Reference | None = None
        self._final_oracle: Reference | None = None

    def note(self, row: Row, slot: int) -> None:
        """Learn strike and final from a row of one of the window's slots, or of the slot in which it ends."""
        self._raise_strike(row, slot)
        if self.key.end - NEAR_BOUNDARY_S <= slot <= self.key.end:
            if row.spot is not None:
                self._final_spot = Reference(row.spot, row.spot_source or "spot", "spot", row.at_ms)
            if row.oracle is not None:
                self._final_oracle = Reference(row.oracle, "recorded oracle", "stream", row.at_ms)

    def _raise_strike(self, row: Row, slot: int) -> None:
        candidate = None
        if row.strike is not None:
            candidate = Reference(row.strike, "file", row.strike_grade, self.key.epoch * 1000)
        elif row.spot is not None and slot <= self.key.epoch + NEAR_BOUNDARY_S:
            candidate = Reference(row.spot, row.spot_source or "spot", "spot", row.at_ms)
        if candidate is not None and (self.strike is None or outranks(candidate.grade, self.strike.grade)):
            self.strike = candidate

    @property
    def final(self) -> Reference | None:
        """The price at the end, of the kind that the strike is."""
        against_spot = self.strike is None or self.strike.grade == "spot"
        return self._final_spot if against_spot else self._final_oracle


class Recording:
    """``known`` tells of windows from elsewhere. ``settles_itself``: no line of the file will say who won.

    Prices of a recording carry no ages: each counts as seen in its row.
    """

    def __init__(self, known: Mapping[MarketKey, KnownWindow], *, settles_itself: bool) -> None:
        self._known = known
        self._settles_itself = settles_itself
        self._open: dict[MarketKey, _RecordedWindow] = {}
        self._bases: dict[Coin, SpotBasis] = {}
        self._now_ms = 0

    def observe(self, slot: int, rows: Sequence[Row]) -> Iterator[Stamped]:
        """The newest row of each market in ``slot``. Slots must grow."""
        ordered = sorted(rows, key=lambda row: _order(row.key))
        for row in ordered:
            window = self._open.get(row.key)
            if window is not None:
                window.note(row, slot)
        yield from self._end_windows(slot)
        self._now_ms = slot * 1000
        for row in ordered:
            if row.key.epoch <= slot < row.key.end:
                yield from self._tick(row, slot)

    def _tick(self, row: Row, slot: int) -> Iterator[Stamped]:
        window = self._open.get(row.key)
        if window is None:
            window = self._open[row.key] = _RecordedWindow(row.key, self._known_strike(row.key))
            window.note(row, slot)
            yield self._now_ms, WindowOpened(row.key, window.strike)
        yield self._now_ms, self._make_tick(row, slot, window.strike)

    def _known_strike(self, key: MarketKey) -> Reference | None:
        known = self._known.get(key)
        if known is None or known.strike is None:
            return None
        return Reference(known.strike, known.source, "stream", key.epoch * 1000)

    def _make_tick(self, row: Row, slot: int, strike: Reference | None) -> Tick:
        age_ms = slot * 1000 - row.at_ms
        basis = self._bases.setdefault(row.key.coin, SpotBasis())
        tick = Tick(
            key=row.key,
            slot=slot,
            made_ms=slot * 1000,
            up_bid=row.up_bid,
            up_bid_size=row.up_bid_size,
            up_ask=row.up_ask,
            up_ask_size=row.up_ask_size,
            down_bid=row.down_bid,
            down_bid_size=row.down_bid_size,
            down_ask=row.down_ask,
            down_ask_size=row.down_ask_size,
            up_last_trade=row.up_last_trade,
            down_last_trade=row.down_last_trade,
            book_age_ms=age_ms,
            spot=row.spot,
            spot_source=row.spot_source,
            spot_age_ms=None if row.spot is None else age_ms,
            spot_basis=basis.update(slot, row.spot, row.oracle),
            strike=strike,
            oracle=row.oracle,
            oracle_source=None if row.oracle is None else "recorded",
            oracle_at_ms=row.oracle_at_ms,
            oracle_age_ms=row.oracle_age_ms,
        )
        return msgspec.structs.replace(tick, invalid=judge(tick))

    def _end_windows(self, slot: int) -> Iterator[Stamped]:
        over = [key for key in self._open if key.end <= slot]
        for key in sorted(over, key=lambda key: (key.end, _order(key))):
            window = self._open.pop(key)
            yield from self._end(key, self._final(key, window), self._outcome(key, window))

    def end_window(self, line: WindowEnd) -> Iterator[Stamped]:
        """A line of the file says that a window is over; it may come long after the window's last row."""
        key = line.key
        side = line.outcome
        if side is None and line.strike is not None and line.final is not None:
            side = winning_side(line.strike, line.final)
        outcome = None if side is None else Outcome(key, side, "spot", "file", line.final)
        known = self._known_outcome(key)
        if outcome is None or (known is not None and outranks(known.grade, outcome.grade)):
            outcome = known
        final = None if line.final is None else Reference(line.final, "file", "spot", line.at_ms)
        if self._open.pop(key, None) is not None:
            yield from self._end(key, final, outcome)
        elif outcome is not None:
            yield self._stamp(key, outcome)

    def finish(self) -> Iterator[Stamped]:
        """The file is over: end the windows whose outcome is known; the others were not recorded to their end."""
        for key in sorted(self._open, key=lambda key: (key.end, _order(key))):
            outcome = self._outcome(key, self._open[key])
            if outcome is not None:
                yield from self._end(key, self._final(key, self._open[key]), outcome)

    def _end(self, key: MarketKey, final: Reference | None, outcome: Outcome | None) -> Iterator[Stamped]:
        yield self._stamp(key, WindowEnded(key, final))
        if outcome is not None:
            yield self._stamp(key, outcome)

    def _stamp(self, key: MarketKey, payload: Payload) -> Stamped:
        self._now_ms = max(self._now_ms, key.end * 1000)
        return self._now_ms, payload

    def _final(self, key: MarketKey, window: _RecordedWindow) -> Reference | None:
        known = self._known.get(key)
        if known is None or known.final is None:
            return window.final
        return Reference(known.final, known.source, "stream", key.end * 1000)

    def _outcome(self, key: MarketKey, window: _RecordedWindow) -> Outcome | None:
        """What is known from elsewhere, else what the recorded prices say where nothing else ever will."""
        known = self._known_outcome(key)
        if known is not None or not self._settles_itself or window.strike is None or window.final is None:
            return known
        side = winning_side(window.strike.price, window.final.price)
        return Outcome(key, side, window.final.grade, "recorded prices", window.final.price)

    def _known_outcome(self, key: MarketKey) -> Outcome | None:
        known = self._known.get(key)
        if known is None or known.outcome is None:
            return None
        return Outcome(key, known.outcome, known.grade, known.source, known.final)


def _order(key: MarketKey) -> tuple[int, int, int]:
    return COINS.index(key.coin), HORIZONS.index(key.horizon), key.epoch
