"""The order book's REST interface: time, books and market parameters."""

from typing import Any, Final

import msgspec
from aiohttp import web

from polyterm.core.market import slug
from polyterm.sim.venues.market_frames import OUTCOMES, book_hash, last_trade_text, tick_text, token_levels
from polyterm.sim.venues.market_messages import Level
from polyterm.sim.venues.names import describe, title
from polyterm.sim.venues.scene import Listing, Scene
from polyterm.sim.venues.text import iso, number

MIN_SIZE: Final = 5
_NO_BOOK: Final = "No orderbook exists for the requested token id"


class RestBook(msgspec.Struct, frozen=True):
    market: str
    asset_id: str
    timestamp: str
    hash: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    min_order_size: str
    tick_size: str
    neg_risk: bool
    last_trade_price: str


class OrderBookRest:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/ok", self._ok),
            web.get("/time", self._time),
            web.get("/book", self._book),
            web.get("/tick-size", self._tick_size),
            web.get("/markets/{condition_id}", self._market),
            web.get("/clob-markets/{condition_id}", self._market_info),
        ]

    async def _ok(self, _: web.Request) -> web.Response:
        return web.json_response("OK")

    async def _time(self, _: web.Request) -> web.Response:
        return web.json_response(self._scene.now_ms // 1000)

    async def _book(self, request: web.Request) -> web.Response:
        token = request.query.get("token_id")
        if not token:
            return _refuse(400, "Invalid token id")
        found = self._scene.by_token(token)
        if found is None or self._scene.result(found[0].key) is not None:
            return _refuse(404, _NO_BOOK)
        listing, side = found
        book = self._scene.book(listing.key)
        bids, asks = token_levels(book, side)
        answer = RestBook(
            market=listing.condition_id,
            asset_id=token,
            timestamp=str(book.changed_ms),
            hash=book_hash(book, token),
            bids=bids,
            asks=asks,
            min_order_size=str(MIN_SIZE),
            tick_size=tick_text(book.ticks_per_dollar),
            neg_risk=False,
            last_trade_price=last_trade_text(book, side),
        )
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def _tick_size(self, request: web.Request) -> web.Response:
        found = self._scene.by_token(request.query.get("token_id", ""))
        if found is None:
            return _refuse(404, "market not found")
        return web.json_response({"minimum_tick_size": 1 / self._scene.book(found[0].key).ticks_per_dollar})

    async def _market(self, request: web.Request) -> web.Response:
        listing = self._scene.by_condition(request.match_info["condition_id"])
        if listing is None:
            return _refuse(404, "market not found")
        return web.json_response(self._market_record(listing))

    async def _market_info(self, request: web.Request) -> web.Response:
        listing = self._scene.by_condition(request.match_info["condition_id"])
        if listing is None:
            return _refuse(404, "market not found")
        closed = self._scene.result(listing.key) is not None
        return web.json_response(
            {
                "c": listing.condition_id,
                "t": [{"t": listing.token(side), "o": name} for side, name in OUTCOMES.items()],
                "mos": MIN_SIZE,
                "mts": 1 / self._scene.book(listing.key).ticks_per_dollar,
                "mbf": 1000,
                "tbf": 1000,
                "ao": not closed,
                "fd": {"r": 0.07, "e": 1, "to": True},
                "itode": True,
                "sd": 0,
                "v": "v1",
            }
        )

    def _market_record(self, listing: Listing) -> dict[str, Any]:
        key, result = listing.key, self._scene.result(listing.key)
        book = self._scene.book(key)
        best_bid, best_ask = book.best()
        mid = ((best_bid or 0) + (book.ticks_per_dollar if best_ask is None else best_ask)) / 2 / book.ticks_per_dollar
        prices = {side: mid if side == "up" else 1 - mid for side in OUTCOMES}
        if result is not None:
            prices = {side: float(side == result.outcome) for side in OUTCOMES}
        return {
            "enable_order_book": result is None,
            "active": True,
            "closed": result is not None,
            "archived": False,
            "accepting_orders": result is None,
            "accepting_order_timestamp": iso((key.epoch - 86400) * 1000),
            "minimum_order_size": MIN_SIZE,
            "minimum_tick_size": 1 / book.ticks_per_dollar,
            "condition_id": listing.condition_id,
            "question_id": "0x" + listing.condition_id[:1:-1],
            "question": title(key),
            "description": describe(key),
            "market_slug": slug(key),
            "end_date_iso": iso(key.end * 1000),
            "game_start_time": iso(key.epoch * 1000),
            "seconds_delay": 0,
            "fpmm": "",
            "maker_base_fee": 1000,
            "taker_base_fee": 1000,
            "notifications_enabled": True,
            "neg_risk": False,
            "neg_risk_market_id": "",
            "neg_risk_request_id": "",
            "icon": "",
            "image": "",
            "rewards": {"rates": None, "min_size": 50, "max_spread": 4.5},
            "is_50_50_outcome": False,
            "tokens": [
                {
                    "token_id": listing.token(side),
                    "outcome": name,
                    "price": number(round(prices[side], 4)),
                    "winner": result is not None and result.outcome == side,
                }
                for side, name in OUTCOMES.items()
            ],
            "tags": ["Up or Down", "Crypto"],
        }


def _refuse(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)
