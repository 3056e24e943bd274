"""A market told second by second, and strategies that do what a test tells them."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from polyterm.core.command import Command, CommandKind
from polyterm.core.event import Event, TradeClosed
from polyterm.core.input import Input, Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import FeeSchedule, Grade, MarketKey, Reference, Side
from polyterm.core.position import Trade
from polyterm.core.signal import HOLD, Signal
from polyterm.core.tick import Tick
from polyterm.engine.books import Book, Sizing
from polyterm.engine.engine import Engine
from polyterm.quant.validity import judge
from polyterm.strategies.base import EVERY_HORIZON, Context, Held, Limits, Strategy
from polyterm.strategies.entry import Entry
from polyterm.strategies.parameters import Parameters

KEY = MarketKey("btc", "15m", 1_790_000_100)
FEE = FeeSchedule(rate=0.07, exponent=1.0)

BUY_UP = Signal("buy", "up", "go")
BUY_DOWN = Signal("buy", "down", "go")
SELL = Signal("sell", reason="leave")


class Scripted(Strategy):
    """Says ``plan[second]`` at that second of a window, else holds; notes what was accepted and what it saw."""

    def __init__(self, plan: Mapping[int, Signal]) -> None:
        self.plan = plan
        self.accepted_at: list[Signal] = []
        self.seen: list[tuple[int, Held | None]] = []

    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        second = tick.slot - tick.key.epoch
        self.seen.append((second, position))
        return self.plan.get(second, HOLD)

    def accepted(self, signal: Signal, key: MarketKey) -> None:
        self.accepted_at.append(signal)


class Always(Strategy):
    """Wants in whenever it is out, and out whenever it is in."""

    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        return BUY_UP if position is None else SELL


class WantsIn(Strategy):
    """Wants in on every tick and never out."""

    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        return BUY_UP if position is None else HOLD


def book(strategy: Strategy | Callable[[], Strategy], name: str = "Test", limits: Limits | None = None) -> Book:
    def make(_: Parameters) -> Strategy:
        return strategy if isinstance(strategy, Strategy) else strategy()

    return Book(Entry(name, "Test", make, Parameters(), limits or Limits(horizons=EVERY_HORIZON)))


class Scene:
    """Feeds one engine; every call gives the events of that input."""

    def __init__(self, *books: Book, sizing: Sizing = "shares") -> None:
        self.engine = Engine("s", books, sizing)
        self.number = 0
        self.at_ms = KEY.epoch * 1000
        self.events: list[Event] = []

    def apply(self, payload: Payload, at_ms: int | None = None) -> list[Event]:
        self.number += 1
        self.at_ms = at_ms or self.at_ms
        events = self.engine.apply(Input(self.number, self.at_ms, payload))
        self.events += events
        return events

    def open(self, key: MarketKey = KEY, strike: Reference | None = None, fee: FeeSchedule | None = FEE) -> list[Event]:
        return self.apply(WindowOpened(key, strike, fee), key.epoch * 1000)

    def tick(self, second: int, key: MarketKey = KEY, **fields: object) -> list[Event]:
        made = tick(second, key, **fields)
        return self.apply(made, made.at_ms)

    def end(self, key: MarketKey = KEY, final: Reference | None = None) -> list[Event]:
        return self.apply(WindowEnded(key, final), key.end * 1000)

    def outcome(self, side: Side, grade: Grade = "stream", key: MarketKey = KEY) -> list[Event]:
        return self.apply(Outcome(key, side, grade, "test"))

    def command(self, kind: CommandKind, id_: str | None = None) -> list[Event]:
        return self.apply(Command(id_ or f"c{self.number}", kind, "ann", "console", f"{kind} it"))

    @property
    def trades(self) -> list[Trade]:
        return [event.trade for event in self.events if isinstance(event, TradeClosed)]


def tick(second: int, key: MarketKey = KEY, **fields: object) -> Tick:
    """Up 0.49 / 0.50 unless told otherwise; judged like every tick."""
    slot = key.epoch + second
    base = Tick(
        key=key, slot=slot, made_ms=slot * 1000, up_bid=0.49, up_ask=0.50, up_bid_size=30.0, up_ask_size=10.0,
        down_bid=0.50, down_bid_size=10.0, down_ask=0.51, down_ask_size=30.0, book_age_ms=0, spot=1000.0, spot_age_ms=0,
        strike=Reference(999.0, "binance", "spot", key.epoch * 1000),
    )  # fmt: skip
    told = msgspec.structs.replace(base, **fields)
    return msgspec.structs.replace(told, invalid=told.invalid or judge(told))


def kinds(events: Sequence[object]) -> list[str]:
    return [type(event).__name__ for event in events]
