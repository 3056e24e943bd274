"""Bringing a database to the program's schema, only ever forward.

A new database gets today's tables at once. An older one gets the numbered steps that it lacks, each once, all in the
transaction that the caller began, so that a failure leaves it as it was.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, inspect, select

from polyterm import __version__
from polyterm.errors import ConfigError
from polyterm.store.migration_steps import store_inputs, version_3
from polyterm.store.schema import VERSION, metadata, schema_version


class Migration(NamedTuple):
    """``apply`` brings a database from version ``to`` - 1 to version ``to``."""

    to: int
    apply: Callable[[Connection], None]


MIGRATIONS: Final[tuple[Migration, ...]] = (Migration(2, store_inputs), Migration(3, version_3))


def migrate(
    connection: Connection, name: str, version: int = VERSION, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Make the database ``name`` one of this ``version``.

    Raises:
        ConfigError: it is newer than the program, or its tables were made by another one.
    """
    found = _found(connection, name)
    if found is None:
        metadata.create_all(connection)
        _record(connection, version)
        return
    if found > version:
        raise ConfigError(
            f"The database {name} has schema version {found}, this polyterm knows {version}: "
            "update polyterm, or choose another database with --db."
        )
    for migration in migrations:
        if found < migration.to <= version:
            migration.apply(connection)
            _record(connection, migration.to)


def _found(connection: Connection, name: str) -> int | None:
    if foreign := foreign_tables(connection):
        raise ConfigError(
            f"The database {name} holds tables that another program made ({', '.join(foreign)}): "
            "'polyterm db adopt' makes them its own and keeps their rows, or choose another with --db."
        )
    if not inspect(connection).has_table(schema_version.name):
        return None
    found: int | None = connection.execute(select(func.max(schema_version.c.version))).scalar()
    if found is None:
        raise ConfigError(f"The database {name} does not say its schema version: choose another with --db.")
    return found


def require_ours(connection: Connection, name: str) -> None:
    """Raises ConfigError unless a polyterm made the database."""
    if _found(connection, name) is None:
        raise ConfigError(f"The database {name} is empty: no engine has run on it.")


def foreign_tables(connection: Connection) -> tuple[str, ...]:
    """Tables with names of ours in a database that has no version of ours."""
    inspector = inspect(connection)
    ours = sorted(set(inspector.get_table_names()) & set(metadata.tables))
    if schema_version.name in ours:
        columns = {column["name"] for column in inspector.get_columns(schema_version.name)}
        if columns == set(schema_version.c.keys()):
            return ()
    return tuple(ours)


def _record(connection: Connection, version: int) -> None:
    connection.execute(insert(schema_version).values(version=version, program=__version__))
