"""The engine: one input in, events out. The same inputs give the same events, byte for byte."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from polyterm.core.command import Command, TradingState
from polyterm.core.event import (
    CommandRefused,
    Event,
    EventId,
    PositionOpened,
    StrategyDisabled,
    StrikeSet,
    TradeClosed,
    TradeCorrected,
    TradingStateChanged,
    WindowClosed,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.input import Fill, Input, OrderUpdate, Outcome, WindowEnded, WindowOpened
from polyterm.core.market import GRADES, Coin, MarketKey, Reference
from polyterm.core.position import Position
from polyterm.core.signal import Signal
from polyterm.core.snapshot import CoinConflict, ConflictPair, LeaderboardRow, Lineup, PositionRow
from polyterm.core.tick import Tick
from polyterm.engine.books import Book, Series, Sizing, series_of
from polyterm.engine.conflicts import ConflictBoard
from polyterm.engine.fills import historical_schedule
from polyterm.engine.positions import bought, settled, settled_anew, sold
from polyterm.engine.scoreboard import Scoreboard
from polyterm.engine.trading import Change, Refusal, TradingSwitch
from polyterm.engine.windows import SeriesWindows, Window
from polyterm.quant.primitives import known
from polyterm.quant.tick_features import TickFeatures
from polyterm.quant.validity import book_usable
from polyterm.strategies.base import Context
from polyterm.strategies.registry import REGISTRY

Result = TypeVar("Result")

LEADER: Final[Coin] = "btc"


class _Market:
    """All that the engine keeps for one (coin, horizon)."""

    def __init__(self, lead: TickFeatures | None) -> None:
        self.windows = SeriesWindows()
        self.features = TickFeatures(lead)
        self.context = Context(self.features)
        self.last_slot = -1


class _Events:
    """The events of one input; gives each its identity."""

    def __init__(self, session: str, item: Input) -> None:
        self.session = session
        self.number = item.number
        self.at_ms = item.at_ms
        self.list: list[Event] = []

    def id(self) -> EventId:
        return EventId(self.session, self.number, len(self.list))


class Engine:
    """``books`` are asked in their order; by default one per registered strategy. ``sizing`` is the unit of stakes."""

    def __init__(self, session: str, books: Sequence[Book] | None = None, sizing: Sizing = "shares") -> None:
        self._session = session
        self._books = tuple(books) if books is not None else tuple(Book(entry) for entry in REGISTRY)
        self._sizing: Sizing = sizing
        self._markets: dict[Series, _Market] = {}
        self._switch = TradingSwitch()
        self._scoreboard = Scoreboard([(book.name, book.entry.family) for book in self._books])
        self._conflicts = ConflictBoard([book.name for book in self._books])

    def apply(self, item: Input) -> list[Event]:
        """What follows from one input. An input that changes nothing (a repeated command, a late tick) gives []."""
        out = _Events(self._session, item)
        match item.payload:
            case Tick() as tick:
                self._on_tick(tick, out)
            case WindowOpened() as opened:
                self._on_window_opened(opened, out)
            case WindowEnded() as ended:
                self._on_window_ended(ended, out)
            case Outcome() as outcome:
                self._on_outcome(outcome, out)
            case Command() as command:
                self._on_command(command, out)
            case OrderUpdate() | Fill():
                pass  # paper trading sends no orders
        return out.list

    def _market(self, series: Series) -> _Market:
        market = self._markets.get(series)
        if market is None:
            coin, horizon = series
            lead = None if coin == LEADER else self._market((LEADER, horizon)).features
            market = self._markets[series] = _Market(lead)
        return market

    def _on_window_opened(self, opened: WindowOpened, out: _Events) -> None:
        market = self._market(series_of(opened.key))
        running = market.windows.running
        if running is not None and running.key == opened.key:
            running.fee = opened.fee or running.fee
            self._raise_strike(running, opened.strike, out)
        elif market.windows.is_new(opened.key):
            if running is not None:
                self._finish(market, running, out)
            window = Window(opened.key, opened.fee or historical_schedule(opened.key), opened.strike)
            market.windows.begin(window)
            market.features.start_window()
            out.list.append(WindowStarted(out.id(), out.at_ms, window.key, window.strike, window.fee))

    def _raise_strike(self, window: Window, strike: Reference | None, out: _Events) -> None:
        if window.raise_strike(strike) and window.strike is not None:
            out.list.append(StrikeSet(out.id(), out.at_ms, window.key, window.strike))

    def _on_window_ended(self, ended: WindowEnded, out: _Events) -> None:
        market = self._market(series_of(ended.key))
        running = market.windows.running
        if running is not None and running.key == ended.key:
            running.final = ended.final
            self._finish(market, running, out)

    def _finish(self, market: _Market, window: Window, out: _Events) -> None:
        """The window takes over the positions of its series, so that the next one starts free."""
        series = series_of(window.key)
        released = [book.release(series) for book in self._books]
        window.pending = tuple(position for position in released if position is not None)
        market.windows.finish()
        self._conflicts.ended(window.key)
        out.list.append(
            WindowClosed(
                out.id(), out.at_ms, window.key, window.strike, window.final, window.stats, len(window.pending)
            )
        )

    def _on_outcome(self, outcome: Outcome, out: _Events) -> None:
        window = self._ended_window(outcome.key, out)
        if window is None or not window.believes(outcome):
            return
        before, window.outcome = window.outcome, outcome
        self._raise_strike(window, outcome.strike, out)
        corrects = before is not None and before.side != outcome.side
        out.list.append(
            WindowSettled(
                out.id(), out.at_ms, outcome.key, outcome.side, outcome.grade, outcome.source, outcome.final_price,
                corrects,
            )
        )  # fmt: skip
        if corrects:
            self._correct(window, outcome, out)
        self._settle(window, outcome, out)
        if outcome.grade == GRADES[-1]:
            window.settled = ()  # nothing will correct these any more

    def _ended_window(self, key: MarketKey, out: _Events) -> Window | None:
        """The window that an outcome speaks of. An outcome ends a window of which no end was heard."""
        market = self._market(series_of(key))
        running = market.windows.running
        if running is not None and running.key == key:
            self._finish(market, running, out)
        window = market.windows.finished(key)
        if window is None and not market.windows.is_ahead(key):
            window = Window(key, historical_schedule(key))
            market.windows.remember(window)
        return window

    def _settle(self, window: Window, outcome: Outcome, out: _Events) -> None:
        trades = tuple(settled(position, outcome, window.exit_spot) for position in window.pending)
        window.pending = ()
        window.settled += trades
        for trade in trades:
            self._scoreboard.closed(trade)
            out.list.append(TradeClosed(out.id(), out.at_ms, trade))

    def _correct(self, window: Window, outcome: Outcome, out: _Events) -> None:
        corrected = tuple(settled_anew(trade, outcome) for trade in window.settled)
        for before, after in zip(window.settled, corrected, strict=True):
            self._scoreboard.corrected(before, after)
            out.list.append(TradeCorrected(out.id(), out.at_ms, before, after))
        window.settled = corrected

    def _on_tick(self, tick: Tick, out: _Events) -> None:
        series = series_of(tick.key)
        market = self._markets.get(series)
        window = None if market is None else market.windows.running
        if market is None or window is None or window.key != tick.key or tick.slot <= market.last_slot:
            return  # the runtime stores every tick; only those in their place may move the engine
        market.last_slot = tick.slot
        self._raise_strike(window, tick.strike, out)
        market.features.observe(tick)
        window.observe(tick, market.features)
        for book in self._books:
            if book.takes_part(series):
                self._consult(book, tick, market, window, out)

    def _consult(self, book: Book, tick: Tick, market: _Market, window: Window, out: _Events) -> None:
        """Ask one strategy and do what may be done: at most one action, an exit before an entry."""
        holding = book.holding(series_of(tick.key))
        held = None if holding is None else holding.mark(market.features, tick.at_ms)
        signal = self._guarded(book, lambda: book.ask(tick, held, market.context), out)
        if signal is None or signal.action == "hold":
            return
        act = self._enter if signal.action == "buy" else self._exit
        if act(book, tick, signal, window, out):
            self._guarded(book, lambda: book.accepted(signal, tick.key), out)

    def _enter(self, book: Book, tick: Tick, signal: Signal, window: Window, out: _Events) -> bool:
        side = signal.side
        price = None if side is None else tick.entry_price(side)
        if side is None or price is None or tick.invalid is not None:
            return False
        if not self._switch.entries_allowed or not book.may_enter(tick.key, tick.at_ms):
            return False
        shares = book.shares(signal, price, self._sizing)
        position = bought(book.name, tick, side, signal, price=price, shares=shares, fee=window.fee)
        book.open(position)
        self._scoreboard.opened(position)
        self._conflicts.opened(book.name, tick.key, side)
        out.list.append(PositionOpened(out.id(), out.at_ms, position))
        return True

    def _exit(self, book: Book, tick: Tick, signal: Signal, window: Window, out: _Events) -> bool:
        """Sell at the exit side's own quote; without a fresh, trusted one above 0 the strategy asks again next tick."""
        holding = book.holding(series_of(tick.key))
        if holding is None or not self._switch.exits_allowed or not book_usable(tick):
            return False
        position = holding.position
        price = tick.exit_price(position.side)
        if price is None or price <= 0:
            return False
        trade = sold(position, tick, signal.reason, price=price, fee=window.fee)
        book.close(tick.key, signal.reason, tick.at_ms)
        self._scoreboard.closed(trade)
        out.list.append(TradeClosed(out.id(), out.at_ms, trade))
        return True

    def _guarded(self, book: Book, call: Callable[[], Result], out: _Events) -> Result | None:
        """Run a strategy's own code. Whatever it raises takes that strategy out, and nothing else."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - users' strategies may raise anything; the event says what and where
            reason = _describe(error)
            book.disabled = reason
            self._scoreboard.disabled(book.name, reason)
            out.list.append(StrategyDisabled(out.id(), out.at_ms, book.name, reason))
            return None

    def _on_command(self, command: Command, out: _Events) -> None:
        result = self._switch.apply(command)
        who = (command.id, command.actor, command.origin)
        if isinstance(result, Change):
            out.list.append(TradingStateChanged(out.id(), out.at_ms, result.before, result.after, *who, command.reason))
        elif isinstance(result, Refusal):
            out.list.append(CommandRefused(out.id(), out.at_ms, *who, result.reason))

    @property
    def trading_state(self) -> TradingState:
        return self._switch.state

    @property
    def trading_reason(self) -> str:
        """Why the trading state is what it is, in the words of the command that set it."""
        return self._switch.reason

    def leaderboard_rows(self) -> tuple[LeaderboardRow, ...]:
        """One row per strategy, in the order of the table."""
        return self._scoreboard.rows()

    def conflicts(
        self,
    ) -> tuple[tuple[str, ...], tuple[ConflictPair, ...], tuple[CoinConflict, ...], tuple[Lineup, ...]]:
        """(strategies, pairs, coins, lineup), the fields of a snapshot's conflicts."""
        board = self._conflicts
        return board.strategies(), board.pairs(), board.coins(), board.lineup()

    def open_positions(self) -> tuple[Position, ...]:
        """Every open position, those that wait for an outcome included."""
        running = tuple(position for book in self._books for position in book.positions())
        return running + self._pending()

    def _pending(self) -> tuple[Position, ...]:
        return tuple(position for market in self._markets.values() for position in market.windows.pending())

    def position_rows(self) -> tuple[PositionRow, ...]:
        """Running positions at the mark of their newest tick, then those that wait for an outcome."""
        running = [self._row(position) for book in self._books for position in book.positions()]
        return (*running, *(_position_row(position, None, pending=True) for position in self._pending()))

    def _row(self, position: Position) -> PositionRow:
        up_mid = known(self._markets[series_of(position.key)].features.up_mid)
        return _position_row(position, up_mid, pending=False)

    def pnl_since(self, market_ms: int) -> tuple[float, float]:
        """(touch, costed) dollars of trades that ended since the start of that UTC hour, at most 72 hours back."""
        return self._scoreboard.pnl_since(market_ms)

    def exposure(self) -> float:
        """Dollars paid, under the touch model, for what is open."""
        return sum(position.entry_price * position.shares for position in self.open_positions())


def _position_row(position: Position, up_mid: float | None, *, pending: bool) -> PositionRow:
    mark = None if up_mid is None else up_mid if position.side == "up" else 1 - up_mid
    return PositionRow(
        strategy=position.strategy,
        key=position.key,
        side=position.side,
        shares=position.shares,
        entry_price=position.entry_price,
        entry_ms=position.entry_ms,
        mark=mark,
        unrealised=None if mark is None else (mark - position.entry_price) * position.shares,
        pending=pending,
    )


def _describe(error: Exception) -> str:
    """Type, message and the line that raised, without the folders of this machine."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "" if frame is None else f" ({frame.tb_frame.f_code.co_filename.rpartition('/')[2]}:{frame.tb_lineno})"
    return f"{type(error).__name__}: {error}{where}"
