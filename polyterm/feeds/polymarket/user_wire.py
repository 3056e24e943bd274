"""The user channel, account REST answers and the Data API, as far as they are decoded today.

Text numbers stay text here: what an account was told about its money is parsed exactly where it is used.
"""

from typing import Final

import msgspec

from polyterm.feeds.polymarket.numbers import Number

Text = str | None


class UserOrder(msgspec.Struct, frozen=True, tag_field="event_type", tag="order"):
    """``type`` is PLACEMENT, UPDATE or CANCELLATION; ``timestamp`` is in seconds or milliseconds."""

    id: str
    type: str
    market: str
    asset_id: str
    side: str
    price: Number
    original_size: Number
    size_matched: Number
    status: str
    owner: Text = None
    order_owner: Text = None
    outcome: Text = None
    order_type: Text = None
    maker_address: Text = None
    associate_trades: tuple[str, ...] | None = None
    created_at: Number = None
    expiration: Number = None
    timestamp: Number = None


class MakerOrder(msgspec.Struct, frozen=True):
    """One resting order that a trade hit; ``side`` is the maker's own."""

    order_id: str
    matched_amount: Number
    price: Number
    asset_id: str
    owner: Text = None
    maker_address: Text = None
    outcome: Text = None
    side: Text = None
    fee_rate_bps: Number = None


class UserTrade(msgspec.Struct, frozen=True, tag_field="event_type", tag="trade"):
    """A trade of ours, on the socket and in ``GET /data/trades``; the same id comes again with each new status."""

    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: str
    size: Number
    price: Number
    status: str
    maker_orders: tuple[MakerOrder, ...] = ()
    fee_rate_bps: Number = None
    match_time: Number = None
    matchtime: Number = None
    last_update: Number = None
    outcome: Text = None
    owner: Text = None
    trade_owner: Text = None
    maker_address: Text = None
    trader_side: Text = None
    transaction_hash: Text = None
    bucket_index: Number = None
    timestamp: Number = None


UserMessage = UserOrder | UserTrade


class OpenOrder(msgspec.Struct, frozen=True):
    id: str
    market: str
    asset_id: str
    side: str
    price: Number
    original_size: Number
    size_matched: Number
    status: str
    outcome: Text = None
    owner: Text = None
    maker_address: Text = None
    order_type: Text = None
    associate_trades: tuple[str, ...] | None = None
    created_at: Number = None
    expiration: Number = None


class OrdersPage(msgspec.Struct, frozen=True):
    data: tuple[OpenOrder, ...]
    next_cursor: str = ""


class TradesPage(msgspec.Struct, frozen=True):
    data: tuple[UserTrade, ...]
    next_cursor: str = ""


class OrderAnswer(msgspec.Struct, frozen=True):
    success: bool
    order_id: str | None = msgspec.field(default=None, name="orderID")
    error_msg: str | None = msgspec.field(default=None, name="errorMsg")


class CancelAnswer(msgspec.Struct, frozen=True):
    """``not_canceled`` gives the reason by order id."""

    canceled: tuple[str, ...]
    not_canceled: dict[str, str]


class Balance(msgspec.Struct, frozen=True):
    balance: Number
    allowance: Number = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    error: str


class DataTrade(msgspec.Struct, frozen=True, rename="camel"):
    """``GET data-api/trades``; ``timestamp`` in unix seconds."""

    asset: str
    condition_id: str
    side: str
    price: float
    size: float
    timestamp: int
    outcome: Text = None
    slug: Text = None
    proxy_wallet: Text = None
    transaction_hash: Text = None


class DataActivity(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    timestamp: int
    condition_id: str
    size: float
    usdc_size: float
    price: float
    asset: str
    side: str
    outcome: Text = None
    slug: Text = None


class DataPosition(msgspec.Struct, frozen=True, rename="camel"):
    asset: str
    condition_id: str
    size: float
    avg_price: float
    outcome: str
    outcome_index: int
    cur_price: float | None = None
    realized_pnl: float | None = None
    cash_pnl: float | None = None
    redeemable: bool = False
    mergeable: bool = False
    opposite_asset: Text = None
    slug: Text = None
    end_date: Text = None


_USER_FRAME: Final = msgspec.json.Decoder(list[UserMessage] | UserMessage, strict=False)


def decode_user_frame(text: str) -> tuple[UserMessage, ...]:
    """The messages of one frame; a recorded inner message without ``event_type`` is told by its fields.

    Raises:
        msgspec.DecodeError: for anything else.
    """
    try:
        decoded = _USER_FRAME.decode(text)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        if "event_type" in fields:
            raise
        kind: type[UserMessage] = UserTrade if "taker_order_id" in fields else UserOrder
        return (msgspec.json.decode(text, type=kind, strict=False),)
    return tuple(decoded) if isinstance(decoded, list) else (decoded,)
