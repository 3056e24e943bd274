"""Conditions of many variants over the same rows. What two variants ask alike is worked out once."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from polyterm.quant.column_features import Evaluator
from polyterm.quant.columns import Column, Mask
from polyterm.quant.expression import Node

KEPT_BYTES: Final = 256 * 2**20


class Conditions(Evaluator):
    """Values of expressions on every row. ``leaf`` gives those that are no operation on others.

    The newest ``kept_bytes`` of them are kept: thresholds of one variant are the thresholds of many others.
    """

    def __init__(self, rows: int, leaf: Callable[[Node], Column], kept_bytes: int = KEPT_BYTES) -> None:
        super().__init__(None)
        self._rows = rows
        self._row_leaf = leaf
        self._most = kept_bytes
        self._bytes = 0
        self._newest: OrderedDict[int, tuple[Node, Any]] = OrderedDict()  # a node that is kept keeps its id

    def leaf(self, node: Node) -> Column:
        return self._row_leaf(node)

    def mask(self, node: Node) -> Mask:
        value = self.value(node)
        return value if isinstance(value, np.ndarray) else np.full(self._rows, bool(value))

    def value(self, node: Node) -> Any:
        """A column, or a plain number or flag where no row matters."""
        if node.kind in {"constant", "flag"}:
            return node.args[0]
        found = self._newest.get(id(node))
        if found is not None:
            self._newest.move_to_end(id(node))
            return found[1]
        is_operation = node.kind == "operation"
        value = self._operation(node, map(self.value, node.args)) if is_operation else self.leaf(node)
        self._keep(node, value)
        return value

    def _keep(self, node: Node, value: Any) -> None:
        self._newest[id(node)] = (node, value)
        self._bytes += getattr(value, "nbytes", 0)
        while self._bytes > self._most:
            _, (_, oldest) = self._newest.popitem(last=False)
            self._bytes -= getattr(oldest, "nbytes", 0)
