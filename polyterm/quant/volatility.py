"""Volatility estimators over samples of one market second each, oldest first; all results are per root year.

Inputs are prices: dollars of spot, or the Up mid. (The volatility of a mid is that of a probability: no fair value may
be computed from it.) One sample per slot; a slot without a price is nan, and so are the returns on both sides of it:
they are left out, never bridged. Too few samples make the result missing.

Operations and their order, oldest first, for a column form that gives the same bits (``population_sd`` as in
``moments``)::

    r        = log(p / previous p)
    realised = population_sd(r) * ROOT_YEAR
    ewma     : v = r1 * r1;  v = 0.90 * v + 0.10 * (r * r) for every later r;  sqrt(v) * ROOT_YEAR
    parkinson: squares = 0.0;  squares = squares + log(H / L) * log(H / L) for every bar;
               sqrt(squares / (n * 4 ln 2)) / sqrt(ticks per bar) * ROOT_YEAR
    best     : the known ones of realised, ewma, parkinson, added to 0.0 in this order, over their number

Standard errors, as a fraction of sigma, on a driftless path of n returns or bars:

- realised: 1 / sqrt(2 n), and about 3 / (4 n) too low in the mean. 30 prices: 13 %.
- ewma: sqrt(sum w^2 / 2) with the weights w of the squared returns. 30 prices: 17 %.
- parkinson: 0.32 / sqrt(n) for bars that see the true extremes (Parkinson 1980). 10 bars: 10 %. Bars of five samples
  miss what happens between and before them: their root mean square is 0.657 sigma, with 0.48 / sqrt(n) of that.
- yang_zhang: 0.084 from 10 bars that see the true extremes, free of drift. Bars of five samples give 0.728 sigma in
  the root mean square, with 13 % of that. (The figures of this and of five samples are from simulations.)
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from polyterm.quant.annual import ROOT_YEAR
from polyterm.quant.moments import fold, mean, population_sd
from polyterm.quant.primitives import NAN

EWMA_KEEP: Final = 0.90
EWMA_TAKE: Final = 0.10
EWMA_PRICES: Final = 30
EWMA_MIN_PRICES: Final = 10

BAR_TICKS: Final = 5
BARS: Final = 10
MIN_BARS: Final = 3

LAST_RESORT: Final = 0.8
RISING_RATIO: Final = 1.2

_FOUR_LN_2: Final = 4 * math.log(2)


class Bar(msgspec.Struct, frozen=True):
    """Open, high, low and close of consecutive samples, dollars."""

    open: float
    high: float
    low: float
    close: float


def log_return(newer: float, older: float) -> float:
    """ln(newer / older); nan unless both are positive and finite."""
    if not (0 < newer < math.inf and 0 < older < math.inf):
        return NAN
    quotient = newer / older
    return math.log(quotient) if 0 < quotient < math.inf else NAN


def log_returns(prices: Sequence[float]) -> list[float]:
    """One-second log returns, nan beside a gap."""
    return [log_return(newer, older) for older, newer in pairwise(prices)]


def realised(prices: Sequence[float], count: int) -> float:
    """Population standard deviation of the log returns of the newest ``count`` prices.

    Missing unless the oldest and the newest of them, and half of the returns between, are known.
    """
    window = prices[-count:]
    if count < 2 or len(window) < count or math.isnan(window[0]) or math.isnan(window[-1]):
        return NAN
    returns = _known(log_returns(window))
    return population_sd(returns) * ROOT_YEAR if 2 * len(returns) >= count - 1 else NAN


def ewma(prices: Sequence[float], count: int = EWMA_PRICES, minimum: int = EWMA_MIN_PRICES) -> float:
    """Exponentially weighted root mean square of the log returns of the newest ``count`` prices, or of as many as
    there are from ``minimum`` on. Source: J.P. Morgan, RiskMetrics Technical Document (1996), with 0.90 for 0.94."""
    returns = _known(log_returns(prices[-count:]))
    if len(returns) < max(1, minimum - 1):
        return NAN
    first, *later = returns
    variance = first * first
    for value in later:
        variance = EWMA_KEEP * variance + EWMA_TAKE * (value * value)
    return math.sqrt(variance) * ROOT_YEAR


def rolling_bars(prices: Sequence[float], ticks: int = BAR_TICKS, count: int = BARS) -> list[Bar | None]:
    """At most ``count`` bars of ``ticks`` samples each, oldest first; the last one ends with the newest sample.

    They move on with every sample. None stands for a bar with a gap in it.
    """
    ends = range(len(prices), ticks - 1, -ticks)[:count]
    return [_bar(prices[end - ticks : end]) for end in reversed(ends)]


def _bar(samples: Sequence[float]) -> Bar | None:
    if any(math.isnan(sample) for sample in samples):
        return None
    return Bar(samples[0], max(samples), min(samples), samples[-1])


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def parkinson(bars: Sequence[Bar | None], ticks: int = BAR_TICKS, minimum: int = MIN_BARS) -> float:
    """From the ranges of at least ``minimum`` bars of ``ticks`` seconds.

    Source: M. Parkinson, "The Extreme Value Method for Estimating the Variance of the Rate of Return", J. Business 53
    (1980): variance per bar = mean of ln(H/L)^2 / (4 ln 2).
    """
    ranges = [log_return(bar.high, bar.low) for bar in bars if bar is not None]
    if len(ranges) < max(1, minimum):
        return NAN
    squares = fold(span * span for span in ranges)
    return math.sqrt(squares / (len(ranges) * _FOUR_LN_2)) / math.sqrt(ticks) * ROOT_YEAR


def yang_zhang(bars: Sequence[Bar | None], ticks: int = BAR_TICKS, minimum: int = MIN_BARS) -> float:
    """From bars of ``ticks`` seconds that each follow another one; at least ``minimum`` of them.

    Source: D. Yang and Q. Zhang, "Drift-Independent Volatility Estimation Based on High, Low, Open, and Close Prices",
    J. Business 73 (2000): sample variance of the jumps between bars, plus k times that of the moves within them, plus
    (1 - k) times Rogers and Satchell's mean of u (u - c) + d (d - c), where u, d, c are ln of high, low and close over
    the open and k = 0.34 / (1.34 + (n + 1) / (n - 1)).
    """
    jumps: list[float] = []
    moves: list[float] = []
    ranges: list[float] = []
    for before, bar in pairwise(bars):
        if before is None or bar is None:
            continue
        up, down, move = (log_return(price, bar.open) for price in (bar.high, bar.low, bar.close))
        jumps.append(log_return(bar.open, before.close))
        moves.append(move)
        ranges.append(up * (up - move) + down * (down - move))
    count = len(jumps)
    if count < max(2, minimum):
        return NAN
    k = 0.34 / (1.34 + (count + 1) / (count - 1))
    variance = _sample_variance(jumps) + k * _sample_variance(moves) + (1 - k) * mean(ranges)
    return math.sqrt(variance / ticks) * ROOT_YEAR


def _sample_variance(values: Sequence[float]) -> float:
    deviation = population_sd(values)
    return deviation * deviation * (len(values) / (len(values) - 1))


def best_estimate(realised_30: float, ewma_30: float, parkinson_10: float) -> float:
    """Mean of those that are known; nan when none is."""
    return mean(_known((realised_30, ewma_30, parkinson_10)))


def model_volatility(spot_realised_30: float, spot_ewma: float, best: float) -> float:
    """The volatility that fair value uses: the first of the three that says anything, else 0.8 per root year.

    An estimate of 0 comes from a price that stood still and says nothing. Floor and cap are left to fair value.
    """
    for estimate in (spot_realised_30, spot_ewma, best):
        if estimate > 0:
            return estimate
    return LAST_RESORT


def volatility_ratio(realised_10: float, realised_60: float) -> float:
    """Short over long: above ``RISING_RATIO`` volatility is rising. nan when the long one is 0 or missing."""
    return NAN if realised_60 == 0 else realised_10 / realised_60
