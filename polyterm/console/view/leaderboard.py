"""The leaderboard: who makes money after costs, with what it looked like before them beside it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Row, laid_out, short_name
from polyterm.console.view.figures import DOWN, MISSING, UP, elapsed, money, percent
from polyterm.core.snapshot import LeaderboardRow

COLUMNS: Final = (
    ColumnSpec("strategy", "Leaderboard", 20, 100, "left", grow=3, grow_rank=45),
    ColumnSpec("family", "family", 11, 20, "left"),
    ColumnSpec("trades", "trades", 6, 80),
    ColumnSpec("won", "win%", 4, 75),
    ColumnSpec("costed", "costed ▾", 9, 95),
    ColumnSpec("touch", "touch", 9, 60),
    ColumnSpec("open", "open", 4, 50),
    ColumnSpec("last", "last signal", 12, 40, "left", grow=24),
)


def _strategy(row: LeaderboardRow, width: int) -> Cell:
    if row.disabled is None:
        return Cell(short_name(row.strategy, width))
    return Cell(f"✗ {short_name(row.strategy, width - 2)}", "danger")


def _count(number: int) -> Cell:
    return Cell(str(number)) if number else Cell("0", "muted")


def _last(row: LeaderboardRow, view: View) -> Cell:
    if row.disabled is not None:
        return Cell(f"disabled: {row.disabled}", "danger")
    if row.last_side is None or row.last_ms is None:
        return MISSING
    glyph = UP if row.last_side == "up" else DOWN
    ago = "" if view.market_ms is None else f" {elapsed((view.market_ms - row.last_ms) // 1000)}"
    return Cell(f"{glyph}{ago} {row.last_reason}", row.last_side)


_CELLS: Final[Mapping[str, Callable[[LeaderboardRow, View], Cell]]] = {
    "family": lambda row, _: Cell(row.family, "muted"),
    "trades": lambda row, _: _count(row.trades),
    "won": lambda row, _: Cell(percent(row.wins, row.trades), "" if row.trades else "muted"),
    "costed": lambda row, _: money(row.pnl_costed) if row.trades else MISSING,
    "touch": lambda row, _: money(row.pnl_touch) if row.trades else MISSING,
    "open": lambda row, _: _count(row.open),
    "last": _last,
}


def _cell(row: LeaderboardRow, view: View, column: Column) -> Cell:
    return _strategy(row, column.width) if column.key == "strategy" else _CELLS[column.key](row, view)


def leaderboard_rows(view: View, columns: Sequence[Column]) -> tuple[Row, ...]:
    """Best costed P&L first; those that have not traded come last, by name."""
    if view.leaderboard is None:
        return ()
    ranked = sorted(view.leaderboard.rows, key=lambda row: (row.trades == 0, -row.pnl_costed, row.strategy))
    return tuple(
        Row(row.strategy, laid_out([_cell(row, view, column) for column in columns], columns)) for row in ranked
    )
