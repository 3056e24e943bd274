import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from polyterm.core.event import Event
from polyterm.errors import StoreError
from polyterm.store.location import Location, SqliteFile, locate
from polyterm.store.store import Limits, Store
from tests.postgres import Cluster
from tests.store.builders import SESSION
from tests.store.databases import Make, OldFile, OldServer

QUICK = Limits(batch_s=0.02, busy_ms=10, retry_s=0.01, retry_max_s=0.02, failed_after_s=0.1, close_s=1.0)
"""The same behaviour with patience of milliseconds."""

OpenStore = Callable[..., Awaitable[Store]]


class Announced:
    """What a store said is durable, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.hook: Callable[[tuple[Event, ...]], None] | None = None

    def __call__(self, events: tuple[Event, ...]) -> None:
        if self.hook is not None:
            self.hook(events)
        self.events.extend(events)


@pytest.fixture
def announced() -> Announced:
    return Announced()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "polyterm.db"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path, tmp_path: Path) -> Location:
    """A database that is not there yet, or empty, of either kind."""
    if request.param == "sqlite":
        return SqliteFile(path)
    return locate(request.getfixturevalue("postgres"), tmp_path)


@pytest.fixture
async def open_store(path: Path, announced: Announced) -> AsyncIterator[OpenStore]:
    """Opens stores whose writer runs until the test ends."""
    stores: list[Store] = []
    tasks: list[asyncio.Task[None]] = []

    async def opened(limits: Limits = QUICK, running: bool = True, **options: Any) -> Store:
        session, where = options.get("session", SESSION), options.get("place", path)
        store = await Store.open(where, session=session, on_durable=announced, limits=limits)
        stores.append(store)
        if running:
            tasks.append(asyncio.create_task(store.run()))
        return store

    yield opened
    for store in stores:
        with suppress(StoreError):
            await store.close()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)


@pytest.fixture(params=["sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes empty databases of one kind."""
    made: list[str] = []

    def new() -> OldFile | OldServer:
        if request.param == "sqlite":
            made.append(f"{len(made)}.db")
            return OldFile(tmp_path / made[-1])
        cluster: Cluster = request.getfixturevalue("cluster")
        made.append(cluster.create())
        return OldServer(cluster, made[-1], tmp_path)

    yield new
    if request.param == "postgres":
        for name in made:
            request.getfixturevalue("cluster").drop(name)
