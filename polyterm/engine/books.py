"""Paper books: the independent positions of one strategy, and the limits it declared."""

import math
from typing import Final, Literal

from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.position import Position
from polyterm.core.signal import Signal
from polyterm.core.tick import Tick
from polyterm.quant.tick_features import TickFeatures
from polyterm.strategies.base import Context, Held, Strategy
from polyterm.strategies.entry import Entry

Series = tuple[Coin, Horizon]
Sizing = Literal["shares", "usd"]

DEFAULT_STAKE: Final = 100.0


def series_of(key: MarketKey) -> Series:
    return key.coin, key.horizon


class Holding:
    """An open position and the highest mark return it has seen."""

    __slots__ = ("_peak_r", "_position")

    def __init__(self, position: Position) -> None:
        self._position = position
        self._peak_r = position.peak_r

    @property
    def position(self) -> Position:
        """With ``peak_r`` as of now."""
        p = self._position
        return Position(
            p.strategy, p.key, p.side, p.entry_ms, p.entry_price, p.shares, p.reason, p.strength, p.entry, p.strike,
            p.strike_grade, p.legs, self._peak_r,
        )  # fmt: skip

    def mark(self, features: TickFeatures, at_ms: int) -> Held:
        """The position as its strategy sees it on this tick; remembers a new peak."""
        p = self._position
        r = mark_return(p, features.up_mid)
        self._peak_r = max(self._peak_r, r)  # in this order a nan changes nothing
        return Held(p.side, p.entry_ms, p.entry_price, (at_ms - p.entry_ms) / 1000, r, self._peak_r)


def mark_return(position: Position, up_mid: float) -> float:
    """(mark - entry price) / entry price, nan where ``up_mid`` is."""
    mark = up_mid if position.side == "up" else 1 - up_mid
    return (mark - position.entry_price) / position.entry_price


class Book:
    """One strategy's positions, at most one per (coin, horizon).

    ``stake`` sizes an entry whose signal gives no size: shares, or dollars where the engine is sized in dollars.
    """

    def __init__(self, entry: Entry, stake: float = DEFAULT_STAKE) -> None:
        self.entry = entry
        self.stake = stake
        self.disabled: str | None = None
        self._strategies: dict[Series, Strategy] = {}
        self._open: dict[Series, Holding] = {}
        self._closed_epoch: dict[Series, int] = {}
        self._exit_ms: dict[Series, int] = {}
        self._entries: dict[Series, tuple[int, int]] = {}

    @property
    def name(self) -> str:
        return self.entry.name

    def takes_part(self, series: Series) -> bool:
        coin, horizon = series
        return self.disabled is None and coin in self.entry.limits.coins and horizon in self.entry.limits.horizons

    def holding(self, series: Series) -> Holding | None:
        return self._open.get(series)

    def ask(self, tick: Tick, held: Held | None, context: Context) -> Signal:
        """The strategy's signal. Whatever it raises, or a signal that means nothing, is the caller's to handle."""
        signal = self._strategy(series_of(tick.key)).on_tick(tick, held, context)
        _check(signal)
        return signal

    def _strategy(self, series: Series) -> Strategy:
        strategy = self._strategies.get(series)
        if strategy is None:
            strategy = self._strategies[series] = self.entry.make()
        return strategy

    def accepted(self, signal: Signal, key: MarketKey) -> None:
        self._strategy(series_of(key)).accepted(signal, key)

    def may_enter(self, key: MarketKey, at_ms: int) -> bool:
        """Whether the series is free and the declared limits allow an entry now."""
        series = series_of(key)
        if series in self._open or self._closed_epoch.get(series) == key.epoch:
            return False
        most = self.entry.limits.max_entries_per_window
        if most is not None and self._entries_in(key) >= most:
            return False
        exit_ms = self._exit_ms.get(series)
        return exit_ms is None or at_ms - exit_ms >= self.entry.limits.cooldown_s * 1000

    def _entries_in(self, key: MarketKey) -> int:
        epoch, count = self._entries.get(series_of(key), (key.epoch, 0))
        return count if epoch == key.epoch else 0

    def shares(self, signal: Signal, price: float, sizing: Sizing) -> float:
        size = self.stake if signal.size is None else signal.size
        return size if sizing == "shares" else size / price

    def open(self, position: Position) -> None:
        series = series_of(position.key)
        self._open[series] = Holding(position)
        self._entries[series] = (position.key.epoch, self._entries_in(position.key) + 1)

    def close(self, key: MarketKey, reason: str, at_ms: int) -> None:
        """Forget the position of that series: it was sold."""
        series = series_of(key)
        del self._open[series]
        self._exit_ms[series] = at_ms
        if reason in self.entry.limits.closed_after:
            self._closed_epoch[series] = key.epoch

    def release(self, series: Series) -> Position | None:
        """Hand over the position of an ended window, so that the next one starts free."""
        holding = self._open.pop(series, None)
        return None if holding is None else holding.position

    def positions(self) -> tuple[Position, ...]:
        return tuple(holding.position for holding in self._open.values())


def _check(signal: object) -> None:
    if not isinstance(signal, Signal):
        raise TypeError(f"on_tick returned {type(signal).__name__}, not a Signal")
    if signal.action == "buy" and signal.side is None:
        raise ValueError("a buy needs a side")
    if signal.size is not None and not (math.isfinite(signal.size) and signal.size > 0):
        raise ValueError(f"a size of {signal.size} cannot be bought")
    for value in (signal.confidence, signal.edge):
        if value is not None and not math.isfinite(value):
            raise ValueError("confidence and edge are finite numbers or None")
