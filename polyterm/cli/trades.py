"""``polyterm trades``: single paper trades of a database, and what they add up to."""

from typing import TYPE_CHECKING, Literal

import click

from polyterm.cli.asking import ask, print_json, report_options, wall_ms
from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.store.reports.archive import Archive
    from polyterm.store.reports.trades import TradesPage, TradesWanted

_PERIODS = ("current", "hour", "day", "week", "all")


@click.command("trades")
@click.option("--strategy", metavar="NAME", help="Of this strategy only.")
@click.option("--coins", metavar="LIST", help="Comma-separated, of btc, eth, sol, xrp. Default: all.")
@click.option("--period", type=click.Choice(_PERIODS), help="Closed within it; current: of the running windows.")
@click.option("--from", "start", metavar="TIME", help="Closed from this date, time (UTC) or unix second on.")
@click.option("--to", "end", metavar="TIME", help="Closed before this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many to list.")
@click.option("--offset", type=click.IntRange(0, 10**9), default=0, help="How many of the newest to pass over.")
@report_options
def command(
    *,
    strategy: str | None,
    coins: str | None,
    period: Literal["current", "hour", "day", "week", "all"] | None,
    start: str | None,
    end: str | None,
    limit: int,
    offset: int,
    db: str | None,
    as_json: bool,
) -> None:
    """List closed paper trades and their totals.

    The newest first, totals by strategy and coin. The totals cover every trade that the filters let through, not only
    those listed. Reads only, also beside a running engine.
    """
    if period is not None and (start or end):
        raise click.UsageError("Give --period, or --from and --to.")
    from polyterm.cli.sources import parse_span

    span = parse_span(start, end, coins)

    async def question(archive: "Archive") -> "TradesPage":
        from polyterm.store.reports.trades import trades_page, wanted_in

        wanted = wanted_in(period or "all", await archive.market_ms(wall_ms()), strategy=strategy, coins=span.coins)
        if span.from_ms is not None or span.to_ms is not None:
            wanted = _between(wanted, span.from_ms, span.to_ms)
        page = await trades_page(archive, wanted, limit, offset)
        if strategy is not None and not page.total:
            await _check_name(archive, strategy)
        return page

    page, name = ask(db, question)
    if as_json:
        print_json(page)
    else:
        _show(page, name)


def _between(wanted: "TradesWanted", from_ms: int | None, to_ms: int | None) -> "TradesWanted":
    import msgspec

    after_ms = None if from_ms is None else from_ms - 1  # ``--from`` is included
    return msgspec.structs.replace(wanted, after_ms=after_ms, before_ms=to_ms)


async def _check_name(archive: "Archive", strategy: str) -> None:
    """Raises ConfigError for a strategy that never traded here, with the nearest that did."""
    import difflib

    from polyterm.store.reports.trades import strategy_names

    names = await strategy_names(archive)
    if strategy in names:
        return
    near = difflib.get_close_matches(strategy, names, n=1, cutoff=0.4)
    advice = f"did you mean {near[0]}?" if near else "'polyterm review' lists those that did."
    raise ConfigError(f"No trade of a strategy {strategy} is stored: {advice}")


def _show(page: "TradesPage", name: str) -> None:
    from polyterm.cli.report_tables import coins_table, sizing_line, trades_table
    from polyterm.cli.tables import Paper

    paper = Paper()
    paper.line(f"polyterm trades  {page.total:,} trades in {page.windows:,} windows", "bold")
    paper.line(name)
    sizing_line(paper, page.sizing)
    last = page.offset + len(page.trades)
    title = f"Trades {page.offset + 1:,} to {last:,}, newest first" if page.trades else "Trades"
    trades_table(paper, title, page.trades)
    if last < page.total:
        paper.line(f"  {page.total - last:,} older ones: --offset {last}, or --limit.", "dim")
    coins_table(paper, page.totals)
    paper.close()
