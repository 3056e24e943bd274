"""The main screen: four live panes and an events pane where there is room, placed by ``layout.arrange``."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.layout import MIN_HEIGHT, MIN_WIDTH, Arrangement, PaneName, Place, arrange
from polyterm.console.screens.base import ConsoleScreen
from polyterm.console.view.cells import wrapped
from polyterm.console.widgets.events import EventsPane
from polyterm.console.widgets.feeds import FeedStrip
from polyterm.console.widgets.heatmap import Heatmap
from polyterm.console.widgets.keys import KeyStrip
from polyterm.console.widgets.leaderboard import LeaderboardPane
from polyterm.console.widgets.lines import Lines
from polyterm.console.widgets.positions import PositionsPane
from polyterm.console.widgets.status import StatusBar
from polyterm.console.widgets.table import Table
from polyterm.console.widgets.ticks import TicksPane


class MainScreen(ConsoleScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("panes")]
    AUTO_FOCUS = "#leaderboard"

    def __init__(self, quit_note: str) -> None:
        super().__init__()
        self._status = StatusBar(id="status")
        self._feeds = FeedStrip(id="feeds")
        self._ticks = TicksPane()
        self._leaderboard = LeaderboardPane()
        self._conflicts = Heatmap()
        self._positions = PositionsPane()
        self._events = EventsPane()
        self._keys = KeyStrip(quit_note, id="footer")
        self._too_small = Lines(id="too-small")
        self._arranged_for = (0, 0, 0)
        self._arrangement: Arrangement | None = None
        self._painted: dict[Widget, tuple[object, ...]] = {}
        self._placed: dict[PaneName, Widget] = {
            "status": self._status,
            "feeds": self._feeds,
            "ticks": self._ticks,
            "leaderboard": self._leaderboard,
            "conflicts": self._conflicts,
            "positions": self._positions,
            "events": self._events,
            "footer": self._keys,
        }

    def compose(self) -> ComposeResult:
        yield from self._placed.values()
        yield self._too_small

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width, event.size.height, self._arranged_for[2] or 4)

    def _arrange(self, width: int, height: int, coins: int) -> None:
        if (width, height, coins) == self._arranged_for:
            return
        self._arranged_for = (width, height, coins)
        self._painted.clear()
        self._arrangement = arranged = arrange(width, height, coins)
        self._too_small.display = arranged is None
        for name, widget in self._placed.items():
            place = None if arranged is None else arranged.places.get(name)
            widget.display = place is not None
            if arranged is None or place is None:
                continue
            _put(widget, place)
            if isinstance(widget, Table | Heatmap):
                widget.fit_to(place.width, titled=arranged.titled)

    def repaint(self, view: View) -> None:
        if view.ticks is not None and view.ticks.rows:
            self._arrange(self.size.width, self.size.height, len(view.ticks.rows))
        if self._arrangement is None:
            self._too_small.show(tuple(wrapped(self._apology(view), self.size.width)))
            return
        self.set_class(view.lost, "-lost")
        self._status.repaint(view)
        self._feeds.repaint(view)
        self._keys.repaint(view)
        self._ticks.repaint(view)
        # Times in the other panes are whole seconds: between two of them only a new section changes anything.
        second = None if view.market_ms is None else view.market_ms // 1000
        sections: tuple[tuple[LeaderboardPane | Heatmap | PositionsPane | EventsPane, object], ...] = (
            (self._leaderboard, view.leaderboard),
            (self._conflicts, view.conflicts),
            (self._positions, view.positions),
            (self._events, view.events),
        )
        for pane, section in sections:
            signature = (section, second, view.lost, view.trading_state, pane.size)
            if pane.display and self._painted.get(pane) != signature:
                self._painted[pane] = signature
                pane.repaint(view)

    def _apology(self, view: View) -> str:
        width, height = self.size
        state = "not connected" if view.lost or view.status is None else view.status.trading_state
        return (
            f"polyterm needs {MIN_WIDTH}×{MIN_HEIGHT}; this terminal is {width}×{height}. "
            f"The engine: {state}. Keys still work: K kills, P pauses, q quits."
        )


def _put(widget: Widget, place: Place) -> None:
    widget.styles.width = place.width
    widget.styles.height = place.height
    widget.styles.offset = (place.x, place.y)
