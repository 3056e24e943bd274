"""The link's messages: JSON text frames over one websocket, tagged by ``type``.

A client says ``Hello`` first and is answered ``Welcome`` (or the socket is closed with 4001 when its token is wrong).
From then on the server sends ``SnapshotDelta`` whenever sections changed, of the long ones only the rows that did
(``thin``), and ``EventBatch`` as events happen. Over TCP it is compressed where the client wants that.
"""

from typing import Final, Literal

import msgspec

from polyterm.core.command import Ack, Command
from polyterm.core.event import Event
from polyterm.core.playback import PlaybackOrder
from polyterm.core.query import Answer, Query
from polyterm.core.snapshot import SnapshotDelta

ClientRole = Literal["viewer", "operator"]

PROTOCOL: Final = 2
CLOSE_BAD_TOKEN: Final = 4001
CLOSE_BAD_MESSAGE: Final = 4002


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    protocol: int
    client: str
    token: str | None = None


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    rid: int
    query: Query


class Send(msgspec.Struct, frozen=True, tag="send"):
    rid: int
    command: Command


class Steer(msgspec.Struct, frozen=True, tag="steer"):
    """Asks the player of a recording; an engine on live data refuses."""

    rid: int
    order: PlaybackOrder


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    rid: int


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """``role``: an operator may send commands that open risk; a viewer may only stop (kill, pause)."""

    protocol: int
    version: str
    session: str
    role: ClientRole


class EventBatch(msgspec.Struct, frozen=True, tag="events"):
    events: tuple[Event, ...]


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    rid: int
    answer: Answer


class Acked(msgspec.Struct, frozen=True, tag="acked"):
    rid: int
    ack: Ack


class Steered(msgspec.Struct, frozen=True, tag="steered"):
    """``refused`` says why nothing came of it, empty when it was obeyed."""

    rid: int
    refused: str


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    rid: int


ClientMessage = Hello | Ask | Send | Steer | Ping
ServerMessage = Welcome | SnapshotDelta | EventBatch | Answered | Acked | Steered | Pong
