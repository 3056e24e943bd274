"""The one definition of every feature, as expressions; ``Features`` says what each means to a rule.

Formulas are those of ``fair_value``, ``volatility``, ``settlement``, ``book`` and ``regime``, operation by operation.
"""

import math
from typing import Any, Final

from polyterm.quant import expression
from polyterm.quant.annual import ROOT_YEAR, YEAR_S
from polyterm.quant.book import SPREAD_MIN_SAMPLES, SPREAD_SAMPLES
from polyterm.quant.expression import Node, fold, node, operation, record, source
from polyterm.quant.fair_value import ROOT_TWO, VOLATILITY_CAP, VOLATILITY_FLOOR
from polyterm.quant.primitives import NAN
from polyterm.quant.regime import (
    HIGH_VOLATILITY,
    KEPT_ACROSS_WINDOWS,
    LIQUIDITY_SAMPLES,
    LOW_VOLATILITY,
    THIN_SPREAD,
    TREND,
    TREND_SAMPLES,
    VOLATILITY_SAMPLES,
)
from polyterm.quant.settlement import AVERAGE_DELAY_S, AVERAGE_S
from polyterm.quant.volatility import (
    BAR_TICKS,
    BARS,
    EWMA_KEEP,
    EWMA_MIN_PRICES,
    EWMA_PRICES,
    EWMA_TAKE,
    LAST_RESORT,
    MIN_BARS,
)

LOOKBACK_S: Final = 120
"""The longest look-back on a recorded series."""

LONG_LOOKBACK_S: Final = 86_400
"""The longest look-back of ``long_return``."""

LEAD_YOUNGEST_S: Final = 10
LEAD_OLDEST_S: Final = 29

_FOUR_LN_2: Final = 4 * math.log(2)


def ratio(over: Any, under: Any) -> Node:
    return operation("ratio", over, under)


def where(condition: Any, then: Any, otherwise: Any) -> Node:
    return operation("where", condition, then, otherwise)


def known(value: Any) -> Node:
    return operation("is_known", value)


def relative_change(new: Node, old: Node) -> Node:
    """new/old - 1, a fraction. Written so and not as (new - old)/old: the two differ in the last bit."""
    return ratio(new, old) - 1


def log_return(series: Node) -> Node:
    return operation("log", ratio(series, fold("lag", series, 1)))


_bid, _ask = source("up_bid"), source("up_ask")
_bid_size, _ask_size = source("up_bid_size"), source("up_ask_size")
_remaining = source("time_remaining")
_strike = source("strike")
_oracle = source("oracle")

MID: Final = record("mid", (_bid + _ask) * 0.5)
SPREAD: Final = record("spread", _ask - _bid)
SPOT: Final = record("spot", source("spot"))
SETTLING_SPOT: Final = record(
    "settling_spot",
    where(source("strike_is_spot") > 0, SPOT, SPOT * operation("exp", -source("spot_basis"))),
)
SPOT_RETURN: Final = record("spot_return", relative_change(SPOT, fold("lag", SPOT, 1)))
SPOT_LOG_RETURN: Final = record("spot_log_return", log_return(SPOT))
MID_LOG_RETURN: Final = record("mid_log_return", log_return(MID))
REGIME_MID: Final = record("regime_mid", MID, KEPT_ACROSS_WINDOWS)
REGIME_SPREAD: Final = record("regime_spread", SPREAD, KEPT_ACROSS_WINDOWS)
# Within a window it is the mid's own return; only at its start the window before is looked at.
_within: Final = known(fold("lag", MID, 1))
_across: Final = operation("log", where(_within, 1.0, ratio(REGIME_MID, fold("lag", REGIME_MID, 1))))
REGIME_LOG_RETURN: Final = record(
    "regime_log_return", where(_within, MID_LOG_RETURN, _across), KEPT_ACROSS_WINDOWS
)  # fmt: skip

DISTANCE: Final = record("distance", ratio(SETTLING_SPOT - _strike, _strike))

RECORDS: Final = (
    MID, SPREAD, SPOT, SETTLING_SPOT, SPOT_RETURN, SPOT_LOG_RETURN, MID_LOG_RETURN, REGIME_MID, REGIME_SPREAD,
    REGIME_LOG_RETURN, DISTANCE,
)  # fmt: skip
"""Every series that is looked back on, each after those that it is made of."""

LEAD_MOVE: Final = relative_change(
    SPOT,
    fold("first_known", SPOT, (*range(LEAD_YOUNGEST_S, LEAD_OLDEST_S + 1), *range(LEAD_YOUNGEST_S - 1, -1, -1))),
)


def _realised(prices: Node, returns: Node, n: int) -> Node:
    spans = known(fold("lag", prices, n - 1)) & known(prices)
    return where(spans, fold("deviation", returns, n - 1, n // 2) * ROOT_YEAR, NAN)


def _ewma(returns: Node) -> Node:
    square = fold("decayed_square", returns, EWMA_PRICES - 1, EWMA_MIN_PRICES - 1, EWMA_KEEP, EWMA_TAKE)
    return operation("sqrt", square) * ROOT_YEAR


def _mean_of_known(*values: Node) -> Node:
    total: Any = 0.0
    number: Any = 0.0
    for value in values:
        total = total + where(known(value), value, 0.0)
        number = number + where(known(value), 1.0, 0.0)
    return ratio(total, number)


def _probability_above(log_distance: Node, deviation: Node) -> Node:
    x = ratio(log_distance, deviation) - 0.5 * deviation
    return 0.5 * operation("erfc", ratio(-x, ROOT_TWO))


def _usable_volatility(volatility: Any) -> Node:
    estimate = node(volatility)
    within = where(estimate < VOLATILITY_FLOOR, VOLATILITY_FLOOR, operation("low", estimate, VOLATILITY_CAP))
    return where((estimate > 0) & (estimate < math.inf), within, NAN)


class Definitions:
    """``Features`` as expressions."""

    time_remaining = _remaining
    up_bid, up_ask = _bid, _ask
    up_bid_size, up_ask_size = _bid_size, _ask_size
    down_bid, down_ask = source("down_bid"), source("down_ask")
    up_mid, spread = MID, SPREAD
    spot, strike, oracle = SPOT, _strike, _oracle
    spread_pct = ratio(SPREAD, MID) * 100
    imbalance = where((_bid_size > 0) & (_ask_size > 0), ratio(_bid_size - _ask_size, _bid_size + _ask_size), NAN)
    microprice = ratio(_bid * _ask_size + _ask * _bid_size, _bid_size + _ask_size)
    distance = DISTANCE
    favourite_mid = where(MID > 0.5, MID, 1 - MID)
    favourite_spread_pct = ratio(SPREAD, favourite_mid) * 100
    oracle_distance = ratio(_oracle - _strike, _strike)
    oracle_age_s = ratio(source("oracle_age_ms"), 1000)
    divergence = SPOT - _oracle
    btc_move = expression.lead(LEAD_MOVE)
    expected_probability = operation("expected_probability", _remaining, distance)

    spread_samples = fold("count", SPREAD, SPREAD_SAMPLES)
    spread_zscore = where(
        fold("lowest", SPREAD, SPREAD_SAMPLES) < fold("highest", SPREAD, SPREAD_SAMPLES),
        ratio(
            SPREAD - fold("average", SPREAD, SPREAD_SAMPLES, SPREAD_MIN_SAMPLES),
            fold("deviation", SPREAD, SPREAD_SAMPLES, SPREAD_MIN_SAMPLES),
        ),
        NAN,
    )

    spot_ewma_volatility = _ewma(SPOT_LOG_RETURN)
    mid_ewma_volatility = _ewma(MID_LOG_RETURN)
    _bars = fold("whole_bars", MID, BARS, BAR_TICKS)
    parkinson_volatility = where(
        _bars >= MIN_BARS,
        ratio(
            operation("sqrt", ratio(fold("range_squares", MID, BARS, BAR_TICKS), _bars * _FOUR_LN_2)),
            math.sqrt(BAR_TICKS),
        )
        * ROOT_YEAR,
        NAN,
    )
    best_volatility = _mean_of_known(
        _realised(MID, MID_LOG_RETURN, EWMA_PRICES), mid_ewma_volatility, parkinson_volatility
    )
    _spot_volatility_30 = _realised(SPOT, SPOT_LOG_RETURN, EWMA_PRICES)
    model_volatility = where(
        _spot_volatility_30 > 0,
        _spot_volatility_30,
        where(
            spot_ewma_volatility > 0,
            spot_ewma_volatility,
            where(best_volatility > 0, best_volatility, LAST_RESORT),
        ),
    )

    _regime_volatility = _realised(REGIME_MID, REGIME_LOG_RETURN, VOLATILITY_SAMPLES)
    _trend = relative_change(REGIME_MID, fold("lag", REGIME_MID, TREND_SAMPLES - 1))
    _ranging = abs(_trend) <= TREND
    _medium = (_regime_volatility >= LOW_VOLATILITY) & (_regime_volatility <= HIGH_VOLATILITY)
    regime_thin = fold("average", REGIME_SPREAD, LIQUIDITY_SAMPLES, LIQUIDITY_SAMPLES) > THIN_SPREAD
    regime_high_volatility = _regime_volatility > HIGH_VOLATILITY
    regime_low_volatility = _regime_volatility < LOW_VOLATILITY
    regime_trending = abs(_trend) > TREND
    regime_trend_up = _trend > TREND
    regime_trend_down = _trend < -TREND
    _liquid = operation("not_", regime_thin)
    regime_momentum = _liquid & (regime_high_volatility & regime_trending)
    regime_choppy = _liquid & (regime_high_volatility & _ranging)
    regime_reversion = _liquid & (regime_low_volatility & _ranging)
    regime_trend_following = _liquid & (_medium & regime_trending)

    def spot_return(self, n: int) -> Node:
        return relative_change(SPOT, fold("lag", SPOT, _lookback(n)))

    def spot_return_sum(self, n: int) -> Node:
        return fold("total", SPOT_RETURN, _lookback(n, 1))

    def long_return(self, lookback_s: int) -> Node:
        spans = self.long_span_s(lookback_s)
        oldest = fold("oldest_value", SPOT, _long_lookback(lookback_s))
        return where(spans * 2 >= lookback_s, relative_change(SPOT, oldest), NAN)

    def long_span_s(self, lookback_s: int) -> Node:
        return fold("oldest_age", SPOT, _long_lookback(lookback_s))

    def mid_change(self, n: int) -> Node:
        return MID - fold("lag", MID, _lookback(n))

    def mid_return(self, n: int) -> Node:
        return relative_change(MID, fold("lag", MID, _lookback(n)))

    def mid_high(self, n: int) -> Node:
        return fold("highest", MID, _lookback(n, 1))

    def mid_low(self, n: int) -> Node:
        return fold("lowest", MID, _lookback(n, 1))

    def spot_volatility(self, n: int) -> Node:
        return _realised(SPOT, SPOT_LOG_RETURN, _lookback(n, 2))

    def mid_volatility(self, n: int) -> Node:
        return _realised(MID, MID_LOG_RETURN, _lookback(n, 2))

    def fair_value(self, volatility: Any) -> Node:
        return self.fair_value_drift(volatility, 0.0)

    def fair_value_drift(self, volatility: Any, drift: Any) -> Node:
        years = ratio(_remaining, YEAR_S)
        deviation = _usable_volatility(volatility) * operation("sqrt", years)
        log_ratio = operation("log1p", self.distance) + drift * years
        probability = where(deviation > 0, _probability_above(log_ratio, deviation), NAN)
        ended = where(known(log_ratio), where(self.distance >= 0, 1.0, 0.0), NAN)
        return where(_remaining > 0, probability, ended)

    def settlement_fair_value(self, volatility: Any) -> Node:
        left = _remaining - AVERAGE_DELAY_S
        before = left >= AVERAGE_S
        left_s = operation("high", 0.0, left)
        elapsed = AVERAGE_S - left_s
        coming = where(left_s > 0, SETTLING_SPOT * left_s, 0.0)
        known_mean = fold("elapsed_mean", SETTLING_SPOT, elapsed, operation("high", 0.0, -left))
        partly = ratio(known_mean * elapsed + coming, AVERAGE_S)
        mean_price = where(before, SETTLING_SPOT, partly)
        open_s = where(before, left - AVERAGE_S * 2 / 3, ratio(left_s * left_s * left_s, 3 * AVERAGE_S * AVERAGE_S))
        log_ratio = operation("log1p", ratio(mean_price - _strike, _strike))
        deviation = _usable_volatility(volatility) * operation("sqrt", ratio(open_s, YEAR_S))
        probability = where(deviation > 0, _probability_above(log_ratio, deviation), NAN)
        settled = where(known(log_ratio), where(mean_price >= _strike, 1.0, 0.0), NAN)
        return where(open_s > 0, probability, settled)

    def ratio(self, over: Any, under: Any) -> Node:
        return ratio(over, under)

    def low(self, a: Any, b: Any) -> Node:
        return operation("low", a, b)

    def high(self, a: Any, b: Any) -> Node:
        return operation("high", a, b)

    def where(self, condition: Any, then: Any, otherwise: Any) -> Node:
        return where(condition, then, otherwise)

    def not_(self, condition: Any) -> Node:
        return operation("not_", condition)

    def known(self, value: Any) -> Node:
        return known(value)


def _lookback(n: int, least: int = 0) -> int:
    if not least <= n <= LOOKBACK_S:
        raise ValueError(f"a look-back of {n} s does not fit into a series of {LOOKBACK_S} s")
    return n


def _long_lookback(n: int) -> int:
    if not 0 < n <= LONG_LOOKBACK_S:
        raise ValueError(f"a look-back of {n} s does not fit into a series of {LONG_LOOKBACK_S} s")
    return n


FEATURES: Final = Definitions()
