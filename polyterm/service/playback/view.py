"""What can be told of a recording that is played."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec

from polyterm.core.event import Event
from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.playback import Playback
from polyterm.core.snapshot import FeedRow, FeedState, Status
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.errors import StoreError
from polyterm.service.playback.tape import Tape
from polyterm.service.status.operations import Found, Market
from polyterm.service.view import EVENTS_KEPT, View
from polyterm.store.queries import Reader

_NOTHING_STORED: Final = "A replay stores nothing: ask the database that was recorded, or 'polyterm replay' for trades."


class ReplayView(View):
    """A run without a database; ``position`` is how far the player has come."""

    position: Callable[[], Playback]

    def recall(self, events: tuple[Event, ...]) -> None:
        """These are the newest now, whatever was announced before."""
        self._recent = deque(events, maxlen=EVENTS_KEPT)

    async def _read(self, question: Callable[[Reader], Awaitable[Found]]) -> Found:
        raise StoreError(_NOTHING_STORED)

    def _status(self) -> Status:
        return msgspec.structs.replace(super()._status(), playback=self.position())


class Recorded:
    """The recording in the place of the feeds. ``failures`` say what of it could not be read."""

    def __init__(self, tape: Tape, failures: list[str]) -> None:
        self._tape = tape
        self._failures = failures

    async def run(self) -> None:
        """Nothing comes from here: the player moves the engine."""

    def resume(self, unresolved: Iterable[UnresolvedWindow]) -> None:
        """Outcomes come from the recording, or not at all."""

    def rows(self) -> tuple[FeedRow, ...]:
        state: FeedState = "down" if self._failures else "off" if self._tape.complete else "live"
        reason = " ".join(self._failures) or ("read to its end" if self._tape.complete else "")
        row = FeedRow(
            name="recording", state=state, host="", age_s=None, messages_per_s=0.0, reconnects=0, gaps=0,
            unknown=0, malformed=0, reason=reason, retry_in_s=None,
        )  # fmt: skip
        return (row,)

    def market(self, key: MarketKey) -> Market:
        return Market(key, None, None, None)

    def note(self, coin: Coin, horizon: Horizon) -> str:
        return ""

    def clock_skew_ms(self) -> int | None:
        return None
