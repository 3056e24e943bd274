"""All that strategies do in one (coin, horizon): what they see, what they hold, and what comes of their signals."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
import numpy as np

from polyterm.core.event import Event, PositionOpened, StrategyDisabled, TradeClosed, WindowStats
from polyterm.core.market import Coin, Horizon, Side
from polyterm.core.position import Conditions, Position, Trade
from polyterm.core.signal import Signal
from polyterm.core.tick import Tick
from polyterm.engine.books import Book, Holding, Seat, SeatState, Series, Sizing, check
from polyterm.engine.conflicts import ConflictBoard
from polyterm.engine.moves import Move
from polyterm.engine.outbox import Outbox
from polyterm.engine.playbook import playbook
from polyterm.engine.positions import Measures, bought, conditions, measures, sold
from polyterm.engine.scoreboard import Scoreboard
from polyterm.engine.statistics import window_stats
from polyterm.engine.trading import TradingSwitch
from polyterm.engine.windows import SeriesWindows, Window, WindowsState
from polyterm.quant.columns import Column
from polyterm.quant.definitions import DISTANCE, MID, MID_LOG_RETURN, SPOT_LOG_RETURN
from polyterm.quant.expression import Node
from polyterm.quant.tick_features import FeaturesState, TickFeatures
from polyterm.quant.validity import book_usable
from polyterm.strategies.base import Context

Result = TypeVar("Result")


STATISTICS: Final = (MID, MID_LOG_RETURN, SPOT_LOG_RETURN, DISTANCE)
"""What ``window_stats`` wants, in its order."""


class Accounts:
    """What all desks of an engine share."""

    def __init__(self, books: Sequence[Book], sizing: Sizing) -> None:
        self.books = tuple(books)
        self.sizing: Sizing = sizing
        self.switch = TradingSwitch()
        self.scoreboard = Scoreboard([(book.name, book.entry.family) for book in books])
        self.conflicts = ConflictBoard([book.name for book in books])

    def hear(self, events: Iterable[Event]) -> None:
        """What was opened and closed without them."""
        news: list[Position | Trade] = []
        for event in events:
            if isinstance(event, PositionOpened):
                position = event.position
                news.append(position)
                self.conflicts.opened(position.strategy, position.key, position.side)
            elif isinstance(event, TradeClosed):
                news.append(event.trade)
        self.scoreboard.hear(news)


class DeskState(msgspec.Struct, frozen=True):
    """One (coin, horizon) between two inputs."""

    coin: Coin
    horizon: Horizon
    last_slot: int
    features: FeaturesState
    windows: WindowsState
    seats: tuple[SeatState, ...]


class Moment:
    """A tick, the window it belongs to, and where its events go. All who trade on a tick share its conditions."""

    __slots__ = ("_conditions", "_measured", "out", "tick", "window")

    def __init__(self, tick: Tick, window: Window, out: Outbox, measured: Measures | None = None) -> None:
        self.tick = tick
        self._measured = measured
        self.window = window
        self.out = out
        self._conditions: dict[Side, Conditions] = {}

    def conditions(self, side: Side) -> Conditions:
        found = self._conditions.get(side)
        if found is None:
            if self._measured is None:
                self._measured = measures(self.tick)
            found = self._conditions[side] = conditions(self.tick, side, self._measured)
        return found


class Desk:
    """``lead`` is the desk of btc on the same horizon, None for btc's own.

    ``recorded`` gives what was seen of a series in the running window, where ``features`` did not see it.
    """

    def __init__(self, series: Series, accounts: Accounts, lead: "Desk | None") -> None:
        self.series = series
        self.windows = SeriesWindows()
        self.last_slot = -1
        self.accounts = accounts
        books = [book for book in accounts.books if book.trades(series)]
        self.seats = tuple(Seat(book, place) for place, book in enumerate(books))
        self.playbook = playbook(tuple(seat.rule for seat in self.seats))
        self.features: TickFeatures = TickFeatures(None if lead is None else lead.features)
        self.features.kept_answers = self.playbook.kept
        self._context = Context(self.features)
        self._strategies = [seat.place for seat in self.seats if seat.rule is None]
        self._free = [False] * len(self.seats)
        self._attentive: list[int] = []
        self._changed = False
        self.recorded: Callable[[Node], Column] | None = None

    def _mind(self) -> None:
        """Note which rules could enter, and which seats have to be looked at on every tick."""
        running = self.windows.running
        epoch = -1 if running is None else running.key.epoch
        restarting = self.playbook.restarting
        self._changed = False
        self._free = [seat.holding is None and not seat.limiter.is_closed(epoch) for seat in self.seats]
        self._attentive = [
            place
            for place, seat in enumerate(self.seats)
            if seat.holding is not None or seat.rule is None or (place in restarting and self._free[place])
        ]

    def saved(self) -> DeskState:
        """Windows are the desk's own, not copies."""
        seats = tuple(seat.saved() for seat in self.seats)
        return DeskState(*self.series, self.last_slot, self.features.saved(), self.windows.saved(), seats)

    def restore(self, saved: DeskState, unchanged: Collection[str]) -> Iterator[tuple[str, str]]:
        """Go on from there; gives (strategy, why it begins anew). Positions of strategies that are not ``unchanged``
        wait for the end of their window."""
        self.last_slot = saved.last_slot
        self.windows.restore(saved.windows)
        if not self.features.restore(saved.features):
            yield "", "other features were recorded then"
        seats = {seat.book.name: seat for seat in self.seats if seat.book.name in unchanged}
        for state in saved.seats:
            seat = seats.get(state.strategy)
            if seat is not None:
                yield state.strategy, seat.restore(state)
            elif state.holding is not None and self.windows.running is not None:
                self.windows.running.pending += (state.holding,)
        self._mind()

    def drop(self, seat: Seat) -> None:
        """Let go of what is held there, without a trade."""
        seat.holding = None
        self._mind()

    @property
    def asks_strategies(self) -> bool:
        """Whether some seat has to be asked on every tick, because its strategy is no rule."""
        return bool(self._strategies)

    def start_window(self, window: Window) -> None:
        self.windows.begin(window)
        self.features.start_window()
        self._mind()

    def release(self) -> tuple[Position, ...]:
        """Hand over what is held in an ended window."""
        return tuple(position for seat in self.seats if (position := seat.release()) is not None)

    def stats(self, window: Window) -> WindowStats:
        """Of the running window, so far."""
        recorded = (self.recorded or self._seen) if window.ticks else lambda _: np.zeros(0)
        return window_stats(window.ticks, *map(recorded, STATISTICS))

    def _seen(self, series: Node) -> Column:
        return np.array(self.features.window_history(series), np.float64)

    def consult(self, tick: Tick, window: Window, out: Outbox) -> None:
        """Ask every strategy, in the order of the books, and do what may be done: at most one action each."""
        features, playbook = self.features, self.playbook
        found: dict[int, int] = {}
        may_enter = tick.invalid is None and self.accounts.switch.entries_allowed
        if may_enter:
            for way in playbook.entries(features, self._free):
                found[playbook.ways[way].seat] = way
        moment = Moment(tick, window, out)
        mid, at_ms = features.up_mid, tick.at_ms
        for place in sorted({*self._attentive, *found}) if found else self._attentive:
            seat = self.seats[place]
            holding = seat.holding
            if seat.rule is None:
                self._consult_strategy(seat, moment)
            elif holding is None:
                if may_enter:
                    self._consult_entry(seat, found.get(place), moment)
            elif holding.kept_at_mid != mid or not seat.rule.marks_only:
                reason = playbook.leaves[place](features, holding, at_ms)
                if reason is None:
                    holding.kept_at_mid = mid
                else:
                    self.leave(seat, reason, moment)
        if self._changed:
            self._mind()

    def follow(self, moves: Mapping[int, Move], moment: Moment) -> None:
        """Make the moves that the rules were found to make, in the order of their seats.

        Strategies that are no rules are asked in between.
        """
        for place in sorted({*self._strategies, *moves}) if self._strategies else moves:
            move = moves.get(place)
            if move is None:
                self._consult_strategy(self.seats[place], moment)
            elif move.seat.book.disabled is None and not self._made(move, moment):
                raise RuntimeError(f"{move.seat.book.name} cannot do on {moment.tick.key} what its columns say")

    def _made(self, move: Move, moment: Moment) -> bool:
        """Whether the move could be made; a signal that means nothing takes the strategy out and counts as made."""
        seat = move.seat
        signal = move.signal
        if signal is None:
            return self.leave(seat, move.reason, moment)
        # Of a rule's signal only the size can be wrong, and most give none.
        if signal.size is not None and self._guarded(seat.book, lambda: check(signal), moment.out) is None:
            return True
        return self.enter(seat, signal, moment)

    def _consult_strategy(self, seat: Seat, moment: Moment) -> None:
        if seat.book.disabled is not None:
            return
        holding, tick = seat.holding, moment.tick
        held = None if holding is None else holding.held(holding.mark(self.features.up_mid), tick.at_ms)
        signal = self._guarded(seat.book, lambda: seat.ask(tick, held, self._context), moment.out)
        if signal is None or signal.action == "hold":
            return
        buys = signal.action == "buy"
        if self.enter(seat, signal, moment) if buys else self.leave(seat, signal.reason, moment):
            self._guarded(seat.book, lambda: seat.strategy.accepted(signal, tick.key), moment.out)

    def _consult_entry(self, seat: Seat, way: int | None, moment: Moment) -> None:
        features, tick = self.features, moment.tick
        restarting = self.playbook.restarting.get(seat.place)
        if restarting is not None:
            features = self.seen_by(seat, tick.slot)
            way = next(iter(restarting.entries(features, self._free)), None)
        if way is not None and seat.book.disabled is None and seat.limiter.allows(tick.key.epoch, tick.at_ms):
            unchecked = self.playbook.signal(way, features)
            signal = self._guarded(seat.book, lambda: check(unchecked), moment.out)
            if signal is not None:
                self.enter(seat, signal, moment)

    def seen_by(self, seat: Seat, slot: int) -> TickFeatures:
        """The features as a rule sees them: one that restarts sees nothing as old as its own last entry."""
        restarting, entry_slot = self.playbook.restarting.get(seat.place), seat.limiter.entry_slot
        if restarting is None or entry_slot is None or slot - entry_slot > restarting.forgets_s:
            return self.features
        return self.features.since(entry_slot)

    def enter(self, seat: Seat, signal: Signal, moment: Moment) -> bool:
        """Buy if trading state, tick and limits allow it; whether it was bought."""
        tick, window, out = moment.tick, moment.window, moment.out
        side = signal.side
        price = None if side is None else tick.entry_price(side)
        if side is None or price is None or price <= 0 or tick.invalid is not None or seat.holding is not None:
            return False
        if not self.accounts.switch.entries_allowed or not seat.limiter.allows(tick.key.epoch, tick.at_ms):
            return False
        shares = seat.book.shares(signal, price, self.accounts.sizing)
        entry = moment.conditions(side)
        position = bought(
            seat.book.name, tick, side, signal, price=price, shares=shares, fee=window.fee, entry=entry,
            session=out.session,
        )  # fmt: skip
        seat.holding = Holding(position)
        seat.limiter.entered(tick.key.epoch, tick.slot)
        self._changed = True
        self.accounts.scoreboard.opened(position)
        self.accounts.conflicts.opened(seat.book.name, tick.key, side)
        out.events.append(PositionOpened(out.id(), out.at_ms, position))
        return True

    def leave(self, seat: Seat, reason: str, moment: Moment) -> bool:
        """Sell at the exit side's own quote; without a fresh, trusted one above 0 the strategy asks again next tick."""
        tick, window, out = moment.tick, moment.window, moment.out
        holding = seat.holding
        if holding is None or seat.book.disabled is not None or not book_usable(tick):
            return False
        if not self.accounts.switch.exits_allowed:
            return False
        position = holding.bought
        price = tick.exit_price(position.side)
        if price is None or price <= 0:
            return False
        exit_ = moment.conditions(position.side)
        trade = sold(position, tick, reason, price=price, fee=window.fee, exit_=exit_)
        seat.holding = None
        seat.limiter.left(tick.key.epoch, trade.exit_ms, reason)
        self._changed = True
        self.accounts.scoreboard.closed(trade)
        out.events.append(TradeClosed(out.id(), out.at_ms, trade))
        return True

    def _guarded(self, book: Book, call: Callable[[], Result], out: Outbox) -> Result | None:
        """Run a strategy's own code. Whatever it raises takes that strategy out, and nothing else."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - users' strategies may raise anything; the event says what and where
            reason = _describe(error)
            book.disabled = reason
            self.accounts.scoreboard.disabled(book.name, reason)
            out.events.append(StrategyDisabled(out.id(), out.at_ms, book.name, reason))
            return None


def _describe(error: Exception) -> str:
    """Type, message and the line that raised, without the folders of this machine."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "" if frame is None else f" ({frame.tb_frame.f_code.co_filename.rpartition('/')[2]}:{frame.tb_lineno})"
    return f"{type(error).__name__}: {error}{where}"
