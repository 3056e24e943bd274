"""The leaderboard pane."""

from typing import ClassVar

from textual.binding import BindingType

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.layout import Column
from polyterm.console.view.figures import mark
from polyterm.console.view.leaderboard import COLUMNS, Choice, headings, hint, leaderboard_rows, nothing_passes
from polyterm.console.view.sheets import Sheet, leaderboard_sheet
from polyterm.console.widgets.filter import Filtered
from polyterm.console.widgets.table import Table


class LeaderboardPane(Table, Filtered):
    """``choice`` says which figures, in which order; it is the operator's and outlives every snapshot."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("filtered"), *bindings("leaderboard")]
    FILTERS = "strategies"

    def __init__(self) -> None:
        super().__init__("leaderboard", COLUMNS)
        self.choice = Choice()

    def repaint(self, view: View) -> None:
        rows = leaderboard_rows(view, self.columns, self.choice)
        note = " ".join(filter(None, (self.choice.title, hint(view) if self.titled else "", mark(view))))
        self.show(rows, empty=nothing_passes(view, self.choice), note=note)

    def headings(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        return headings(super().headings(columns), self.choice)

    def row_opened(self) -> None:
        self.call_later(self.run_action, "app.show_strategy")

    def heading_clicked(self, column: str) -> None:
        self._choose_view(self.choice.sorted_by(column))

    def action_sort(self, step: int) -> None:
        shown = [column.key for column in self.columns if self.choice.sorted_by(column.key) != self.choice]
        place = shown.index(self.choice.sort) if self.choice.sort in shown else 0
        self._choose_view(self.choice.sorted_by(shown[(place + step) % len(shown)]))

    def action_reverse(self) -> None:
        self._choose_view(self.choice.sorted_by(self.choice.sort))

    def action_turn(self, step: int) -> None:
        self._choose_view(self.choice.turned(step))

    def _choose_view(self, choice: Choice) -> None:
        self.choice = choice
        self.post_message(self.Chosen())

    def sheet(self, view: View) -> Sheet:
        return leaderboard_sheet(view, self.choice)

    @property
    def words(self) -> str:
        return self.choice.words

    def matching(self, words: str) -> None:
        self._choose_view(self.choice.matching(words))
