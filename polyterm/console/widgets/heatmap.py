"""The conflict heatmap: strategies against strategies, a cursor on one pair, and its exact figures below."""

from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.geometry import Offset

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.view.cells import Cell, Line, sized, wrapped
from polyterm.console.view.conflicts import (
    Grid,
    Matrix,
    axis,
    coin_rates,
    exact_figures,
    grid_for,
    heat_cell,
    lineup_lines,
    nothing_yet,
    row_label,
)
from polyterm.console.view.figures import mark
from polyterm.console.widgets.lines import Lines, set_title

TITLE: Final = "Conflict"


class Heatmap(Lines, can_focus=True):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("heatmap")]

    def __init__(self) -> None:
        super().__init__(id="conflicts")
        self._titled = False
        self._view: View | None = None
        self._cursor = Offset(0, 0)
        self._first = Offset(0, 0)

    @property
    def cursor(self) -> Offset:
        """x is the column's strategy, y the row's."""
        return self._cursor

    def fit_to(self, _width: int, *, titled: bool) -> None:
        self._titled = titled
        self.set_class(titled, "-titled")

    def repaint(self, view: View) -> None:
        self._view = view
        title = TITLE + (mark(view) or "%")
        if self._titled:
            set_title(self, f"{TITLE}{mark(view)}: % of windows on opposite sides")
            title = ""
        width, height = self.size
        conflicts = view.conflicts
        if conflicts is None or (matrix := Matrix(conflicts)).empty:
            self.show((self._head(title, width), *wrapped(nothing_yet(view), width)))
            return
        last = len(matrix.strategies) - 1
        self._cursor = Offset(min(self._cursor.x, last), min(self._cursor.y, last))
        grid = grid_for(len(matrix.strategies), width, height - 2)
        self._scroll(grid, last + 1)
        lines = [self._head(axis(matrix, grid, self._first.x, title), width)]
        lines += [
            self._row(matrix, grid, row) for row in range(self._first.y, min(last + 1, self._first.y + grid.rows))
        ]
        lines += self._below(view, matrix, width, height - len(lines))
        self.show(tuple(lines))

    def _head(self, text: str, width: int) -> Line:
        return (Cell(text, "muted") if self._titled else Cell(sized(text, width), "heading"),)

    def _row(self, matrix: Matrix, grid: Grid, row: int) -> Line:
        on_row = row == self._cursor.y and self.has_focus
        cells = [Cell(row_label(matrix, row, grid), "accent" if on_row else "")]
        for column in range(self._first.x, min(len(matrix.strategies), self._first.x + grid.columns)):
            cell = heat_cell(matrix, row, column, grid.cell)
            cells.append(Cell(cell.text, "heat-cursor") if on_row and column == self._cursor.x else cell)
        return tuple(cells)

    def _below(self, view: View, matrix: Matrix, width: int, room: int) -> list[Line]:
        """The exact figures under the cursor while it is in use, the coins' rates, and the running windows' line-up."""
        conflicts = view.conflicts
        if conflicts is None or room <= 0:
            return []
        figures = exact_figures(matrix, self._cursor.y, self._cursor.x, width)
        rates = coin_rates(conflicts, width)
        first = [figures, rates] if self.has_focus else [rates]
        return [*first, *lineup_lines(conflicts, width)][:room]

    def _scroll(self, grid: Grid, count: int) -> None:
        x = _into_view(self._cursor.x, self._first.x, grid.columns, count)
        y = _into_view(self._cursor.y, self._first.y, grid.rows, count)
        self._first = Offset(x, y)

    def action_move(self, down: int, right: int) -> None:
        if self._view is None or self._view.conflicts is None:
            return
        last = max(0, len(self._view.conflicts.strategies) - 1)
        x, y = self._cursor.x + right, self._cursor.y + down
        self._cursor = Offset(min(max(0, x), last), min(max(0, y), last))
        self.repaint(self._view)

    def on_focus(self) -> None:
        self._again()

    def on_blur(self) -> None:
        self._again()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(1, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-1, 0)

    def _again(self) -> None:
        if self._view is not None:
            self.repaint(self._view)


def _into_view(cursor: int, first: int, visible: int, count: int) -> int:
    """The first visible index, moved as little as needed to show the cursor and to leave no empty end."""
    first = min(first, max(0, count - visible))
    if cursor < first:
        return cursor
    return max(first, cursor - visible + 1)
