"""Frames of Binance's spot streams, combined (``{"stream": …, "data": …}``) or raw.

Times are integer milliseconds, prices decimal strings. A best-price frame carries neither a type nor a time.
"""

from typing import Annotated, Final

import msgspec

# The bounds also refuse nan and inf.
Price = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
PriceOrZero = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class BookTicker(msgspec.Struct, frozen=True, rename={"symbol": "s", "bid": "b", "ask": "a"}):
    """Best bid and ask in quote currency; an empty side is 0."""

    symbol: str
    bid: PriceOrZero
    ask: PriceOrZero

    @property
    def mid(self) -> float | None:
        """None when a side is empty or the book is crossed."""
        return (self.bid + self.ask) / 2 if 0 < self.bid <= self.ask else None


class Trade(msgspec.Struct, frozen=True, rename={"symbol": "s", "price": "p", "event_ms": "E", "trade_ms": "T"}):
    """A ``trade`` or an ``aggTrade``, which share these keys. ``event_ms`` is when the server sent it."""

    symbol: str
    price: Price
    event_ms: int
    trade_ms: int


class Shutdown(msgspec.Struct, frozen=True):
    """The server will close this connection soon; how soon is not promised."""


class Reply(msgspec.Struct, frozen=True):
    """The answer to a command of ours; ``error`` is empty on success."""

    error: str = ""


class Unknown(msgspec.Struct, frozen=True):
    kind: str


Frame = BookTicker | Trade | Shutdown | Reply | Unknown


class _Envelope(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    e: str = ""
    u: int | None = None
    id: int | str | None = None
    error: msgspec.Raw = msgspec.Raw()


_envelope: Final = msgspec.json.Decoder(_Envelope)
_book_ticker: Final = msgspec.json.Decoder(BookTicker, strict=False)
_trade: Final = msgspec.json.Decoder(Trade, strict=False)


def decode(text: str) -> Frame:
    """One frame.

    Raises:
        msgspec.DecodeError: it is not JSON, or not shaped as its kind demands.
    """
    envelope = _envelope.decode(text)
    payload: msgspec.Raw | str
    if envelope.stream:
        kind, payload = envelope.stream.rpartition("@")[2], envelope.data
    else:
        kind, payload = envelope.e or ("bookTicker" if envelope.u is not None else ""), text
    if kind == "bookTicker":
        return _book_ticker.decode(payload)
    if kind in {"aggTrade", "trade"}:
        return _trade.decode(payload)
    if kind.lstrip("!") == "serverShutdown":
        return Shutdown()
    if error := bytes(envelope.error):
        return Reply(error.decode())
    return Unknown(kind) if kind or envelope.id is None else Reply()
