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
    def up_bid(self) -> Number: ...

    @property
    def up_ask(self) -> Number: ...

    @property
    def down_bid(self) -> Number: ...

    @property
    def down_ask(self) -> Number: ...

    @property
    def up_bid_size(self) -> Number:
        """Shares at Up's touch; missing when there are none."""
        ...

    @property
    def up_ask_size(self) -> Number: ...

    @property
    def spread(self) -> Number: ...

    @property
    def spread_pct(self) -> Number:
        """Up spread in percent of the Up mid."""
        ...

    @property
    def spread_zscore(self) -> Number:
        """(spread - mean) / population sd over the last 30 s, this one included; from 10 samples on."""
        ...

    @property
    def imbalance(self) -> Number:
        """(bid size - ask size) / (bid size + ask size) at Up's touch, in [-1, 1]."""
        ...

    @property
    def microprice(self) -> Number:
        """(bid * ask size + ask * bid size) / (bid size + ask size) at Up's touch."""
        ...

    @property
    def spot(self) -> Number: ...

    @property
    def strike(self) -> Number: ...

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

    @property
    def oracle(self) -> Number: ...

    @property
    def oracle_distance(self) -> Number:
        """(oracle - strike) / strike."""
        ...

    @property
    def oracle_age_s(self) -> Number: ...

    @property
    def divergence(self) -> Number:
        """spot - oracle, dollars."""
        ...

    @property
    def btc_move(self) -> Number:
        """Return of btc's spot over the last 10 s or little more; in a young window over what there is.

        btc must have been observed in this second; its newest price at least 10 s and at most 29 s old counts, else the
        oldest younger one.
        """
        ...

    def spot_return(self, n: int) -> Number: ...

    def spot_return_sum(self, n: int) -> Number:
        """Sum of the one-second returns of spot in the last ``n`` seconds, as many of them as are known."""
        ...

    def long_return(self, lookback_s: int) -> Number:
        """Spot against the oldest one in the look-back, across windows; missing under half the look-back."""
        ...

    def long_span_s(self, lookback_s: int) -> Number:
        """The seconds that ``long_return`` really spans."""
        ...

    def mid_change(self, n: int) -> Number: ...

    def mid_return(self, n: int) -> Number: ...

    def mid_high(self, n: int) -> Number:
        """Highest known mid of the last ``n`` seconds, this one included."""
        ...

    def mid_low(self, n: int) -> Number: ...

    def spot_volatility(self, n: int) -> Number:
        """Annualised population sd of the one-second log returns over the last ``n`` prices.

        Missing unless the oldest and the newest of those seconds and half of the returns between are known.
        """
        ...

    def mid_volatility(self, n: int) -> Number:
        """As ``spot_volatility``, of the mid: the volatility of a probability, never a fair value's."""
        ...

    @property
    def spot_ewma_volatility(self) -> Number: ...

    @property
    def mid_ewma_volatility(self) -> Number: ...

    @property
    def parkinson_volatility(self) -> Number:
        """Of the mid, from the last ten 5 s bars, rolling with every second."""
        ...

    @property
    def best_volatility(self) -> Number:
        """Mean of the known ones among the mid's 30 s, ewma and Parkinson volatilities."""
        ...

    @property
    def model_volatility(self) -> Number:
        """What a fair value uses: spot's over 30 s, else its ewma, else ``best_volatility``, else 0.8."""
        ...

    def fair_value(self, volatility: Any) -> Number:
        """Probability of Up at ``volatility`` (annualised; floored and capped) without drift."""
        ...

    def fair_value_drift(self, volatility: Any, drift: Any) -> Number:
        """As ``fair_value`` with an annualised drift."""
        ...

    def settlement_fair_value(self, volatility: Any) -> Number:
        """As ``fair_value``, for a window that settles on the average of its last minute."""
        ...

    @property
    def expected_probability(self) -> Number:
        """Probability of Up by the table of ``quant.probability_table``: remaining time by distance."""
        ...

    @property
    def regime_thin(self) -> Flag: ...

    @property
    def regime_high_volatility(self) -> Flag: ...

    @property
    def regime_low_volatility(self) -> Flag: ...

    @property
    def regime_trending(self) -> Flag: ...

    @property
    def regime_trend_up(self) -> Flag: ...

    @property
    def regime_trend_down(self) -> Flag: ...

    @property
    def regime_choppy(self) -> Flag: ...

    @property
    def regime_momentum(self) -> Flag: ...

    @property
    def regime_reversion(self) -> Flag: ...

    @property
    def regime_trend_following(self) -> Flag: ...

    def known(self, value: Any) -> Flag:
        """Whether ``value`` is not missing."""
        ...

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
