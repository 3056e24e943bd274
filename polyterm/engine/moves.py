"""What a rule does on a tick, when it was found out elsewhere."""

import msgspec

from polyterm.core.market import Side
from polyterm.core.signal import Signal
from polyterm.engine.books import Seat
from polyterm.engine.playbook import Way


class Move(msgspec.Struct, gc=False):
    """An entry by ``way`` with its ``signal``, or an exit for ``reason``. ``side`` is that of the position."""

    row: int
    seat: Seat
    side: Side
    way: Way | None = None
    signal: Signal | None = None
    reason: str = ""
