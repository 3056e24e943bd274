"""Everyone who is attached, and what they are told: snapshots a few times a second, events as they come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from polyterm.core.event import Event
from polyterm.core.snapshot import Snapshot
from polyterm.service.link.wire import EventBatch, ServerMessage

INTERVAL_S: Final = 0.25
MIN_INTERVAL_S: Final = 0.1


class Attached(Protocol):
    """One client. Neither call blocks; a client that cannot keep up sees to itself."""

    def offer(self, snapshot: Snapshot) -> None: ...
    def tell(self, message: ServerMessage) -> None: ...


class Hub:
    """No snapshot is built while nobody is attached; ``refresh`` prepares what a next one needs."""

    def __init__(self, snapshot: Callable[[], Snapshot], refresh: Callable[[], Awaitable[None]]) -> None:
        self._snapshot = snapshot
        self._refresh = refresh
        self._clients: set[Attached] = set()
        self._somebody = asyncio.Event()
        self._soon = asyncio.Event()

    def join(self, client: Attached) -> None:
        self._clients.add(client)
        self._somebody.set()
        client.offer(self._snapshot())

    def leave(self, client: Attached) -> None:
        self._clients.discard(client)
        if not self._clients:
            self._somebody.clear()

    def announce(self, events: tuple[Event, ...]) -> None:
        """Tell everyone at once, and show what came of it without waiting for the next turn."""
        if events and self._clients:
            batch = EventBatch(events)
            for client in self._clients:
                client.tell(batch)
            self._soon.set()

    async def run(self) -> None:
        while True:
            await self._somebody.wait()
            snapshot = self._snapshot()
            for client in self._clients:
                client.offer(snapshot)
            await self._refresh()
            await asyncio.sleep(MIN_INTERVAL_S)
            try:
                async with asyncio.timeout(INTERVAL_S - MIN_INTERVAL_S):
                    await self._soon.wait()
            except TimeoutError:
                continue
            finally:
                self._soon.clear()
