"""What a server may look at between two advances of the world: frozen pictures, consistent with the events so far."""

from typing import Literal

import msgspec

from polyterm.core.market import MarketKey, Side

MarketState = Literal["listed", "open", "ended", "resolved"]

TickLevels = tuple[tuple[int, float], ...]
"""(price in ticks of the market, shares) pairs, best first."""


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """One window's market. ``bids`` and ``asks`` are the Up book; the Down book is its mirror.

    ``strike`` is known from the window's start, ``final`` and ``outcome`` from its end, although the venue publishes
    the outcome only when it resolves. Last trades are dollars in that token's own price.
    """

    key: MarketKey
    condition_id: str
    up_token: str
    down_token: str
    state: MarketState
    ticks_per_dollar: int
    bids: TickLevels
    asks: TickLevels
    strike: float | None
    final: float | None
    outcome: Side | None
    up_last_trade: float | None
    down_last_trade: float | None
    resolved_ms: int | None
