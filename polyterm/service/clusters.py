"""Which strategies belong together, worked out when a window has closed and somebody looks."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from polyterm.core.snapshot import Camp
from polyterm.engine.conflicts import Meetings
from polyterm.quant.camps import camp_name, clusters
from polyterm.strategies.camps import CAMPS


class MeetingPlace(Protocol):
    """What is read of the engine's conflict board; ``windows`` counts those that are over."""

    @property
    def windows(self) -> int: ...
    def strategies(self) -> tuple[str, ...]: ...
    def traded(self) -> frozenset[str]: ...
    def meetings(self) -> Meetings: ...


class Gathering:
    """``refresh`` works it out anew, in a thread, when a window has closed since; reading it costs nothing.

    An engine at which nobody looks never does, and never imports scipy. ``board`` is asked each time: an engine that
    goes on from a checkpoint has another one.
    """

    def __init__(self, board: Callable[[], MeetingPlace]) -> None:
        self._board = board
        self._windows = 0
        self._order: tuple[str, ...] = ()
        self._named = _named(board().strategies())
        self._found: tuple[Camp, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """Of the strategies that have traded; who traded first since the last refresh comes last."""
        board, known = self._board(), set(self._order)
        traded = board.traded()
        late = tuple(name for name in board.strategies() if name in traded and name not in known)
        return self._order + late

    @property
    def camps(self) -> tuple[Camp, ...]:
        return self._named + self._found

    async def refresh(self) -> None:
        board = self._board()
        windows = board.windows
        if windows != self._windows:
            self._order, self._found = await asyncio.to_thread(gathered, board.meetings())
            self._windows = windows


def gathered(meetings: Meetings) -> tuple[tuple[str, ...], tuple[Camp, ...]]:
    """The strategies in the order of their clusters, and the camps that were found."""
    names = meetings.names
    found = clusters(meetings.met, meetings.agreed)
    members = (tuple(names[place] for place in camp) for camp in found.camps)
    return tuple(names[place] for place in found.order), tuple(Camp(camp_name(each), each, True) for each in members)


def _named(strategies: Sequence[str]) -> tuple[Camp, ...]:
    """The named camps, as far as their members are here."""
    here = ((name, tuple(each for each in members if each in strategies)) for name, members in CAMPS.items())
    return tuple(Camp(name, members, False) for name, members in here if members)
