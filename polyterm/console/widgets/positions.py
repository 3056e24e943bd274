"""The open positions pane."""

from polyterm.console.latest import View
from polyterm.console.view.figures import mark
from polyterm.console.view.positions import COLUMNS, nothing_open, position_rows
from polyterm.console.widgets.table import Table


class PositionsPane(Table):
    def __init__(self) -> None:
        super().__init__("positions", COLUMNS)

    def repaint(self, view: View) -> None:
        rows = position_rows(view, self.columns)
        self.show(rows, empty=nothing_open(view), note=f"{len(rows)} {mark(view)}".rstrip() if view.positions else "")
