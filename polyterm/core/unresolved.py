"""Windows that an earlier session left without the venue's own result."""

import msgspec

from polyterm.core.market import Grade, MarketKey, Reference


class UnresolvedWindow(msgspec.Struct, frozen=True):
    """What is known of such a window. ``grade`` is that of the outcome in force, None when there is none; ``closed``
    says that its end has been told."""

    key: MarketKey
    strike: Reference | None = None
    final: Reference | None = None
    grade: Grade | None = None
    closed: bool = True
