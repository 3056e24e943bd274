"""A database of any schema version that this program knows, open for questions."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    case,
    func,
    inspect,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from polyterm.core.market import COINS, HORIZON_SECONDS, HORIZONS, Coin, Horizon
from polyterm.errors import ConfigError
from polyterm.store.database import asking, dispose, reading_engine
from polyterm.store.location import Location
from polyterm.store.schema import VERSION, metadata, schema_version, sessions, ticks

Series = tuple[Coin, Horizon]
Row = Mapping[Any, Any]

SERIES: Final[tuple[Series, ...]] = tuple((coin, horizon) for coin in COINS for horizon in HORIZONS)


class Archives:
    """Connections for questions. Every question may raise StoreError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._shape: _Shape | None = None

    @classmethod
    def open(cls, place: Location | Path | str, connections: int = 1) -> "Archives":
        """Raises ConfigError when there is no such file."""
        return cls(reading_engine(place, connections))

    @asynccontextmanager
    async def archive(self) -> AsyncIterator["Archive"]:
        """One state of the database, whatever an engine writes meanwhile.

        Raises:
            ConfigError: it holds no tables, another program's, or those of a newer polyterm.
        """
        async with asking(self._engine) as connection:
            if self._shape is None:
                self._shape = await connection.run_sync(_read_shape)
            yield Archive(connection, self._shape)

    async def close(self) -> None:
        await dispose(self._engine)


class _Shape:
    """Which tables and columns there are."""

    def __init__(self, version: int, columns: dict[str, frozenset[str]]) -> None:
        self.version = version
        self.columns = columns


def _read_shape(connection: Connection) -> _Shape:
    inspector = inspect(connection)
    found = [name for name in inspector.get_table_names() if name in metadata.tables]
    columns = {name: frozenset(column["name"] for column in inspector.get_columns(name)) for name in found}
    if not columns:
        raise ConfigError("The database holds no tables of polyterm yet: start an engine on it once, or correct --db.")
    if columns.get(schema_version.name) != frozenset(schema_version.c.keys()):
        raise ConfigError(
            f"The database holds tables that another program made ({', '.join(sorted(found))}): "
            "'polyterm db adopt' takes them over."
        )
    version = connection.execute(select(func.max(schema_version.c.version))).scalar()
    if version is None:
        raise ConfigError("The database does not say its schema version: choose another with --db.")
    if version > VERSION:
        raise ConfigError(
            f"The database has schema version {version}, this polyterm knows {VERSION}: update polyterm to read it."
        )
    return _Shape(version, columns)


class Archive:
    """``version`` is of the schema that was found."""

    def __init__(self, connection: AsyncConnection, shape: _Shape) -> None:
        self._connection = connection
        self._shape = shape
        self.version = shape.version
        self.dialect = connection.dialect.name

    def holds(self, table: Table) -> bool:
        return table.name in self._shape.columns

    def columns(self, table: Table, without: Iterable[str] = ()) -> list[ColumnElement[Any]]:
        """Every column of today's table; one that this database has not got yet is NULL."""
        there = self._shape.columns[table.name]
        return [
            column if column.name in there else null().label(column.name)
            for column in table.c
            if column.name not in without
        ]

    async def rows(self, query: Select[Any]) -> Sequence[Row]:
        return (await self._connection.execute(query)).mappings().all()

    async def parts(self, query: Select[Any], size: int) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """The rows as tuples, ``size`` at a time: as many as there are, in little memory."""
        async with self._connection.stream(query) as result:
            async for part in result.partitions(size):
                yield part

    async def row(self, query: Select[Any]) -> Row:
        return (await self._connection.execute(query)).mappings().one()

    async def scalar(self, query: Select[Any]) -> Any:
        return await self._connection.scalar(query)

    async def text(self, sql: str) -> Sequence[Row]:
        """Of the database's own statement, which nobody else's words are part of."""
        return (await self._connection.exec_driver_sql(sql)).mappings().all()

    async def ends(self) -> dict[Series, tuple[int, int]]:
        """First and newest tick (unix ms) of every series that has any, in the field's order."""
        found = await self._connection.execute(union_all(*(_ends(coin, horizon) for coin, horizon in SERIES)))
        known = {(row[0], row[1]): (row[2], row[3]) for row in found if row[2] is not None}
        return {series: known[series] for series in SERIES if series in known}

    async def market_ms(self, wall_ms: int) -> int:
        """Now; for a demo, whose clock runs at its own speed and cannot be read any more, its newest tick."""
        if not await self.is_demo():
            return wall_ms
        return max((newest for _, newest in (await self.ends()).values()), default=wall_ms)

    async def is_demo(self) -> bool:
        newest = select(sessions.c.mode).order_by(sessions.c.started_ms.desc()).limit(1)
        return bool(await self._connection.scalar(newest) == "DEMO")


def _ends(coin: Coin, horizon: Horizon) -> Select[Any]:
    """Two steps along the primary key each, however many ticks there are."""
    of = (ticks.c.crypto == coin, ticks.c.horizon == horizon)
    return select(
        literal(coin, Text),
        literal(horizon, Text),
        select(func.min(ticks.c.timestamp_ms)).where(*of).scalar_subquery(),
        select(func.max(ticks.c.timestamp_ms)).where(*of).scalar_subquery(),
    )


def window_end_s(horizon: ColumnElement[Any], epoch: ColumnElement[Any]) -> ColumnElement[int]:
    """Unix s at which a window is over."""
    return epoch + case(HORIZON_SECONDS, value=horizon, else_=HORIZON_SECONDS["15m"]).cast(BigInteger)


def since(from_ms: int, to_ms: int | None = None) -> list[ColumnElement[bool]]:
    """Ticks from ``from_ms`` on, asked for so that the primary key is used."""
    wanted = [ticks.c.crypto.in_(COINS), ticks.c.horizon.in_(HORIZONS), ticks.c.timestamp_ms >= from_ms]
    return wanted if to_ms is None else [*wanted, ticks.c.timestamp_ms < to_ms]
