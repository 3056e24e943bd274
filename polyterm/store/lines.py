"""Writes as lines that need no knowledge of today's rows: what a spool keeps and a PostgreSQL server is sent."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from polyterm.errors import StoreError
from polyterm.store.rows import Row
from polyterm.store.statements import KINDS, Kind, runs
from polyterm.store.writer import Write


class Line(NamedTuple):
    """The name of a kind and its rows as JSON, without what is NULL."""

    kind: str
    body: bytes
    then: bytes | None = None


_encoder = msgspec.json.Encoder()


def line_of(write: Write) -> Line:
    kind = write.kind
    then = None if write.then is None else _body(write.then, frozenset())
    return Line(kind.name, _body(write.row, kind.nested), then)


def _body(row: Row, nested: frozenset[str]) -> bytes:
    known = {name: value for name, value in row.items() if value is not None}
    for name in nested & known.keys():
        known[name] = msgspec.Raw(known[name].encode())
    return _encoder.encode(known)


async def send(connection: AsyncConnection, lines: Iterable[Line]) -> None:
    """Do all of it on the open transaction of a PostgreSQL connection.

    Raises StoreError for a kind that this program does not know.
    """
    for kind, same in runs(lines, _kind):
        if kind.bulk:
            rows = {"rows": _array(same)}
            await connection.execute(kind.postgres, rows)
            if kind.also is not None:
                await connection.execute(kind.also.postgres, rows)
        elif kind.then is None:
            await connection.execute(kind.postgres, [{"rows": _array([one])} for one in same])
        else:
            for one in same:
                result = await connection.execute(kind.postgres, {"rows": _array([one])})
                if one.then is not None and result.rowcount == 1:
                    await connection.execute(kind.then.postgres, {"rows": f"[{one.then.decode()}]"})


def _array(lines: Sequence[Line]) -> str:
    return (b"[" + b",".join([one.body for one in lines]) + b"]").decode()


def _kind(line: Line) -> Kind:
    kind = KINDS.get(line.kind)
    if kind is None:
        raise StoreError(f"There are rows of the kind {line.kind!r} to store, which this polyterm does not know.")
    return kind
