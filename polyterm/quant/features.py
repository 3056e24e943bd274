"""Everything computed from ticks that a strategy may look at, once per tick, shared by all strategies.

Rules are written once against ``Features``, and each feature is defined once, in ``definitions``. Values are floats and
bools when the newest tick is asked about (``tick_features``) and whole columns when a recording is
(``column_features``); the protocols below are what both have in common.
"""

from typing import Any, Protocol


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
    def spread_samples(self) -> Number:
        """How many of the last 30 s have a known spread, in this window."""
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
