"""Why a strategy does what it does on the newest tick: each condition of its rule, and how far it is from its limit."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, cast, get_args

from polyterm.core.command import TradingState
from polyterm.core.details import RuleWay
from polyterm.core.market import Side
from polyterm.core.query import Gate, Way, WhyAnswer
from polyterm.core.tick import Tick
from polyterm.engine.books import Holding, Seat
from polyterm.engine.desk import Desk
from polyterm.quant.expression import COMPARISONS, Node
from polyterm.quant.features import Features
from polyterm.quant.primitives import known
from polyterm.quant.scalar import Program
from polyterm.quant.tick_features import TickFeatures
from polyterm.strategies.base import Rule
from polyterm.strategies.entry import Entry
from polyterm.strategies.traced import TracedRule, traced
from polyterm.strategies.wording import Naming

_POSITION: Final = ("entry_price", "held_s", "r", "peak_r")
_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}

Ask = Callable[[Node], Any]
"""The value of a node of the rule on the tick that is asked about."""


class Explained:
    """A rule whose every condition can be asked for by itself."""

    def __init__(self, entry: Entry) -> None:
        self.words = Naming()
        self.rule = TracedRule(cast("Rule", entry.make()), cast("Features", self.words))
        program = Program(self._roots(), keeps=False)
        self._places: dict[int, str] = {}
        for root in self._roots():
            for value in _asked(root, self.words):
                if id(value) not in self._places:
                    name = self._places[id(value)] = f"v{len(self._places)}"
                    program.define(name, _POSITION, lambda value=value: [f"return {program.text(value)}"])  # type: ignore[misc]
        self._functions = program.compiled()

    def _roots(self) -> Iterator[Node]:
        for branch in self.rule.branches:
            yield from (branch.up, branch.down)
        yield from (leave for leave, _ in self.rule.exits)

    def asking(self, features: TickFeatures, position: Sequence[float]) -> Ask:
        return lambda value: self._functions[self._places[id(value)]](features, *position)

    def entries(self, ask: Ask) -> tuple[Way, ...]:
        return tuple(
            self._way(condition, branch.reason, side, ask)
            for branch in self.rule.branches
            for side, condition in zip(get_args(Side), (branch.up, branch.down), strict=True)
            if not condition.is_constant(False)
        )

    def exits(self, side: Side, ask: Ask) -> tuple[Way, ...]:
        return tuple(self._way(leave, reason, side, ask) for leave, reason in self.rule.exits)

    def _way(self, condition: Node, reason: str, side: Side, ask: Ask) -> Way:
        gates = tuple(self._gate(part, ask) for part in _parts(condition, "&", self.words))
        return Way(side, reason, all(gate.open for gate in gates), gates)

    def ways_in(self) -> tuple[RuleWay, ...]:
        return tuple(
            self._rule_way(side, branch.reason, condition)
            for branch in self.rule.branches
            for side, condition in zip(get_args(Side), (branch.up, branch.down), strict=True)
            if not condition.is_constant(False)
        )

    def ways_out(self) -> tuple[RuleWay, ...]:
        return tuple(self._rule_way(None, reason, leave) for leave, reason in self.rule.exits)

    def _rule_way(self, side: Side | None, reason: str, condition: Node) -> RuleWay:
        gates = _parts(condition, "&", self.words)
        return RuleWay(side, reason, tuple(self.words.text(gate) for gate in gates))

    def _gate(self, value: Node, ask: Ask) -> Gate:
        text, is_open = self.words.text(value), bool(ask(value))
        named = self.words.name(value) is not None
        if value.kind == "operation" and value.name in _TURNED and not named:
            return self._comparison(value, is_open, ask)
        if value.kind == "operation" and value.name == "|" and not named:
            parts = _parts(value, "|", self.words)
            return Gate(text, is_open, any_of=tuple(self._gate(part, ask) for part in parts))
        return Gate(text, is_open)

    def _comparison(self, value: Node, is_open: bool, ask: Ask) -> Gate:
        left, right = value.args
        sign = value.name
        if left.kind == "constant":
            left, right, sign = right, left, _TURNED[sign]
        compared, threshold = float(ask(left)), float(ask(right))
        margin = compared - threshold if sign.startswith(">") else threshold - compared
        return Gate(self.words.text(value), is_open, known(compared), known(threshold), known(margin))


def _parts(condition: Node, sign: str, words: Naming) -> list[Node]:
    """The conditions that ``sign`` joins; what the rule asked for by a name is not taken apart."""
    if condition.kind == "operation" and condition.name == sign and words.name(condition) is None:
        return [part for child in condition.args for part in _parts(child, sign, words)]
    return [condition]


def _asked(condition: Node, words: Naming) -> Iterator[Node]:
    """Every node that its gates ask about."""
    yield condition
    if condition.kind != "operation" or words.name(condition) is not None:
        return
    if condition.name in {"&", "|"}:
        for child in condition.args:
            yield from _asked(child, words)
    elif condition.name in COMPARISONS:
        yield from condition.args


@lru_cache(maxsize=256)
def _explained(entry: Entry) -> Explained:
    return Explained(entry)


def ways(entry: Entry) -> tuple[tuple[RuleWay, ...], tuple[RuleWay, ...]]:
    """The ways in and the ways out of a rule in words; none of one that is no expression."""
    if traced(entry) is None:
        return (), ()
    explained = _explained(entry)
    return explained.ways_in(), explained.ways_out()


def why(desk: Desk | None, strategy: str, tick: Tick | None, state: TradingState) -> WhyAnswer:
    """What ``strategy`` makes of ``tick``, the newest of the desk's series. It takes a few milliseconds at first."""
    seat = None if desk is None else next((seat for seat in desk.seats if seat.book.name == strategy), None)
    if desk is None or seat is None:
        return WhyAnswer(strategy=strategy, verdict="It does not trade this market.")
    if seat.book.disabled is not None:
        return WhyAnswer(strategy=strategy, verdict=f"It is disabled: {seat.book.disabled}.")
    running = desk.windows.running
    if tick is None or running is None or running.key != tick.key or desk.last_slot != tick.slot:
        return WhyAnswer(strategy=strategy, verdict="No tick of a running window has come yet.")
    if seat.rule is None:
        verdict = "It decides by a memory of its own, which cannot be taken apart."
        return WhyAnswer(strategy=strategy, verdict=verdict, key=tick.key, slot=tick.slot)
    explained = _explained(seat.book.entry)
    holding = seat.holding
    entries = explained.entries(explained.asking(desk.seen_by(seat, tick.slot), (0.0, 0.0, 0.0, 0.0)))
    exits = () if holding is None else explained.exits(holding.bought.side, _held(explained, desk, holding, tick))
    return WhyAnswer(
        strategy=strategy,
        verdict=_verdict(seat, tick, state, entries, exits),
        key=tick.key,
        slot=tick.slot,
        held=None if holding is None else holding.bought.side,
        entries=entries,
        exits=exits,
    )


def _held(explained: Explained, desk: Desk, holding: Holding, tick: Tick) -> Ask:
    mid = desk.features.up_mid
    r = ((mid if holding.up else 1 - mid) - holding.entry_price) / holding.entry_price  # to ask leaves no mark behind
    held_s = (tick.at_ms - holding.entry_ms) / 1000
    return explained.asking(desk.features, (holding.entry_price, held_s, r, max(holding.peak_r, r)))


def _verdict(seat: Seat, tick: Tick, state: TradingState, entries: tuple[Way, ...], exits: tuple[Way, ...]) -> str:
    if seat.holding is not None:
        leaving = next((way for way in exits if way.open), None)
        if leaving is None:
            return f"It holds {seat.holding.bought.side} and keeps it."
        return f"It holds {seat.holding.bought.side} and wants out: {leaving.reason}."
    shut = _shut(seat, tick, state)
    if shut:
        return shut
    way = next((way for way in entries if way.open), None)
    if way is not None:
        return f"It buys {way.side}: {way.reason}."
    nearest = min(entries, key=lambda way: sum(not gate.open for gate in way.gates), default=None)
    if nearest is None:
        return "It has no way in."
    missing = sum(not gate.open for gate in nearest.gates)
    return f"It waits: {missing} of {len(nearest.gates)} gates to {nearest.side} are shut."


def _shut(seat: Seat, tick: Tick, state: TradingState) -> str:
    """What keeps every way in shut, whatever the rule says; empty where nothing does."""
    if state != "RUNNING":
        return f"It may not buy: trading is {state}."
    if tick.invalid is not None:
        return f"It may not buy: this tick is not tradable ({tick.invalid.replace('_', ' ')})."
    if seat.limiter.is_closed(tick.key.epoch):
        return "It is done with this window: it left it for good, or took all the entries it may."
    if not seat.limiter.allows(tick.key.epoch, tick.at_ms):
        return "It may not buy yet: it cools down after an exit."
    return ""
