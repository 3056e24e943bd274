"""Questions a client may ask of a running engine, and their answers."""

from typing import Literal

import msgspec

from polyterm.core.event import Event
from polyterm.core.market import Coin
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


Query = TradesQuery | EventsQuery | PositionsQuery


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


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The question could not be answered; ``reason`` is a sentence for the person who asked."""

    reason: str


Answer = TradesAnswer | EventsAnswer | PositionsAnswer | Failed
