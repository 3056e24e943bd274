"""What an event, an input or a session leaves behind: rows, and the writing of them into a SQLite file."""

import logging
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from polyterm.core.digest import SessionDigest
from polyterm.core.event import (
    Event,
    PositionOpened,
    StrikeSet,
    TradeClosed,
    TradeCorrected,
    TradingStateChanged,
    WindowClosed,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.gap import Gap
from polyterm.errors import StoreError
from polyterm.store.gap_rows import closed_row, gap_row, touched_row
from polyterm.store.position_rows import position_row
from polyterm.store.rows import (
    Row,
    SessionInfo,
    closing_row,
    opening_row,
    outcome_row,
    session_row,
    state_row,
    strike_row,
)
from polyterm.store.statements import (
    CLOSING,
    CORRECTION,
    END,
    FLAG,
    GAP,
    OPENING,
    OUTCOME,
    POSITION,
    SESSION,
    STATE,
    STRIKE,
    TRADE,
    Kind,
    runs,
)
from polyterm.store.trade_rows import correction_row, trade_row

_log = logging.getLogger(__name__)

TRADING_STATE_KEY: Final = "trading_state"


class Write(NamedTuple):
    """``then`` is for what the kind does when ``row`` was new."""

    kind: Kind
    row: Row
    then: Row | None = None


def beginning_of_session(session: SessionInfo) -> Write:
    return Write(SESSION, {**session_row(session), "own_session": session.id})


def end_of_session(session: str, at_ms: int, digest: SessionDigest | None) -> Write:
    """A session that ends without a ``digest`` cannot be verified as a whole."""
    totals = (None, None, None) if digest is None else (digest.inputs, digest.events, digest.digest)
    row = dict(zip(("last_input", "all_events", "digest"), totals, strict=True))
    return Write(END, {"ended_session": session, "at_ms": at_ms, **row})


def writes_of(event: Event) -> Iterator[Write]:
    """The rows that an event leaves behind. Raises StoreError for a number that cannot be stored."""
    match event:
        case WindowStarted():
            row = opening_row(event.id, event.at_ms, event.key, event.strike, event.fee)
            yield Write(OPENING, row)
        case StrikeSet():
            yield Write(STRIKE, strike_row(event.id, event.at_ms, event.key, event.strike))
        case WindowClosed():
            if event.strike is not None:
                yield Write(STRIKE, strike_row(event.id, event.at_ms, event.key, event.strike))
            yield Write(CLOSING, closing_row(event))
            yield Write(FLAG, closed_row(event.key))
        case WindowSettled():
            yield Write(OUTCOME, outcome_row(event))
        case PositionOpened():
            yield Write(POSITION, position_row(event.id, event.position))
        case TradeClosed():
            yield Write(TRADE, trade_row(event.id, event.trade))
        case TradeCorrected():
            yield Write(CORRECTION, correction_row(event), then=trade_row(event.id, event.after))
        case TradingStateChanged():
            text = msgspec.json.encode(event).decode()
            yield Write(STATE, state_row(TRADING_STATE_KEY, text, event.at_ms))
        case _:
            return


def repeated(event: Event) -> Iterator[Write]:
    """The rows of an event that was made again. The trading state is whatever it has become since."""
    if isinstance(event, TradingStateChanged):
        return
    try:
        yield from tuple(writes_of(event))
    except StoreError as error:
        _log.warning("made again, and refused again: %s", error)


def writes_of_gap(gap: Gap, session: str) -> tuple[Write, ...]:
    return Write(GAP, gap_row(gap, session)), Write(FLAG, touched_row(gap))


async def write(connection: AsyncConnection, writes: Iterable[Write]) -> None:
    """Do all of it on the open transaction of a SQLite connection."""
    for kind, same in runs(writes, lambda one: one.kind):
        if kind.then is None:
            rows = [one.row for one in same]
            await connection.execute(kind.sqlite, rows)
            if kind.also is not None:
                await connection.execute(kind.also.sqlite, rows)
            continue
        for one in same:
            result = await connection.execute(kind.sqlite, one.row)
            if one.then is not None and result.rowcount == 1:
                await connection.execute(kind.then.sqlite, one.then)
