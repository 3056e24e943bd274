"""The leaderboard pane."""

from polyterm.console.latest import View
from polyterm.console.view.figures import mark
from polyterm.console.view.leaderboard import COLUMNS, leaderboard_rows
from polyterm.console.widgets.table import Table


class LeaderboardPane(Table):
    def __init__(self) -> None:
        super().__init__("leaderboard", COLUMNS)

    def repaint(self, view: View) -> None:
        self.show(
            leaderboard_rows(view, self.columns),
            empty="Strategies appear here with their first snapshot; their first trades usually within a window.",
            note=mark(view),
        )
