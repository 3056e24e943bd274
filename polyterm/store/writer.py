"""Rows into tables. Every write can be repeated: a batch whose fate is unknown is simply written again.

An input, a digest, a trade and a correction are stored once, the first wins. A window's strike and outcome give way to
one of the same or a better grade; its statistics to those over at least as many ticks, so that a session that joined
late does not replace a whole window by a part of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Executable, bindparam, case, func, select, update
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import KeyedColumnElement

from polyterm.core.digest import SessionDigest
from polyterm.core.event import (
    Event,
    StrikeSet,
    TradeClosed,
    TradeCorrected,
    TradingStateChanged,
    WindowClosed,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.market import GRADES
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
from polyterm.store.schema import (
    inputs,
    paper_trades,
    sessions,
    system_state,
    ticks,
    trade_corrections,
    window_digests,
    windows,
)
from polyterm.store.trade_rows import correction_row, trade_row

TRADING_STATE_KEY: Final = "trading_state"


class Write(NamedTuple):
    """``then`` is done only when this write stored a new row."""

    statement: Executable
    row: Row
    then: "Write | None" = None


def _rank(grade: KeyedColumnElement[Any]) -> ColumnElement[int]:
    return case({name: rank for rank, name in enumerate(GRADES)}, value=grade, else_=-1)


def _upsert_window(columns: Mapping[str, str | None]) -> Insert:
    """Insert a window's row, or set ``columns`` of the one there; each maps to the column that decides whether it is
    replaced, a grade or the number of ticks; what maps to None is kept once set."""
    statement = insert(windows)
    new = statement.excluded
    changes: dict[str, ColumnElement[Any]] = {"session": new.session}
    for name, judge in columns.items():
        old = windows.c[name]
        if judge is None:
            changes[name] = func.coalesce(old, new[name])
            continue
        if judge == "tick_count":
            better = new[judge] >= func.coalesce(windows.c[judge], -1)
        else:
            better = _rank(new[judge]) >= _rank(windows.c[judge])
        changes[name] = case((better, new[name]), else_=old)
    return statement.on_conflict_do_update(index_elements=windows.primary_key.columns, set_=changes)


def _upsert_trade() -> Insert:
    key = ("session", "strategy_name", "crypto", "horizon", "window_epoch", "entry_ms")
    statement = insert(paper_trades)
    changes = {column.name: statement.excluded[column.name] for column in paper_trades.c if column.name != "id"}
    return statement.on_conflict_do_update(index_elements=key, set_=changes)


def _upsert_state() -> Insert:
    statement = insert(system_state)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["key"], set_={"value": new.value, "updated_at": new.updated_at, "updated_ms": new.updated_ms}
    )


_STRIKE: Final = dict.fromkeys(("start_price", "strike_source", "strike_at_ms", "strike_grade"), "strike_grade")
_FINAL: Final = dict.fromkeys(("end_price", "final_source", "final_at_ms", "final_grade"), "final_grade")
_OUTCOME: Final = dict.fromkeys(
    ("outcome", "outcome_source", "resolved_at", "resolved_ms", "outcome_grade"), "outcome_grade"
)
_STATISTICS: Final = dict.fromkeys(
    (
        "opening_up_price", "closing_up_price", "high_up_price", "low_up_price", "price_change_count",
        "up_price_volatility", "spot_volatility", "max_spot_delta_pct", "tick_count",
    ),
    "tick_count",
)  # fmt: skip

INSERT_TICK: Final = insert(ticks).on_conflict_do_nothing()
INSERT_INPUT: Final = insert(inputs).on_conflict_do_nothing()
INSERT_DIGEST: Final = insert(window_digests).on_conflict_do_nothing()
INSERT_TRADE: Final = insert(paper_trades).on_conflict_do_nothing()
INSERT_CORRECTION: Final = insert(trade_corrections).on_conflict_do_nothing()
UPSERT_TRADE: Final = _upsert_trade()
UPSERT_OPENING: Final = _upsert_window({**_STRIKE, "opened_ms": None, "fee_rate": None, "fee_exponent": None})
UPSERT_STRIKE: Final = _upsert_window(_STRIKE)
UPSERT_CLOSING: Final = _upsert_window({**_FINAL, **_STATISTICS, "closed_ms": None})
UPSERT_OUTCOME: Final = _upsert_window({**_OUTCOME, **_FINAL})
UPSERT_STATE: Final = _upsert_state()
END_SESSION: Final = (
    update(sessions)
    .where(sessions.c.session == bindparam("ended_session"))
    .values(
        ended_ms=bindparam("at_ms"),
        inputs=bindparam("last_input"),
        events=bindparam("all_events"),
        events_digest=bindparam("digest"),
    )
)


def end_of_session(session: str, at_ms: int, digest: SessionDigest | None) -> Write:
    """A session that ends without a ``digest`` cannot be verified as a whole."""
    totals = (None, None, None) if digest is None else (digest.inputs, digest.events, digest.digest)
    row = dict(zip(("last_input", "all_events", "digest"), totals, strict=True))
    return Write(END_SESSION, {"ended_session": session, "at_ms": at_ms, **row})


def insert_session(session: SessionInfo) -> Insert:
    """The session's row, naming the session that ran on this database before it."""
    before = (
        select(sessions.c.session)
        .where(sessions.c.session != session.id)
        .order_by(sessions.c.started_ms.desc())
        .limit(1)
        .scalar_subquery()
    )
    return insert(sessions).values(**session_row(session), predecessor=before).on_conflict_do_nothing()


def writes_of(event: Event) -> Iterator[Write]:
    """The rows that an event leaves behind. Raises StoreError for a number that cannot be stored."""
    match event:
        case WindowStarted():
            row = opening_row(event.id, event.at_ms, event.key, event.strike, event.fee)
            yield Write(UPSERT_OPENING, row)
        case StrikeSet():
            yield Write(UPSERT_STRIKE, strike_row(event.id, event.at_ms, event.key, event.strike))
        case WindowClosed():
            if event.strike is not None:
                yield Write(UPSERT_STRIKE, strike_row(event.id, event.at_ms, event.key, event.strike))
            yield Write(UPSERT_CLOSING, closing_row(event))
        case WindowSettled():
            yield Write(UPSERT_OUTCOME, outcome_row(event))
        case TradeClosed():
            yield Write(INSERT_TRADE, trade_row(event.id, event.trade))
        case TradeCorrected():
            corrected = Write(UPSERT_TRADE, trade_row(event.id, event.after))
            yield Write(INSERT_CORRECTION, correction_row(event), then=corrected)
        case TradingStateChanged():
            text = msgspec.json.encode(event).decode()
            yield Write(UPSERT_STATE, state_row(TRADING_STATE_KEY, text, event.at_ms))
        case _:
            return


async def write(connection: AsyncConnection, tick_rows: Sequence[Row], writes: Iterable[Write]) -> None:
    """Do all of it on the connection's open transaction, ``writes`` in their order."""
    if tick_rows:
        await connection.execute(INSERT_TICK, tick_rows)
    for _, group in groupby(writes, key=lambda one: id(one.statement)):
        same = list(group)
        if same[0].then is None:
            await connection.execute(same[0].statement, [one.row for one in same])
            continue
        for one in same:
            result = await connection.execute(one.statement, one.row)
            if one.then is not None and result.rowcount == 1:
                await connection.execute(one.then.statement, one.then.row)
