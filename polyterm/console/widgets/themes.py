"""The theme chooser: every theme is seen on the screen itself while the cursor is on it."""

from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from polyterm.console.actions import bindings
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.theming import Theme
from polyterm.console.view.cells import Cell, Row, laid_out
from polyterm.console.widgets.table import SCROLLBAR, Table

COLUMNS: Final = (
    ColumnSpec("theme", "theme", 24, 100, "left"),
    ColumnSpec("ground", "", 5, 50, "left"),
)
WIDTH: Final = 24 + 1 + 5 + SCROLLBAR
SHOWN: Final = 10


class ThemeChooser(Table):
    """Enter keeps what is shown; Esc, or going elsewhere, takes it back."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("themes")]

    class Kept(Message):
        def __init__(self, theme: str) -> None:
            super().__init__()
            self.theme = theme

    def __init__(self, themes: tuple[Theme, ...], current: str, before: Widget | None) -> None:
        """``before`` had the focus and gets it back."""
        super().__init__("themes", COLUMNS)
        self._themes = themes
        self._current = current
        self._before = before
        self.styles.width = WIDTH + 2
        self.styles.height = min(SHOWN, len(themes)) + 3
        self.border_title = Content("theme: enter keeps, esc not")

    def on_mount(self) -> None:
        self.fit_to(WIDTH, titled=False)
        self.show(tuple(_row(theme, self.columns) for theme in self._themes))
        self._move_to([theme.name for theme in self._themes].index(self._current))
        self.focus()

    def on_table_cursor_moved(self, event: Table.CursorMoved) -> None:
        event.stop()
        if self.cursor_key is not None:
            self.app.theme = self.cursor_key

    def action_next(self) -> None:
        self._move_to((self._cursor + 1) % len(self._themes))

    def action_keep(self) -> None:
        if self.cursor_key is not None:
            self._current = self.cursor_key
            self.post_message(self.Kept(self._current))
        self._close()

    def action_take_back(self) -> None:
        self._close()

    def on_blur(self, _: events.Blur) -> None:
        self._before = None
        self._close()

    def on_unmount(self) -> None:
        """Its screen may be closed under it."""
        if self.app.is_running:
            self.app.theme = self._current

    def _close(self) -> None:
        self.app.theme = self._current
        if self._before is not None and self._before.is_attached:
            self._before.focus()
        self.remove()


def _row(theme: Theme, columns: tuple[Column, ...]) -> Row:
    ground = Cell("dark" if theme.dark else "light", "muted")
    return Row(theme.name, lambda: laid_out((Cell(theme.name), ground), columns))
