"""Where inputs come from, as the runtime sees it."""

from collections.abc import Callable, Iterable
from typing import Protocol

from polyterm.core.input import Payload
from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.snapshot import FeedRow
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.service.status.operations import Market
from polyterm.settings import Settings
from polyterm.transport.clock import Clock

Emit = Callable[[Payload], None]


class Sources(Protocol):
    async def run(self) -> None:
        """Emit payloads until cancelled."""
        ...

    def resume(self, unresolved: Iterable[UnresolvedWindow]) -> None:
        """Find out how windows of earlier sessions ended. Called before ``run``."""
        ...

    def rows(self) -> tuple[FeedRow, ...]: ...
    def market(self, key: MarketKey) -> Market: ...
    def note(self, coin: Coin, horizon: Horizon) -> str:
        """What a trader should know of a series that has no tick, or no good one."""
        ...

    def clock_skew_ms(self) -> int | None:
        """How far this machine's clock is ahead of an exchange's; None while nobody knows."""
        ...


Assemble = Callable[[Settings, Clock, Emit], Sources]
