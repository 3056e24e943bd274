"""How positions end. Variants often buy on the same second and leave by the same rule: that is worked out once."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from polyterm.engine.fills import open_legs, sell_legs, settle_legs
from polyterm.engine.sweep_columns import Conditions
from polyterm.engine.sweep_series import SweptSeries
from polyterm.quant.column_features import Slice
from polyterm.quant.columns import Column
from polyterm.quant.expression import Node

MOST_KEPT: Final = 500_000
MOST_HELD: Final = 4_096


class Ending(msgspec.Struct, frozen=True):
    """``row`` of the exit, None at the end of the window; P&L is dollars, None where the outcome was never heard."""

    row: int | None
    reason: str
    touch: float | None
    costed: float | None


class _Held:
    """What an exit may ask of a position, on every row after its entry up to the end of its window."""

    def __init__(self, series: SweptSeries, mid: Column, row: int, up: bool) -> None:
        self.rows = slice(row + 1, series.windows[series.window[row]].last)
        self.entry_price = float(series.ask[row] if up else 1 - series.bid[row])
        self._slots = series.slot[row : self.rows.stop]
        self._marks: Column = mid[row : self.rows.stop] if up else 1 - mid[row : self.rows.stop]

    @cached_property
    def _returns(self) -> Column:
        return (self._marks - self.entry_price) / self.entry_price

    @cached_property
    def r(self) -> Column:
        return self._returns[1:]

    @cached_property
    def peak_r(self) -> Column:
        highest: Column = np.fmax.accumulate(self._returns)
        return highest[1:]

    @cached_property
    def held_s(self) -> Column:
        seconds: Column = (self._slots[1:] - self._slots[0]).astype(np.float64)
        return seconds


class _Leave:
    """One exit condition; ``rows`` are those on which it was first met after (row of the entry, bought Up)."""

    def __init__(self, node: Node, conditions: Conditions) -> None:
        self.node = node  # found again by its id, so it must live
        self.condition: Slice = conditions.on_slice(node)
        self.rows: dict[tuple[int, bool], int | None] = {}


Leaves = Sequence[tuple[_Leave, str]]


class Endings:
    """Of positions in one series."""

    def __init__(self, series: SweptSeries, conditions: Conditions) -> None:
        self._series = series
        self._conditions = conditions
        self._mid = series.mid
        self._sellable_up = series.usable & (series.bid > 0)
        self._sellable_down = series.usable & (1 - series.ask > 0)
        self._leaves: dict[int, _Leave] = {}
        self._held: dict[tuple[int, bool], _Held] = {}
        self._earned: dict[tuple[int, bool, float, int | None], tuple[float | None, float | None]] = {}
        self._kept = 0

    def leaves(self, exits: Sequence[tuple[Node, str]]) -> Leaves:
        """To be given to ``find``; ask anew for every variant."""
        if self._kept > MOST_KEPT:
            self._leaves.clear()
            self._earned.clear()
            self._kept = 0
        for node, _ in exits:
            if id(node) not in self._leaves:
                self._leaves[id(node)] = _Leave(node, self._conditions)
        return [(self._leaves[id(node)], reason) for node, reason in exits]

    def find(self, leaves: Leaves, row: int, up: bool, shares: float) -> Ending:
        """How a position ends that is opened on ``row``: by the first condition to be met, of several the first."""
        left, because = None, ""
        for leave, reason in leaves:
            met = leave.rows[row, up] if (row, up) in leave.rows else self._met(leave, row, up)
            if met is not None and (left is None or met < left):
                left, because = met, reason
        earned = self._earned.get((row, up, shares, left))
        if earned is None:
            self._kept += 1
            earned = self._earned[row, up, shares, left] = self._earn(row, up, shares, left)
        return Ending(left, because, *earned)

    def _met(self, leave: _Leave, row: int, up: bool) -> int | None:
        """The first row on which the exit is asked for and can be had."""
        held = self._hold(row, up)
        leaves = leave.condition(held.rows, held) & (self._sellable_up if up else self._sellable_down)[held.rows]
        first = int(leaves.argmax()) if len(leaves) else 0
        met = held.rows.start + first if len(leaves) and leaves[first] else None
        leave.rows[row, up] = met
        self._kept += 1
        return met

    def _hold(self, row: int, up: bool) -> _Held:
        found = self._held.get((row, up))
        if found is None:
            if len(self._held) >= MOST_HELD:
                self._held.clear()
            found = self._held[row, up] = _Held(self._series, self._mid, row, up)
        return found

    def _earn(self, row: int, up: bool, shares: float, left: int | None) -> tuple[float | None, float | None]:
        """(touch, costed) dollars; None while nobody knows who won."""
        series = self._series
        price = float(series.ask[row] if up else 1 - series.bid[row])
        legs = open_legs(price, shares, series.fees[series.fee[row]])
        if left is not None:
            proceeds = float(series.bid[left] if up else 1 - series.ask[left])
            touch, costed = sell_legs(legs, proceeds, series.fees[series.fee[left]])
            return touch.pnl, costed.pnl
        won = series.windows[series.window[row]].won
        if won is None:
            return None, None
        touch, costed = settle_legs(legs, won == ("up" if up else "down"))
        return touch.pnl, costed.pnl
