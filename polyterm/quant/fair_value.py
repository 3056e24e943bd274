"""Fair value of the Up token: a cash-or-nothing digital under geometric Brownian motion.

Source: Black and Scholes, "The Pricing of Options and Corporate Liabilities", J. Political Economy 81 (1973); the
digital is their N(d2) without discounting. Prices are dollars, volatility is per root year, drift per year, times are
market seconds, probabilities and edges are fractions.

The building blocks take and give plain floats, ``nan`` where a value is missing, and never raise on a float. Operations
and their order, for a column form that gives the same bits::

    years       = remaining_s / YEAR_S
    log_ratio   = log1p((spot - strike) / strike) + drift * years
    deviation   = volatility * sqrt(years)
    probability = 0.5 * erfc(-(log_ratio / deviation - 0.5 * deviation) / sqrt(2))
"""

import math
from collections import deque
from typing import Final

import msgspec

from polyterm.core.market import Side
from polyterm.quant.annual import YEAR_S
from polyterm.quant.moments import mean, population_sd
from polyterm.quant.primitives import NAN, high, known, low

ROOT_TWO: Final = math.sqrt(2)

VOLATILITY_FLOOR: Final = 0.05
VOLATILITY_CAP: Final = 5.0
MAX_DRIFT: Final = 20.0

EDGE_THRESHOLD: Final = 0.03
FULL_CONFIDENCE_EDGE: Final = 0.10
EDGE_HISTORY: Final = 120


def normal_cdf(x: float) -> float:
    """Standard normal distribution, exact to double precision in both tails."""
    return 0.5 * math.erfc(-x / ROOT_TWO)


def log_ratio(price: float, strike: float) -> float:
    """ln(price / strike), nan unless both are positive and finite.

    By log1p of the relative distance: near the strike, where the last seconds are decided, the quotient itself would
    lose the digits that matter.
    """
    if not (0 < price < math.inf and 0 < strike < math.inf):
        return NAN
    distance = (price - strike) / strike
    return math.log1p(distance) if distance > -1 else NAN


def probability_above(log_distance: float, deviation: float) -> float:
    """P(X >= K) of a lognormal X with mean M, from ln(M/K) and the standard deviation of ln X (> 0)."""
    return normal_cdf(log_distance / deviation - 0.5 * deviation)


def usable_volatility(estimate: float) -> float:
    """The estimate within floor and cap; an estimate of 0, or none at all, is missing (nan) and not a certainty."""
    if not 0 < estimate < math.inf:
        return NAN
    return low(VOLATILITY_CAP, high(VOLATILITY_FLOOR, estimate))


def annual_drift(plain_return: float, elapsed_s: float, max_drift: float = MAX_DRIFT) -> float:
    """Simple return over ``elapsed_s`` per year, at most ``max_drift`` either way.

    A return of seconds or minutes, annualised, is hundreds per year and would drown the distance to the strike.
    """
    if not elapsed_s > 0:
        return NAN
    return low(max_drift, high(-max_drift, plain_return * (YEAR_S / elapsed_s)))


def digital(spot: float, strike: float, volatility: float, remaining_s: float, drift: float = 0.0) -> float:
    """P(spot at the end >= strike), with ``volatility`` as it is given.

    With no time left it is 1 at or above the strike (a tie is up) and 0 below. Missing (nan) when a price is not
    positive and finite, and when there is time left but no positive volatility.
    """
    distance = log_ratio(spot, strike)
    if math.isnan(distance):
        return NAN
    if remaining_s <= 0:
        return 1.0 if spot >= strike else 0.0
    years = remaining_s / YEAR_S
    deviation = volatility * math.sqrt(years)
    return probability_above(distance + drift * years, deviation) if deviation > 0 else NAN


def fair_value(spot: float, strike: float, volatility: float, remaining_s: float, drift: float = 0.0) -> float:
    """``digital`` with the volatility held between floor and cap: what the market's mid is compared with."""
    return digital(spot, strike, usable_volatility(volatility), remaining_s, drift)


def digital_vega(spot: float, strike: float, volatility: float, remaining_s: float, drift: float = 0.0) -> float:
    """Change of ``digital`` per unit of volatility: phi(d) * (-(ln(S/K) + mu t) / (sigma^2 sqrt t) - sqrt(t) / 2).

    Positive below the strike as long as more volatility makes reaching it likelier, negative above. Missing where
    ``digital`` is, and 0 with no time left.
    """
    distance = log_ratio(spot, strike)
    if math.isnan(distance):
        return NAN
    if remaining_s <= 0:
        return 0.0
    years = remaining_s / YEAR_S
    root = math.sqrt(years)
    deviation = volatility * root
    if not deviation > 0:
        return NAN
    shifted = (distance + drift * years) / deviation
    d = shifted - 0.5 * deviation
    density = math.exp(-0.5 * (d * d)) / math.sqrt(2 * math.pi)
    return -density * (shifted / volatility + 0.5 * root)


def edge_side(edge: float, threshold: float = EDGE_THRESHOLD) -> Side | None:
    """Up where fair value is above the market by more than ``threshold``, down where it is below, else neither."""
    if edge > threshold:
        return "up"
    return "down" if edge < -threshold else None


def edge_confidence(edge: float) -> float:
    """|edge| as a share of ten points, at most 1."""
    return low(1.0, abs(edge) / FULL_CONFIDENCE_EDGE)


class FairValueView(msgspec.Struct, frozen=True, kw_only=True):
    """What the fair value says about a market now.

    ``side`` is the side that looks cheap, ``significant`` says that there is one. ``signal_strength`` is |edge| in
    units of the threshold. ``volatility_spread`` is implied minus realised. The last three are over the newest
    ``EDGE_HISTORY`` ticks.
    """

    fair: float
    market: float
    edge: float
    side: Side | None
    confidence: float
    significant: bool
    signal_strength: float
    implied_volatility: float | None
    volatility_spread: float | None
    mean_edge: float
    edge_sd: float
    mean_implied_volatility: float | None


class FairValueAnalysis:
    """Compares fair value with the market tick by tick and remembers the last edges of one (coin, horizon)."""

    def __init__(self) -> None:
        self._edges: deque[float] = deque(maxlen=EDGE_HISTORY)
        self._implied: deque[float] = deque(maxlen=EDGE_HISTORY)

    def start_window(self) -> None:
        self._edges.clear()
        self._implied.clear()

    def observe(
        self, fair: float, market: float, implied_volatility: float | None, realised_volatility: float
    ) -> FairValueView | None:
        """Take one tick's fair value and Up mid; None, and nothing remembered, while either is missing (nan)."""
        edge = fair - market
        if math.isnan(edge):
            return None
        self._edges.append(edge)
        if implied_volatility is not None:
            self._implied.append(implied_volatility)
        side = edge_side(edge)
        return FairValueView(
            fair=fair,
            market=market,
            edge=edge,
            side=side,
            confidence=edge_confidence(edge),
            significant=side is not None,
            signal_strength=abs(edge) / EDGE_THRESHOLD,
            implied_volatility=implied_volatility,
            volatility_spread=None if implied_volatility is None else known(implied_volatility - realised_volatility),
            mean_edge=mean(self._edges),
            edge_sd=population_sd(self._edges),
            mean_implied_volatility=known(mean(self._implied)),
        )
