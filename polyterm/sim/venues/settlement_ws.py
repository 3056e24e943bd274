"""The price stream that the markets settle on: ``/ws``, operations as JSON, data with a sequence number per channel."""

import hmac
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec
from aiohttp import web

from polyterm.core.market import Coin
from polyterm.sim.events import OraclePrinted, TwapPrinted
from polyterm.sim.venues.names import TWAP_SECONDS
from polyterm.sim.venues.peers import Audience, Peer
from polyterm.sim.venues.scene import Scene, Step

PATH: Final = "/ws"
SNAPSHOT_S: Final = 120
MAX_SUBSCRIPTIONS: Final = 64
MAX_AUTH_ATTEMPTS: Final = 8
CLOSE_AUTH: Final = 4001
CLOSE_POLICY: Final = 4008
_MALFORMED: Final = b'{"v":1,"channel":"price.crypto.twap","seq":'

Channel = Literal["price.crypto.twap", "price.crypto"]
Subscription = tuple[Channel, Coin]


class ApiKey(msgspec.Struct, frozen=True, rename="camel"):
    """Made up by each simulator for its own clients; it opens nothing else."""

    api_key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return "ApiKey(***)"


class Filter(msgspec.Struct, frozen=True):
    symbol: str
    window_seconds: int | None = None


class _Item(msgspec.Struct):
    channel: str
    filter: Filter


class _Operation(msgspec.Struct):
    op: str
    rid: str | None = None
    auth: ApiKey | None = None
    channel: str | None = None
    filter: Filter | None = None
    subscriptions: list[_Item] = []


class _Ack(msgspec.Struct, frozen=True, omit_defaults=True):
    op: str
    rid: str | None = None
    channel: str | None = None
    code: str | None = None


class Point(msgspec.Struct, frozen=True):
    timestamp: int
    value: float
    full_accuracy_value: str


class Update(msgspec.Struct, frozen=True, omit_defaults=True):
    symbol: str
    value: float
    full_accuracy_value: str
    timestamp: int
    source: str
    window_seconds: int | None = None


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    symbol: str
    source: str
    data: tuple[Point, ...] | None
    window_seconds: int | None = None


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    v: int | None
    channel: str
    seq: int
    ts: int
    payload: Update | Snapshot
    snapshot: bool = False


class PricePeer(Peer):
    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        super().__init__(request, socket)
        self.authed = False
        self.attempts = 0
        self.subscriptions: set[Subscription] = set()
        self._seq: dict[str, int] = {}

    def next_seq(self, channel: str) -> int:
        self._seq[channel] = self._seq.get(channel, 0) + 1
        return self._seq[channel]


class SettlementSocket:
    def __init__(self, scene: Scene, key: ApiKey) -> None:
        self._scene = scene
        self._key = key
        self._encode = msgspec.json.Encoder().encode
        self._operations = msgspec.json.Decoder(_Operation)
        self._second = 0
        self.audience: Audience[PricePeer] = Audience()

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self._connect)]

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        return await self.audience.attend(request, PricePeer, self._on_text)

    def _on_text(self, peer: PricePeer, text: str) -> None:
        try:
            operation = self._operations.decode(text)
        except msgspec.DecodeError:
            self._refuse(peer, "bad_op", None)
            return
        match operation.op:
            case "auth":
                self._authenticate(peer, operation)
            case "ping":
                peer.send(self._encode(_Ack("pong", operation.rid)))
            case "subscribe" | "unsubscribe":
                for channel, filter_ in _items(operation):
                    self._change(peer, operation, channel, filter_)
            case _:
                self._refuse(peer, "bad_op", operation.rid)

    def _refuse(self, peer: PricePeer, code: str, rid: str | None, channel: str | None = None) -> None:
        peer.send(self._encode(_Ack("error", rid, channel, code)))

    def _authenticate(self, peer: PricePeer, operation: _Operation) -> None:
        peer.attempts += 1
        given, known = operation.auth, self._key
        if peer.attempts > MAX_AUTH_ATTEMPTS:
            self._refuse(peer, "auth_attempts", operation.rid)
            peer.close(CLOSE_POLICY, "too many auth attempts")
        elif given is not None and all(
            hmac.compare_digest(one.encode(), other.encode())
            for one, other in zip(msgspec.structs.astuple(given), msgspec.structs.astuple(known), strict=True)
        ):
            peer.authed = True
            peer.send(self._encode(_Ack("authed", operation.rid)))
        else:
            self._refuse(peer, "auth_invalid", operation.rid)
            peer.close(CLOSE_AUTH, "auth_invalid")

    def _change(self, peer: PricePeer, operation: _Operation, channel: str, filter_: Filter) -> None:
        refuse = self._refuse
        if not peer.authed:
            return refuse(peer, "auth_required", operation.rid, channel)
        if channel not in ("price.crypto.twap", "price.crypto"):
            return refuse(peer, "bad_channel", operation.rid, channel)
        coin = self._coin(channel, filter_)
        if coin is None:
            return refuse(peer, "bad_filter", operation.rid, channel)
        subscription: Subscription = ("price.crypto.twap" if channel == "price.crypto.twap" else "price.crypto", coin)
        if operation.op == "unsubscribe":
            peer.subscriptions.discard(subscription)
            return peer.send(self._encode(_Ack("unsubscribed", operation.rid, channel)))
        if len(peer.subscriptions) >= MAX_SUBSCRIPTIONS:
            return refuse(peer, "sub_limit", operation.rid, channel)
        peer.send(self._encode(_Ack("subscribed", operation.rid, channel)))
        if subscription not in peer.subscriptions:
            peer.subscriptions.add(subscription)
            self._send_snapshot(peer, subscription)
        return None

    def _coin(self, channel: str, filter_: Filter) -> Coin | None:
        if channel == "price.crypto.twap" and filter_.window_seconds != TWAP_SECONDS:
            return None
        return next((coin for coin in self._scene.coins if filter_.symbol == _symbol(coin)), None)

    def _silent(self, coin: Coin | None = None) -> bool:
        return self._scene.faults.active("silence", "settlement", coin)

    def _send_snapshot(self, peer: PricePeer, subscription: Subscription) -> None:
        channel, coin = subscription
        if self._silent(coin):
            return
        prints: Sequence[OraclePrinted | TwapPrinted]
        if channel == "price.crypto.twap":
            prints = self._scene.world.twap_history(coin, SNAPSHOT_S)
        else:
            prints = self._scene.world.oracle_history(coin, SNAPSHOT_S)
        points = tuple(Point(each.at_ms, each.price, _exact(each.price)) for each in prints)
        payload = Snapshot(_symbol(coin), "chainlink", points, _window(channel))
        self._send(peer, channel, payload, is_snapshot=True)

    def _send(self, peer: PricePeer, channel: Channel, payload: Update | Snapshot, *, is_snapshot: bool) -> None:
        envelope = Envelope(1, channel, peer.next_seq(channel), self._scene.now_ms, payload, is_snapshot)
        peer.send(self._encode(envelope))

    def step(self, step: Step) -> None:
        second = step.at_ms // 1000
        new_second, self._second = second != self._second, second
        if not self.audience:
            return
        for event in step.events:
            if isinstance(event, TwapPrinted):
                self._publish("price.crypto.twap", event)
            elif isinstance(event, OraclePrinted):
                self._publish("price.crypto", event)
        if new_second and not self._silent():
            self._send_odd_frames(step.at_ms)

    def _publish(self, channel: Channel, event: OraclePrinted | TwapPrinted) -> None:
        if self._silent(event.coin):
            return
        payload = Update(
            symbol=_symbol(event.coin),
            value=event.price,
            full_accuracy_value=_exact(event.price),
            timestamp=event.at_ms,
            source="chainlink",
            window_seconds=_window(channel),
        )
        for peer in self.audience:
            if (channel, event.coin) in peer.subscriptions:
                self._send(peer, channel, payload, is_snapshot=False)

    def _send_odd_frames(self, at_ms: int) -> None:
        faults = self._scene.faults
        unknown = self._encode({"v": 1, "channel": "price.weather", "seq": 1, "ts": at_ms, "payload": {"sky": "grey"}})
        for name, frame in (("malformed", _MALFORMED), ("unknown_type", unknown)):
            if faults.active(name, "settlement"):
                for peer in self.audience:
                    peer.send(frame)


def _items(operation: _Operation) -> Iterator[tuple[str, Filter]]:
    if operation.channel is not None and operation.filter is not None:
        yield operation.channel, operation.filter
    for item in operation.subscriptions:
        yield item.channel, item.filter


def _symbol(coin: Coin) -> str:
    return f"{coin}usd"


def _window(channel: Channel) -> int | None:
    return TWAP_SECONDS if channel == "price.crypto.twap" else None


def _exact(price: float) -> str:
    """Every digit of the value: plain decimal text with 18 places."""
    return f"{price:.18f}"
