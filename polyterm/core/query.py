"""Questions a client may ask of a running engine, and their answers."""

from typing import Literal

import msgspec

from polyterm.core.details import SettingsAnswer, StrategyAnswer, WindowAnswer, WindowsAnswer
from polyterm.core.event import Event
from polyterm.core.market import Coin, Horizon, MarketKey, Side
from polyterm.core.position import Position, Trade

Period = Literal["current", "hour", "day", "week", "all"]


class TradesQuery(msgspec.Struct, frozen=True, tag="trades"):
    """Closed paper trades, newest first: ``limit`` at most, after the first ``offset``.

    ``current`` is the running window.
    """

    period: Period = "day"
    strategy: str | None = None
    coin: Coin | None = None
    limit: int = 100
    offset: int = 0


class EventsQuery(msgspec.Struct, frozen=True, tag="events"):
    """The newest events, oldest first, at most ``limit`` of them."""

    limit: int = 100


class PositionsQuery(msgspec.Struct, frozen=True, tag="positions"):
    """Every open position."""


class WhyQuery(msgspec.Struct, frozen=True, tag="why"):
    """What a strategy's rule asks on the newest tick of one series, gate by gate."""

    strategy: str
    coin: Coin
    horizon: Horizon


class StrategyQuery(msgspec.Struct, frozen=True, tag="strategy"):
    """A strategy's rule, and what it has closed in the period."""

    strategy: str
    period: Period = "all"


class WindowsQuery(msgspec.Struct, frozen=True, tag="windows"):
    """The newest windows of one series, at most ``limit``."""

    coin: Coin
    horizon: Horizon
    limit: int = 50


class WindowQuery(msgspec.Struct, frozen=True, tag="window"):
    """How one window went."""

    key: MarketKey


class SettingsQuery(msgspec.Struct, frozen=True, tag="settings"):
    """The settings that the engine runs with."""


Query = (
    TradesQuery | EventsQuery | PositionsQuery | WhyQuery | StrategyQuery | WindowsQuery | WindowQuery | SettingsQuery
)


class StrategyTotals(msgspec.Struct, frozen=True):
    strategy: str
    coin: Coin
    trades: int
    wins: int
    pnl: float
    costed_pnl: float


class TradesAnswer(msgspec.Struct, frozen=True, tag="trades"):
    """``trades`` is a page; ``totals`` and ``windows`` (distinct windows traded) cover the whole period."""

    trades: tuple[Trade, ...]
    totals: tuple[StrategyTotals, ...]
    windows: int


class EventsAnswer(msgspec.Struct, frozen=True, tag="events"):
    events: tuple[Event, ...]


class PositionsAnswer(msgspec.Struct, frozen=True, tag="positions"):
    positions: tuple[Position, ...]


class Gate(msgspec.Struct, frozen=True, omit_defaults=True):
    """One condition of a rule, in words.

    A comparison has the ``value`` that was compared, its ``threshold``, and the ``margin`` by which the value is beyond
    it, below 0 while the gate is shut; each None where it is missing. A choice has its alternatives in ``any_of``.
    """

    text: str
    open: bool
    value: float | None = None
    threshold: float | None = None
    margin: float | None = None
    any_of: tuple["Gate", ...] = ()


class Way(msgspec.Struct, frozen=True):
    """One way into or out of a position; it is open when all its gates are."""

    side: Side
    reason: str
    open: bool
    gates: tuple[Gate, ...]


class WhyAnswer(msgspec.Struct, frozen=True, tag="why", kw_only=True):
    """``verdict`` is a sentence: what the strategy does on the tick of ``slot``, or what keeps it from acting.

    ``entries`` are the ways in, in the order in which they are looked at; ``exits`` are the ways out of the position
    that is ``held``, empty without one. ``key`` and ``slot`` are None before the first tick of a window.
    """

    strategy: str
    verdict: str
    key: MarketKey | None = None
    slot: int | None = None
    held: Side | None = None
    entries: tuple[Way, ...] = ()
    exits: tuple[Way, ...] = ()


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The question could not be answered; ``reason`` is a sentence for the person who asked."""

    reason: str


Answer = (
    TradesAnswer
    | EventsAnswer
    | PositionsAnswer
    | WhyAnswer
    | StrategyAnswer
    | WindowsAnswer
    | WindowAnswer
    | SettingsAnswer
    | Failed
)
