"""Stored sessions: what each was, its inputs in their order, and the digests that a repetition must come to."""

import difflib
import heapq
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby, product
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from polyterm.core.digest import SessionDigest, WindowDigest
from polyterm.core.input import Input
from polyterm.core.market import COINS, HORIZONS, Coin, Horizon, MarketKey
from polyterm.core.position import Position, Trade
from polyterm.errors import ConfigError
from polyterm.store.checkpoint_rows import StoredCheckpoint, checkpoint_from_row
from polyterm.store.database import asking, dispose, reading_engine
from polyterm.store.input_rows import digest_from_row, item_from_input, item_from_tick
from polyterm.store.location import Location
from polyterm.store.migrations import require_ours
from polyterm.store.schema import (
    checkpoints,
    cut_windows,
    inputs,
    paper_trades,
    schema_version,
    sessions,
    ticks,
    window_digests,
)
from polyterm.store.trade_rows import trade_from_row

INPUTS_SINCE_VERSION: Final = 2
PAGE: Final = 2_000
_EARLY_MS: Final = 60_000  # a tick of a slot may come late
_LATE_MS: Final = 3_600_000  # clocks of two machines may differ


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """``ended_ms`` and ``digest`` are None while the session runs, and for good when it was cut off.

    ``platform`` is what the runtime gave, ``next_ms`` when a later session began on this database, ``predecessor`` who
    ran on it before.
    """

    id: str
    predecessor: str | None
    program: str
    platform: str
    sizing: str
    strategies: tuple[str, ...]
    started_ms: int
    ended_ms: int | None
    next_ms: int | None
    digest: SessionDigest | None


@asynccontextmanager
async def open_archive(location: Location | Path) -> AsyncIterator["SessionArchive"]:
    """One state of the database, whatever an engine writes meanwhile.

    Raises:
        ConfigError: there is no such file.
        StoreError: now or at any question, the database cannot be read.
    """
    engine = reading_engine(location, connections=1)
    try:
        async with asking(engine) as connection:
            yield SessionArchive(connection)
    finally:
        await dispose(engine)


class SessionArchive:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def require_ours(self, name: str) -> None:
        """Raises ConfigError unless a polyterm made the database, which is called ``name``."""
        await self._connection.run_sync(require_ours, name)

    async def session(self, name: str | None) -> StoredSession:
        """The session of that name, the newest without one.

        Raises:
            ConfigError: there is none, or the database is too old to hold inputs.
        """
        version = await self._connection.scalar(select(func.max(schema_version.c.version)))
        if version is None or version < INPUTS_SINCE_VERSION:
            raise ConfigError(
                "The sessions of this database were stored without their inputs, by an older polyterm: "
                "only sessions from now on can be verified."
            )
        row = (await self._connection.execute(_session(name))).mappings().first()
        if row is None:
            names = (await self._connection.scalars(select(sessions.c.session))).all()
            raise ConfigError(_no_session(name, names))
        later = select(func.min(sessions.c.started_ms)).where(sessions.c.started_ms > row["started_ms"])
        return _session_from_row(row, await self._connection.scalar(later))

    async def digests(self, session: str) -> dict[MarketKey, WindowDigest]:
        """In the order in which the windows closed."""
        wanted = window_digests.c.session == session
        query = select(window_digests).where(wanted).order_by(window_digests.c.session_events)
        found = [digest_from_row(row) for row in (await self._connection.execute(query)).mappings()]
        return {digest.key: digest for digest in found}

    async def before(self, session: str) -> StoredSession | None:
        """The session that began last, ``session`` itself left out; None without one, or where none could be stored."""
        version = await self._connection.scalar(select(func.max(schema_version.c.version)))
        if version is None or version < INPUTS_SINCE_VERSION:
            return None
        newest_first = sessions.c.started_ms.desc(), sessions.c.session.desc()
        query = select(sessions.c.session).where(sessions.c.session != session).order_by(*newest_first).limit(1)
        name = await self._connection.scalar(query)
        return None if name is None else await self.session(name)

    async def checkpoints(self, session: str) -> tuple[StoredCheckpoint, ...]:
        """Newest first; what the session began with is number 0."""
        query = select(checkpoints).where(checkpoints.c.session == session).order_by(checkpoints.c.number.desc())
        return tuple(checkpoint_from_row(row) for row in (await self._connection.execute(query)).mappings())

    async def beginning(self, session: str) -> StoredCheckpoint | None:
        """What the session began with; None when that was nothing."""
        query = select(checkpoints).where(checkpoints.c.session == session, checkpoints.c.number == 0)
        row = (await self._connection.execute(query)).mappings().first()
        return None if row is None else checkpoint_from_row(row)

    async def cut_windows(self, session: str) -> tuple[MarketKey, ...]:
        """In the middle of which the session ended."""
        column = cut_windows.c
        query = select(column.crypto, column.horizon, column.window_epoch).where(column.session == session)
        return tuple(MarketKey(*row) for row in await self._connection.execute(query))

    async def closed(self, positions: Sequence[Position]) -> tuple[Position, ...]:
        """Those of the open ``positions`` of which a trade is stored."""
        column, found = paper_trades.c, []
        for key, same in groupby(sorted(positions, key=_window), key=_window):
            query = select(column.session, column.strategy_name, column.entry_ms).where(
                column.crypto == key.coin, column.horizon == key.horizon, column.window_epoch == key.epoch
            )
            stored = {tuple(row) for row in await self._connection.execute(query)}
            found += [one for one in same if (one.session, one.strategy, one.entry_ms) in stored]
        return tuple(found)

    async def exits(self, session: str, key: MarketKey) -> list[tuple[int, Trade]]:
        """(input number, trade) of what the session sold in a window before it ended, in that order."""
        column = paper_trades.c
        query = select(paper_trades).where(
            column.event_id.startswith(f"{session}/", autoescape=True),
            column.crypto == key.coin,
            column.horizon == key.horizon,
            column.window_epoch == key.epoch,
            column.outcome.is_(None),
        )
        found = [
            (*_place(row["event_id"]), trade_from_row(row))
            for row in (await self._connection.execute(query)).mappings()
        ]
        return [(number, trade) for number, _, trade in sorted(found, key=lambda one: one[:2])]

    async def inputs(
        self, session: StoredSession, after: int = 0, after_ms: int | None = None
    ) -> AsyncIterator[Input]:  # fmt: skip
        """Those after number ``after`` (taken at ``after_ms``), in the order of their numbers, as far as they are
        stored; reads a page at a time."""
        since_ms = session.started_ms if after_ms is None else max(session.started_ms, after_ms)
        series = product(COINS, HORIZONS)
        streams = [self._ticks(session, after, since_ms, coin, horizon) for coin, horizon in series]
        streams.append(self._others(session.id, after))
        heads: list[tuple[int, int, Input]] = []
        for place, stream in enumerate(streams):
            if (item := await anext(stream, None)) is not None:
                heads.append((item.number, place, item))
        heapq.heapify(heads)
        while heads:
            _, place, item = heads[0]
            yield item
            following = await anext(streams[place], None)
            if following is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (following.number, place, following))

    async def _ticks(
        self, session: StoredSession, after: int, since_ms: int, coin: Coin, horizon: Horizon
    ) -> AsyncIterator[Input]:  # fmt: skip
        """Along the primary key: a session's ticks of one series are in the order of their slots."""
        column = ticks.c
        query = (
            select(ticks)
            .where(column.crypto == coin, column.horizon == horizon, column.session == session.id)
            .where(column.input_number > after)
            .order_by(column.timestamp_ms)
            .limit(PAGE)
        )
        end_ms = session.next_ms if session.ended_ms is None else session.ended_ms
        if end_ms is not None:  # else everything that came later would be looked through
            query = query.where(column.timestamp_ms <= end_ms + _LATE_MS)
        after_ms = since_ms - _EARLY_MS
        while page := await self._page(query.where(column.timestamp_ms > after_ms)):
            for row in page:
                yield item_from_tick(row)
            after_ms = page[-1]["timestamp_ms"]

    async def _others(self, session: str, after: int) -> AsyncIterator[Input]:
        query = select(inputs).where(inputs.c.session == session).order_by(inputs.c.number).limit(PAGE)
        while page := await self._page(query.where(inputs.c.number > after)):
            for row in page:
                yield item_from_input(row)
            after = page[-1]["number"]

    async def _page(self, query: Select[Any]) -> Sequence[Mapping[Any, Any]]:
        return (await self._connection.execute(query)).mappings().all()


def _place(event_id: str) -> tuple[int, int]:
    """Input and ordinal of an event's name."""
    _, number, ordinal = event_id.rsplit("/", 2)
    return int(number), int(ordinal)


def _window(position: Position) -> MarketKey:
    return position.key


def _session(name: str | None) -> Select[Any]:
    if name is not None:
        return select(sessions).where(sessions.c.session == name)
    return select(sessions).order_by(sessions.c.started_ms.desc()).limit(1)


def _no_session(name: str | None, names: Sequence[str]) -> str:
    if name is None or not names:
        return "No session is stored in this database yet."
    near = difflib.get_close_matches(name, names, n=1) or [max(names)]
    return f"There is no session {name} in this database: did you mean {near[0]}?"


def _session_from_row(row: Mapping[Any, Any], next_ms: int | None) -> StoredSession:
    digest = None
    if row["events_digest"] is not None:
        digest = SessionDigest(row["inputs"], row["events"], row["events_digest"])
    return StoredSession(
        id=row["session"],
        predecessor=row["predecessor"],
        program=row["program"],
        platform=row["platform"],
        sizing=row["sizing"],
        strategies=() if row["strategies"] is None else msgspec.json.decode(row["strategies"], type=tuple[str, ...]),
        started_ms=row["started_ms"],
        ended_ms=row["ended_ms"],
        next_ms=next_ms,
        digest=digest,
    )
