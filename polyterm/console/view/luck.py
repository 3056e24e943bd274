"""Whether a result can be told from luck: intervals and tests on what a strategy has closed."""

from math import sqrt
from statistics import NormalDist
from typing import Final, Literal

import msgspec

CONFIDENCE: Final = 0.95
FEW_TRADES: Final = 30
"""Below so many trades their mean says nothing that a normal distribution could judge."""

_Z: Final = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)

Judgement = Literal["few", "luck", "earns", "loses"]


class Verdict(msgspec.Struct, frozen=True):
    """``sigmas`` is the mean P&L of a trade in units of its standard error; None where there are too few trades."""

    judgement: Judgement
    sigmas: float | None = None


def wilson(wins: int, trades: int) -> tuple[float, float] | None:
    """The 95 % interval of a win rate (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927); None without trades."""
    if trades == 0:
        return None
    share, square = wins / trades, _Z * _Z
    centre = (share + square / (2 * trades)) / (1 + square / trades)
    half = _Z / (1 + square / trades) * sqrt(share * (1 - share) / trades + square / (4 * trades * trades))
    return max(0.0, centre - half), min(1.0, centre + half)


def threshold(tried: int) -> float:
    """How many standard errors it takes among ``tried`` strategies, of which the best one always looks good.

    Bonferroni: each is tested at 5 % divided by their number, both ways.
    """
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / max(1, tried))


def verdict(trades: int, total: float, squares: float, needed: float) -> Verdict:
    """From the sum and the sum of squares of the trades' P&L; ``needed`` is the ``threshold``."""
    if trades < FEW_TRADES:
        return Verdict("few")
    variance = (squares - total * total / trades) / (trades - 1)
    if variance <= 0:
        return Verdict("few")
    sigmas = total / sqrt(variance * trades)
    if abs(sigmas) < needed:
        return Verdict("luck", sigmas)
    return Verdict("earns" if sigmas > 0 else "loses", sigmas)
