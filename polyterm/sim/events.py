"""What happens in the simulated world, in market time; the servers translate it into each venue's wire format."""

import msgspec

from polyterm.core.market import Coin, MarketKey, Side


class SpotChanged(msgspec.Struct, frozen=True):
    """The exchange's best prices in dollars and sizes in coins."""

    coin: Coin
    at_ms: int
    bid: float
    bid_size: float
    ask: float
    ask_size: float


class SpotTraded(msgspec.Struct, frozen=True):
    coin: Coin
    at_ms: int
    price: float
    size: float
    buyer_is_maker: bool


class TwapPrinted(msgspec.Struct, frozen=True):
    """The settling average as of a whole second; it is delivered about a second later."""

    coin: Coin
    at_ms: int
    price: float


class OraclePrinted(msgspec.Struct, frozen=True):
    """The oracle stream's point price as of a whole second."""

    coin: Coin
    at_ms: int
    price: float


class ChainUpdated(msgspec.Struct, frozen=True):
    """A new round of the on-chain feed; ``answer`` has 8 decimals."""

    coin: Coin
    round_id: int
    answer: int
    updated_at: int


class MarketListed(msgspec.Struct, frozen=True):
    """A window can be discovered and traded from now on. Token ids are decimal text, ids hex text as on the venue."""

    key: MarketKey
    at_ms: int


class LevelChanged(msgspec.Struct, frozen=True):
    """The new total (shares) at one price of the Up book; 0 removes it. The Down book is its mirror.

    ``price_ticks`` counts the market's current tick (0.01 dollars, or 0.001 near the edges).
    """

    key: MarketKey
    at_ms: int
    is_bid: bool
    price_ticks: int
    size: float


class MarketTraded(msgspec.Struct, frozen=True):
    key: MarketKey
    at_ms: int
    side: Side
    taker_buys: bool
    price_ticks: int
    size: float


class TickSizeChanged(msgspec.Struct, frozen=True):
    """Prices of the market are in the new unit from now on; every level of the book follows anew."""

    key: MarketKey
    at_ms: int
    old_ticks_per_dollar: int
    new_ticks_per_dollar: int


class MarketEnded(msgspec.Struct, frozen=True):
    """Trading is over; the outcome is decided but not yet published."""

    key: MarketKey
    at_ms: int
    strike: float
    final: float
    outcome: Side


class MarketResolved(msgspec.Struct, frozen=True):
    """The venue publishes the outcome."""

    key: MarketKey
    at_ms: int
    outcome: Side


WorldEvent = (
    SpotChanged
    | SpotTraded
    | TwapPrinted
    | OraclePrinted
    | ChainUpdated
    | MarketListed
    | LevelChanged
    | MarketTraded
    | TickSizeChanged
    | MarketEnded
    | MarketResolved
)
