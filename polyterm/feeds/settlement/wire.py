"""Frames of the venue's live price socket (PolyBolt).

A frame is either the answer to an operation (``op``) or data of a channel. ``full_accuracy_value`` is plain decimal
text here; ``timestamp`` is the observation's own stamp in ms, ``ts`` the moment of sending.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from polyterm.core.market import Coin

TWAP: Final = "price.crypto.twap"
POINT: Final = "price.crypto"
TWAP_WINDOW_S: Final = 60

PING: Final = '{"op":"ping"}'

Price = Annotated[float, msgspec.Meta(gt=0, le=1e9)]  # the bounds also refuse nan and inf


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    api_key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class _Auth(msgspec.Struct, frozen=True, tag_field="op", tag="auth"):
    rid: str
    auth: Credentials


class _Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    symbol: str
    window_seconds: int | None = None


class _Subscription(msgspec.Struct, frozen=True):
    channel: str
    filter: _Filter


class _Subscribe(msgspec.Struct, frozen=True, tag_field="op", tag="subscribe"):
    rid: str
    subscriptions: tuple[_Subscription, ...]


def auth(credentials: Credentials) -> str:
    return msgspec.json.encode(_Auth("1", credentials)).decode()


def subscribe(coins: Sequence[Coin]) -> str:
    """The average and the point price of every coin, in one frame."""
    wanted = [_Subscription(TWAP, _Filter(symbol_of(coin), TWAP_WINDOW_S)) for coin in coins]
    wanted += [_Subscription(POINT, _Filter(symbol_of(coin))) for coin in coins]
    return msgspec.json.encode(_Subscribe("2", tuple(wanted))).decode()


def symbol_of(coin: Coin) -> str:
    return f"{coin}usd"


class Point(msgspec.Struct, frozen=True, rename={"price": "full_accuracy_value", "at_ms": "timestamp"}):
    price: Price
    at_ms: int


class Answer(msgspec.Struct, frozen=True):
    """``op``: authed, subscribed, unsubscribed, pong or error; ``code`` and perhaps ``channel`` come with an error."""

    op: str
    code: str = ""
    channel: str | None = None


class Prices(msgspec.Struct, frozen=True):
    """New observations of one symbol, oldest first: one, or the last two minutes when ``snapshot``.

    ``seq`` counts per connection and channel; ``dropped`` is how many messages the server left out.
    """

    channel: str
    seq: int
    dropped: int
    snapshot: bool
    symbol: str
    source: str
    window_seconds: int | None
    points: tuple[Point, ...]


class Unknown(msgspec.Struct, frozen=True):
    kind: str


Frame = Answer | Prices | Unknown


class _Payload(msgspec.Struct):
    symbol: str
    source: str = ""
    window_seconds: int | None = None
    data: tuple[Point, ...] | None = None


class _Envelope(msgspec.Struct):
    op: str = ""
    code: str = ""
    channel: str | None = None
    seq: int = 0
    dropped: int = 0
    snapshot: bool = False
    payload: msgspec.Raw = msgspec.Raw()


_envelope: Final = msgspec.json.Decoder(_Envelope)
_payload: Final = msgspec.json.Decoder(_Payload, strict=False)
_point: Final = msgspec.json.Decoder(Point, strict=False)


def decode(text: str) -> Frame:
    """One frame.

    Raises:
        msgspec.DecodeError: it is not JSON, or not shaped as its kind demands.
    """
    frame = _envelope.decode(text)
    if frame.op:
        return Answer(frame.op, frame.code, frame.channel)
    if frame.channel not in {TWAP, POINT}:
        return Unknown(frame.channel or "")
    payload = _payload.decode(frame.payload)
    points = payload.data if frame.snapshot else (_point.decode(frame.payload),)
    return Prices(
        channel=frame.channel,
        seq=frame.seq,
        dropped=frame.dropped,
        snapshot=frame.snapshot,
        symbol=payload.symbol.lower(),
        source=payload.source.lower(),
        window_seconds=payload.window_seconds,
        points=tuple(sorted(points or (), key=lambda point: point.at_ms)),
    )
