"""``polyterm db migrate|adopt|prune``: what changes a database besides an engine."""

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from polyterm.cli.asking import print_json, wall_ms
from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.store.adoption import Adoption
    from polyterm.store.location import Location
    from polyterm.store.pruning import Prunable

BUSY_MS: Final = 10_000
"""How long another process may hold a SQLite file before this gives up."""

_DAY_MS: Final = 86_400_000
_UNITS: Final = {"d": _DAY_MS, "w": 7 * _DAY_MS}

db_option = click.option("--db", metavar="PATH|URL", help="Database. Default: DATABASE_URL, or the data folder's.")
json_option = click.option("--json", "as_json", is_flag=True, help="What was done as one JSON object, for programs.")


@click.command("migrate")
@db_option
def migrate(db: str | None) -> None:
    """Bring a database to this version's schema, or make a new one.

    An engine does the same when it starts.
    """
    location = location_of(db)
    version = asyncio.run(_migrate(location))
    click.echo(f"{location} has schema version {version}.")


@click.command("adopt")
@db_option
@json_option
def adopt(db: str | None, *, as_json: bool) -> None:
    """Take over the tables of an earlier system.

    Each of its tables is kept under another name, and its rows are copied into a table of ours. All or nothing.
    """
    location = location_of(db)
    adopted = asyncio.run(_adopt(location, show=not as_json))
    if as_json:
        print_json(adopted)
        return
    for each in adopted.tables:
        left = each.rows - each.adopted
        why = f", {left:,} left out ({each.first_left_out})" if left else ""
        click.echo(f"{each.table}: {each.adopted:,} of {each.rows:,} rows adopted{why}; as it was: {each.kept_as}")
    click.echo(
        f"{location} is ready. Drop the {adopted.tables[0].kept_as.partition('_')[2]} tables when you miss nothing."
    )


@click.command("prune")
@click.option("--older-than", "age", metavar="AGE", required=True, help="Like 30d or 8w; at least 1d.")
@click.option("--yes", is_flag=True, help="Delete. Without it, only say what would be deleted.")
@db_option
@json_option
def prune(age: str, db: str | None, *, yes: bool, as_json: bool) -> None:
    """Delete old ticks and inputs; trades and windows are never deleted.

    Works beside a running engine. Without --yes it only counts.
    """
    before_ms = wall_ms() - parse_age(age)
    location = location_of(db)
    found = asyncio.run(_count(location, before_ms))
    if yes and (found.ticks or found.inputs):
        asyncio.run(_prune(location, before_ms, found.ticks + found.inputs, show=not as_json))
    if as_json:
        print_json(found)
        return
    from polyterm.cli.tables import moment, size

    click.echo(
        f"{location}: {found.ticks:,} of {found.all_ticks:,} ticks and {found.inputs:,} other inputs are from before "
        f"{moment(before_ms)} UTC, about {size(found.size_bytes)}."
    )
    if not yes:
        click.echo("Nothing was deleted: add --yes to delete them.")
    elif found.ticks or found.inputs:
        click.echo("Deleted. The database uses their space again before it grows.")


def parse_age(text: str) -> int:
    """Milliseconds of ``30d`` or ``8w``. Raises ConfigError for anything else and for less than a day."""
    match = re.fullmatch(r"(\d{1,5})([dw])", text)
    if match is None or match[1].strip("0") == "":
        raise ConfigError(f"--older-than {text} is no age: write a number of days or weeks, like 30d or 8w.")
    return int(match[1]) * _UNITS[match[2]]


def location_of(db: str | None) -> "Location":
    from polyterm.settings import load
    from polyterm.store.location import locate

    settings = load({} if db is None else {"db": db})
    return locate(settings.db, settings.data_dir)


async def _migrate(location: "Location") -> int:
    from polyterm.store.database import dispose, open_database
    from polyterm.store.schema import VERSION

    await dispose(await open_database(location, BUSY_MS))
    return VERSION


async def _adopt(location: "Location", *, show: bool) -> "Adoption":
    from polyterm.store import adoption
    from polyterm.store.database import changing

    async with changing(location, BUSY_MS) as engine, engine.begin() as connection:
        total = sum((await adoption.foreign(connection)).values())
        with shown_progress("adopting", total, show=show) as on_rows:
            return await adoption.adopt(connection, str(location), on_rows)


async def _count(location: "Location", before_ms: int) -> "Prunable":
    from polyterm.store.database import asking, dispose, reading_engine
    from polyterm.store.migrations import require_ours
    from polyterm.store.pruning import prunable

    engine = reading_engine(location, connections=1)
    try:
        async with asking(engine) as connection:
            await connection.run_sync(require_ours, str(location))
            return await prunable(connection, before_ms)
    finally:
        await dispose(engine)


async def _prune(location: "Location", before_ms: int, total: int, *, show: bool) -> None:
    from polyterm.store import pruning
    from polyterm.store.database import changing

    async with changing(location, BUSY_MS) as engine:
        with shown_progress("deleting", total, show=show) as on_deleted:
            await pruning.prune(engine, before_ms, on_deleted)


@contextmanager
def shown_progress(label: str, total: int, *, show: bool) -> Iterator[Callable[[int], None]]:
    """On stderr where somebody is looking; the function takes how many more rows are done."""
    hidden = not (show and sys.stderr.isatty())
    with click.progressbar(length=total, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield bar.update
