"""Where a continuous function crosses zero, inside a bracket."""

import math
from collections.abc import Callable
from typing import Final

MAX_STEPS: Final = 100


def bracketed_root(f: Callable[[float], float], low: float, high: float) -> float | None:
    """A root of ``f`` in [low, high], to the last digits of a double; None unless f(low) and f(high) differ in sign.

    Source: C. Ridders, "A New Algorithm for Computing a Single Root of a Real Continuous Function", IEEE Trans.
    Circuits and Systems 26 (1979). Every step at least halves the bracket, so it ends where bisection would, only
    sooner.
    """
    at_low, at_high = f(low), f(high)
    if at_low == 0:
        return low
    if at_high == 0:
        return high
    if not at_low * math.copysign(1.0, at_high) < 0:
        return None
    for _ in range(MAX_STEPS):
        middle = low + 0.5 * (high - low)
        if not low < middle < high:
            break
        at_middle = f(middle)
        guess = _ridders(low, middle, at_low, at_middle, at_high)
        for x, at_x in ((middle, at_middle), (guess, f(guess))):
            if at_x == 0:
                return x
            if low < x < high:
                if (at_x < 0) == (at_low < 0):
                    low, at_low = x, at_x
                else:
                    high, at_high = x, at_x
    return low if abs(at_low) < abs(at_high) else high


def _ridders(low: float, middle: float, at_low: float, at_middle: float, at_high: float) -> float:
    """Where the function crosses zero once an exponential factor has made it straight through the three points."""
    root = math.sqrt(at_middle * at_middle - at_low * at_high)
    if root == 0:
        return middle
    return middle + (middle - low) * math.copysign(1.0, at_low) * at_middle / root
