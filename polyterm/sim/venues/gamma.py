"""Market discovery: events and markets by slug, behind a cache as on the venue."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from polyterm.core.market import parse_slug
from polyterm.sim.venues.gamma_records import event_record, market_record
from polyterm.sim.venues.scene import Listing, Scene
from polyterm.sim.views import MarketView

CACHE_MS: Final = 60_000
"""How long (market time) an answer is repeated to the very same URL; the venue's edge does so for up to 300 s."""

_CACHE_ENTRIES: Final = 512
_Record = Callable[[Scene, Listing, MarketView], dict[str, Any]]


class _Cached(msgspec.Struct, frozen=True):
    body: bytes
    at_ms: int


class Discovery:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._cache: dict[str, _Cached] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/events/slug/{slug}", self._event),
            web.get("/markets/slug/{slug}", self._market),
        ]

    async def _event(self, request: web.Request) -> web.Response:
        return self._answer(request, event_record)

    async def _market(self, request: web.Request) -> web.Response:
        return self._answer(request, market_record)

    def _answer(self, request: web.Request, record: _Record) -> web.Response:
        cached = self._cache.get(request.path_qs)
        if cached is not None and self._scene.now_ms - cached.at_ms < CACHE_MS:
            return _json(cached.body)
        key = parse_slug(request.match_info["slug"])
        listing = None if key is None else self._scene.listing(key)
        view = None if key is None else self._scene.view(key)
        if listing is None or view is None:
            return web.json_response({"type": "not found error", "error": "slug not found"}, status=404)
        body = msgspec.json.encode(record(self._scene, listing, view))
        self._remember(request.path_qs, body)
        return _json(body)

    def _remember(self, url: str, body: bytes) -> None:
        if len(self._cache) >= _CACHE_ENTRIES:
            now_ms = self._scene.now_ms
            self._cache = {url: each for url, each in self._cache.items() if now_ms - each.at_ms < CACHE_MS}
        if len(self._cache) < _CACHE_ENTRIES:
            self._cache[url] = _Cached(body, self._scene.now_ms)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
