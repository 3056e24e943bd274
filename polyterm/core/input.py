"""Everything that can move the engine. The same inputs give the same events."""

import msgspec

from polyterm.core.command import Command
from polyterm.core.market import FeeSchedule, Grade, MarketKey, Reference, Side
from polyterm.core.position import Position, Trade
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


class PositionsFound(msgspec.Struct, frozen=True, tag="positions_found"):
    """Stored open positions of earlier sessions, all of the window ``key``; ``outcome`` is what is stored of that.

    Those that the engine does not hold wait for the outcome, whatever their strategy has become.
    """

    key: MarketKey
    positions: tuple[Position, ...]
    outcome: Outcome | None = None


class TradesFound(msgspec.Struct, frozen=True, tag="trades_found"):
    """Stored trades of a window that the engine has forgotten, settled otherwise than its official ``outcome`` says.

    They are corrected; what a strategy has earned is left as it is, since nobody knows whether they are counted in it.
    """

    outcome: Outcome
    trades: tuple[Trade, ...]


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


Payload = Tick | WindowOpened | WindowEnded | Outcome | Command | PositionsFound | TradesFound | OrderUpdate | Fill


class Input(msgspec.Struct, frozen=True, gc=False):
    """A payload with its place in the session: ``number`` counts from 1 without gaps, ``at_ms`` is market time."""

    number: int
    at_ms: int
    payload: Payload
