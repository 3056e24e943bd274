"""The open positions pane."""

from polyterm.console.latest import View
from polyterm.console.view.figures import mark
from polyterm.console.view.positions import COLUMNS, nothing_open, position_rows, positions_note
from polyterm.console.view.sheets import Sheet, positions_sheet
from polyterm.console.widgets.table import Table


class PositionsPane(Table):
    STAYS_ON_TOP = True

    def __init__(self) -> None:
        super().__init__("positions", COLUMNS)

    def sheet(self, view: View) -> Sheet:
        return positions_sheet(view)

    def repaint(self, view: View, selected: str | None = None) -> None:
        rows = position_rows(view, self.columns, selected)
        note = " ".join(filter(None, (positions_note(view, selected), mark(view))))
        self.show(rows, empty=nothing_open(view), note=note)
