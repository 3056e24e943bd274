"""A link in memory: a real client-side Link whose engine is the test."""

import asyncio
from collections.abc import Callable

from polyterm.core.command import Ack, Command
from polyterm.core.event import Event
from polyterm.core.playback import PlaybackOrder
from polyterm.core.query import Answer, EventsAnswer, EventsQuery, Query
from polyterm.core.snapshot import SnapshotDelta
from polyterm.errors import LinkError
from polyterm.service.link.port import Connection

CONNECTED = Connection("connected", "test", latency_ms=3.0, role="operator")


class MemoryLink:
    """Tells what the test gave it as soon as it runs; ``reply`` answers commands, None lets them wait; ``past`` is what
    happened before, ``told`` what a question of another kind is answered."""

    def __init__(self, connection: Connection, *deltas: SnapshotDelta, events: tuple[Event, ...] = ()) -> None:
        self.on_connection: Callable[[Connection], None] = lambda _: None
        self.on_snapshot: Callable[[SnapshotDelta], None] = lambda _: None
        self.on_events: Callable[[tuple[Event, ...]], None] = lambda _: None
        self.reply: Callable[[Command], Ack] | None = None
        self.unreachable: str | None = None
        self.past: tuple[Event, ...] = ()
        self.told: Callable[[Query], Answer] | None = None
        self.questions: list[Query] = []
        self.commands: list[Command] = []
        self.orders: list[PlaybackOrder] = []
        self.refusal = ""
        self.answers: asyncio.Queue[Ack] = asyncio.Queue()
        self._connection = connection
        self._deltas = deltas
        self._events = events

    async def run(self) -> None:
        self.on_connection(self._connection)
        for delta in self._deltas:
            self.on_snapshot(delta)
        if self._events:
            self.on_events(self._events)
        await asyncio.Event().wait()

    async def ask(self, query: Query) -> Answer:
        self.questions.append(query)
        if isinstance(query, EventsQuery) or self.told is None:
            return EventsAnswer(self.past)
        if self._connection.state != "connected":
            raise LinkError("Not connected to the engine: no engine is listening.")
        return self.told(query)

    async def send(self, command: Command) -> Ack:
        self.commands.append(command)
        if self.unreachable is not None:
            raise LinkError(self.unreachable)
        if self.reply is not None:
            return self.reply(command)
        return await self.answers.get()

    async def steer(self, order: PlaybackOrder) -> str:
        self.orders.append(order)
        return self.refusal


def obedient(command: Command) -> Ack:
    state = {"kill": "KILLED", "pause": "PAUSED", "resume": "RUNNING"}[command.kind]
    return Ack(command.id, True, "", state, "s/1/0")
