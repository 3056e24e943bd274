"""How a position begins, and the three ways in which it becomes or changes a trade."""

from typing import Final

import msgspec

from polyterm.core.input import Outcome
from polyterm.core.market import FeeSchedule, Side
from polyterm.core.position import Conditions, Leg, Position, Trade
from polyterm.core.signal import Signal
from polyterm.core.tick import Tick
from polyterm.engine.fills import open_legs, sell_legs, settle_legs
from polyterm.quant import book
from polyterm.quant.primitives import known, number, usable_price

EXPIRY: Final = "window_expiry"


Measures = tuple[float | None, float | None, float | None, float | None, float | None, int]
"""Of a tick, whichever side is traded: spot, Up mid, spread, spread in percent, imbalance, seconds that are left."""


def measures(tick: Tick) -> Measures:
    return (
        known(usable_price(tick.spot)),
        tick.up_mid,
        tick.spread,
        tick.spread_pct,
        known(book.imbalance(number(tick.up_bid_size), number(tick.up_ask_size))),
        tick.time_remaining_s,
    )


def conditions(tick: Tick, side: Side, measured: Measures) -> Conditions:
    """The market on ``tick``; sizes are those of the side's own book, spread and imbalance are Up's."""
    spot, up_mid, spread, spread_pct, imbalance, time_remaining_s = measured
    bid_size, ask_size = (
        (tick.up_bid_size, tick.up_ask_size) if side == "up" else (tick.down_bid_size, tick.down_ask_size)
    )
    return Conditions(spot, up_mid, bid_size, ask_size, spread, spread_pct, imbalance, time_remaining_s)


def bought(
    strategy: str, tick: Tick, side: Side, signal: Signal, *, price: float, shares: float, fee: FeeSchedule,
    entry: Conditions, session: str,
) -> Position:  # fmt: skip
    """``entry`` are the ``conditions`` of that side."""
    mid, strike = entry.up_mid, tick.strike
    mark = mid if mid is None or side == "up" else 1 - mid
    return Position(
        strategy=strategy,
        key=tick.key,
        side=side,
        entry_ms=tick.at_ms,
        entry_price=price,
        shares=shares,
        reason=signal.reason,
        strength=signal.strength,
        entry=entry,
        strike=None if strike is None else strike.price,
        strike_grade=None if strike is None else strike.grade,
        legs=open_legs(price, shares, fee),
        peak_r=0.0 if mark is None else (mark - price) / price,
        session=session,
    )


def sold(
    position: Position, tick: Tick, reason: str, *, price: float, fee: FeeSchedule, exit_: Conditions
) -> Trade:  # fmt: skip
    """``exit_`` are the ``conditions`` of the position's side."""
    return _trade(
        position,
        exit_ms=tick.at_ms,
        reason=reason,
        legs=sell_legs(position.legs, price, fee),
        exit_=exit_,
        exit_spot=exit_.spot,
    )


def settled(position: Position, outcome: Outcome, exit_spot: float | None) -> Trade:
    """The position paid at 1 or 0. It ended with its window, however late the outcome came."""
    return _trade(
        position,
        exit_ms=position.key.end * 1000,
        reason=EXPIRY,
        legs=settle_legs(position.legs, position.side == outcome.side),
        exit_spot=exit_spot,
        outcome=outcome,
    )


def settled_anew(trade: Trade, outcome: Outcome) -> Trade:
    """A settled trade under a better-graded outcome."""
    return msgspec.structs.replace(
        trade,
        legs=settle_legs(trade.legs, trade.side == outcome.side),
        outcome=outcome.side,
        grade=outcome.grade,
    )


def _trade(
    position: Position, *, exit_ms: int, reason: str, legs: tuple[Leg, ...], exit_spot: float | None,
    exit_: Conditions | None = None, outcome: Outcome | None = None,
) -> Trade:  # fmt: skip
    return Trade(
        strategy=position.strategy,
        key=position.key,
        side=position.side,
        entry_ms=position.entry_ms,
        exit_ms=exit_ms,
        entry_reason=position.reason,
        exit_reason=reason,
        strength=position.strength,
        entry=position.entry,
        exit=exit_,
        strike=position.strike,
        strike_grade=position.strike_grade,
        legs=legs,
        exit_spot=exit_spot,
        outcome=None if outcome is None else outcome.side,
        grade=None if outcome is None else outcome.grade,
        session=position.session,
    )
