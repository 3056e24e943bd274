"""Giving up old ticks and inputs, a part at a time, so that an engine can write in between.

Trades, their corrections, windows, gaps and digests stay for good: they are small. A session whose inputs are gone can
no longer be verified, so what it began with and where it was cut off goes with them; what the next engine goes on from
stays.
"""

from collections.abc import Callable
from itertools import product
from typing import Final

import msgspec
from sqlalchemy import Delete, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from polyterm.core.market import COINS, HORIZONS
from polyterm.store.database import size_bytes
from polyterm.store.schema import checkpoints, cut_windows, inputs, sessions, ticks

PART_MS: Final = 3_600_000
"""How much of a series goes in one transaction: 3,600 ticks, about 50 ms of a SQLite file."""


class Prunable(msgspec.Struct, frozen=True):
    """Rows from before a moment. ``size_bytes`` is about what they take: their share of all ticks in the database."""

    ticks: int
    inputs: int
    oldest_ms: int | None
    all_ticks: int
    size_bytes: int


async def prunable(connection: AsyncConnection, before_ms: int) -> Prunable:
    column = ticks.c.timestamp_ms
    old = int(await connection.scalar(select(func.count()).select_from(ticks).where(column < before_ms)) or 0)
    total = int(await connection.scalar(select(func.count()).select_from(ticks)) or 0)
    others = select(func.count()).select_from(inputs).where(inputs.c.at_ms < before_ms)
    size = await size_bytes(connection)
    return Prunable(
        ticks=old,
        inputs=int(await connection.scalar(others) or 0),
        oldest_ms=await connection.scalar(select(func.min(column)).where(column < before_ms)),
        all_ticks=total,
        size_bytes=size * old // total if total else 0,
    )


async def prune(engine: AsyncEngine, before_ms: int, on_deleted: Callable[[int], None] = lambda _: None) -> int:
    """Delete what is ``prunable``; how many rows that were. ``on_deleted`` is told of every part's.

    What was deleted before an error stays deleted, and the same call goes on from there.
    """
    deleted = 0
    for coin, horizon in product(COINS, HORIZONS):
        series = (ticks.c.crypto == coin, ticks.c.horizon == horizon)
        while True:
            async with engine.begin() as connection:
                first = await connection.scalar(select(func.min(ticks.c.timestamp_ms)).where(*series))
                if first is None or first >= before_ms:
                    break
                until = min(first - first % PART_MS + PART_MS, before_ms)
                rows = await _delete(connection, delete(ticks).where(*series, ticks.c.timestamp_ms < until))
            deleted += rows
            on_deleted(rows)
    async with engine.begin() as connection:
        names = (await connection.scalars(select(sessions.c.session).where(sessions.c.started_ms < before_ms))).all()
    for name in names:
        async with engine.begin() as connection:
            wanted = delete(inputs).where(inputs.c.session == name, inputs.c.at_ms < before_ms)
            rows = await _delete(connection, wanted)
            await _forget(connection, name, before_ms)
        deleted += rows
        on_deleted(rows)
    return deleted


async def _forget(connection: AsyncConnection, session: str, before_ms: int) -> None:
    """What only a session with all its inputs needs."""
    newest = (
        select(sessions.c.session)
        .where(exists().where(checkpoints.c.session == sessions.c.session))
        .order_by(sessions.c.started_ms.desc())
        .limit(1)
        .scalar_subquery()
    )
    column = checkpoints.c
    await connection.execute(
        delete(checkpoints).where(column.session == session, column.at_ms < before_ms, column.session != newest)
    )
    await connection.execute(
        delete(cut_windows).where(cut_windows.c.session == session, cut_windows.c.cut_ms < before_ms)
    )


async def _delete(connection: AsyncConnection, statement: Delete) -> int:
    return (await connection.execute(statement)).rowcount
