"""One observation of one market in one market second."""

import math
from typing import Final, Literal, get_args

import msgspec

from polyterm.core.market import MarketKey, Reference, Side, outranks

Levels = tuple[tuple[float, float], ...]
"""(price, shares) pairs, best first; at most ``LEVELS`` of them."""

LEVELS: Final = 5

Invalid = Literal[
    "window_not_open",
    "book_missing",
    "book_quarantined",
    "book_stale",
    "book_one_sided",
    "book_crossed",
    "mid_at_edge",
    "spot_missing",
    "spot_stale",
    "strike_missing",
]
INVALID_REASONS: Final[tuple[Invalid, ...]] = get_args(Invalid)

MID_FLOOR: Final = 0.01
MID_CEILING: Final = 0.99
BOOK_MAX_AGE_MS: Final = 5_000
SPOT_MAX_AGE_MS: Final = 5_000


class Tick(msgspec.Struct, frozen=True, gc=False, tag="tick", kw_only=True):
    """What was known of a market at the end of a slot.

    ``slot`` is the scheduled market second (unix s); ``made_ms`` when the tick was really made. Ages are milliseconds
    of market time at ``made_ms``. ``spot_basis`` is the running median of ln(spot / settlement price). ``oracle`` is
    the oracle's latest point price, ``twap`` the latest print of the average that settles the market. ``invalid`` names
    the first reason why the tick may not be traded on; None means it may.
    """

    key: MarketKey
    slot: int
    made_ms: int
    up_bid: float | None = None
    up_bid_size: float | None = None
    up_ask: float | None = None
    up_ask_size: float | None = None
    down_bid: float | None = None
    down_bid_size: float | None = None
    down_ask: float | None = None
    down_ask_size: float | None = None
    up_bids: Levels = ()
    up_asks: Levels = ()
    down_bids: Levels = ()
    down_asks: Levels = ()
    up_last_trade: float | None = None
    down_last_trade: float | None = None
    book_age_ms: int | None = None
    spot: float | None = None
    spot_source: str | None = None
    spot_age_ms: int | None = None
    spot_basis: float | None = None
    strike: Reference | None = None
    oracle: float | None = None
    oracle_source: str | None = None
    oracle_at_ms: int | None = None
    oracle_age_ms: int | None = None
    twap: float | None = None
    twap_at_ms: int | None = None
    twap_age_ms: int | None = None
    invalid: Invalid | None = None

    @property
    def at_ms(self) -> int:
        return self.slot * 1000

    @property
    def time_remaining_s(self) -> int:
        return max(0, self.key.end - self.slot)

    @property
    def up_mid(self) -> float | None:
        if self.up_bid is None or self.up_ask is None:
            return None
        return (self.up_bid + self.up_ask) / 2

    @property
    def spread(self) -> float | None:
        if self.up_bid is None or self.up_ask is None:
            return None
        return self.up_ask - self.up_bid

    @property
    def spread_pct(self) -> float | None:
        """Up spread in percent of the Up mid."""
        bid, ask = self.up_bid, self.up_ask
        if bid is None or ask is None:
            return None
        mid = (bid + ask) / 2
        return None if mid == 0 else (ask - bid) / mid * 100

    @property
    def distance(self) -> float | None:
        """Relative distance of spot from the strike, (S - K) / K.

        Spot is freed of its basis first when the strike was read from the settlement stream or an oracle; a strike that
        is itself an exchange price is compared with the raw spot.
        """
        if self.spot is None or self.strike is None:
            return None
        strike = self.strike.price
        if not outranks(self.strike.grade, "spot"):
            return (self.spot - strike) / strike
        if self.spot_basis is None:
            return None
        return (self.spot * math.exp(-self.spot_basis) - strike) / strike

    def mark(self, side: Side) -> float | None:
        """Mid of that side: what a position could be valued at."""
        mid = self.up_mid
        if mid is None:
            return None
        return mid if side == "up" else 1 - mid

    def entry_price(self, side: Side) -> float | None:
        """Up's ask, or the complement of Up's bid."""
        if side == "up":
            return self.up_ask
        return None if self.up_bid is None else 1 - self.up_bid

    def exit_price(self, side: Side) -> float | None:
        """Up's bid, or the complement of Up's ask."""
        if side == "up":
            return self.up_bid
        return None if self.up_ask is None else 1 - self.up_ask
