"""What would close a position before it expires, in words: the exits of its rule as prices of its side and times."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from polyterm.core.position import Position
from polyterm.quant.expression import Node
from polyterm.quant.primitives import NAN, high, low
from polyterm.strategies.traced import TracedRule

LOWEST: Final = 0.01
HIGHEST: Final = 0.99
"""Marks beyond these are not traded on, so an exit there never comes."""

_ARITHMETIC: Final[Mapping[str, Callable[..., float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "neg": operator.neg,
    "low": low,
    "high": high,
}


def closing_words(rule: TracedRule | None, position: Position) -> str:
    """An exit that asks for more than the mark, its peak and the time is told by its reason."""
    if rule is None:
        return "its own judgement"
    words = dict.fromkeys(_exit(leave, reason, position) for leave, reason in rule.exits)
    return ", ".join(filter(None, words)) or "expiry only"


def _exit(leave: Node, reason: str, position: Position) -> str:
    parts = [_Part(part, position) for part in _conjunction(leave)]
    if any(part.bound != part.bound for part in parts):
        return reason.replace("_", " ")
    arming = next((part for part in parts if part.asks("peak_r", ">")), None)
    if arming is not None and position.peak_r < arming.bound:
        return f"trails from {arming.price:.2f}"
    words = [part.words("trail" if arming is not None else "stop") for part in parts]
    return "" if None in words else " ".join(filter(None, words))


class _Part:
    """One comparison of an exit. ``bound`` is nan when it is no comparison of what is known of a position."""

    def __init__(self, part: Node, position: Position) -> None:
        self.left, self.bound = "", NAN
        self.sign = part.name[0]
        self._entry = position.entry_price
        if part.kind == "operation" and self.sign in "<>" and part.args[0].kind in {"position", "source"}:
            self.left = part.args[0].name
            self.bound = _value(part.args[1], position)

    def asks(self, left: str, sign: str) -> bool:
        return (self.left, self.sign) == (left, sign)

    @property
    def price(self) -> float:
        """The mark at which the return is ``bound``."""
        return self._entry * (1 + self.bound)

    def words(self, stop: str) -> str | None:
        """Empty for what need not be said, None for what never happens."""
        match self.left, self.sign:
            case "r", "<":
                return f"{stop} ≤{self.price:.2f}" if self.price > LOWEST else None
            case "r", ">":
                return f"target ≥{self.price:.2f}" if self.price < HIGHEST else None
            case "held_s", ">":
                return f"after {self.bound:.0f}s"
            case "held_s", "<":
                return f"within {self.bound:.0f}s"
            case "time_remaining", "<":
                return f"last {self.bound:.0f}s"
        return ""


def _conjunction(leave: Node) -> Iterator[Node]:
    if leave.kind == "operation" and leave.name == "&":
        for child in leave.args:
            yield from _conjunction(child)
    else:
        yield leave


def _value(node: Node, position: Position) -> float:
    if node.kind == "constant":
        return float(node.args[0])
    if node.kind == "position" and node.name == "peak_r":
        return position.peak_r
    if node.kind == "operation" and node.name in _ARITHMETIC:
        return _ARITHMETIC[node.name](*(_value(child, position) for child in node.args))
    return NAN
