"""What a recording is played on: an engine and all that is shown of it, which can go back to where they were before."""

import zlib
from bisect import bisect_right
from typing import Final, NamedTuple

from polyterm.core.command import Command
from polyterm.core.event import Event
from polyterm.engine.checkpoint import decode
from polyterm.engine.engine import Engine
from polyterm.service.playback.past import Past
from polyterm.service.sequencer import Counts, Sequencer
from polyterm.service.snapshots import Screen, Seen
from polyterm.store.span import Stamped

MARKS_KEPT: Final = 256


class Mark(NamedTuple):
    """Everything as it was before the input at ``place``, after so many ``commands`` of the operator and ``events``."""

    place: int
    commands: int
    checkpoint: bytes
    counts: Counts
    seen: Seen
    events: int


class Stage:
    """Goes back to the start of any window: to the nearest mark, from where the rest is played again.

    Going back undoes what the operator commanded since.
    """

    def __init__(self, engine: Engine, sequencer: Sequencer, screen: Screen) -> None:
        self.place = 0
        self.past = Past()
        self._engine = engine
        self._sequencer = sequencer
        self._screen = screen
        self._commands = 0
        self._first = self._made_mark()
        self._marks = [self._first]
        self._can_go_back = True

    def take(self, stamped: Stamped) -> list[Event]:
        events = self._sequencer.take(*stamped)
        self.place += 1
        self.past.add(events)
        return events

    def command(self, command: Command) -> list[Event]:
        """What follows in the recording has not happened yet after this, even where it has been seen."""
        self._commands += 1
        del self._marks[self._behind(self.place) :]
        self.past.forget_ahead()
        events = self._sequencer.handle(command)
        self.past.add(events)
        return events

    def mark(self) -> None:
        """Make it quick to come back here."""
        index = self._behind(self.place)
        if not self._can_go_back or self._marks[index - 1].place == self.place:
            return
        self._marks.insert(index, self._made_mark())
        if len(self._marks) > MARKS_KEPT:
            del self._marks[1::2]

    def nearest(self, place: int) -> int:
        """From which place it could go on to reach ``place``: where it is, or a mark."""
        marked = self._marks[self._behind(place) - 1].place
        return max(self.place, marked) if self.place <= place else marked

    def go_to(self, place: int) -> None:
        """Be as it was there: a mark's place."""
        index = self._behind(place) - 1
        mark = self._marks[index]
        if self._engine.restore(decode(zlib.decompress(mark.checkpoint))):
            # A strategy has a memory that cannot be saved: only what begins with nothing is what it was.
            self._can_go_back, mark, index = False, self._first, 0
            self._engine.restore(decode(zlib.decompress(mark.checkpoint)))
        self.place, self.past.length = mark.place, mark.events
        if mark.commands != self._commands or not self._can_go_back:
            del self._marks[index + 1 :]
            self.past.forget_ahead()
        self._commands = mark.commands
        self._sequencer.go_back(mark.counts)
        self._screen.go_back(mark.seen)

    def _behind(self, place: int) -> int:
        """How many marks are at ``place`` or before."""
        return bisect_right(self._marks, place, key=lambda mark: mark.place)

    def _made_mark(self) -> Mark:
        checkpoint = zlib.compress(self._engine.checkpoint(), 1)
        return Mark(
            self.place, self._commands, checkpoint, self._sequencer.counts, self._screen.saved(), self.past.length
        )  # fmt: skip
