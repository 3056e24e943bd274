"""What the status server needs of a running engine: a view of it, and a way to send commands."""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, TypeVar

import msgspec

from polyterm.core.command import Ack, Command, TradingState
from polyterm.core.market import MarketKey
from polyterm.core.playback import PlaybackOrder
from polyterm.core.position import Position
from polyterm.core.query import Answer, Query
from polyterm.core.snapshot import Mode, Role, Snapshot
from polyterm.store.reports.archive import Archive, Archives

HealthStatus = Literal["starting", "ok", "degraded"]


class Health(msgspec.Struct, frozen=True):
    """``reasons`` are sentences or their parts, one per thing that is not as it should be."""

    status: HealthStatus
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


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Since the start of this process; ``fence`` is the lease's number, 0 where it has none."""

    ticks: int
    events: int
    lease_held: bool
    fence: int


Found = TypeVar("Found")

Send = Callable[[Command], Awaitable[Ack]]

Steer = Callable[[PlaybackOrder], str]
"""Why the player of a recording refuses, empty when it obeys."""


class Viewed(Protocol):
    @property
    def session(self) -> str: ...
    @property
    def trading_state(self) -> TradingState: ...
    def health(self) -> Health: ...
    def snapshot(self) -> Snapshot: ...
    def totals(self) -> Totals: ...
    async def refresh(self) -> None: ...
    def positions(self) -> tuple[Position, ...]: ...
    def markets(self) -> tuple[Market, ...]: ...
    async def ask(self, query: Query) -> Answer: ...
    async def archives(self) -> Archives:
        """What is stored, for long answers. Raises StoreError when there is nothing to read from."""
        ...

    async def stored(self, question: Callable[[Archive], Awaitable[Found]]) -> Found:
        """A question to what is stored. Raises StoreError when it is not answered in time."""
        ...
