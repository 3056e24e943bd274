"""What the engine says happened. Everything outside it (store, socket, console) consumes these."""

import msgspec

from polyterm.core.command import TradingState
from polyterm.core.market import FeeSchedule, Grade, MarketKey, Reference, Side
from polyterm.core.position import Position, Trade


class EventId(msgspec.Struct, frozen=True, gc=False, order=True):
    """(session, number of the input that caused it, place among that input's events)."""

    session: str
    input: int
    ordinal: int

    def __str__(self) -> str:
        return f"{self.session}/{self.input}/{self.ordinal}"


class WindowStarted(msgspec.Struct, frozen=True, tag="window_started"):
    id: EventId
    at_ms: int
    key: MarketKey
    strike: Reference | None
    fee: FeeSchedule


class StrikeSet(msgspec.Struct, frozen=True, tag="strike_set"):
    """A window's strike became known, or known better."""

    id: EventId
    at_ms: int
    key: MarketKey
    strike: Reference


class PositionOpened(msgspec.Struct, frozen=True, gc=False, tag="position_opened"):
    id: EventId
    at_ms: int
    position: Position


class TradeClosed(msgspec.Struct, frozen=True, gc=False, tag="trade_closed"):
    id: EventId
    at_ms: int
    trade: Trade


class TradeCorrected(msgspec.Struct, frozen=True, tag="trade_corrected"):
    """A settled trade was judged anew because a better-graded outcome differed."""

    id: EventId
    at_ms: int
    before: Trade
    after: Trade


class WindowStats(msgspec.Struct, frozen=True):
    """A window as its ticks showed it. Mids are Up mids; the deviations are population sd of log returns."""

    ticks: int
    price_changes: int
    opening_mid: float | None
    closing_mid: float | None
    high_mid: float | None
    low_mid: float | None
    mid_return_sd: float | None
    spot_return_sd: float | None
    max_abs_distance: float | None


class WindowClosed(msgspec.Struct, frozen=True, tag="window_closed"):
    """A window is over; ``pending`` positions wait for its outcome."""

    id: EventId
    at_ms: int
    key: MarketKey
    strike: Reference | None
    final: Reference | None
    stats: WindowStats
    pending: int


class WindowSettled(msgspec.Struct, frozen=True, tag="window_settled"):
    """An outcome was accepted; ``corrects`` says that it replaced a different one."""

    id: EventId
    at_ms: int
    key: MarketKey
    outcome: Side
    grade: Grade
    source: str
    final_price: float | None
    corrects: bool


class TradingStateChanged(msgspec.Struct, frozen=True, tag="trading_state_changed"):
    id: EventId
    at_ms: int
    before: TradingState
    after: TradingState
    command_id: str
    actor: str
    origin: str
    reason: str


class CommandRefused(msgspec.Struct, frozen=True, tag="command_refused"):
    id: EventId
    at_ms: int
    command_id: str
    actor: str
    origin: str
    reason: str


class StrategyDisabled(msgspec.Struct, frozen=True, tag="strategy_disabled"):
    """A strategy raised; it stays out until the engine is started anew. ``error`` is type and message."""

    id: EventId
    at_ms: int
    strategy: str
    error: str


Event = (
    WindowStarted
    | StrikeSet
    | PositionOpened
    | TradeClosed
    | TradeCorrected
    | WindowClosed
    | WindowSettled
    | TradingStateChanged
    | CommandRefused
    | StrategyDisabled
)
