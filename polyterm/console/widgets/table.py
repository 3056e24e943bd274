"""A table of rows that have identities: diffed, never rebuilt, so that cursor and scroll survive every refresh."""

from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec, fit
from polyterm.console.view.cells import Cell, Line, Row, laid_out, wrapped
from polyterm.console.view.sheets import Sheet, shown_sheet
from polyterm.console.widgets.lines import COMPONENT_CLASSES, Styles, changed_lines, painted, set_title

SCROLLBAR: Final = 1
TWICE: Final = 2


class Table(ScrollView, can_focus=True, inherit_bindings=False):
    """A heading that stays, and rows that scroll under it. The cursor follows its row's key when rows change places."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*COMPONENT_CLASSES, "table--heading", "table--cursor"}
    STAYS_ON_TOP: ClassVar[bool] = False
    """New rows come on top: a cursor on the first row stays there instead of following its row down."""
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("table"), *bindings("rows")]

    class CursorMoved(Message):
        """Somebody moved the cursor; only where it is now matters."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Table.CursorMoved)

    def __init__(self, id: str, specs: Sequence[ColumnSpec]) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._seen_styles = Styles(self)
        self._specs = specs
        self._width = 0
        self._title = specs[0].title
        self._titled = False
        self._columns: tuple[Column, ...] = ()
        self._heading: Line = ()
        self._rows: tuple[Row, ...] = ()
        self._empty = ""
        self._cursor_key: str | None = None
        self._cursor = 0

    @property
    def columns(self) -> tuple[Column, ...]:
        return self._columns

    @property
    def titled(self) -> bool:
        return self._titled

    @property
    def cursor_key(self) -> str | None:
        """What the row under the cursor is about; None while there is no row."""
        return self._rows[self._cursor].key if self._rows else None

    def copied(self) -> str:
        """The row under the cursor, as it is shown; empty while there is none."""
        return " ".join("".join(cell.text for cell in self._rows[self._cursor].cells).split()) if self._rows else ""

    def sheet(self, _view: View) -> Sheet:
        """All rows that can be scrolled to, in their order."""
        return shown_sheet(self.id or "rows", self._columns, self._rows)

    @property
    def rows_below_cursor(self) -> int:
        return len(self._rows) - 1 - self._cursor

    def fit_to(self, width: int, *, titled: bool) -> None:
        """``titled``: the pane has a title line of its own, so the first heading says what the column holds."""
        self._width = width
        self._columns = fit(self._specs, width - SCROLLBAR)
        self._titled = titled
        self.set_class(titled, "-titled")
        self._head(self._title)
        self.refresh()

    def choose_columns(self, specs: Sequence[ColumnSpec]) -> None:
        """Others than before, or the same with other ranks."""
        self._specs = specs
        self.fit_to(self._width, titled=self._titled)

    def show(self, rows: tuple[Row, ...], *, empty: str = "", note: str = "") -> None:
        """``empty`` stands in the pane while there are no rows; ``note`` is added to the title."""
        self._head(f"{self._title} {note}" if note else self._title)
        before, self._rows = self._rows, rows
        in_view = self._cursor_in_view()
        previous, self._cursor = self._cursor, self._place_cursor()
        self._make_room(Size(self.size.width, len(rows) + 1))
        if empty != self._empty:
            self._empty = empty
            self.refresh()
            return
        top, visible = self.scroll_offset.y, max(0, self.size.height - 1)
        lines = changed_lines(_cells(before, top, visible), _cells(rows, top, visible))
        dirty = {top + line for line in lines}
        if previous != self._cursor:
            dirty |= {previous, self._cursor}
        self._refresh_rows(dirty)
        if in_view and previous != self._cursor:
            self._scroll_to_cursor()

    def _make_room(self, size: Size) -> None:
        """Only a scrollbar that comes or goes is worth arranging the whole screen anew."""
        before, height = self.virtual_size, self.container_size.height
        if size == before:
            return
        if size.width != before.width or (size.height > height) != (before.height > height):
            self.virtual_size = size
            return
        self.set_reactive(Widget.virtual_size, size)
        if size.height > height:
            self.vertical_scrollbar.window_virtual_size = size.height
            if self.scroll_offset.y > self.max_scroll_y:
                self.scroll_to(y=self.max_scroll_y, animate=False)

    def _head(self, title: str) -> None:
        if self._titled:
            set_title(self, title)
        if not self._columns:
            return
        first, *others = self.headings(self._columns)
        titles = [first.title if self._titled else title, *(column.title for column in others)]
        heading = laid_out([Cell(text) for text in titles], self._columns)
        if heading != self._heading:
            self._heading = heading
            self.refresh(Region(0, 0, self.size.width, 1))

    def headings(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """The columns as their headings call them under a title line of their own."""
        return (msgspec.structs.replace(columns[0], title=columns[0].key), *columns[1:])

    def row_opened(self) -> None:
        """Somebody clicked twice on the row under the cursor."""

    def heading_clicked(self, column: str) -> None:
        """Somebody clicked on the heading of that column."""

    def _place_cursor(self) -> int:
        for place, row in enumerate(self._rows):
            if row.key == self._cursor_key:
                return place
        place = min(self._cursor, max(0, len(self._rows) - 1))
        self._choose(place)
        return place

    def _choose(self, place: int) -> None:
        """Remember what the row is about; on the first row nothing has been chosen where new rows come on top."""
        chosen = bool(self._rows) and not (self.STAYS_ON_TOP and place == 0)
        self._cursor_key = self._rows[place].key if chosen else None

    def _refresh_rows(self, places: set[int]) -> None:
        top = self.scroll_offset.y
        height = self.size.height
        lines = [place - top + 1 for place in places]
        regions = [Region(0, y, self.size.width, 1) for y in lines if 1 <= y < height]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        width, styles = self.size.width, self._seen_styles
        base = styles.base
        if y == 0:
            return painted(self._heading, width, base + styles.component("table--heading"), styles.of_role)
        if not self._rows:
            lines = wrapped(self._empty, width)
            return painted(lines[y - 1] if y <= len(lines) else (), width, base, styles.of_role)
        place = self.scroll_offset.y + y - 1
        if place >= len(self._rows):
            return Strip.blank(width, base)
        if place == self._cursor:
            base += styles.component("table--cursor")
        return painted(self._rows[place].cells, width, base, styles.of_role)

    def notify_style_update(self) -> None:
        self._seen_styles.forget()
        super().notify_style_update()

    def action_cursor(self, step: int) -> None:
        self._move_to(self._cursor + step)

    def action_page(self, direction: int) -> None:
        self._move_to(self._cursor + direction * max(1, self.size.height - 2))

    def action_edge(self, direction: int) -> None:
        self._move_to(0 if direction < 0 else len(self._rows) - 1)

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return
        if place.y > 0:
            self._move_to(self.scroll_offset.y + place.y - 1)
            if event.chain == TWICE:
                self.row_opened()
            return
        right = 0
        for column in self._columns:
            right += column.width + 1
            if place.x < right:
                self.heading_clicked(column.key)
                return

    def _move_to(self, place: int) -> None:
        if not self._rows:
            return
        previous, self._cursor = self._cursor, min(max(0, place), len(self._rows) - 1)
        self._choose(self._cursor)
        self._refresh_rows({previous, self._cursor})
        self._scroll_to_cursor()
        if previous != self._cursor:
            self.post_message(self.CursorMoved())

    def _cursor_in_view(self) -> bool:
        return 0 <= self._cursor - self.scroll_offset.y < self.size.height - 1

    def _scroll_to_cursor(self) -> None:
        visible = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + visible:
            self.scroll_to(y=self._cursor - visible + 1, animate=False)


def _cells(rows: tuple[Row, ...], top: int, count: int) -> list[Line]:
    return [row.cells for row in rows[top : top + count]]
