"""What one rule does in one series, found on columns: from candidate to candidate, without what lies between."""

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any, Final

import numpy as np

from polyterm.core.market import Side
from polyterm.engine.books import Seat
from polyterm.engine.moves import Move
from polyterm.engine.playbook import Way, ways_of
from polyterm.engine.recording import Rows
from polyterm.quant.column_features import ColumnFeatures, Evaluator, asks_position
from polyterm.quant.columns import Column, Mask
from polyterm.quant.definitions import MID
from polyterm.quant.expression import Node
from polyterm.quant.tick_columns import Whole
from polyterm.strategies.traced import TracedRule

_FIRST_LOOK: Final = 64
"""Cells that are looked at first for an exit; each further look takes in four times as many."""


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
        self.enterable = {"up": self._on_grid(valid & (ask > 0)), "down": self._on_grid(valid & (1 - bid > 0))}
        self.may_enter = self.enterable["up"] | self.enterable["down"]
        usable = ticks.book_usable
        self.sellable = {"up": self._on_grid(usable & (bid > 0)), "down": self._on_grid(usable & (1 - ask > 0))}
        self.mid: Column = features.value(MID)
        self.mark = {"up": self.mid, "down": 1 - self.mid}
        self._row_at = np.full(grid.size, -1)
        self._row_at[grid.cell] = np.arange(len(ticks))
        self._window_ends: list[int] = (grid.starts + grid.last_slot - grid.first_slot + 1).tolist()
        self._slot_less_cell: list[int] = (grid.first_slot - grid.starts).tolist()
        self._epochs: list[int] = ticks.epoch[grid.first_row].tolist()
        self.fresh_cell = int(grid.cell[rows.fresh]) if rows.fresh < len(ticks) else grid.size

    def _on_grid(self, mask: Mask) -> Mask:
        result = np.zeros(self.features.grid.size, np.bool_)
        result[self.features.grid.cell] = mask
        return result

    def _window(self, cell: int) -> int:
        """The window that ``cell`` lies in or before."""
        return bisect_right(self._window_ends, cell)

    def window_start(self, cell: int) -> int:
        """The first cell of its window."""
        return int(self.features.grid.starts[self._window(cell)])

    def window_end(self, cell: int) -> int:
        """The cell after the last one of its window."""
        return self._window_ends[self._window(cell)]

    def slot(self, cell: int) -> int:
        return cell + self._slot_less_cell[self._window(cell)]

    def epoch(self, cell: int) -> int:
        return self._epochs[self._window(cell)]

    def row(self, cell: int) -> int:
        return int(self._row_at[cell])

    def cell_of(self, cell: int, slot: int) -> int:
        """The cell of ``slot`` in the layout of the window of ``cell``."""
        return slot - self._slot_less_cell[self._window(cell)]


class Stand:
    """An open position on the columns; ``cell`` is the first one on which it may be left."""

    __slots__ = ("cell", "entry_ms", "entry_price", "peak_r", "side")

    def __init__(self, cell: int, side: Side, entry_ms: int, entry_price: float, peak_r: float) -> None:
        self.cell = cell
        self.side: Side = side
        self.entry_ms = entry_ms
        self.entry_price = entry_price
        self.peak_r = peak_r


class _OnCells:
    """A position over some cells; what an exit does not ask for is not worked out."""

    __slots__ = ("_first_slot", "_stand", "entry_price", "r")

    def __init__(self, stand: Stand, r: Column, first_slot: int) -> None:
        self._stand = stand
        self._first_slot = first_slot
        self.entry_price = stand.entry_price
        self.r = r

    @property
    def held_s(self) -> Column:
        slots = np.arange(self._first_slot, self._first_slot + len(self.r))
        held: Column = (slots * 1000 - self._stand.entry_ms) / 1000
        return held

    @property
    def peak_r(self) -> Column:
        return np.fmax(np.fmax.accumulate(self.r), self._stand.peak_r)


class Walk:
    """The moves of the rule at ``seat``, in their order."""

    def __init__(self, ground: Ground, seat: Seat, rule: TracedRule) -> None:
        self._ground = ground
        self._seat = seat
        self._forgets_s = rule.forgets_s
        self._limiter = seat.limiter.copy()
        features = ground.features
        self._ways = [(way, features.value(way.condition)) for way in ways_of(seat.place, rule)]
        self._exits = [(features.on_slice(leave), reason) for leave, reason in rule.exits]
        self._asks_peak = any(asks_position(leave, "peak_r") for leave, _ in rule.exits)
        self._candidates = self._open_cells(ground.may_enter, [mask for _, mask in self._ways])

    def _open_cells(self, may_enter: Mask, masks: Sequence[Any]) -> list[int]:
        if not self._ground.entries or not masks:
            return []
        cells: list[int] = np.flatnonzero(may_enter & reduce(operator.or_, masks)).tolist()
        return cells

    def moves(self) -> list[Move]:
        moves = list(self._moves())
        for way, _ in self._ways:
            entries = [move for move in moves if move.way is way and move.values is None]
            if entries:
                cells = self._ground.features.grid.cell[[move.row for move in entries]]
                values = zip(*(_listed(self._ground.features, node, cells) for node in way.branch.values), strict=True)
                for move, known in zip(entries, values, strict=True):
                    move.values = known
        return moves

    def _moves(self) -> Iterator[Move]:
        ground, limiter = self._ground, self._limiter
        stand = self._standing()
        here = ground.fresh_cell
        while True:
            if stand is not None:
                left = self._left(stand)
                if left is None:
                    here = ground.window_end(stand.cell - 1)
                else:
                    cell, reason = left
                    yield Move(ground.row(cell), self._seat, reason=reason)
                    limiter.left(ground.epoch(cell), ground.slot(cell) * 1000, reason)
                    here = cell + 1
            entry = self._entry(here)
            if entry is None:
                return
            cell, move = entry
            yield move
            limiter.entered(ground.epoch(cell), ground.slot(cell))
            stand = self._entered(cell, move)

    def _standing(self) -> Stand | None:
        """What the seat holds in the window of the first fresh row."""
        ground, holding = self._ground, self._seat.holding
        if holding is None or ground.fresh_cell >= ground.features.grid.size:
            return None
        position = holding.position
        if position.key.epoch != ground.epoch(ground.fresh_cell):
            return None  # its window was over before
        return Stand(ground.fresh_cell, position.side, holding.entry_ms, holding.entry_price, holding.peak_r)

    def _entered(self, cell: int, move: Move) -> Stand | None:
        ground = self._ground
        side = "up" if move.way is None else move.way.side
        quote = ground.rows.ticks.values["up_ask" if side == "up" else "up_bid"][move.row].item()
        price = quote if side == "up" else 1 - quote
        r = (ground.mark[side][cell].item() - price) / price
        return Stand(cell + 1, side, ground.slot(cell) * 1000, price, r)

    def _left(self, stand: Stand) -> tuple[int, str] | None:
        """Where and why the position is sold before its window ends."""
        ground = self._ground
        if not ground.exits:
            return None
        end = ground.window_end(stand.cell - 1)
        first, look = stand.cell, _FIRST_LOOK
        while first < end:
            cells = slice(first, min(first + look, end))
            r = (ground.mark[stand.side][cells] - stand.entry_price) / stand.entry_price
            position = _OnCells(stand, r, ground.slot(first))
            wanted = [leave(cells, position) for leave, _ in self._exits]
            can_sell = ground.sellable[stand.side][cells] & reduce(operator.or_, wanted, False)
            place = int(can_sell.argmax())
            if can_sell[place]:
                mine = (column[place] if isinstance(column, np.ndarray) else column for column in wanted)
                reason = next(reason for asked, (_, reason) in zip(mine, self._exits, strict=True) if asked)
                return first + place, reason
            if self._asks_peak:
                stand.peak_r = float(position.peak_r[-1])
            first, look = cells.stop, look * 4
        return None

    def _entry(self, here: int) -> tuple[int, Move] | None:
        """The first entry from ``here`` on that the limits allow."""
        if self._forgets_s and self._limiter.entry_slot is not None:
            here, found = self._young_entry(here, self._limiter.entry_slot)
            if found is not None:
                return found
        ground, candidates = self._ground, self._candidates
        place = bisect_left(candidates, here)
        while place < len(candidates):
            cell = candidates[place]
            if self._limiter.is_closed(ground.epoch(cell)):
                place = bisect_left(candidates, ground.window_end(cell), place)
                continue
            way = self._way(cell, cell)
            if way is not None:
                return cell, Move(ground.row(cell), self._seat, way)
            place += 1
        return None

    def _way(self, cell: int, at: int, masks: Sequence[Any] | None = None) -> Way | None:
        """The way that the rule takes on ``cell``, None where it cannot; ``at`` is the cell's place in ``masks``."""
        ground = self._ground
        if not self._limiter.allows(ground.epoch(cell), ground.slot(cell) * 1000):
            return None
        for place, (way, own) in enumerate(self._ways):
            mask = own if masks is None else masks[place]
            if mask[at] if isinstance(mask, np.ndarray) else mask:
                return way if ground.enterable[way.side][cell] else None
        return None

    def _young_entry(self, here: int, entry_slot: int) -> tuple[int, tuple[int, Move] | None]:
        """The first entry while the rule forgets what is as old as its last one, and from where on it does no more."""
        ground, grid = self._ground, self._ground.features.grid
        while here < grid.size:
            here = max(here, ground.window_start(here))
            begun = ground.cell_of(here, entry_slot)
            end = ground.window_end(here)
            young = min(begun + self._forgets_s + 1, end)
            if here >= young:
                break
            view = ground.features.since(begun, young - begun - 1)
            offset = grid.margin - begun - 1
            masks = [view.value(way.condition) for way, _ in self._ways]
            may_enter = np.concatenate((np.zeros(grid.margin, np.bool_), ground.may_enter[begun + 1 : young]))
            for at in self._open_cells(may_enter, masks):
                cell = at - offset
                way = self._way(cell, at, masks) if cell >= here else None
                if way is not None:
                    row = np.array([at])
                    values = [_listed(view, node, row)[0] for node in way.branch.values]
                    return here, (cell, Move(ground.row(cell), self._seat, way, values))
            here = young
            if young < end:
                break
        return here, None


def _listed(features: Evaluator, node: Node | None, cells: Whole) -> list[float | None]:
    """Plain numbers of some cells, for an event."""
    value = None if node is None else features.at(node, cells)
    if isinstance(value, np.ndarray):
        listed: list[float | None] = value.tolist()
        return listed
    return [value] * len(cells)
