"""``polyterm health``: whether ticks are being collected, with an exit code for scripts."""

import asyncio
from typing import TYPE_CHECKING, Final

import click

from polyterm.cli.asking import ask, print_json, report_options, wall_ms
from polyterm.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from polyterm.cli.tables import Paper
    from polyterm.store.reports.archive import Archive
    from polyterm.store.reports.health import Health

EXIT_CODES: Final = {"fresh": 0, "stale": 1, "unreachable": 2}
PATIENCE_S: Final = 30.0
TICKS_PER_MARK: Final = 300
_LONGEST_BAR: Final = 48


@click.command("health")
@report_options
@click.pass_context
def command(ctx: click.Context, db: str | None, *, as_json: bool) -> None:
    """Say whether ticks are being collected, from the database alone.

    Exits with 0: fresh; 1: stale, the engine's last sign of life is over 120 s old or the newest tick over 60 s; 2:
    the database cannot be reached. 'polyterm status' asks the running engine itself.
    """
    from polyterm.store.reports.health import health

    async def question(archive: "Archive") -> "Health":
        async with asyncio.timeout(PATIENCE_S):
            return await health(archive, wall_ms())

    try:
        found, name = ask(db, question)
    except (ConfigError, StoreError, TimeoutError) as error:
        _show_unreachable(str(error) or f"The database did not answer within {PATIENCE_S:g} s.", as_json=as_json)
        ctx.exit(EXIT_CODES["unreachable"])
    if as_json:
        print_json(found)
    else:
        _show(found, name)
    ctx.exit(EXIT_CODES[found.verdict])


def _show_unreachable(reason: str, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        click.echo(msgspec.json.encode({"verdict": "unreachable", "reasons": [reason]}).decode())
    else:
        click.echo(f"polyterm: unreachable: {reason}", err=True)


def _show(found: "Health", name: str) -> None:
    from polyterm.cli.tables import Column, Paper, age, moment, short_moment

    paper = Paper()
    reasons = f": {'; '.join(found.reasons)}" if found.reasons else ""
    paper.line(f"{found.verdict}{reasons}", "bold green" if found.verdict == "fresh" else "bold red")
    paper.line(f"{name}, schema version {found.version}, at {moment(found.now_ms)} UTC")
    if found.is_demo:
        paper.line("A demo: its clock runs at its own speed, so ages count back from its newest tick.")
    if found.session is not None:
        ended = "" if found.ended_ms is None else f", ended {moment(found.ended_ms)} UTC"
        paper.line(f"Newest session {found.session}{ended}.")
    _ping(paper, found)
    paper.table(
        "Newest tick",
        (Column("coin", is_text=True), Column("", is_text=True), Column("at (UTC)", is_text=True), Column("age")),
        ((line.coin, line.horizon, moment(line.newest_ms), age(line.age_s)) for line in found.series),
        "No tick was stored: the newest of each coin would be here.",
    )
    _hours(paper, found)
    paper.table(
        f"Gaps over 5 min in the last 24 h: {len(found.gaps):,}, {found.lost_s / 60:,.0f} min lost together",
        (
            Column("coin", is_text=True), Column("", is_text=True), Column("from (UTC)", is_text=True),
            Column("to (UTC)", is_text=True), Column("minutes"),
        ),
        (
            (
                gap.coin, gap.horizon, short_moment(gap.from_ms), short_moment(gap.to_ms),
                f"{(gap.to_ms - gap.from_ms) / 60_000:,.1f}",
            )
            for gap in found.gaps
        ),
        "None.",
    )  # fmt: skip
    paper.close()


def _ping(paper: "Paper", found: "Health") -> None:
    from polyterm.cli.tables import age, moment

    ping = found.ping
    if ping is None:
        paper.line("Last sign of life: none; an engine gives one every minute.")
        return
    paper.line(f"Last sign of life: {moment(ping.timestamp)} UTC, {age(found.ping_age_s)} ago.")
    known = {
        "up": None if ping.uptime is None else f"{ping.uptime / 60:,.0f} min",
        "memory": None if ping.memory is None else f"{ping.memory:,.0f} MB",
        "inputs": None if ping.inputs is None else f"{ping.inputs:,}",
        "errors": None if ping.errors is None else f"{ping.errors:,}",
        "reconnects": None if ping.reconnects is None else f"{ping.reconnects:,}",
    }
    paper.line("  " + ", ".join(f"{what} {value}" for what, value in known.items() if value is not None))


def _hours(paper: "Paper", found: "Health") -> None:
    from polyterm.cli.tables import short_moment

    paper.line()
    paper.line(f"Ticks by the hour, one mark for {TICKS_PER_MARK}", "bold")
    if not found.ticks_by_hour:
        paper.line("  No tick was stored: a line for each hour would be here.")
    for place, ticks in enumerate(found.ticks_by_hour):
        began_ms = found.now_ms - (len(found.ticks_by_hour) - place) * 3_600_000
        marks = round(ticks / TICKS_PER_MARK)
        more = "…" if marks > _LONGEST_BAR else ""
        paper.line(f"  {short_moment(began_ms)}  {ticks:>7,}  {'█' * min(marks, _LONGEST_BAR)}{more}")
