"""What the venue's taker fee asks of a price. Fees are dollars per share, before the venue's rounding to 5 decimals.

Source: the venue's fee page, fee = rate * (p (1 - p)) ^ exponent per share at fill price p; settlement is free.
"""

import math

from polyterm.core.market import FeeSchedule
from polyterm.quant.roots import bracketed_root


def fee_per_share(price: float, schedule: FeeSchedule) -> float:
    """For a taker's buy or sale at ``price``, which must be in [0, 1]."""
    return float(schedule.rate * (price * (1 - price)) ** schedule.exponent)


def break_even_probability(price: float, schedule: FeeSchedule) -> float:
    """How likely a side must be for a taker who buys it at ``price`` and holds it to settlement."""
    return price + fee_per_share(price, schedule)


def break_even_price(probability: float, schedule: FeeSchedule) -> float:
    """The highest price at which a taker may buy a side of this probability and hold it to settlement without loss.

    For an exponent of 1 the root of p + rate p (1 - p) = P in the form that does not cancel; else searched in [0, P].
    """
    if schedule.rate == 0:
        return probability
    if schedule.exponent == 1:
        ahead = 1 + schedule.rate
        return 2 * probability / (ahead + math.sqrt(ahead * ahead - 4 * schedule.rate * probability))
    root = bracketed_root(lambda price: break_even_probability(price, schedule) - probability, 0.0, probability)
    return 0.0 if root is None else root
