"""The order book's REST answers that need no account."""

from typing import Final

import msgspec

from polyterm.feeds.polymarket.numbers import Number
from polyterm.feeds.polymarket.wire import Level


class RestBook(msgspec.Struct, frozen=True):
    """``GET /book``. ``timestamp`` is when the book last changed (unix ms), ``hash`` names that state."""

    market: str
    asset_id: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    timestamp: int
    hash: str = ""
    tick_size: Number = None
    min_order_size: Number = None
    neg_risk: bool = False
    last_trade_price: Number = None


class MarketToken(msgspec.Struct, frozen=True):
    token_id: str
    outcome: str
    price: Number = None
    winner: bool = False


class ClobMarket(msgspec.Struct, frozen=True):
    """``GET /markets/{conditionId}``; sizes in shares, tick in dollars."""

    condition_id: str
    tokens: tuple[MarketToken, ...]
    closed: bool = False
    accepting_orders: bool = False
    minimum_order_size: Number = None
    minimum_tick_size: Number = None
    seconds_delay: Number = None
    market_slug: str = ""

    @property
    def winner(self) -> str | None:
        """The winning outcome's label, None while there is none."""
        return next((token.outcome for token in self.tokens if token.winner), None)


class FeeData(msgspec.Struct, frozen=True):
    r: Number
    e: Number
    to: bool = True


class InfoToken(msgspec.Struct, frozen=True):
    t: str
    o: str


class ClobMarketInfo(msgspec.Struct, frozen=True):
    """``GET /clob-markets/{conditionId}``, in the venue's short names: tokens, condition, minimum order size, minimum
    tick size, accepting orders, negative risk, fee data, taker delay, version."""

    c: str
    t: tuple[InfoToken, ...]
    mos: Number = None
    mts: Number = None
    ao: bool = False
    nr: bool = False
    fd: FeeData | None = None
    itode: bool = False
    sd: Number = None
    v: str | None = None


class FeeRate(msgspec.Struct, frozen=True):
    """``GET /fee-rate``: basis points of the first exchange's fee. Never a cost: the schedule is."""

    base_fee: Number


class PricePoint(msgspec.Struct, frozen=True):
    t: int
    p: float


class PricesHistory(msgspec.Struct, frozen=True):
    history: tuple[PricePoint, ...]


_REST_BOOK: Final = msgspec.json.Decoder(RestBook, strict=False)
_MARKET: Final = msgspec.json.Decoder(ClobMarket, strict=False)
_INFO: Final = msgspec.json.Decoder(ClobMarketInfo, strict=False)
_TIME: Final = msgspec.json.Decoder(int, strict=False)


def decode_book(body: bytes) -> RestBook:
    """Raises msgspec.DecodeError, as all functions here."""
    return _REST_BOOK.decode(body)


def decode_market(body: bytes) -> ClobMarket:
    return _MARKET.decode(body)


def decode_market_info(body: bytes) -> ClobMarketInfo:
    return _INFO.decode(body)


def decode_time(body: bytes) -> int:
    """``GET /time``: unix seconds."""
    return _TIME.decode(body)
