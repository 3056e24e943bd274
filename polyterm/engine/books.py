"""Paper books: the independent positions of one strategy, and the limits it declared."""

import math
from typing import Final, Literal

import msgspec

from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.position import Position
from polyterm.core.signal import Signal
from polyterm.core.tick import Tick
from polyterm.strategies.base import Context, Held, Strategy
from polyterm.strategies.entry import Entry
from polyterm.strategies.traced import TracedRule, traced

Series = tuple[Coin, Horizon]
Sizing = Literal["shares", "usd"]

UNTOLD: Final = "it does not say what it remembers (Strategy.state)"
DEFAULT_STAKE: Final = 100.0


def series_of(key: MarketKey) -> Series:
    return key.coin, key.horizon


class Book:
    """One strategy's positions, at most one per (coin, horizon).

    ``stake`` sizes an entry whose signal gives no size: shares, or dollars where the engine is sized in dollars.
    """

    def __init__(self, entry: Entry, stake: float = DEFAULT_STAKE) -> None:
        self.entry = entry
        self.name = entry.name
        self.stake = float(stake)
        self.disabled: str | None = None

    def trades(self, series: Series) -> bool:
        coin, horizon = series
        return coin in self.entry.limits.coins and horizon in self.entry.limits.horizons

    def shares(self, signal: Signal, price: float, sizing: Sizing) -> float:
        size = self.stake if signal.size is None else float(signal.size)
        return size if sizing == "shares" else size / price


class Holding:
    """An open position and the highest mark return it has seen.

    ``bought`` is the position as it was opened, ``kept_at_mid`` the Up mid at which its rule last looked and kept it.
    """

    __slots__ = ("bought", "entry_ms", "entry_price", "kept_at_mid", "peak_r", "up")

    def __init__(self, position: Position) -> None:
        self.bought = position
        self.up = position.side == "up"
        self.entry_ms = position.entry_ms
        self.entry_price = position.entry_price
        self.peak_r = position.peak_r
        self.kept_at_mid: float | None = None

    @property
    def position(self) -> Position:
        """With ``peak_r`` as of now."""
        return msgspec.structs.replace(self.bought, peak_r=self.peak_r)

    def mark(self, up_mid: float) -> float:
        """(mark - entry price) / entry price, nan where ``up_mid`` is; remembers a new peak."""
        r = ((up_mid if self.up else 1 - up_mid) - self.entry_price) / self.entry_price
        self.peak_r = max(self.peak_r, r)  # in this order a nan changes nothing
        return r

    def held(self, r: float, at_ms: int) -> Held:
        """The position as its strategy sees it."""
        side, entry_ms = self.bought.side, self.entry_ms
        return Held(side, entry_ms, self.entry_price, (at_ms - entry_ms) / 1000, r, self.peak_r)


class LimiterState(msgspec.Struct, frozen=True):
    closed_epoch: int | None
    entries_epoch: int | None
    entries: int
    exit_ms: int | None
    entry_slot: int | None


class Limiter:
    """When a strategy may enter a series again, by the limits it declared. Times are market ms."""

    __slots__ = ("_closed_epoch", "_entries", "_entries_epoch", "_exit_ms", "_limits", "entry_slot")

    def __init__(self, book: Book) -> None:
        self._limits = book.entry.limits
        self._closed_epoch: int | None = None
        self._entries_epoch: int | None = None
        self._entries = 0
        self._exit_ms: int | None = None
        self.entry_slot: int | None = None

    def is_closed(self, epoch: int) -> bool:
        """Whether there can be no further entry in that window."""
        if self._closed_epoch == epoch:
            return True
        most = self._limits.max_entries_per_window
        return most is not None and self._entries_epoch == epoch and self._entries >= most

    def allows(self, epoch: int, at_ms: int) -> bool:
        if self.is_closed(epoch):
            return False
        return self._exit_ms is None or at_ms - self._exit_ms >= self._limits.cooldown_s * 1000

    def entered(self, epoch: int, slot: int) -> None:
        self._entries = self._entries + 1 if self._entries_epoch == epoch else 1
        self._entries_epoch = epoch
        self.entry_slot = slot

    def left(self, epoch: int, at_ms: int, reason: str) -> None:
        self._exit_ms = at_ms
        if reason in self._limits.closed_after:
            self._closed_epoch = epoch

    def saved(self) -> LimiterState:
        return LimiterState(
            self._closed_epoch, self._entries_epoch, self._entries, self._exit_ms, self.entry_slot
        )  # fmt: skip

    def restore(self, saved: LimiterState) -> None:
        self._closed_epoch, self._entries_epoch, self._entries = saved.closed_epoch, saved.entries_epoch, saved.entries
        self._exit_ms, self.entry_slot = saved.exit_ms, saved.entry_slot

    def copy(self) -> "Limiter":
        """The same history, to think ahead with."""
        copied = Limiter.__new__(Limiter)
        for name in Limiter.__slots__:
            setattr(copied, name, getattr(self, name))
        return copied


class SeatState(msgspec.Struct, frozen=True):
    """``memory`` is what the strategy itself remembers, encoded; ``forgets`` says why it is missing where it is."""

    strategy: str
    holding: Position | None
    limiter: LimiterState
    memory: bytes | None
    forgets: str


class Seat:
    """A book in one (coin, horizon): what it holds there, and the strategy that decides there.

    ``place`` is where it sits at its desk. A rule that is an expression has no strategy: it is compiled with its
    neighbours.
    """

    __slots__ = ("_strategy", "book", "holding", "limiter", "place", "rule")

    def __init__(self, book: Book, place: int) -> None:
        self.book = book
        self.place = place
        self.rule: TracedRule | None = traced(book.entry)
        self.holding: Holding | None = None
        self.limiter = Limiter(book)
        self._strategy: Strategy | None = None

    @property
    def strategy(self) -> Strategy:
        if self._strategy is None:
            self._strategy = self.book.entry.make()
        return self._strategy

    def ask(self, tick: Tick, held: Held | None, context: Context) -> Signal:
        """The strategy's signal. Whatever it raises, or a signal that means nothing, is the caller's to handle."""
        return check(self.strategy.on_tick(tick, held, context))

    def release(self) -> Position | None:
        """Hand over the position of an ended window, so that the next one starts free."""
        holding, self.holding = self.holding, None
        return None if holding is None else holding.position

    def saved(self) -> SeatState:
        memory, forgets = self._memory()
        holding = None if self.holding is None else self.holding.position
        return SeatState(self.book.name, holding, self.limiter.saved(), memory, forgets)

    def _memory(self) -> tuple[bytes | None, str]:
        """What the strategy remembers, and why that is not known."""
        if self._strategy is None or self.book.disabled is not None:
            return None, ""
        if type(self._strategy).state is Strategy.state:
            return None, UNTOLD
        try:
            memory = self._strategy.state()
            return (None if memory is None else msgspec.msgpack.encode(memory)), ""
        except Exception as error:  # noqa: BLE001 - users' strategies may raise anything; it is told when it is missed
            return None, f"what it remembers could not be kept ({type(error).__name__}: {error})"

    def restore(self, saved: SeatState) -> str:
        """Go on from there; why the strategy begins anew all the same, empty when it does not."""
        self.holding = None if saved.holding is None else Holding(saved.holding)
        self.limiter.restore(saved.limiter)
        if saved.memory is None:
            return saved.forgets
        try:
            self.strategy.restore(msgspec.msgpack.decode(saved.memory))
        except Exception as error:  # noqa: BLE001 - users' strategies may raise anything; the caller tells it
            self._strategy = None
            return f"what it remembers could not be restored ({type(error).__name__}: {error})"
        return ""


def check(signal: object) -> Signal:
    """``signal``, which must be one that means something: else TypeError or ValueError."""
    if not isinstance(signal, Signal):
        raise TypeError(f"on_tick returned {type(signal).__name__}, not a Signal")
    if signal.action == "buy" and signal.side is None:
        raise ValueError("a buy needs a side")
    if signal.size is not None and not (math.isfinite(signal.size) and signal.size > 0):
        raise ValueError(f"a size of {signal.size} cannot be bought")
    for value in (signal.confidence, signal.edge):
        if value is not None and not math.isfinite(value):
            raise ValueError("confidence and edge are finite numbers or None")
    return signal
