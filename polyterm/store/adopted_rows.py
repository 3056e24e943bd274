"""Rows of the field's earlier system as rows of ours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from polyterm.core.market import COINS, Coin, MarketKey, Reference, Side, window_epoch
from polyterm.core.tick import Levels, Tick
from polyterm.quant.validity import judge
from polyterm.store.rows import Row, checked, difference, state_row, utc
from polyterm.store.tick_rows import tick_row
from polyterm.store.tickfile_rows import row_of_columns

SESSION: Final = "adopted"
STARTED: Final = 0
"""So that it comes before every session of ours."""

_SOURCE: Final = "adopted"
_SHARES: Final = 100.0
"""What that system bought unless its strategy said otherwise."""
_DEPTH: Final = 5
_MILLISECONDS_FROM: Final = 1e11  # seconds reach that far in the year 5138


def moment_ms(value: Any) -> int | None:
    """Unix ms of a TIMESTAMP (UTC where it does not say), of text, or of a number of seconds or milliseconds."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    if not isinstance(value, int | float | Decimal):
        return None
    number = float(value)
    return round(number if abs(number) >= _MILLISECONDS_FROM else number * 1000)


def adopted_tick(row: Mapping[str, Any]) -> Row:
    """Raises ValueError or msgspec.ValidationError for a row that is no tick."""
    at_ms = moment_ms(row.get("timestamp_ms")) or _needed(row, "timestamp")
    epoch = _number(row, "window_epoch") or _number(row, "epoch") or window_epoch(at_ms // 1000, "15m")
    columns = {**row, "crypto": _coin(row), "timestamp_ms": at_ms, "timestamp": None, "window_epoch": int(epoch)}
    seen = row_of_columns({name: float(v) if isinstance(v, Decimal) else v for name, v in columns.items()})
    up_bids, up_asks = _levels(row.get("up_book_depth"))
    down_bids, down_asks = _levels(row.get("down_book_depth"))
    slot = at_ms // 1000
    tick = Tick(
        key=seen.key,
        slot=slot,
        made_ms=at_ms,
        up_bid=seen.up_bid,
        up_bid_size=seen.up_bid_size,
        up_ask=seen.up_ask,
        up_ask_size=seen.up_ask_size,
        down_bid=seen.down_bid,
        down_bid_size=seen.down_bid_size,
        down_ask=seen.down_ask,
        down_ask_size=seen.down_ask_size,
        up_bids=up_bids,
        up_asks=up_asks,
        down_bids=down_bids,
        down_asks=down_asks,
        up_last_trade=seen.up_last_trade,
        down_last_trade=seen.down_last_trade,
        book_age_ms=0,
        spot=seen.spot,
        spot_source=None if seen.spot is None else _SOURCE,
        spot_age_ms=None if seen.spot is None else 0,
        strike=None if seen.strike is None else Reference(seen.strike, _SOURCE, "spot", seen.key.epoch * 1000),
        oracle=seen.oracle,
        oracle_source=None if seen.oracle is None else _SOURCE,
        oracle_at_ms=seen.oracle_at_ms,
        oracle_age_ms=seen.oracle_age_ms,
    )
    return tick_row(msgspec.structs.replace(tick, invalid=judge(tick)), SESSION)


def adopted_trade(row: Mapping[str, Any]) -> Row:
    entry_ms, exit_ms = _needed(row, "entry_time"), _needed(row, "exit_time")
    key = _key(row, _number(row, "window_epoch"), entry_ms)
    entry, exit_, pnl = (_price(row, name) for name in ("entry_price", "exit_price", "pnl"))
    shares = _number(row, "shares") or (pnl / (exit_ - entry) if abs(exit_ - entry) > 1e-9 else _SHARES)
    text = {name: None if row.get(name) is None else str(row[name]) for name in ("outcome", "reason")}
    same = {name: _number(row, name) for name in _SAME_IN_TRADES}
    made: Row = {
        **same,
        "session": SESSION,
        "event_id": f"{SESSION}/{row.get('id', entry_ms)}/0",
        "strategy_name": str(row["strategy_name"]),
        "crypto": key.coin,
        "horizon": key.horizon,
        "side": _side(row["side"]),
        "entry_time": utc(entry_ms),
        "exit_time": utc(exit_ms),
        "entry_ms": entry_ms,
        "exit_ms": exit_ms,
        "window_epoch": key.epoch,
        "holding_time_ms": exit_ms - entry_ms,
        "entry_price": entry,
        "exit_price": exit_,
        "strike_grade": None if same["price_to_beat"] is None else "spot",
        "time_remaining_at_entry": same["time_remaining_at_entry"] or key.end - entry_ms / 1000,
        "shares": shares,
        "stake_usd": shares * entry,
        "pnl": pnl,
        "outcome": None if text["outcome"] is None else _side(text["outcome"]),
        "outcome_grade": None if text["outcome"] is None else "spot",
        "reason": text["reason"] or "",
        "entry_reason": "",
        "spot_move_during_trade": difference(same["exit_spot_price"], same["entry_spot_price"]),
    }
    return checked(f"The trade {made['event_id']}", made)


def adopted_window(row: Mapping[str, Any]) -> Row:
    key = _key(row, _number(row, "epoch") or _number(row, "window_epoch"), None)
    outcome = None if row.get("outcome") is None else _side(row["outcome"])
    resolved_ms = moment_ms(row.get("resolved_at"))
    if outcome is not None and resolved_ms is None:
        resolved_ms = key.end * 1000
    made: Row = {name: _number(row, name) for name in _SAME_IN_WINDOWS}
    counts: Row = {name: None if (n := _number(row, name)) is None else int(n) for name in _COUNTS}
    for price, prefix, at_ms in (("start_price", "strike", key.epoch * 1000), ("end_price", "final", key.end * 1000)):
        if made[price] is not None:
            made |= {f"{prefix}_source": _SOURCE, f"{prefix}_grade": "spot", f"{prefix}_at_ms": at_ms}
    made |= {
        **counts,
        "crypto": key.coin,
        "horizon": key.horizon,
        "epoch": key.epoch,
        "session": SESSION,
        "outcome": outcome,
        "outcome_source": None if outcome is None else _SOURCE,
        "outcome_grade": None if outcome is None else "spot",
        "resolved_at": None if resolved_ms is None else utc(resolved_ms),
        "resolved_ms": resolved_ms,
        "created_at": utc(moment_ms(row.get("created_at")) or key.epoch * 1000),
        "opened_ms": key.epoch * 1000,
        "closed_ms": key.end * 1000,
    }
    return checked(f"The window {key}", made)


def adopted_state(row: Mapping[str, Any]) -> Row:
    value = row["value"]
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return state_row(str(row["key"]), text, moment_ms(row.get("updated_at")) or 0)


_SAME_IN_TRADES: Final = (
    "entry_spot_price", "exit_spot_price", "price_to_beat", "entry_market_prob", "exit_market_prob",
    "time_remaining_at_entry", "time_remaining_at_exit", "entry_bid_size", "entry_ask_size", "entry_spread",
    "entry_spread_pct", "exit_bid_size", "exit_ask_size", "exit_spread", "exit_spread_pct", "market_move_during_trade",
    "signal_strength", "entry_book_imbalance", "exit_book_imbalance",
)  # fmt: skip
_SAME_IN_WINDOWS: Final = (
    "start_price", "end_price", "opening_up_price", "closing_up_price", "high_up_price", "low_up_price",
    "up_price_volatility", "spot_volatility", "max_spot_delta_pct",
)  # fmt: skip
_COUNTS: Final = ("tick_count", "price_change_count")


def _coin(row: Mapping[str, Any]) -> Coin:
    name = str(row["crypto"]).lower()
    for coin in COINS:
        if coin == name:
            return coin
    raise ValueError(f"crypto {name!r} is not one of {', '.join(COINS)}")


def _side(value: object) -> Side:
    match str(value).lower():
        case "up" | "yes":
            return "up"
        case "down" | "no":
            return "down"
        case other:
            raise ValueError(f"{other!r} is neither up nor down")


def _key(row: Mapping[str, Any], epoch: float | None, at_ms: int | None) -> MarketKey:
    if epoch is None and at_ms is None:
        raise ValueError("a window needs its epoch")
    start = window_epoch((at_ms or 0) // 1000, "15m") if epoch is None else int(epoch)
    return MarketKey(_coin(row), "15m", start)


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None else float(value)


def _price(row: Mapping[str, Any], name: str) -> float:
    value = _number(row, name)
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def _needed(row: Mapping[str, Any], name: str) -> int:
    ms = moment_ms(row.get(name))
    if ms is None:
        raise ValueError(f"{name} is missing")
    return ms


class _Level(msgspec.Struct):
    price: float
    size: float


class _Depth(msgspec.Struct):
    bids: list[Any] = []
    asks: list[Any] = []


def _levels(value: Any) -> tuple[Levels, Levels]:
    """Bids and asks, best first. That system wrote bids only, in no order; what cannot be read is not known."""
    try:
        found = msgspec.json.decode(value) if isinstance(value, str | bytes) else value
        depth = msgspec.convert(found if isinstance(found, dict) else {"bids": found or []}, _Depth)
        bids, asks = ([_level(one) for one in side] for side in (depth.bids, depth.asks))
    except (msgspec.DecodeError, msgspec.ValidationError):
        return (), ()
    return tuple(sorted(bids, reverse=True)[:_DEPTH]), tuple(sorted(asks)[:_DEPTH])


def _level(value: Any) -> tuple[float, float]:
    if isinstance(value, dict):
        level = msgspec.convert(value, _Level, strict=False)
        return level.price, level.size
    return msgspec.convert(value, tuple[float, float], strict=False)
