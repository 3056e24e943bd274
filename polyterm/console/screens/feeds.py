"""The feeds in full."""

from textual.widget import Widget

from polyterm.console.detail_layout import Placed, arrange_table
from polyterm.console.latest import View
from polyterm.console.screens.detail import Ask, DetailScreen
from polyterm.console.view.feed_table import COLUMNS, feed_rows, no_feeds
from polyterm.console.view.figures import mark
from polyterm.console.widgets.table import Table


class FeedsScreen(DetailScreen):
    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self._table = Table("table", COLUMNS)

    def panes(self) -> dict[str, Widget]:
        return {"table": self._table}

    def placed(self, width: int, height: int) -> Placed | None:
        return arrange_table(width, height)

    def watched(self, view: View) -> tuple[object, ...]:
        return view.lost, None if view.feeds is None else view.feeds.version

    def paint(self, view: View) -> None:
        self._table.show(feed_rows(view, self._table.columns), empty=no_feeds(view), note=mark(view))
