"""Faults that hit a venue's front door: every request, websocket handshakes included."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from polyterm.sim.faults import Faults, VenueName

RETRY_AFTER_S = 1


def gate(faults: Faults, venue: VenueName) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if faults.active("disconnect", venue) and request.transport is not None:
            request.transport.abort()
            return web.Response(status=503)  # nobody hears it
        if faults.active("http_451", venue):
            return web.json_response({"code": 0, "msg": "Service unavailable from a restricted location"}, status=451)
        if faults.active("http_429", venue):
            return web.json_response(
                {"error": "too many requests"}, status=429, headers={"Retry-After": str(RETRY_AFTER_S)}
            )
        return await handler(request)

    return check
