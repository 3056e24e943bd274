"""Values written out by hand, for every test of the store."""

import sqlite3
from pathlib import Path
from typing import Any

from polyterm.core.command import Command
from polyterm.core.event import EventId, TradeClosed, TradeCorrected
from polyterm.core.input import Input, Payload
from polyterm.core.market import MarketKey, Reference
from polyterm.core.position import Conditions, Leg, Trade
from polyterm.core.tick import Tick
from polyterm.store.rows import SessionInfo

EPOCH = 1_769_299_200  # 2026-01-25 00:00:00 UTC, a multiple of 900
KEY = MarketKey("btc", "15m", EPOCH)
SESSION = SessionInfo(
    id="s1", started_ms=EPOCH * 1000 - 5_000, mode="PAPER", program="0.1.0", platform="linux-x", sizing="shares"
)


def tick(second: int = 4, key: MarketKey = KEY, **changes: Any) -> Tick:
    """A whole tick: mid 0.5, spread 0.02, spot 100.5 over a strike of 100, oracle 100.25."""
    values: dict[str, Any] = {
        "key": key,
        "slot": key.epoch + second,
        "made_ms": (key.epoch + second) * 1000 + 12,
        "up_bid": 0.49,
        "up_bid_size": 120.0,
        "up_ask": 0.51,
        "up_ask_size": 80.0,
        "down_bid": 0.48,
        "down_bid_size": 75.5,
        "down_ask": 0.52,
        "down_ask_size": 64.25,
        "up_bids": ((0.49, 120.0), (0.48, 30.0), (0.47, 5.0), (0.46, 1.5), (0.45, 900.0)),
        "up_asks": ((0.51, 80.0), (0.53, 12.0)),
        "down_bids": ((0.48, 75.5),),
        "down_asks": ((0.52, 64.25), (0.55, 10.0)),
        "up_last_trade": 0.5,
        "down_last_trade": 0.47,
        "book_age_ms": 340,
        "spot": 100.5,
        "spot_source": "binance",
        "spot_age_ms": 25,
        "spot_basis": 0.0005,
        "strike": Reference(100.0, "twap60", "stream", key.epoch * 1000),
        "oracle": 100.25,
        "oracle_source": "chainlink-polygon",
        "oracle_at_ms": key.epoch * 1000 + 2_500,
        "oracle_age_ms": 1_500,
        "twap": 100.125,
        "twap_at_ms": key.epoch * 1000 + 3_000,
        "twap_age_ms": 1_012,
        "invalid": None,
    }
    return Tick(**{**values, **changes})


def taken(payload: Payload | None = None, number: int = 1, at_ms: int = EPOCH * 1000) -> Input:
    """``payload`` as the engine took it: a tick in its own slot, by default some command."""
    at_ms = payload.at_ms if isinstance(payload, Tick) else at_ms
    return Input(number, at_ms, payload or Command("c1", "pause", "ann", "console"))


ENTRY = Conditions(
    spot=100.5,
    up_mid=0.5,
    bid_size=120.0,
    ask_size=80.0,
    spread=0.02,
    spread_pct=4.0,
    imbalance=0.2,
    time_remaining_s=896,
)
EXIT = Conditions(
    spot=101.0,
    up_mid=0.625,
    bid_size=60.0,
    ask_size=40.0,
    spread=0.03,
    spread_pct=4.8,
    imbalance=-0.25,
    time_remaining_s=600,
)


def early_exit(strategy: str = "SpotLag_Fast", second: int = 4, key: MarketKey = KEY, pnl: float = 12.5) -> Trade:
    """100 shares of Up bought at 0.50 and sold 296 s later at 0.625: $12.50, or $10.00 after $2.50 of fees."""
    return Trade(
        strategy=strategy,
        key=key,
        side="up",
        entry_ms=(key.epoch + second) * 1000,
        exit_ms=(key.epoch + second + 296) * 1000,
        entry_reason="spot_lag_detected",
        exit_reason="take_profit",
        strength=0.75,
        entry=ENTRY,
        exit=EXIT,
        strike=100.0,
        strike_grade="stream",
        legs=(
            Leg("touch", 100.0, 0.5, 0.0, "full", 0.625, pnl),
            Leg("costed", 100.0, 0.5, 2.5, "full", 0.625, pnl - 2.5),
        ),
        exit_spot=101.0,
    )


def settled(
    strategy: str = "SpotLagSimple", second: int = 10, key: MarketKey = KEY, *, won: bool = True, grade: str = "spot"
) -> Trade:
    """100 shares of Up bought at 0.40 and held to the end: +$60 or -$40."""
    final = 1.0 if won else 0.0
    return Trade(
        strategy=strategy,
        key=key,
        side="up",
        entry_ms=(key.epoch + second) * 1000,
        exit_ms=key.end * 1000,
        entry_reason="spot_lag_detected",
        exit_reason="window_expiry",
        strength=None,
        entry=ENTRY,
        exit=None,
        strike=100.0,
        strike_grade="stream",
        legs=(
            Leg("touch", 100.0, 0.4, 0.0, "full", final, 60.0 if won else -40.0),
            Leg("costed", 100.0, 0.4, 1.75, "full", final, 58.25 if won else -41.75),
        ),
        exit_spot=99.0,
        outcome="up" if won else "down",
        grade=grade,
    )


def closed(number: int, trade: Trade, session: str = "s1") -> TradeClosed:
    return TradeClosed(EventId(session, number, 0), trade.exit_ms, trade)


def corrected(number: int, before: Trade, after: Trade, session: str = "s1") -> TradeCorrected:
    return TradeCorrected(EventId(session, number, 0), before.exit_ms + 60_000, before, after)


def rows(path: Path, sql: str) -> list[dict[str, Any]]:
    """What another program sees in the file."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(sql)]
    finally:
        connection.close()
