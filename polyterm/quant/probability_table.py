"""How often a window ends on the side of the strike where spot stands, as a table: remaining time by distance.

A table is what a trader keeps beside the screen: coarse, the same for every coin, and blind to today's volatility. Each
cell is the digital's probability (``quant.fair_value``) at ``TABLE_VOLATILITY``, at the middle of its interval of time
and at its least distance, so that it promises too little rather than too much; it is not fitted to recorded outcomes.
"""

import math
from bisect import bisect_right
from typing import Final

from polyterm.quant.fair_value import digital
from polyterm.quant.primitives import NAN

TABLE_VOLATILITY: Final = 0.60
REMAINING_S: Final = (0.0, 30.0, 60.0, 120.0, 180.0, 300.0, 450.0, 600.0, 750.0, 900.0)
DISTANCES: Final = (0.0, 0.0002, 0.0005, 0.0010, 0.0015, 0.0020, 0.0030, 0.0050)


def _cell(row: int, column: int) -> float:
    middle = (REMAINING_S[row] + REMAINING_S[row + 1]) / 2
    return digital(1 + DISTANCES[column], 1.0, TABLE_VOLATILITY, middle)


PROBABILITIES: Final = tuple(
    tuple(_cell(row, column) for column in range(len(DISTANCES))) for row in range(len(REMAINING_S) - 1)
)
"""``PROBABILITIES[row][column]``: remaining time in [REMAINING_S[row], REMAINING_S[row + 1]), the last with its end;
|distance| of DISTANCES[column] or more, below the next."""


def expected_probability(remaining_s: float, distance: float) -> float:
    """Probability of Up by the table; nan where either is missing, or outside a window of 15 minutes."""
    if math.isnan(distance) or not 0 <= remaining_s <= REMAINING_S[-1]:
        return NAN
    row = min(bisect_right(REMAINING_S, remaining_s), len(PROBABILITIES)) - 1
    leading = PROBABILITIES[row][bisect_right(DISTANCES, abs(distance)) - 1]
    return leading if distance >= 0 else 1 - leading
