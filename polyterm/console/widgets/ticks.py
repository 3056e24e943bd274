"""The ticks pane."""

from typing import ClassVar

from textual.binding import BindingType

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.view.figures import mark
from polyterm.console.view.sheets import Sheet, ticks_sheet
from polyterm.console.view.ticks import ASPECTS, COLUMNS, Aspect, columns_for, tick_rows
from polyterm.console.widgets.table import Table


class TicksPane(Table):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("ticks")]

    def __init__(self) -> None:
        super().__init__("ticks", COLUMNS)
        self._aspect: Aspect = ASPECTS[0]
        self._view: View | None = None

    def row_opened(self) -> None:
        self.call_later(self.run_action, "app.show_window")

    def sheet(self, view: View) -> Sheet:
        return ticks_sheet(view)

    def action_turn(self, step: int) -> None:
        """Where not every column fits: what the market says, what the book holds, or how fresh the inputs are."""
        self._aspect = ASPECTS[(ASPECTS.index(self._aspect) + step) % len(ASPECTS)]
        self.choose_columns(columns_for(self._aspect))
        if self._view is not None:
            self.repaint(self._view)

    def repaint(self, view: View) -> None:
        self._view = view
        self.show(
            tick_rows(view, self.columns),
            note=self._note(view),
            empty="Ticks appear here seconds after the engine has been reached, one a second for each coin.",
        )

    def _note(self, view: View) -> str:
        if not self._titled:
            return ""  # there is no room for it
        aspect = "" if self._aspect == ASPECTS[0] else f"({self._aspect} first)"
        return " ".join(filter(None, (aspect, mark(view) if view.frozen_s is not None else "")))
