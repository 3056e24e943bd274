"""The scalar form of ``Features``: the newest tick of one (coin, horizon), O(1) work and bounded memory per tick."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np

from polyterm.core.market import HORIZON_SECONDS, outranks
from polyterm.core.tick import Tick
from polyterm.quant import primitives
from polyterm.quant.definitions import FEATURES, LEAD_MOVE, LONG_LOOKBACK_S, LOOKBACK_S, RECORDS
from polyterm.quant.expression import Node, position
from polyterm.quant.primitives import NAN, number, usable_price
from polyterm.quant.scalar import PLACES, Program
from polyterm.quant.validity import book_usable, spot_usable

_MARGIN: Final = [NAN] * (LOOKBACK_S + 1)
_TRIM_AT: Final = HORIZON_SECONDS["4h"] + 2 * LOOKBACK_S
_KEPT: Final = tuple(series.args[1] for series in RECORDS)
_NAMES: Final = tuple(series.name for series in RECORDS)
_SEEN: Final = (
    "time_remaining", "up_bid", "up_ask", "up_bid_size", "up_ask_size", "down_bid", "down_ask", "spot", "spot_basis",
    "strike", "strike_is_spot", "oracle", "oracle_age_ms",
)  # fmt: skip

# What a rule combines values with; on plain values they need no expression.
_COMBINATORS: Final[dict[str, Callable[..., Any]]] = {
    "ratio": primitives.ratio,
    "low": primitives.low,
    "high": primitives.high,
    "where": primitives.where,
    "not_": lambda condition: not condition,
    "known": primitives.is_known,
}


class LongState(msgspec.Struct, frozen=True):
    """``runs`` are (first slot, number) of seconds without a gap between them, ``prices`` doubles."""

    runs: tuple[tuple[int, int], ...]
    prices: bytes


class FeaturesState(msgspec.Struct, frozen=True):
    """What ``TickFeatures`` remembers: what it saw on the newest tick, and its histories, doubles by their names."""

    slot: int
    seen: dict[str, float]
    histories: dict[str, bytes]
    long: LongState


class TickFeatures:
    """What is seen on the newest tick, and the histories of the running window.

    Quotes of a book that is stale, crossed or in doubt, and a stale spot, are gaps: they are not observations of their
    slot, and a later look-back must not compare with them. ``lead`` are btc's features on the same horizon.
    """

    __slots__ = (
        "answers", "down_ask", "down_bid", "histories", "kept_answers", "lead", "long", "oracle", "oracle_age_ms",
        "slot", "spot", "spot_basis", "strike", "strike_is_spot", "time_remaining", "up_ask", "up_ask_size", "up_bid",
        "up_bid_size",
    )  # fmt: skip

    time_remaining: float
    up_bid: float
    up_ask: float
    up_bid_size: float
    up_ask_size: float
    down_bid: float
    down_ask: float
    spot: float
    spot_basis: float
    strike: float
    strike_is_spot: float
    oracle: float
    oracle_age_ms: float

    def __init__(self, lead: "TickFeatures | None" = None) -> None:
        self.lead = self if lead is None else lead
        self.long = LongHistory()
        self.slot = -1
        self.kept_answers = 0
        self.answers: list[Any] = []
        self.histories: list[list[float]] = [_MARGIN.copy() for _ in RECORDS]
        self._forget()

    def start_window(self) -> None:
        """Forget what the window before has shown: another one has another strike, and its mid starts anew."""
        for history, kept in zip(self.histories, _KEPT, strict=True):
            history[:] = _MARGIN + history[len(history) - kept :]
        self._forget()

    def _forget(self) -> None:
        self.time_remaining = NAN
        self._see_no_book()
        self.spot = self.spot_basis = self.strike = self.strike_is_spot = self.oracle = self.oracle_age_ms = NAN

    def _see_no_book(self) -> None:
        self.up_bid = self.up_ask = self.up_bid_size = self.up_ask_size = self.down_bid = self.down_ask = NAN

    def observe(self, tick: Tick) -> None:
        """Take the next tick of this series; its slot must be newer than the last one's."""
        self._pass_time(tick.slot)
        self.time_remaining = float(tick.time_remaining_s)
        if book_usable(tick):
            self.up_bid = number(tick.up_bid)
            self.up_ask = number(tick.up_ask)
            self.up_bid_size = number(tick.up_bid_size)
            self.up_ask_size = number(tick.up_ask_size)
            self.down_bid = number(tick.down_bid)
            self.down_ask = number(tick.down_ask)
        else:
            self._see_no_book()
        self.spot = usable_price(tick.spot) if spot_usable(tick) else NAN
        self.spot_basis = number(tick.spot_basis)
        self.oracle = usable_price(tick.oracle)
        self.oracle_age_ms = number(tick.oracle_age_ms)
        strike = tick.strike
        self.strike = NAN if strike is None else usable_price(strike.price)
        self.strike_is_spot = NAN if strike is None else 0.0 if outranks(strike.grade, "spot") else 1.0
        _advance(self)
        if self.spot == self.spot:
            self.long.put(tick.slot, self.spot)
        self.answers = [None] * self.kept_answers

    def _pass_time(self, slot: int) -> None:
        """Make the missed seconds gaps, and keep the histories short."""
        missed = slot - self.slot - 1
        self.slot = slot
        if missed > 0:
            for history in self.histories:
                history.extend(_MARGIN[:missed])  # what is further away than the margin is out of sight
        if len(self.histories[0]) > _TRIM_AT:
            for history in self.histories:
                del history[: -len(_MARGIN)]

    def saved(self) -> FeaturesState:
        histories = (array("d", history).tobytes() for history in self.histories)
        return FeaturesState(
            self.slot,
            {name: float(getattr(self, name)) for name in _SEEN},
            dict(zip(_NAMES, histories, strict=True)),
            self.long.saved(),
        )

    def restore(self, state: FeaturesState) -> bool:
        """Go on from there; False, and nothing is changed, when other series were recorded there."""
        if tuple(state.histories) != _NAMES or set(state.seen) != set(_SEEN):
            return False
        self.slot = state.slot
        for name, value in state.seen.items():
            setattr(self, name, value)
        self.histories = [array("d", history).tolist() for history in state.histories.values()]
        self.long.restore(state.long)
        return True

    def since(self, slot: int) -> "TickFeatures":
        """The same tick, with histories that begin after ``slot``."""
        young = self.slot - slot
        if young > LOOKBACK_S:
            return self
        view = TickFeatures.__new__(TickFeatures)
        for name in TickFeatures.__slots__:
            setattr(view, name, getattr(self, name))
        view.histories = [_MARGIN + history[len(history) - young :] for history in self.histories]
        view.answers = [None] * self.kept_answers
        return view

    def window_history(self, series: Node) -> Sequence[float]:
        """What was recorded of a series that is not kept across windows, since the window began; without long gaps."""
        return self.histories[PLACES[id(series)]][len(_MARGIN) :]

    @property
    def up_mid(self) -> float:
        return self.histories[0][-1]

    def lead_move(self) -> float:
        """Return of btc's spot over some ten seconds; missing unless btc was observed in this second."""
        return float(_lead_move(self.lead)) if self.lead.slot == self.slot else NAN

    def oldest_value(self, lookback_s: int) -> float:
        return self.long.value(self.long.oldest(self.slot - lookback_s))

    def oldest_age(self, lookback_s: int) -> float:
        return self.long.age(self.long.oldest(self.slot - lookback_s), self.slot)

    def __getattr__(self, name: str) -> Any:
        """Every other feature, by its definition."""
        if name in _COMBINATORS:
            return _COMBINATORS[name]
        if name.startswith("_"):
            raise AttributeError(name)
        definition = getattr(FEATURES, name)
        if isinstance(definition, Node):
            return _asked(name, ())(self)
        return lambda *args: _asked(name, tuple(arg if type(arg) is int else None for arg in args))(
            self, *(arg for arg in args if type(arg) is not int)
        )


class LongHistory:
    """A day of one-second prices, across windows.

    At most two days are kept before the older is forgotten: 172,800 prices, 2.8 MB with their slots. What is saved is
    at most 86,401 prices, 0.7 MB before it is compressed, and 43,201 runs.
    """

    def __init__(self) -> None:
        self._slots = array("q")
        self._prices = array("d")

    def put(self, slot: int, price: float) -> None:
        """Slots must grow."""
        self._slots.append(slot)
        self._prices.append(price)
        if len(self._slots) > 2 * LONG_LOOKBACK_S:
            forgotten = bisect_left(self._slots, slot - LONG_LOOKBACK_S)
            del self._slots[:forgotten], self._prices[:forgotten]

    def saved(self) -> LongState:
        """Of what can still be looked back on."""
        if not self._slots:
            return LongState((), b"")
        first = bisect_left(self._slots, self._slots[-1] - LONG_LOOKBACK_S)
        slots = np.frombuffer(self._slots, np.int64)[first:]
        starts = np.append(0, np.flatnonzero(slots[1:] - slots[:-1] != 1) + 1)
        lengths = np.diff(starts, append=len(slots))
        runs = tuple(zip(slots[starts].tolist(), lengths.tolist(), strict=True))
        return LongState(runs, memoryview(self._prices)[first:].tobytes())

    def restore(self, state: LongState) -> None:
        self._slots = array("q")
        for first, length in state.runs:
            self._slots.frombytes(np.arange(first, first + length, dtype=np.int64).tobytes())
        self._prices = array("d", state.prices)

    def oldest(self, since_slot: int) -> int:
        """Where the oldest price at or after that slot is."""
        return bisect_left(self._slots, since_slot)

    def value(self, place: int) -> float:
        return self._prices[place] if place < len(self._prices) else NAN

    def age(self, place: int, slot: int) -> float:
        """Seconds from the price there to ``slot``."""
        return float(slot - self._slots[place]) if place < len(self._slots) else NAN


def _compiled_advance() -> Callable[[TickFeatures], None]:
    program = Program([series.args[0] for series in RECORDS], keeps=False)
    program.define("advance", (), lambda: [program.appending(series) for series in RECORDS])
    return program.compiled()["advance"]


def _compiled(node: Node, arguments: Sequence[str] = ()) -> Callable[..., Any]:
    """``node`` as a function of features and the values of its ``arguments``."""
    program = Program([node])
    program.define("value", arguments, lambda: [f"return {program.text(node)}"])
    function = program.compiled()["value"]

    def asked(f: TickFeatures, *values: float) -> Any:
        outer, f.answers = f.answers, [None] * program.kept
        try:
            return function(f, *values)
        finally:
            f.answers = outer

    return asked


@cache
def _asked(name: str, args: tuple[int | None, ...]) -> Callable[..., Any]:
    """The feature of that name as a function of features; None stands for an argument that varies."""
    definition = getattr(FEATURES, name)
    varying = [f"a{place}" for place, arg in enumerate(args) if arg is None]
    if not isinstance(definition, Node):
        definition = definition(*(position(f"a{place}") if arg is None else arg for place, arg in enumerate(args)))
    return _compiled(definition, varying)


_advance: Final = _compiled_advance()
_lead_move: Final = _compiled(LEAD_MOVE)
