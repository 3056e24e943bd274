"""Run a stored session again and hold every window against what it came to the first time."""

from collections.abc import Mapping
from typing import Final

import msgspec

from polyterm.core.digest import SessionDigest, WindowDigest
from polyterm.core.event import TradeClosed
from polyterm.core.input import Input
from polyterm.core.market import MarketKey
from polyterm.engine.digest import RunningDigests
from polyterm.engine.engine import Engine

EQUAL: Final = "equal"
INPUTS_DIFFER: Final = "inputs differ"
EVENTS_DIFFER: Final = "events differ"
NOT_STORED: Final = "no digest stored"
NOT_REACHED: Final = "not reached"
CUT_OFF: Final = "cut off: cannot be verified"


class WindowFinding(msgspec.Struct, frozen=True):
    """``inputs differ``: what is stored is not what the engine was given. ``events differ``: the engine made something
    else of it. ``again`` and ``stored`` are None when only one of the two runs closed the window. ``exits`` are the
    trades that were closed in it again, kept only where it differs. ``cut off``: the session ended in the middle of it.
    """

    key: MarketKey
    finding: str
    stored: WindowDigest | None
    again: WindowDigest | None
    exits: tuple[TradeClosed, ...] = ()

    @property
    def differs(self) -> bool:
        return self.finding in {INPUTS_DIFFER, EVENTS_DIFFER}


class Rerun:
    """Feed it the session's inputs in order; ``engine`` must know what the session's knew at its beginning."""

    def __init__(self, engine: Engine, session: str, stored: Mapping[MarketKey, WindowDigest]) -> None:
        self.inputs = 0
        self._engine = engine
        self._digests = RunningDigests(session)
        self._stored = dict(stored)
        self._exits: dict[MarketKey, list[TradeClosed]] = {}

    def expects(self, item: Input) -> bool:
        """Whether this is the next input, so that none is missing before it."""
        return item.number == self.inputs + 1

    def add(self, item: Input) -> tuple[WindowFinding, ...]:
        """What is to be said of the windows that this input closed."""
        self.inputs = item.number
        events = self._engine.apply(item)
        for event in events:
            if isinstance(event, TradeClosed) and event.trade.outcome is None:
                self._exits.setdefault(event.trade.key, []).append(event)
        return tuple(self._compare(again) for again in self._digests.add(item, events))

    def _compare(self, again: WindowDigest) -> WindowFinding:
        stored, exits = self._stored.pop(again.key, None), self._exits.pop(again.key, [])
        if stored is None:
            finding = NOT_STORED
        elif stored.inputs_digest != again.inputs_digest:
            finding = INPUTS_DIFFER
        elif stored.events_digest != again.events_digest:
            finding = EVENTS_DIFFER
        else:
            finding, exits = EQUAL, []
        return WindowFinding(again.key, finding, stored, again, tuple(exits))

    def rest(self) -> tuple[WindowFinding, ...]:
        """The stored windows that the inputs so far did not close."""
        return tuple(WindowFinding(key, NOT_REACHED, stored, None) for key, stored in self._stored.items())

    def summary(self) -> SessionDigest:
        return self._digests.summary()
