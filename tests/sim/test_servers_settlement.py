"""The price stream: credentials, snapshots and sequence numbers."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from polyterm.sim.box import Box
from tests.sim.clients import MARKET0_MS, authenticate, listen, price_frames, running

TWAP = "price.crypto.twap"
BTC_TWAP = {"channel": TWAP, "filter": {"symbol": "btcusd", "window_seconds": 60}}
BTC_SPOT = {"channel": "price.crypto", "filter": {"symbol": "btcusd"}}


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box(seed=7, market0_ms=MARKET0_MS, coins=("btc", "eth")) as box:
        yield box


@pytest.fixture
async def socket(box: Box) -> AsyncIterator[ClientConnection]:
    async with listen(box.endpoints.feeds.settlement_ws) as socket:
        yield socket


async def subscribe(socket: ClientConnection, *items: dict[str, Any]) -> list[dict[str, Any]]:
    await socket.send(json.dumps({"op": "subscribe", "rid": "2", "subscriptions": items}))
    return await price_frames(socket)


async def test_the_boxs_credentials_are_accepted(box: Box, socket: ClientConnection) -> None:
    assert await authenticate(socket, box) == {"op": "authed", "rid": "1"}


async def test_wrong_credentials_are_refused_and_the_connection_closed(socket: ClientConnection) -> None:
    wrong = {"apiKey": "k", "secret": "s", "passphrase": "p"}
    await socket.send(json.dumps({"op": "auth", "rid": "1", "auth": wrong}))
    assert json.loads(await socket.recv()) == {"op": "error", "rid": "1", "code": "auth_invalid"}
    await socket.wait_closed()
    assert socket.close_code == 4001


async def test_nothing_is_told_without_credentials(box: Box, socket: ClientConnection) -> None:
    refused = {"op": "error", "rid": "2", "channel": TWAP, "code": "auth_required"}
    assert await subscribe(socket, BTC_TWAP) == [refused]
    await box.step(5000)
    assert await price_frames(socket) == []


async def test_each_subscription_gets_an_answer_and_two_minutes_of_history(box: Box, socket: ClientConnection) -> None:
    await authenticate(socket, box)
    acked, snapshot, spot_acked, spot_snapshot = await subscribe(socket, BTC_TWAP, BTC_SPOT)
    assert acked == {"op": "subscribed", "rid": "2", "channel": TWAP}
    assert spot_acked == {"op": "subscribed", "rid": "2", "channel": "price.crypto"}
    assert (snapshot["v"], snapshot["channel"], snapshot["seq"], snapshot["ts"]) == (1, TWAP, 1, MARKET0_MS)
    assert snapshot["snapshot"] is True
    assert snapshot["payload"].keys() == {"symbol", "source", "window_seconds", "data"}
    assert spot_snapshot["payload"].keys() == {"symbol", "source", "data"}
    stamps = [point["timestamp"] for point in snapshot["payload"]["data"]]
    assert stamps == sorted(set(stamps))
    assert all(stamp % 1000 == 0 for stamp in stamps)
    assert 100 <= len(stamps) <= 120
    assert stamps[0] < running(box).epoch * 1000 < stamps[-1]  # so a late client finds the window's strike
    assert stamps[-1] < MARKET0_MS - 500  # delivered about a second late


async def test_a_repeated_subscription_gets_no_second_snapshot(box: Box, socket: ClientConnection) -> None:
    await authenticate(socket, box)
    await subscribe(socket, BTC_TWAP)
    assert await subscribe(socket, BTC_TWAP) == [{"op": "subscribed", "rid": "2", "channel": TWAP}]


async def test_updates_count_per_channel_and_carry_the_exact_value(box: Box, socket: ClientConnection) -> None:
    await authenticate(socket, box)
    eth = {"channel": TWAP, "filter": {"symbol": "ethusd", "window_seconds": 60}}
    await subscribe(socket, BTC_TWAP, eth, BTC_SPOT)
    await box.step(10_000)
    frames = await price_frames(socket)
    twap = [frame for frame in frames if frame["channel"] == TWAP]
    spot = [frame for frame in frames if frame["channel"] == "price.crypto"]
    assert [frame["seq"] for frame in twap] == list(range(3, 3 + len(twap)))  # two snapshots came before
    assert [frame["seq"] for frame in spot] == list(range(2, 2 + len(spot)))
    assert {frame["payload"]["symbol"] for frame in twap} == {"btcusd", "ethusd"}
    update = twap[0]
    assert update.keys() == {"v", "channel", "seq", "ts", "payload"}
    assert update["payload"].keys() == {
        "symbol", "value", "full_accuracy_value", "timestamp", "source", "window_seconds",
    }  # fmt: skip
    assert float(update["payload"]["full_accuracy_value"]) == update["payload"]["value"]
    assert "e" not in update["payload"]["full_accuracy_value"]
    assert update["ts"] > update["payload"]["timestamp"]


async def test_unsubscribing_stops_a_channel(box: Box, socket: ClientConnection) -> None:
    await authenticate(socket, box)
    await subscribe(socket, BTC_TWAP)
    await socket.send(json.dumps({"op": "unsubscribe", "rid": "3", **BTC_TWAP}))
    assert await price_frames(socket) == [{"op": "unsubscribed", "rid": "3", "channel": TWAP}]
    await box.step(3000)
    assert await price_frames(socket) == []


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"channel": "price.weather", "filter": {"symbol": "btcusd"}}, "bad_channel"),
        ({"channel": TWAP, "filter": {"symbol": "btcusd", "window_seconds": 30}}, "bad_filter"),
        ({"channel": TWAP, "filter": {"symbol": "btc/usd", "window_seconds": 60}}, "bad_filter"),
    ],
)
async def test_what_does_not_exist_is_refused_by_code(
    box: Box, socket: ClientConnection, item: dict[str, Any], code: str
) -> None:
    await authenticate(socket, box)
    assert await subscribe(socket, item) == [{"op": "error", "rid": "2", "channel": item["channel"], "code": code}]


async def test_nonsense_is_answered_and_the_connection_lives(box: Box, socket: ClientConnection) -> None:
    await socket.send("{")
    assert json.loads(await socket.recv()) == {"op": "error", "code": "bad_op"}
    assert (await authenticate(socket, box))["op"] == "authed"


async def test_the_ninth_try_to_authenticate_is_one_too_many(box: Box, socket: ClientConnection) -> None:
    for _ in range(8):
        assert (await authenticate(socket, box))["op"] == "authed"
    assert (await authenticate(socket, box))["code"] == "auth_attempts"
    await socket.wait_closed()
    assert socket.close_code == 4008
