"""The venue's own copy of a market's book, kept from the world's events as a matching engine would keep it."""

from collections.abc import Mapping

import msgspec

from polyterm.core.market import MarketKey
from polyterm.sim.views import MarketView, TickLevels


class LevelMove(msgspec.Struct, frozen=True):
    """One level's new total (0 removes it) and the best prices of Up, in ticks, once it is in the book."""

    is_bid: bool
    price_ticks: int
    size: float
    best_bid: int | None
    best_ask: int | None


class MarketBook:
    """The Up book in ticks; the Down book is its mirror.

    ``volume`` is dollars traded, ``changed_ms`` market time of the last change, ``last_trade`` a price of Up.
    """

    __slots__ = ("asks", "bids", "changed_ms", "key", "last_trade", "ticks_per_dollar", "volume")

    def __init__(self, view: MarketView, at_ms: int) -> None:
        self.key: MarketKey = view.key
        self.ticks_per_dollar = view.ticks_per_dollar
        self.bids: dict[int, float] = dict(view.bids)
        self.asks: dict[int, float] = dict(view.asks)
        self.changed_ms = at_ms
        self.last_trade: float | None = view.up_last_trade
        self.volume = 0.0

    def apply(self, levels: Mapping[tuple[bool, int], float]) -> tuple[LevelMove, ...]:
        """Set the totals of ``levels``, keyed by (is_bid, price_ticks).

        Removals go first, so that a book which is uncrossed before and after is uncrossed after every single move.
        """
        return tuple(
            self._set(is_bid, price, size)
            for (is_bid, price), size in sorted(levels.items(), key=lambda item: item[1] > 0)
        )

    def _set(self, is_bid: bool, price_ticks: int, size: float) -> LevelMove:
        side = self.bids if is_bid else self.asks
        if size > 0:
            side[price_ticks] = size
        else:
            side.pop(price_ticks, None)
        return LevelMove(is_bid, price_ticks, size, *self.best())

    def retick(self, ticks_per_dollar: int) -> None:
        """Prices are in another unit from now on; the levels follow anew."""
        self.ticks_per_dollar = ticks_per_dollar
        self.bids.clear()
        self.asks.clear()

    def best(self) -> tuple[int | None, int | None]:
        """Best bid and best ask of Up."""
        return max(self.bids, default=None), min(self.asks, default=None)

    def worst_first(self) -> tuple[TickLevels, TickLevels]:
        """Bids and asks of Up in the order in which the venue lists them."""
        return tuple(sorted(self.bids.items())), tuple(sorted(self.asks.items(), reverse=True))
