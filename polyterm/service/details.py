"""Answers that describe one thing in full, from the table of strategies, the running engine and what is stored."""

import asyncio
from collections.abc import Iterable, Sequence

import msgspec

from polyterm.core.details import (
    ParameterLine,
    Record,
    StrategyAnswer,
    WindowAnswer,
    WindowLine,
    WindowTrade,
)
from polyterm.core.gap import Gap
from polyterm.core.market import MarketKey
from polyterm.core.position import Position
from polyterm.core.tick import Tick
from polyterm.engine.path import window_path
from polyterm.engine.why import ways
from polyterm.store.reports.archive import Archive, Row
from polyterm.store.reports.window import ticks_from_rows, window_gaps, window_line, window_ticks, window_trades
from polyterm.strategies.entry import Entry
from polyterm.strategies.parameters import describe


def strategy_answer(entry: Entry, record: Record | None, problem: str = "") -> StrategyAnswer:
    entries, exits = ways(entry)
    return StrategyAnswer(
        strategy=entry.name,
        family=entry.family,
        experimental=entry.experimental,
        rule=entry.rule,
        parameters=tuple(
            ParameterLine(one.name, getattr(entry.parameters, one.name), one.unit, one.range)
            for one in describe(type(entry.parameters))
        ),
        about=entry.about,
        resets=entry.resets,
        limits=entry.limits.words,
        entries=entries,
        exits=exits,
        record=record,
        problem=problem,
    )


class StoredWindow(msgspec.Struct, frozen=True):
    """What a database holds of a window; ``ticks`` are still rows."""

    line: WindowLine
    ticks: Sequence[Row]
    trades: tuple[WindowTrade, ...]
    gaps: tuple[Gap, ...]


async def stored_window(archive: Archive, key: MarketKey) -> StoredWindow:
    return StoredWindow(
        await window_line(archive, key),
        await window_ticks(archive, key),
        await window_trades(archive, key),
        await window_gaps(archive, key),
    )


async def window_answer(stored: StoredWindow, held: Iterable[Position], newest: Tick | None) -> WindowAnswer:
    """``held`` are all open positions, ``newest`` is the newest tick of the window where it runs."""
    key, line = stored.line.key, stored.line
    if line.strike is None and newest is not None and newest.key == key:
        line = msgspec.structs.replace(line, strike=newest.strike)
    # In a thread: an engine that waited for it would miss its second.
    path = await asyncio.to_thread(lambda: window_path(ticks_from_rows(stored.ticks)))
    return WindowAnswer(line=line, path=path, trades=_all(stored.trades, held, key), gaps=stored.gaps)


async def told_window(
    line: WindowLine, ticks: Sequence[Tick], trades: Iterable[WindowTrade], held: Iterable[Position]
) -> WindowAnswer:
    """The same from what is in memory."""
    path = await asyncio.to_thread(window_path, ticks)
    return WindowAnswer(line=line, path=path, trades=_all(trades, held, line.key), gaps=())


def _all(closed: Iterable[WindowTrade], held: Iterable[Position], key: MarketKey) -> tuple[WindowTrade, ...]:
    """Trades of a window and what is open in it, the oldest first."""
    trades = [*closed, *(_open(position) for position in held if position.key == key)]
    return tuple(sorted(trades, key=lambda trade: (trade.entry_ms, trade.strategy)))


def _open(position: Position) -> WindowTrade:
    return WindowTrade(
        strategy=position.strategy,
        side=position.side,
        shares=position.shares,
        entry_ms=position.entry_ms,
        entry_price=position.entry_price,
        reason=position.reason,
    )


def with_running(
    lines: Sequence[WindowLine], running: Iterable[MarketKey], strikes: Iterable[Tick | None]
) -> tuple[WindowLine, ...]:
    """Windows that run come first, though nothing may be stored of them yet."""
    stored = {line.key for line in lines}
    live = [
        WindowLine(key=key, strike=None if tick is None or tick.key != key else tick.strike)
        for key, tick in zip(running, strikes, strict=True)
        if key not in stored
    ]
    return (*live, *lines)
