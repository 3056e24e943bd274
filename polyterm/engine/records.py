"""A closed trade as one flat record, with the keys in which trades are compared and exchanged."""

import msgspec

from polyterm.core.market import Coin, Side
from polyterm.core.position import Trade


class TradeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Under the touch model. Times are unix ms (``window_epoch`` s), prices and spreads dollars per share.

    Book sizes are those of the side that was bought; spreads and imbalance are of the Up book. The exit's book is None
    for a trade that was settled, its outcome None for one that was sold.
    """

    strategy: str
    crypto: Coin
    side: Side
    window_epoch: int
    entry_ts: int
    exit_ts: int
    holding_ms: int
    entry_price: float
    exit_price: float | None
    size: float
    pnl: float
    reason: str
    entry_reason: str
    outcome: Side | None
    entry_spot: float | None
    exit_spot: float | None
    price_to_beat: float | None
    entry_market_prob: float | None
    exit_market_prob: float | None
    time_remaining_at_entry: int
    entry_bid_size: float | None
    entry_ask_size: float | None
    entry_spread: float | None
    entry_spread_pct: float | None
    exit_bid_size: float | None
    exit_ask_size: float | None
    exit_spread: float | None
    spot_move: float | None
    market_move: float | None
    signal_strength: float | None
    entry_book_imbalance: float | None


def record(trade: Trade) -> TradeRecord:
    leg, entry, exit_ = trade.leg("touch"), trade.entry, trade.exit
    exit_mid = None if exit_ is None else exit_.up_mid
    return TradeRecord(
        strategy=trade.strategy,
        crypto=trade.key.coin,
        side=trade.side,
        window_epoch=trade.key.epoch,
        entry_ts=trade.entry_ms,
        exit_ts=trade.exit_ms,
        holding_ms=trade.exit_ms - trade.entry_ms,
        entry_price=leg.entry_price,
        exit_price=leg.exit_price,
        size=leg.shares,
        pnl=trade.pnl,
        reason=trade.exit_reason,
        entry_reason=trade.entry_reason,
        outcome=trade.outcome,
        entry_spot=entry.spot,
        exit_spot=trade.exit_spot,
        price_to_beat=trade.strike,
        entry_market_prob=entry.up_mid,
        exit_market_prob=exit_mid,
        time_remaining_at_entry=entry.time_remaining_s,
        entry_bid_size=entry.bid_size,
        entry_ask_size=entry.ask_size,
        entry_spread=entry.spread,
        entry_spread_pct=entry.spread_pct,
        exit_bid_size=None if exit_ is None else exit_.bid_size,
        exit_ask_size=None if exit_ is None else exit_.ask_size,
        exit_spread=None if exit_ is None else exit_.spread,
        spot_move=_move(entry.spot, trade.exit_spot),
        market_move=_move(entry.up_mid, exit_mid),
        signal_strength=trade.strength,
        entry_book_imbalance=entry.imbalance,
    )


def _move(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
