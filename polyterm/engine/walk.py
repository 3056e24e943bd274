"""What one rule does in one series, found on columns: from candidate to candidate, without what lies between."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from polyterm.core.signal import Signal
from polyterm.engine.books import Seat
from polyterm.engine.ground import Ground
from polyterm.engine.leaving import Exits, Stand
from polyterm.engine.moves import Move
from polyterm.engine.playbook import Way, buy, ways_of
from polyterm.quant.column_features import Evaluator
from polyterm.quant.columns import Mask
from polyterm.quant.tick_columns import Whole
from polyterm.strategies.traced import TracedRule

_Found = tuple[int, int, Way, Signal | None]
"""An entry: its cell, the place of its window, its way, and its signal where that is known already."""


Candidates = tuple[Sequence[int], Sequence[int]]
"""The cells on which some way is open, and the place of the first such way; few of them are ever read."""

NO_CELLS: Final = np.zeros(0, np.int64)


class Findings:
    """What one rule of a series has found out for others with the same conditions."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._exits: dict[tuple[tuple[int, str], ...], Exits] = {}
        self.candidates: dict[tuple[int, ...], Candidates] = {}

    def exits(self, rule: TracedRule) -> Exits:
        asked = [(leave, reason) for leave, reason in rule.exits if not leave.is_constant(False)]
        key = tuple((id(leave), reason) for leave, reason in asked)
        found = self._exits.get(key)
        if found is None:
            found = self._exits[key] = Exits(self._ground, asked)
        return found


class Walk:
    """The moves of the rule at ``seat``, in their order."""

    def __init__(self, ground: Ground, seat: Seat, rule: TracedRule, found: Findings) -> None:
        self._ground = ground
        self._seat = seat
        self._forgets_s = rule.forgets_s
        self.limiter = seat.limiter.copy()
        self._ways = ways_of(seat.place, rule)
        self._exits = found.exits(rule)
        self._cells, self._taken = self._all_candidates(found.candidates)

    def _all_candidates(self, found: dict[tuple[int, ...], Candidates]) -> Candidates:
        ground = self._ground
        conditions = tuple(id(way.condition) for way in self._ways)
        known = found.get(conditions)
        if known is None:
            cells, taken = self._candidates(ground.features, ground.may_enter)
            known = found[conditions] = cells.data, taken.data
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
            if move.way is not None and move.signal is None:
                entries.setdefault(self._ways.index(move.way), []).append(move)
        for place, same in entries.items():
            way, cells = self._ways[place], np.array([move.row for move in same])
            for move, signal in zip(same, _signals(self._ground.features, way, cells), strict=True):
                move.signal = signal
        rows = self._ground.row_at[[move.row for move in moves]].tolist()
        for move, row in zip(moves, rows, strict=True):
            move.row = row
        return moves

    def _moves(self) -> Iterator[Move]:
        """With cells for rows."""
        ground, limiter, seat = self._ground, self.limiter, self._seat
        stand, window = self._standing()
        here = ground.fresh_cell
        while True:
            if stand is not None:
                here = ground.ends[window]
                left = self._exits.left(stand, here)
                if left is not None:
                    cell, reason = left
                    yield Move(cell, seat, stand.side, reason=reason)
                    limiter.left(ground.epochs[window], (cell + ground.slot_less_cell[window]) * 1000, reason)
                    here = cell + 1
            found = self._entry(here)
            if found is None:
                return
            cell, window, way, signal = found
            slot, side = cell + ground.slot_less_cell[window], way.side
            yield Move(cell, seat, side, way, signal)
            limiter.entered(ground.epochs[window], slot)
            price = ground.price[side].item(cell)
            r = (ground.mark[side].item(cell) - price) / price
            stand = Stand(cell + 1, slot + 1, side, (slot * 1000, price), r)

    def _standing(self) -> tuple[Stand | None, int]:
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
        return Stand(cell, slot, position.side, (holding.entry_ms, holding.entry_price), holding.peak_r), window

    def _entry(self, here: int) -> _Found | None:
        """The first entry from ``here`` on that the limits allow."""
        if self._forgets_s and self.limiter.entry_slot is not None:
            here, found = self._young_entry(here, self.limiter.entry_slot)
            if found is not None:
                return found
        ground, cells = self._ground, self._cells
        place = bisect_left(cells, here)
        while place < len(cells):
            cell = cells[place]
            window = ground.window(cell)
            if self.limiter.is_closed(ground.epochs[window]):
                place = bisect_left(cells, ground.ends[window], place)
            elif self._is_allowed(cell, window, self._ways[self._taken[place]]):
                return cell, window, self._ways[self._taken[place]], None
            else:
                place += 1
        return None

    def _is_allowed(self, cell: int, window: int, way: Way) -> bool:
        at_ms = (cell + self._ground.slot_less_cell[window]) * 1000
        allowed = self.limiter.allows(self._ground.epochs[window], at_ms)
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
                    return here, (cell, window, way, _signals(view, way, np.array([at]))[0])
            here = young
            if young < ground.ends[window]:
                break
        return here, None


def _signals(features: Evaluator, way: Way, cells: Whole) -> list[Signal]:
    """Entries on some cells, in plain numbers: no numpy scalar reaches an event."""
    nodes = [node for node in way.branch.values if node is not None]
    known = iter(features.at(nodes, cells))
    values = (None if node is None else next(known) for node in way.branch.values)
    listed = [value.tolist() if isinstance(value, np.ndarray) else [value] * len(cells) for value in values]
    return [buy(way, own) for own in zip(*listed, strict=True)]
