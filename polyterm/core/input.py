"""Everything that can move the engine. The same inputs give the same events."""

import msgspec

from polyterm.core.command import Command
from polyterm.core.market import FeeSchedule, Grade, MarketKey, Reference, Side
from polyterm.core.tick import Tick


class WindowOpened(msgspec.Struct, frozen=True, tag="window_opened"):
    """A window has begun. Its strike may still be unknown; ticks carry it once it is, and better ones later."""

    key: MarketKey
    strike: Reference | None = None
    fee: FeeSchedule | None = None


class WindowEnded(msgspec.Struct, frozen=True, tag="window_ended"):
    """A window is over: no tick of it follows. Its outcome comes on its own."""

    key: MarketKey
    final: Reference | None = None


class Outcome(msgspec.Struct, frozen=True, tag="outcome"):
    """Which side won. A later, better-graded and different outcome corrects an earlier one."""

    key: MarketKey
    side: Side
    grade: Grade
    source: str
    final_price: float | None = None
    strike: Reference | None = None


class OrderUpdate(msgspec.Struct, frozen=True, tag="order_update"):
    """What the venue said about one of our orders."""

    order_id: str
    status: str


class Fill(msgspec.Struct, frozen=True, tag="fill"):
    """What the venue gave us. ``shares`` at ``price``, ``fee`` in dollars."""

    order_id: str
    trade_id: str
    key: MarketKey
    side: Side
    shares: float
    price: float
    fee: float


Payload = Tick | WindowOpened | WindowEnded | Outcome | Command | OrderUpdate | Fill


class Input(msgspec.Struct, frozen=True, gc=False):
    """A payload with its place in the session: ``number`` counts from 1 without gaps, ``at_ms`` is market time."""

    number: int
    at_ms: int
    payload: Payload
