"""Numbers as the venue writes them: text, or JSON numbers, or an empty text for "none"."""

import math
from typing import Final

Number = str | float | int | None

GRID: Final = 10_000
"""Price keys per dollar. Every tick that the venue uses (0.1 to 0.0001) is a whole number of keys, so equal prices are
equal keys however they were written."""


def optional_number(value: Number) -> float | None:
    """The finite number that ``value`` stands for; None when it is absent or empty.

    Raises:
        ValueError: for text that is not a finite number.
    """
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def price_key(price: float) -> int:
    """``price`` (dollars, in [0, 1]) in grid units.

    Raises:
        ValueError: outside [0, 1] or off the grid.
    """
    if not 0 <= price <= 1:  # also refuses nan
        raise ValueError(f"the price {price} is not between 0 and 1")
    key = round(price * GRID)
    if abs(price * GRID - key) > 1e-6:
        raise ValueError(f"the price {price} is finer than 1/{GRID}")
    return key


def shares(size: float) -> float:
    """``size`` itself.

    Raises:
        ValueError: when it is negative or not finite.
    """
    if not 0 <= size < math.inf:
        raise ValueError(f"the size {size} is not a number of shares")
    return size
