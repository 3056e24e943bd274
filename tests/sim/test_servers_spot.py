"""The exchange's streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polyterm.sim.box import Box
from tests.sim.clients import MARKET0_MS, listen, recorded, shape, spot_frames


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box(seed=7, market0_ms=MARKET0_MS) as box:
        yield box


def combined(box: Box, *streams: str) -> str:
    return f"{box.endpoints.feeds.binance_ws[0]}/stream?streams={'/'.join(streams)}"


async def test_trades_have_the_recorded_shape(box: Box, recordings: Path) -> None:
    async with listen(combined(box, "btcusdt@trade", "ethusdt@trade")) as socket:
        await box.step(10_000)
        frames = await spot_frames(socket)
    assert {frame["stream"] for frame in frames} == {"btcusdt@trade", "ethusdt@trade"}
    expected = shape(recorded(recordings, "binance_ws_trade")[0])
    assert all(shape(frame) == expected for frame in frames)


async def test_book_ticker_has_decimal_text_and_no_time(box: Box) -> None:
    async with listen(combined(box, "btcusdt@bookTicker")) as socket:
        await box.step(10_000)
        await box.step(10_000)
        frames = await spot_frames(socket)
    assert [frame["stream"] for frame in frames] == ["btcusdt@bookTicker"] * 2
    first, second = (frame["data"] for frame in frames)
    assert first.keys() == {"u", "s", "b", "B", "a", "A"}
    assert first["s"] == "BTCUSDT"
    assert second["u"] > first["u"]
    quote = box.scene.world.spot("btc")
    assert (float(second["b"]), float(second["a"])) == (quote.bid, quote.ask)
    assert [len(second[name].split(".")[1]) for name in "bBaA"] == [8, 8, 8, 8]


async def test_agg_trades_carry_emit_and_trade_time(box: Box) -> None:
    async with listen(combined(box, "solusdt@aggTrade")) as socket:
        await box.step(10_000)
        frames = await spot_frames(socket)
    assert frames
    for frame in frames:
        trade = frame["data"]
        assert trade.keys() == set("eEsapqflTmM")
        assert (trade["e"], trade["s"]) == ("aggTrade", "SOLUSDT")
        assert MARKET0_MS < trade["T"] <= trade["E"] <= box.now_ms


async def test_a_raw_stream_sends_the_bare_payload(box: Box) -> None:
    async with listen(f"{box.endpoints.feeds.binance_ws[0]}/ws/xrpusdt@bookTicker") as socket:
        await box.step(10_000)
        (frame,) = await spot_frames(socket)  # only the newest quote of a step
    assert frame["s"] == "XRPUSDT"


async def test_streams_are_subscribed_while_connected(box: Box) -> None:
    async with listen(combined(box, "btcusdt@bookTicker")) as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": ["ethusdt@bookTicker"], "id": 1}))
        assert json.loads(await socket.recv()) == {"result": None, "id": 1}
        await socket.send(json.dumps({"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 2}))
        assert json.loads(await socket.recv()) == {"result": None, "id": 2}
        await box.step(10_000)
        assert [frame["stream"] for frame in await spot_frames(socket)] == ["ethusdt@bookTicker"]


async def test_protocol_pings_are_answered(box: Box) -> None:
    async with listen(combined(box, "btcusdt@bookTicker")) as socket:
        await asyncio.wait_for(await socket.ping(), timeout=5)
