"""Open positions: what is held, what it is worth now, and when or at which price it ends."""

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
    ColumnSpec("shares", "shares", 7, 48),
    ColumnSpec("entry", "entry", 5, 80),
    ColumnSpec("mark", "mark", 5, 75),
    ColumnSpec("exit", "exit", 5, 47),
    ColumnSpec("unrealised", "P&L", 8, 90),
    ColumnSpec("held", "held", 4, 60),
    ColumnSpec("left", "ends", 5, 70),
    ColumnSpec("closes", "closes at", 14, 49, "left", grow=26, grow_rank=30),
    ColumnSpec("reason", "bought for", 12, 10, "left", grow=12, grow_rank=5),
)
SELECTED: Final = "»"


def _left(row: PositionRow, view: View) -> Cell:
    if row.pending:
        return Cell("ended", "warn")
    if view.market_ms is None:
        return MISSING
    return Cell(countdown(row.key.end - view.market_ms / 1000))


def _held(row: PositionRow, view: View) -> Cell:
    return MISSING if view.market_ms is None else Cell(elapsed((view.market_ms - row.entry_ms) // 1000))


def _closes(row: PositionRow, _: View) -> Cell:
    if row.pending:
        return Cell("its outcome", "warn")
    return Cell(row.closes) if row.closes else MISSING


_CELLS: Final[Mapping[str, Callable[[PositionRow, View], Cell]]] = {
    "coin": lambda row, _: Cell(row.key.coin.upper()),
    "side": lambda row, _: side(row.side),
    "shares": lambda row, _: Cell(f"{row.shares:,.0f}"),
    "entry": lambda row, _: Cell(probability(row.entry_price)),
    "mark": lambda row, _: MISSING if row.mark is None else Cell(probability(row.mark)),
    "exit": lambda row, _: MISSING if row.exit_price is None else Cell(probability(row.exit_price)),
    "unrealised": lambda row, _: money(row.unrealised),
    "held": _held,
    "left": _left,
    "closes": _closes,
    "reason": lambda row, _: Cell(row.reason.replace("_", " "), "muted"),
}


def _cell(row: PositionRow, view: View, column: Column, selected: str | None) -> Cell:
    if column.key != "strategy":
        return _CELLS[column.key](row, view)
    if row.strategy == selected:
        return Cell(SELECTED + short_name(row.strategy, column.width - 1), "accent")
    return Cell(short_name(row.strategy, column.width))


def position_rows(view: View, columns: Sequence[Column], selected: str | None = None) -> tuple[Row, ...]:
    """Newest first; those of the ``selected`` strategy are marked and come before all others."""
    if view.positions is None:
        return ()
    newest = sorted(
        view.positions.rows, key=lambda row: (row.strategy != selected, -row.entry_ms, row.strategy, row.key)
    )

    def shown(row: PositionRow) -> Row:
        return Row(
            f"{row.strategy} {row.key}",
            lambda: laid_out([_cell(row, view, column, selected) for column in columns], columns),
        )

    return tuple(map(shown, newest))


def positions_note(view: View, selected: str | None) -> str:
    """How many there are, and how many of them are the selected strategy's."""
    if view.positions is None:
        return ""
    rows = view.positions.rows
    own = sum(row.strategy == selected for row in rows)
    return f"{len(rows)}, {SELECTED}{own}" if own else str(len(rows))


def nothing_open(view: View) -> str:
    """What stands in the pane while nothing is open."""
    if view.positions is None:
        return "Open positions appear here once the engine has been reached: seconds after its start."
    if view.trading_state == "PAUSED":
        return "Nothing is open. Paused: no entries until P resumes."
    if view.trading_state == "KILLED":
        return "Nothing is open. Killed: no entries until R resumes."
    if view.status is None or view.market_ms is None or not view.status.windows:
        return "Nothing is open. An entry appears here the moment a strategy buys, once a window has opened."
    left = countdown(min(window.end for window in view.status.windows) - view.market_ms / 1000)
    return f"Nothing is open. An entry appears here the moment a strategy buys; this window ends in {left}."
