"""Rules as expressions: what ``entry`` and ``exit`` say, read off once instead of being asked on every tick."""

from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from polyterm.quant.definitions import FEATURES
from polyterm.quant.expression import Node, node, position, reach
from polyterm.quant.features import Features
from polyterm.strategies.base import HeldValues, Rule, Strategy
from polyterm.strategies.entry import Entry

_FEATURES: Final = cast("Features", FEATURES)


class _TracedPosition:
    entry_price, held_s, r, peak_r = map(position, ("entry_price", "held_s", "r", "peak_r"))


class TracedBranch:
    """A branch of an entry. ``values`` are size, confidence and edge; None for one that is not given."""

    __slots__ = ("down", "reason", "up", "values")

    def __init__(self, up: Any, down: Any, reason: str, values: tuple[Any, ...]) -> None:
        self.up = node(up)
        self.down = node(down)
        self.reason = reason
        self.values = tuple(None if value is None else node(value) for value in values)


class TracedRule:
    """``forgets_s``: so long after an entry of its own a rule that restarts there sees less than others.

    ``marks_only``: its exits ask for nothing but the mark return, so that they stay shut while the mid stands still.
    """

    __slots__ = ("branches", "exits", "forgets_s", "marks_only")

    def __init__(self, rule: Rule, features: Features = _FEATURES) -> None:
        self.branches = tuple(
            TracedBranch(branch.up, branch.down, branch.reason, (branch.size, branch.confidence, branch.edge))
            for branch in rule.entry(features)
        )
        exits = rule.exit(features, cast("HeldValues", _TracedPosition))
        self.exits = tuple((node(leave), reason) for leave, reason in exits)
        self.marks_only = all(asked <= _MARKS for asked in map(_asked, (leave for leave, _ in self.exits)))
        self.forgets_s = max(map(reach, self.entry_nodes()), default=0) if rule.restarts_on_entry else 0

    def entry_nodes(self) -> tuple[Node, ...]:
        return tuple(
            value for branch in self.branches for value in (branch.up, branch.down, *branch.values) if value is not None
        )


_MARKS: Final = {"r", "peak_r", "entry_price"}


def _asked(value: Node) -> set[str]:
    """The names of what a value is made of, plain numbers left out."""
    own = set() if value.kind in {"operation", "constant", "flag"} else {value.name}
    return own.union(*map(_asked, value.children))


def trace(strategy: Strategy) -> TracedRule | None:
    """The rule as expressions; None for a strategy with a memory of its own, and for a rule that is no expression.

    Whatever such a rule raises it raises again when it is asked on a tick, where the engine tells what and where.
    """
    if not isinstance(strategy, Rule):
        return None
    try:
        return TracedRule(strategy)
    except Exception:  # noqa: BLE001 - users' rules may raise anything; the engine meets it again on the first tick
        return None


def traced(entry: Entry) -> TracedRule | None:
    """``trace`` of what the entry makes."""
    # A class makes the same rule of the same parameters; any other factory may have its own ideas.
    return _of_class(entry.factory, entry.parameters) if isinstance(entry.factory, type) else trace(entry.make())


@lru_cache(maxsize=4096)
def _of_class(factory: Any, parameters: msgspec.Struct) -> TracedRule | None:
    return trace(factory(parameters))
