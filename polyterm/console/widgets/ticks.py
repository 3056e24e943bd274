"""The ticks pane."""

from polyterm.console.latest import View
from polyterm.console.view.ticks import COLUMNS, tick_rows
from polyterm.console.widgets.table import Table


class TicksPane(Table):
    def __init__(self) -> None:
        super().__init__("ticks", COLUMNS)

    def repaint(self, view: View) -> None:
        self.show(
            tick_rows(view, self.columns),
            empty="Ticks appear here, one a second and coin, once the engine has been reached.",
        )
