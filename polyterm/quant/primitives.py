"""What features are made of, in scalar form. A missing value is ``nan`` here and only here.

Each has a column form of the same name in ``columns`` that gives the same bits.
"""

import math

NAN = math.nan


def number(value: float | None) -> float:
    """The one door through which a missing value becomes ``nan``."""
    return NAN if value is None else value


def usable_price(value: float | None) -> float:
    """``value`` as a price; nan for what is none: missing, not positive or not finite."""
    return value if value is not None and 0 < value < math.inf else NAN


def known(value: float) -> float | None:
    """The door back: whatever leaves features is a finite number or None."""
    return value if math.isfinite(value) else None


def ratio(over: float, under: float) -> float:
    """``over / under``; by 0 it is nan, in both forms."""
    return NAN if under == 0 else over / under


def relative_change(new: float, old: float) -> float:
    """new/old - 1, a fraction. Written so and not as (new - old)/old: the two differ in the last bit."""
    return ratio(new, old) - 1


def low(a: float, b: float) -> float:
    """Spelled out, as its column form is: with a nan on either side the answer is ``b``."""
    return a if a < b else b  # noqa: FURB136 - min() hides which one wins against nan


def high(a: float, b: float) -> float:
    """As ``low``: with a nan on either side the answer is ``b``."""
    return a if a > b else b  # noqa: FURB136 - max() hides which one wins against nan


def log(x: float) -> float:
    """Natural logarithm; nan unless ``x`` is positive and finite."""
    return math.log(x) if 0 < x < math.inf else NAN


def log1p(x: float) -> float:
    """ln(1 + x); nan unless ``x`` is finite and above -1."""
    return math.log1p(x) if -1 < x < math.inf else NAN


def exp(x: float) -> float:
    """e to the power of ``x``; nan where that is no finite number."""
    try:
        return math.exp(x) if x < math.inf else NAN
    except OverflowError:
        return NAN


def erfc(x: float) -> float:
    return math.erfc(x)


def sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0 else NAN


def where(condition: object, then: float, otherwise: float) -> float:
    return then if condition else otherwise


def is_known(x: float) -> bool:
    return x == x  # noqa: PLR0124 - only nan differs from itself
