"""When a rule leaves a position, found on columns: each of its exits says where it is met first."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from polyterm.core.market import Side
from polyterm.engine.ground import Ground
from polyterm.quant.column_features import asks_position, conjunction
from polyterm.quant.columns import OPERATIONS, Column
from polyterm.quant.expression import Node

_ORDERS: Final = {"<", "<=", ">", ">="}
NOTHING: Final = np.zeros(0)

Left = tuple[int, str] | None
"""Where and why a position is sold; None if it is held to the end of its window."""


class Stand:
    """An open position on the columns; ``cell`` and ``slot`` are the first on which it may be left.

    ``bought`` is its entry's market ms and price.
    """

    __slots__ = ("_peaks", "cell", "entry_ms", "entry_price", "peak_before", "r", "side", "slot")

    def __init__(self, cell: int, slot: int, side: Side, bought: tuple[int, float], peak_r: float) -> None:
        self.cell = cell
        self.slot = slot
        self.side: Side = side
        self.entry_ms, self.entry_price = bought
        self.peak_before = peak_r
        self.r: Column = NOTHING
        self._peaks: Column | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Positions that are equal in it end alike."""
        return self.cell, self.side, self.entry_ms, self.entry_price, self.peak_before

    def look(self, marks: Column) -> None:
        """At these cells, from ``cell`` on: what an exit asks for is told of them."""
        if len(self.r) != len(marks):
            self.r = marks - self.entry_price
            self.r /= self.entry_price
            self._peaks = None

    @property
    def held_s(self) -> Column:
        slots = np.arange(self.slot, self.slot + len(self.r))
        held: Column = (slots * 1000 - self.entry_ms) / 1000
        return held

    @property
    def peak_r(self) -> Column:
        if self._peaks is None:
            self._peaks = np.fmax(np.fmax.accumulate(self.r), self.peak_before)
        return self._peaks


class _Exit(ABC):
    @abstractmethod
    def first(self, stand: Stand, end: int) -> int:
        """The first cell on which the position can be sold and this asks for it; ``end`` if none is before it."""


class _Bound(_Exit):
    """Asks for nothing but a mark return, or the peak of it, beyond ``limit``. A return never falls while its mark
    rises."""

    def __init__(self, leave: Node, ground: Ground) -> None:
        asked, limit = leave.args
        self._beyond = OPERATIONS[leave.name]
        self._limit = limit.args[0]
        self._lowest = leave.name in {"<", "<="}
        self._of_peak = asked.name == "peak_r"
        self._ground = ground

    def is_possible(self, stand: Stand) -> bool:
        """Whether some mark of the rest of the window goes there."""
        ground = self._ground
        extremes = ground.lowest if self._lowest else ground.highest
        if self._of_peak and (self._lowest or self._beyond(stand.peak_before, self._limit)):
            return True
        r = (extremes[stand.side].item(stand.cell) - stand.entry_price) / stand.entry_price
        return bool(self._beyond(r, self._limit))

    def first(self, stand: Stand, end: int) -> int:
        if not self.is_possible(stand):
            return end
        offers, beyond, limit, price = self._ground.offers[stand.side], self._beyond, self._limit, stand.entry_price
        blocks = offers.lowest if self._lowest else offers.highest
        cell, size = stand.cell, offers.BLOCK
        while cell < end:
            block = cell // size
            if beyond((blocks[block] - price) / price, limit):
                for here, mark in enumerate(offers.marks[cell : min((block + 1) * size, end)].tolist(), cell):
                    if beyond((mark - price) / price, limit):
                        return here
            cell = (block + 1) * size
        return end


class _Plain(_Exit):
    """Asks for nothing of the position."""

    def __init__(self, leave: Node, ground: Ground) -> None:
        self._leave = leave
        self._ground = ground
        self._cells: dict[Side, Sequence[int]] = {}

    def first(self, stand: Stand, end: int) -> int:
        cells = self._cells.get(stand.side)
        if cells is None:
            asked = self._ground.features.value(self._leave)
            cells = self._cells[stand.side] = np.flatnonzero(self._ground.sellable[stand.side] & asked).data
        place = bisect_left(cells, stand.cell)
        return min(cells[place], end) if place < len(cells) else end


class _Asking(_Exit):
    """Asks for anything: looked at on all the cells that are left. ``needed`` must come true for it to."""

    def __init__(self, leave: Node, ground: Ground) -> None:
        self._asked = ground.features.on_slice(leave)
        self._ground = ground
        self._needed = [_Bound(part, ground) for part in conjunction(leave) if _is_bound(part)]

    def first(self, stand: Stand, end: int) -> int:
        for needed in self._needed:
            if not needed.is_possible(stand):
                return end
        cells = slice(stand.cell, end)
        stand.look(self._ground.mark[stand.side][cells])
        hit: Any = self._ground.sellable[stand.side][cells] & self._asked(cells, stand)
        place = int(hit.argmax())
        return stand.cell + place if hit[place] else end


def _is_bound(leave: Node, *asking: str) -> bool:
    if leave.kind != "operation" or leave.name not in _ORDERS:
        return False
    asked, limit = leave.args
    return asked.kind == "position" and asked.name in (asking or ("r", "peak_r")) and limit.kind == "constant"


def _exit(leave: Node, ground: Ground) -> _Exit:
    if _is_bound(leave, "r"):
        return _Bound(leave, ground)
    return _Asking(leave, ground) if asks_position(leave) else _Plain(leave, ground)


class Exits:
    """Those of a rule; rules with the same ones share what is found out."""

    def __init__(self, ground: Ground, exits: Sequence[tuple[Node, str]]) -> None:
        self._exits = [(_exit(leave, ground), reason) for leave, reason in exits] if ground.exits else []
        self._known: dict[tuple[object, ...], Left] = {}

    def left(self, stand: Stand, end: int) -> Left:
        """Where and why the position is sold before its window ends; of several exits the first."""
        key = stand.key
        if key not in self._known:
            self._known[key] = self._left(stand, end)
        return self._known[key]

    def _left(self, stand: Stand, end: int) -> Left:
        sold, why = end, ""
        for leave, reason in self._exits:
            if stand.cell < sold:
                cell = leave.first(stand, sold)
                if cell < sold:
                    sold, why = cell, reason
        return (sold, why) if sold < end else None
