"""One (coin, horizon) as columns that all variants of a sweep share: when it could be traded, at what, and who won."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from polyterm.core.command import Command
from polyterm.core.event import WindowClosed, WindowSettled, WindowStarted
from polyterm.core.input import Input, Payload, WindowOpened
from polyterm.core.market import FeeSchedule, MarketKey, Side
from polyterm.core.tick import Tick
from polyterm.engine.books import Series, series_of
from polyterm.engine.engine import Engine
from polyterm.quant.columns import Column, Mask
from polyterm.quant.primitives import number
from polyterm.quant.validity import book_usable

Stamped = tuple[int, Payload]
Whole = npt.NDArray[np.int64]


class SweptWindow(msgspec.Struct, frozen=True):
    """Its ticks are the rows from ``first`` to before ``last``; ``won`` is None where no outcome was heard."""

    key: MarketKey
    first: int
    last: int
    won: Side | None


class SweptSeries(msgspec.Struct, frozen=True, kw_only=True):
    """A row for every tick that an engine takes; prices are dollars, nan where there is none.

    ``enterable``: the tick may be traded on; ``usable``: its quotes may be sold at. ``window`` and ``fee`` are places
    in ``windows`` and ``fees``; ``order`` and ``starts`` are the places of the ticks and of the windows' starts among
    all inputs.
    """

    series: Series
    ticks: tuple[Tick, ...]
    windows: tuple[SweptWindow, ...]
    fees: tuple[FeeSchedule, ...]
    slot: Whole
    window: Whole
    fee: Whole
    order: Whole
    starts: Whole
    bid: Column
    ask: Column
    enterable: Mask
    usable: Mask

    @property
    def boundaries(self) -> Whole:
        """The first row of every window, and the end of the last one."""
        return np.array([*(window.first for window in self.windows), len(self.ticks)])

    @property
    def mid(self) -> Column:
        """What marks a position: nan where the book is not usable."""
        return np.where(self.usable, (self.bid + self.ask) * 0.5, np.nan)


class _Taken:
    """The ticks of one series that an engine takes."""

    def __init__(self) -> None:
        self.running: MarketKey | None = None
        self.fees: list[FeeSchedule] = []
        self.ticks: list[Tick] = []
        self.fee_rows: list[int] = []
        self.order: list[int] = []
        self.start_places: list[int] = []
        self.starts: list[tuple[MarketKey, int]] = []
        self.won: dict[MarketKey, Side] = {}

    def start(self, key: MarketKey, fee: FeeSchedule, place: int) -> None:
        self.running = key
        self.starts.append((key, len(self.ticks)))
        self.start_places.append(place)
        self.charge(fee)

    def charge(self, fee: FeeSchedule) -> None:
        if not self.fees or self.fees[-1] != fee:
            self.fees.append(fee)

    def take(self, tick: Tick, place: int) -> None:
        if tick.key == self.running and (not self.ticks or tick.slot > self.ticks[-1].slot):
            self.ticks.append(tick)
            self.fee_rows.append(len(self.fees) - 1)
            self.order.append(place)

    def series(self, name: Series) -> SweptSeries:
        ends = [first for _, first in self.starts[1:]] + [len(self.ticks)]
        windows = tuple(
            SweptWindow(key, first, last, self.won.get(key))
            for (key, first), last in zip(self.starts, ends, strict=True)
        )
        return SweptSeries(
            series=name,
            ticks=tuple(self.ticks),
            windows=windows,
            fees=tuple(self.fees),
            slot=np.array([tick.slot for tick in self.ticks], np.int64),
            window=np.repeat(np.arange(len(windows)), [window.last - window.first for window in windows]),
            fee=np.array(self.fee_rows, np.int64),
            order=np.array(self.order, np.int64),
            starts=np.array(self.start_places, np.int64),
            bid=_column([tick.up_bid for tick in self.ticks]),
            ask=_column([tick.up_ask for tick in self.ticks]),
            enterable=np.array([tick.invalid is None for tick in self.ticks], np.bool_),
            usable=np.array([book_usable(tick) for tick in self.ticks], np.bool_),
        )


def _column(values: Sequence[float | None]) -> Column:
    return np.array([number(value) for value in values], np.float64)


def read_series(payloads: Iterable[Stamped]) -> tuple[SweptSeries, ...]:
    """Every series of the payloads, which are in their order. Commands are left out: a sweep asks what rules would do.

    Windows, fees and outcomes are judged by an engine without strategies.
    """
    engine = Engine("sweep", ())
    taken: dict[Series, _Taken] = {}
    for place, (at_ms, payload) in enumerate(payloads, start=1):
        if isinstance(payload, Tick):
            market = taken.get(series_of(payload.key))
            if market is not None:
                market.take(payload, place)
        elif not isinstance(payload, Command):
            _judge(engine, Input(place, at_ms, payload), taken)
    return tuple(taken[series].series(series) for series in sorted(taken) if taken[series].ticks)


def _judge(engine: Engine, item: Input, taken: dict[Series, _Taken]) -> None:
    for event in engine.apply(item):
        match event:
            case WindowStarted(key=key, fee=fee):
                taken.setdefault(series_of(key), _Taken()).start(key, fee, item.number)
            case WindowClosed(key=key) if series_of(key) in taken:
                taken[series_of(key)].running = None
            case WindowSettled(key=key) if series_of(key) in taken:
                taken[series_of(key)].won[key] = event.outcome
            case _:
                pass
    payload = item.payload
    if isinstance(payload, WindowOpened) and payload.fee is not None:
        market = taken.get(series_of(payload.key))
        if market is not None and market.running == payload.key:
            market.charge(payload.fee)
