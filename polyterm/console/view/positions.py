"""Open positions: what is held, what it is worth at the mark, and when it ends."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Row, laid_out, short_name
from polyterm.console.view.figures import MISSING, countdown, elapsed, money, probability, side
from polyterm.core.snapshot import PositionRow

COLUMNS: Final = (
    ColumnSpec("strategy", "Positions", 20, 100, "left", grow=3, grow_rank=45),
    ColumnSpec("coin", "coin", 4, 95, "left"),
    ColumnSpec("side", "side", 6, 94, "left"),
    ColumnSpec("shares", "shares", 7, 50),
    ColumnSpec("entry", "entry", 5, 80),
    ColumnSpec("mark", "mark", 5, 75),
    ColumnSpec("unrealised", "P&L", 8, 90),
    ColumnSpec("held", "held", 4, 60),
    ColumnSpec("left", "ends", 5, 70),
)


def _left(row: PositionRow, view: View) -> Cell:
    if row.pending:
        return Cell("ended", "warn")
    if view.market_ms is None:
        return MISSING
    return Cell(countdown(row.key.end - view.market_ms / 1000))


def _held(row: PositionRow, view: View) -> Cell:
    return MISSING if view.market_ms is None else Cell(elapsed((view.market_ms - row.entry_ms) // 1000))


_CELLS: Final[Mapping[str, Callable[[PositionRow, View], Cell]]] = {
    "coin": lambda row, _: Cell(row.key.coin.upper()),
    "side": lambda row, _: side(row.side),
    "shares": lambda row, _: Cell(f"{row.shares:,.0f}"),
    "entry": lambda row, _: Cell(probability(row.entry_price)),
    "mark": lambda row, _: MISSING if row.mark is None else Cell(probability(row.mark)),
    "unrealised": lambda row, _: money(row.unrealised),
    "held": _held,
    "left": _left,
}


def _cell(row: PositionRow, view: View, column: Column) -> Cell:
    if column.key == "strategy":
        return Cell(short_name(row.strategy, column.width))
    return _CELLS[column.key](row, view)


def position_rows(view: View, columns: Sequence[Column]) -> tuple[Row, ...]:
    """Newest first."""
    if view.positions is None:
        return ()
    newest = sorted(view.positions.rows, key=lambda row: (-row.entry_ms, row.strategy, row.key))
    return tuple(
        Row(f"{row.strategy} {row.key}", laid_out([_cell(row, view, column) for column in columns], columns))
        for row in newest
    )


def nothing_open(view: View) -> str:
    """What stands in the pane while nothing is open."""
    if view.positions is None:
        return "Open positions appear here once the engine has been reached."
    if view.trading_state == "PAUSED":
        return "Nothing is open. Paused: no entries until P resumes."
    if view.trading_state == "KILLED":
        return "Nothing is open. Killed: no entries until polyterm resume."
    return "Nothing is open. An entry appears here the moment a strategy buys."
