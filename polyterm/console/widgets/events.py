"""The events pane, on screens that are large enough."""

from polyterm.console.latest import View
from polyterm.console.view.events import COLUMNS, event_rows
from polyterm.console.view.figures import mark
from polyterm.console.widgets.table import Table


class EventsPane(Table):
    STAYS_ON_TOP = True

    def __init__(self) -> None:
        super().__init__("events", COLUMNS)

    def repaint(self, view: View) -> None:
        rows = event_rows(view, self.columns)
        self.show(rows, empty="What the engine does appears here as it happens.", note=mark(view))
