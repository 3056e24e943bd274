"""Seconds of a series that lack something."""

from typing import Literal

import msgspec

from polyterm.core.market import Coin, Horizon

GapFeed = Literal["ticks", "book", "spot", "settlement", "oracle"]


class Gap(msgspec.Struct, frozen=True):
    """From ``from_ms`` (inclusive) to ``to_ms`` (exclusive), unix ms: seconds without a tick, or with one that lacks a
    fresh value of ``feed``. ``missing`` counts them."""

    coin: Coin
    horizon: Horizon
    feed: GapFeed
    from_ms: int
    to_ms: int
    missing: int
    reason: str
