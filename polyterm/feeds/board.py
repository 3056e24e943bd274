"""The newest value of everything the venues said: feeds write it, the collector reads it once a slot.

Only the newest matters, so nothing queues here and a slow reader can never hold back a socket. Prints of the oracle
keep a short history because strikes and finals are prints of one exact second.
"""

from collections import deque
from typing import Final

import msgspec

from polyterm.core.market import Coin
from polyterm.core.tick import Invalid, Levels

PRINT_HISTORY: Final = 300


class SpotQuote(msgspec.Struct, frozen=True):
    """An exchange's price. ``venue_ms`` is the exchange's own stamp where it gives one; ``recv_ms`` is market time."""

    coin: Coin
    price: float
    source: str
    recv_ms: int
    venue_ms: int | None = None


class OraclePrint(msgspec.Struct, frozen=True):
    """One observation of an oracle. ``at_ms`` is its own stamp; ``source`` e.g. ``twap60``, ``chainlink-polygon``."""

    coin: Coin
    price: float
    source: str
    at_ms: int
    recv_ms: int


class BookView(msgspec.Struct, frozen=True):
    """One token's book, best first. ``recv_ms`` is market time of the last frame that named the token.

    ``doubt`` says why the book may not be traded on although it is fresh.
    """

    token: str
    bids: Levels
    asks: Levels
    last_trade: float | None
    recv_ms: int
    doubt: Invalid | None = None


class Board:
    """Written by feed tasks and read by the collector, all on one event loop."""

    def __init__(self) -> None:
        self._spots: dict[Coin, dict[str, SpotQuote]] = {}
        self._books: dict[str, BookView] = {}
        self._oracle: dict[Coin, deque[OraclePrint]] = {}
        self._twap: dict[Coin, deque[OraclePrint]] = {}

    def post_spot(self, quote: SpotQuote) -> None:
        quotes = self._spots.setdefault(quote.coin, {})
        quotes.pop(quote.source, None)  # so that the newest comes last
        quotes[quote.source] = quote

    def post_book(self, view: BookView) -> None:
        self._books[view.token] = view

    def drop_book(self, token: str) -> None:
        self._books.pop(token, None)

    def post_oracle(self, print_: OraclePrint) -> None:
        self._keep(self._oracle, print_)

    def post_twap(self, print_: OraclePrint) -> None:
        self._keep(self._twap, print_)

    @staticmethod
    def _keep(history: dict[Coin, deque[OraclePrint]], print_: OraclePrint) -> None:
        """Histories are in order of the stamps; a late print takes its place, a second one of a stamp is ignored."""
        prints = history.setdefault(print_.coin, deque(maxlen=PRINT_HISTORY))
        at = len(prints)
        while at and prints[at - 1].at_ms > print_.at_ms:
            at -= 1
        if at and prints[at - 1].at_ms == print_.at_ms:
            return
        if len(prints) == PRINT_HISTORY:
            if at == 0:
                return
            prints.popleft()
            at -= 1
        prints.insert(at, print_)

    def spot(self, coin: Coin) -> SpotQuote | None:
        """The newest quote of any source."""
        quotes = self._spots.get(coin)
        return next(reversed(quotes.values())) if quotes else None

    def book(self, token: str) -> BookView | None:
        return self._books.get(token)

    def oracle(self, coin: Coin) -> OraclePrint | None:
        prints = self._oracle.get(coin)
        return prints[-1] if prints else None

    def twap(self, coin: Coin) -> OraclePrint | None:
        prints = self._twap.get(coin)
        return prints[-1] if prints else None

    def twap_at(self, coin: Coin, unix_s: int) -> OraclePrint | None:
        """The print stamped with exactly that second, None when it was missed."""
        return next((p for p in self._twap.get(coin, ()) if p.at_ms == unix_s * 1000), None)

    def oracle_as_of(self, coin: Coin, unix_s: int) -> OraclePrint | None:
        """The newest point print stamped at or before that second."""
        prints = [p for p in self._oracle.get(coin, ()) if p.at_ms <= unix_s * 1000]
        return prints[-1] if prints else None
