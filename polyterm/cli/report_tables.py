"""The tables that several reports have: strategies, trades, windows, series."""

from collections.abc import Iterator, Sequence
from typing import Final

from polyterm.cli.tables import (
    FEW_TRADES,
    Column,
    Paper,
    age,
    amount,
    interval,
    money,
    percent,
    quote,
    short_moment,
    spot,
)
from polyterm.store.reports.collection import SeriesLine
from polyterm.store.reports.trades import Totals, TradeLine
from polyterm.store.reports.windows import WindowLine

SIZINGS: Final = {"shares": "100 shares an entry", "usd": "100 dollars an entry"}


def sizing_line(paper: Paper, sizings: Sequence[str]) -> None:
    """Which sizing the figures below are of, where there are any."""
    if sizings:
        paper.line(f"Sizing: {' and '.join(SIZINGS.get(sizing, sizing) for sizing in sizings)}.")


def strategies_table(paper: Paper, title: str, totals: Sequence[Totals]) -> None:
    columns = (
        Column("strategy", is_text=True), Column("trades"), Column("wins"), Column("win %"), Column("95 % interval"),
        Column("touch $"), Column("costed $"),
    )  # fmt: skip
    rows = [
        (
            line.strategy, _count(line), f"{line.wins:,}", percent(line.win_rate), interval(line.win_interval),
            money(line.pnl), money(line.costed_pnl),
        )
        for line in totals
    ]  # fmt: skip
    if len(totals) > 1:
        rows.append((*_sum_row(totals), "", money(sum(line.pnl for line in totals)), _costed_sum(totals)))
    paper.table(title, columns, rows, "No trade was closed: strategies would be listed here, the most earned first.")
    if any(line.trades < FEW_TRADES for line in totals):
        paper.line(f"  * under {FEW_TRADES} trades: too few to tell an edge from luck.", "dim")
    uncosted = sum(line.trades - line.costed for line in totals)
    if uncosted:
        paper.line(f"  The fees of {uncosted:,} trades are not known; costed leaves them out.", "dim")


def _count(line: Totals) -> str:
    return f"{line.trades:,}{'*' if line.trades < FEW_TRADES else ' '}"


def _sum_row(totals: Sequence[Totals]) -> tuple[str, str, str, str]:
    trades, wins = sum(line.trades for line in totals), sum(line.wins for line in totals)
    return "all", f"{trades:,} ", f"{wins:,}", percent(wins / trades)


def _costed_sum(totals: Sequence[Totals]) -> str:
    known = [line.costed_pnl for line in totals if line.costed_pnl is not None]
    return money(sum(known) if known else None)


def coins_table(paper: Paper, totals: Sequence[Totals]) -> None:
    columns = (
        Column("strategy", is_text=True), Column("coin", is_text=True), Column("trades"), Column("W/L"),
        Column("win %"), Column("touch $"), Column("costed $"), Column("average $"), Column("best $", from_width=96),
        Column("worst $", from_width=96), Column("volume $", from_width=120), Column("fees $", from_width=120),
    )  # fmt: skip
    rows = (
        (
            name, line.coin or "", _count(line), f"{line.wins}/{line.losses}", percent(line.win_rate), money(line.pnl),
            money(line.costed_pnl), money(line.average), money(line.best), money(line.worst), amount(line.volume),
            amount(line.fees),
        )
        for name, line in _grouped(totals)
    )  # fmt: skip
    paper.table("Strategies by coin", columns, rows, "No trade was closed: wins, P&L, volume and fees would be here.")


def _grouped(totals: Sequence[Totals]) -> Iterator[tuple[str, Totals]]:
    """Coins under their strategy, whose name is written once; the most earned strategy first."""
    earned: dict[str, float] = {}
    for line in totals:
        earned[line.strategy] = earned.get(line.strategy, 0.0) + line.pnl
    before = ""
    for line in sorted(totals, key=lambda line: (-earned[line.strategy], line.strategy, line.coin or "")):
        yield "" if line.strategy == before else line.strategy, line
        before = line.strategy


def trades_table(paper: Paper, title: str, trades: Sequence[TradeLine]) -> None:
    columns = (
        Column("closed (UTC)", is_text=True), Column("strategy", is_text=True), Column("coin", is_text=True),
        Column("side", is_text=True), Column("shares", from_width=96), Column("paid"), Column("got"),
        Column("touch $"), Column("costed $", from_width=90), Column("outcome", is_text=True),
        Column("grade", is_text=True, from_width=110), Column("why closed", is_text=True, from_width=110),
    )  # fmt: skip
    rows = (
        (
            short_moment(line.exit_ms), line.strategy, line.coin, line.side, amount(line.shares), quote(line.price),
            quote(line.exit_price), money(line.pnl), money(line.costed_pnl), line.outcome or "-",
            line.outcome_grade or "-", line.reason,
        )
        for line in trades
    )  # fmt: skip
    paper.table(title, columns, rows, "No trade was closed: each would be listed here with its side, prices and P&L.")


def windows_table(paper: Paper, title: str, windows: Sequence[WindowLine]) -> None:
    columns = (
        Column("began (UTC)", is_text=True), Column("coin", is_text=True), Column("", is_text=True), Column("strike"),
        Column("final"), Column("change %"), Column("outcome", is_text=True), Column("grade", is_text=True),
        Column("last mid"), Column("source", is_text=True, from_width=110), Column("ticks", from_width=110),
        Column("known after s", from_width=110),
    )  # fmt: skip
    rows = (
        (
            short_moment(line.epoch * 1000), line.coin, line.horizon, spot(line.start), spot(line.end),
            "-" if line.change_pct is None else f"{line.change_pct:+.3f}", line.outcome or "-",
            line.outcome_grade or "-", quote(line.closing_mid), line.outcome_source or "-",
            "-" if line.ticks is None else f"{line.ticks:,}", "-" if line.delay_s is None else f"{line.delay_s:,.0f}",
        )
        for line in windows
    )  # fmt: skip
    paper.table(title, columns, rows, "No window was resolved: each would be here with strike, final and outcome.")


def oracle_table(paper: Paper, series: Sequence[SeriesLine]) -> None:
    columns = (
        Column("coin", is_text=True), Column("", is_text=True), Column("ticks"), Column("with oracle"),
        Column("mean apart %"), Column("most %"), Column("oracle age s"),
    )  # fmt: skip
    rows = (
        (
            line.coin, line.horizon, f"{line.ticks:,}", f"{line.with_oracle:,}",
            _figure(line.mean_divergence_pct, ".4f"), _figure(line.max_divergence_pct, ".4f"),
            _figure(line.mean_staleness_s, ".1f"),
        )
        for line in series
    )  # fmt: skip
    paper.table("Oracle against exchange", columns, rows, "No tick: the oracle's price would be compared here.")


def collection_table(paper: Paper, series: Sequence[SeriesLine], now_ms: int) -> None:
    columns = (
        Column("coin", is_text=True), Column("", is_text=True), Column("ticks"), Column("missing"),
        Column("tradable %"), Column("first (UTC)", is_text=True), Column("last (UTC)", is_text=True), Column("lag"),
    )  # fmt: skip
    rows = (
        (
            line.coin, line.horizon, f"{line.ticks:,}", f"{line.missing:,}", f"{100 * line.tradable / line.ticks:.1f}",
            short_moment(line.first_ms), short_moment(line.last_ms), age((now_ms - line.last_ms) / 1000),
        )
        for line in series
    )  # fmt: skip
    paper.table("Collection", columns, rows, "No tick was stored: counts, gaps and the lag of each coin would be here.")


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
