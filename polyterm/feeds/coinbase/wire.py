"""Frames of Coinbase Exchange's public ``ticker`` channel; prices are decimal strings, times ISO 8601."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

Price = Annotated[float, msgspec.Meta(ge=0, le=1e9)]  # the bounds also refuse nan and inf

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Ticker(msgspec.Struct, frozen=True, tag_field="type", tag="ticker"):
    """Sent with every trade: its ``price``, and the best prices after it. ``product_id`` e.g. ``BTC-USD``."""

    product_id: str
    price: Price
    best_bid: Price
    best_ask: Price
    time: datetime

    @property
    def at_ms(self) -> int:
        return (self.time - _EPOCH) // timedelta(milliseconds=1)


_ticker: Final = msgspec.json.Decoder(Ticker, strict=False)


def decode(text: str) -> Ticker:
    """Raises msgspec.DecodeError when the frame is malformed or not a ticker."""
    return _ticker.decode(text)
