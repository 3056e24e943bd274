"""What screens that show one thing in full have: the frame of every screen, and questions asked while they are open."""

from collections.abc import Awaitable, Callable, Iterator
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from polyterm.console.actions import Scope, bindings
from polyterm.console.detail_layout import Placed
from polyterm.console.latest import View
from polyterm.console.screens.base import ConsoleScreen, put
from polyterm.console.view.cells import wrapped
from polyterm.console.view.status import too_small
from polyterm.console.widgets.detail_keys import DetailKeys
from polyterm.console.widgets.lines import Lines
from polyterm.console.widgets.status import StatusBar
from polyterm.console.widgets.table import Table
from polyterm.core.query import Answer, Failed, Query
from polyterm.errors import LinkError

POLL_S: Final = 1.0

Ask = Callable[[Query], Awaitable[Answer]]


class DetailScreen(ConsoleScreen):
    """``fetch`` is called when the screen opens and about once a second; a slow answer delays only the next question.

    ``panes`` are placed by ``placed`` and painted by ``paint``; ``SCOPE`` are the keys that are its own.
    """

    SCOPE: ClassVar[Scope] = "detail"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("detail")]

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask
        self._status = StatusBar(id="status")
        self._keys = DetailKeys(self.SCOPE, id="footer")
        self._too_small = Lines(id="too-small")
        self._view: View | None = None
        self._arranged: Placed | None = None
        self._asking = False
        self._painted: tuple[object, ...] = ()
        self.problem = ""

    def panes(self) -> dict[str, Widget]:
        raise NotImplementedError

    def placed(self, width: int, height: int) -> Placed | None:
        raise NotImplementedError

    async def fetch(self) -> None:
        """Ask for what is shown."""

    def paint(self, view: View) -> None:
        raise NotImplementedError

    def watched(self, view: View) -> tuple[object, ...]:
        """What has to change before it is painted again, besides its size and the answers."""
        second = None if view.market_ms is None else view.market_ms // 1000
        return second, view.lost, view.trading_state

    def compose(self) -> ComposeResult:
        yield from self._every().values()
        yield self._too_small

    def _every(self) -> dict[str, Widget]:
        return {"status": self._status, **self.panes(), "footer": self._keys}

    def on_mount(self) -> None:
        self.set_interval(POLL_S, self.ask_again)

    def on_screen_resume(self) -> None:
        self.ask_again()

    def on_resize(self, event: events.Resize) -> None:
        self.rearrange(event.size.width, event.size.height)

    def rearrange(self, width: int, height: int) -> None:
        placed = self._arranged = self.placed(width, height)
        self._too_small.display = placed is None
        for name, widget in self._every().items():
            place = None if placed is None else placed.places.get(name)
            widget.display = place is not None
            if place is None or placed is None:
                continue
            put(widget, place)
            if isinstance(widget, Table):
                widget.fit_to(place.width, titled=placed.titled)
        self._focus_something()
        self.call_after_refresh(self.again)

    def _focus_something(self) -> None:
        """A pane that has gone cannot keep the focus."""
        if self.focused is None or not self.focused.display:
            self.set_focus(next(self._focusable(), None))

    def _focusable(self) -> Iterator[Widget]:
        return (widget for widget in self.panes().values() if widget.display and widget.can_focus)

    def action_next_pane(self, step: int) -> None:
        panes = list(self._focusable())
        if panes:
            place = panes.index(self.focused) if self.focused in panes else -1
            self.set_focus(panes[(place + step) % len(panes)])

    def ask_again(self) -> None:
        """Unless the last question still waits, the view is frozen, or somebody looks at another screen."""
        frozen = self._view is not None and self._view.frozen_s is not None
        if not self._asking and not frozen and self.is_current:
            self._asking = True
            self.run_worker(self._fetch(), group="questions")

    async def _fetch(self) -> None:
        try:
            await self.fetch()
        finally:
            self._asking = False
        self.again()

    async def answer(self, query: Query) -> Answer | None:
        """None without one; ``problem`` then says why."""
        try:
            found = await self._ask(query)
        except LinkError as error:
            self.problem = str(error)
            return None
        self.problem = found.reason if isinstance(found, Failed) else ""
        return None if isinstance(found, Failed) else found

    def again(self) -> None:
        """Paint what has come."""
        self._painted = ()
        if self._view is not None:
            self.repaint(self._view)

    def repaint(self, view: View) -> None:
        is_first, self._view = self._view is None, view
        if is_first:
            self.ask_again()
        if self._arranged is None:
            self._too_small.show(tuple(wrapped(too_small(view.live, *self.size), self.size.width)))
            return
        self.set_class(view.lost, "-lost")
        self._status.repaint(view)
        self._keys.repaint(view)
        shown = self.watched(view)
        if shown != self._painted:
            self._painted = shown
            self.paint(view)
