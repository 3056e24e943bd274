"""The conflict heatmap: strategies or camps against each other, a cursor on one pair, and its exact figures below."""

from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.geometry import Offset

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.view.cells import Cell, Line, sized, wrapped
from polyterm.console.view.conflicts import (
    Axes,
    Grid,
    Matrix,
    axis,
    coin_rates,
    exact_figures,
    grid_for,
    heat_cells,
    lineup_lines,
    matrix_of,
    nothing_yet,
    opponents_line,
    row_label,
)
from polyterm.console.view.figures import mark
from polyterm.console.view.sheets import Sheet, conflicts_sheet
from polyterm.console.widgets.lines import Lines, set_title
from polyterm.core.snapshot import Conflicts

TITLE: Final = "Conflict"
WHOLE: Final = 200
"""Cells in which a pair's figures are never cut."""
NO_MATRIX: Final = Matrix((), {})


class Heatmap(Lines, can_focus=True):
    """The cursor stays on the pair of names that it was put on, wherever they stand."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("heatmap"), *bindings("rows")]

    def __init__(self) -> None:
        super().__init__(id="conflicts")
        self._titled = False
        self._view: View | None = None
        self._selected: str | None = None
        self._axes: Axes = "strategies"
        self._matrix = NO_MATRIX
        self._made_of: tuple[Conflicts | None, Axes] = (None, "strategies")
        self._cursor = Offset(0, 0)
        self._cursor_names: tuple[str, str] | None = None
        self._first = Offset(0, 0)
        self._grid: Grid | None = None

    @property
    def cursor(self) -> Offset:
        """x is the column's place, y the row's."""
        return self._cursor

    @property
    def cursor_names(self) -> tuple[str, str] | None:
        """(row, column) under the cursor; None while there is nothing."""
        return self._cursor_names

    def copied(self) -> str:
        """The pair under the cursor, with its exact figures."""
        if self._cursor_names is None or self._matrix.empty:
            return ""
        line = exact_figures(self._matrix, *self._cursor_names, WHOLE)
        return "".join(cell.text for cell in line).strip()

    def sheet(self, view: View) -> Sheet:
        return conflicts_sheet(view, self._axes)

    @property
    def counts_down(self) -> bool:
        """Whether what is shown changes with every second."""
        return self._matrix.empty

    def fit_to(self, _width: int, *, titled: bool) -> None:
        self._titled = titled
        self.set_class(titled, "-titled")

    def repaint(self, view: View, selected: str | None = None) -> None:
        """``selected`` is the strategy that the leaderboard's cursor is on."""
        self._view, self._selected = view, selected
        title = TITLE + (mark(view) or "%")
        if self._titled:
            set_title(self, f"{TITLE}{mark(view)}: % of windows on opposite sides, {self._axes}")
            title = ""
        width, height = self.size
        matrix = self._take(view.conflicts)
        if view.conflicts is None or matrix.empty:
            self.show((self._head(title, width), *wrapped(self._nothing(view), width)))
            return
        self._place_cursor(matrix)
        count = len(matrix.names)
        below = self._below(view.conflicts, matrix, width)[: max(1, height // 3)]
        grid = grid_for(count, width, max(1, height - 1 - len(below)))
        self._grid = grid
        self._scroll(grid, count)
        lines = [self._head(axis(matrix, grid, self._first.x, title), width)]
        lines += [self._row(matrix, grid, row) for row in range(self._first.y, min(count, self._first.y + grid.rows))]
        self.show((*lines, *below))

    def _take(self, conflicts: Conflicts | None) -> Matrix:
        if conflicts is None:
            self._matrix = NO_MATRIX
        elif self._made_of[0] is not conflicts or self._made_of[1] != self._axes:
            self._matrix = matrix_of(conflicts, self._axes)
        self._made_of = (conflicts, self._axes)
        return self._matrix

    def _nothing(self, view: View) -> str:
        if self._axes == "camps" and view.conflicts is not None and view.conflicts.pairs:
            return "No camp has formed yet: strategies that agree are found as windows close. ] shows strategies."
        return nothing_yet(view)

    def _head(self, text: str, width: int) -> Line:
        return (Cell(text, "muted") if self._titled else Cell(sized(text, width), "heading"),)

    def _row(self, matrix: Matrix, grid: Grid, row: int) -> Line:
        name = matrix.names[row]
        on_row, selected = row == self._cursor.y and self.has_focus, name == self._selected
        label = Cell(row_label(name, row, grid, selected=selected), "accent" if on_row or selected else "")
        columns = matrix.names[self._first.x : self._first.x + grid.columns]
        cursor = matrix.names[self._cursor.x] if on_row else None
        return (label, *heat_cells(matrix, name, columns, grid.cell, cursor))

    def _below(self, conflicts: Conflicts, matrix: Matrix, width: int) -> list[Line]:
        """The exact figures under the cursor while it is in use, else the selected strategy's opponents; the coins'
        rates, and the running windows' line-up."""
        if self.has_focus:
            first = exact_figures(matrix, matrix.names[self._cursor.y], matrix.names[self._cursor.x], width)
        else:
            first = opponents_line(matrix, self._selected, width) if self._selected is not None else ()
        return [*([first] if first else []), coin_rates(conflicts, width), *self._lineup(conflicts, width)]

    def _lineup(self, conflicts: Conflicts, width: int) -> tuple[Line, ...]:
        board = self._view.leaderboard if self._view is not None else None
        families = {row.strategy: row.family for row in board.rows} if board is not None else {}
        return lineup_lines(conflicts, families, width)

    def _place_cursor(self, matrix: Matrix) -> None:
        names, last = matrix.names, len(matrix.names) - 1
        x, y = min(self._cursor.x, last), min(self._cursor.y, last)
        if self._cursor_names is not None:
            row, column = self._cursor_names
            y = names.index(row) if row in names else y
            x = names.index(column) if column in names else x
        self._cursor, self._cursor_names = Offset(x, y), (names[y], names[x])

    def _scroll(self, grid: Grid, count: int) -> None:
        x = _into_view(self._cursor.x, self._first.x, grid.columns, count)
        y = _into_view(self._cursor.y, self._first.y, grid.rows, count)
        self._first = Offset(x, y)

    def action_move(self, down: int, right: int) -> None:
        if self._matrix.empty:
            return
        last = len(self._matrix.names) - 1
        x, y = min(max(0, self._cursor.x + right), last), min(max(0, self._cursor.y + down), last)
        self._cursor, self._cursor_names = Offset(x, y), (self._matrix.names[y], self._matrix.names[x])
        self._again()

    def action_turn(self, _step: int) -> None:
        self._axes = "camps" if self._axes == "strategies" else "strategies"
        self._cursor_names = None
        self._again()

    def on_focus(self) -> None:
        self._again()

    def on_blur(self) -> None:
        self._again()

    def on_click(self, event: events.Click) -> None:
        """The cursor goes to the pair that was clicked on."""
        place = event.get_content_offset(self)
        if place is None or self._matrix.empty or self._grid is None:
            return
        x, y = (place.x - self._grid.label) // self._grid.cell, place.y - 1
        if 0 <= y < self._grid.rows and 0 <= x < self._grid.columns:
            self.action_move(self._first.y + y - self._cursor.y, self._first.x + x - self._cursor.x)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(1, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-1, 0)

    def _again(self) -> None:
        if self._view is not None:
            self.repaint(self._view, self._selected)


def _into_view(cursor: int, first: int, visible: int, count: int) -> int:
    """The first visible index, moved as little as needed to show the cursor and to leave no empty end."""
    first = min(first, max(0, count - visible))
    if cursor < first:
        return cursor
    return max(first, cursor - visible + 1)
