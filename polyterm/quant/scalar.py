"""Expressions as plain Python functions of the newest tick.

A node that is used more than once becomes a function of its own whose answer is kept for the tick; it is worked out
only when it is asked for. Of a conjunction the cheap conditions are looked at first. Neither can be seen in the
results, as no operation has an effect or raises.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from polyterm.quant import folds, primitives
from polyterm.quant.definitions import RECORDS
from polyterm.quant.expression import COMPARISONS, Node
from polyterm.quant.probability_table import expected_probability

_INFIX: Final = COMPARISONS | {"+", "-", "*"}
_TEMPLATES: Final = {
    **{name: f"({{0}} {name} {{1}})" for name in _INFIX},
    "where": "({1} if {0} else {2})",
    "neg": "(-{0})",
    "not_": "(not {0})",
}
_FUNCTIONS: Final = ("ratio", "low", "high", "log", "log1p", "exp", "erfc", "sqrt", "is_known")
_FOLDS: Final = (
    "count", "total", "average", "deviation", "decayed_square", "highest", "lowest", "first_known", "elapsed_mean",
    "range_squares", "whole_bars",
)  # fmt: skip
_NAMES: Final[dict[str, Any]] = {
    "nan": primitives.NAN,
    "inf": float("inf"),
    "expected_probability": expected_probability,
    **{name: getattr(primitives, name) for name in _FUNCTIONS},
    **{name: getattr(folds, name) for name in _FOLDS},
}

# In units of a comparison; only their order of magnitude matters.
_FUNCTION_COST: Final = 4
_TABLE_COST: Final = 20
_FOLD_COST: Final = 60
_KEPT_COST: Final = 2
_WORTH_KEEPING: Final = 6

PLACES: Final = {id(series): place for place, series in enumerate(RECORDS)}


class Program:
    """Functions of a ``TickFeatures`` that share what they ask for.

    ``roots`` are all nodes that the functions will be written of, as often as they occur in them. ``kept`` is how many
    answers are remembered for a tick: ``TickFeatures.answers`` must be a list of that many None at its start. Without
    ``keeps`` there are none.
    """

    def __init__(self, roots: Iterable[Node], *, keeps: bool = True) -> None:
        self._keeps = keeps
        self._uses: Counter[int] = Counter()
        self._costs: dict[int, float] = {}
        self._places: dict[int, int] = {}
        self._of_position: dict[int, bool] = {}
        self._parts: list[str] = []
        self._heads: dict[str, str] = {}
        self._roots = tuple(roots)  # keeps every node alive, so that their ids stay theirs
        for root in self._roots:
            self._count(root)

    @property
    def kept(self) -> int:
        return len(self._places)

    def _count(self, node: Node) -> None:
        self._uses[id(node)] += 1
        if self._uses[id(node)] == 1 and node.kind not in {"record", "lead"}:
            for child in node.children:
                self._count(child)

    def define(self, name: str, arguments: Sequence[str], body: Callable[[], Sequence[str]]) -> None:
        """Add the function ``name(f, *arguments)``; ``body`` gives its lines and may call ``text``."""
        outer, self._heads = self._heads, {}
        lines = [f"def {name}({', '.join(('f', *arguments))}):"]
        written = body()
        lines += [f"    {head} = {value}" for head, value in self._heads.items()]
        lines += [f"    {line}" for line in written]
        self._parts.append("\n".join(lines))
        self._heads = outer

    def compiled(self) -> dict[str, Callable[..., Any]]:
        """The functions by name."""
        names = dict(_NAMES)
        exec(compile("\n\n".join(self._parts), "<rules>", "exec"), names)  # noqa: S102 - our own text, of nodes only
        return names

    def appending(self, series: Node) -> str:
        """The line that adds the newest value to the history of ``series``."""
        return f"{self._history(series)}.append({self.text(series.args[0])})"

    def text(self, node: Node) -> str:
        """An expression for ``node`` in the function that is being defined."""
        place = self._place(node)
        if place is None:
            return self._plain(node)
        self._head("kept", "f.answers")
        return f"(k{place}(f) if (x := kept[{place}]) is None else x)"

    def _place(self, node: Node) -> int | None:
        """Where the answer of a node is kept; None for one that is worked out on the spot."""
        place = self._places.get(id(node))
        if place is None:
            if not self._is_kept(node):
                return None
            place = self._places[id(node)] = len(self._places)
            self.define(f"k{place}", (), lambda: self._keeping(node, place))
        return place

    def _is_kept(self, node: Node) -> bool:
        if not self._keeps or self._uses[id(node)] < 2 or self._own_cost(node) < _WORTH_KEEPING:
            return False
        return not self._depends_on_position(node)

    def _keeping(self, node: Node, place: int) -> list[str]:
        text = self._plain(node)
        self._head("kept", "f.answers")
        return [f"kept[{place}] = x = {text}", "return x"]

    def _depends_on_position(self, node: Node) -> bool:
        found = self._of_position.get(id(node))
        if found is None:
            found = node.kind == "position" or any(self._depends_on_position(child) for child in node.children)
            self._of_position[id(node)] = found
        return found

    def _head(self, name: str, value: str) -> str:
        self._heads[name] = value
        return name

    def _history(self, series: Node) -> str:
        return self._head(f"h_{series.name}", f"f.histories[{PLACES[id(series)]}]")

    def _plain(self, node: Node) -> str:
        match node.kind:
            case "constant" | "flag":
                text = f"({node.args[0]!r})"
            case "position":
                text = node.name
            case "source":
                text = self._head(node.name, f"f.{node.name}")
            case "record":
                text = f"{self._history(node)}[-1]"
            case "lead":
                text = "f.lead_move()"
            case "fold":
                text = self._fold(node)
            case "operation":
                text = self._operation(node)
        return text

    def _fold(self, node: Node) -> str:
        series, *numbers = node.args
        if node.name == "lag":
            return f"{self._history(series)}[-{numbers[0] + 1}]"
        arguments = ", ".join(self.text(number) if isinstance(number, Node) else repr(number) for number in numbers)
        if node.name in {"oldest_value", "oldest_age"}:
            return f"f.{node.name}({arguments})"
        return f"{node.name}({self._history(series)}, {arguments})"

    def _operation(self, node: Node) -> str:
        if node.name in {"&", "|"}:
            return self._condition(node)
        args = [self.text(child) for child in node.args]
        if node.name == "ratio" and node.args[1].kind == "constant" and node.args[1].args[0] != 0:
            return f"({args[0]} / {args[1]})"
        template = _TEMPLATES.get(node.name)
        return f"{node.name}({', '.join(args)})" if template is None else template.format(*args)

    def _condition(self, node: Node) -> str:
        parts = sorted(self._flat(node, node.name), key=self._cost)
        word = " and " if node.name == "&" else " or "
        return f"({word.join(self.text(part) for part in parts)})"

    def _flat(self, node: Node, name: str) -> list[Node]:
        """The conditions of a chain of the same word; one that is kept is not taken apart."""
        parts: list[Node] = []
        for child in node.args:
            if child.kind == "operation" and child.name == name and self._place(child) is None:
                parts += self._flat(child, name)
            else:
                parts.append(child)
        return parts

    def _cost(self, node: Node) -> float:
        """What asking for a node costs, shared among those who ask."""
        found = self._costs.get(id(node))
        if found is None:
            own = self._own_cost(node)
            found = self._costs[id(node)] = own if own < _WORTH_KEEPING else own / self._uses[id(node)] + _KEPT_COST
        return found

    def _own_cost(self, node: Node) -> float:
        if node.kind == "fold" and node.name != "lag":
            return _FOLD_COST
        if node.kind != "operation":
            return _FUNCTION_COST if node.kind == "lead" else 0.5
        own = 1 if node.name in _INFIX or node.name in {"&", "|", "neg", "not_", "where", "abs"} else _FUNCTION_COST
        own = _TABLE_COST if node.name == "expected_probability" else own
        return own + sum(self._cost(child) for child in node.args)
