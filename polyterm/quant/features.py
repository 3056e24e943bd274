"""Everything computed from ticks that a strategy may look at, once per tick, shared by all strategies.

Rules are written once against ``Features``. Its values are floats and bools when the newest tick is asked about, as
here, and whole columns when a recording is; the two protocols below are what both have in common.
"""

from typing import Any, Final, Protocol

from polyterm.core.tick import Tick
from polyterm.quant.primitives import NAN, SlotSeries, high, low, number, ratio, relative_change
from polyterm.quant.validity import book_usable, spot_usable

LOOKBACK_S: Final = 120


class Flag(Protocol):
    """A condition: a bool, or one per row."""

    def __and__(self, other: Any, /) -> "Flag": ...
    def __or__(self, other: Any, /) -> "Flag": ...


class Number(Protocol):
    """A value: a float, or one per row; nan where it is missing, so that every comparison with it is false."""

    def __add__(self, other: Any, /) -> "Number": ...
    def __radd__(self, other: Any, /) -> "Number": ...
    def __sub__(self, other: Any, /) -> "Number": ...
    def __rsub__(self, other: Any, /) -> "Number": ...
    def __mul__(self, other: Any, /) -> "Number": ...
    def __rmul__(self, other: Any, /) -> "Number": ...
    def __abs__(self) -> "Number": ...
    def __lt__(self, other: Any, /) -> Flag: ...
    def __le__(self, other: Any, /) -> Flag: ...
    def __gt__(self, other: Any, /) -> Flag: ...
    def __ge__(self, other: Any, /) -> Flag: ...


class Features(Protocol):
    """What a rule may look at and how it may combine it.

    Prices are dollars per share of the Up token, sizes are shares, times are market seconds, distances and returns are
    fractions. Look-backs count slots: a return over ``n`` compares the newest tick with the one ``n`` seconds older,
    and is missing when that second has no value in this window.
    """

    @property
    def time_remaining(self) -> Number: ...

    @property
    def up_mid(self) -> Number: ...

    @property
    def spread(self) -> Number: ...

    @property
    def imbalance(self) -> Number:
        """(bid size - ask size) / (bid size + ask size) at Up's touch, in [-1, 1]."""
        ...

    @property
    def spot(self) -> Number: ...

    @property
    def distance(self) -> Number:
        """(spot - strike) / strike, spot freed of its basis where the strike is no exchange price."""
        ...

    @property
    def favourite_mid(self) -> Number:
        """Mid of the side that the market thinks likelier."""
        ...

    @property
    def favourite_spread_pct(self) -> Number:
        """Spread in percent of the favourite's mid."""
        ...

    def spot_return(self, n: int) -> Number: ...

    def mid_change(self, n: int) -> Number: ...

    def ratio(self, over: Any, under: Any) -> Number:
        """``over / under``, missing where ``under`` is 0."""
        ...

    def low(self, a: Any, b: Any) -> Number: ...

    def high(self, a: Any, b: Any) -> Number: ...

    def where(self, condition: Flag, then: Any, otherwise: Any) -> Number: ...

    def not_(self, condition: Flag) -> Flag: ...


class TickFeatures:
    """The scalar form of ``Features`` for one (coin, horizon): O(1) work and memory per tick.

    Quotes of a book that is stale, crossed or in doubt, and a stale spot, are gaps: they are not observations of their
    slot, and a later look-back must not compare with them.
    """

    __slots__ = (
        "_mids",
        "_spots",
        "distance",
        "favourite_mid",
        "favourite_spread_pct",
        "imbalance",
        "spot",
        "spread",
        "time_remaining",
        "up_mid",
    )

    def __init__(self, lookback_s: int = LOOKBACK_S) -> None:
        self._spots = SlotSeries(lookback_s + 1)
        self._mids = SlotSeries(lookback_s + 1)
        self.start_window()

    def start_window(self) -> None:
        """Forget everything: another window has another strike, and its mid starts anew."""
        self._spots.clear()
        self._mids.clear()
        self.time_remaining = self.up_mid = self.spread = self.imbalance = NAN
        self.spot = self.distance = self.favourite_mid = self.favourite_spread_pct = NAN

    def observe(self, tick: Tick) -> None:
        """Take the next tick of this series; its slot must be newer than the last one's."""
        self.time_remaining = float(tick.time_remaining_s)
        self._observe_book(tick)
        usable = spot_usable(tick)
        self.spot = number(tick.spot) if usable else NAN
        self.distance = number(tick.distance) if usable else NAN
        self._spots.put(tick.slot, self.spot)
        self._mids.put(tick.slot, self.up_mid)

    def _observe_book(self, tick: Tick) -> None:
        if not book_usable(tick):
            self.up_mid = self.spread = self.imbalance = self.favourite_mid = self.favourite_spread_pct = NAN
            return
        self.up_mid = mid = number(tick.up_mid)
        self.spread = number(tick.spread)
        self.imbalance = number(book_imbalance(tick))
        self.favourite_mid = mid if mid > 0.5 else 1 - mid
        self.favourite_spread_pct = ratio(self.spread, self.favourite_mid) * 100

    def spot_return(self, n: int) -> float:
        return relative_change(self._spots.lag(0), self._spots.lag(n))

    def mid_change(self, n: int) -> float:
        return self._mids.lag(0) - self._mids.lag(n)

    def ratio(self, over: float, under: float) -> float:
        return ratio(over, under)

    def low(self, a: float, b: float) -> float:
        return low(a, b)

    def high(self, a: float, b: float) -> float:
        return high(a, b)

    def where(self, condition: object, then: float, otherwise: float) -> float:
        return then if condition else otherwise

    def not_(self, condition: object) -> bool:
        return not condition


def book_imbalance(tick: Tick) -> float | None:
    """(bid size - ask size) / (bid size + ask size) at Up's touch; None when a size is missing or 0."""
    bid, ask = tick.up_bid_size, tick.up_ask_size
    if not bid or not ask:
        return None
    return (bid - ask) / (bid + ask)
