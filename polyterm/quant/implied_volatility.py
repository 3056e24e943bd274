"""The volatility at which the digital of ``fair_value`` would cost what the market asks.

With x = ln(S/K) + mu t and s = sigma sqrt(t) the price is Phi(x / s - s / 2). Above the strike (x >= 0) it falls with
s from 1 to 0. Below, it rises from 0 to Phi(-sqrt(-2 x)) at s = sqrt(-2 x), never reaching 1/2, and falls again: a
price then belongs to two volatilities, of which the lower is meant as long as it is in range, or to none.
"""

import math
from typing import Final

from polyterm.quant.annual import YEAR_S
from polyterm.quant.fair_value import log_ratio, probability_above
from polyterm.quant.roots import bracketed_root

LOWEST: Final = 0.01
HIGHEST: Final = 10.0
PROBABILITY_FLOOR: Final = 0.01
PROBABILITY_CEILING: Final = 0.99


def implied_volatility(
    probability: float, spot: float, strike: float, remaining_s: float, drift: float = 0.0
) -> float | None:
    """Volatility per root year, between ``LOWEST`` and ``HIGHEST``, at which P(up) is ``probability``.

    None when none of them gives it (spot above the strike and the market below one half, say), with no time left, with
    a missing price, and for probabilities outside (0.01, 0.99), where the price step hides the volatility.
    """
    distance = log_ratio(spot, strike)
    if not (remaining_s > 0 and PROBABILITY_FLOOR < probability < PROBABILITY_CEILING) or math.isnan(distance):
        return None
    years = remaining_s / YEAR_S
    root = math.sqrt(years)
    log_distance = distance + drift * years
    peak = LOWEST
    if log_distance < 0:
        peak = min(HIGHEST, max(LOWEST, math.sqrt(-2 * log_distance) / root))

    def too_high(volatility: float) -> float:
        return probability_above(log_distance, volatility * root) - probability

    rising = bracketed_root(too_high, LOWEST, peak)
    return bracketed_root(too_high, peak, HIGHEST) if rising is None else rising
