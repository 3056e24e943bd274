"""The column form of ``folds``: one answer per row, the same bits as the scalar form gives at each row.

A column here holds one value per market second, nan where nothing was seen; what lies before its first row is missing.
Whoever lays several windows out in one column leaves so many missing rows between them as the longest look-back.
"""

from collections.abc import Callable, Sequence

import numpy as np

from polyterm.quant import folds
from polyterm.quant.columns import Column, Mask, is_known, log, ratio, sqrt
from polyterm.quant.primitives import NAN


def lag(x: Column, n: int) -> Column:
    if n == 0:
        return x
    result = np.full(len(x), NAN)
    result[n:] = x[:-n]
    return result


def _spans(rows: int, n: int, step: int = 1) -> list[tuple[slice, slice]]:
    """(rows that have a value so far back, rows of those values) for each look-back, the oldest value first."""
    return [(slice(back, None), slice(0, rows - back)) for back in range((n - 1) * step, -1, -step) if back < rows]


def count(x: Column, n: int) -> Column:
    """How many of the newest ``n`` values are known."""
    return _count(is_known(x), n)


def _count(seen: Mask, n: int) -> Column:
    so_far = np.cumsum(seen)
    result = so_far.astype(np.float64)
    result[n:] -= so_far[:-n]
    return result


def _sum(x: Column, n: int, step: int = 1) -> Column:
    """Sum of ``n`` values, taken every ``step`` rows back from the newest; what lies before the first row counts 0."""
    result = np.zeros(len(x))
    for here, there in _spans(len(x), n, step):
        result[here] += x[there]
    return result


def total(x: Column, n: int) -> Column:
    seen = is_known(x)
    if seen.all():
        return _sum(x, n)
    result = _sum(np.where(seen, x, 0.0), n)
    result[_count(seen, n) == 0] = NAN
    return result


def total_so_far(x: Column) -> Column:
    """``total`` of all values from the first row on."""
    seen = is_known(x)
    result = np.add.accumulate(np.append(0.0, np.where(seen, x, 0.0)))[1:]
    result[np.cumsum(seen) == 0] = NAN
    return result


def average(x: Column, n: int, least: int) -> Column:
    known = count(x, n)
    result = total(x, n) / known
    result[known < least] = NAN
    return result


def deviation(x: Column, n: int, least: int) -> Column:
    seen = is_known(x)
    known = _count(seen, n)
    values, gaps = np.where(seen, x, 0.0), None if seen.all() else ~seen
    centre = _sum(values, n) / known
    squares, room = np.zeros(len(x)), np.empty(len(x))
    for here, there in _spans(len(x), n):
        distance = room[here]
        np.subtract(values[there], centre[here], out=distance)
        np.multiply(distance, distance, out=distance)
        if gaps is not None:
            distance[gaps[there]] = 0.0
        squares[here] += distance
    result = sqrt(squares / known)
    result[known < least] = NAN
    return result


def decayed_square(x: Column, n: int, least: int, keep: float, take: float) -> Column:
    seen, squares = is_known(x), x * x
    result = np.full(len(x), NAN)
    for here, there in _spans(len(x), n):
        decayed = result[here]
        fresh = keep * decayed + take * squares[there]
        fresh = np.where(is_known(decayed), fresh, squares[there])
        np.copyto(result[here], fresh, where=seen[there])
    result[count(x, n) < least] = NAN
    return result


def highest(x: Column, n: int) -> Column:
    return _extreme(x, n, np.greater, -np.inf)


def lowest(x: Column, n: int) -> Column:
    return _extreme(x, n, np.less, np.inf)


def _extreme(x: Column, n: int, beats: Callable[[Column, Column], Mask], nothing: float) -> Column:
    """The value that beats all others of the newest ``n``; of equal ones (0 and -0) the newest, as in a fold.

    Windows are put together from windows half as long: an extreme may see a value twice.
    """
    seen = is_known(x)
    result = np.where(seen, x, nothing)
    length = 1
    while length < n:
        step = min(length, n - length)
        older, newer = result[:-step], result[step:]
        joined = result.copy()
        joined[step:] = np.where(beats(older, newer), older, newer)
        result, length = joined, length + step
    result[_count(seen, n) == 0] = NAN
    return result


def range_squares(x: Column, bars: int, length: int) -> Column:
    span = log(ratio(highest(x, length), lowest(x, length)))
    return _sum(np.where(count(x, length) == length, span * span, 0.0), bars, length)


def whole_bars(x: Column, bars: int, length: int) -> Column:
    return _sum(np.where(count(x, length) == length, 1.0, 0.0), bars, length)


def first_known(x: Column, lags: Sequence[int]) -> Column:
    result = np.full(len(x), NAN)
    for n in lags:
        missing = ~is_known(result)
        if n >= len(x) or not missing[n:].any():
            continue
        np.copyto(result[n:], x[: len(x) - n], where=missing[n:])
    return result


def elapsed_mean(x: Column, seconds: Column, late: Column) -> Column:
    """Asked about the last minute of a window only, so those few rows are folded one by one."""
    result = np.full(len(x), NAN)
    for row in np.flatnonzero((seconds >= 1) & (late >= 0)).tolist():
        first = max(0, row + 1 - int(seconds[row]) - int(late[row]))
        result[row] = folds.elapsed_mean(x[first : row + 1].tolist(), seconds[row], late[row])
    return result
