"""What a rule does on a tick, when it was found out elsewhere."""

from collections.abc import Sequence

import msgspec

from polyterm.engine.books import Seat
from polyterm.engine.playbook import Way


class Move(msgspec.Struct, gc=False):
    """An entry by ``way`` with its ``values`` (size, confidence, edge), or an exit for ``reason``."""

    row: int
    seat: Seat
    way: Way | None = None
    values: Sequence[float | None] | None = None
    reason: str = ""
