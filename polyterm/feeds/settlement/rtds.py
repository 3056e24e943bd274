"""Messages of the venue's older, deprecated price socket (RTDS): decoding only.

No channel of this version speaks it; its price topics were announced to end in October 2026. Recordings hold its
messages, and their decoder is kept so that they can be read.
"""

from typing import Final, Literal

import msgspec

Provider = Literal["chainlink", "twap60", "binance"]

_TWAP_TOPIC: Final = "crypto_prices_twap_sixty"
_TOPICS: Final = {"crypto_prices", "crypto_prices_chainlink", _TWAP_TOPIC}
_E18: Final = 10**18


class Point(msgspec.Struct, frozen=True):
    price: float
    at_ms: int


class Prices(msgspec.Struct, frozen=True):
    """Observations of one symbol, in the order sent: one, or about the last minute when ``snapshot``.

    ``provider`` follows from symbol and topic. A snapshot comes under the topic ``crypto_prices`` whatever was asked
    for, so that one of the settling average cannot be told from the oracle's and is called ``chainlink``.
    """

    provider: Provider
    symbol: str
    snapshot: bool
    points: tuple[Point, ...]


class Unknown(msgspec.Struct, frozen=True):
    kind: str


class _RawPoint(msgspec.Struct):
    timestamp: int
    value: float
    full_accuracy_value: str | None = None


class _Payload(msgspec.Struct):
    symbol: str
    data: list[_RawPoint] | None = None


class _Message(msgspec.Struct):
    topic: str
    type: str
    payload: msgspec.Raw = msgspec.Raw()


_message: Final = msgspec.json.Decoder(_Message)
_payload: Final = msgspec.json.Decoder(_Payload)
_raw_point: Final = msgspec.json.Decoder(_RawPoint)


def decode(text: str) -> Prices | Unknown:
    """One message.

    Raises:
        msgspec.DecodeError, ValueError: it is not JSON, or not shaped as its kind demands.
    """
    message = _message.decode(text)
    if message.topic not in _TOPICS or message.type not in {"update", "subscribe"}:
        return Unknown(f"{message.topic} {message.type}")
    payload = _payload.decode(message.payload)
    is_oracle = "/" in payload.symbol
    points = [_raw_point.decode(message.payload)] if payload.data is None else payload.data
    return Prices(
        provider="twap60" if message.topic == _TWAP_TOPIC else "chainlink" if is_oracle else "binance",
        symbol=payload.symbol,
        snapshot=payload.data is not None,
        points=tuple(Point(_price(point, is_oracle), point.timestamp) for point in points),
    )


def _price(point: _RawPoint, is_oracle: bool) -> float:
    """The exact value is an integer of 1e-18 dollars from the oracle and plain decimal text from the exchange."""
    exact = point.full_accuracy_value
    if exact is None:
        return point.value
    return int(exact) / _E18 if is_oracle else float(exact)
