"""Plain clients of the simulated venues, and how two JSON shapes are compared."""

import json
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from polyterm.core.market import COINS, Coin, MarketKey, slug, window_epoch
from polyterm.sim.box import Box

MARKET0_MS = 1_795_343_425_000
"""25 s into the window that starts at 1 795 343 400 (22 November 2026, 10:30 UTC)."""


def running(box: Box, coin: Coin = "btc") -> MarketKey:
    return MarketKey(coin, "15m", window_epoch(box.now_ms // 1000, "15m"))


def tokens(box: Box, key: MarketKey) -> tuple[str, str]:
    listing = box.scene.listing(key)
    assert listing is not None
    return listing.up_token, listing.down_token


def listen(url: str) -> connect:
    """A connection that keeps every frame until it is read."""
    return connect(url, compression=None, max_queue=None)


async def open_market(
    socket: ClientConnection, assets: tuple[str, ...], *, custom: bool = True
) -> list[dict[str, Any]]:
    """Subscribe; the initial dump."""
    await socket.send(json.dumps({"type": "market", "assets_ids": assets, "custom_feature_enabled": custom}))
    return json.loads(await socket.recv())


async def market_frames(socket: ClientConnection) -> list[Any]:
    """Every frame sent so far: a PING is answered after all that was sent before."""
    await socket.send("PING")
    frames: list[Any] = []
    async for text in socket:
        if text == "PONG":
            return frames
        frames.append(json.loads(text))
    raise AssertionError("the venue hung up")


KINDS = {
    "book", "price_change", "last_trade_price", "best_bid_ask", "tick_size_change", "new_market", "market_resolved",
}  # fmt: skip


async def frames_of_every_kind(box: Box, socket: ClientConnection) -> list[Any]:
    """Run until each type of message has been seen, over as many windows as that takes (few)."""
    frames: list[Any] = []
    for _ in range(60):
        assets = [token for coin in COINS for token in tokens(box, running(box, coin))]
        await socket.send(json.dumps({"operation": "subscribe", "assets_ids": assets, "custom_feature_enabled": True}))
        for _ in range(60):
            await box.step(1000)
        frames += await market_frames(socket)
        if {frame["event_type"] for frame in frames if isinstance(frame, dict)} == KINDS:
            return frames
    raise AssertionError("some type of message never came")


async def spot_frames(socket: ClientConnection) -> list[Any]:
    await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 99}))
    frames: list[Any] = []
    async for text in socket:
        frame = json.loads(text)
        if frame.get("id") == 99:
            return frames
        frames.append(frame)
    raise AssertionError("the venue hung up")


async def price_frames(socket: ClientConnection) -> list[Any]:
    await socket.send(json.dumps({"op": "ping", "rid": "end"}))
    frames: list[Any] = []
    async for text in socket:
        frame = json.loads(text)
        if frame.get("op") == "pong":
            return frames
        frames.append(frame)
    raise AssertionError("the venue hung up")


async def authenticate(socket: ClientConnection, box: Box) -> dict[str, Any]:
    key = box.endpoints.credentials
    auth = {"apiKey": key.api_key, "secret": key.secret, "passphrase": key.passphrase}
    await socket.send(json.dumps({"op": "auth", "rid": "1", "auth": auth}))
    return json.loads(await socket.recv())


async def get(url: str, **params: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return await client.get(url, params=params)


async def gamma_event(box: Box, key: MarketKey, nonce: str = "") -> dict[str, Any]:
    """The event as the page shows it; another ``nonce`` goes around the cache."""
    return (await get(f"{box.endpoints.feeds.gamma}/events/slug/{slug(key)}", _=nonce)).json()


def of_type(frames: list[Any], event_type: str) -> list[dict[str, Any]]:
    return [frame for frame in frames if isinstance(frame, dict) and frame.get("event_type") == event_type]


def recorded(recordings: Path, file: str, name: str | None = None) -> list[Any]:
    lines = (recordings / "messages" / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [json.loads(row["raw"]) for row in rows if name is None or row.get("name") == name]


_SCALARS = ((bool, "bool"), (int, "number"), (float, "number"), (str, "text"), (type(None), "null"))


def shape(value: Any) -> Any:
    """Keys and JSON types; a list has the shape of its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return next(name for kind, name in _SCALARS if isinstance(value, kind))
