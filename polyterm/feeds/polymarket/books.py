"""Every subscribed token's book: what the channel says goes in, views and doubts come out. No I/O.

The channel has no sequence numbers, so a lost delta shows only indirectly. A book is doubted (its view says why) from
the first sign on; when the doubt lasts, the token is to be subscribed anew, and until a whole new book arrives the old
one stays doubted. The signs: our best differs from the best that the venue states, bids cross asks, the two outcomes of
a market do not mirror each other, REST shows another book, or the first book never came.
"""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from polyterm.core.tick import Invalid
from polyterm.feeds.board import BookView
from polyterm.feeds.polymarket.book import TokenBook, levels_by_key, quoted_ask, quoted_bid
from polyterm.feeds.polymarket.clob_wire import RestBook
from polyterm.feeds.polymarket.numbers import Number, optional_number
from polyterm.feeds.polymarket.wire import (
    BestBidAsk,
    BookMessage,
    LastTrade,
    Message,
    PriceChange,
    PriceChanges,
    TickSizeChange,
)
from polyterm.transport.clock import Clock

DOUBT_LASTS_S: Final = 2.0
DOUBT_LASTS_COMPARISONS: Final = 5
FIRST_BOOK_S: Final = 10.0

Verdict = Literal["equal", "unequal", "inconclusive"]


class Counts(msgspec.Struct):
    """``comparisons``: how often our best met the venue's own; ``mismatches``: how often it differed."""

    comparisons: int = 0
    mismatches: int = 0
    resyncs: int = 0


class _Token:
    """What is kept of one token. ``frames`` counts the frames that named it; ``*_s`` are machine time."""

    def __init__(self, subscribed_s: float) -> None:
        self.book = TokenBook()
        self.known = False  # a whole book has arrived since the last subscription
        self.market: str | None = None
        self.hash = ""
        self.venue_ms = 0
        self.recv_ms: int | None = None
        self.last_trade: float | None = None
        self.frames = 0
        self.subscribed_s = subscribed_s
        self.mismatched_since_s: float | None = None
        self.mismatched_in_a_row = 0
        self.crossed_since_s: float | None = None
        self.unmirrored_since_s: float | None = None
        self.suspected_at_frame: int | None = None

    def distrust(self, now_s: float) -> None:
        """Nothing but a whole new book restores trust."""
        self.known = False
        self.subscribed_s = now_s
        self.trust()

    def trust(self) -> None:
        self.mismatched_since_s = self.crossed_since_s = self.unmirrored_since_s = None
        self.mismatched_in_a_row = 0
        self.suspected_at_frame = None

    def doubt(self) -> Invalid | None:
        if not self.known or self.mismatched_since_s is not None:
            return "book_quarantined"
        return "book_crossed" if self.crossed_since_s is not None else None


class Books:
    def __init__(self, clock: Clock) -> None:
        self.counts = Counts()
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        self._by_market: dict[str, list[str]] = {}

    def watch(self, token: str) -> None:
        self._tokens.setdefault(token, _Token(self._clock.monotonic()))

    def forget(self, token: str) -> None:
        kept = self._tokens.pop(token, None)
        if kept is not None and kept.market is not None:
            siblings = self._by_market[kept.market]
            siblings.remove(token)
            if not siblings:
                del self._by_market[kept.market]

    def distrust_all(self) -> None:
        """The connection was lost: whatever it missed is missed."""
        for kept in self._tokens.values():
            kept.distrust(self._clock.monotonic())

    def apply(self, message: Message) -> tuple[str, ...]:
        """Take one message; the watched tokens that it named, whose views may have changed.

        Raises:
            ValueError: an impossible price or size. What came before it in the message has been taken.
        """
        match message:
            case BookMessage():
                return self._book(message)
            case PriceChanges():
                return self._changes(message)
            case LastTrade() | TickSizeChange() | BestBidAsk():
                return self._note(message)
            case _:
                return ()

    def _named(self, token: str) -> _Token | None:
        kept = self._tokens.get(token)
        if kept is not None:
            kept.frames += 1
            kept.recv_ms = self._clock.market_ms()
        return kept

    def _book(self, message: BookMessage) -> tuple[str, ...]:
        kept = self._named(message.asset_id)
        if kept is None:
            return ()
        kept.book.replace(message.bids, message.asks)
        kept.trust()
        kept.known = True
        kept.hash, kept.venue_ms = message.hash, message.timestamp
        last_trade = optional_number(message.last_trade_price)
        if last_trade is not None:
            kept.last_trade = last_trade
        if kept.market is None:
            kept.market = message.market
            self._by_market.setdefault(message.market, []).append(message.asset_id)
        self._look(kept)
        return (message.asset_id,)

    def _changes(self, message: PriceChanges) -> tuple[str, ...]:
        last: dict[str, PriceChange] = {}
        for change in message.price_changes:
            kept = self._tokens.get(change.asset_id)
            if kept is None:
                continue
            if kept.known:
                kept.book.change(change.side, change.price, change.size)
                kept.hash, kept.venue_ms = change.hash, message.timestamp
            last[change.asset_id] = change
        for token, change in last.items():
            kept = self._named(token)
            if kept is not None and kept.known:
                self._compare(kept, change.best_bid, change.best_ask)
                self._look(kept)
        return tuple(last)

    def _note(self, message: LastTrade | TickSizeChange | BestBidAsk) -> tuple[str, ...]:
        kept = self._named(message.asset_id)
        if kept is None:
            return ()
        match message:
            case LastTrade():
                kept.last_trade = message.price
            case TickSizeChange():
                pass  # prices are kept on a grid finer than any tick
            case BestBidAsk():
                self._compare(kept, message.best_bid, message.best_ask)
        return (message.asset_id,)

    def _compare(self, kept: _Token, best_bid: Number, best_ask: Number) -> None:
        if not kept.known or best_bid is None or best_ask is None:
            return
        self.counts.comparisons += 1
        if (kept.book.best_bid, kept.book.best_ask) == (quoted_bid(best_bid), quoted_ask(best_ask)):
            kept.mismatched_since_s, kept.mismatched_in_a_row = None, 0
            return
        self.counts.mismatches += 1
        kept.mismatched_in_a_row += 1
        if kept.mismatched_since_s is None:
            kept.mismatched_since_s = self._clock.monotonic()

    def _look(self, kept: _Token) -> None:
        """Judge a changed book by itself and beside its market's other token."""
        now_s = self._clock.monotonic()
        kept.crossed_since_s = _since(kept.crossed_since_s, kept.book.crossed, now_s)
        siblings = self._by_market.get(kept.market or "", ())
        pair = [self._tokens[token] for token in siblings]
        if len(pair) != 2 or not all(token.known for token in pair):
            return
        agree = pair[0].book.mirrors(pair[1].book)
        for token in pair:
            token.unmirrored_since_s = _since(token.unmirrored_since_s, not agree, now_s)

    def to_resync(self) -> tuple[str, ...]:
        """Tokens to unsubscribe and subscribe anew now. Each is distrusted from here until a whole new book of it."""
        now_s = self._clock.monotonic()
        lost = tuple(token for token, kept in self._tokens.items() if self._is_lost(kept, now_s))
        self.distrust(lost)
        return lost

    def distrust(self, tokens: Iterable[str]) -> None:
        """Give these books up until whole new ones arrive."""
        for kept in [self._tokens[token] for token in tokens if token in self._tokens]:
            kept.distrust(self._clock.monotonic())
            self.counts.resyncs += 1

    @staticmethod
    def _is_lost(kept: _Token, now_s: float) -> bool:
        if not kept.known:
            return now_s - kept.subscribed_s >= FIRST_BOOK_S
        if kept.mismatched_in_a_row >= DOUBT_LASTS_COMPARISONS:
            return True
        since = (kept.mismatched_since_s, kept.crossed_since_s, kept.unmirrored_since_s)
        return any(moment is not None and now_s - moment >= DOUBT_LASTS_S for moment in since)

    def quiet(self, limit_ms: int) -> tuple[str, ...]:
        """Tokens with a trusted book that no frame named for ``limit_ms`` of market time, the longest quiet first."""
        now_ms = self._clock.market_ms()
        silent = [
            (kept.recv_ms, token)
            for token, kept in self._tokens.items()
            if kept.doubt() is None and kept.recv_ms is not None and now_ms - kept.recv_ms >= limit_ms
        ]
        return tuple(token for _, token in sorted(silent))

    def trusted(self) -> tuple[str, ...]:
        return tuple(token for token, kept in self._tokens.items() if kept.doubt() is None)

    def frames(self, token: str) -> int:
        """How many frames have named the token: to see whether one came while a question was under way."""
        kept = self._tokens.get(token)
        return 0 if kept is None else kept.frames

    def verify(self, rest: RestBook, asked_at_frame: int) -> Verdict:
        """Hold a REST book, asked for when ``frames`` was ``asked_at_frame``, against ours.

        An equal one counts as news of the token. A different one of the same state proves a lost delta; a different
        one of a later state may have overtaken a delta that is still on its way, so it is believed the second time.
        The token is then to be subscribed anew.

        Raises:
            ValueError: the REST book holds an impossible price or size.
        """
        kept = self._tokens.get(rest.asset_id)
        if kept is None or kept.doubt() is not None or kept.frames != asked_at_frame:
            return "inconclusive"
        if (levels_by_key(rest.bids), levels_by_key(rest.asks)) == (kept.book.bids, kept.book.asks):
            kept.recv_ms = self._clock.market_ms()
            kept.suspected_at_frame = None
            return "equal"
        if rest.timestamp < kept.venue_ms:  # REST is known to answer old books
            return "inconclusive"
        same_state = rest.timestamp == kept.venue_ms or (rest.hash != "" and rest.hash == kept.hash)
        if same_state or kept.suspected_at_frame == kept.frames:
            kept.mismatched_since_s = self._clock.monotonic() - DOUBT_LASTS_S
        kept.suspected_at_frame = kept.frames
        return "unequal"

    def view(self, token: str) -> BookView | None:
        """The token's book for the board; None before its first whole book."""
        kept = self._tokens.get(token)
        if kept is None or kept.recv_ms is None or kept.market is None:
            return None
        return BookView(
            token=token,
            bids=kept.book.top_bids(),
            asks=kept.book.top_asks(),
            last_trade=kept.last_trade,
            recv_ms=kept.recv_ms,
            doubt=kept.doubt(),
        )


def _since(moment: float | None, holds: bool, now: float) -> float | None:
    """When a condition began to hold, None while it does not."""
    if not holds:
        return None
    return now if moment is None else moment
