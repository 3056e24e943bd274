"""What a strategy says on a tick."""

from typing import Final, Literal

import msgspec

from polyterm.core.market import Side

Action = Literal["buy", "sell", "hold"]


class Signal(msgspec.Struct, frozen=True, gc=False):
    """``size`` is shares (or dollars where the book is sized in dollars); ``confidence`` and ``edge`` are fractions."""

    action: Action
    side: Side | None = None
    reason: str = ""
    size: float | None = None
    confidence: float | None = None
    edge: float | None = None

    @property
    def strength(self) -> float | None:
        return self.edge if self.confidence is None else self.confidence


HOLD: Final = Signal("hold")
