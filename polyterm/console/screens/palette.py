"""The palette: everything that can be done where it was opened, found by typing a part of its name."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Input

from polyterm.console.actions import Action, bindings
from polyterm.console.latest import View
from polyterm.console.screens.base import ConsoleModal
from polyterm.console.view.palette import COLUMNS, matching, palette_rows
from polyterm.console.widgets.table import Table

WIDTH: Final = 56
ROWS: Final = 16
FIELD: Final = 3
BORDER: Final = 2


class PaletteScreen(ConsoleModal):
    """``offered`` are the actions, and whose they are."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("palette")]

    def __init__(self, offered: Sequence[tuple[Action, DOMNode]]) -> None:
        super().__init__()
        self._actions = tuple(action for action, _ in offered)
        self._owners = {action.id: owner for action, owner in offered}
        self._found: tuple[Action, ...] = self._actions
        self._field = Input(id="palette-field", placeholder="what to do", select_on_focus=False)
        self._list = Table("palette-list", COLUMNS)
        self._list.can_focus = False

    def compose(self) -> ComposeResult:
        self._field.border_title = Content("palette: ctrl+k KILLS, enter does it, esc closes")
        with Vertical(id="palette"):
            yield self._field
            yield self._list

    def on_mount(self) -> None:
        self.set_focus(self._field)

    def on_resize(self, event: events.Resize) -> None:
        width = min(WIDTH, event.size.width)
        height = min(ROWS, len(self._actions), max(1, event.size.height - FIELD - BORDER - 2))
        box = self.query_one("#palette")
        box.styles.width, box.styles.height = width, FIELD + BORDER + height + 1
        self._list.styles.height = BORDER + height + 1
        self._list.fit_to(width - BORDER, titled=False)
        self._list_found()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._found = matching(self._actions, event.value)
        self._list_found()
        self._list.action_edge(-1)

    def _list_found(self) -> None:
        self._list.show(palette_rows(self._found, self._list.columns), empty="Nothing here is called so.")

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        await self.action_do()

    async def on_click(self, event: events.Click) -> None:
        """A click does what it hits; beside the palette it closes it."""
        if event.widget is self._list:
            await self.action_do()
        elif event.widget is self:
            self.app.pop_screen()

    def action_choose(self, step: int) -> None:
        self._list.action_cursor(step)

    async def action_do(self) -> None:
        chosen = next((action for action in self._found if action.id == self._list.cursor_key), None)
        if chosen is None:
            return
        self.app.pop_screen()
        await self.app.run_action(chosen.run, self._owners[chosen.id])

    def repaint(self, view: View) -> None:
        """Nothing here depends on the view."""
