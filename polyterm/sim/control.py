"""The simulator's own port: where everything is, and its faults."""

from collections.abc import Callable

import msgspec
from aiohttp import web

from polyterm.core.market import Coin
from polyterm.sim.faults import FAULTS, FaultKind, Faults, Switched, VenueName


class FaultOrder(msgspec.Struct, frozen=True):
    """``for_s`` is wall seconds; None means until it is switched off."""

    name: str
    on: bool
    venue: VenueName | None = None
    coin: Coin | None = None
    for_s: float | None = None


class FaultList(msgspec.Struct, frozen=True):
    known: tuple[FaultKind, ...]
    on: tuple[Switched, ...]


class Control:
    def __init__(self, endpoints: Callable[[], msgspec.Struct], faults: Faults) -> None:
        self._endpoints = endpoints
        self._faults = faults
        self._orders = msgspec.json.Decoder(FaultOrder)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/endpoints", self._tell_endpoints),
            web.get("/faults", self._tell_faults),
            web.post("/faults", self._switch),
        ]

    async def _tell_endpoints(self, _: web.Request) -> web.Response:
        return _json(self._endpoints())

    async def _tell_faults(self, _: web.Request) -> web.Response:
        return _json(FaultList(FAULTS, self._faults.switched()))

    async def _switch(self, request: web.Request) -> web.Response:
        try:
            order = self._orders.decode(await request.read())
            if order.on:
                self._faults.on(order.name, venue=order.venue, coin=order.coin, for_s=order.for_s)
            else:
                self._faults.off(order.name, venue=order.venue, coin=order.coin)
        except ValueError as error:  # a msgspec.DecodeError is one
            return web.json_response({"error": str(error)}, status=400)
        return _json(FaultList(FAULTS, self._faults.switched()))


def _json(value: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
