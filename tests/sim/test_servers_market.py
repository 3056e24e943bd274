"""The market websocket: message shapes as recorded, and books that can be kept from its deltas."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from polyterm.core.market import COINS
from polyterm.sim.box import Box
from polyterm.sim.venues import peers
from tests.sim.clients import (
    KINDS,
    MARKET0_MS,
    frames_of_every_kind,
    get,
    listen,
    market_frames,
    of_type,
    open_market,
    recorded,
    running,
    shape,
    tokens,
)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box(seed=7, market0_ms=MARKET0_MS) as box:
        yield box


@pytest.fixture
async def late_box() -> AsyncIterator[Box]:
    """Five minutes before the window ends."""
    async with Box(seed=7, market0_ms=MARKET0_MS + 575_000) as box:
        yield box


@pytest.fixture
async def late_socket(late_box: Box) -> AsyncIterator[ClientConnection]:
    async with listen(late_box.endpoints.feeds.market_ws) as socket:
        yield socket


@pytest.fixture
async def socket(box: Box) -> AsyncIterator[ClientConnection]:
    async with listen(box.endpoints.feeds.market_ws) as socket:
        yield socket


async def run(box: Box, socket: ClientConnection, seconds: int, step_ms: int = 1000) -> list[Any]:
    for _ in range(seconds * 1000 // step_ms):
        await box.step(step_ms)
    return await market_frames(socket)


class Ladder:
    """A book kept as a trader would keep it: prices and sizes as exact text."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"BUY": {}, "SELL": {}}

    def replace(self, book: dict[str, Any]) -> None:
        self.sides = {
            "BUY": {level["price"]: level["size"] for level in book["bids"]},
            "SELL": {level["price"]: level["size"] for level in book["asks"]},
        }

    def change(self, change: dict[str, Any]) -> None:
        side = self.sides[change["side"]]
        if change["size"] == "0":
            side.pop(change["price"], None)
        else:
            side[change["price"]] = change["size"]

    def best(self) -> tuple[str, str]:
        bids, asks = self.sides["BUY"], self.sides["SELL"]
        return max(bids, key=float, default="0"), min(asks, key=float, default="1")


async def test_the_first_frame_is_an_array_with_one_book_per_token(box: Box, socket: ClientConnection) -> None:
    up, down = tokens(box, running(box))
    dump = await open_market(socket, (up, down, "12345"))
    assert [book["asset_id"] for book in dump] == [up, down]


async def test_levels_come_worst_first_and_down_mirrors_up(box: Box, socket: ClientConnection) -> None:
    up, down = await open_market(socket, tokens(box, running(box)))
    for book in (up, down):
        bids, asks = ([float(level["price"]) for level in book[side]] for side in ("bids", "asks"))
        assert bids == sorted(bids)
        assert asks == sorted(asks, reverse=True)
        assert bids[-1] < asks[-1]
    mirrored = [(f"{1 - float(level['price']):.4f}", level["size"]) for level in up["asks"]]
    assert mirrored == [(f"{float(level['price']):.4f}", level["size"]) for level in down["bids"]]


async def test_books_rebuilt_from_changes_equal_the_venues_own(late_box: Box, late_socket: ClientConnection) -> None:
    """All four coins to the window's end: every stated best after its change, and every level of ``/book``."""
    box, socket = late_box, late_socket
    ladders = {token: Ladder() for coin in COINS for token in tokens(box, running(box, coin))}
    for book in await open_market(socket, tuple(ladders)):
        ladders[book["asset_id"]].replace(book)
    compared = crossed = 0
    for _ in range(5):
        for frame in await run(box, socket, 60, step_ms=600):
            if frame["event_type"] == "book":
                ladders[frame["asset_id"]].replace(frame)
            for change in frame.get("price_changes", ()):
                ladder = ladders[change["asset_id"]]
                ladder.change(change)
                bid, ask = ladder.best()
                assert (bid, ask) == (change["best_bid"], change["best_ask"])
                compared += 1
                crossed += float(bid) >= float(ask)
        for token, ladder in ladders.items():
            rest = Ladder()
            rest.replace((await get(f"{box.endpoints.feeds.clob}/book", token_id=token)).json())
            assert ladder.sides == rest.sides
    assert compared > 5_000, compared
    assert crossed == 0


async def test_a_side_without_quotes_shows_as_zero_or_one(late_box: Box, late_socket: ClientConnection) -> None:
    box, socket = late_box, late_socket
    await open_market(socket, tuple(token for coin in COINS for token in tokens(box, running(box, coin))))
    frames = await run(box, socket, 300, step_ms=500)
    bests = {(frame["best_bid"], frame["best_ask"]) for frame in of_type(frames, "best_bid_ask")}
    one_sided = {(bid, ask) for bid, ask in bests if bid == "0" or ask == "1"}
    assert any(bid == "0" and ask != "1" for bid, ask in one_sided)
    assert any(ask == "1" and bid != "0" for bid, ask in one_sided)


async def test_messages_have_the_recorded_shapes(
    late_box: Box, late_socket: ClientConnection, recordings: Path
) -> None:
    box, socket = late_box, late_socket
    dump = await open_market(socket, tokens(box, running(box)))
    assert shape(dump[0]) == shape(recorded(recordings, "clob_ws_book_initial_list")[0][0])

    frames = await frames_of_every_kind(box, socket)
    ours = {kind: of_type(frames, kind) for kind in KINDS}
    recorded_shapes = {
        "price_change": shape(recorded(recordings, "clob_ws_price_change")[0]),
        "last_trade_price": shape(
            recorded(recordings, "clob_ws_market_misc", "live2026_ws_market_last_trade_price")[0][0]
        ),
        "best_bid_ask": shape(recorded(recordings, "clob_ws_market_misc", "ws_market_best_bid_ask_msg")[0]),
        "tick_size_change": shape(recorded(recordings, "clob_ws_market_misc", "ws_market_tick_size_msg")[0]),
        "market_resolved": shape(recorded(recordings, "clob_ws_market_misc", "ws_market_resolved_msg")[0]),
    }
    for kind, expected in recorded_shapes.items():
        assert ours[kind], kind
        assert all(shape(frame) == expected for frame in ours[kind]), kind
    assert all(shape(frame).keys() == shape(dump[0]).keys() for frame in ours["book"])

    listing = shape(recorded(recordings, "clob_ws_new_market")[0])
    listing["tags"] = ["text"]  # the recorded market has none
    assert [shape(frame) for frame in ours["new_market"]] == [listing] * len(ours["new_market"])


async def test_tokens_are_added_and_removed_while_connected(box: Box, socket: ClientConnection) -> None:
    running_tokens, next_tokens = tokens(box, running(box)), tokens(box, running(box).next())
    await open_market(socket, running_tokens)
    await socket.send(json.dumps({"operation": "subscribe", "assets_ids": [*running_tokens, *next_tokens]}))
    added = (await market_frames(socket))[0]
    assert [book["asset_id"] for book in added] == list(next_tokens)

    await socket.send(json.dumps({"operation": "unsubscribe", "assets_ids": running_tokens}))
    await market_frames(socket)
    heard = {frame["market"] for frame in await run(box, socket, 30)}
    assert heard == {added[0]["market"]}


async def test_custom_features_are_only_for_those_who_asked(box: Box, socket: ClientConnection) -> None:
    await open_market(socket, tokens(box, running(box)), custom=False)
    kinds = {frame["event_type"] for frame in await run(box, socket, 60)}
    assert {"book", "price_change", "last_trade_price"} <= kinds
    assert not kinds & {"best_bid_ask", "new_market", "market_resolved"}


async def test_the_dump_can_be_declined(box: Box, socket: ClientConnection) -> None:
    await socket.send(json.dumps({"type": "market", "assets_ids": tokens(box, running(box)), "initial_dump": False}))
    assert await market_frames(socket) == []


async def test_nonsense_is_refused_and_the_connection_lives(box: Box, socket: ClientConnection) -> None:
    await socket.send("{")
    assert await socket.recv() == "INVALID OPERATION"
    assert await open_market(socket, tokens(box, running(box)))


async def test_a_window_ends_with_its_winner_told(late_box: Box, late_socket: ClientConnection) -> None:
    box, socket = late_box, late_socket
    key = running(box)
    up, down = tokens(box, key)
    await open_market(socket, (up, down))
    (resolved,) = of_type(await run(box, socket, 400), "market_resolved")
    view = box.scene.view(key)
    assert view is not None
    assert (resolved["winning_outcome"], resolved["winning_asset_id"]) == {
        "up": ("Up", up),
        "down": ("Down", down),
    }[view.outcome or ""]
    closing_s = int(resolved["timestamp"]) / 1000 - key.end
    assert 15 <= closing_s <= 100
    gone = await get(f"{box.endpoints.feeds.clob}/book", token_id=up)
    assert (gone.status_code, gone.json()) == (404, {"error": "No orderbook exists for the requested token id"})


async def test_a_client_that_does_not_read_is_dropped(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "QUEUE_FRAMES", 3)
    async with listen(box.endpoints.feeds.market_ws) as slow:
        await open_market(slow, tuple(token for coin in COINS for token in tokens(box, running(box, coin))))
        await box.step(60_000)  # more frames in one step than its queue holds
        await asyncio.wait_for(slow.wait_closed(), timeout=5)
    assert slow.close_code == 1006
    before = box.now_ms
    await box.step(1000)
    assert box.now_ms == before + 1000
