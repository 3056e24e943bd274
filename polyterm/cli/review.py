"""``polyterm review``: the last hours of a database, in tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from polyterm.cli.asking import ask, print_json, report_options, wall_ms
from polyterm.cli.options import Hours

if TYPE_CHECKING:
    from polyterm.cli.tables import Paper
    from polyterm.store.reports.archive import Archive
    from polyterm.store.reports.collection import AccuracyLine
    from polyterm.store.reports.review import Review

DEFAULT_HOURS: Final = 6.0
SOURCES: Final = {"exchange": "exchange spot", "oracle": "oracle", "average": "60 s average"}


@click.command("review")
@click.argument("hours", type=Hours(), default=DEFAULT_HOURS)
@report_options
def command(hours: float, db: str | None, *, as_json: bool) -> None:
    """Review the last HOURS (default 6).

    What was traded and earned, which windows were resolved, whose prices were right, what was collected. P&L stands
    under two models: touch fills at the quote without fees, costed also pays the venue's. A win has touch P&L above
    0. Hours count back from now; a demo's, whose clock runs at its own speed, from its newest tick. Reads only, also
    beside a running engine.
    """
    from polyterm.store.reports.review import review

    async def question(archive: "Archive") -> "Review":
        return await review(archive, wall_ms(), hours)

    answer, name = ask(db, question)
    if as_json:
        print_json(answer)
    else:
        _show(answer, name)


def _show(found: "Review", name: str) -> None:
    from polyterm.cli.report_tables import (
        coins_table,
        collection_table,
        oracle_table,
        sizing_line,
        strategies_table,
        trades_table,
        windows_table,
    )
    from polyterm.cli.tables import Paper, moment

    paper = Paper()
    paper.line(f"polyterm review  {moment(found.from_ms)} to {moment(found.to_ms)} UTC ({found.hours:,.10g} h)", "bold")
    paper.line(f"{name}, schema version {found.version}")
    if found.is_demo:
        paper.line("A demo: its clock runs at its own speed, so hours count back from its newest tick.")
    sizing_line(paper, found.sizing)
    strategies_table(paper, "Strategies", found.strategies)
    coins_table(paper, found.strategies_by_coin)
    trades_table(paper, f"Last {len(found.last_trades) or 20} trades, whenever they closed", found.last_trades)
    windows_table(paper, "Resolved windows, newest first", found.windows)
    oracle_table(paper, found.series)
    _accuracy(paper, found.accuracy)
    collection_table(paper, found.series, found.to_ms)
    paper.close()


def _accuracy(paper: "Paper", lines: Sequence["AccuracyLine"]) -> None:
    from polyterm.cli.tables import Column, interval, percent

    columns = (
        Column("last price of", is_text=True), Column("coin", is_text=True), Column("windows"), Column("right"),
        Column("right %"), Column("95 % interval"),
    )  # fmt: skip
    rows = (
        (
            SOURCES.get(line.source, line.source), line.coin, f"{line.windows:,}", f"{line.right:,}",
            percent(line.rate), interval(line.interval),
        )
        for line in lines
    )  # fmt: skip
    empty = "No resolved window has an oracle price in its last 2 minutes: who foretold the outcome would be here."
    paper.table("Who foretold the outcome, under 2 min before the end", columns, rows, empty)
