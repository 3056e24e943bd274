"""What a console needs of a link, whatever carries it."""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from polyterm.core.command import Ack, Command
from polyterm.core.event import Event
from polyterm.core.playback import PlaybackOrder
from polyterm.core.query import Answer, Query
from polyterm.core.snapshot import SnapshotDelta
from polyterm.service.link.wire import ClientRole

ConnectionState = Literal["connecting", "connected", "disconnected"]


class Connection(msgspec.Struct, frozen=True):
    """``reason`` says why there is no connection; ``retry_in_s`` when the next try is, ``latency_ms`` a round trip,
    ``engine_version`` the release that the engine runs, empty until it has said so."""

    state: ConnectionState
    address: str
    reason: str = ""
    retry_in_s: float | None = None
    latency_ms: float | None = None
    role: ClientRole | None = None
    engine_version: str = ""


class Link(Protocol):
    """A client's view of one engine. Callbacks run on the client's own event loop."""

    on_connection: Callable[[Connection], None]
    on_snapshot: Callable[[SnapshotDelta], None]
    on_events: Callable[[tuple[Event, ...]], None]

    async def run(self) -> None:
        """Connect, and reconnect with back-off, until cancelled."""
        ...

    async def ask(self, query: Query) -> Answer:
        """Raises LinkError when there is no connection or no answer within 5 s."""
        ...

    async def send(self, command: Command) -> Ack:
        """Raises LinkError when there is no connection or no answer within 5 s."""
        ...

    async def steer(self, order: PlaybackOrder) -> str:
        """Why the player refused, empty when it obeyed.

        Raises LinkError when there is no connection or no answer within 5 s.
        """
        ...
