"""The rules of one (coin, horizon), compiled together."""

from collections.abc import Callable, Iterator, Sequence, Set
from functools import lru_cache
from typing import get_args

from polyterm.core.market import Side
from polyterm.core.signal import Signal
from polyterm.engine.books import Holding
from polyterm.quant.definitions import MID
from polyterm.quant.expression import Node
from polyterm.quant.primitives import known
from polyterm.quant.scalar import Program
from polyterm.quant.tick_features import TickFeatures
from polyterm.strategies.traced import TracedBranch, TracedRule

Entries = Callable[[TickFeatures, Sequence[bool]], list[int]]
Leave = Callable[[TickFeatures, Holding, int], str | None]
"""(features, holding, market ms) -> the reason of the exit, if there is one. The holding is marked."""


class Way:
    """A way into a position: a side of a branch of the rule at ``seat``."""

    __slots__ = ("branch", "condition", "place", "seat", "side")

    def __init__(self, seat: int, place: int, branch: TracedBranch, side: Side) -> None:
        self.seat = seat
        self.place = place
        self.branch = branch
        self.side = side
        self.condition = branch.up if side == "up" else branch.down


def ways_of(seat: int, rule: TracedRule) -> list[Way]:
    """In the order in which they are looked at."""
    ways = [
        Way(seat, place, branch, side) for place, branch in enumerate(rule.branches) for side in get_args(Side)
    ]  # fmt: skip
    return [way for way in ways if not way.condition.is_constant(False)]


def buy(way: Way, values: Sequence[float | None]) -> Signal:
    """``values`` are size, confidence and edge; one that is missing is None in the signal."""
    size, confidence, edge = values
    return Signal(
        "buy",
        way.side,
        way.branch.reason,
        None if size is None else known(size),
        None if confidence is None else known(confidence),
        None if edge is None else known(edge),
    )


class Restarting:
    """The entries of one rule that sees nothing older than its own last entry; ``forgets_s`` as in ``TracedRule``."""

    __slots__ = ("entries", "forgets_s")

    def __init__(self, entries: Entries, forgets_s: int) -> None:
        self.entries = entries
        self.forgets_s = forgets_s


class Playbook:
    """``entries(features, free)`` gives the ways that are open now, at most one a rule, by their place in ``ways``;
    only rules whose seat is free are asked.

    Rules that restart with their own entry are not among them, but in ``restarting``: they must be given features that
    begin there. ``leaves`` holds the exits of each rule; both are by seat. ``kept`` is how many
    answers the features must be able to keep.
    """

    def __init__(self, rules: Sequence[TracedRule | None]) -> None:
        seated = [(seat, rule) for seat, rule in enumerate(rules) if rule is not None]
        self.ways = tuple(way for seat, rule in seated for way in ways_of(seat, rule))
        program = Program(_roots(self.ways, seated))
        for seat, rule in seated:
            _define_values(program, seat, rule)
            _define_exit(program, seat, rule)
            if rule.forgets_s:
                self._define_entries(program, f"entry_{seat}", {seat})
        self._define_entries(program, "entries", {seat for seat, rule in seated if not rule.forgets_s})
        functions = program.compiled()
        self.kept = program.kept
        self.entries: Entries = functions["entries"]
        self.restarting = {
            seat: Restarting(functions[f"entry_{seat}"], rule.forgets_s) for seat, rule in seated if rule.forgets_s
        }
        self.leaves: dict[int, Leave] = {seat: functions[f"leave_{seat}"] for seat, _ in seated}
        self._values = [functions[_values_name(way.seat, way.place)] for way in self.ways]

    def signal(self, way: int, features: TickFeatures) -> Signal:
        return buy(self.ways[way], self._values[way](features))

    def _define_entries(self, program: Program, name: str, seats: Set[int]) -> None:
        def body() -> Iterator[str]:
            yield "found = []"
            seat = -1
            for place, way in enumerate(self.ways):
                if way.seat in seats:
                    if way.seat != seat:
                        yield f"if free[{way.seat}]:"
                    word = "elif" if way.seat == seat else "if"
                    yield f"    {word} {program.text(way.condition)}: found.append({place})"
                    seat = way.seat
            yield "return found"

        program.define(name, ("free",), lambda: list(body()))


def _roots(ways: Sequence[Way], seated: Sequence[tuple[int, TracedRule]]) -> Iterator[Node]:
    for way in ways:
        yield way.condition
    for _, rule in seated:
        for branch in rule.branches:
            yield from (value for value in branch.values if value is not None)
        yield from (leave for leave, _ in rule.exits)


def _values_name(seat: int, place: int) -> str:
    return f"values_{seat}_{place}"


def _define_values(program: Program, seat: int, rule: TracedRule) -> None:
    for place, branch in enumerate(rule.branches):

        def body(branch: TracedBranch = branch) -> list[str]:
            texts = ["None" if value is None else program.text(value) for value in branch.values]
            return [f"return ({', '.join(texts)})"]

        program.define(_values_name(seat, place), (), body)


def _define_exit(program: Program, seat: int, rule: TracedRule) -> None:
    def body() -> list[str]:
        lines = [
            f"r = holding.mark({program.text(MID)})",
            "peak_r = holding.peak_r",
            "entry_price = holding.entry_price",
            "held_s = (at_ms - holding.entry_ms) / 1000",
        ]
        lines += [f"if {program.text(leave)}: return {reason!r}" for leave, reason in rule.exits]
        return [*lines, "return None"]

    program.define(f"leave_{seat}", ("holding", "at_ms"), body)


@lru_cache(maxsize=64)
def playbook(rules: tuple[TracedRule | None, ...]) -> Playbook:
    """The same rules are compiled once."""
    return Playbook(rules)
