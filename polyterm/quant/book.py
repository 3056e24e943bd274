"""Measures of a book and of how prices from two sources differ. Plain floats; ``nan`` where a value is missing."""

import math
from collections.abc import Sequence
from typing import Final

from polyterm.quant.moments import mean, population_sd
from polyterm.quant.primitives import NAN, ratio

SPREAD_SAMPLES: Final = 30
SPREAD_MIN_SAMPLES: Final = 10


def imbalance(bid_size: float, ask_size: float) -> float:
    """(bid size - ask size) / (bid size + ask size), in (-1, 1); sizes in shares. Missing when a size is 0."""
    if not (bid_size > 0 and ask_size > 0):
        return NAN
    return (bid_size - ask_size) / (bid_size + ask_size)


def microprice(bid: float, ask: float, bid_size: float, ask_size: float) -> float:
    """(bid * ask size + ask * bid size) / (bid size + ask size), dollars: the mid, drawn towards the thinner side.

    Source: J. Gatheral and R. Oomen, "Zero-Intelligence Realized Variance Estimation", Finance and Stochastics 14
    (2010). Missing when both sizes are 0.
    """
    if not (bid_size >= 0 and ask_size >= 0):
        return NAN
    return ratio(bid * ask_size + ask * bid_size, bid_size + ask_size)


def spread_zscore(spreads: Sequence[float], count: int = SPREAD_SAMPLES, minimum: int = SPREAD_MIN_SAMPLES) -> float:
    """How many population standard deviations the newest spread stands above the mean of the newest ``count``.

    Oldest first, the newest included; missing samples (nan) are skipped. Missing (nan) without a newest spread, with
    fewer than ``minimum`` samples, and where all are equal.
    """
    newest = spreads[-count:]
    known = [spread for spread in newest if not math.isnan(spread)]
    if not known or len(known) < minimum or math.isnan(newest[-1]):
        return NAN
    if min(known) == max(known):
        return NAN
    return ratio(known[-1] - mean(known), population_sd(known))


def relative_divergence(spot: float, oracle: float) -> float:
    """(spot - oracle) / oracle, a fraction: how far the exchange stands above the oracle."""
    return ratio(spot - oracle, oracle)
