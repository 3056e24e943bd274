"""What happened, in words, newest first: the engine's events and what this console noticed itself."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Literal, get_args

import msgspec

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.notes import Note, NoteLevel
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


Kind = Literal["all", "trades", "windows", "conflicts", "feeds", "state", "problems"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
SELECTED: Final = "»"
_NOTE_ROLES: Final[dict[NoteLevel, Role]] = {"info": "muted", "warn": "warn", "danger": "danger"}
_PROBLEMS: Final = frozenset(("warn", "danger"))


class Choice(msgspec.Struct, frozen=True):
    """Which events; ``words`` must all be in the sentence."""

    kind: Kind = "all"
    words: str = ""

    def turned(self, step: int) -> "Choice":
        return msgspec.structs.replace(self, kind=KINDS[(KINDS.index(self.kind) + step) % len(KINDS)])

    def matching(self, words: str) -> "Choice":
        return msgspec.structs.replace(self, words=words.strip())

    @property
    def title(self) -> str:
        kind = "" if self.kind == "all" else self.kind
        return " ".join(filter(None, (kind, f"/{self.words}" if self.words else "")))


def event_rows(
    view: View, columns: Sequence[Column], choice: Choice | None = None, selected: str | None = None
) -> tuple[Row, ...]:
    """Those that pass; the ``selected`` strategy's own are marked."""
    passing = chosen(view, choice or Choice())
    return tuple(_row(item, said, columns, selected) for item, said in islice(passing, SHOWN))


def chosen(view: View, choice: Choice) -> Iterator[tuple[Event | Note, Cell]]:
    """Everything that passes, newest first, and what is said of it."""
    words = choice.words.casefold().split()
    for item in _newest_first(view):
        said = _said(item)
        if _is_of(choice.kind, item, said) and all(word in said.text.casefold() for word in words):
            yield item, said


def _newest_first(view: View) -> Iterator[Event | Note]:
    """Both kinds are in order already; an engine event comes after a note of the same time."""
    events, notes = iter(reversed(view.events)), iter(reversed(view.notes))
    event, note = next(events, None), next(notes, None)
    while event is not None or note is not None:
        if note is None or (event is not None and event.at_ms >= note.at_ms):
            if event is not None:
                yield event
            event = next(events, None)
        else:
            yield note
            note = next(notes, None)


def _said(item: Event | Note) -> Cell:
    return Cell(item.text, _NOTE_ROLES[item.level]) if isinstance(item, Note) else sentence(item)


def _is_of(kind: Kind, item: Event | Note, said: Cell) -> bool:
    if kind == "all":
        return True
    if kind == "problems":
        return said.role in _PROBLEMS
    match item:
        case Note():
            return kind == item.kind
        case PositionOpened() | TradeClosed() | TradeCorrected():
            return kind == "trades"
        case WindowStarted() | StrikeSet() | WindowClosed() | WindowSettled():
            return kind == "windows"
        case _:
            return kind == "state"


def _row(item: Event | Note, said: Cell, columns: Sequence[Column], selected: str | None) -> Row:
    key = f"note {item.number}" if isinstance(item, Note) else str(item.id)
    if selected is not None and not isinstance(item, Note) and _strategy_of(item) == selected:
        said = Cell(f"{SELECTED} {said.text}", said.role)
    cells = [Cell(clock_time(item.at_ms), "muted") if column.key == "time" else said for column in columns]
    return Row(key, lambda: laid_out(cells, columns))


def _strategy_of(event: Event) -> str | None:
    match event:
        case PositionOpened(position=held):
            return held.strategy
        case TradeClosed(trade=trade) | TradeCorrected(after=trade):
            return trade.strategy
        case StrategyDisabled(strategy=strategy):
            return strategy
        case _:
            return None


def nothing_passes(choice: Choice) -> str:
    if choice == Choice():
        return "Windows, trades, conflicts, feeds and commands appear here as they happen; most with the next window."
    return f"Nothing of this kind has happened yet ({choice.title}). Esc shows everything."


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
