"""Where a condition holds, told from bounds: what is slow is worked out exactly only on the few cells in doubt.

The complementary error function is ``math``'s, row by row. An approximation that is never further from it than
``ERFC_ERROR`` takes an eighth of the time, and rounding never swaps two numbers, so that bounds stay bounds through
sums, differences and the like.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any, Final

import numpy as np

from polyterm.quant.columns import OPERATIONS, Column
from polyterm.quant.expression import Node

ERFC_ERROR: Final = 1e-6

# M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions" (1964), 7.1.26: within 1.5e-7 for x >= 0.
_P: Final = 0.3275911
_A: Final = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)

_BLOCK: Final = 8_192

Pair = tuple[Any, Any]
"""Columns, or plain numbers: what is not above the value, and what is not below it. Both are nan where it is."""


def near_erfc(x: Column) -> Column:
    """erfc, at most ``ERFC_ERROR`` off; nan where ``x`` is."""
    result = np.empty(len(x))
    for first in range(0, len(x), _BLOCK):
        part = x[first : first + _BLOCK]
        size = np.abs(part)
        t = 1 / (1 + _P * size)
        series = _A[0] * t
        for factor in _A[1:]:
            series += factor
            series *= t
        series *= np.exp(-size * size)
        result[first : first + _BLOCK] = np.where(part < 0, 2 - series, series)
    return result


class Bounds(ABC):
    """Of expressions on the cells of ``value``, which gives them exactly."""

    def __init__(self) -> None:
        self._pairs: dict[int, tuple[Node, Pair]] = {}  # a node that is kept keeps its id
        self._slow: dict[int, tuple[Node, bool]] = {}

    @abstractmethod
    def value(self, node: Node) -> Any:
        """A column, or a plain number or flag where no cell matters."""

    def forget(self, ids: Collection[int]) -> None:
        """Give back the room of nodes that nobody will ask for again."""
        for known in ids:
            self._pairs.pop(known, None)

    def is_slow(self, node: Node) -> bool:
        """Whether ``node`` takes an error function to be worked out."""
        known = self._slow.get(id(node))
        if known is None:
            slow = node.kind == "operation" and (node.name == "erfc" or any(map(self.is_slow, node.children)))
            known = self._slow[id(node)] = node, slow
        return known[1]

    def masks(self, condition: Node) -> Pair:
        """Where ``condition`` must hold and where it may; the few cells in between have to be worked out."""
        if self.is_slow(condition):
            work, args = OPERATIONS[condition.name], condition.args
            match condition.name:
                case "&" | "|":
                    one, other = map(self.masks, args)
                    return work(one[0], other[0]), work(one[1], other[1])
                case ">" | ">=":
                    (least, most), (other_least, other_most) = map(self.pair, args)
                    return work(least, other_most), work(most, other_least)
                case "<" | "<=":
                    (least, most), (other_least, other_most) = map(self.pair, args)
                    return work(most, other_least), work(least, other_most)
        mask = self.value(condition)
        return mask, mask

    def pair(self, node: Node) -> Pair:
        known = self._pairs.get(id(node))
        if known is not None:
            return known[1]
        pair = self._worked_out(node) if self.is_slow(node) else None
        if pair is None:
            value = self.value(node)
            return value, value
        self._pairs[id(node)] = node, pair
        return pair

    def _worked_out(self, node: Node) -> Pair | None:
        """None for what the bounds of its arguments say nothing about."""
        pair: Pair | None = None
        match node.name, node.args:
            case "erfc", (x,):
                pair = _around(self.value(x))
            case "where", (condition, then, otherwise) if not self.is_slow(condition):
                pair = _chosen(self.value(condition), self.pair(then), self.pair(otherwise))
            case "neg", (value,):
                least, most = self.pair(value)
                pair = -most, -least
            case "+" | "low" | "high" as name, (one, other):
                (least, most), (other_least, other_most) = self.pair(one), self.pair(other)
                pair = OPERATIONS[name](least, other_least), OPERATIONS[name](most, other_most)
            case "-", (one, other):
                (least, most), (other_least, other_most) = self.pair(one), self.pair(other)
                pair = least - other_most, most - other_least
            case "*", (Node(kind="constant") as number, value) | (value, Node(kind="constant") as number):
                pair = _times(self.pair(value), number.args[0])
        return pair


def _around(x: Any) -> Pair | None:
    if not isinstance(x, np.ndarray):
        return None
    near = near_erfc(x)
    return near - ERFC_ERROR, near + ERFC_ERROR


def _chosen(condition: Any, then: Pair, otherwise: Pair) -> Pair:
    return np.where(condition, then[0], otherwise[0]), np.where(condition, then[1], otherwise[1])


def _times(pair: Pair, number: float) -> Pair:
    least, most = pair
    return (least * number, most * number) if number >= 0 else (most * number, least * number)
