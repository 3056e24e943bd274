"""The footer: the keys that matter, and what quitting does to the engine."""

from polyterm.console.latest import View
from polyterm.console.view.keys import footer
from polyterm.console.widgets.lines import Lines


class KeyStrip(Lines):
    def __init__(self, quit_note: str, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._quit_note = quit_note

    def repaint(self, view: View) -> None:
        self.show((footer(view, self._quit_note, self.size.width),))
