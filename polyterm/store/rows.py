"""Sessions, windows and state as rows, and what every kind of row is made with."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from polyterm.core.event import EventId, WindowClosed, WindowSettled
from polyterm.core.market import FeeSchedule, MarketKey, Reference
from polyterm.core.snapshot import Mode
from polyterm.errors import StoreError

Row = dict[str, Any]
"""Column name to value, as the database driver takes it."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INT_LIMIT: Final = 2**63


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the engine. ``platform`` is its fingerprint, ``started_ms`` market time; ``strategies`` in order."""

    id: str
    started_ms: int
    mode: Mode = "PAPER"
    program: str = ""
    platform: str = ""
    sizing: str = "shares"
    strategies: tuple[str, ...] = ()


def utc(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def checked(what: str, row: Row) -> Row:
    """The row itself. Raises StoreError naming ``what`` and the column of a number that cannot be stored."""
    for column, value in row.items():
        if isinstance(value, float):
            if not math.isfinite(value):
                raise StoreError(f"{what} was not stored: {column} is {value}, not a finite number.")
        elif isinstance(value, int) and not -_INT_LIMIT <= value < _INT_LIMIT:
            raise StoreError(f"{what} was not stored: {column} does not fit 64 bits.")
    return row


def difference(minuend: float | None, subtrahend: float | None) -> float | None:
    return None if minuend is None or subtrahend is None else minuend - subtrahend


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or not denominator else numerator / denominator


def strike_row(event_id: EventId, at_ms: int, key: MarketKey, strike: Reference | None) -> Row:
    """The window's key and strike; ``created_at`` is kept from the first row of the window."""
    row: Row = {
        **_window_key(event_id, at_ms, key),
        "start_price": strike.price if strike else None,
        "strike_source": strike.source if strike else None,
        "strike_grade": strike.grade if strike else None,
        "strike_at_ms": strike.at_ms if strike else None,
    }
    return checked(f"The strike of {key}", row)


def opening_row(event_id: EventId, at_ms: int, key: MarketKey, strike: Reference | None, fee: FeeSchedule) -> Row:
    row = strike_row(event_id, at_ms, key, strike)
    row.update(opened_ms=at_ms, fee_rate=fee.rate, fee_exponent=fee.exponent)
    return checked(f"The start of {key}", row)


def closing_row(event: WindowClosed) -> Row:
    final, stats = event.final, event.stats
    row: Row = {
        **_window_key(event.id, event.at_ms, event.key),
        "closed_ms": event.at_ms,
        "end_price": final.price if final else None,
        "final_source": final.source if final else None,
        "final_grade": final.grade if final else None,
        "final_at_ms": final.at_ms if final else None,
        "opening_up_price": stats.opening_mid,
        "closing_up_price": stats.closing_mid,
        "high_up_price": stats.high_mid,
        "low_up_price": stats.low_mid,
        "tick_count": stats.ticks,
        "price_change_count": stats.price_changes,
        "up_price_volatility": stats.mid_return_sd,
        "spot_volatility": stats.spot_return_sd,
        "max_spot_delta_pct": stats.max_abs_distance,
    }
    return checked(f"The end of {event.key}", row)


def outcome_row(event: WindowSettled) -> Row:
    """``end_price`` is set when the judge gave the final price that it judged by.

    The source of a judgement of ours is that of the final, "against" that of the strike.
    """
    known, end_ms = event.final_price is not None, event.key.end * 1000
    row: Row = {
        **_window_key(event.id, event.at_ms, event.key),
        "outcome": event.outcome,
        "outcome_source": event.source,
        "outcome_grade": event.grade,
        "resolved_at": utc(event.at_ms),
        "resolved_ms": event.at_ms,
        "end_price": event.final_price,
        "final_source": event.source.partition(" against ")[0] if known else None,
        "final_grade": event.grade if known else None,
        "final_at_ms": end_ms if known else None,
        "official_delay_ms": event.at_ms - end_ms if event.grade == "official" else None,
    }
    return checked(f"The outcome of {event.key}", row)


def _window_key(event_id: EventId, at_ms: int, key: MarketKey) -> Row:
    return {
        "crypto": key.coin,
        "horizon": key.horizon,
        "epoch": key.epoch,
        "session": event_id.session,
        "created_at": utc(at_ms),
    }


def state_row(key: str, value_json: str, at_ms: int) -> Row:
    return {"key": key, "value": value_json, "updated_at": utc(at_ms), "updated_ms": at_ms}


def session_row(session: SessionInfo) -> Row:
    return {
        "session": session.id,
        "mode": session.mode,
        "program": session.program,
        "platform": session.platform,
        "sizing": session.sizing,
        "started_ms": session.started_ms,
        "started_at": utc(session.started_ms),
        "ended_ms": None,
        "strategies": msgspec.json.encode(session.strategies).decode(),
    }
