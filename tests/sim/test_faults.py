"""Every fault as a client of the venue meets it, and the switchboard itself."""

import json
from collections.abc import AsyncIterator
from typing import Any, get_args

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

from polyterm.core.market import slug
from polyterm.sim.box import Box
from polyterm.sim.faults import FAULTS, Faults, VenueName
from tests.sim.clients import (
    MARKET0_MS,
    authenticate,
    gamma_event,
    get,
    listen,
    market_frames,
    of_type,
    open_market,
    price_frames,
    running,
    spot_frames,
    tokens,
)

TWAPS = [
    {"channel": "price.crypto.twap", "filter": {"symbol": f"{coin}usd", "window_seconds": 60}}
    for coin in ("btc", "eth")
]


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box(seed=7, market0_ms=MARKET0_MS, coins=("btc", "eth")) as box:
        yield box


@pytest.fixture
async def market(box: Box) -> AsyncIterator[ClientConnection]:
    """Subscribed to the running windows of btc and eth."""
    async with listen(box.endpoints.feeds.market_ws) as socket:
        await open_market(socket, tokens(box, running(box, "btc")) + tokens(box, running(box, "eth")))
        yield socket


@pytest.fixture
async def spot(box: Box) -> AsyncIterator[ClientConnection]:
    streams = "btcusdt@bookTicker/btcusdt@aggTrade/ethusdt@bookTicker"
    async with listen(f"{box.endpoints.feeds.binance_ws[0]}/stream?streams={streams}") as socket:
        yield socket


@pytest.fixture
async def prices(box: Box) -> AsyncIterator[ClientConnection]:
    async with listen(box.endpoints.feeds.settlement_ws) as socket:
        await authenticate(socket, box)
        await socket.send(json.dumps({"op": "subscribe", "rid": "2", "subscriptions": TWAPS}))
        await price_frames(socket)
        yield socket


async def run(box: Box, seconds: int = 10) -> None:
    for _ in range(seconds):
        await box.step(1000)


async def test_silence_stops_data_but_not_the_answers_to_pings(
    box: Box, market: ClientConnection, spot: ClientConnection, prices: ClientConnection
) -> None:
    box.faults.on("silence")
    await run(box)
    assert await market_frames(market) == []  # the PONG came
    assert await spot_frames(spot) == []
    assert await price_frames(prices) == []
    async with listen(box.endpoints.feeds.market_ws) as late:
        await late.send(json.dumps({"type": "market", "assets_ids": tokens(box, running(box))}))
        assert await market_frames(late) == []
    box.faults.off("silence")
    await run(box)
    assert await market_frames(market)
    assert await spot_frames(spot)
    assert await price_frames(prices)


async def test_silence_of_one_coin_leaves_the_others_alone(
    box: Box, market: ClientConnection, spot: ClientConnection, prices: ClientConnection
) -> None:
    box.faults.on("silence", coin="btc")
    await run(box)
    eth = box.scene.listing(running(box, "eth"))
    assert eth is not None
    assert {frame["market"] for frame in await market_frames(market)} == {eth.condition_id}
    assert {frame["stream"] for frame in await spot_frames(spot)} == {"ethusdt@bookTicker"}
    assert {frame["payload"]["symbol"] for frame in await price_frames(prices)} == {"ethusd"}


async def test_a_broken_connection_says_no_goodbye_and_none_can_be_made(
    box: Box, market: ClientConnection, spot: ClientConnection
) -> None:
    box.faults.on("disconnect", venue="market")
    await market.wait_closed()
    assert market.close_code == 1006
    with pytest.raises((InvalidHandshake, InvalidMessage, OSError)):
        await connect(box.endpoints.feeds.market_ws)
    await run(box)
    assert await spot_frames(spot)  # the other venue is well
    box.faults.off("disconnect")
    async with listen(box.endpoints.feeds.market_ws) as again:
        assert await open_market(again, tokens(box, running(box)))


async def test_a_break_of_zero_seconds_lets_clients_back_at_once(box: Box, market: ClientConnection) -> None:
    box.faults.on("disconnect", for_s=0)
    await market.wait_closed()
    async with listen(box.endpoints.feeds.market_ws) as again:
        assert await open_market(again, tokens(box, running(box)))


async def test_a_rest_venue_can_hang_up_too(box: Box) -> None:
    box.faults.on("disconnect", venue="gamma")
    with pytest.raises(httpx.RemoteProtocolError):
        await gamma_event(box, running(box))
    assert (await get(f"{box.endpoints.feeds.clob}/time")).status_code == 200


def rebuilt_differs(frames: list[Any], dump: list[dict[str, Any]]) -> bool:
    """Whether a book kept from these frames ever has another best price than the venue says."""
    books = {book["asset_id"]: _levels(book) for book in dump}
    for frame in frames:
        if frame["event_type"] == "book":
            books[frame["asset_id"]] = _levels(frame)
        for change in frame.get("price_changes", ()):
            book = books[change["asset_id"]]
            book[change["side"]][float(change["price"])] = float(change["size"])
            bids, asks = ([price for price, size in book[side].items() if size] for side in ("BUY", "SELL"))
            if (max(bids, default=0), min(asks, default=1)) != (float(change["best_bid"]), float(change["best_ask"])):
                return True
    return False


def _levels(book: dict[str, Any]) -> dict[str, dict[float, float]]:
    return {
        "BUY": {float(level["price"]): float(level["size"]) for level in book["bids"]},
        "SELL": {float(level["price"]): float(level["size"]) for level in book["asks"]},
    }


@pytest.mark.parametrize("faulty", [True, False])
async def test_a_lost_delta_shows_against_the_venues_own_best(box: Box, faulty: bool) -> None:
    async with listen(box.endpoints.feeds.market_ws) as socket:
        dump = await open_market(socket, tokens(box, running(box)))
        if faulty:
            box.faults.on("lost_delta", coin="btc")
        await run(box, 60)
        assert rebuilt_differs(await market_frames(socket), dump) is faulty


async def test_a_crossed_book_is_sent_once_a_second(box: Box, market: ClientConnection) -> None:
    box.faults.on("crossed_book", coin="btc")
    await run(box, 5)
    crossed = [
        book["asset_id"]
        for book in of_type(await market_frames(market), "book")
        if float(book["bids"][-1]["price"]) >= float(book["asks"][-1]["price"])
    ]
    assert sorted(crossed) == sorted(tokens(box, running(box)) * 5)
    rest = (await get(f"{box.endpoints.feeds.clob}/book", token_id=tokens(box, running(box))[0])).json()
    assert float(rest["bids"][-1]["price"]) < float(rest["asks"][-1]["price"])
    box.faults.off("crossed_book")
    await run(box, 5)
    assert not any(
        float(book["bids"][-1]["price"]) >= float(book["asks"][-1]["price"])
        for book in of_type(await market_frames(market), "book")
    )


async def test_a_late_resolution_is_late_on_every_channel_and_comes_after_the_fault(
    box: Box, market: ClientConnection
) -> None:
    btc, eth = running(box, "btc"), running(box, "eth")
    listing = box.scene.listing(btc)
    assert listing is not None
    box.faults.on("late_resolution", coin="btc")
    while box.now_ms < (btc.end + 150) * 1000:
        await box.step(5000)
    resolved = {frame["market"] for frame in of_type(await market_frames(market), "market_resolved")}
    assert listing.condition_id not in resolved
    assert len(resolved) == 1
    assert not (await gamma_event(box, btc))["closed"]
    assert (await gamma_event(box, eth))["closed"]
    clob = f"{box.endpoints.feeds.clob}/markets/{listing.condition_id}"
    assert not (await get(clob)).json()["closed"]

    box.faults.off("late_resolution")
    await box.step(1000)
    (told,) = of_type(await market_frames(market), "market_resolved")
    assert (told["market"], told["timestamp"]) == (listing.condition_id, str(box.now_ms))
    assert (await gamma_event(box, btc, "fresh"))["closed"]
    assert (await get(clob)).json()["closed"]


async def test_451_refuses_the_exchanges_handshake_and_rest(box: Box) -> None:
    box.faults.on("http_451")
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{box.endpoints.feeds.binance_ws[0]}/stream?streams=btcusdt@bookTicker")
    assert refused.value.response.status_code == 451
    assert (await get(f"{box.endpoints.feeds.binance_rest}/api/v3/time")).status_code == 451
    assert (await get(f"{box.endpoints.feeds.clob}/time")).status_code == 200


async def test_429_says_when_to_come_back(box: Box) -> None:
    box.faults.on("http_429", venue="gamma")
    response = await get(f"{box.endpoints.feeds.gamma}/events/slug/{slug(running(box))}")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert (await get(f"{box.endpoints.feeds.clob}/time")).status_code == 200
    box.faults.on("http_429", venue="settlement")
    with pytest.raises(InvalidStatus) as refused:
        await connect(box.endpoints.feeds.settlement_ws)
    assert refused.value.response.status_code == 429


@pytest.mark.parametrize("fault", ["malformed", "unknown_type"])
async def test_odd_frames_come_once_a_second_between_good_ones(
    box: Box, market: ClientConnection, spot: ClientConnection, prices: ClientConnection, fault: str
) -> None:
    box.faults.on(fault)
    await run(box, 3)
    ends = {market: "PING", spot: '{"method":"LIST_SUBSCRIPTIONS"}', prices: '{"op":"ping"}'}
    for socket, end in ends.items():
        await socket.send(end)
        odd = good = 0
        async for text in socket:
            if text == "PONG" or '"result"' in str(text) or '"pong"' in str(text):
                break
            is_odd = _is_malformed(str(text)) if fault == "malformed" else "weather" in str(text)
            odd, good = odd + is_odd, good + (not is_odd)
        assert odd == 3
        assert good > 0


def _is_malformed(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


async def test_faults_are_switched_over_http(box: Box) -> None:
    url = f"{box.endpoints.control}/faults"
    async with httpx.AsyncClient(trust_env=False) as client:
        known = (await client.get(url)).json()["known"]
        assert [fault["name"] for fault in known] == [fault.name for fault in FAULTS]
        assert all(fault["explanation"].endswith(".") for fault in known)
        order = {"name": "silence", "on": True, "venue": "market", "coin": "eth", "for_s": 60}
        (on,) = (await client.post(url, json=order)).json()["on"]
        assert (on["name"], on["venue"], on["coin"]) == ("silence", "market", "eth")
        assert box.faults.active("silence", "market", "eth")
        assert not box.faults.active("silence", "market", "btc")
        assert not box.faults.active("silence", "binance", "eth")
        assert (await client.post(url, json={"name": "silence", "on": False})).json()["on"] == []
        assert not box.faults.active("silence", "market", "eth")


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ({"name": "silense", "on": True}, "did you mean 'silence'?"),
        ({"name": "http_451", "on": True, "venue": "gamma"}, "not known at 'gamma'"),
        ({"name": "malformed", "on": True, "coin": "btc"}, "cannot be limited to a coin"),
        ({"name": "silence", "on": True, "coin": "doge"}, "doge"),
        ({"name": "silence", "on": True, "for_s": -1}, "must not be negative"),
        ({"name": "silence"}, "on"),
    ],
)
async def test_a_wrong_order_is_explained(box: Box, order: dict[str, Any], complaint: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(f"{box.endpoints.control}/faults", json=order)
    assert response.status_code == 400
    assert complaint in response.json()["error"]
    assert box.faults.switched() == ()


def test_a_fault_ends_by_itself_after_its_time() -> None:
    now = 100.0
    faults = Faults(lambda: now)
    faults.on("silence", for_s=8)
    now = 107.9
    assert faults.active("silence", "market", "btc")
    now = 108.0
    assert not faults.active("silence", "market", "btc")
    assert faults.switched() == ()


def test_every_fault_can_be_switched_at_each_of_its_venues() -> None:
    for fault in FAULTS:
        assert set(fault.venues) <= set(get_args(VenueName))
        for venue in fault.venues:
            faults = Faults(lambda: 0.0)
            faults.on(fault.name, venue=venue)
            assert [name for name in get_args(VenueName) if faults.active(fault.name, name)] == [venue]
            faults.off(fault.name)
            assert not faults.active(fault.name, venue)
