"""What the status server needs of a running engine."""

from typing import Literal, Protocol

import msgspec

from polyterm.core.command import Ack, Command
from polyterm.core.market import MarketKey
from polyterm.core.position import Position
from polyterm.core.query import Answer, Query
from polyterm.core.snapshot import Mode, Role, Snapshot


class Health(msgspec.Struct, frozen=True):
    """``reasons`` are sentences or their parts, one per thing that is not as it should be."""

    status: Literal["starting", "ok", "degraded"]
    reasons: tuple[str, ...]
    mode: Mode
    role: Role
    role_reason: str
    session: str
    version: str


class Market(msgspec.Struct, frozen=True):
    """A running window as the venue names it; the tokens are None while they are being looked up."""

    key: MarketKey
    slug: str | None
    up_token: str | None
    down_token: str | None


class Operations(Protocol):
    @property
    def session(self) -> str: ...
    def health(self) -> Health: ...
    async def ready(self) -> None:
        """Return once there is an engine, or once this process observes."""
        ...

    def snapshot(self) -> Snapshot: ...
    def positions(self) -> tuple[Position, ...]: ...
    def markets(self) -> tuple[Market, ...]: ...
    async def send(self, command: Command) -> Ack: ...
    async def ask(self, query: Query) -> Answer: ...
