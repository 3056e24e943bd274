"""What the database holds of a span of time, as the engine's inputs: ticks, and windows as they are known by now."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from itertools import count, product
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import COINS, HORIZON_SECONDS, HORIZONS, Coin, FeeSchedule, Horizon, MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.store.database import asking, reading_engine, size_bytes
from polyterm.store.location import Location
from polyterm.store.schema import ticks, windows
from polyterm.store.span import Span, Stamped
from polyterm.store.tick_rows import tick_from_row
from polyterm.store.tickfile_text import nobody

PART_MS: Final = 900_000
"""How much is read at once: about 3,600 ticks of four series."""

_LONGEST_MS: Final = max(HORIZON_SECONDS.values()) * 1000
# What comes first of what is stamped with the same moment.
_ENDED, _OPENED, _OUTCOME, _TICK = range(4)
# Not the places of ticks in their sessions, so that older databases can be read as well.
_COLUMNS: Final = tuple(column for column in ticks.c if column.name not in {"input_number", "input_ms"})
_LATER: Final = ("official_delay_ms", "gap_count", "gap_s")
_WINDOW_COLUMNS: Final = tuple(column for column in windows.c if column.name not in _LATER)

Series = tuple[Coin, Horizon]


def read_store(location: Location | Path, span: Span, on_read: Callable[[int], None] = nobody) -> Iterator[Stamped]:
    """``(at_ms, payload)`` in order of market time, whatever sessions stored it.

    ``on_read`` is told the bytes that a part stands for, as if they were spread evenly over the time that is stored.

    Strikes come with the ticks, as they were known at the time; ends and outcomes are the best that is known today. Not
    for use inside a running event loop.

    Raises:
        ConfigError: there is no such database.
        StoreError: it cannot be read.
    """
    with asyncio.Runner() as runner:
        parts = _parts(location, span, on_read)

        async def following() -> list[Stamped] | None:
            return await anext(parts, None)

        try:
            while (part := runner.run(following())) is not None:
                yield from part
        finally:
            runner.run(parts.aclose())


async def _parts(
    location: Location | Path, span: Span, on_read: Callable[[int], None]
) -> AsyncGenerator[list[Stamped], None]:
    engine = reading_engine(location, connections=1)
    try:
        async with asking(engine) as connection:
            size = await size_bytes(connection)
            history = _History(connection, span)
            bytes_per_ms = size / max(1, await history.length_ms())
            began_ms = None
            while (part := await history.read()) is not None:
                yield part
                on_read(int(bytes_per_ms * (part[-1][0] - (part[0][0] if began_ms is None else began_ms))))
                began_ms = part[-1][0]
    finally:
        await engine.dispose()


class _History:
    def __init__(self, connection: AsyncConnection, span: Span) -> None:
        self._connection = connection
        self._span = span
        self._series: tuple[Series, ...] = tuple(product(span.coins or COINS, HORIZONS))
        self._next_ms = span.from_ms or 0
        self._windows_from_ms = self._next_ms - _LONGEST_MS
        self._known: dict[MarketKey, None] = {}
        self._order = count()
        self._ahead: list[tuple[int, int, int, Payload]] = []

    async def read(self) -> list[Stamped] | None:
        """The next part that is not empty; None when there is no more."""
        first_ms = await self._first_tick_ms()
        if first_ms is None:
            rest, self._ahead = sorted(self._ahead), []
            return [(at_ms, payload) for at_ms, _, _, payload in rest] or None
        self._next_ms = max(self._next_ms, first_ms)
        until_ms = self._next_ms - self._next_ms % PART_MS + PART_MS
        if self._span.to_ms is not None:
            until_ms = min(until_ms, self._span.to_ms)
        await self._read_windows(until_ms)
        for series in self._series:
            for row in await self._rows(_ticks(series, self._next_ms, until_ms)):
                tick = tick_from_row(row)
                self._open_unheard(tick)
                self._put(tick.at_ms, _TICK, tick)
        self._next_ms = until_ms
        due = []
        while self._ahead and self._ahead[0][0] < until_ms:
            at_ms, _, _, payload = heapq.heappop(self._ahead)
            due.append((at_ms, payload))
        return due

    async def length_ms(self) -> int:
        """From the first tick of the span to the last."""
        first, last = await self._first_tick_ms(), 0
        for series in self._series:
            last = max(last, await self._connection.scalar(_of(series, select(func.max(ticks.c.timestamp_ms)))) or 0)
        return 0 if first is None else min(last, self._span.to_ms or last) - first

    async def _first_tick_ms(self) -> int | None:
        found = []
        for series in self._series:
            query = _of(series, select(func.min(ticks.c.timestamp_ms))).where(ticks.c.timestamp_ms >= self._next_ms)
            found.append(await self._connection.scalar(query))
        first = min((ms for ms in found if ms is not None), default=None)
        return first if first is not None and self._span.contains(first) else None

    async def _read_windows(self, until_ms: int) -> None:
        """Every window that begins before ``until_ms`` and was not read yet."""
        from_ms = max(self._windows_from_ms, self._next_ms - _LONGEST_MS)
        self._windows_from_ms = until_ms
        for coin, horizon in self._series:
            query = select(*_WINDOW_COLUMNS).where(windows.c.crypto == coin, windows.c.horizon == horizon)
            query = query.where(windows.c.epoch >= -(-from_ms // 1000), windows.c.epoch < -(-until_ms // 1000))
            for row in await self._rows(query.order_by(windows.c.epoch)):
                key = MarketKey(coin, horizon, row["epoch"])
                if row["opened_ms"] is not None and self._span.touches(key):
                    self._put_window(key, row)

    def _put_window(self, key: MarketKey, row: Mapping[Any, Any]) -> None:
        end_ms = key.end * 1000
        fee = None if row["fee_rate"] is None else FeeSchedule(row["fee_rate"], row["fee_exponent"])
        self._known[key] = None
        self._put(key.epoch * 1000, _OPENED, WindowOpened(key, None, fee))
        self._put(end_ms, _ENDED, WindowEnded(key, _reference(row, "end_price", "final")))
        if row["outcome"] is not None:
            strike = _reference(row, "start_price", "strike")
            outcome = Outcome(
                key, row["outcome"], row["outcome_grade"], row["outcome_source"], row["end_price"], strike
            )
            self._put(max(end_ms, row["resolved_ms"]), _OUTCOME, outcome)

    def _open_unheard(self, tick: Tick) -> None:
        """A window whose start is not stored, but that could be traded on, begins with its first tick."""
        if tick.key not in self._known and tick.invalid != "window_not_open":
            self._known[tick.key] = None
            self._put(tick.at_ms, _OPENED, WindowOpened(tick.key))
            self._put(tick.key.end * 1000, _ENDED, WindowEnded(tick.key))

    def _put(self, at_ms: int, rank: int, payload: Payload) -> None:
        heapq.heappush(self._ahead, (at_ms, rank, next(self._order), payload))

    async def _rows(self, query: Select[Any]) -> Sequence[Mapping[Any, Any]]:
        return (await self._connection.execute(query)).mappings().all()


def _ticks(series: Series, from_ms: int, until_ms: int) -> Select[Any]:
    stamp = ticks.c.timestamp_ms
    return _of(series, select(*_COLUMNS)).where(stamp >= from_ms, stamp < until_ms).order_by(stamp)


def _of(series: Series, query: Select[Any]) -> Select[Any]:
    coin, horizon = series
    return query.where(ticks.c.crypto == coin, ticks.c.horizon == horizon)


def _reference(row: Mapping[Any, Any], price: str, prefix: str) -> Reference | None:
    if row[price] is None or row[f"{prefix}_grade"] is None:
        return None
    return Reference(row[price], row[f"{prefix}_source"], row[f"{prefix}_grade"], row[f"{prefix}_at_ms"])
