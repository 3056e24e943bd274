"""How positions end. Variants often buy on the same second and leave by the same rule: that is worked out once."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from polyterm.core.position import Leg
from polyterm.engine.fills import open_legs, sell_legs, settle_legs
from polyterm.engine.sweep_columns import Conditions, Slice
from polyterm.engine.sweep_series import SweptSeries
from polyterm.quant.columns import Column
from polyterm.quant.expression import Node

MOST_KEPT: Final = 500_000
MOST_HELD: Final = 4_096

Exits = Sequence[tuple[Node, str]]


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


class _Asked:
    """The exits of a rule, and the endings that are known, by (row of the entry, bought Up, shares)."""

    def __init__(self, exits: Exits, conditions: Conditions) -> None:
        self.exits = exits  # found again by the ids of its nodes, so these must live
        self.conditions: list[tuple[Slice, str]] = [(conditions.on_slice(node), reason) for node, reason in exits]
        self.known: dict[tuple[int, bool, float], Ending] = {}


class Endings:
    """Of positions in one series."""

    def __init__(self, series: SweptSeries, conditions: Conditions) -> None:
        self._series = series
        self._conditions = conditions
        self._mid = series.mid
        self._sellable_up = series.usable & (series.bid > 0)
        self._sellable_down = series.usable & (1 - series.ask > 0)
        self._asked: dict[tuple[tuple[int, str], ...], _Asked] = {}
        self._held: dict[tuple[int, bool], _Held] = {}
        self._kept = 0

    def asked(self, exits: Exits) -> _Asked:
        """To be given to ``find``; ask anew for every variant."""
        if self._kept > MOST_KEPT:
            self._asked.clear()
            self._kept = 0
        key = tuple((id(node), reason) for node, reason in exits)
        found = self._asked.get(key)
        if found is None:
            found = self._asked[key] = _Asked(exits, self._conditions)
        return found

    def find(self, asked: _Asked, row: int, up: bool, shares: float) -> Ending:
        found = asked.known.get((row, up, shares))
        if found is None:
            found = asked.known[row, up, shares] = self._work_out(asked, row, up, shares)
            self._kept += 1
        return found

    def _work_out(self, asked: _Asked, row: int, up: bool, shares: float) -> Ending:
        series = self._series
        held = self._hold(row, up)
        legs = open_legs(held.entry_price, shares, series.fees[series.fee[row]])
        exit_ = self._exit(asked, held, up)
        if exit_ is not None:
            left, reason = exit_
            price = float(series.bid[left] if up else 1 - series.ask[left])
            return _ending(left, reason, sell_legs(legs, price, series.fees[series.fee[left]]))
        won = series.windows[series.window[row]].won
        if won is None:
            return Ending(None, "", None, None)
        return _ending(None, "", settle_legs(legs, won == ("up" if up else "down")))

    def _hold(self, row: int, up: bool) -> _Held:
        found = self._held.get((row, up))
        if found is None:
            if len(self._held) >= MOST_HELD:
                self._held.clear()
            found = self._held[row, up] = _Held(self._series, self._mid, row, up)
        return found

    def _exit(self, asked: _Asked, held: _Held, up: bool) -> tuple[int, str] | None:
        """The first row on which an exit is asked for and can be had, and the first reason there."""
        sellable = (self._sellable_up if up else self._sellable_down)[held.rows]
        best: tuple[int, str] | None = None
        for condition, reason in asked.conditions:
            leaves = condition(held.rows, held) & sellable
            first = int(leaves.argmax()) if len(leaves) else 0
            if len(leaves) and leaves[first] and (best is None or first < best[0]):
                best = first, reason
        return None if best is None else (held.rows.start + best[0], best[1])


def _ending(row: int | None, reason: str, legs: tuple[Leg, ...]) -> Ending:
    touch, costed = legs
    return Ending(row, reason, touch.pnl, costed.pnl)
