"""The market websocket's messages, told from the world. Numbers are text, levels stand worst first, Down mirrors Up."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from polyterm.core.market import Side, slug
from polyterm.sim.events import MarketResolved, TickSizeChanged
from polyterm.sim.venues.books import LevelMove, MarketBook
from polyterm.sim.venues.market_messages import (
    BestBidAsk,
    Book,
    Change,
    EventMessage,
    LastTradePrice,
    Level,
    NewMarket,
    PriceChange,
    Resolved,
    TickSizeChange,
)
from polyterm.sim.venues.names import describe, title
from polyterm.sim.venues.scene import Listing, PricedTrade
from polyterm.sim.venues.text import PRICE_DECIMALS, plain, price_text
from polyterm.sim.views import TickLevels

SIZE_DECIMALS: Final = 2
OUTCOMES: Final[dict[Side, str]] = {"up": "Up", "down": "Down"}
TAGS: Final = ("crypto", "up-or-down")


def tick_text(ticks_per_dollar: int) -> str:
    return price_text(1, ticks_per_dollar)


def book_hash(book: MarketBook, token: str) -> str:
    """40 hex digits that name one state of one token's book."""
    state = f"{token}{sorted(book.bids.items())}{sorted(book.asks.items())}"
    return hashlib.sha1(state.encode(), usedforsecurity=False).hexdigest()


def token_levels(book: MarketBook, side: Side) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Bids and asks of a token, worst first. A Down bid at q is an Up ask at 1 - q of the same size."""
    bids, asks = book.worst_first()
    unit = book.ticks_per_dollar
    if side == "up":
        return _levels(bids, unit), _levels(asks, unit)
    mirrored = [tuple((unit - ticks, size) for ticks, size in levels) for levels in (asks, bids)]
    return _levels(mirrored[0], unit), _levels(mirrored[1], unit)


def _levels(levels: TickLevels, unit: int) -> tuple[Level, ...]:
    return tuple(Level(price_text(ticks, unit), plain(size, SIZE_DECIMALS)) for ticks, size in levels)


def last_trade_text(book: MarketBook, side: Side) -> str:
    if book.last_trade is None:
        return ""
    return plain(book.last_trade if side == "up" else 1 - book.last_trade, PRICE_DECIMALS)


def best_text(best_bid: int | None, best_ask: int | None, ticks_per_dollar: int, side: Side) -> tuple[str, str]:
    """Best prices of a token from those of Up; an empty side shows as "0" or "1"."""
    bid = 0 if best_bid is None else best_bid
    ask = ticks_per_dollar if best_ask is None else best_ask
    if side == "down":
        bid, ask = ticks_per_dollar - ask, ticks_per_dollar - bid
    return price_text(bid, ticks_per_dollar), price_text(ask, ticks_per_dollar)


def book_message(listing: Listing, book: MarketBook, side: Side) -> Book:
    bids, asks = token_levels(book, side)
    token = listing.token(side)
    return Book(
        market=listing.condition_id,
        asset_id=token,
        timestamp=str(book.changed_ms),
        hash=book_hash(book, token),
        bids=bids,
        asks=asks,
        tick_size=tick_text(book.ticks_per_dollar),
        last_trade_price=last_trade_text(book, side),
    )


def crossed_book_message(listing: Listing, book: MarketBook, side: Side) -> Book | None:
    """The book with a bid at its best ask, or where nobody asks an ask at its best bid; None for an empty book."""
    true = book_message(listing, book, side)
    if true.asks:
        return msgspec.structs.replace(true, bids=(*true.bids, Level(true.asks[-1].price, "10")))
    if true.bids:
        return msgspec.structs.replace(true, asks=(Level(true.bids[-1].price, "10"),))
    return None


def price_change_message(listing: Listing, book: MarketBook, moves: Sequence[LevelMove]) -> PriceChange:
    """Every move for both tokens, Up first; ``hash`` is that of the book after the whole message."""
    unit = book.ticks_per_dollar
    hashes = {side: book_hash(book, listing.token(side)) for side in OUTCOMES}
    changes = []
    for move in moves:
        for side in OUTCOMES:
            is_up = side == "up"
            best_bid, best_ask = best_text(move.best_bid, move.best_ask, unit, side)
            changes.append(
                Change(
                    asset_id=listing.token(side),
                    price=price_text(move.price_ticks if is_up else unit - move.price_ticks, unit),
                    size=plain(move.size, SIZE_DECIMALS),
                    side="BUY" if move.is_bid is is_up else "SELL",
                    hash=hashes[side],
                    best_bid=best_bid,
                    best_ask=best_ask,
                )
            )
    return PriceChange(listing.condition_id, tuple(changes), str(book.changed_ms))


def best_bid_ask_message(listing: Listing, book: MarketBook, side: Side) -> BestBidAsk:
    best_bid, best_ask = best_text(*book.best(), book.ticks_per_dollar, side)
    spread = plain(float(best_ask) - float(best_bid), PRICE_DECIMALS)
    return BestBidAsk(listing.condition_id, listing.token(side), best_bid, best_ask, spread, str(book.changed_ms))


def last_trade_message(listing: Listing, trade: PricedTrade) -> LastTradePrice:
    event, stamp = trade.event, str(trade.event.at_ms)
    nonce = f"{listing.condition_id}{stamp}{event.side}{event.price_ticks}{event.size}"
    return LastTradePrice(
        market=listing.condition_id,
        asset_id=listing.token(event.side),
        price=plain(trade.price, PRICE_DECIMALS),
        size=plain(event.size, SIZE_DECIMALS),
        fee_rate_bps="0",
        side="BUY" if event.taker_buys else "SELL",
        timestamp=stamp,
        transaction_hash="0x" + hashlib.sha256(nonce.encode()).hexdigest(),
    )


def tick_size_message(listing: Listing, change: TickSizeChanged, side: Side) -> TickSizeChange:
    return TickSizeChange(
        market=listing.condition_id,
        asset_id=listing.token(side),
        old_tick_size=tick_text(change.old_ticks_per_dollar),
        new_tick_size=tick_text(change.new_ticks_per_dollar),
        timestamp=str(change.at_ms),
    )


def new_market_message(listing: Listing, book: MarketBook, at_ms: int) -> NewMarket:
    name, tokens = slug(listing.key), (listing.up_token, listing.down_token)
    return NewMarket(
        id=str(listing.number),
        question=title(listing.key),
        market=listing.condition_id,
        slug=name,
        description=describe(listing.key),
        assets_ids=tokens,
        outcomes=("Up", "Down"),
        event_message=EventMessage(str(listing.number + 1), name, name, title(listing.key), describe(listing.key)),
        timestamp=str(at_ms),
        tags=TAGS,
        condition_id=listing.condition_id,
        active=True,
        clob_token_ids=tokens,
        order_price_min_tick_size=tick_text(book.ticks_per_dollar),
    )


def resolved_message(listing: Listing, event: MarketResolved) -> Resolved:
    return Resolved(
        id=str(listing.number),
        market=listing.condition_id,
        assets_ids=(listing.up_token, listing.down_token),
        winning_asset_id=listing.token(event.outcome),
        winning_outcome=OUTCOMES[event.outcome],
        timestamp=str(event.at_ms),
        tags=TAGS,
    )
