"""``polyterm db deliver``: what a writer that lost its lease could not deliver."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyterm.cli.asking import print_json
from polyterm.cli.db_upkeep import BUSY_MS, db_option, json_option, location_of, shown_progress

if TYPE_CHECKING:
    from polyterm.store.aside import Aside
    from polyterm.store.location import Location


@click.command("deliver")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--yes", is_flag=True, help="Deliver. Without it, only say what would be delivered.")
@db_option
@json_option
def deliver(file: Path | None, db: str | None, *, yes: bool, as_json: bool) -> None:
    """Deliver rows that were put aside when another machine became the writer.

    Looks beside the data folder's spool, or into FILE. Ticks, trades, inputs and windows are stored where they are
    missing; trading states and open positions never are. Works beside a running engine.
    """
    from polyterm.store.aside import asides, look_into

    location = location_of(db)
    found = [look_into(path) for path in asides(location, file)]
    if yes and found:
        asyncio.run(_deliver(location, found, show=not as_json))
    if as_json:
        for each in found:
            print_json(each)
        return
    for each in found:
        what = ", ".join(f"{kind} {rows:,}" for kind, rows in each.rows) or "nothing to deliver"
        damaged = f"; {each.damaged:,} batches cannot be read" if each.damaged else ""
        click.echo(f"{each.path}: {what}; {each.kept:,} rows are not delivered{damaged}")
    if not found:
        click.echo(f"Nothing was put aside for {location}.")
    elif not yes:
        click.echo("Nothing was delivered: add --yes to deliver it.")
    else:
        click.echo(f"Delivered to {location}, where it was missing. The files end in .delivered now: delete them.")


async def _deliver(location: "Location", found: "Sequence[Aside]", *, show: bool) -> None:
    from polyterm.store.aside import deliver
    from polyterm.store.database import changing
    from polyterm.store.migrations import require_ours

    total = sum(rows for each in found for _, rows in each.rows)
    async with changing(location, BUSY_MS) as engine:
        async with engine.connect() as connection:
            await connection.run_sync(require_ours, str(location))
        with shown_progress("delivering", total, show=show) as on_rows:
            for each in found:
                await deliver(engine, Path(each.path), on_rows)
