"""The column form of ``primitives``: one value per row, the same bits as the scalar form gives row by row.

log, log1p, exp and erfc are always ``math``'s, mapped over the rows: numpy's own differ in the last bit. Arguments may
be columns or plain floats. Callers silence numpy's warnings with ``np.errstate``.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from polyterm.quant import primitives
from polyterm.quant.primitives import NAN

Column = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def mapped(function: Callable[..., float], x: Column, *more: Column) -> Column:
    """``function`` of every row."""
    return np.fromiter(map(function, x.tolist(), *(other.tolist() for other in more)), np.float64, len(x))


def _mapped_where(function: Callable[[float], float], x: Column, inside: Mask) -> Column:
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
