"""The shapes of the market websocket's messages, field for field."""

from typing import Literal

import msgspec


class Level(msgspec.Struct, frozen=True):
    price: str
    size: str


class Book(msgspec.Struct, frozen=True):
    market: str
    asset_id: str
    timestamp: str
    hash: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    tick_size: str
    last_trade_price: str
    event_type: Literal["book"] = "book"


class Change(msgspec.Struct, frozen=True):
    asset_id: str
    price: str
    size: str
    side: Literal["BUY", "SELL"]
    hash: str
    best_bid: str
    best_ask: str


class PriceChange(msgspec.Struct, frozen=True):
    market: str
    price_changes: tuple[Change, ...]
    timestamp: str
    event_type: Literal["price_change"] = "price_change"


class BestBidAsk(msgspec.Struct, frozen=True):
    market: str
    asset_id: str
    best_bid: str
    best_ask: str
    spread: str
    timestamp: str
    event_type: Literal["best_bid_ask"] = "best_bid_ask"


class LastTradePrice(msgspec.Struct, frozen=True):
    market: str
    asset_id: str
    price: str
    size: str
    fee_rate_bps: str
    side: Literal["BUY", "SELL"]
    timestamp: str
    transaction_hash: str
    event_type: Literal["last_trade_price"] = "last_trade_price"


class TickSizeChange(msgspec.Struct, frozen=True):
    market: str
    asset_id: str
    old_tick_size: str
    new_tick_size: str
    timestamp: str
    event_type: Literal["tick_size_change"] = "tick_size_change"


class EventMessage(msgspec.Struct, frozen=True):
    id: str
    ticker: str
    slug: str
    title: str
    description: str


class FeeScheduleText(msgspec.Struct, frozen=True):
    exponent: str = "1"
    rate: str = "0.07"
    taker_only: bool = True
    rebate_rate: str = "0.2"


class NewMarket(msgspec.Struct, frozen=True):
    id: str
    question: str
    market: str
    slug: str
    description: str
    assets_ids: tuple[str, str]
    outcomes: tuple[str, str]
    event_message: EventMessage
    timestamp: str
    tags: tuple[str, ...]
    condition_id: str
    active: bool
    clob_token_ids: tuple[str, str]
    order_price_min_tick_size: str
    sports_market_type: str = ""
    line: str = ""
    game_start_time: str = ""
    group_item_title: str = ""
    taker_base_fee: str = "1000"
    fees_enabled: bool = True
    fee_schedule: FeeScheduleText = FeeScheduleText()
    event_type: Literal["new_market"] = "new_market"


class Resolved(msgspec.Struct, frozen=True):
    id: str
    market: str
    assets_ids: tuple[str, str]
    winning_asset_id: str
    winning_outcome: str
    timestamp: str
    tags: tuple[str, ...]
    event_type: Literal["market_resolved"] = "market_resolved"
