"""A strategy in full: its rule in words, what it has earned, its trades, and why it acts or waits right now."""

import asyncio
from typing import ClassVar, Final, get_args

from textual.binding import BindingType
from textual.widget import Widget

from polyterm.console.actions import Scope, bindings
from polyterm.console.detail_layout import PAGES, Page, Placed, arrange_strategy
from polyterm.console.latest import View
from polyterm.console.layout import ColumnSpec
from polyterm.console.screens.detail import Ask, DetailScreen
from polyterm.console.view import strategy as views
from polyterm.console.view import why
from polyterm.console.view.prose import as_rows
from polyterm.console.widgets.chart import Chart
from polyterm.console.widgets.lines import Lines
from polyterm.console.widgets.table import SCROLLBAR, Table
from polyterm.core.details import StrategyAnswer
from polyterm.core.market import Coin
from polyterm.core.position import Trade
from polyterm.core.query import Answer, Failed, Period, StrategyQuery, TradesAnswer, TradesQuery, WhyQuery
from polyterm.core.snapshot import TickRow
from polyterm.errors import LinkError

PERIODS: Final[tuple[Period, ...]] = tuple(reversed(get_args(Period)))
TRADES_PAGE: Final = 100
RECORD_EVERY: Final = 10
"""Polls after which the record is asked for again: what is stored may follow what has happened."""

NEAR_THE_END: Final = 20
"""Rows below the cursor, from which on older trades are fetched."""

RULE_COLUMNS: Final = (ColumnSpec("in words", "Rule", 40, 100, "left", grow=400),)


class StrategyScreen(DetailScreen):
    SCOPE: ClassVar[Scope] = "strategy"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("strategy")]

    def __init__(self, ask: Ask, strategy: str) -> None:
        super().__init__(ask)
        self.strategy = strategy
        self.page: Page = "overview"
        self.period: Period = PERIODS[0]
        self._answer: StrategyAnswer | None = None
        self._why: dict[Coin, Answer] = {}
        self._trades: dict[str, Trade] = {}
        self._is_all = False
        self._counted: tuple[Period, int] | None = None
        self._polls = 0
        self._head = Lines(id="head")
        self._equity = Chart("equity")
        self._tables = {
            "why": Table("why", why.COLUMNS),
            "rule": Table("rule", RULE_COLUMNS),
            "coins": Table("coins", views.COIN_COLUMNS),
            "minutes": Table("minutes", views.MINUTE_COLUMNS),
            "trades": Table("trades", views.TRADE_COLUMNS),
        }

    def panes(self) -> dict[str, Widget]:
        return {"head": self._head, "equity": self._equity, **self._tables}

    def placed(self, width: int, height: int) -> Placed | None:
        return arrange_strategy(width, height, self.page)

    def action_page(self, step: int) -> None:
        self.page = PAGES[(PAGES.index(self.page) + step) % len(PAGES)]
        self.rearrange(*self.size)

    def action_period(self, step: int) -> None:
        self.period = PERIODS[(PERIODS.index(self.period) + step) % len(PERIODS)]
        self.ask_again()
        self.again()

    async def fetch(self) -> None:
        """Its gates every time; what is stored when it has closed a trade since, when another period is wanted, and now
        and then."""
        await self._ask_why()
        row = None if self._view is None else views.row_of(self._view, self.strategy)
        counted = (self.period, 0 if row is None else row.trades)
        self._polls += 1
        if counted != self._counted or self._polls % RECORD_EVERY == 0 or self._answer is None:
            answer = await self.answer(StrategyQuery(self.strategy, counted[0]))
            if isinstance(answer, StrategyAnswer):
                self._answer = answer
                if self._counted is None or self._counted[0] != counted[0]:
                    self._trades.clear()
                    self._is_all = False
                await self._ask_trades(0)
                self._counted = counted

    async def _ask_why(self) -> None:
        ticks = None if self._view is None else self._view.ticks
        series = () if ticks is None else ticks.rows
        answers = await asyncio.gather(*(self._ask_coin(row) for row in series))
        self._why = {row.coin: answer for row, answer in zip(series, answers, strict=True)} or self._why

    async def _ask_coin(self, row: TickRow) -> Answer:
        try:
            return await self._ask(WhyQuery(self.strategy, row.coin, row.horizon))
        except LinkError as error:
            return self._why.get(row.coin) or Failed(str(error))

    async def _ask_trades(self, offset: int) -> None:
        found = await self.answer(TradesQuery(self.period, self.strategy, limit=TRADES_PAGE, offset=offset))
        if isinstance(found, TradesAnswer):
            self._trades |= {views.trade_key(trade): trade for trade in found.trades}
            self._is_all = self._is_all or len(found.trades) < TRADES_PAGE

    def on_table_cursor_moved(self) -> None:
        table = self._tables["trades"]
        if not self._is_all and table.has_focus and table.rows_below_cursor < NEAR_THE_END:
            self.run_worker(self._more_trades(), group="older", exclusive=True)

    async def _more_trades(self) -> None:
        await self._ask_trades(len(self._trades))
        self.again()

    def paint(self, view: View) -> None:
        answer, tables = self._answer, self._tables
        self._head.show(views.head(view, self.strategy, answer, self.period, self.size.width))
        empty = self.problem or views.no_equity(view, answer)
        if self._equity.display:
            width, height = self._equity.size
            plot = views.equity_plot(answer, width, height)
            self._equity.show(plot, title=views.equity_title(view, self.period), empty=empty)
        tables["why"].show(
            why.why_rows(self._why, tables["why"].columns, stale=view.lost),
            empty="The gates of its rule appear here with the first tick.",
        )
        if answer is None:
            for name in ("rule", "coins", "minutes", "trades"):
                tables[name].show((), empty=empty)
            return
        self._paint_rule(answer)
        record = answer.record
        coins, minutes = tables["coins"], tables["minutes"]
        coins.show(() if record is None else views.coin_rows(record.coins, coins.columns), empty="No trade closed.")
        minutes.show(
            () if record is None else views.minute_rows(record.minutes, minutes.columns),
            empty="Minutes of the window in which it entered.",
        )
        newest = sorted(self._trades.values(), key=lambda trade: -trade.exit_ms)
        rows = views.trade_rows(newest, view, tables["trades"].columns)
        tables["trades"].show(rows, empty=self.problem or "No trade closed.", note=self._of_all(answer))

    def _of_all(self, answer: StrategyAnswer) -> str:
        """How many of the trades are here; the others come when the cursor nears the end."""
        every = 0 if answer.record is None else sum(coin.trades for coin in answer.record.coins)
        return f"{len(self._trades)} of {every}" if every > len(self._trades) else ""

    def _paint_rule(self, answer: StrategyAnswer) -> None:
        table = self._tables["rule"]
        table.show(as_rows(views.rule_lines(answer, max(20, table.size.width - SCROLLBAR))))
