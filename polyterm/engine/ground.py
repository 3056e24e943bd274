"""What all rules of a series walk on, on columns."""

from bisect import bisect_right
from typing import Final

import numpy as np

from polyterm.core.market import Side
from polyterm.engine.recording import Rows
from polyterm.quant.column_features import ColumnFeatures
from polyterm.quant.columns import Column, Mask
from polyterm.quant.definitions import MID


class Offers:
    """``marks`` of one side where it could be sold, nan elsewhere, and their extremes in every ``BLOCK`` of cells."""

    BLOCK: Final = 16

    __slots__ = ("highest", "lowest", "marks")

    def __init__(self, mark: Column, sellable: Mask) -> None:
        blocks = -(-len(mark) // self.BLOCK)
        offered = np.full(blocks * self.BLOCK, np.nan)
        offered[: len(mark)][sellable] = mark[sellable]
        self.marks = offered.data
        by_block = offered.reshape(blocks, self.BLOCK)
        self.lowest: list[float] = np.fmin.reduce(by_block, axis=1).tolist()
        self.highest: list[float] = np.fmax.reduce(by_block, axis=1).tolist()


class Ground:
    """What all rules of a series walk on. Masks and prices lie on the cells of the features' grid.

    ``entries`` and ``exits`` say whether the trading state allows them.
    """

    def __init__(self, rows: Rows, features: ColumnFeatures, *, entries: bool, exits: bool) -> None:
        self.rows = rows
        self.features = features
        self.entries = entries
        self.exits = exits
        ticks, grid = rows.ticks, features.grid
        bid, ask = ticks.values["up_bid"], ticks.values["up_ask"]
        valid = ticks.invalid == 0
        valid[: rows.fresh] = False
        prices: dict[Side, Column] = {"up": ask, "down": 1 - bid}
        self.price = {side: grid.spread(price) for side, price in prices.items()}
        self.enterable = {side: self._on_grid(valid & (price > 0)) for side, price in prices.items()}
        self.may_enter = self.enterable["up"] | self.enterable["down"]
        usable = ticks.book_usable
        proceeds: dict[Side, Column] = {"up": bid, "down": 1 - ask}
        self.sellable = {side: self._on_grid(usable & (price > 0)) for side, price in proceeds.items()}
        mid: Column = features.value(MID)
        self.mark: dict[Side, Column] = {"up": mid, "down": 1 - mid}
        self.offers = {side: Offers(mark, self.sellable[side]) for side, mark in self.mark.items()}
        self.lowest = {side: self._to_come(mark, np.fmin) for side, mark in self.mark.items()}
        self.highest = {side: self._to_come(mark, np.fmax) for side, mark in self.mark.items()}
        self.row_at = np.full(grid.size, -1)
        self.row_at[grid.cell] = np.arange(len(ticks))
        self.size = grid.size
        self.fresh_cell = int(grid.cell[rows.fresh]) if rows.fresh < len(ticks) else grid.size
        self.starts: list[int] = grid.starts.tolist()
        self.ends: list[int] = (grid.starts + grid.last_slot - grid.first_slot + 1).tolist()
        self.slot_less_cell: list[int] = (grid.first_slot - grid.starts).tolist()
        self.epochs: list[int] = ticks.epoch[grid.first_row].tolist()

    def _on_grid(self, mask: Mask) -> Mask:
        result = np.zeros(self.features.grid.size, np.bool_)
        result[self.features.grid.cell] = mask
        return result

    def _to_come(self, mark: Column, extreme: np.ufunc) -> Column:
        """The extreme mark from each cell to the end of its window; nan where no window is."""
        result = np.full(len(mark) + 1, np.nan)  # a position bought on the last cell has nothing to come
        grid = self.features.grid
        ends = grid.starts + grid.last_slot - grid.first_slot + 1
        for start, end in zip(grid.starts.tolist(), ends.tolist(), strict=True):
            result[start:end] = extreme.accumulate(mark[start:end][::-1])[::-1]
        return result

    def window(self, cell: int) -> int:
        """The place of the window that ``cell`` lies in or before."""
        return bisect_right(self.ends, cell)
