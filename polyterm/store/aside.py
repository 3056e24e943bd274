"""Spools that were put aside when their writer had lost its lease, and their late delivery.

Whoever became the writer has gone on without them, so only what happened is delivered, each row where none is yet: no
trading state, and nothing that an engine would go on from.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
import zstandard
from sqlalchemy.ext.asyncio import AsyncEngine

from polyterm.errors import ConfigError, StoreError
from polyterm.store.lines import Line, send
from polyterm.store.location import Location, PostgresServer
from polyterm.store.relay import SPOOL_SUFFIX
from polyterm.store.statements import (
    CHECKPOINT,
    CLOSING,
    CORRECTION,
    CUT,
    DIGEST,
    END,
    FLAG,
    GAP,
    INPUT,
    OPENING,
    OUTCOME,
    SESSION,
    STRIKE,
    TICK,
    TRADE,
)

DELIVERED: Final = ".delivered"
_HAPPENED: Final = frozenset(
    kind.name
    for kind in (
        TICK, INPUT, DIGEST, TRADE, CORRECTION, OPENING, STRIKE, CLOSING, OUTCOME, GAP, FLAG, CUT, SESSION, END,
    )
)  # fmt: skip


class Aside(msgspec.Struct, frozen=True):
    """What a file holds: (kind, rows) to deliver, rows that are ``kept`` back, and batches that cannot be read."""

    path: str
    rows: tuple[tuple[str, int], ...]
    kept: int
    damaged: int


class _Checkpoint(msgspec.Struct):
    number: int


def asides(location: Location, file: Path | None = None) -> tuple[Path, ...]:
    """What was put aside beside the database and not delivered since, oldest first; ``file`` alone if it is given.

    Raises:
        ConfigError: the database has no spool, or ``file`` is not there or belongs to another database.
    """
    if not isinstance(location, PostgresServer):
        raise ConfigError(f"{location} is a file, which has no spool: give the URL of a PostgreSQL with --db.")
    spool = location.beside(SPOOL_SUFFIX)
    if file is None:
        found = spool.parent.glob(f"{spool.name}.lost-*")
        return tuple(sorted(one for one in found if not one.name.endswith(("-wal", "-shm", DELIVERED))))
    if not file.is_file():
        raise ConfigError(f"There is no file {file}: 'polyterm db deliver' lists those that were put aside.")
    if not file.name.startswith(spool.name):
        raise ConfigError(f"{file} was put aside for another database than {location}: give that one with --db.")
    return (file,)


def look_into(path: Path) -> Aside:
    """Raises StoreError when it cannot be read at all."""
    rows: Counter[str] = Counter()
    kept = damaged = 0
    for batch in _batches(path):
        if batch is None:
            damaged += 1
            continue
        wanted = list(_wanted(batch))
        kept += len(batch) - len(wanted)
        rows.update(line.kind for line in wanted)
    return Aside(str(path), tuple(rows.most_common()), kept, damaged)


async def deliver(engine: AsyncEngine, path: Path, on_rows: Callable[[int], None]) -> None:
    """Store what is not there yet, batch by batch; then the file gets another name. It can be done again.

    Raises:
        StoreError: the file cannot be read at all.
    """
    for batch in _batches(path):
        if batch is not None:
            wanted = list(_wanted(batch))
            async with engine.begin() as connection:
                await send(connection, wanted)
            on_rows(len(wanted))
    await asyncio.to_thread(path.rename, path.with_name(path.name + DELIVERED))


def _wanted(lines: list[Line]) -> Iterator[Line]:
    for line in lines:
        if line.kind in _HAPPENED:
            yield line
        elif line.kind == CHECKPOINT.name and msgspec.json.decode(line.body, type=_Checkpoint).number == 0:
            yield line._replace(then=None)  # what the session began with; no others are forgotten for it


def _batches(path: Path) -> Iterator[list[Line] | None]:
    """None for one that cannot be read."""
    decode, unpack = msgspec.msgpack.Decoder(list[Line]).decode, zstandard.ZstdDecompressor()
    try:
        with closing(sqlite3.connect(path)) as connection:
            for (packed,) in connection.execute("SELECT lines FROM spool ORDER BY seq"):
                try:
                    lines = decode(unpack.decompress(packed))
                except (zstandard.ZstdError, msgspec.MsgspecError):
                    lines = None
                yield lines
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}.") from None
