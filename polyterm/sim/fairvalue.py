"""Probability that a window ends up, when an average settles it."""

import math
from typing import Final

YEAR_S: Final = 365 * 86400
_LOOKBACK_S: Final = 60.0


def up_probability(
    spot: float,
    strike: float,
    volatility: float,
    remaining_s: float,
    known_mean: float | None = None,
) -> float:
    """P(average of the last 60 s >= strike) for a driftless lognormal ``spot``.

    ``remaining_s`` counts to the last second that is averaged. Before the averaging, the average varies like a point
    price 40 s earlier; inside it, with tau seconds left, only sigma^2 tau^3 / (3 * 60^2) is open and the mean of the
    elapsed part, ``known_mean``, is certain. ``volatility`` is annualised (year of 365 days).

    Raises:
        ValueError: when the averaging has begun and ``known_mean`` is None.
    """
    if remaining_s >= _LOOKBACK_S:
        mean, open_s = spot, remaining_s - _LOOKBACK_S * 2 / 3
    elif known_mean is None:
        raise ValueError("within the averaging the mean of its elapsed part is needed")
    else:
        left_s = max(0.0, remaining_s)
        mean = (known_mean * (_LOOKBACK_S - left_s) + spot * left_s) / _LOOKBACK_S
        open_s = left_s**3 / (3 * _LOOKBACK_S**2)
    spread = volatility * math.sqrt(open_s / YEAR_S)
    if spread <= 0:
        return 1.0 if mean >= strike else 0.0
    return 0.5 * math.erfc(-(math.log(mean / strike) / spread - spread / 2) / math.sqrt(2))
