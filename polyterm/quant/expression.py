"""Features and rules as expressions: written once, evaluated by a scalar and by a column back end.

An expression is a node of a graph in which equal nodes are one object, so that what several rules ask for is seen to be
the same and is worked out once. ``scalar`` turns nodes into Python functions of the newest tick, ``column_features``
into numpy columns over a recording; both take the meaning of an operation from the pairs in ``primitives`` and
``folds``.
"""

from typing import Any, Final, Literal
from weakref import WeakValueDictionary

Kind = Literal["source", "position", "constant", "flag", "record", "fold", "lead", "operation"]

COMPARISONS: Final = frozenset(("<", "<=", ">", ">=", "==", "!="))
LONGEST_ELAPSED_S: Final = 63

# In units of a comparison; only their order of magnitude matters.
_COSTS: Final = {
    "log": 40, "log1p": 40, "exp": 40, "erfc": 40, "sqrt": 4, "ratio": 4, "expected_probability": 40, "where": 3,
    "low": 2, "high": 2,
}  # fmt: skip
_FOLD_COST: Final = 8
_LEAF_COST: Final = 0.1


class Node:
    """One value, as an operation on others.

    ``name`` is the operation, or the name of a source; ``args`` are nodes, or the plain numbers of a fold. Comparing
    nodes gives a node: they have no truth of their own. ``cost`` is what working it out for a whole column takes, in
    units of a comparison, recorded series being there already.
    """

    __slots__ = ("__weakref__", "args", "cost", "kind", "name")

    def __init__(self, kind: Kind, name: str, args: tuple[Any, ...]) -> None:
        self.kind = kind
        self.name = name
        self.args = args
        self.cost: float = _FOLD_COST if kind == "fold" else _LEAF_COST
        if kind == "operation":
            self.cost = _COSTS.get(name, 1) + sum(child.cost for child in args)

    def __add__(self, other: Any) -> "Node":
        return operation("+", self, other)

    def __radd__(self, other: Any) -> "Node":
        return operation("+", other, self)

    def __sub__(self, other: Any) -> "Node":
        return operation("-", self, other)

    def __rsub__(self, other: Any) -> "Node":
        return operation("-", other, self)

    def __mul__(self, other: Any) -> "Node":
        return operation("*", self, other)

    def __rmul__(self, other: Any) -> "Node":
        return operation("*", other, self)

    def __neg__(self) -> "Node":
        return operation("neg", self)

    def __abs__(self) -> "Node":
        return operation("abs", self)

    def __lt__(self, other: Any) -> "Node":
        return operation("<", self, other)

    def __le__(self, other: Any) -> "Node":
        return operation("<=", self, other)

    def __gt__(self, other: Any) -> "Node":
        return operation(">", self, other)

    def __ge__(self, other: Any) -> "Node":
        return operation(">=", self, other)

    def __eq__(self, other: object) -> Any:
        return operation("==", self, other)

    def __ne__(self, other: object) -> Any:
        return operation("!=", self, other)

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> "Node":
        return _both(self, node(other))

    def __rand__(self, other: Any) -> "Node":
        return _both(node(other), self)

    def __or__(self, other: Any) -> "Node":
        return _either(self, node(other))

    def __ror__(self, other: Any) -> "Node":
        return _either(node(other), self)

    def __bool__(self) -> bool:
        raise TypeError("an expression has no truth of its own: use & and |, f.where and f.not_")

    @property
    def children(self) -> tuple["Node", ...]:
        return tuple(arg for arg in self.args if isinstance(arg, Node))

    def is_constant(self, value: object) -> bool:
        return self.kind in {"constant", "flag"} and self.args[0] is value


_known_nodes: Final[WeakValueDictionary[tuple[object, ...], Node]] = WeakValueDictionary()


def _intern(kind: Kind, name: str, args: tuple[Any, ...]) -> Node:
    # The key need not keep the arguments alive: while the node lives they do, and it leaves with them.
    key = (kind, name, *(id(arg) if isinstance(arg, Node) else repr(arg) for arg in args))
    found = _known_nodes.get(key)
    if found is None:
        found = _known_nodes[key] = Node(kind, name, args)
    return found


def source(name: str) -> Node:
    """A value that is read from the tick."""
    return _intern("source", name, ())


def position(name: str) -> Node:
    """A value of the open position that a rule decides about."""
    return _intern("position", name, ())


def node(value: Any) -> Node:
    """``value``, a plain number or flag made a node."""
    if isinstance(value, Node):
        return value
    if isinstance(value, bool):
        return _intern("flag", "flag", (value,))
    return _intern("constant", "constant", (float(value),))


def record(name: str, value: Any, kept: int = 0) -> Node:
    """A series of ``value`` that can be looked back on. ``kept``: how many seconds of it outlive their window."""
    return _intern("record", name, (node(value), kept))


def fold(name: str, series: Node, *numbers: Any) -> Node:
    """A look back on a recorded series: one of ``folds``."""
    return _intern("fold", name, (series, *numbers))


def lead(value: Node) -> Node:
    """``value`` on the series of btc, in this very second."""
    return _intern("lead", "lead", (value,))


def operation(name: str, *args: Any) -> Node:
    """An operation of ``primitives`` or one of Python's own."""
    return _intern("operation", name, tuple(node(arg) for arg in args))


def _both(one: Node, other: Node) -> Node:
    if one.kind == "flag":
        return other if one.args[0] else one
    if other.kind == "flag":
        return one if other.args[0] else other
    return _intern("operation", "&", (one, other))


def _either(one: Node, other: Node) -> Node:
    if one.kind == "flag":
        return one if one.args[0] else other
    if other.kind == "flag":
        return other if other.args[0] else one
    return _intern("operation", "|", (one, other))


def reach(value: Node) -> int:
    """How many seconds before the newest one a value can look back on recorded series."""
    furthest, waiting, seen = 0, [value], set[int]()
    while waiting:
        here = waiting.pop()
        if id(here) in seen or here.kind == "record":
            continue
        seen.add(id(here))
        waiting += here.children
        if here.kind == "fold":
            furthest = max(furthest, looks_back(here))
    return furthest


def looks_back(value: Node) -> int:
    """How many seconds before the newest one a fold itself looks back."""
    numbers = value.args[1:]
    if value.name == "lag":
        return int(numbers[0])
    if value.name in {"oldest_value", "oldest_age"}:
        return 0  # these look into the long history, which no window limits
    if value.name == "first_known":
        return int(max(numbers[0]))
    if value.name == "elapsed_mean":
        return LONGEST_ELAPSED_S
    if value.name in {"range_squares", "whole_bars"}:
        return int(numbers[0]) * int(numbers[1]) - 1
    return int(numbers[0]) - 1
