"""The market channel: what the socket says about order books, and what we say to it.

A frame is one message or an array of them. Numbers are text, times unix milliseconds. On the wire every message names
its ``event_type``; recordings of single inner messages do not always, so a message without one is told by its fields.
"""

from typing import Final, Literal

import msgspec

from polyterm.feeds.polymarket.numbers import Number

PING: Final = "PING"
PONG: Final = "PONG"
PING_EVERY_S: Final = 10.0

OrderSide = Literal["BUY", "SELL"]


class Level(msgspec.Struct, frozen=True):
    price: float
    size: float


class _Tagged(msgspec.Struct, frozen=True, tag_field="event_type"):
    market: str


class BookMessage(_Tagged, frozen=True, tag="book"):
    """A token's whole book. Levels come worst first on the wire, but nothing may depend on it."""

    asset_id: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    timestamp: int
    hash: str = ""
    tick_size: Number = None
    last_trade_price: Number = None


class PriceChange(msgspec.Struct, frozen=True):
    """``size`` is the new total at ``price``, 0 removes the level; the bests are the venue's own after the change."""

    asset_id: str
    price: float
    size: float
    side: OrderSide
    hash: str = ""
    best_bid: Number = None
    best_ask: Number = None


class PriceChanges(_Tagged, frozen=True, tag="price_change"):
    price_changes: tuple[PriceChange, ...]
    timestamp: int


class LastTrade(_Tagged, frozen=True, tag="last_trade_price"):
    """A trade; ``side`` is the taker's."""

    asset_id: str
    price: float
    size: float
    side: OrderSide
    timestamp: int
    fee_rate_bps: Number = None
    transaction_hash: str = ""


class TickSizeChange(_Tagged, frozen=True, tag="tick_size_change"):
    asset_id: str
    old_tick_size: float
    new_tick_size: float
    timestamp: int


class BestBidAsk(_Tagged, frozen=True, tag="best_bid_ask"):
    asset_id: str
    best_bid: Number
    best_ask: Number
    timestamp: int
    spread: Number = None


class NewMarket(_Tagged, frozen=True, tag="new_market"):
    """Any market of the venue that was just listed: the channel sends these unasked."""

    slug: str
    assets_ids: tuple[str, ...]
    outcomes: tuple[str, ...]
    timestamp: int


class MarketResolved(_Tagged, frozen=True, tag="market_resolved"):
    assets_ids: tuple[str, ...]
    winning_asset_id: str
    winning_outcome: str
    timestamp: int


Message = BookMessage | PriceChanges | LastTrade | TickSizeChange | BestBidAsk | NewMarket | MarketResolved


class Frame(msgspec.Struct, frozen=True):
    """What a text frame held: ``unknown`` are the names of types we do not know, ``malformed`` the errors."""

    messages: tuple[Message, ...]
    unknown: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()


_FRAME: Final = msgspec.json.Decoder(list[Message] | Message, strict=False)
_PARTS: Final = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw])
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

_TYPES: Final[dict[str, type[Message]]] = {
    "book": BookMessage,
    "price_change": PriceChanges,
    "last_trade_price": LastTrade,
    "tick_size_change": TickSizeChange,
    "best_bid_ask": BestBidAsk,
    "new_market": NewMarket,
    "market_resolved": MarketResolved,
}

# The fields that only this type has, for messages that do not name theirs.
_TELLING: Final[tuple[tuple[str, type[Message]], ...]] = (
    ("price_changes", PriceChanges),
    ("bids", BookMessage),
    ("new_tick_size", TickSizeChange),
    ("winning_asset_id", MarketResolved),
    ("best_bid", BestBidAsk),
    ("price", LastTrade),
)


def decode(text: str) -> Frame:
    """All that can be read of a frame; nothing raises, and a bad or unknown message in an array costs no other."""
    try:
        decoded = _FRAME.decode(text)
    except msgspec.DecodeError:
        return _decode_in_parts(text)
    return Frame(tuple(decoded) if isinstance(decoded, list) else (decoded,))


def _decode_in_parts(text: str) -> Frame:
    try:
        parts = _PARTS.decode(text)
    except msgspec.DecodeError as error:
        return Frame((), malformed=(str(error),))
    raws = parts if isinstance(parts, list) else [text.encode()]
    messages: list[Message] = []
    unknown: list[str] = []
    malformed: list[str] = []
    for raw in raws:
        try:
            fields = _FIELDS.decode(raw)
            name = msgspec.json.decode(fields["event_type"], type=str) if "event_type" in fields else None
            kind = _TYPES.get(name) if name is not None else _told_by_fields(fields)
            if kind is None:
                unknown.append(name or "no event_type")
            else:
                messages.append(msgspec.json.decode(raw, type=kind, strict=False))
        except msgspec.DecodeError as error:
            malformed.append(str(error))
    return Frame(tuple(messages), tuple(unknown), tuple(malformed))


def _told_by_fields(fields: dict[str, msgspec.Raw]) -> type[Message] | None:
    return next((kind for field, kind in _TELLING if field in fields), None)


class _FirstFrame(msgspec.Struct, frozen=True):
    assets_ids: tuple[str, ...]
    type: str = "market"
    custom_feature_enabled: bool = True


class _Operation(msgspec.Struct, frozen=True):
    operation: Literal["subscribe", "unsubscribe"]
    assets_ids: tuple[str, ...]
    custom_feature_enabled: bool = True


def first_frame(tokens: tuple[str, ...]) -> str:
    """Opens the channel for ``tokens``; the answer is one ``book`` for each."""
    return msgspec.json.encode(_FirstFrame(tokens)).decode()


def subscribe_frame(tokens: tuple[str, ...]) -> str:
    return msgspec.json.encode(_Operation("subscribe", tokens)).decode()


def unsubscribe_frame(tokens: tuple[str, ...]) -> str:
    return msgspec.json.encode(_Operation("unsubscribe", tokens)).decode()
