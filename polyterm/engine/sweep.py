"""Many variants of one strategy over the same recordings.

The work is divided into pieces: one recording and a few variants each. A piece needs nothing but its recording and its
entries, so that pieces may run in any order, in any process and on any machine, with the same result.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import msgspec
import numpy as np

from polyterm.core.command import Command
from polyterm.core.event import StrategyDisabled, TradeClosed, TradeCorrected
from polyterm.core.input import Payload
from polyterm.core.market import COINS, Coin, MarketKey
from polyterm.core.position import Trade
from polyterm.engine.books import Book, Series, series_of
from polyterm.engine.engine import Engine
from polyterm.engine.parameter_space import Variant
from polyterm.engine.replay import replay
from polyterm.engine.sweep_columns import Conditions
from polyterm.engine.sweep_leaves import Leaves
from polyterm.engine.sweep_results import (
    Fold,
    Measure,
    VariantResult,
    VariantTrades,
    evaluate,
    joined,
    trades_of,
)
from polyterm.engine.sweep_series import SweptSeries, read_series
from polyterm.engine.sweep_walk import Floor
from polyterm.strategies.entry import Entry
from polyterm.strategies.traced import traced

LEAD_COIN: Final[Coin] = COINS[0]
MOST_IN_A_PIECE: Final = 50
PIECES_A_PROCESS: Final = 4


class SweptRecording(Protocol):
    """What variants are replayed over."""

    def run(self, entries: Sequence[Entry]) -> list[VariantTrades]:
        """The closed trades of each entry, as a replay of it alone would give them."""
        ...


class TickRecording(msgspec.Struct, frozen=True):
    """``(at_ms, payload)`` pairs of any number of series in their order, replayed tick by tick.

    For strategies that are no rules; every variant costs as much as one live strategy.
    """

    payloads: tuple[tuple[int, Payload], ...]

    def run(self, entries: Sequence[Entry]) -> list[VariantTrades]:
        names = [str(place) for place in range(len(entries))]
        books = [Book(msgspec.structs.replace(entry, name=name)) for entry, name in zip(entries, names, strict=True)]
        closed: dict[str, dict[tuple[MarketKey, int], Trade]] = {name: {} for name in names}
        faults: dict[str, str] = {}
        for event in replay(Engine("sweep", books), self.payloads):
            match event:
                case TradeClosed(trade=trade) | TradeCorrected(after=trade):
                    closed[trade.strategy][trade.key, trade.entry_ms] = trade
                case StrategyDisabled():
                    faults[event.strategy] = event.error
                case _:
                    pass
        return [_by_series(closed[name].values(), faults.get(name)) for name in names]


class ColumnRecording:
    """One series, replayed by columns; ``lead`` is btc on the same horizon where it is another one.

    For rules that are expressions. What a variant has worked out is kept for the next one, and not sent elsewhere.
    """

    def __init__(self, series: SweptSeries, lead: SweptSeries | None) -> None:
        self._series = series
        self._lead = lead
        self._prepare()

    def _prepare(self) -> None:
        conditions = Conditions(len(self._series.ticks), Leaves(self._series, self._lead))
        self._floor = Floor(self._series, conditions)

    def __getstate__(self) -> tuple[SweptSeries, SweptSeries | None]:
        return self._series, self._lead

    def __setstate__(self, state: tuple[SweptSeries, SweptSeries | None]) -> None:
        self._series, self._lead = state
        self._prepare()

    def run(self, entries: Sequence[Entry]) -> list[VariantTrades]:
        rules = [(traced(entry), entry.limits) for entry in entries]
        with np.errstate(all="ignore"):
            return [self._floor.trades(rule, limits) for rule, limits in rules if rule is not None]


def prepare(payloads: Iterable[tuple[int, Payload]], entry: Entry) -> tuple[SweptRecording, ...]:
    """What variants of ``entry`` are replayed over, the payloads being in their order.

    Commands are left out: a sweep asks what a rule would have done.
    """
    wanted = ((at_ms, payload) for at_ms, payload in payloads if not isinstance(payload, Command))
    rule = traced(entry)
    if rule is None or rule.forgets_s:
        return (TickRecording(tuple(wanted)),)
    every = {swept.series: swept for swept in read_series(wanted)}
    limits = entry.limits
    return tuple(
        ColumnRecording(swept, None if coin == LEAD_COIN else every.get((LEAD_COIN, horizon)))
        for (coin, horizon), swept in every.items()
        if coin in limits.coins and horizon in limits.horizons
    )


def _by_series(trades: Iterable[Trade], fault: str | None) -> VariantTrades:
    """In order of time, and at the same time in the order of coins, as separate recordings are joined."""
    parts: dict[Series, list[Trade]] = {}
    for trade in trades:
        parts.setdefault(series_of(trade.key), []).append(trade)
    return joined([trades_of(parts[series], fault) for series in sorted(parts)] or [trades_of((), fault)])


class Piece(msgspec.Struct, frozen=True):
    """The variants from ``first`` on, over the recording at ``place``."""

    place: int
    first: int
    entries: tuple[Entry, ...]


def divide(variants: Sequence[Variant], recordings: int, processes: int) -> list[Piece]:
    """Pieces small enough to keep every process busy to the end; the first variants come first on every recording."""
    size = max(1, min(MOST_IN_A_PIECE, -(-len(variants) // (PIECES_A_PROCESS * processes))))
    return [
        Piece(place, first, tuple(variant.entry for variant in variants[first : first + size]))
        for first in range(0, len(variants), size)
        for place in range(recordings)
    ]


class Assembly:
    """Puts pieces together as they come. Trades are let go as soon as their variant is done on every recording."""

    def __init__(self, recordings: int, by: Measure, folds: Sequence[Fold]) -> None:
        self._recordings = recordings
        self._by: Measure = by
        self._folds = tuple(folds)
        self._parts: dict[int, dict[int, list[VariantTrades]]] = {}
        self._results: list[VariantResult] = []

    def take(self, piece: Piece, trades: list[VariantTrades]) -> None:
        parts = self._parts.setdefault(piece.first, {})
        parts[piece.place] = trades
        if len(parts) < self._recordings:
            return
        del self._parts[piece.first]
        for offset in range(len(piece.entries)):
            whole = joined([parts[place][offset] for place in range(self._recordings)])
            self._results.append(evaluate(piece.first + offset, whole, self._by, self._folds))

    @property
    def results(self) -> list[VariantResult]:
        """The variants that are done, in the order in which they were asked for."""
        return sorted(self._results, key=lambda result: result.number)
