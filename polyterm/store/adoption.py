"""Taking over the tables of the field's earlier system: their rows in tables of ours, and the tables as they were.

Each table is renamed (``ticks`` to ``ticks_before_adoption``), made anew and filled from the renamed one. What only we
know is said of an adopted row as far as it can be: its session is ``adopted``, its horizon 15 minutes, its times UTC,
its strikes and outcomes of the lowest grade, because that system took them from the exchange.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, func, inspect, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from polyterm.errors import ConfigError, StoreError
from polyterm.store.adopted_rows import SESSION, STARTED, adopted_state, adopted_tick, adopted_trade, adopted_window
from polyterm.store.migrations import foreign_tables, migrate
from polyterm.store.rows import Row, SessionInfo, session_row, utc
from polyterm.store.schema import paper_trades, sessions, system_state, ticks, windows

KEPT: Final = "_before_adoption"
PART: Final = 1_000

_CONVERSIONS: Final[Mapping[str, tuple[Table, Callable[[Mapping[str, Any]], Row]]]] = {
    "ticks": (ticks, adopted_tick),
    "paper_trades": (paper_trades, adopted_trade),
    "windows": (windows, adopted_window),
    "system_state": (system_state, adopted_state),
}


class Adopted(msgspec.Struct, frozen=True):
    """What became of a table: ``rows`` were found, ``adopted`` of them are in ours, the old ones are in ``kept_as``.

    The others had a natural key that another row has as well, or could not be read; ``first_left_out`` says why.
    """

    table: str
    kept_as: str
    rows: int
    adopted: int
    first_left_out: str


class Adoption(msgspec.Struct, frozen=True):
    tables: tuple[Adopted, ...]


async def foreign(connection: AsyncConnection) -> dict[str, int]:
    """Rows of each table that has a name of ours and was made by another program; empty when there is none."""
    names = await connection.run_sync(foreign_tables)
    return {name: int(await connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0) for name in names}  # noqa: S608 - names of ours


async def adopt(connection: AsyncConnection, name: str, on_rows: Callable[[int], None] = lambda _: None) -> Adoption:
    """Take over the tables of the database ``name``, all in the transaction of ``connection``.

    ``on_rows`` is told how many more rows have been read.

    Raises:
        ConfigError: there are none to take over, or some were taken over before.
    """
    counts = await foreign(connection)
    if not counts:
        raise ConfigError(f"The database {name} holds no tables of another program: there is nothing to adopt.")
    await connection.run_sync(_rename, tuple(counts), name)
    await connection.run_sync(migrate, name)
    await connection.execute(_insert(connection, sessions), [session_row(SessionInfo(id=SESSION, started_ms=STARTED))])
    filled = tuple([await _fill(connection, table, rows, on_rows) for table, rows in counts.items()])
    await _date(connection)
    return Adoption(filled)


async def _date(connection: AsyncConnection) -> None:
    """The session began and ended with what it left."""
    at_ms: tuple[ColumnElement[int], ...] = (
        ticks.c.timestamp_ms, paper_trades.c.entry_ms, paper_trades.c.exit_ms, windows.c.epoch * 1000
    )  # fmt: skip
    spans = [(await connection.execute(select(func.min(one), func.max(one)))).one() for one in at_ms]
    known = [int(end) for span in spans for end in span if end is not None]
    if known:
        began = min(known)
        dates = {"started_ms": began, "started_at": utc(began), "ended_ms": max(known)}
        await connection.execute(update(sessions).where(sessions.c.session == SESSION).values(dates))


def _rename(connection: Connection, names: tuple[str, ...], database: str) -> None:
    there = set(inspect(connection).get_table_names())
    for name in names:
        if name + KEPT in there:
            raise ConfigError(f"The database {database} has a table {name}{KEPT} already: rename or drop it first.")
        connection.exec_driver_sql(f'ALTER TABLE "{name}" RENAME TO "{name}{KEPT}"')
        if connection.dialect.name == "postgresql":  # names of indexes and sequences are needed again
            for (index,) in connection.execute(_OWNED, {"name": name + KEPT}).all():
                connection.exec_driver_sql(f'ALTER INDEX "{index}" RENAME TO "{index[:40]}{KEPT}"')


_OWNED: Final = text("SELECT indexname FROM pg_indexes WHERE tablename = :name AND schemaname = current_schema()")


async def _fill(connection: AsyncConnection, name: str, rows: int, on_rows: Callable[[int], None]) -> Adopted:
    if name not in _CONVERSIONS:  # a name of ours that the earlier system did not have
        return Adopted(name, name + KEPT, rows, 0, "no table of the earlier system")
    table, convert = _CONVERSIONS[name]
    left_out: list[str] = []
    source = await connection.stream(text(f'SELECT * FROM "{name}{KEPT}"'))  # noqa: S608 - names of ours
    async for part in source.mappings().partitions(PART):
        converted = list(_converted(part, convert, left_out))
        if converted:
            await connection.execute(_insert(connection, table), [_whole(table, row) for row in converted])
        on_rows(len(part))
    adopted = int(await connection.scalar(select(func.count()).select_from(table)) or 0)
    why = left_out[0] if left_out else "another row has the same key" if adopted < rows else ""
    return Adopted(name, name + KEPT, rows, adopted, why)


def _converted(rows: Any, convert: Callable[[Mapping[str, Any]], Row], left_out: list[str]) -> Iterator[Row]:
    for row in rows:
        try:
            yield convert(row)
        except (msgspec.ValidationError, ValueError, StoreError) as error:
            if not left_out:
                left_out.append(str(error).rstrip("."))


def _whole(table: Table, row: Row) -> Row:
    return {column.name: row.get(column.name) for column in table.c if column.autoincrement is not True}


def _insert(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
