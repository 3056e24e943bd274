"""The ticks pane."""

from typing import ClassVar

from textual.binding import BindingType

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.view.sheets import Sheet, ticks_sheet
from polyterm.console.view.ticks import COLUMNS, tick_rows
from polyterm.console.widgets.table import Table


class TicksPane(Table):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("ticks")]

    def __init__(self) -> None:
        super().__init__("ticks", COLUMNS)

    def sheet(self, view: View) -> Sheet:
        return ticks_sheet(view)

    def repaint(self, view: View) -> None:
        self.show(
            tick_rows(view, self.columns),
            empty="Ticks appear here seconds after the engine has been reached, one a second for each coin.",
        )
