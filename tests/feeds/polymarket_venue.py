"""A hand-written Polymarket on loopback: the catalogue, the REST book and the market channel say what a test tells."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, Self

from aiohttp import WSMsgType, web

from polyterm.core.market import MarketKey, Side, slug
from polyterm.settings import FeedSettings

Levels = dict[float, float]


def tokens(key: MarketKey) -> tuple[str, str]:
    """(up, down): any two numbers of the window's own."""
    return f"{key.epoch}1", f"{key.epoch}2"


def condition(key: MarketKey) -> str:
    return f"0x{key.epoch:064x}"


def event(
    key: MarketKey,
    *,
    strike: float | None = None,
    final: float | None = None,
    outcome: Side | None = None,
    **market: Any,
) -> dict[str, Any]:
    """The catalogue's answer about a window; keyword arguments replace fields of its market."""
    metadata = {name: value for name, value in (("priceToBeat", strike), ("finalPrice", final)) if value is not None}
    resolved: dict[str, Any] = {
        "closed": True,
        "umaResolutionStatus": "resolved",
        "outcomePrices": '["1", "0"]' if outcome == "up" else '["0", "1"]',
    }
    return {
        "id": "7",
        "slug": slug(key),
        "closed": outcome is not None,
        "markets": [
            {
                "id": "8",
                "slug": slug(key),
                "conditionId": condition(key),
                "outcomes": '["Up", "Down"]',
                "clobTokenIds": json.dumps(tokens(key)),
                "outcomePrices": '["0.5", "0.5"]',
                "version": "v1",
                "orderPriceMinTickSize": 0.01,
                "orderMinSize": 5,
                "feesEnabled": True,
                "feeSchedule": {"rate": 0.07, "exponent": 1, "takerOnly": True, "rebateRate": 0.2},
                "acceptingOrders": True,
                "active": True,
                "closed": False,
                **(resolved if outcome is not None else {}),
                **market,
            }
        ],
        **({"eventMetadata": metadata} if metadata else {}),
    }


def _levels(levels: Levels) -> list[dict[str, str]]:
    return [{"price": str(price), "size": str(size)} for price, size in levels.items()]


def book(key: MarketKey, side: Side, bids: Levels, asks: Levels, at_ms: int = 1_000) -> dict[str, Any]:
    return {
        "event_type": "book",
        "market": condition(key),
        "asset_id": tokens(key)[side == "down"],
        "bids": _levels(bids),
        "asks": _levels(asks),
        "timestamp": str(at_ms),
        "hash": "h",
    }


def price_change(
    key: MarketKey, side: Side, order: str, price: float, size: float, *, bid: str, ask: str
) -> dict[str, Any]:
    change = {
        "asset_id": tokens(key)[side == "down"],
        "price": str(price),
        "size": str(size),
        "side": order,
        "hash": "h2",
        "best_bid": bid,
        "best_ask": ask,
    }
    return {"event_type": "price_change", "market": condition(key), "price_changes": [change], "timestamp": "2000"}


class Venue:
    """An async context manager. ``heard`` are the frames clients sent, ``asked`` the paths and queries of requests."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.books: dict[str, dict[str, Any]] = {}
        self.market_infos: dict[str, dict[str, Any]] = {}
        self.refusal: tuple[int, dict[str, str]] | None = None
        self.answering = asyncio.Event()
        self.answering.set()
        self.latency_s = 0.0
        self.dumps = True
        self.heard: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self._runner: web.AppRunner | None = None
        self.address = ""

    @property
    def settings(self) -> FeedSettings:
        http = f"http://{self.address}"
        return FeedSettings(gamma=http, clob=http, market_ws=f"ws://{self.address}/ws/market")

    def list(self, *events: dict[str, Any]) -> None:
        self.events.update({each["slug"]: each for each in events})

    def stock(self, *books: dict[str, Any]) -> None:
        """What REST and a new subscription answer from now on."""
        self.books.update({each["asset_id"]: each for each in books})

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(
            [
                web.get("/events/slug/{slug}", self._event),
                web.get("/clob-markets/{condition}", self._market_info),
                web.get("/book", self._book),
                web.get("/ws/market", self._connect),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()
        assert self._runner is not None
        await self._runner.cleanup()

    async def hang_up(self) -> None:
        for socket in list(self.sockets):
            await socket.close()

    async def say(self, *messages: dict[str, Any]) -> None:
        await self.say_text(json.dumps(messages[0] if len(messages) == 1 else messages))

    async def say_text(self, text: str) -> None:
        for socket in self.sockets:
            await socket.send_str(text)

    async def _answer(self, request: web.Request, body: dict[str, Any] | None) -> web.Response:
        self.asked.append(request.path_qs)
        await self.answering.wait()
        await asyncio.sleep(self.latency_s)
        if self.refusal is not None:
            status, headers = self.refusal
            return web.json_response({"error": "no"}, status=status, headers=headers)
        return web.json_response({"error": "not found"}, status=404) if body is None else web.json_response(body)

    async def _event(self, request: web.Request) -> web.Response:
        return await self._answer(request, self.events.get(request.match_info["slug"]))

    async def _market_info(self, request: web.Request) -> web.Response:
        return await self._answer(request, self.market_infos.get(request.match_info["condition"]))

    async def _book(self, request: web.Request) -> web.Response:
        return await self._answer(request, self.books.get(request.query["token_id"]))

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._hear(socket, message.data)
        finally:
            self.sockets.remove(socket)
        return socket

    async def _hear(self, socket: web.WebSocketResponse, text: str) -> None:
        if text == "PING":
            await socket.send_str("PONG")
            return
        request = json.loads(text)
        self.heard.append(request)
        if self.dumps and request.get("operation") != "unsubscribe":
            await self._dump(socket, request["assets_ids"])

    async def _dump(self, socket: web.WebSocketResponse, asked: Iterable[str]) -> None:
        await socket.send_str(json.dumps([self.books[token] for token in asked if token in self.books]))
