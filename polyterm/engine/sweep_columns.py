"""Conditions of many variants over the same rows. What two variants ask alike is worked out once."""

import operator
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from polyterm.quant import columns
from polyterm.quant.columns import Column, Mask, mapped
from polyterm.quant.expression import Node
from polyterm.quant.probability_table import expected_probability

KEPT_BYTES: Final = 256 * 2**20

_OPERATIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "neg": operator.neg,
    "abs": operator.abs,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "&": operator.and_,
    "|": operator.or_,
    "not_": np.logical_not,
    "ratio": columns.ratio,
    "low": columns.low,
    "high": columns.high,
    "where": columns.where,
    "log": columns.log,
    "log1p": columns.log1p,
    "exp": columns.exp,
    "erfc": columns.erfc,
    "sqrt": columns.sqrt,
    "is_known": columns.is_known,
    "expected_probability": lambda remaining, distance: mapped(expected_probability, remaining, distance),
}

Slice = Callable[[slice, Any], Any]
"""A value on some rows; the second argument has the values of the position there as attributes."""


class Conditions:
    """Values of expressions on every row. ``leaf`` gives those that are no operation on others.

    The newest ``kept_bytes`` of them are kept: thresholds of one variant are the thresholds of many others.
    """

    def __init__(self, rows: int, leaf: Callable[[Node], Column], kept_bytes: int = KEPT_BYTES) -> None:
        self._rows = rows
        self._leaf = leaf
        self._most = kept_bytes
        self._bytes = 0
        self._kept: OrderedDict[int, tuple[Node, Any]] = OrderedDict()  # a node that is kept keeps its id

    def mask(self, node: Node) -> Mask:
        value = self.value(node)
        return value if isinstance(value, np.ndarray) else np.full(self._rows, bool(value))

    def value(self, node: Node) -> Any:
        """A column, or a plain number or flag where no row matters."""
        if node.kind in {"constant", "flag"}:
            return node.args[0]
        found = self._kept.get(id(node))
        if found is not None:
            self._kept.move_to_end(id(node))
            return found[1]
        is_operation = node.kind == "operation"
        value = _OPERATIONS[node.name](*map(self.value, node.args)) if is_operation else self._leaf(node)
        self._keep(node, value)
        return value

    def _keep(self, node: Node, value: Any) -> None:
        self._kept[id(node)] = (node, value)
        self._bytes += getattr(value, "nbytes", 0)
        while self._bytes > self._most:
            _, (_, oldest) = self._kept.popitem(last=False)
            self._bytes -= getattr(oldest, "nbytes", 0)

    def on_slice(self, node: Node) -> Slice:
        """``node``, which may ask about a position, as a function of some rows and the position's values there."""
        if node.kind == "position":
            name = node.name
            return lambda rows, position: getattr(position, name)
        if not _asks_position(node):
            value = self.value(node)
            return (
                (lambda rows, position: value[rows]) if isinstance(value, np.ndarray) else lambda rows, position: value
            )
        operation = _OPERATIONS[node.name]
        args = [self.on_slice(child) for child in node.args]
        if len(args) == 2:
            first, second = args
            return lambda rows, position: operation(first(rows, position), second(rows, position))
        return lambda rows, position: operation(*(arg(rows, position) for arg in args))


def _asks_position(node: Node) -> bool:
    return node.kind == "position" or any(map(_asks_position, node.children))


def leaves(node: Node) -> set[Node]:
    """Everything that ``node`` is made of and that is neither an operation nor a plain number."""
    if node.kind == "operation":
        return set().union(*(leaves(child) for child in node.children))
    return set() if node.kind in {"constant", "flag", "position"} else {node}
