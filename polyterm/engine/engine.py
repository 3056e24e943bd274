"""The engine: one input in, events out. The same inputs give the same events, byte for byte."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from polyterm.core.command import Command, TradingState
from polyterm.core.event import (
    CommandRefused,
    Event,
    StrikeSet,
    TradeClosed,
    TradeCorrected,
    TradingStateChanged,
    WindowClosed,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.input import (
    Fill,
    Input,
    OrderUpdate,
    Outcome,
    PositionsFound,
    TradesFound,
    WindowEnded,
    WindowOpened,
)
from polyterm.core.market import COINS, GRADES, Coin, MarketKey, Reference
from polyterm.core.position import Position
from polyterm.core.snapshot import CoinConflict, ConflictPair, LeaderboardRow, Lineup, PositionRow
from polyterm.core.tick import Tick
from polyterm.engine.books import Book, Holding, Seat, Series, Sizing, series_of
from polyterm.engine.checkpoint import Checkpoint, StrategyState, declared, encode, unchanged
from polyterm.engine.closing import closing_words
from polyterm.engine.conflicts import with_holdings
from polyterm.engine.desk import Accounts, Desk
from polyterm.engine.fills import historical_schedule
from polyterm.engine.outbox import Outbox
from polyterm.engine.outlook import NOTHING_SEEN, Outlook, outlook
from polyterm.engine.positions import settled, settled_anew
from polyterm.engine.trading import Change, Refusal
from polyterm.engine.windows import Window
from polyterm.quant.primitives import known, usable_price
from polyterm.strategies.registry import REGISTRY

LEADER: Final[Coin] = "btc"


class Engine:
    """``books`` are asked in their order; by default one per registered strategy. ``sizing`` is the unit of stakes."""

    def __init__(self, session: str, books: Sequence[Book] | None = None, sizing: Sizing = "shares") -> None:
        self.session = session
        books = books if books is not None else [Book(entry) for entry in REGISTRY]
        self.accounts = Accounts(books, sizing)
        self.desks: dict[Series, Desk] = {}

    def apply(self, item: Input) -> list[Event]:
        """What follows from one input. An input that changes nothing (a repeated command, a late tick) gives []."""
        out = Outbox(self.session, item.number, item.at_ms)
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
            case PositionsFound() as found:
                self._on_positions_found(found, out)
            case TradesFound() as found:
                for before in found.trades:
                    out.events.append(TradeCorrected(out.id(), out.at_ms, before, settled_anew(before, found.outcome)))
            case OrderUpdate() | Fill():
                pass  # paper trading sends no orders
        return out.events

    def desk(self, series: Series) -> Desk:
        """Where that series is traded; set up when it is first spoken of."""
        desk = self.desks.get(series)
        if desk is None:
            coin, horizon = series
            lead = None if coin == LEADER else self.desk((LEADER, horizon))
            desk = self.desks[series] = Desk(series, self.accounts, lead)
        return desk

    def _on_window_opened(self, opened: WindowOpened, out: Outbox) -> None:
        desk = self.desk(series_of(opened.key))
        running = desk.windows.running
        if running is not None and running.key == opened.key:
            running.fee = opened.fee or running.fee
            self.raise_strike(running, opened.strike, out)
        elif desk.windows.is_new(opened.key):
            if running is not None:
                self._finish(desk, running, out)
            window = Window(opened.key, opened.fee or historical_schedule(opened.key), opened.strike)
            desk.start_window(window)
            out.events.append(WindowStarted(out.id(), out.at_ms, window.key, window.strike, window.fee))

    def raise_strike(self, window: Window, strike: Reference | None, out: Outbox) -> None:
        """Take a strike that is the first or better graded, and say so."""
        if window.raise_strike(strike) and window.strike is not None:
            out.events.append(StrikeSet(out.id(), out.at_ms, window.key, window.strike))

    def _on_window_ended(self, ended: WindowEnded, out: Outbox) -> None:
        desk = self.desk(series_of(ended.key))
        running = desk.windows.running
        if running is not None and running.key == ended.key:
            running.final = ended.final
            self._finish(desk, running, out)

    def _finish(self, desk: Desk, window: Window, out: Outbox) -> None:
        """The window takes over the positions of its series, so that the next one starts free."""
        window.pending += desk.release()
        desk.windows.finish()
        self.accounts.conflicts.ended(window.key)
        out.events.append(
            WindowClosed(
                out.id(), out.at_ms, window.key, window.strike, window.final, desk.stats(window), len(window.pending)
            )
        )

    def _on_outcome(self, outcome: Outcome, out: Outbox) -> None:
        window = self._ended_window(outcome.key, out)
        if window is None or not window.believes(outcome):
            return
        before, window.outcome = window.outcome, outcome
        self.raise_strike(window, outcome.strike, out)
        corrects = before is not None and before.side != outcome.side
        out.events.append(
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

    def _ended_window(self, key: MarketKey, out: Outbox) -> Window | None:
        """The window that an outcome speaks of. An outcome ends a window of which no end was heard."""
        desk = self.desk(series_of(key))
        running = desk.windows.running
        if running is not None and running.key == key:
            self._finish(desk, running, out)
        window = desk.windows.finished(key)
        if window is None and not desk.windows.is_ahead(key):
            window = Window(key, historical_schedule(key))
            desk.windows.remember(window)
        return window

    def _settle(self, window: Window, outcome: Outcome, out: Outbox) -> None:
        trades = tuple(settled(position, outcome, window.exit_spot) for position in window.pending)
        window.pending = ()
        window.settled += trades
        for trade in trades:
            self.accounts.scoreboard.closed(trade)
            out.events.append(TradeClosed(out.id(), out.at_ms, trade))

    def _correct(self, window: Window, outcome: Outcome, out: Outbox) -> None:
        corrected = tuple(settled_anew(trade, outcome) for trade in window.settled)
        for before, after in zip(window.settled, corrected, strict=True):
            self.accounts.scoreboard.corrected(before, after)
            out.events.append(TradeCorrected(out.id(), out.at_ms, before, after))
        window.settled = corrected

    def _on_positions_found(self, found: PositionsFound, out: Outbox) -> None:
        """They join the others of their window."""
        held = {_identity(position) for position in self.open_positions()}
        windows = self.desk(series_of(found.key)).windows
        window = windows.find(found.key)
        if window is None:
            window = Window(found.key, historical_schedule(found.key), outcome=found.outcome)
            windows.remember(window)
        window.pending += tuple(position for position in found.positions if _identity(position) not in held)
        if window.outcome is not None:
            self._settle(window, window.outcome, out)
        self.accounts.scoreboard.recount(position.strategy for position in self.open_positions())

    def _on_tick(self, tick: Tick, out: Outbox) -> None:
        desk = self.desks.get(series_of(tick.key))
        window = None if desk is None else desk.windows.running
        if desk is None or window is None or window.key != tick.key or tick.slot <= desk.last_slot:
            return  # the runtime stores every tick; only those in their place may move the engine
        self._take(desk, window, tick, out)
        desk.features.observe(tick)
        desk.consult(tick, window, out)

    def _take(self, desk: Desk, window: Window, tick: Tick, out: Outbox) -> None:
        desk.last_slot = tick.slot
        window.ticks += 1
        window.last_spot = known(usable_price(tick.spot)) or window.last_spot
        self.raise_strike(window, tick.strike, out)

    def _on_command(self, command: Command, out: Outbox) -> None:
        result = self.accounts.switch.apply(command)
        who = (command.id, command.actor, command.origin)
        if isinstance(result, Change):
            out.events.append(
                TradingStateChanged(out.id(), out.at_ms, result.before, result.after, *who, command.reason)
            )
        elif isinstance(result, Refusal):
            out.events.append(CommandRefused(out.id(), out.at_ms, *who, result.reason))

    def checkpoint(self) -> bytes:
        """All that it knows, as ``checkpoint.decode`` reads it."""
        accounts = self.accounts
        strategies = tuple(StrategyState(book.name, declared(book.entry), book.disabled) for book in accounts.books)
        return encode(
            Checkpoint(
                strategies=strategies,
                switch=accounts.switch.saved(),
                scoreboard=accounts.scoreboard.saved(),
                conflicts=accounts.conflicts.saved(),
                desks=tuple(desk.saved() for desk in self.desks.values()),
            )
        )

    def restore(self, saved: Checkpoint) -> tuple[str, ...]:
        """Forget everything and go on from there, with the strategies of this engine.

        Positions of strategies that are not what they were wait for the end of their window. Gives a sentence for each
        of the others whose own memory is lost.
        """
        books = self.accounts.books
        same = unchanged(saved, (book.entry for book in books))
        disabled = {strategy.name: strategy.disabled for strategy in saved.strategies}
        for book in books:
            book.disabled = disabled[book.name] if book.name in same else None
        self.accounts = Accounts(books, self.accounts.sizing)
        self.desks.clear()
        self.accounts.switch.restore(saved.switch)
        anew: dict[str, None] = {}
        for state in saved.desks:
            for strategy, why in self.desk((state.coin, state.horizon)).restore(state, same):
                if why:
                    anew[f"{strategy or 'Every feature'} begins anew: {why}."] = None
        held = self.open_positions()
        self.accounts.scoreboard.restore(saved.scoreboard, same, [position.strategy for position in held])
        self.accounts.conflicts.restore(saved.conflicts, same)
        return tuple(anew)

    def forget(self, closed: Collection[Position]) -> None:
        """Drop positions of which somebody else knows that they were closed."""
        gone = {_identity(position) for position in closed}
        for desk in self.desks.values():
            for seat in desk.seats:
                if seat.holding is not None and _identity(seat.holding.bought) in gone:
                    desk.drop(seat)
            for window in desk.windows.known():
                window.pending = tuple(one for one in window.pending if _identity(one) not in gone)
        self.accounts.scoreboard.recount(position.strategy for position in self.open_positions())

    def unsettled(self) -> tuple[MarketKey, ...]:
        """Every window that it knows, running or over, whose official outcome it has not heard; oldest first."""
        windows = [window for desk in self.desks.values() for window in desk.windows.known()]
        owed = [one.key for one in windows if one.outcome is None or one.outcome.grade != GRADES[-1]]
        return tuple(sorted(owed, key=lambda key: (key.epoch, COINS.index(key.coin), key.horizon)))

    @property
    def trading_state(self) -> TradingState:
        return self.accounts.switch.state

    @property
    def trading_reason(self) -> str:
        """Why the trading state is what it is, in the words of the command that set it."""
        return self.accounts.switch.reason

    def leaderboard_rows(self) -> tuple[LeaderboardRow, ...]:
        """One row per strategy, in the order of the table."""
        return self.accounts.scoreboard.rows()

    def conflicts(
        self,
    ) -> tuple[tuple[str, ...], tuple[ConflictPair, ...], tuple[CoinConflict, ...], tuple[Lineup, ...]]:
        """(strategies, pairs, coins, lineup), the fields of a snapshot's conflicts."""
        board = self.accounts.conflicts
        lineup = with_holdings(board.lineup(), self._running())
        return board.strategies(), board.pairs(), board.coins(), lineup

    def open_positions(self) -> tuple[Position, ...]:
        """Every open position, those that wait for an outcome included."""
        return self._running() + self._pending()

    def _running(self) -> tuple[Position, ...]:
        return tuple(holding.position for _, holding in self._held())

    def _held(self) -> list[tuple[Seat, Holding]]:
        """By book, then by series."""
        seats = [seat for desk in self.desks.values() for seat in desk.seats]
        held = [(seat, holding) for seat in seats if (holding := seat.holding) is not None]
        order = {book.name: place for place, book in enumerate(self.accounts.books)}
        held.sort(key=lambda pair: order[pair[0].book.name])
        return held

    def _pending(self) -> tuple[Position, ...]:
        return tuple(position for desk in self.desks.values() for position in desk.windows.pending())

    def position_rows(self) -> tuple[PositionRow, ...]:
        """Running positions at the mark of their newest tick, then those that wait for an outcome."""
        running = [self._row(seat, holding.position) for seat, holding in self._held()]
        return (*running, *map(_pending_row, self._pending()))

    def _row(self, seat: Seat, position: Position) -> PositionRow:
        features = self.desks[series_of(position.key)].features
        up = position.side == "up"
        up_mid = features.up_mid
        mark = known(up_mid if up else 1 - up_mid)
        return msgspec.structs.replace(
            _pending_row(position),
            mark=mark,
            unrealised=None if mark is None else (mark - position.entry_price) * position.shares,
            pending=False,
            exit_price=known(features.up_bid if up else 1 - features.up_ask),
            closes=closing_words(seat.rule, position),
        )

    def outlook(self, series: Series) -> Outlook:
        """What is made of the newest tick of that series beside its quotes."""
        desk = self.desks.get(series)
        return NOTHING_SEEN if desk is None or desk.windows.running is None else outlook(desk.features)

    def pnl_since(self, market_ms: int) -> tuple[float, float]:
        """(touch, costed) dollars of trades that ended since the start of that UTC hour, at most 72 hours back."""
        return self.accounts.scoreboard.pnl_since(market_ms)

    def exposure(self) -> float:
        """Dollars paid, under the touch model, for what is open."""
        return sum(position.entry_price * position.shares for position in self.open_positions())


def _identity(position: Position) -> tuple[str, str, MarketKey, int]:
    return position.session, position.strategy, position.key, position.entry_ms


def _pending_row(position: Position) -> PositionRow:
    return PositionRow(
        strategy=position.strategy,
        key=position.key,
        side=position.side,
        shares=position.shares,
        entry_price=position.entry_price,
        entry_ms=position.entry_ms,
        mark=None,
        unrealised=None,
        pending=True,
        reason=position.reason,
    )
