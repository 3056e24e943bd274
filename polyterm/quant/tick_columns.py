"""The ticks of one (coin, horizon) as columns, and the grid of seconds on which they are looked back on."""

from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from polyterm.core.market import GRADES, HORIZON_SECONDS, Grade, Horizon
from polyterm.core.tick import INVALID_REASONS, SPOT_MAX_AGE_MS, Invalid, Tick
from polyterm.quant.columns import Column, Mask
from polyterm.quant.definitions import LOOKBACK_S
from polyterm.quant.primitives import NAN
from polyterm.quant.validity import BOOK_UNUSABLE

Whole = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

CODES: Final[dict[Invalid | None, int]] = {
    None: 0,
    **{reason: code for code, reason in enumerate(INVALID_REASONS, start=1)},
}
_GRADES: Final[dict[Grade, float]] = {grade: float(place) for place, grade in enumerate(GRADES)}
_BOOK_UNUSABLE: Final = [CODES[reason] for reason in BOOK_UNUSABLE]

QUOTES: Final = ("up_bid", "up_ask", "up_bid_size", "up_ask_size", "down_bid", "down_ask")
OTHERS: Final = ("spot", "spot_basis", "oracle", "oracle_age_ms", "spot_age_ms")

_FIELDS: Final = attrgetter("slot", "key.epoch", *QUOTES, *OTHERS)
_WIDTH: Final = 2 + len(QUOTES) + len(OTHERS)


class TickColumns:
    """Ticks of one series in their order; missing values are nan.

    ``invalid`` is 0 for a tick that may be traded on, else the code of its reason. ``grade`` is the place of the
    strike's in ``GRADES``. ``tick(row)`` is the tick itself.
    """

    __slots__ = ("epoch", "grade", "invalid", "seconds", "slot", "strike", "tick", "values")

    def __init__(
        self,
        *,
        horizon: Horizon,
        slot: Whole,
        epoch: Whole,
        invalid: Codes,
        strike: Column,
        grade: Column,
        values: dict[str, Column],
        tick: Callable[[int], Tick],
    ) -> None:
        self.seconds = HORIZON_SECONDS[horizon]
        self.slot = slot
        self.epoch = epoch
        self.invalid = invalid
        self.strike = strike
        self.grade = grade
        self.values = values
        self.tick = tick

    def __len__(self) -> int:
        return len(self.slot)

    @classmethod
    def of(cls, horizon: Horizon, ticks: Sequence[Tick]) -> "TickColumns":
        # One pass over all fields: the ticks of a day are far apart in memory. numpy reads None as nan.
        read = np.fromiter(chain.from_iterable(map(_FIELDS, ticks)), np.float64, len(ticks) * _WIDTH)
        slot, epoch, *columns = np.ascontiguousarray(read.reshape(-1, _WIDTH).T)
        strikes = [tick.strike for tick in ticks]
        return cls(
            horizon=horizon,
            slot=slot.astype(np.int64),
            epoch=epoch.astype(np.int64),
            invalid=np.array([CODES[tick.invalid] for tick in ticks], np.int8),
            strike=np.array([NAN if strike is None else strike.price for strike in strikes], np.float64),
            grade=np.array([NAN if strike is None else _GRADES[strike.grade] for strike in strikes], np.float64),
            values=dict(zip((*QUOTES, *OTHERS), columns, strict=True)),
            tick=ticks.__getitem__,
        )

    def part(self, first: int, last: int) -> "TickColumns":
        """The rows from ``first`` to before ``last``; nothing is copied."""
        rows = slice(first, last)
        part = TickColumns.__new__(TickColumns)
        part.seconds = self.seconds
        part.slot, part.epoch, part.invalid = self.slot[rows], self.epoch[rows], self.invalid[rows]
        part.strike, part.grade = self.strike[rows], self.grade[rows]
        part.values = {name: column[rows] for name, column in self.values.items()}
        part.tick = lambda row: self.tick(first + row)
        return part

    @property
    def book_usable(self) -> Mask:
        """As ``validity.book_usable``."""
        return ~np.isin(self.invalid, _BOOK_UNUSABLE)

    @property
    def spot_usable(self) -> Mask:
        """As ``validity.spot_usable``."""
        fresh = (self.values["spot_age_ms"] <= SPOT_MAX_AGE_MS) & (self.invalid != CODES["spot_stale"])
        usable: Mask = (self.invalid == 0) | fresh
        return usable

    def source(self, name: str) -> Column:
        """What ``TickFeatures.observe`` reads from every tick under that name."""
        match name:
            case "time_remaining":
                remaining: Whole = np.maximum(0, self.epoch + self.seconds - self.slot)
                return remaining.astype(np.float64)
            case "strike":
                return _price(self.strike)
            case "strike_is_spot":
                return np.where(np.isnan(self.grade), NAN, self.grade == 0)
            case "spot":
                return np.where(self.spot_usable, _price(self.values[name]), NAN)
            case "oracle":
                return _price(self.values[name])
        column = self.values[name]
        return np.where(self.book_usable, column, NAN) if name in QUOTES else column


def _price(values: Column) -> Column:
    return np.where((values > 0) & (values < np.inf), values, NAN)


class Grid:
    """One cell per market second of every window, with missing cells before each, so that no look-back leaves it.

    ``cell`` is the cell of each row, ``empty`` the cells without one, ``starts`` the first cell of each window's
    seconds.
    """

    def __init__(self, slot: Whole, epoch: Whole, margin: int = LOOKBACK_S) -> None:
        first = np.flatnonzero(np.diff(epoch, prepend=-1)) if len(epoch) else np.zeros(0, np.int64)
        last = np.append(first[1:], len(slot)) - 1
        self.first_row = first
        self.first_slot = slot[first]
        self.last_slot = slot[last]
        self.margin = margin
        lengths = self.last_slot - self.first_slot + 1 + margin
        ends = np.cumsum(lengths)
        self.starts = ends - lengths + margin
        self.size = int(ends[-1]) if len(ends) else 0
        self.cell = slot + np.repeat(self.starts - self.first_slot, last - first + 1)
        filled = np.zeros(self.size, np.bool_)
        filled[self.cell] = True
        self.empty = np.flatnonzero(~filled)

    def spread(self, column: Column) -> Column:
        """Values of rows, laid out on the grid."""
        result = np.full(self.size, NAN)
        result[self.cell] = column
        return result

    def keep(self, column: Column, seconds: int) -> None:
        """Write the last seconds of each window before the next one, where its look-backs will find them."""
        for window in range(1, len(self.starts)):
            newest = int(self.last_slot[window - 1])
            offset_before = int(self.starts[window - 1] - self.first_slot[window - 1])
            offset = int(self.starts[window] - self.first_slot[window])
            oldest = max(newest - seconds + 1, int(self.first_slot[window]) - self.margin)
            oldest = max(oldest, int(self.first_slot[window - 1]) - self.margin)
            if oldest <= newest:
                span = slice(oldest + offset, newest + 1 + offset)
                column[span] = column[oldest + offset_before : newest + 1 + offset_before]
