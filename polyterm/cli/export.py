"""``polyterm export``: ticks, trades and windows as files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

import click

from polyterm.cli.asking import run
from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.cli.export_files import Format
    from polyterm.store.reports.archive import Archives
    from polyterm.store.reports.export import What
    from polyterm.store.span import Span

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("export")
@click.argument("what", type=click.Choice(["ticks", "trades", "windows"]))
@click.option("--format", "format_", type=click.Choice(["csv", "json", "parquet"]), help="Default: by FILE, else csv.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Default: stdout."
)
@click.option("--from", "start", metavar="TIME", help="From this date, time (UTC) or unix second on.")
@click.option("--to", "end", metavar="TIME", help="Up to this one, which is not included.")
@click.option("--coins", metavar="LIST", help="Comma-separated, of btc, eth, sol, xrp. Default: all.")
@click.option("--db", metavar="PATH|URL", help="Database to read. Default: DATABASE_URL, or the data folder's.")
def command(
    *,
    what: Literal["ticks", "trades", "windows"],
    format_: Literal["csv", "json", "parquet"] | None,
    output: Path | None,
    start: str | None,
    end: str | None,
    coins: str | None,
    db: str | None,
) -> None:
    """Write what is stored into a file.

    Ticks, trades or windows, in order of time. json is one object a line; a FILE that ends in .gz or .zst is
    compressed. 'polyterm replay' takes exported ticks in any format, and windows exported as csv as its --outcomes.
    Time means the tick, the close of a trade, or any part of a window. Reads only, also beside a running engine.
    """
    from polyterm.cli.export_files import format_of, replaced
    from polyterm.cli.sources import parse_span

    span = parse_span(start, end, coins)
    chosen = format_ or (None if output is None else format_of(output)) or "csv"
    if output is not None:
        with replaced(output) as out:
            rows = run(db, lambda archives: _export(archives, what, span, chosen, out))
        click.echo(f"{rows:,} {what} in {output}", err=True)
        return
    if chosen == "parquet" and sys.stdout.isatty():
        raise ConfigError("Parquet is not for reading on a terminal: give a file with -o.")
    run(db, lambda archives: _export(archives, what, span, chosen, sys.stdout.buffer))
    sys.stdout.buffer.flush()


async def _export(archives: "Archives", what: "What", span: "Span", format_: "Format", out: BinaryIO) -> int:
    """How many rows were written."""
    from polyterm.cli.export_files import writer
    from polyterm.cli.progress import Progress
    from polyterm.store.reports.export import parts

    file = None  # nothing is written where nothing can be read
    progress, rows, before = Progress(1.0, what), 0, 0.0
    async for part in parts(archives, what, span):
        file = file or writer(format_, out, what)
        file.write(part.rows)
        rows += len(part.rows)
        if part.share is not None:
            progress.read(part.share - before)
            before = part.share
        progress.count(len(part.rows))
    (file or writer(format_, out, what)).close()
    progress.done()
    return rows
