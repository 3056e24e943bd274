"""The column form of ``Features``: every tick of a series at once."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final

import numpy as np

from polyterm.quant import column_folds, primitives
from polyterm.quant.column_bounds import Bounds
from polyterm.quant.column_parts import Part
from polyterm.quant.columns import OPERATIONS, Column, Mask
from polyterm.quant.definitions import LEAD_MOVE, LONG_LOOKBACK_S, LOOKBACK_S
from polyterm.quant.expression import Node, looks_back
from polyterm.quant.primitives import NAN
from polyterm.quant.probability_table import expected_probability
from polyterm.quant.tick_columns import Grid, TickColumns, Whole

_FEW: Final = 6
"""Conditions are looked at cell by cell once less than one in so many cells is left."""

_BLOCK: Final = 8_192

_LABORIOUS: Final = {"deviation", "decayed_square", "range_squares", "highest", "lowest", "total", "average"}
"""Folds that are worked out only where they are asked for, when that is on few cells."""

Slice = Callable[[slice, Any], Any]
"""A value on some cells; the second argument has the values of the position there as attributes."""

_PLAIN: Final[dict[str, Callable[..., Any]]] = {
    **OPERATIONS,
    **{name: getattr(primitives, name) for name in (
        "ratio", "low", "high", "where", "log", "log1p", "exp", "erfc", "sqrt", "is_known",
    )},
    "expected_probability": expected_probability,
}  # fmt: skip


class LongColumn:
    """The known prices of the day before the first row of a series, and their slots."""

    __slots__ = ("prices", "slots")

    def __init__(self, slots: Whole, prices: Column) -> None:
        self.slots = slots
        self.prices = prices

    def before(self, slot: int) -> "LongColumn":
        """What was known before ``slot``."""
        end = np.searchsorted(self.slots, slot)
        return LongColumn(self.slots[:end], self.prices[:end])

    def then(self, slots: Whole, prices: Column) -> "LongColumn":
        """With the known ones of ``prices`` after them, and what is out of sight by then forgotten."""
        known = ~np.isnan(prices)
        slots, prices = np.append(self.slots, slots[known]), np.append(self.prices, prices[known])
        first = np.searchsorted(slots, slots[-1] - LONG_LOOKBACK_S) if len(slots) else 0
        return LongColumn(slots[first:], prices[first:])


NO_PAST: Final = LongColumn(np.zeros(0, np.int64), np.zeros(0))


class Evaluator(Bounds):
    """Values of expressions on cells. What is in ``shared`` (ids of nodes), and every look-back, is worked out once.

    Nothing here may refer back to itself: the columns of a piece must be gone when the next one comes, without a
    collector of garbage.
    """

    def __init__(self, shared: Collection[int] | None) -> None:
        super().__init__()
        self._shared = shared
        self._kept: dict[int, tuple[Node, Any]] = {}  # a node that is kept keeps its id

    @abstractmethod
    def leaf(self, node: Node) -> Any:
        """The value of what is no operation."""

    def value(self, node: Node) -> Any:
        if node.kind in {"constant", "flag"}:
            return node.args[0]
        kept = self._kept.get(id(node))
        if kept is not None:
            return kept[1]
        value = self._operation(node, map(self.value, node.args)) if node.kind == "operation" else self.leaf(node)
        if self._shared is None or id(node) in self._shared or node.kind != "operation":
            self._kept[id(node)] = node, value
        return value

    def _operation(self, node: Node, values: Any) -> Any:
        args = tuple(values)
        is_plain = not any(isinstance(arg, np.ndarray) for arg in args)
        return (_PLAIN if is_plain else OPERATIONS)[node.name](*args)

    def forget(self, ids: Collection[int]) -> None:
        super().forget(ids)
        for known in ids:
            self._kept.pop(known, None)

    def at(self, nodes: Sequence[Node], cells: Whole) -> list[Any]:
        """Values on these cells only; operations that are not kept are worked out there and nowhere else."""
        found: dict[int, Any] = {}
        return [self._at(node, cells, found) for node in nodes]

    def _at(self, node: Node, cells: Whole, found: dict[int, Any]) -> Any:
        value = found.get(id(node))
        if value is None:
            if node.kind == "operation" and id(node) not in self._kept:
                value = self._operation(node, [self._at(arg, cells, found) for arg in node.args])
            else:
                value = self._known_at(node, cells)
            found[id(node)] = value
        return value

    def _known_at(self, node: Node, cells: Whole) -> Any:
        value = self.value(node)
        return value[cells] if isinstance(value, np.ndarray) else value

    def cells_where(self, condition: Node, within: Mask) -> Whole:
        """The cells of ``within`` on which ``condition`` holds.

        Of a conjunction the cheap parts are looked at first, and once few cells are left only on those.
        """
        cells: Whole | None = None
        for part in sorted(conjunction(condition), key=attrgetter("cost")):
            if cells is not None:
                if not len(cells):
                    break
                (value,) = self.at((part,), cells)
                cells = cells[value] if isinstance(value, np.ndarray) else cells[: len(cells) * bool(value)]
                continue
            within = self._narrowed(part, within)
            if np.count_nonzero(within) * _FEW <= len(within):
                cells = within.nonzero()[0]
        return within.nonzero()[0] if cells is None else cells

    def _narrowed(self, condition: Node, within: Mask) -> Mask:
        """Where ``condition`` holds as well."""
        if id(condition) in self._kept or not self.is_slow(condition):
            narrowed: Mask = within & self.value(condition)
            return narrowed
        sure, possible = self.masks(condition)
        doubtful = (within & possible & ~sure).nonzero()[0]
        within = within & sure
        if len(doubtful):
            (value,) = self.at((condition,), doubtful)
            within[doubtful[value]] = True
        return within

    def on_slice(self, node: Node) -> Slice:
        """``node``, which may ask about a position, as a function of some cells and the position's values there."""
        if node.kind == "position":
            name = node.name
            return lambda cells, position: getattr(position, name)
        if not asks_position(node):
            value = self.value(node)
            if isinstance(value, np.ndarray):
                return lambda cells, position: value[cells]
            return lambda cells, position: value
        args = [self.on_slice(child) for child in node.args]
        operation = OPERATIONS[node.name]
        if len(args) == 2:
            first, second = args
            if node.args[1].kind == "constant":
                constant = node.args[1].args[0]
                return lambda cells, position: operation(first(cells, position), constant)
            return lambda cells, position: operation(first(cells, position), second(cells, position))
        return lambda cells, position: operation(*(arg(cells, position) for arg in args))


def asks_position(node: Node, name: str | None = None) -> bool:
    """Whether the value of ``node`` depends on a position, or on what is called ``name`` of it."""
    if node.kind == "position":
        return name is None or node.name == name
    return any(asks_position(child, name) for child in node.children)


def conjunction(condition: Node) -> list[Node]:
    """The conditions of a conjunction."""
    if condition.kind == "operation" and condition.name == "&":
        return [part for child in condition.args for part in conjunction(child)]
    return [condition]


class ColumnFeatures(Evaluator):
    """Values lie on the cells of ``grid``: one per market second of every window, with missing ones between.

    ``numbers`` are the places of the ticks among all inputs. ``past`` is what ``long_return`` remembers. ``lead`` are
    btc's features on the same horizon, None if there are none; ``lead_starts`` the places at which btc's windows
    began; ``leads`` says that this is btc itself. No
    look-back may be longer than ``margin`` seconds.
    """

    def __init__(
        self,
        ticks: TickColumns,
        numbers: Whole,
        *,
        past: LongColumn = NO_PAST,
        leads: bool = False,
        lead: "ColumnFeatures | None" = None,
        lead_starts: Whole | None = None,
        shared: Collection[int] | None = None,
        margin: int = LOOKBACK_S,
    ) -> None:
        super().__init__(shared)
        self.ticks = ticks
        self.numbers = numbers
        self.grid = Grid(ticks.slot, ticks.epoch, margin)
        self._past = past
        self._oldest_kept: dict[int, tuple[Column, Column]] = {}
        self._parts: dict[int, Part] = {}
        self._leads = leads
        self._lead = lead
        self._lead_starts = lead_starts

    def leaf(self, node: Node) -> Any:
        if node.kind == "source":
            return self.grid.spread(self.ticks.source(node.name))
        if node.kind == "record":
            return self._record(node)
        if node.kind == "lead":
            return self.value(LEAD_MOVE) if self._leads else self._lead_move()
        series, *numbers = node.args
        if node.name in {"oldest_value", "oldest_age"}:
            return self._oldest(series, numbers[0])[node.name == "oldest_age"]
        if any(isinstance(number, Node) for number in numbers):
            return getattr(column_folds, node.name)(self.value(series), *map(self.value, numbers))
        return _in_blocks(node, self.value(series))

    def forget(self, ids: Collection[int]) -> None:
        super().forget(ids)
        for known in ids:
            self._parts.pop(known, None)

    def _known_at(self, node: Node, cells: Whole) -> Any:
        if node.kind == "fold" and node.name in _LABORIOUS and id(node) not in self._kept and len(cells):
            part = self._parts.get(id(node))
            if part is None:
                work = partial(_folded, node)
                part = self._parts[id(node)] = Part(work, self.value(node.args[0]), looks_back(node))
            values = part.at(cells)
            if values is not None:
                return values
            del self._parts[id(node)]
        return super()._known_at(node, cells)

    def _record(self, node: Node) -> Column:
        expression, kept = node.args
        column: Column = self.value(expression).copy()
        column[self.grid.empty] = NAN
        if kept:
            self.grid.keep(column, kept)
        return column

    def _lead_move(self) -> Column:
        """btc's move as it stood when each tick came; missing unless btc was observed in that second."""
        lead = self._lead
        if lead is None or not len(lead.numbers):
            return np.full(self.grid.size, NAN)
        move: Column = lead.value(LEAD_MOVE)
        row = np.searchsorted(lead.numbers, self.numbers) - 1
        seen = row >= 0
        row[~seen] = 0
        seen &= lead.ticks.slot[row] == self.ticks.slot
        if self._lead_starts is not None and len(self._lead_starts):
            start = np.searchsorted(self._lead_starts, self.numbers) - 1
            seen &= (start < 0) | (self._lead_starts[start] < lead.numbers[row])
        return self.grid.spread(np.where(seen, move[lead.grid.cell[row]], NAN))

    def _oldest(self, series: Node, lookback_s: int) -> tuple[Column, Column]:
        """The oldest price that is at most so old, and its age."""
        kept = self._oldest_kept.get(lookback_s)
        if kept is not None:
            return kept
        prices = self.value(series)[self.grid.cell]
        known = ~np.isnan(prices)
        slot = self.ticks.slot
        all_slots = np.append(self._past.slots, slot[known])
        all_prices = np.append(self._past.prices, prices[known])
        place = np.searchsorted(all_slots, slot - lookback_s)
        found = place < len(self._past.slots) + np.cumsum(known)
        place[~found] = 0
        values = all_prices[place] if len(all_prices) else np.full(len(slot), NAN)
        ages = (slot - all_slots[place]).astype(np.float64) if len(all_slots) else values
        value, age = (self.grid.spread(np.where(found, column, NAN)) for column in (values, ages))
        self._oldest_kept[lookback_s] = value, age
        return value, age

    def since(self, cell: int, cells: int) -> Evaluator:
        """The next ``cells`` cells, with look-backs that begin after ``cell``: their place there is ``grid.margin``."""
        return _Young(self, cell, cells)


class _Young(Evaluator):
    """A few cells of ``whole``, with nothing before them."""

    def __init__(self, whole: ColumnFeatures, cell: int, cells: int) -> None:
        super().__init__(None)
        self._whole = whole
        self._cells = slice(cell + 1, cell + 1 + cells)
        self._nothing = np.full(whole.grid.margin, NAN)

    def leaf(self, node: Node) -> Any:
        if node.kind != "fold" or node.name in {"oldest_value", "oldest_age"}:
            return np.concatenate((self._nothing, self._whole.value(node)[self._cells]))
        series, *numbers = node.args
        if node.name == "total" and numbers[0] >= self._cells.stop - self._cells.start:
            return column_folds.total_so_far(self.value(series))
        args = (self.value(number) if isinstance(number, Node) else number for number in numbers)
        return getattr(column_folds, node.name)(self.value(series), *args)


def _folded(fold: Node, x: Column) -> Column:
    _, *numbers = fold.args
    column: Column = getattr(column_folds, fold.name)(x, *numbers)
    return column


def _in_blocks(fold: Node, x: Column) -> Column:
    """A fold of a long column, a processor's cache full at a time."""
    before = looks_back(fold)
    if len(x) <= 2 * _BLOCK or before == 0:
        return _folded(fold, x)
    result = np.empty(len(x))
    for first in range(0, len(x), _BLOCK):
        warm = min(first, before)
        result[first : first + _BLOCK] = _folded(fold, x[first - warm : first + _BLOCK])[warm:]
    return result
