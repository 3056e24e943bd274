"""Who won a window, and how likely each side is while the average that will decide it is partly known.

These windows settle on the average price of 60 seconds, not on the last price (facts of the venue: a Chainlink 60 s
TWAP, measured to end 3 s before the window does). Prices are dollars, times market seconds, volatility per root year,
probabilities fractions.

With tau seconds left to the end of the averaging and a driftless lognormal price, the logarithm of the average has the
variance sigma^2 * open_s, where

- before the averaging begins, open_s = tau - 60 + 60 / 3 = tau - 40: the price moves freely until the averaging starts,
  and a running average over 60 s carries a third of their variance;
- within it, open_s = tau^3 / (3 * 60^2): only the tau / 60 of the average that are still to come vary, and they
  themselves by a third of tau.

The average is arithmetic and here taken as lognormal; over minutes the error is far below a price step. It is also
taken as continuous: averages of whole seconds have, within the averaging, (tau + 1) (tau + 1/2) / tau^2 times the
variance. Operations and their order, for a column form that gives the same bits::

    left_s, within the averaging  = high(0, remaining_s)
    mean_price                    = (known_mean * (60 - left_s) + spot * left_s) / 60
    open_s                        = left_s * left_s * left_s / (3 * 60 * 60)
    then as ``fair_value``'s digital with mean_price for the spot and open_s for the time
"""

import math
from typing import Final

import msgspec

from polyterm.core.market import FeeSchedule, Side
from polyterm.quant.annual import YEAR_S
from polyterm.quant.fair_value import log_ratio, probability_above
from polyterm.quant.fees import break_even_price
from polyterm.quant.primitives import NAN, high, known

AVERAGE_S: Final = 60
"""Seconds that the settling average covers."""

AVERAGE_DELAY_S: Final = 3
"""The average ends so many seconds before the window does (measured, not documented)."""


def winning_side(strike: float, final: float) -> Side:
    """Up when the final price is the strike or above it: a tie is up."""
    return "up" if final >= strike else "down"


class AverageOutlook(msgspec.Struct, frozen=True):
    """What is known of the settling average, and what is open.

    ``mean_price`` is its expected value (nan when its elapsed part is not known), ``known_share`` the part of its
    seconds that has elapsed, ``open_s`` the seconds of the price's variance that it still carries.
    """

    mean_price: float
    known_share: float
    open_s: float


def average_outlook(spot: float, remaining_s: float, known_mean: float = NAN) -> AverageOutlook:
    """``remaining_s`` counts to the last second that is averaged, which is ``AVERAGE_DELAY_S`` before the window's end.

    ``known_mean`` is the mean price of the elapsed seconds of the averaging; before it begins it is not looked at.
    """
    if remaining_s >= AVERAGE_S:
        return AverageOutlook(spot, 0.0, remaining_s - AVERAGE_S * 2 / 3)
    left_s = high(0.0, remaining_s)
    # With no second left the spot has no weight, and need not be known.
    coming = spot * left_s if left_s > 0 else 0.0
    return AverageOutlook(
        (known_mean * (AVERAGE_S - left_s) + coming) / AVERAGE_S,
        (AVERAGE_S - left_s) / AVERAGE_S,
        left_s * left_s * left_s / (3 * AVERAGE_S * AVERAGE_S),
    )


def settlement_probability(
    spot: float, strike: float, volatility: float, remaining_s: float, known_mean: float = NAN
) -> float:
    """P(settling average >= strike); arguments as ``average_outlook``'s.

    With nothing open it is 1 at or above the strike and 0 below. Missing (nan) when a price that matters is missing or
    not positive, and when something is open but there is no positive volatility.
    """
    outlook = average_outlook(spot, remaining_s, known_mean)
    return _probability(outlook, strike, volatility)


def _probability(outlook: AverageOutlook, strike: float, volatility: float) -> float:
    distance = log_ratio(outlook.mean_price, strike)
    if math.isnan(distance):
        return NAN
    if outlook.open_s <= 0:
        return 1.0 if outlook.mean_price >= strike else 0.0
    deviation = volatility * math.sqrt(outlook.open_s / YEAR_S)
    return probability_above(distance, deviation) if deviation > 0 else NAN


class KnownAverage:
    """The elapsed part of the settling average of one window.

    ``end_s`` is the last second that is averaged (unix s). Seconds without a price are left out of the mean.
    """

    def __init__(self, end_s: int) -> None:
        self._end_s = end_s
        self._first_s = end_s - AVERAGE_S + 1
        self._newest_s = -1
        self._total = 0.0
        self.seconds = 0

    def observe(self, slot: int, price: float) -> None:
        """Take the price of one second; one outside the averaging or seen before is ignored, as is a missing price."""
        if self._first_s <= slot <= self._end_s and slot > self._newest_s and not math.isnan(price):
            self._newest_s = slot
            self._total += price
            self.seconds += 1

    @property
    def mean(self) -> float:
        """nan before the first price."""
        return self._total / self.seconds if self.seconds else NAN


class SettlementView(msgspec.Struct, frozen=True, kw_only=True):
    """What settlement says about a market now; None where something is missing.

    ``break_even_up`` and ``break_even_down`` are the highest prices at which a taker who holds to settlement does not
    lose on average, fee included.
    """

    probability: float | None
    mean_price: float | None
    known_share: float
    break_even_up: float | None
    break_even_down: float | None


def settlement_view(
    spot: float,
    strike: float,
    volatility: float,
    remaining_s: float,
    *,
    schedule: FeeSchedule,
    known_mean: float = NAN,
) -> SettlementView:
    """Arguments as ``settlement_probability``'s; ``schedule`` is the market's taker fee."""
    outlook = average_outlook(spot, remaining_s, known_mean)
    probability = known(_probability(outlook, strike, volatility))
    return SettlementView(
        probability=probability,
        mean_price=known(outlook.mean_price),
        known_share=outlook.known_share,
        break_even_up=None if probability is None else break_even_price(probability, schedule),
        break_even_down=None if probability is None else break_even_price(1 - probability, schedule),
    )
