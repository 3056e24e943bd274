"""What a rule does on a tick, when it was found out elsewhere."""

from collections.abc import Sequence

from polyterm.engine.books import Seat
from polyterm.engine.playbook import Way


class Move:
    """An entry by ``way`` with its ``values`` (size, confidence, edge), or an exit for ``reason``."""

    __slots__ = ("reason", "row", "seat", "values", "way")

    def __init__(
        self, row: int, seat: Seat, way: Way | None = None, values: Sequence[float | None] | None = None,
        reason: str = "",
    ) -> None:  # fmt: skip
        self.row = row
        self.seat = seat
        self.way = way
        self.values = values
        self.reason = reason
