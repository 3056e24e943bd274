"""A question before something that opens risk, or lets go of what is open. Nothing that stops is ever asked about."""

from collections.abc import Callable
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.screens.base import ConsoleModal
from polyterm.console.view.cells import Cell, Line, wrapped
from polyterm.console.widgets.lines import Lines

BEAT_S: Final = 0.7
WIDTH: Final = 62
BORDER: Final = 4


class Question(ConsoleModal):
    """``yes`` is done once it is answered so. A key that was meant for something else is not an answer: for the first
    beat none counts."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("question")]

    def __init__(self, title: str, sentence: str, deed: str, yes: Callable[[], None]) -> None:
        super().__init__()
        self._title, self._sentence, self._deed, self._yes = title, sentence, deed, yes
        self._armed = False
        self._lines = Lines(id="question")

    @property
    def armed(self) -> bool:
        """Whether an answer counts by now."""
        return self._armed

    def compose(self) -> ComposeResult:
        self._lines.border_title = Content(self._title)
        yield self._lines

    def on_mount(self) -> None:
        self.set_timer(BEAT_S, self._arm)

    def on_resize(self, event: events.Resize) -> None:
        width = min(WIDTH, event.size.width)
        said = wrapped(self._sentence, width - BORDER)
        self._lines.styles.width, self._lines.styles.height = width, len(said) + BORDER
        self._ask(width)

    def _arm(self) -> None:
        self._armed = True
        self._ask(self._lines.size.width or WIDTH)

    def _ask(self, width: int) -> None:
        said: list[Line] = [(Cell(line[0].text),) for line in wrapped(self._sentence, width - BORDER)]
        key: Line = (Cell(" y", "accent"), Cell(f" {self._deed}")) if self._armed else (Cell(" …", "muted"),)
        self._lines.show((*said, (), (*key, Cell("   esc", "accent"), Cell(" leave it"))))

    def repaint(self, view: View) -> None:
        """Nothing here depends on the view."""

    def action_yes(self) -> None:
        if self._armed:
            self.app.pop_screen()
            self._yes()
