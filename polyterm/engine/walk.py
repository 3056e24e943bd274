"""What one rule does in one series, found on columns: from candidate to candidate, without what lies between."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from polyterm.core.market import Side
from polyterm.engine.books import Seat
from polyterm.engine.moves import Move
from polyterm.engine.playbook import Way, ways_of
from polyterm.engine.recording import Rows
from polyterm.quant.column_features import ColumnFeatures, Evaluator
from polyterm.quant.columns import OPERATIONS, Column, Mask
from polyterm.quant.definitions import MID
from polyterm.quant.expression import Node
from polyterm.quant.tick_columns import Whole
from polyterm.strategies.traced import TracedRule

_Found = tuple[int, int, Way, Sequence[float | None] | None]
"""An entry: its cell, the place of its window, its way, and its values where they are known already."""


_Left = tuple[int, str] | None
"""Where and why a position is sold; None if it is held to the end of its window."""


Candidates = tuple[Sequence[int], Sequence[int]]
"""The cells on which some way is open, and the place of the first such way; few of them are ever read."""

NO_CELLS: Final = np.zeros(0, np.int64)

_Stood = tuple[int, Side, int, float, float]


class Ground:
    """What all rules of a series walk on. Masks and prices lie on the cells of the features' grid.

    ``entries`` and ``exits`` say whether the trading state allows them. ``candidates`` and ``endings`` are what one
    rule has found out for others with the same conditions.
    """

    def __init__(self, rows: Rows, features: ColumnFeatures, *, entries: bool, exits: bool) -> None:
        self.rows = rows
        self.features = features
        self.entries = entries
        self.exits = exits
        self.candidates: dict[tuple[int, ...], Candidates] = {}
        self.endings: dict[tuple[tuple[int, str], ...], dict[_Stood, _Left]] = {}
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


class _Stand:
    """An open position on the columns; ``cell`` and ``slot`` are the first on which it may be left.

    ``bought`` is its entry's market ms and price.
    """

    __slots__ = ("cell", "entry_ms", "entry_price", "peak_before", "r", "side", "slot")

    def __init__(self, cell: int, slot: int, side: Side, bought: tuple[int, float], peak_r: float) -> None:
        self.cell = cell
        self.slot = slot
        self.side: Side = side
        self.entry_ms, self.entry_price = bought
        self.peak_before = peak_r
        self.r: Column = np.zeros(0)

    # What an exit asks for, on the cells from ``cell`` on.

    @property
    def held_s(self) -> Column:
        slots = np.arange(self.slot, self.slot + len(self.r))
        held: Column = (slots * 1000 - self.entry_ms) / 1000
        return held

    @property
    def peak_r(self) -> Column:
        return np.fmax(np.fmax.accumulate(self.r), self.peak_before)


class _Bound:
    """An exit that asks for nothing but a mark return beyond ``limit``."""

    __slots__ = ("_beyond", "_limit", "_lowest")

    def __init__(self, name: str, limit: float) -> None:
        self._beyond = OPERATIONS[name]
        self._limit = limit
        self._lowest = name in {"<", "<="}

    def is_met(self, stand: _Stand, ground: Ground) -> bool:
        """Whether some mark of the rest of the window goes there. A return never falls while its mark rises."""
        extremes = ground.lowest if self._lowest else ground.highest
        r = (extremes[stand.side].item(stand.cell) - stand.entry_price) / stand.entry_price
        return bool(self._beyond(r, self._limit))


def _bound(leave: Node) -> _Bound | None:
    """``leave`` as a bound, if it is one."""
    if leave.kind == "operation" and leave.name in {"<", "<=", ">", ">="}:
        asked, limit = leave.args
        if asked.kind == "position" and asked.name == "r" and limit.kind == "constant":
            return _Bound(leave.name, limit.args[0])
    return None


class Walk:
    """The moves of the rule at ``seat``, in their order."""

    def __init__(self, ground: Ground, seat: Seat, rule: TracedRule) -> None:
        self._ground = ground
        self._seat = seat
        self._forgets_s = rule.forgets_s
        self._limiter = seat.limiter.copy()
        self._ways = ways_of(seat.place, rule)
        features = ground.features
        exits = [(leave, reason) for leave, reason in rule.exits if not leave.is_constant(False)]
        self._exits = [(features.on_slice(leave), reason) for leave, reason in exits]
        self._bounds = [_bound(leave) for leave, _ in exits]
        self._cells, self._taken = self._all_candidates()
        self._endings = ground.endings.setdefault(tuple((id(leave), reason) for leave, reason in exits), {})

    def _all_candidates(self) -> Candidates:
        ground = self._ground
        conditions = tuple(id(way.condition) for way in self._ways)
        known = ground.candidates.get(conditions)
        if known is None:
            cells, taken = self._candidates(ground.features, ground.may_enter)
            known = ground.candidates[conditions] = cells.data, taken.data
        return known

    def _candidates(self, features: Evaluator, may_enter: Mask) -> tuple[Whole, Whole]:
        """The cells on which some way is open, and the place of the first such way."""
        if not self._ground.entries or not self._ways:
            return NO_CELLS, NO_CELLS
        found = [features.cells_where(way.condition, may_enter) for way in self._ways]
        if len(found) == 1:
            return found[0], np.zeros(len(found[0]), np.int64)
        cells = np.concatenate(found)
        ways = np.repeat(np.arange(len(found)), [len(own) for own in found])
        order = np.argsort(cells, kind="stable")
        cells, ways = cells[order], ways[order]
        first = np.append(True, cells[1:] != cells[:-1])[: len(cells)]
        return cells[first], ways[first]

    def moves(self) -> list[Move]:
        moves = list(self._moves())
        entries: dict[int, list[Move]] = {}
        for move in moves:
            if move.way is not None and move.values is None:
                entries.setdefault(move.way.place, []).append(move)
        for same in entries.values():
            way, cells = same[0].way, np.array([move.row for move in same])
            listed = [] if way is None else _listed(self._ground.features, way, cells)
            for move, values in zip(same, zip(*listed, strict=True), strict=True):
                move.values = values
        rows = self._ground.row_at[[move.row for move in moves]].tolist()
        for move, row in zip(moves, rows, strict=True):
            move.row = row
        return moves

    def _moves(self) -> Iterator[Move]:
        """With cells for rows."""
        ground, limiter, seat = self._ground, self._limiter, self._seat
        stand, window = self._standing()
        here = ground.fresh_cell
        while True:
            if stand is not None:
                here = ground.ends[window]
                left = self._left_once(stand, here)
                if left is not None:
                    cell, reason = left
                    yield Move(cell, seat, None, None, reason)
                    limiter.left(ground.epochs[window], (cell + ground.slot_less_cell[window]) * 1000, reason)
                    here = cell + 1
            found = self._entry(here)
            if found is None:
                return
            cell, window, way, values = found
            yield Move(cell, seat, way, values)
            slot, side = cell + ground.slot_less_cell[window], way.side
            limiter.entered(ground.epochs[window], slot)
            price = ground.price[side].item(cell)
            r = (ground.mark[side].item(cell) - price) / price
            stand = _Stand(cell + 1, slot + 1, side, (slot * 1000, price), r)

    def _standing(self) -> tuple[_Stand | None, int]:
        """What the seat holds in the window of the first fresh row, and the place of that window."""
        ground, holding = self._ground, self._seat.holding
        cell = ground.fresh_cell
        window = ground.window(cell)
        if holding is None or cell >= ground.size:
            return None, window
        position = holding.bought
        if position.key.epoch != ground.epochs[window]:
            return None, window  # its own window was over before
        slot = cell + ground.slot_less_cell[window]
        return _Stand(cell, slot, position.side, (holding.entry_ms, holding.entry_price), holding.peak_r), window

    def _left_once(self, stand: _Stand, end: int) -> _Left:
        """``_left``, which every rule with the same exits and the same entry shares."""
        key = (stand.cell, stand.side, stand.entry_ms, stand.entry_price, stand.peak_before)
        if key not in self._endings:
            self._endings[key] = self._left(stand, end)
        return self._endings[key]

    def _left(self, stand: _Stand, end: int) -> _Left:
        """Where and why the position is sold before its window ends."""
        ground = self._ground
        for bound in self._bounds:
            if bound is None or bound.is_met(stand, ground):
                break
        else:
            return None
        cells = slice(stand.cell, end)
        if not ground.exits or not self._exits or stand.cell >= end:
            return None
        stand.r = ground.mark[stand.side][cells] - stand.entry_price
        stand.r /= stand.entry_price
        wanted = [leave(cells, stand) for leave, _ in self._exits]
        hit = wanted[0]
        for other in wanted[1:]:
            hit = hit | other
        hit = hit & ground.sellable[stand.side][cells]
        place = int(hit.argmax())
        return (stand.cell + place, self._reason(wanted, place)) if hit[place] else None

    def _reason(self, wanted: Sequence[Any], place: int) -> str:
        """That of the first exit that is true there."""
        if len(wanted) == 1:
            return self._exits[0][1]
        true = (column[place] if isinstance(column, np.ndarray) else column for column in wanted)
        return next(reason for asked, (_, reason) in zip(true, self._exits, strict=True) if asked)

    def _entry(self, here: int) -> _Found | None:
        """The first entry from ``here`` on that the limits allow."""
        if self._forgets_s and self._limiter.entry_slot is not None:
            here, found = self._young_entry(here, self._limiter.entry_slot)
            if found is not None:
                return found
        ground, cells = self._ground, self._cells
        place = bisect_left(cells, here)
        while place < len(cells):
            cell = cells[place]
            window = ground.window(cell)
            if self._limiter.is_closed(ground.epochs[window]):
                place = bisect_left(cells, ground.ends[window], place)
            elif self._is_allowed(cell, window, self._ways[self._taken[place]]):
                return cell, window, self._ways[self._taken[place]], None
            else:
                place += 1
        return None

    def _is_allowed(self, cell: int, window: int, way: Way) -> bool:
        at_ms = (cell + self._ground.slot_less_cell[window]) * 1000
        allowed = self._limiter.allows(self._ground.epochs[window], at_ms)
        return allowed and bool(self._ground.enterable[way.side][cell])

    def _young_entry(self, here: int, entry_slot: int) -> tuple[int, _Found | None]:
        """The first entry while the rule forgets what is as old as its last one, and from where on it does no more."""
        ground, margin = self._ground, self._ground.features.grid.margin
        while here < ground.size:
            window = ground.window(here)
            here = max(here, ground.starts[window])
            begun = entry_slot - ground.slot_less_cell[window]
            young = min(begun + self._forgets_s + 1, ground.ends[window])
            if here >= young:
                break
            view = ground.features.since(begun, young - begun - 1)
            nothing = np.zeros(margin + here - begun - 1, np.bool_)
            cells, taken = self._candidates(view, np.concatenate((nothing, ground.may_enter[here:young])))
            for at, place in zip(cells.tolist(), taken.tolist(), strict=True):
                way, cell = self._ways[place], at - margin + begun + 1
                if self._is_allowed(cell, window, way):
                    values = [listed[0] for listed in _listed(view, way, np.array([at]))]
                    return here, (cell, window, way, values)
            here = young
            if young < ground.ends[window]:
                break
        return here, None


def _listed(features: Evaluator, way: Way, cells: Whole) -> list[list[float | None]]:
    """Size, confidence and edge on some cells, as plain numbers: no numpy scalar reaches an event."""
    nodes = [node for node in way.branch.values if node is not None]
    known = iter(features.at(nodes, cells))
    values = (None if node is None else next(known) for node in way.branch.values)
    return [value.tolist() if isinstance(value, np.ndarray) else [value] * len(cells) for value in values]
