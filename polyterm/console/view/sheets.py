"""What a pane shows as rows of plain values, for a file: every column whether it fits the screen or not, unrounded."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from polyterm.console.latest import View
from polyterm.console.layout import Column
from polyterm.console.view import events, leaderboard
from polyterm.console.view.cells import Row
from polyterm.console.view.conflicts import Axes, matrix_of, share
from polyterm.console.view.luck import wilson
from polyterm.core.snapshot import TickRow

Value = str | float | int | bool | None

TICK_FIELDS: Final = (
    "slot",
    "spot",
    "spot_source",
    "up_bid",
    "up_bid_size",
    "up_ask",
    "up_ask_size",
    "down_bid",
    "down_ask",
    "oracle",
    "twap",
    "book_age_ms",
    "spot_age_ms",
    "oracle_age_ms",
    "twap_age_ms",
    "invalid",
)


class Sheet(msgspec.Struct, frozen=True):
    """``name`` becomes a part of the file's name. Money is dollars, prices and probabilities are fractions."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def as_csv(sheet: Sheet) -> str:
    """What is missing is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(sheet.columns)
    writer.writerows(sheet.rows)
    return out.getvalue()


def shown_sheet(name: str, columns: Sequence[Column], rows: Iterable[Row]) -> Sheet:
    """What stands on the screen, cut at its columns."""
    return Sheet(name, tuple(column.key for column in columns), tuple(_cut(row, columns) for row in rows))


def _cut(row: Row, columns: Sequence[Column]) -> tuple[str, ...]:
    text = "".join(cell.text for cell in row.cells)
    values, start = [], 0
    for column in columns:
        values.append(text[start : start + column.width].strip())
        start += column.width + 1
    return tuple(values)


def ticks_sheet(view: View) -> Sheet:
    rows = view.ticks.rows if view.ticks is not None else ()
    columns = ("coin", "horizon", *TICK_FIELDS, "strike", "strike_grade", "fair", "edge", "volatility", "regime")
    return Sheet("ticks", columns, tuple(map(_tick, rows)))


def _tick(row: TickRow) -> tuple[Value, ...]:
    tick = row.tick
    strike = None if tick is None else tick.strike
    return (
        row.coin,
        row.horizon,
        *(None if tick is None else getattr(tick, field) for field in TICK_FIELDS),
        None if strike is None else strike.price,
        None if strike is None else strike.grade,
        row.fair,
        row.edge,
        row.volatility,
        row.regime,
    )


def leaderboard_sheet(view: View, choice: leaderboard.Choice) -> Sheet:
    columns = (
        *("rank", "scope", "strategy", "family", "trades", "wins", "win_rate_low", "win_rate_high", "pnl_costed"),
        *("pnl_touch", "drawdown", "open", "judgement", "standard_errors", "last_side", "last_reason", "disabled"),
    )
    rows = []
    for rank, each in enumerate(leaderboard.standings(view, choice), 1):
        row, tally = each.row, each.tally
        low, high = wilson(tally.wins, tally.trades) or (None, None)
        rows.append(
            (
                *(rank, choice.scope, row.strategy, row.family, tally.trades, tally.wins, low, high, tally.costed),
                *(tally.touch, tally.drawdown, each.open, each.verdict.judgement, each.verdict.sigmas),
                *(row.last_side, row.last_reason, row.disabled),
            )
        )
    return Sheet("leaderboard", columns, tuple(rows))


def positions_sheet(view: View) -> Sheet:
    columns = (
        *("strategy", "coin", "horizon", "window", "side", "shares", "entry_price", "entry_at", "mark", "exit_price"),
        *("unrealised", "greatest_loss", "ended", "bought_for", "closes_at"),
    )
    rows = view.positions.rows if view.positions is not None else ()
    return Sheet(
        "positions",
        columns,
        tuple(
            (
                *(row.strategy, row.key.coin, row.key.horizon, at(row.key.epoch * 1000), row.side, row.shares),
                *(row.entry_price, at(row.entry_ms), row.mark, row.exit_price, row.unrealised),
                *(row.entry_price * row.shares, row.pending, row.reason, row.closes),
            )
            for row in rows
        ),
    )


def conflicts_sheet(view: View, axes: Axes) -> Sheet:
    """One row a pair that met, in the order of the axes."""
    matrix = None if view.conflicts is None else matrix_of(view.conflicts, axes)
    names = () if matrix is None else matrix.names
    rows = [
        (first, second, met.windows, met.opposed, share(met))
        for place, first in enumerate(names)
        for second in names[place:]
        if matrix is not None and (met := matrix.at(first, second)) is not None
    ]
    return Sheet(f"conflicts-{axes}", ("first", "second", "windows", "opposed", "share"), tuple(rows))


def events_sheet(view: View, choice: events.Choice) -> Sheet:
    rows = tuple((at(item.at_ms), said.text) for item, said in events.chosen(view, choice))
    return Sheet("events", ("at", "what"), rows)


def at(market_ms: int) -> str:
    """UTC with milliseconds, as ISO 8601."""
    return datetime.fromtimestamp(market_ms / 1000, UTC).isoformat(timespec="milliseconds")
