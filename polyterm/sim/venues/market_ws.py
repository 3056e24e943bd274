"""The market websocket: ``/ws/market``."""

from collections.abc import Iterator
from typing import Final

import msgspec
from aiohttp import web

from polyterm.core.market import MarketKey
from polyterm.sim.venues.books import LevelMove
from polyterm.sim.venues.market_frames import (
    OUTCOMES,
    best_bid_ask_message,
    book_message,
    crossed_book_message,
    last_trade_message,
    new_market_message,
    price_change_message,
    resolved_message,
    tick_size_message,
)
from polyterm.sim.venues.peers import Audience, Peer
from polyterm.sim.venues.scene import MarketStep, Scene, Step

PATH: Final = "/ws/market"
_MALFORMED: Final = b'{"event_type":"price_change","market":"0x'
_UNKNOWN: Final = b'{"event_type":"market_weather","market":"0x00","outlook":"cloudy","timestamp":"0"}'
_REFUSED: Final = b"INVALID OPERATION"


class _Request(msgspec.Struct):
    """Both forms: the first frame (``type``) and later ones (``operation``)."""

    assets_ids: list[str]
    type: str | None = None
    operation: str | None = None
    custom_feature_enabled: bool | None = None
    initial_dump: bool = True


class _Out(msgspec.Struct, frozen=True):
    """A frame and whom it is for: subscribers of ``token``, else of the market ``key``, else everybody."""

    frame: bytes
    custom: bool = False
    key: MarketKey | None = None
    token: str | None = None


class MarketPeer(Peer):
    """``custom`` is the client's ``custom_feature_enabled``."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        super().__init__(request, socket)
        self.tokens: set[str] = set()
        self.keys: set[MarketKey] = set()
        self.custom = False

    def wants(self, out: _Out) -> bool:
        if out.custom and not self.custom:
            return False
        if out.token is not None:
            return out.token in self.tokens
        return out.key is None or out.key in self.keys


class MarketSocket:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._encoder = msgspec.json.Encoder()
        self._requests = msgspec.json.Decoder(_Request)
        self._second = 0
        self.audience: Audience[MarketPeer] = Audience()

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self._connect)]

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        return await self.audience.attend(request, MarketPeer, self._on_text)

    def _on_text(self, peer: MarketPeer, text: str) -> None:
        if text == "PING":
            peer.send(b"PONG")
            return
        try:
            request = self._requests.decode(text)
        except msgspec.DecodeError:
            peer.send(_REFUSED)
            return
        if request.custom_feature_enabled is not None:
            peer.custom = request.custom_feature_enabled
        if request.operation == "unsubscribe":
            peer.tokens.difference_update(request.assets_ids)
        elif request.operation == "subscribe" or request.type == "market":
            added = [token for token in dict.fromkeys(request.assets_ids) if token not in peer.tokens]
            peer.tokens.update(added)
            if request.initial_dump:
                self._dump(peer, added)
        else:
            peer.send(_REFUSED)
        peer.keys = {found[0].key for found in map(self._scene.by_token, peer.tokens) if found is not None}

    def _dump(self, peer: MarketPeer, tokens: list[str]) -> None:
        """One array with a book per token; unknown tokens and those of resolved markets have none."""
        found = list(filter(None, map(self._scene.by_token, tokens)))
        heard = [(listing, side) for listing, side in found if not self._silent(listing.key)]
        if found and not heard:
            return
        peer.send(
            self._encoder.encode(
                [
                    book_message(listing, self._scene.book(listing.key), side)
                    for listing, side in heard
                    if self._scene.result(listing.key) is None
                ]
            )
        )

    def _silent(self, market: MarketKey | None) -> bool:
        return self._scene.faults.active("silence", "market", None if market is None else market.coin)

    def step(self, step: Step) -> None:
        second = step.at_ms // 1000
        new_second, self._second = second != self._second, second
        if not self.audience:
            return
        watched = self._watched()
        for market in step.markets:
            if market.listed or market.listing.key in watched:
                for out in self._of_market(market):
                    self._send(out, market.listing.key)
        if new_second:
            for out in self._odd_frames():
                self._send(out, out.key)

    def _watched(self) -> set[MarketKey]:
        return {key for peer in self.audience for key in peer.keys}

    def _send(self, out: _Out, market: MarketKey | None) -> None:
        if self._silent(market):
            return
        for peer in self.audience:
            if peer.wants(out):
                peer.send(out.frame)

    def _of_market(self, step: MarketStep) -> Iterator[_Out]:
        listing, book, key = step.listing, step.book, step.listing.key
        encode = self._encoder.encode
        if step.listed:
            yield _Out(encode(new_market_message(listing, book, self._scene.now_ms)), custom=True)
        if step.reticked is not None:
            for side in OUTCOMES:
                frame = encode(tick_size_message(listing, step.reticked, side))
                yield _Out(frame, token=listing.token(side))
        elif moves := self._sent_moves(step):
            yield _Out(encode(price_change_message(listing, book, moves)), key=key)
        for trade in step.trades:
            yield _Out(encode(last_trade_message(listing, trade)), token=listing.token(trade.event.side))
        if step.trades or step.reticked is not None:
            for side in OUTCOMES:
                yield _Out(encode(book_message(listing, book, side)), token=listing.token(side))
        if book.best() != step.best_before:
            for side in OUTCOMES:
                frame = encode(best_bid_ask_message(listing, book, side))
                yield _Out(frame, custom=True, token=listing.token(side))
        if step.resolved is not None:
            yield _Out(encode(resolved_message(listing, step.resolved)), custom=True, key=key)

    def _sent_moves(self, step: MarketStep) -> list[LevelMove]:
        """All moves, or with the fault "lost_delta" only those that leave the best prices where they were."""
        if not self._scene.faults.active("lost_delta", "market", step.listing.key.coin):
            return list(step.moves)
        best = [step.best_before, *((move.best_bid, move.best_ask) for move in step.moves)]
        return [move for move, before, after in zip(step.moves, best, best[1:], strict=False) if before == after]

    def _odd_frames(self) -> Iterator[_Out]:
        """What the faults make the venue say once a second."""
        faults = self._scene.faults
        if faults.active("malformed", "market"):
            yield _Out(_MALFORMED)
        if faults.active("unknown_type", "market"):
            yield _Out(_UNKNOWN)
        for key in self._watched():
            if not faults.active("crossed_book", "market", key.coin):
                continue
            listing = self._scene.listing(key)
            if listing is None:
                continue
            for side in OUTCOMES:
                message = crossed_book_message(listing, self._scene.book(key), side)
                if message is not None:
                    yield _Out(self._encoder.encode(message), key=key, token=message.asset_id)
