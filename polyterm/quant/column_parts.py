"""A look-back on a few cells of a long column: worked out where it is asked for, and nowhere else."""

from collections.abc import Callable
from typing import Final

import numpy as np

from polyterm.quant.columns import Column
from polyterm.quant.primitives import NAN
from polyterm.quant.tick_columns import Whole

_MOST: Final = 2
"""Once more than one in so many rows would have been worked out, it is all or nothing."""


class Part:
    """``work`` gives each row of a column a value made of that row and the ``before`` rows before it."""

    def __init__(self, work: Callable[[Column], Column], x: Column, before: int) -> None:
        self._work = work
        self._x = x
        self._before = before
        self._values = np.full(len(x), NAN)
        self._known = np.zeros(len(x), np.bool_)
        self._worked = 0

    def at(self, cells: Whole) -> Column | None:
        """The values there; None when the whole column is cheaper. ``cells`` ascend."""
        missing = cells[~self._known[cells]]
        if len(missing) and not self._work_out(missing):
            return None
        values: Column = self._values[cells]
        return values

    def _work_out(self, cells: Whole) -> bool:
        """Cut out the stretches that these look back on, put them one behind the other, and go over them together."""
        gaps = np.flatnonzero(np.diff(cells) > self._before)
        first, last = cells[np.append(0, gaps + 1)], cells[np.append(gaps, len(cells) - 1)]
        begin = np.maximum(first - self._before, 0)
        lengths = last + 1 - begin
        ends = np.cumsum(lengths)
        self._worked += int(ends[-1])
        if self._worked * _MOST > len(self._x):
            return False
        rows = np.arange(ends[-1]) + np.repeat(begin - (ends - lengths), lengths)
        whole = rows >= np.repeat(first, lengths)  # those before have not all that they look back on
        result = self._work(self._x[rows])
        rows = rows[whole]
        self._values[rows] = result[whole]
        self._known[rows] = True
        return True
