"""``polyterm conflicts``: which strategies take opposite sides, and what that costs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import click

from polyterm.cli.asking import ask, print_json, report_options, wall_ms
from polyterm.cli.options import Hours

if TYPE_CHECKING:
    from polyterm.cli.tables import Paper
    from polyterm.engine.conflict_report import ConflictReport, Earned, PairReport
    from polyterm.store.reports.archive import Archive
    from polyterm.store.span import Span

HOUR_MS: Final = 3_600_000
_MEETING: Final = {
    "window": "a window that both traded, by the side of their first trade there",
    "trade": "each pair of their trades in one window",
}


@click.command("conflicts")
@click.option("--hours", type=Hours(), help="Windows that began in the last so many.")
@click.option("--from", "start", metavar="TIME", help="From this date, time (UTC) or unix second on.")
@click.option("--to", "end", metavar="TIME", help="Up to this one, which is not included.")
@click.option("--coins", metavar="LIST", help="Comma-separated, of btc, eth, sol, xrp. Default: all.")
@click.option(
    "--by", type=click.Choice(["window", "trade"]), default="window", show_default=True,
    help="What a meeting of two strategies is: a window that both traded, or each pair of their trades in it.",
)  # fmt: skip
@click.option(
    "--camps-at", type=click.FloatRange(50, 100, max_open=True), default=90.0, show_default=True, metavar="PERCENT",
    help="Least agreement, on average, of strategies that are called a camp.",
)  # fmt: skip
@report_options
def command(
    *,
    hours: float | None,
    start: str | None,
    end: str | None,
    coins: str | None,
    by: Literal["window", "trade"],
    camps_at: float,
    db: str | None,
    as_json: bool,
) -> None:
    """Show which strategies take opposite sides in one window, which go together, and what netting would have earned.

    All stored trades by default. Camps are clusters of strategies that agree, found in the trades, beside those that
    the field has named. Reads only, also beside a running engine.
    """
    if hours is not None and (start or end):
        raise click.UsageError("--hours counts back from now: drop it, or --from and --to.")
    from polyterm.cli.progress import Progress
    from polyterm.cli.sources import parse_span
    from polyterm.engine.conflict_analysis import ConflictAnalysis

    span = parse_span(start, end, coins)
    analysis, progress = ConflictAnalysis(by), Progress(0, "sums of trades")

    async def question(archive: "Archive") -> "ConflictReport":
        from polyterm.store.side_totals import side_totals

        async for totals in side_totals(archive, await _counted_back(archive, span, hours)):
            analysis.add(totals)
            progress.count(len(totals))
        progress.done()
        return analysis.report(camps_at / 100)

    found, name = ask(db, question)
    if as_json:
        print_json(found)
    else:
        _show(found, name)


async def _counted_back(archive: "Archive", span: "Span", hours: float | None) -> "Span":
    """Of a demo, whose clock runs at its own speed, hours count back from its newest tick."""
    import msgspec

    if hours is None:
        return span
    from_ms = await archive.market_ms(wall_ms()) - round(hours * HOUR_MS)
    return msgspec.structs.replace(span, from_ms=from_ms)


def _show(found: "ConflictReport", name: str) -> None:
    from polyterm.cli.conflict_map import conflict_map
    from polyterm.cli.tables import Paper, percent

    paper = Paper()
    paper.line("polyterm conflicts", "bold")
    paper.line(name)
    if not found.trades:
        paper.line("No trade was closed in that time: an engine that trades for a while gives something to compare.")
        return
    paper.line(
        f"{found.trades:,} trades in {found.windows:,} windows; both sides were bought in {found.conflicted:,} "
        f"({percent(found.conflicted / found.windows)} %)."
    )
    paper.line(f"A meeting is {_MEETING[found.by]}.")
    _coins(paper, found)
    conflicts = {(pair.first, pair.second): pair.conflicted / pair.met for pair in found.pairs}
    paper.line()
    paper.line("Conflict of every two, those that agree next to each other", "bold")
    for line in conflict_map(
        found.strategies, lambda one, other: conflicts.get((one, other), conflicts.get((other, one))), paper.width
    ):
        paper.line(line)
    _camps(paper, found)
    _netting(paper, found)
    _pairs(paper, "Never in conflict, of at least 10 meetings, by P&L", found.never)
    _pairs(paper, "Most agreement, of at least 20 meetings", found.agreeing)
    _pairs(paper, "Most conflict, of at least 20 meetings", found.conflicting)
    paper.close()


def _coins(paper: "Paper", found: "ConflictReport") -> None:
    from polyterm.cli.tables import Column, percent

    columns = [Column("coin", is_text=True)]
    columns += [Column(title) for title in ("windows", "conflicted", "%", "up trades", "down trades")]

    def mean(value: float | None) -> str:
        return "-" if value is None else f"{value:.1f}"

    rows = [
        (
            coin.coin, f"{coin.windows:,}", f"{coin.conflicted:,}", percent(coin.conflicted / coin.windows),
            mean(coin.mean_up), mean(coin.mean_down),
        )
        for coin in found.coins
    ]  # fmt: skip
    paper.table("Windows in which both sides were bought, with mean numbers of trades", columns, rows, "None.")


def _camps(paper: "Paper", found: "ConflictReport") -> None:
    from polyterm.cli.tables import Column, percent

    def share(part: int, met: int) -> str:
        return percent(part / met if met else None)

    columns = [
        Column("camp", is_text=True), Column("met"), Column("agree %"), Column("conflict %"),
        Column("weakest pair", is_text=True, from_width=100), Column("members", is_text=True, from_width=140),
    ]  # fmt: skip
    for title, is_found in (
        ("Named camps", False),
        (f"Camps found in the trades, at {percent(found.camp_share)} % expected agreement", True),
    ):
        rows = [
            (
                camp.name, f"{camp.met:,}", share(camp.agreed, camp.met), share(camp.conflicted, camp.met),
                _weakest(camp.weakest, agreeing=True), ", ".join(camp.members),
            )
            for camp in found.camps
            if camp.found == is_found
        ]  # fmt: skip
        paper.table(title, columns, rows, "None of at least two strategies that traded.")
    columns = [
        Column("camps", is_text=True), Column("met"), Column("conflict %"),
        Column("least conflict", is_text=True, from_width=140),
    ]  # fmt: skip
    rows_between = [
        (
            f"{one.first} × {one.second}", f"{one.met:,}", share(one.conflicted, one.met),
            _weakest(one.weakest, agreeing=False),
        )
        for one in found.between
    ]  # fmt: skip
    paper.table("Between camps", columns, rows_between, "There are no two camps.")


def _weakest(pair: "PairReport | None", *, agreeing: bool) -> str:
    from polyterm.cli.tables import percent

    if pair is None:
        return "-"
    part = pair.agreed if agreeing else pair.conflicted
    return f"{percent(part / pair.met)} % of {pair.met:,}: {pair.first} × {pair.second}"


def _netting(paper: "Paper", found: "ConflictReport") -> None:
    from polyterm.cli.tables import Column, money, short_moment

    def earned(what: "Earned") -> tuple[str, str]:
        return money(what.touch), money(what.costed)

    columns = [Column("dollars", is_text=True), Column("touch"), Column("costed")]
    rows = [("sum of the parts", *earned(found.parts)), ("netted", *earned(found.netted))]
    paper.table("What netting would have earned", columns, rows, "Nothing.")
    paper.line("Netted: of a window's larger side only the surplus over the other, at that side's mean result:")
    paper.line("P&L of the larger side × (1 - shares of the smaller / shares of the larger), known with hindsight.")
    columns = [
        Column("window", is_text=True), Column("coin", is_text=True), Column("up"), Column("down"),
        Column("net shares"), Column("parts"), Column("costed", from_width=80), Column("netted"),
        Column("costed", from_width=80),
    ]  # fmt: skip
    windows = [
        (
            short_moment(one.key.epoch * 1000), f"{one.key.coin} {one.key.horizon}", str(one.up_trades),
            str(one.down_trades), f"{one.net_shares:+,.0f}", *earned(one.parts), *earned(one.netted),
        )
        for one in found.newest
    ]  # fmt: skip
    paper.table("Newest windows", columns, windows, "None.")


def _pairs(paper: "Paper", title: str, pairs: Sequence["PairReport"]) -> None:
    from polyterm.cli.tables import Column, money, percent

    columns = [Column("strategies", is_text=True)]
    columns += [Column(title) for title in ("met", "agree %", "conflict %", "P&L touch")]
    rows = [
        (
            f"{pair.first} × {pair.second}", f"{pair.met:,}", percent(pair.agreed / pair.met),
            percent(pair.conflicted / pair.met), money(pair.pnl),
        )
        for pair in pairs
    ]  # fmt: skip
    paper.table(title, columns, rows, "No two strategies met so often.")
