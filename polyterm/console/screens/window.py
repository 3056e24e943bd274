"""A window in full, and the last ones before it to choose from."""

from typing import ClassVar, Final

from textual.binding import BindingType
from textual.widget import Widget

from polyterm.console.actions import Scope, bindings
from polyterm.console.detail_layout import Placed, arrange_window
from polyterm.console.latest import View
from polyterm.console.screens.detail import Ask, DetailScreen
from polyterm.console.view import window as views
from polyterm.console.widgets.chart import Chart
from polyterm.console.widgets.lines import Lines
from polyterm.console.widgets.table import Table
from polyterm.core.details import WindowAnswer, WindowLine, WindowsAnswer
from polyterm.core.market import MarketKey
from polyterm.core.query import WindowQuery, WindowsQuery

LAST: Final = 100
RUNNING_EVERY: Final = 2
"""Polls after which a window that runs is asked for again: its path costs the engine's machine some 50 ms."""


class WindowScreen(DetailScreen):
    """``key`` is the window that is shown. While nobody has chosen another it follows the running one."""

    SCOPE: ClassVar[Scope] = "window"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("window")]

    def __init__(self, ask: Ask, key: MarketKey) -> None:
        super().__init__(ask)
        self.key = key
        self._lines: tuple[WindowLine, ...] = ()
        self._answer: WindowAnswer | None = None
        self._polls = 0
        self._head = Lines(id="head")
        self._price = Chart("price")
        self._market = Chart("market")
        self._windows = Table("windows", views.WINDOW_COLUMNS)
        self._trades = Table("trades", views.TRADE_COLUMNS)

    def panes(self) -> dict[str, Widget]:
        return {
            "head": self._head,
            "price": self._price,
            "market": self._market,
            "windows": self._windows,
            "trades": self._trades,
        }

    def placed(self, width: int, height: int) -> Placed | None:
        return arrange_window(width, height)

    async def fetch(self) -> None:
        """The list every time; a window that is over and known does not change any more."""
        found = await self.answer(WindowsQuery(self.key.coin, self.key.horizon, LAST))
        if isinstance(found, WindowsAnswer):
            self._lines = found.windows
        line = next((line for line in self._lines if line.key == self.key), None)
        self._polls += 1
        if self._answer is None or (line is not None and line != self._answer.line) or self._is_due():
            await self._ask_window(self.key)

    def _is_due(self) -> bool:
        goes_on = self._view is not None and views.is_running(self.key, self._view)
        return goes_on and self._polls % RUNNING_EVERY == 0

    async def _ask_window(self, key: MarketKey) -> None:
        found = await self.answer(WindowQuery(key))
        if isinstance(found, WindowAnswer) and key == self.key:
            self._answer = found

    def on_table_cursor_moved(self) -> None:
        if not self._windows.has_focus:
            return
        name = self._windows.cursor_key
        chosen = next((line.key for line in self._lines if str(line.key) == name), None)
        if chosen is not None:
            self._choose(chosen)

    def action_coin(self, step: int) -> None:
        """The window of the same time of another coin."""
        rows = () if self._view is None or self._view.ticks is None else self._view.ticks.rows
        series = [(row.coin, row.horizon) for row in rows]
        if not series:
            return
        here = (self.key.coin, self.key.horizon)
        place = series.index(here) if here in series else 0
        coin, horizon = series[(place + step) % len(series)]
        self._lines = ()
        self._choose(MarketKey(coin, horizon, self.key.epoch))

    def _choose(self, key: MarketKey) -> None:
        if key != self.key:
            self.key, self._answer = key, None
            self.again()
            self.run_worker(self._show(key), group="window", exclusive=True)

    async def _show(self, key: MarketKey) -> None:
        await self._ask_window(key)
        self.again()
        self.ask_again()

    def paint(self, view: View) -> None:
        answer = self._answer
        self._head.show(views.head(view, self.key, answer, self.size.width))
        empty = self.problem or views.nothing_to_draw(view, self.key, answer)
        self._price.show(
            views.price_plot(answer, *self._price.size), title=views.price_title(view, answer), empty=empty
        )
        self._market.show(views.market_plot(answer, *self._market.size), title=views.MARKET_TITLE, empty=empty)
        self._windows.show(
            views.window_rows(self._lines, view, self._windows.columns),
            empty=self.problem or "The last windows appear here.",
        )
        self._trades.show(
            () if answer is None else views.trade_rows(answer, self._trades.columns),
            empty=empty if answer is None else "Nobody has traded in this window.",
        )
