"""What every screen has: the status bar on top, the keys that act everywhere, and a way to be repainted."""

from typing import ClassVar

from textual.binding import BindingType
from textual.screen import Screen

from polyterm.console.actions import bindings
from polyterm.console.latest import View


class ConsoleScreen(Screen[None], inherit_bindings=False):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("everywhere")]
    ESCAPE_TO_MINIMIZE = False
    ALLOW_SELECT = False

    def repaint(self, view: View) -> None:
        raise NotImplementedError
