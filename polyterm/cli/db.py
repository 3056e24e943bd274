"""``polyterm db``: look after a database."""

from typing import TYPE_CHECKING

import click

from polyterm.cli.asking import ask, print_json, report_options, wall_ms
from polyterm.cli.db_deliver import deliver
from polyterm.cli.db_upkeep import adopt, migrate, prune

if TYPE_CHECKING:
    from polyterm.cli.tables import Paper
    from polyterm.store.reports.status import DatabaseStatus


@click.group("db")
def command() -> None:
    """Look after a database: what it holds, its schema, and what may go."""


for each in (migrate, adopt, prune, deliver):
    command.add_command(each)


@command.command("status")
@report_options
def status(db: str | None, *, as_json: bool) -> None:
    """Count and measure what a database holds.

    Reads every tick once, which takes about a second a million; only reads, also beside a running engine.
    """
    from polyterm.store.reports.status import database_status

    found, name = ask(db, database_status)
    if as_json:
        print_json(found)
    else:
        _show(found, name)


def _show(found: "DatabaseStatus", name: str) -> None:
    from polyterm.cli.report_tables import collection_table, oracle_table, trades_table, windows_table
    from polyterm.cli.tables import Column, Paper, moment, size

    paper = Paper()
    paper.line(name, "bold")
    older = ""
    if found.version < found.program_version:
        older = f" (this polyterm brings it to {found.program_version} when an engine starts on it)"
    paper.line(f"{found.dialect}, schema version {found.version}{older}, {size(found.size_bytes)}")
    if found.bytes_per_day is not None:
        paper.line(f"Ticks take {size(found.bytes_per_day)} a day.")
    paper.table(
        "Tables",
        (Column("table", is_text=True), Column("rows"), Column("size")),
        ((table.name, f"{table.rows:,}", size(table.size_bytes)) for table in found.tables),
        "None.",
    )
    paper.table(
        "Newest sessions",
        (
            Column("session", is_text=True), Column("mode", is_text=True), Column("program", is_text=True),
            Column("began (UTC)", is_text=True), Column("ended (UTC)", is_text=True),
        ),
        (
            (line.session, line.mode, line.program, moment(line.started_ms), moment(line.ended_ms))
            for line in found.sessions
        ),
        "No engine has run on this database: its sessions would be here.",
    )  # fmt: skip
    _trades(paper, found)
    _positions(paper, found)
    trades_table(paper, f"Last {len(found.last_trades) or 10} paper trades", found.last_trades)
    title = f"Windows: {found.windows:,}, resolved {found.windows_resolved:,}; the last resolved"
    windows_table(paper, title, found.last_windows)
    oracle_table(paper, found.series)
    collection_table(paper, found.series, wall_ms())
    paper.close()


def _trades(paper: "Paper", found: "DatabaseStatus") -> None:
    paper.line()
    paper.line(f"Trades: {found.paper_trades:,} on paper; none live, this version sends no orders.", "bold")


def _positions(paper: "Paper", found: "DatabaseStatus") -> None:
    """Each open one, newest first."""
    from polyterm.cli.tables import Column, amount, quote, short_moment

    if found.open_positions is None:
        paper.line("  What is open now, the running engine knows: 'polyterm status'.", "dim")
        return
    title = f"Positions: {found.positions:,} in all, {found.open_positions:,} open"
    listed = len(found.newest_open)
    paper.table(
        title if listed == found.open_positions else f"{title}; the newest {listed:,}",
        (
            Column("opened (UTC)", is_text=True), Column("strategy", is_text=True), Column("coin", is_text=True),
            Column("side", is_text=True), Column("shares"), Column("paid"), Column("stake $"),
            Column("window (UTC)", is_text=True, from_width=96), Column("", is_text=True, from_width=96),
            Column("why opened", is_text=True, from_width=110),
        ),
        (
            (
                short_moment(one.entry_ms), one.strategy, one.coin, one.side, amount(one.shares),
                quote(one.entry_price), amount(one.shares * one.entry_price), short_moment(one.window_epoch * 1000),
                one.horizon, one.reason,
            )
            for one in found.newest_open
        ),
        "Nothing is open: each would be listed here with its side, its price and its window.",
    )  # fmt: skip
