"""Help: every key that does something, made from the table of actions, and what the words on the screen mean."""

from textual import events
from textual.app import ComposeResult

from polyterm.console.actions import actions_of
from polyterm.console.latest import View
from polyterm.console.screens.base import ConsoleScreen
from polyterm.console.view.keys import HELP_COLUMNS, help_rows
from polyterm.console.widgets.keys import KeyStrip
from polyterm.console.widgets.status import StatusBar
from polyterm.console.widgets.table import Table


class HelpScreen(ConsoleScreen):
    AUTO_FOCUS = "#help"

    def __init__(self, quit_note: str) -> None:
        super().__init__()
        self._quit_note = quit_note
        self._status = StatusBar(id="status")
        self._table = Table("help", HELP_COLUMNS)
        self._keys = KeyStrip(quit_note, id="footer")

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._table
        yield self._keys

    def on_resize(self, event: events.Resize) -> None:
        self._table.fit_to(event.size.width, titled=False)
        self._table.show(help_rows(self._quit_note, self._table.columns, actions_of(self.app)))

    def repaint(self, view: View) -> None:
        self._status.repaint(view)
        self._keys.repaint(view)
