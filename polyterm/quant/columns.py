"""The column form of ``primitives``: one value per row, the same bits as the scalar form gives row by row.

log, log1p, exp and erfc are always ``math``'s, mapped over the rows: numpy's own differ in the last bit. Arguments may
be columns or plain floats. Callers silence numpy's warnings with ``np.errstate``.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from polyterm.quant import primitives
from polyterm.quant.primitives import NAN
from polyterm.quant.probability_table import DISTANCES, PROBABILITIES, REMAINING_S

Column = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def mapped(function: Callable[..., float], x: Column, *more: Column) -> Column:
    """``function`` of every row."""
    return np.fromiter(map(function, x.tolist(), *(other.tolist() for other in more)), np.float64, len(x))


def _mapped_where(function: Callable[[float], float], x: Column, inside: Mask) -> Column:
    """``function`` of the rows inside; of equal ones that follow each other it is asked once."""
    if len(x) > 1:
        written = np.ascontiguousarray(x, np.float64).view(np.int64)  # as numbers -0 and 0 are equal
        fresh = written[1:] != written[:-1]
        if np.count_nonzero(fresh) * 2 < len(x):
            first = np.flatnonzero(np.append(True, fresh))
            values = _mapped_where(function, x[first], inside[first]) if len(first) < len(x) else x
            return np.repeat(values, np.diff(first, append=len(x)))
    if inside.all():
        return mapped(function, x)
    result = np.full(len(x), NAN)
    rows = np.flatnonzero(inside)
    result[rows] = mapped(function, x[rows])
    return result


def ratio(over: Any, under: Any) -> Any:
    if isinstance(under, float | int):
        return over * NAN if under == 0 else over / under
    result = np.divide(over, under)
    result[under == 0] = NAN
    return result


def low(a: Any, b: Any) -> Any:
    return np.where(a < b, a, b)


def high(a: Any, b: Any) -> Any:
    return np.where(a > b, a, b)


def where(condition: Any, then: Any, otherwise: Any) -> Any:
    return np.where(condition, then, otherwise)


def is_known(x: Column) -> Mask:
    return ~np.isnan(x)


def log(x: Column) -> Column:
    # Prices that stood still are the most common ones, and their logarithm is exactly 0.
    result = _mapped_where(math.log, x, (x > 0) & (x < math.inf) & (x != 1))
    result[x == 1] = 0.0
    return result


def log1p(x: Column) -> Column:
    return _mapped_where(math.log1p, x, (x > -1) & (x < math.inf))


def exp(x: Column) -> Column:
    result = _mapped_where(primitives.exp, x, x != 0)
    result[x == 0] = 1.0
    return result


def erfc(x: Column) -> Column:
    return _mapped_where(math.erfc, x, is_known(x))


def sqrt(x: Column) -> Column:
    result = np.sqrt(x)
    result[~(x >= 0)] = NAN
    return result


def expected_probability(remaining_s: Column, distance: Column) -> Column:
    """As ``probability_table.expected_probability``."""
    distance, remaining_s = np.broadcast_arrays(distance, remaining_s)
    inside = ~np.isnan(distance) & (remaining_s >= 0) & (remaining_s <= REMAINING_S[-1])
    row = np.minimum(np.searchsorted(REMAINING_S, remaining_s, side="right"), len(PROBABILITIES)) - 1
    place = np.searchsorted(DISTANCES, np.abs(distance), side="right") - 1
    leading = np.array(PROBABILITIES)[row, place]
    return np.where(inside, np.where(distance >= 0, leading, 1 - leading), NAN)


OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "neg": operator.neg,
    "abs": operator.abs,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "&": operator.and_,
    "|": operator.or_,
    "not_": np.logical_not,
    "ratio": ratio,
    "low": low,
    "high": high,
    "where": where,
    "log": log,
    "log1p": log1p,
    "exp": exp,
    "erfc": erfc,
    "sqrt": sqrt,
    "is_known": is_known,
    "expected_probability": expected_probability,
}
"""The column form of every operation of ``expression``, by name; at least one argument must be a column."""
