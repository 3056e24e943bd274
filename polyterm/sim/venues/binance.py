"""The spot exchange: combined and raw websocket streams, and its clock.

``bookTicker`` carries no time; the trade streams carry the emit time ``E`` and the trade time ``T``.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import field

from polyterm.core.market import COINS, Coin
from polyterm.sim.events import SpotChanged, SpotTraded
from polyterm.sim.venues.peers import Audience, Peer
from polyterm.sim.venues.scene import Scene, Step

_SYMBOLS: Final[dict[Coin, str]] = {coin: f"{coin}usdt" for coin in COINS}
_MALFORMED: Final = b'{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCU'
_UNKNOWN: Final = b'{"stream":"btcusdt@weather","data":{"e":"weather","E":0,"s":"BTCUSDT"}}'
_FIRST_ID: Final = 77_000_000_000


class BookTicker(msgspec.Struct, frozen=True):
    update: int = field(name="u")
    symbol: str = field(name="s")
    bid: str = field(name="b")
    bid_size: str = field(name="B")
    ask: str = field(name="a")
    ask_size: str = field(name="A")


class AggTrade(msgspec.Struct, frozen=True):
    event: Literal["aggTrade"] = field(name="e")
    event_ms: int = field(name="E")
    symbol: str = field(name="s")
    aggregate: int = field(name="a")
    price: str = field(name="p")
    quantity: str = field(name="q")
    first_trade: int = field(name="f")
    last_trade: int = field(name="l")
    trade_ms: int = field(name="T")
    buyer_is_maker: bool = field(name="m")
    ignore: bool = field(name="M", default=True)


class Trade(msgspec.Struct, frozen=True):
    event: Literal["trade"] = field(name="e")
    event_ms: int = field(name="E")
    symbol: str = field(name="s")
    trade: int = field(name="t")
    price: str = field(name="p")
    quantity: str = field(name="q")
    trade_ms: int = field(name="T")
    buyer_is_maker: bool = field(name="m")
    ignore: bool = field(name="M", default=True)


class _Command(msgspec.Struct):
    method: Literal["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"]
    id: int | str | None = None
    params: list[str] = []


class _Reply(msgspec.Struct, frozen=True):
    result: list[str] | None
    id: int | str | None


class _Combined(msgspec.Struct, frozen=True):
    stream: str
    data: msgspec.Raw


class SpotPeer(Peer):
    """``combined`` clients get each payload wrapped with its stream's name."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        super().__init__(request, socket)
        self.combined = request.path == "/stream"
        wanted = request.query.get("streams", "") if self.combined else request.match_info["streams"]
        self.streams: dict[str, None] = dict.fromkeys(filter(None, wanted.split("/")))


class SpotExchange:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
        self._commands = msgspec.json.Decoder(_Command)
        self._ids: dict[Coin, int] = dict.fromkeys(COINS, _FIRST_ID)
        self._second = 0
        self.audience: Audience[SpotPeer] = Audience()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/stream", self._connect),
            web.get("/ws/{streams:.+}", self._connect),
            web.get("/api/v3/time", self._time),
            web.get("/api/v3/ping", self._ping),
        ]

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        return await self.audience.attend(request, SpotPeer, self._on_text)

    async def _time(self, _: web.Request) -> web.Response:
        return web.json_response({"serverTime": self._scene.now_ms})

    async def _ping(self, _: web.Request) -> web.Response:
        return web.json_response({})

    def _on_text(self, peer: SpotPeer, text: str) -> None:
        try:
            command = self._commands.decode(text)
        except msgspec.DecodeError as error:
            peer.send(self._encode({"error": {"code": 2, "msg": f"Invalid request: {error}"}, "id": None}))
            return
        match command.method:
            case "SUBSCRIBE":
                peer.streams.update(dict.fromkeys(command.params))
            case "UNSUBSCRIBE":
                for stream in command.params:
                    peer.streams.pop(stream, None)
            case "LIST_SUBSCRIPTIONS":
                peer.send(self._encode(_Reply(list(peer.streams), command.id)))
                return
        peer.send(self._encode(_Reply(None, command.id)))

    def step(self, step: Step) -> None:
        second = step.at_ms // 1000
        new_second, self._second = second != self._second, second
        if not self.audience:
            return
        newest: dict[Coin, SpotChanged] = {}
        for event in step.events:
            if isinstance(event, SpotChanged):
                newest[event.coin] = event
            elif isinstance(event, SpotTraded):
                self._send_trade(event)
        for quote in newest.values():
            self._send_quote(quote)
        if new_second:
            self._send_odd_frames()

    def _send_quote(self, quote: SpotChanged) -> None:
        payload = BookTicker(
            update=self._next_id(quote.coin),
            symbol=_SYMBOLS[quote.coin].upper(),
            bid=f"{quote.bid:.8f}",
            bid_size=f"{quote.bid_size:.8f}",
            ask=f"{quote.ask:.8f}",
            ask_size=f"{quote.ask_size:.8f}",
        )
        self._send(quote.coin, "bookTicker", payload)

    def _send_trade(self, event: SpotTraded) -> None:
        number = self._next_id(event.coin)
        symbol, price, quantity = _SYMBOLS[event.coin].upper(), f"{event.price:.8f}", f"{event.size:.8f}"
        at_ms, maker = event.at_ms, event.buyer_is_maker
        aggregate = AggTrade("aggTrade", at_ms, symbol, number, price, quantity, number, number, at_ms, maker)
        self._send(event.coin, "aggTrade", aggregate)
        self._send(event.coin, "trade", Trade("trade", at_ms, symbol, number, price, quantity, at_ms, maker))

    def _next_id(self, coin: Coin) -> int:
        self._ids[coin] += 1
        return self._ids[coin]

    def _send(self, coin: Coin, kind: str, payload: msgspec.Struct) -> None:
        stream = f"{_SYMBOLS[coin]}@{kind}"
        peers = [peer for peer in self.audience if stream in peer.streams]
        if not peers or self._scene.faults.active("silence", "binance", coin):
            return
        raw = self._encode(payload)
        combined = self._encode(_Combined(stream, msgspec.Raw(raw)))
        for peer in peers:
            peer.send(combined if peer.combined else raw)

    def _send_odd_frames(self) -> None:
        faults = self._scene.faults
        if faults.active("silence", "binance"):
            return
        frames: Iterable[bytes] = (
            frame
            for name, frame in (("malformed", _MALFORMED), ("unknown_type", _UNKNOWN))
            if faults.active(name, "binance")
        )
        for frame in frames:
            for peer in self.audience:
                peer.send(frame)
