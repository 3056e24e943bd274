"""What every screen has: the keys that act everywhere, the receipt of a kill, and a way to be repainted."""

from typing import ClassVar

from textual.binding import BindingType
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.layout import Place
from polyterm.console.widgets.receipt import ReceiptPanel


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """The application calls ``repaint`` a few times a second while the screen is to be seen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("everywhere"), *bindings("replay")]
    ESCAPE_TO_MINIMIZE = False
    ALLOW_SELECT = False

    def on_mount(self) -> None:
        self._receipt = ReceiptPanel()
        self.mount(self._receipt)

    def repaint(self, view: View) -> None:
        raise NotImplementedError

    def repaint_receipt(self, view: View) -> None:
        """How far a kill has come, also over a frozen view."""
        if self.is_mounted:
            self._receipt.repaint(view.live, self.size.width, self.size.height)


def put(widget: Widget, place: Place) -> None:
    widget.styles.width = place.width
    widget.styles.height = place.height
    widget.styles.offset = (place.x, place.y)


class ConsoleModal(ConsoleScreen, ModalScreen[None], inherit_bindings=False):
    """A question or a list over the screen below, which lives on. Its keys act, those of the screen below do not."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("everywhere")]
