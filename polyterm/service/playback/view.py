"""What can be told of a recording that is played."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec

from polyterm.core.details import WindowLine, WindowsAnswer
from polyterm.core.event import Event
from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.playback import Playback
from polyterm.core.query import (
    Answer,
    Failed,
    Period,
    StrategyQuery,
    TradesQuery,
    WindowQuery,
    WindowsQuery,
)
from polyterm.core.snapshot import FeedRow, FeedState, Status
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.errors import StoreError
from polyterm.service.details import strategy_answer, told_window
from polyterm.service.playback.past import page, record, window_trades
from polyterm.service.playback.stage import Stage
from polyterm.service.playback.tape import Tape
from polyterm.service.status.operations import Found, Market
from polyterm.service.view import EVENTS_KEPT, View
from polyterm.store.queries import Reader

_NOTHING_STORED: Final = "A replay stores nothing."


class ReplayView(View):
    """A run without a database: what has happened is told from the ``stage`` and the ``tape``. ``position`` is how far
    the player has come."""

    position: Callable[[], Playback]
    stage: Stage
    tape: Tape

    def recall(self, events: tuple[Event, ...]) -> None:
        """These are the newest now, whatever was announced before."""
        self._recent = deque(events, maxlen=EVENTS_KEPT)

    async def _ask_store(self, query: StrategyQuery | TradesQuery | WindowsQuery | WindowQuery) -> Answer:
        past, now_ms = self.stage.past, self._clock.market_ms()
        match query:
            case TradesQuery():
                return page(past.trades(query, now_ms), query)
            case StrategyQuery(strategy=strategy, period=period):
                return self._strategy_answer(strategy, period)
            case WindowsQuery(coin=coin, horizon=horizon, limit=limit):
                lines = past.lines(lambda key: (key.coin, key.horizon) == (coin, horizon))
                return WindowsAnswer(lines[: max(0, limit)])
            case WindowQuery(key=key):
                return await self._window_answer(key)

    def _strategy_answer(self, strategy: str, period: Period) -> Answer:
        book = next((book for book in self._engine.accounts.books if book.name == strategy), None)
        if book is None:
            return Failed(f"There is no strategy {strategy}.")
        wanted = TradesQuery(period, strategy)
        return strategy_answer(book.entry, record(self.stage.past.trades(wanted, self._clock.market_ms())))

    async def _window_answer(self, key: MarketKey) -> Answer:
        (line,) = self.stage.past.lines(lambda one: one == key) or (WindowLine(key=key),)
        every = TradesQuery("all", coin=key.coin)
        trades = [trade for trade in self.stage.past.trades(every, 0) if trade.key == key]
        ticks = self.tape.ticks_of(key, self.stage.place)
        return await told_window(line, ticks, window_trades(trades), self._engine.open_positions())

    async def _read(self, question: Callable[[Reader], Awaitable[Found]]) -> Found:
        raise StoreError(_NOTHING_STORED)

    def _status(self) -> Status:
        return msgspec.structs.replace(super()._status(), playback=self.position())


class Recorded:
    """The recording in the place of the feeds. ``failures`` say what of it could not be read."""

    def __init__(self, tape: Tape, failures: list[str]) -> None:
        self._tape = tape
        self._failures = failures

    async def run(self) -> None:
        """Nothing comes from here: the player moves the engine."""

    def resume(self, unresolved: Iterable[UnresolvedWindow]) -> None:
        """Outcomes come from the recording, or not at all."""

    def rows(self) -> tuple[FeedRow, ...]:
        state: FeedState = "down" if self._failures else "off" if self._tape.complete else "live"
        reason = " ".join(self._failures) or ("read to its end" if self._tape.complete else "")
        row = FeedRow(
            name="recording", state=state, host="", age_s=None, messages_per_s=0.0, reconnects=0, gaps=0,
            unknown=0, malformed=0, reason=reason, retry_in_s=None,
        )  # fmt: skip
        return (row,)

    def market(self, key: MarketKey) -> Market:
        return Market(key, None, None, None)

    def note(self, coin: Coin, horizon: Horizon) -> str:
        return ""

    def clock_skew_ms(self) -> int | None:
        return None
