"""The main screen: four live panes and an events pane where there is room, placed by ``layout.arrange``."""

from typing import ClassVar, Final

import msgspec
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from polyterm.console.actions import bindings
from polyterm.console.latest import View
from polyterm.console.layout import Arrangement, PaneName, Place, arrange, maximised
from polyterm.console.screens.base import ConsoleScreen, put
from polyterm.console.view.cells import wrapped
from polyterm.console.view.status import too_small
from polyterm.console.view.tour import tour
from polyterm.console.widgets.events import EventsPane
from polyterm.console.widgets.feeds import FeedStrip
from polyterm.console.widgets.filter import Filtered, FilterField
from polyterm.console.widgets.heatmap import Heatmap
from polyterm.console.widgets.keys import KeyStrip
from polyterm.console.widgets.leaderboard import LeaderboardPane
from polyterm.console.widgets.lines import Lines
from polyterm.console.widgets.positions import PositionsPane
from polyterm.console.widgets.status import StatusBar
from polyterm.console.widgets.table import Table
from polyterm.console.widgets.ticks import TicksPane
from polyterm.core.market import MarketKey

FIELD_HEIGHT: Final = 3
PANES: Final[tuple[PaneName, ...]] = ("ticks", "leaderboard", "conflicts", "positions", "events")
"""In the order of their numbers, and of tab."""


class MainScreen(ConsoleScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("panes")]
    AUTO_FOCUS = "#leaderboard"

    def __init__(self, quit_note: str, *, touring: bool = False) -> None:
        """``touring``: for somebody who has not been here before."""
        super().__init__()
        self._touring = touring
        self._tour = Lines(id="tour")
        self._status = StatusBar(id="status")
        self._feeds = FeedStrip(id="feeds")
        self._ticks = TicksPane()
        self._leaderboard = LeaderboardPane()
        self._conflicts = Heatmap()
        self._positions = PositionsPane()
        self._events = EventsPane()
        self._keys = KeyStrip(quit_note, id="footer")
        self._too_small = Lines(id="too-small")
        self._filter = FilterField()
        self._leaderboard.open_filter = self._events.open_filter = self._open_filter
        self._view: View | None = None
        self._zoomed: PaneName | None = None
        self._arranged_for: tuple[int, int, int, PaneName | None, bool] = (0, 0, 0, None, False)
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
        yield self._tour
        yield self._too_small
        yield self._filter

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width, event.size.height, self._arranged_for[2] or 4)

    def _arrange(self, width: int, height: int, coins: int) -> None:
        zoomed = self._zoomed
        touring = self._touring and zoomed is None
        wanted = (width, height, coins, zoomed, touring)
        if wanted == self._arranged_for:
            return
        self._arranged_for = wanted
        self._filter.close()
        self._painted.clear()
        arranged = arrange(width, height, coins, int(touring)) if zoomed is None else maximised(width, height, zoomed)
        self._arrangement = arranged
        self._tour.display = touring and arranged is not None
        if touring and arranged is not None:
            put(self._tour, Place(0, height - 1, width, 1))
            self._tour.show((tour(width),))
        self._too_small.display = arranged is None
        for name, widget in self._placed.items():
            place = None if arranged is None else arranged.places.get(name)
            widget.display = place is not None
            if arranged is None or place is None:
                continue
            put(widget, place)
            if isinstance(widget, Table | Heatmap):
                widget.fit_to(place.width, titled=arranged.titled)

    def end_tour(self) -> bool:
        """Whether there was one."""
        touring, self._touring = self._touring, False
        if touring and self._arranged_for[0]:
            self._arrange(self.size.width, self.size.height, self._arranged_for[2] or 4)
        return touring

    def action_zoom(self) -> None:
        focused = next((name for name in PANES if self._placed[name] is self.focused), None)
        self._zoom(focused if self._zoomed is None else None)

    def unzoom(self) -> None:
        self._zoom(None)

    def _zoom(self, pane: PaneName | None) -> None:
        self._zoomed = pane
        if self._arranged_for[0]:
            self._arrange(self.size.width, self.size.height, self._arranged_for[2] or 4)
            if self._view is not None:
                self.call_after_refresh(self.repaint, self._view)

    def action_pane(self, name: PaneName) -> None:
        """One that there is no room for beside the others gets the whole screen."""
        if self._zoomed is not None or not self._placed[name].display:
            self._zoom(name)
        self.set_focus(self._placed[name])

    def action_next_pane(self, step: int) -> None:
        """While one is maximised, the next one is."""
        names = [name for name in PANES if self._zoomed is not None or self._placed[name].display]
        if names:
            place = next((place for place, name in enumerate(names) if self._placed[name] is self.focused), -1)
            self.action_pane(names[(place + step) % len(names)])

    @property
    def chosen_strategy(self) -> str | None:
        """The one under the leaderboard's cursor."""
        return self._leaderboard.cursor_key

    @property
    def chosen_window(self) -> MarketKey | None:
        """The running one, or the newest seen, of the series under the cursor of the ticks."""
        view = self._view
        rows = () if view is None or view.ticks is None else view.ticks.rows
        row = next((row for row in rows if f"{row.coin}-{row.horizon}" == self._ticks.cursor_key), None)
        if row is None or view is None:
            return None
        if row.tick is not None:
            return row.tick.key
        windows = () if view.status is None else view.status.windows
        return next((key for key in windows if (key.coin, key.horizon) == (row.coin, row.horizon)), None)

    def repaint(self, view: View) -> None:
        self._view = view
        if view.ticks is not None and view.ticks.rows:
            self._arrange(self.size.width, self.size.height, len(view.ticks.rows))
        if self._arrangement is None:
            self._too_small.show(tuple(wrapped(too_small(view.live, *self.size), self.size.width)))
            return
        if self.focused is None:  # a pane that was hidden, as in a terminal that was too small, has lost it
            self._leaderboard.focus()
        self.set_class(view.lost, "-lost")
        self._status.repaint(view)
        self._feeds.repaint(view)
        self._keys.repaint(view)
        self._ticks.repaint(view)
        self._repaint_panes(view)

    def _repaint_panes(self, view: View) -> None:
        """Those whose sections changed. Times in them are whole seconds: between two, only a new section counts."""
        second = None if view.market_ms is None else view.market_ms // 1000
        common = (view.lost, view.trading_state, view.frozen_s is None)
        board = self._leaderboard
        if self._is_due(board, view.leaderboard, view.positions, second, board.choice, *common):
            board.repaint(view)
        selected = board.cursor_key
        if self._is_due(self._positions, view.positions, second, selected, *common):
            self._positions.repaint(view, selected)
        counted = second if self._conflicts.counts_down else None
        if self._is_due(self._conflicts, view.conflicts, counted, selected, *common):
            self._conflicts.repaint(view, selected)
        if self._is_due(self._events, view.events, view.notes, self._events.choice, selected, *common):
            self._events.repaint(view, selected)

    def _is_due(self, pane: Widget, *shown: object) -> bool:
        """Whether a pane that is there shows something else than it would now."""
        signature = (*shown, pane.size)
        if not pane.display or _same(self._painted.get(pane), signature):
            return False
        self._painted[pane] = signature
        return True

    def on_table_cursor_moved(self) -> None:
        self._again()

    def on_filtered_chosen(self) -> None:
        self._again()

    def _again(self) -> None:
        if self._view is not None and self._arrangement is not None:
            self._repaint_panes(self._view)

    def _open_filter(self, pane: Filtered) -> None:
        name = next(name for name, widget in self._placed.items() if widget is pane)
        place = None if self._arrangement is None else self._arrangement.places.get(name)
        if place is not None:
            put(self._filter, Place(place.x, place.y + place.height - FIELD_HEIGHT, place.width, FIELD_HEIGHT))
            self._filter.open(pane)


def _same(before: tuple[object, ...] | None, now: tuple[object, ...]) -> bool:
    """Sections are frozen and replaced as a whole: comparing what is in them would cost more than painting them."""
    if before is None:
        return False
    pairs = zip(before, now, strict=True)
    return all(old is new if isinstance(new, msgspec.Struct) else old == new for old, new in pairs)
