"""Where rows become durable."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from polyterm.core.snapshot import StoreState
from polyterm.store.database import dispose, open_database
from polyterm.store.intake import Limits
from polyterm.store.location import SqliteFile
from polyterm.store.writer import Write, write

Guard = Callable[[AsyncConnection], Awaitable[None]]
"""Asked in the transaction that writes; raises LeaseLost when this process must no longer write."""


class Backlog(NamedTuple):
    """What is durable on this machine only, and since when; ``reason`` is a sentence, empty when all is well."""

    rows: int = 0
    age_s: float = 0.0
    state: StoreState = "ok"
    reason: str = ""


class Target(Protocol):
    async def put(self, writes: Sequence[Write]) -> None:
        """Returns when all of it is durable. Raises one of ``REFUSALS`` when it may not be, LeaseLost for good."""

    def backlog(self) -> Backlog: ...

    async def run(self) -> None:
        """What there is to do besides, until cancelled."""

    async def close(self) -> None: ...


class SqliteTarget:
    """The file itself."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @classmethod
    async def open(cls, file: SqliteFile, limits: Limits, first: Write) -> "SqliteTarget":
        """See ``open_database``; ``first`` is written with the schema."""
        return cls(await open_database(file, limits.busy_ms, lambda connection: write(connection, [first])))

    async def put(self, writes: Sequence[Write]) -> None:
        async with self.engine.begin() as connection:
            await write(connection, writes)

    def backlog(self) -> Backlog:
        return Backlog()

    async def run(self) -> None:
        """A file asks for nothing."""

    async def close(self) -> None:
        await dispose(self.engine)
