"""How each kind of row is written, in the words of SQLite and of PostgreSQL.

Every write can be repeated: a batch whose fate is unknown is simply written again. An input, a digest, a trade and a
correction are stored once, the first wins; a position until there is its trade. A window's strike and outcome give way
to one of the same or a better grade; its statistics to those over at least as many ticks, so that a session that joined
late does not replace a whole window by a part of it.

SQLite takes rows as parameters. PostgreSQL takes one parameter, ``rows``: a JSON array of them, which the server takes
apart and not this process, whose event loop has ticks to make.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Executable,
    Function,
    Select,
    Table,
    Text,
    bindparam,
    case,
    cast,
    column,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import KeyedColumnElement

from polyterm.core.market import GRADES, HORIZON_SECONDS
from polyterm.store.schema import (
    checkpoints,
    cut_windows,
    gaps,
    inputs,
    open_positions,
    paper_trades,
    sessions,
    system_state,
    ticks,
    trade_corrections,
    window_digests,
    windows,
)

KEPT_CHECKPOINTS: Final = 3
KEPT_BEGINNINGS: Final = 20
"""About 5 MB; an engine that is started again and again must not fill the disk."""

Insert = sqlite.Insert | postgresql.Insert
T = TypeVar("T")


class Kind(NamedTuple):
    """``name`` stands in spools: it is never given to anything else. Rows of one ``lane`` keep their order.

    ``bulk`` says that rows may share a statement, none of them looks at another. ``nested`` are the columns whose text
    PostgreSQL keeps as JSON. ``also`` is done with the same rows. ``then`` is done with a second row when, and only
    when, the first one was new.
    """

    name: str
    lane: str
    sqlite: Executable
    postgres: Executable
    bulk: bool = False
    nested: frozenset[str] = frozenset()
    also: "Kind | None" = None
    then: "Kind | None" = None


def _ignore(statement: Insert) -> Insert:
    return statement.on_conflict_do_nothing()


def _kind(
    name: str,
    table: Table,
    conflict: Callable[[Insert], Insert] = _ignore,
    *,
    lane: str | None = None,
    nested: Iterable[str] = (),
    also: Kind | None = None,
    then: Kind | None = None,
) -> Kind:
    """Rows of ``table``; a column that a row does not name is NULL, a number that the database gives is its own."""
    names = [one.name for one in table.c if one.autoincrement is not True]
    new = select(*(column(name) for name in names)).select_from(_rows_of(table).alias("new"))
    return Kind(
        name=name,
        lane=lane or table.name,
        sqlite=conflict(sqlite.insert(table)),
        postgres=conflict(postgresql.insert(table).from_select(names, new)),
        bulk=conflict is _ignore and then is None,
        nested=frozenset(nested),
        also=also,
        then=then,
    )


_GIVEN: Final = cast(bindparam("rows", type_=Text), JSON)


def _rows_of(table: Table) -> Function[Any]:
    return func.json_populate_recordset(text(f"NULL::{table.name}"), _GIVEN)


def _rank(grade: KeyedColumnElement[Any]) -> ColumnElement[int]:
    return case({name: rank for rank, name in enumerate(GRADES)}, value=grade, else_=-1)


def _window(judges: Mapping[str, str | None]) -> Callable[[Insert], Insert]:
    """Insert a window's row, or set columns of the one there; each maps to the column that decides whether it is
    replaced, a grade or the number of ticks; what maps to None is kept once set."""

    def conflict(statement: Insert) -> Insert:
        new = statement.excluded
        changes: dict[str, ColumnElement[Any]] = {"session": new.session}
        for name, judge in judges.items():
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

    return conflict


def _replace(key: Sequence[str], names: Sequence[str]) -> Callable[[Insert], Insert]:
    def conflict(statement: Insert) -> Insert:
        changes = {name: statement.excluded[name] for name in names}
        return statement.on_conflict_do_update(index_elements=key, set_=changes)

    return conflict


def _session() -> Kind:
    """A session's row, naming the session that began last before it on this database."""
    names = [one.name for one in sessions.c if one.name != "predecessor"]
    other = sessions.alias("other")
    before = select(other.c.session).order_by(other.c.started_ms.desc()).limit(1)
    new = _rows_of(sessions).table_valued(*(column(name) for name in names), name="new")
    found = before.where(other.c.session != new.c.session).scalar_subquery()
    source = select(*(new.c[name] for name in names), found)
    named = sqlite.insert(sessions).values(
        predecessor=before.where(other.c.session != bindparam("own_session")).scalar_subquery()
    )
    return Kind(
        name="session",
        lane=sessions.name,
        sqlite=_ignore(named),
        postgres=_ignore(postgresql.insert(sessions).from_select([*names, "predecessor"], source)),
    )


def _end() -> Kind:
    """The totals of a session that ended."""
    places = {
        "ended_ms": ("at_ms", BigInteger),
        "inputs": ("last_input", BigInteger),
        "events": ("all_events", BigInteger),
        "events_digest": ("digest", Text),
    }
    typed: Iterator[ColumnElement[Any]] = (
        column(name, kind) for name, kind in (("ended_session", Text), *places.values())
    )
    new = func.json_to_recordset(_GIVEN).table_valued(*typed).render_derived(name="new", with_types=True)
    change = update(sessions)
    return Kind(
        name="end",
        lane=sessions.name,
        sqlite=change.where(sessions.c.session == bindparam("ended_session")).values(
            {name: bindparam(place) for name, (place, _) in places.items()}
        ),
        postgres=change.where(sessions.c.session == new.c.ended_session).values(
            {name: new.c[place] for name, (place, _) in places.items()}
        ),
    )


def _flag() -> Kind:
    """Count anew the gaps that touch some windows of a series, and their seconds without a tick."""
    gap = gaps.alias("gap").c
    begin_ms = windows.c.epoch * 1000
    end_ms = (windows.c.epoch + case(HORIZON_SECONDS, value=windows.c.horizon)) * 1000
    touching = (gap.crypto == windows.c.crypto, gap.horizon == windows.c.horizon, gap.from_ms < end_ms,
                gap.to_ms > begin_ms)  # fmt: skip
    first_ms = case((gap.from_ms > begin_ms, gap.from_ms), else_=begin_ms)
    last_ms = case((gap.to_ms < end_ms, gap.to_ms), else_=end_ms)
    lost_ms = func.coalesce(func.sum(case((gap.feed == "ticks", last_ms - first_ms), else_=0)), 0)
    names = {"own_crypto": Text, "own_horizon": Text, "first_epoch": BigInteger, "last_epoch": BigInteger}
    given = func.json_to_recordset(_GIVEN).table_valued(*(column(name, kind) for name, kind in names.items()))
    new = given.render_derived(name="new", with_types=True).c

    def flag(own: Mapping[str, ColumnElement[Any]]) -> Executable:
        of_series = (windows.c.crypto == own["own_crypto"], windows.c.horizon == own["own_horizon"])
        return (
            update(windows)
            .where(*of_series, windows.c.epoch.between(own["first_epoch"], own["last_epoch"]))
            .values(
                gap_count=select(func.count()).where(*touching).correlate(windows).scalar_subquery(),
                gap_s=select(cast(lost_ms / 1000, BigInteger)).where(*touching).correlate(windows).scalar_subquery(),
            )
        )

    bound: dict[str, ColumnElement[Any]] = {name: bindparam(name, type_=kind) for name, kind in names.items()}
    return Kind(name="flag", lane=windows.name, sqlite=flag(bound), postgres=flag(dict(new.items())))


def _older_checkpoints() -> Kind:
    """Forget all but the newest few of a session and what every session began with."""
    given = func.json_to_recordset(_GIVEN).table_valued(column("own_session", Text)).render_derived("given", True)

    def forget(own: ColumnElement[str]) -> Executable:
        kept = checkpoints.alias("kept").c
        newest = select(kept.number).where(kept.session == own, kept.number > 0).order_by(kept.number.desc())
        is_old = or_(checkpoints.c.session != own, checkpoints.c.number.not_in(newest.limit(KEPT_CHECKPOINTS)))
        return delete(checkpoints).where(checkpoints.c.number > 0, is_old)

    return Kind(
        name="older_checkpoints",
        lane=checkpoints.name,
        sqlite=forget(bindparam("own_session", type_=Text)),
        postgres=forget(select(given.c.own_session).scalar_subquery()),
    )


def _older_beginnings() -> Kind:
    """Empty what all but the newest sessions began with: that there was something is what is left of it."""
    given = func.json_to_recordset(_GIVEN).table_valued(column("own_session", Text)).render_derived("given", True)
    first = checkpoints.alias("first").c
    newest = (
        select(first.session)
        .join(sessions, sessions.c.session == first.session)
        .where(first.number == 0)
        .order_by(sessions.c.started_ms.desc())
        .limit(KEPT_BEGINNINGS)
    )

    def empty(own: ColumnElement[str]) -> Executable:
        column = checkpoints.c
        is_old = (column.number == 0, column.state != "", column.session != own, column.session.not_in(newest))
        return update(checkpoints).where(*is_old).values(state="")

    return Kind(
        name="older_beginnings",
        lane=checkpoints.name,
        sqlite=empty(bindparam("own_session", type_=Text)),
        postgres=empty(select(given.c.own_session).scalar_subquery()),
    )


def _position() -> Kind:
    """What is held, unless it has become a trade: an opening may be told again after that."""
    names = open_positions.c.keys()
    given = {one.name: bindparam(one.name, type_=one.type) for one in open_positions.c}
    new = _rows_of(open_positions).table_valued(*(column(one.name, one.type) for one in open_positions.c), name="new").c

    def held(own: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
        sold = exists().where(*(paper_trades.c[name] == own[name] for name in _TRADE_KEY))
        return select(*(own[name] for name in names)).where(~sold)

    return Kind(
        name="position",
        lane=paper_trades.name,
        sqlite=_ignore(sqlite.insert(open_positions).from_select(names, held(given))),
        postgres=_ignore(postgresql.insert(open_positions).from_select(names, held(dict(new.items())))),
        bulk=True,
    )


def _released() -> Kind:
    """What has become a trade is held no more; it takes the trade's row."""
    new = _rows_of(open_positions).table_valued(*(column(name) for name in _TRADE_KEY), name="new").c
    given = {name: bindparam(name, type_=open_positions.c[name].type) for name in _TRADE_KEY}

    def drop(own: Mapping[str, ColumnElement[Any]]) -> Executable:
        return delete(open_positions).where(*(open_positions.c[name] == own[name] for name in _TRADE_KEY))

    return Kind(
        name="released",
        lane=paper_trades.name,
        sqlite=drop(given),
        postgres=drop(dict(new.items())),
        bulk=True,
    )


_TRADE_KEY: Final = ("session", "strategy_name", "crypto", "horizon", "window_epoch", "entry_ms")
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
_ONCE_SOLD: Final = [one.name for one in paper_trades.c if one.name != "id"]

TICK: Final = _kind("tick", ticks, nested=("up_book_depth", "down_book_depth"))
INPUT: Final = _kind("input", inputs)
DIGEST: Final = _kind("digest", window_digests)
POSITION: Final = _position()
TRADE: Final = _kind("trade", paper_trades, also=_released())
CORRECTION: Final = _kind(
    "correction",
    trade_corrections,
    lane=TRADE.lane,
    then=_kind("corrected", paper_trades, _replace(_TRADE_KEY, _ONCE_SOLD)),
)
OPENING: Final = _kind(
    "opening", windows, _window({**_STRIKE, "opened_ms": None, "fee_rate": None, "fee_exponent": None})
)
STRIKE: Final = _kind("strike", windows, _window(_STRIKE))
CLOSING: Final = _kind("closing", windows, _window({**_FINAL, **_STATISTICS, "closed_ms": None}))
OUTCOME: Final = _kind("outcome", windows, _window({**_OUTCOME, **_FINAL, "official_delay_ms": None}))
GAP: Final = _kind(
    "gap",
    gaps,
    _replace(("crypto", "horizon", "feed", "from_ms"), ("to_ms", "missing", "reason", "session")),
    lane=windows.name,
)
FLAG: Final = _flag()
STATE: Final = _kind("state", system_state, _replace(("key",), ("value", "updated_at", "updated_ms")))
CHECKPOINT: Final = _kind("checkpoint", checkpoints, then=_older_checkpoints())
OLDER_BEGINNINGS: Final = _older_beginnings()
CUT: Final = _kind("cut", cut_windows)
SESSION: Final = _session()
END: Final = _end()

KINDS: Final = {
    kind.name: kind
    for kind in (
        TICK, INPUT, DIGEST, POSITION, TRADE, CORRECTION, OPENING, STRIKE, CLOSING, OUTCOME, GAP, FLAG, STATE,
        CHECKPOINT, OLDER_BEGINNINGS, CUT, SESSION, END,
    )
}  # fmt: skip


def runs(items: Iterable[T], kind_of: Callable[[T], Kind]) -> Iterator[tuple[Kind, list[T]]]:
    """What can be written together: items of one kind that follow each other in their lane, lane by lane.

    All that is lost is the order between lanes, which nobody sees from outside of a transaction.
    """
    lanes: dict[str, list[T]] = {}
    for item in items:
        lanes.setdefault(kind_of(item).lane, []).append(item)
    for lane in lanes.values():
        for _, group in groupby(lane, key=lambda item: kind_of(item).name):
            same = list(group)
            yield kind_of(same[0]), same
