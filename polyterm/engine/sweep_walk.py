"""The trades of one variant on one series: from entry to exit, without looking at what lies between."""

import math
import operator
from collections.abc import Iterator, Sequence
from functools import reduce

import msgspec
import numpy as np

from polyterm.engine.books import DEFAULT_STAKE
from polyterm.engine.sweep_columns import Conditions
from polyterm.engine.sweep_endings import Ending, Endings
from polyterm.engine.sweep_results import VariantTrades
from polyterm.engine.sweep_series import SweptSeries, Whole
from polyterm.quant.columns import Mask
from polyterm.quant.expression import Node
from polyterm.strategies.base import Limits
from polyterm.strategies.traced import TracedRule


class _Way(msgspec.Struct, frozen=True):
    """A way into a position: a side of a branch. ``size`` is shares, None for the book's own stake."""

    mask: Mask
    up: bool
    size: Node | None


class Floor:
    """Where variants trade one after the other; what one finds out the next ones need not."""

    def __init__(self, series: SweptSeries, conditions: Conditions) -> None:
        self._series = series
        self._conditions = conditions
        self._endings = Endings(series, conditions)
        self._boundaries = series.boundaries

    def trades(self, rule: TracedRule, limits: Limits) -> VariantTrades:
        """As an engine with this rule alone would make them."""
        ways = [
            _Way(self._conditions.mask(condition), up, branch.values[0])
            for branch in rule.branches
            for up, condition in ((True, branch.up), (False, branch.down))
            if not condition.is_constant(False)
        ]
        leaves = self._endings.leaves(rule.exits)
        walk = _Walk(self._series, limits, self._candidates(ways), self._boundaries)
        for row in walk.entries():
            way = next(way for way in ways if way.mask[row])
            shares = self._shares(way.size, row)
            if shares <= 0:
                return walk.trades(f"ValueError: a size of {shares} cannot be bought")
            walk.ended(row, self._endings.find(leaves, row, way.up, shares))
        return walk.trades(None)

    def _candidates(self, ways: Sequence[_Way]) -> Whole:
        """Rows on which some way is open and the tick may be traded on."""
        if not ways:
            return np.empty(0, np.int64)
        wanted = self._series.enterable & reduce(operator.or_, (way.mask for way in ways))
        return np.flatnonzero(wanted)

    def _shares(self, size: Node | None, row: int) -> float:
        value = DEFAULT_STAKE if size is None else self._conditions.value(size)
        shares = float(value[row] if isinstance(value, np.ndarray) else value)
        return shares if math.isfinite(shares) else DEFAULT_STAKE


class _Walk:
    """Goes from candidate to candidate as far as the limits allow. Every entry must be ``ended`` before the next."""

    def __init__(self, series: SweptSeries, limits: Limits, candidates: Whole, boundaries: Whole) -> None:
        self._series = series
        self._limits = limits
        self._boundaries = boundaries
        self._candidates = candidates
        self._ending: Ending | None = None
        self._epoch: list[int] = []
        self._exit_ms: list[int] = []
        self._touch: list[float] = []
        self._costed: list[float] = []

    def entries(self) -> Iterator[int]:
        free_from = 0
        places = self._candidates.searchsorted(self._boundaries)
        for window in np.flatnonzero(places[:-1] < places[1:]).tolist():
            place, stop, entered = int(places[window]), int(places[window + 1]), 0
            while place < stop:
                row = int(self._candidates[place])
                if row < free_from:
                    place = int(self._candidates.searchsorted(free_from))
                    continue
                yield row
                entered += 1
                ending = self._ending
                if ending is None or ending.row is None or self._is_over(ending, entered):
                    break
                free_from = self._free_from(ending.row)

    def _is_over(self, ending: Ending, entered: int) -> bool:
        """Whether the limits forbid another entry in the window."""
        most = self._limits.max_entries_per_window
        return ending.reason in self._limits.closed_after or (most is not None and entered >= most)

    def _free_from(self, left: int) -> int:
        """The first row on which the strategy may enter again: it acts once a tick, and cools down after an exit."""
        cool = int(self._series.slot[left]) + self._limits.cooldown_s
        return max(left + 1, int(self._series.slot.searchsorted(cool)))

    def ended(self, row: int, ending: Ending) -> None:
        self._ending = ending
        if ending.touch is None or ending.costed is None:
            return
        key = self._series.windows[self._series.window[row]].key
        self._epoch.append(key.epoch)
        self._exit_ms.append(1000 * (key.end if ending.row is None else int(self._series.slot[ending.row])))
        self._touch.append(ending.touch)
        self._costed.append(ending.costed)

    def trades(self, fault: str | None) -> VariantTrades:
        return VariantTrades(
            np.array(self._epoch, np.int64),
            np.array(self._exit_ms, np.int64),
            np.array(self._touch, np.float64),
            np.array(self._costed, np.float64),
            fault,
        )
