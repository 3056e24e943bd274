"""One token's order book, whole and exact: prices are integer keys, so a level is found however it was written."""

import heapq
from collections.abc import Iterable
from typing import Final

from polyterm.core.tick import LEVELS, Levels
from polyterm.feeds.polymarket.numbers import GRID, Number, optional_number, price_key, shares
from polyterm.feeds.polymarket.wire import Level, OrderSide

_EMPTY_BID: Final = 0
_EMPTY_ASK: Final = GRID


class TokenBook:
    """Sizes (shares) by price key, for bids and asks."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids: dict[int, float] = {}
        self.asks: dict[int, float] = {}

    def replace(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Forget everything and take these levels, in whatever order they come.

        Raises:
            ValueError: for an impossible price or size; the book is then as it was.
        """
        self.bids, self.asks = levels_by_key(bids), levels_by_key(asks)

    def change(self, side: OrderSide, price: float, size: float) -> None:
        """Set the total at ``price``; 0 removes the level.

        Raises:
            ValueError: for an impossible price or size; the book is then as it was.
        """
        levels = self.bids if side == "BUY" else self.asks
        key, size = price_key(price), shares(size)
        if size == 0:
            levels.pop(key, None)
        else:
            levels[key] = size

    @property
    def best_bid(self) -> int | None:
        return max(self.bids, default=None)

    @property
    def best_ask(self) -> int | None:
        return min(self.asks, default=None)

    @property
    def crossed(self) -> bool:
        """A bid at or above an ask: no venue lets that rest."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid >= ask

    def top_bids(self, count: int = LEVELS) -> Levels:
        return tuple((key / GRID, self.bids[key]) for key in heapq.nlargest(count, self.bids))

    def top_asks(self, count: int = LEVELS) -> Levels:
        return tuple((key / GRID, self.asks[key]) for key in heapq.nsmallest(count, self.asks))

    def mirrors(self, other: "TokenBook") -> bool:
        """Whether the bests of the two outcomes agree: a bid for one at q is an ask for the other at 1 - q."""
        return _complement(self.best_bid) == other.best_ask and _complement(self.best_ask) == other.best_bid


def levels_by_key(levels: Iterable[Level]) -> dict[int, float]:
    return {price_key(level.price): shares(level.size) for level in levels if level.size != 0}


def quoted_bid(value: Number) -> int | None:
    """The venue's own best bid as a key; its placeholder for an empty side, 0, is None.

    Raises:
        ValueError: for anything that is no price.
    """
    return _quoted(value, _EMPTY_BID)


def quoted_ask(value: Number) -> int | None:
    """As ``quoted_bid``; the placeholder of an empty ask side is 1."""
    return _quoted(value, _EMPTY_ASK)


def _quoted(value: Number, placeholder: int) -> int | None:
    number = optional_number(value)
    if number is None:
        return None
    key = price_key(number)
    return None if key == placeholder else key


def _complement(key: int | None) -> int | None:
    return None if key is None else GRID - key
