"""Mean and spread of a few numbers, as left folds: ``sum`` and numpy's sums differ between versions and from a fold.

``nan`` anywhere makes the result ``nan``. Operations and their order, oldest value first, for a column form that gives
the same bits::

    total = 0.0;    total = total + v                                for every v;  mean = total / n
    squares = 0.0;  squares = squares + (v - mean) * (v - mean)      for every v;  sd = sqrt(squares / n)

The squares are folded anew every time, not updated: a series of zeros has a standard deviation of exactly 0.
"""

import math
from collections.abc import Collection, Iterable

from polyterm.quant.primitives import NAN


def fold(values: Iterable[float]) -> float:
    """The sum from left to right, beginning with 0.0."""
    total = 0.0
    for value in values:
        total += value
    return total


def mean(values: Collection[float]) -> float:
    """Arithmetic mean; nan of nothing."""
    return fold(values) / len(values) if values else NAN


def population_sd(values: Collection[float]) -> float:
    """Standard deviation with n in the denominator; nan of nothing."""
    if not values:
        return NAN
    centre = mean(values)
    squares = 0.0
    for value in values:
        deviation = value - centre
        squares += deviation * deviation
    return math.sqrt(squares / len(values))
