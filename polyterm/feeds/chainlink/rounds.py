"""The aggregators' answers, apart from the library that asks for them."""

import msgspec

from polyterm.core.market import Coin


class Round(msgspec.Struct, frozen=True):
    """The newest answer of one aggregator, in dollars; ``updated_at`` is unix seconds."""

    coin: Coin
    price: float
    updated_at: int
