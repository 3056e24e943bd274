"""The events pane, on screens that are large enough."""

from typing import ClassVar

from textual.binding import BindingType

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.view.events import COLUMNS, Choice, event_rows, nothing_passes
from polyterm.console.view.figures import mark
from polyterm.console.view.sheets import Sheet, events_sheet
from polyterm.console.widgets.filter import Filtered
from polyterm.console.widgets.table import Table


class EventsPane(Table, Filtered):
    STAYS_ON_TOP = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("filtered")]
    FILTERS = "events"

    def __init__(self) -> None:
        super().__init__("events", COLUMNS)
        self.choice = Choice()

    def repaint(self, view: View, selected: str | None = None) -> None:
        rows = event_rows(view, self.columns, self.choice, selected)
        note = " ".join(filter(None, (self.choice.title, mark(view))))
        self.show(rows, empty=nothing_passes(self.choice), note=note)

    def action_turn(self, step: int) -> None:
        self.choice = self.choice.turned(step)
        self.post_message(self.Chosen())

    def sheet(self, view: View) -> Sheet:
        return events_sheet(view, self.choice)

    @property
    def words(self) -> str:
        return self.choice.words

    def matching(self, words: str) -> None:
        self.choice = self.choice.matching(words)
        self.post_message(self.Chosen())
