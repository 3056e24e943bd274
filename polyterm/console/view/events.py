"""The engine's events in words, newest first."""

from collections.abc import Sequence
from typing import Final

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Role, Row, laid_out
from polyterm.console.view.figures import clock_time, money, price, probability
from polyterm.core.command import TradingState
from polyterm.core.event import (
    CommandRefused,
    Event,
    PositionOpened,
    StrategyDisabled,
    StrikeSet,
    TradeClosed,
    TradeCorrected,
    TradingStateChanged,
    WindowClosed,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.market import MarketKey

COLUMNS: Final = (
    ColumnSpec("time", "Events", 8, 90, "left"),
    ColumnSpec("what", "what happened", 20, 100, "left", grow=400),
)
SHOWN: Final = 100

_STATE_ROLES: Final[dict[TradingState, Role]] = {"RUNNING": "up", "PAUSED": "warn", "KILLED": "danger"}


def event_rows(view: View, columns: Sequence[Column]) -> tuple[Row, ...]:
    newest = view.events[: -SHOWN - 1 : -1]
    return tuple(
        Row(str(event.id), laid_out([_cell(event, column.key) for column in columns], columns)) for event in newest
    )


def _cell(event: Event, column: str) -> Cell:
    return Cell(clock_time(event.at_ms), "muted") if column == "time" else sentence(event)


def sentence(event: Event) -> Cell:
    match event:
        case PositionOpened() | TradeClosed() | TradeCorrected():
            return _trade_sentence(event)
        case WindowStarted() | StrikeSet() | WindowClosed() | WindowSettled():
            return _window_sentence(event)
        case TradingStateChanged():
            return _state_changed(event)
        case CommandRefused(actor=actor, reason=reason):
            return Cell(f"refused {actor}: {reason}", "warn")
        case StrategyDisabled(strategy=strategy, error=error):
            return Cell(f"{strategy} raised and is out: {error}", "danger")


def _trade_sentence(event: PositionOpened | TradeClosed | TradeCorrected) -> Cell:
    match event:
        case PositionOpened(position=held):
            at = f"{held.shares:g} {held.side} at {probability(held.entry_price)}"
            return Cell(f"{_name(held.key)} {held.strategy} bought {at}: {held.reason}", "accent")
        case TradeClosed(trade=trade):
            result = money(trade.costed_pnl)
            return Cell(f"{_name(trade.key)} {trade.strategy} closed {result.text}: {trade.exit_reason}", result.role)
        case TradeCorrected(before=before, after=after):
            change = f"{money(before.costed_pnl).text} became {money(after.costed_pnl).text}"
            return Cell(f"{_name(after.key)} {after.strategy} corrected: {change}", "warn")


def _window_sentence(event: WindowStarted | StrikeSet | WindowClosed | WindowSettled) -> Cell:
    name = _name(event.key)
    match event:
        case WindowStarted(strike=strike):
            at = "its strike is not known yet" if strike is None else f"strike {price(strike.price)} ({strike.grade})"
            return Cell(f"{name} window opened, {at}")
        case StrikeSet(strike=strike):
            return Cell(f"{name} strike {price(strike.price)} ({strike.grade})", "muted")
        case WindowClosed(pending=pending):
            waiting = f", {pending} positions await its outcome" if pending else ""
            return Cell(f"{name} window ended{waiting}")
        case WindowSettled(outcome=outcome, grade=grade, corrects=corrects):
            verb = "corrected to" if corrects else "settled"
            return Cell(f"{name} {verb} {outcome} ({grade})", "warn" if corrects else outcome)


def _state_changed(event: TradingStateChanged) -> Cell:
    why = f": {event.reason}" if event.reason else ""
    return Cell(f"{event.before} → {event.after} by {event.actor} ({event.origin}){why}", _STATE_ROLES[event.after])


def _name(key: MarketKey) -> str:
    return f"{key.coin.upper()} {key.horizon}"
