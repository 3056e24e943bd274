"""What the status server says as JSON, in the field names that dashboards of this kind already read.

Dollars and shares are kept apart: ``size`` is dollars at entry, ``shares`` is shares. What a paper engine has not got
(orders, limits, a circuit breaker) is null or empty, never a made-up number. Times are ISO 8601, market time.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from polyterm.core.command import Ack, TradingState
from polyterm.core.event import EventId
from polyterm.core.market import Coin, MarketKey
from polyterm.core.position import Position, Trade
from polyterm.core.query import StrategyTotals, TradesAnswer
from polyterm.core.snapshot import FeedRow, Mode, Role, Snapshot, StoreState
from polyterm.service.status.operations import Health, Market
from polyterm.store.trade_rows import trade_row

_NO_EVENT: Final = EventId("", 0, 0)
_INTERNAL: Final = ("session", "event_id")


class SessionStats(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    trades_executed: int
    orders_placed: int = 0
    orders_filled: int = 0
    orders_rejected: int = 0
    gross_pnl: float = msgspec.field(name="grossPnL")
    fees: float
    net_pnl: float = msgspec.field(name="netPnL")


class MarketAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    slug: str | None
    up_token_id: str | None
    down_token_id: str | None
    end_date: datetime


class PositionAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    strategy_name: str
    crypto: Coin
    window_epoch: int
    token_side: str
    token_id: str | None
    entry_price: float
    entry_time: datetime
    size: float
    shares: float
    spot_at_entry: float | None
    order_id: str | None = None
    entry_order_id: str | None = None


class RiskStatus(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    kill_switch_active: bool
    kill_switch_reason: str | None
    trading_allowed: bool
    total_exposure: float
    open_position_count: int
    open_order_count: int = 0
    daily_pnl: float = msgspec.field(name="dailyPnL")
    daily_pnl_limit: float | None = msgspec.field(name="dailyPnLLimit", default=None)
    daily_pnl_utilization: float | None = msgspec.field(name="dailyPnLUtilization", default=None)
    circuit_breaker_tripped: bool | None = None
    max_total_exposure: float | None = None
    exposure_utilization: float | None = None
    hourly_loss: float | None = None
    hourly_loss_limit: float | None = None
    consecutive_losses: int | None = None
    max_consecutive_losses: int | None = None
    daily_trades: int | None = None
    last_trade_time: datetime | None = None
    recent_violations: tuple[str, ...] = ()


class StoreAnswer(msgspec.Struct, frozen=True, rename="camel"):
    state: StoreState
    reason: str
    pending: int
    spool_rows: int
    spool_age_s: int


class LiveStatus(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    connected: bool
    message: str
    state: TradingState
    state_reason: str
    mode: Mode
    role: Role
    role_reason: str
    session: str
    speed: float
    start_time: datetime
    uptime: int
    last_heartbeat: datetime | None
    session_stats: SessionStats
    markets: dict[str, MarketAnswer]
    positions: tuple[PositionAnswer, ...]
    open_orders: tuple[str, ...] = ()
    risk_status: RiskStatus
    feeds: tuple[FeedRow, ...]
    store: StoreAnswer
    inputs: int
    engine_us: float
    timestamp: datetime


class PositionsReport(msgspec.Struct, frozen=True):
    positions: tuple[PositionAnswer, ...]
    timestamp: datetime


class CommandAnswer(msgspec.Struct, frozen=True):
    """``success`` says that the asked state holds, whether or not this command brought it about."""

    success: bool
    message: str
    reason: str
    state: TradingState
    event: str | None


class TotalsAnswer(msgspec.Struct, frozen=True):
    """P&L under the touch model, the reference of the field; ``costed_pnl`` after the venue's fee."""

    strategy_name: str
    crypto: Coin
    total_trades: int
    wins: int
    losses: int
    total_pnl: float
    avg_pnl: float
    costed_pnl: float


class Overall(msgspec.Struct, frozen=True):
    total_trades: int
    wins: int
    total_pnl: float
    costed_pnl: float
    strategies_used: int
    windows_traded: int


class PaperTrades(msgspec.Struct, frozen=True, rename={"strategy_stats": "strategyStats"}):
    """``trades`` have the columns of the table ``paper_trades``."""

    trades: tuple[Mapping[str, Any], ...]
    strategy_stats: tuple[TotalsAnswer, ...]
    overall: Overall


def live_status(
    snapshot: Snapshot, health: Health, positions: Iterable[Position], markets: tuple[Market, ...]
) -> LiveStatus:
    status = snapshot.status
    ticks = [row.tick.made_ms for row in snapshot.ticks.rows if row.tick is not None]
    return LiveStatus(
        connected=status.role == "owner",
        message=status.role_reason or "; ".join(health.reasons),
        state=status.trading_state,
        state_reason=status.trading_reason,
        mode=status.mode,
        role=status.role,
        role_reason=status.role_reason,
        session=status.session,
        speed=status.speed,
        start_time=_time(status.started_ms),
        uptime=status.market_ms - status.started_ms,
        last_heartbeat=_time(max(ticks)) if ticks else None,
        session_stats=_session_stats(snapshot),
        markets={market.key.coin: _market(market) for market in markets},
        positions=position_answers(positions, markets),
        risk_status=_risk_status(snapshot),
        feeds=snapshot.feeds.rows,
        store=StoreAnswer(
            status.store_state, status.store_reason, status.store_pending, status.spool_rows, status.spool_age_s
        ),
        inputs=status.inputs,
        engine_us=round(status.engine_us, 1),
        timestamp=_time(status.market_ms),
    )


def position_answers(positions: Iterable[Position], markets: tuple[Market, ...]) -> tuple[PositionAnswer, ...]:
    by_key = {market.key: market for market in markets}
    return tuple(_position(position, by_key) for position in positions)


def positions_report(positions: Iterable[Position], markets: tuple[Market, ...], market_ms: int) -> PositionsReport:
    return PositionsReport(position_answers(positions, markets), _time(market_ms))


def command_answer(ack: Ack, wanted: TradingState) -> CommandAnswer:
    success = ack.accepted or ack.state == wanted
    message = f"trading is {ack.state}" if success else f"refused: trading stays {ack.state}"
    return CommandAnswer(success, message, ack.reason, ack.state, ack.event)


def paper_trades(answer: TradesAnswer) -> PaperTrades:
    totals = answer.totals
    overall = Overall(
        total_trades=sum(row.trades for row in totals),
        wins=sum(row.wins for row in totals),
        total_pnl=sum(row.pnl for row in totals),
        costed_pnl=sum(row.costed_pnl for row in totals),
        strategies_used=len({row.strategy for row in totals}),
        windows_traded=answer.windows,
    )
    return PaperTrades(tuple(_trade(trade) for trade in answer.trades), tuple(_totals(row) for row in totals), overall)


def _session_stats(snapshot: Snapshot) -> SessionStats:
    rows = snapshot.leaderboard.rows
    gross, net = sum(row.pnl_touch for row in rows), sum(row.pnl_costed for row in rows)
    return SessionStats(trades_executed=sum(row.trades for row in rows), gross_pnl=gross, fees=gross - net, net_pnl=net)


def _risk_status(snapshot: Snapshot) -> RiskStatus:
    status = snapshot.status
    killed = status.trading_state == "KILLED"
    return RiskStatus(
        kill_switch_active=killed,
        kill_switch_reason=status.trading_reason if killed else None,
        trading_allowed=status.role == "owner" and status.trading_state == "RUNNING",
        total_exposure=status.exposure,
        open_position_count=status.open_positions,
        daily_pnl=status.pnl_costed,
    )


def _market(market: Market) -> MarketAnswer:
    return MarketAnswer(
        slug=market.slug,
        up_token_id=market.up_token,
        down_token_id=market.down_token,
        end_date=_time(market.key.end * 1000),
    )


def _position(position: Position, markets: Mapping[MarketKey, Market]) -> PositionAnswer:
    market = markets.get(position.key)
    token = None
    if market is not None:
        token = market.up_token if position.side == "up" else market.down_token
    return PositionAnswer(
        id=f"{position.strategy}-{position.key}",
        strategy_name=position.strategy,
        crypto=position.key.coin,
        window_epoch=position.key.epoch,
        token_side=position.side.upper(),
        token_id=token,
        entry_price=position.entry_price,
        entry_time=_time(position.entry_ms),
        size=position.shares * position.entry_price,
        shares=position.shares,
        spot_at_entry=position.entry.spot,
    )


def _totals(row: StrategyTotals) -> TotalsAnswer:
    return TotalsAnswer(
        strategy_name=row.strategy,
        crypto=row.coin,
        total_trades=row.trades,
        wins=row.wins,
        losses=row.trades - row.wins,
        total_pnl=row.pnl,
        avg_pnl=row.pnl / row.trades,
        costed_pnl=row.costed_pnl,
    )


def _trade(trade: Trade) -> Mapping[str, Any]:
    row = trade_row(_NO_EVENT, trade)
    return {column: value for column, value in row.items() if column not in _INTERNAL}


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
