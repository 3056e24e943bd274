"""A closed trade as a row, and back."""

from collections.abc import Mapping
from typing import Any, Final

from polyterm.core.event import EventId, TradeCorrected
from polyterm.core.market import MarketKey
from polyterm.core.position import Conditions, FillModel, Leg, Trade
from polyterm.errors import StoreError
from polyterm.store.rows import Row, checked, difference, utc

_MODELS_IN_COLUMNS: Final[tuple[FillModel, ...]] = ("costed", "realistic")


def _required(what: str, column: str, value: float | None) -> float:
    if value is None:
        raise StoreError(f"{what} was not stored: {column} is missing.")
    return value


def trade_row(event_id: EventId, trade: Trade) -> Row:
    """``session`` is the one that opened the position. Raises StoreError naming the column of a number that is missing
    or not finite."""
    what = f"The trade of {trade.strategy} on {trade.key}"
    touch = trade.leg("touch")
    row: Row = {
        "session": trade.session or event_id.session,
        "event_id": str(event_id),
        "strategy_name": trade.strategy,
        "crypto": trade.key.coin,
        "horizon": trade.key.horizon,
        "side": trade.side,
        "entry_time": utc(trade.entry_ms),
        "exit_time": utc(trade.exit_ms),
        "entry_ms": trade.entry_ms,
        "exit_ms": trade.exit_ms,
        "window_epoch": trade.key.epoch,
        "holding_time_ms": trade.exit_ms - trade.entry_ms,
        "entry_price": touch.entry_price,
        "exit_price": _required(what, "exit_price", touch.exit_price),
        "entry_spot_price": trade.entry.spot,
        "exit_spot_price": trade.exit_spot,
        "price_to_beat": trade.strike,
        "strike_grade": trade.strike_grade,
        "shares": touch.shares,
        "stake_usd": touch.shares * touch.entry_price,
        "pnl": _required(what, "pnl", touch.pnl),
        "outcome": trade.outcome,
        "outcome_grade": trade.grade,
        "reason": trade.exit_reason,
        "entry_reason": trade.entry_reason,
        "signal_strength": trade.strength,
        **_market_columns(trade),
    }
    for model in _MODELS_IN_COLUMNS:
        row.update(_leg_columns(trade, model))
    return checked(what, row)


def _market_columns(trade: Trade) -> Row:
    """The market at entry and, after an early exit, at exit."""
    entry, exit_ = trade.entry, trade.exit
    return {
        "entry_market_prob": entry.up_mid,
        "exit_market_prob": exit_.up_mid if exit_ else None,
        "time_remaining_at_entry": entry.time_remaining_s,
        "time_remaining_at_exit": exit_.time_remaining_s if exit_ else None,
        "entry_bid_size": entry.bid_size,
        "entry_ask_size": entry.ask_size,
        "entry_spread": entry.spread,
        "entry_spread_pct": entry.spread_pct,
        "entry_book_imbalance": entry.imbalance,
        "exit_bid_size": exit_.bid_size if exit_ else None,
        "exit_ask_size": exit_.ask_size if exit_ else None,
        "exit_spread": exit_.spread if exit_ else None,
        "exit_spread_pct": exit_.spread_pct if exit_ else None,
        "exit_book_imbalance": exit_.imbalance if exit_ else None,
        "spot_move_during_trade": difference(trade.exit_spot, entry.spot),
        "market_move_during_trade": difference(exit_.up_mid if exit_ else None, entry.up_mid),
    }


def _leg_columns(trade: Trade, model: FillModel) -> Row:
    leg = next((leg for leg in trade.legs if leg.model == model), None)
    return {
        f"{model}_status": leg.status if leg else None,
        f"{model}_shares": leg.shares if leg else None,
        f"{model}_entry_price": leg.entry_price if leg else None,
        f"{model}_exit_price": leg.exit_price if leg else None,
        f"{model}_fee": leg.fee if leg else None,
        f"{model}_pnl": leg.pnl if leg else None,
    }


def trade_from_row(row: Mapping[Any, Any]) -> Trade:
    """The trade with its legs in the order touch, costed, realistic."""
    touch = Leg("touch", row["shares"], row["entry_price"], 0.0, "full", row["exit_price"], row["pnl"])
    others = (_leg_from_row(row, model) for model in _MODELS_IN_COLUMNS)
    return Trade(
        strategy=row["strategy_name"],
        key=MarketKey(row["crypto"], row["horizon"], row["window_epoch"]),
        side=row["side"],
        entry_ms=row["entry_ms"],
        exit_ms=row["exit_ms"],
        entry_reason=row["entry_reason"],
        exit_reason=row["reason"],
        strength=row["signal_strength"],
        entry=_conditions(row, "entry"),
        # An early exit always knows how much time was left; a settlement has no market to describe.
        exit=None if row["time_remaining_at_exit"] is None else _conditions(row, "exit"),
        strike=row["price_to_beat"],
        strike_grade=row["strike_grade"],
        legs=(touch, *(leg for leg in others if leg is not None)),
        exit_spot=row["exit_spot_price"],
        outcome=row["outcome"],
        grade=row["outcome_grade"],
        session=row["session"],
    )


def _leg_from_row(row: Mapping[Any, Any], model: FillModel) -> Leg | None:
    if row[f"{model}_status"] is None:
        return None
    return Leg(
        model,
        row[f"{model}_shares"],
        row[f"{model}_entry_price"],
        row[f"{model}_fee"],
        row[f"{model}_status"],
        row[f"{model}_exit_price"],
        row[f"{model}_pnl"],
    )


def _conditions(row: Mapping[Any, Any], when: str) -> Conditions:
    return Conditions(
        spot=row[f"{when}_spot_price"],
        up_mid=row[f"{when}_market_prob"],
        bid_size=row[f"{when}_bid_size"],
        ask_size=row[f"{when}_ask_size"],
        spread=row[f"{when}_spread"],
        spread_pct=row[f"{when}_spread_pct"],
        imbalance=row[f"{when}_book_imbalance"],
        time_remaining_s=int(row[f"time_remaining_at_{when}"]),
    )


def correction_row(event: TradeCorrected) -> Row:
    before, after = event.before, event.after
    what = f"The correction of {after.strategy} on {after.key}"
    row: Row = {
        "session": event.id.session,
        "event_input": event.id.input,
        "event_ordinal": event.id.ordinal,
        "strategy_name": after.strategy,
        "crypto": after.key.coin,
        "horizon": after.key.horizon,
        "window_epoch": after.key.epoch,
        "entry_ms": after.entry_ms,
        "corrected_ms": event.at_ms,
        "corrected_at": utc(event.at_ms),
        "outcome_before": before.outcome,
        "outcome_after": after.outcome,
        "grade_before": before.grade,
        "grade_after": after.grade,
        "trade_session": after.session or event.id.session,
    }
    for name, trade in (("before", before), ("after", after)):
        touch = trade.leg("touch")
        row[f"exit_price_{name}"] = _required(what, f"exit_price_{name}", touch.exit_price)
        row[f"pnl_{name}"] = _required(what, f"pnl_{name}", touch.pnl)
        row[f"costed_pnl_{name}"] = next((leg.pnl for leg in trade.legs if leg.model == "costed"), None)
    return checked(what, row)
