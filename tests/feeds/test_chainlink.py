"""Chainlink through real JSON-RPC on loopback."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from eth_abi import decode, encode

from polyterm.core.market import COINS, Coin
from polyterm.errors import FeedError
from polyterm.feeds.board import Board, OraclePrint
from polyterm.feeds.chainlink.breaker import Breaker
from polyterm.feeds.chainlink.contract import ChainReader, Round
from polyterm.feeds.chainlink.reader import ChainlinkFeed
from polyterm.settings import FeedSettings
from polyterm.transport.clock import ManualClock
from polyterm.transport.health import FeedHealth
from tests.waiting import eventually

NOW_S = 1_790_000_000

# Addresses and selectors as published, not taken from the code under test.
FEEDS: dict[str, Coin] = {
    "0xc907e116054ad103354f2d350fd2514433d57f6f": "btc",
    "0xf9680d99d6c9589e2a93a78a04a279e509205945": "eth",
    "0x10c8264c0935b3b9870013e057f330ff3e9c56dc": "sol",
    "0x785ba89291f676b5386652eb12b30cf361020694": "xrp",
}
MULTICALL = "0xca11bde05977b3631167028862be2a173976ca11"
AGGREGATE3 = bytes.fromhex("82ad56cb")
LATEST = bytes.fromhex("feaf968c")
DECIMALS = bytes.fromhex("313ce567")
DESCRIPTION = bytes.fromhex("7284e416")
ANSWERS: dict[Coin, int] = {
    "btc": 6_500_012_345_678, "eth": 190_000_000_000, "sol": 8_000_000_000, "xrp": 140_000_000,
}  # fmt: skip


class Chain:
    """A tiny Polygon node: Multicall3 and four aggregators."""

    def __init__(self) -> None:
        self.chain_id = 137
        self.status = 200
        self.body: str | None = None
        self.error: dict[str, object] | None = None
        self.updated_at = NOW_S - 20
        self.names: dict[Coin, str] = {}
        self.failing: set[Coin] = set()
        self.requests: Counter[str] = Counter()

    async def answer(self, request: web.Request) -> web.Response:
        call = await request.json()
        self.requests[call["method"]] += 1
        if self.status != 200 or self.body is not None:
            return web.Response(status=self.status, text=self.body or "no")
        reply: dict[str, object] = {"jsonrpc": "2.0", "id": call["id"]}
        if self.error is not None:
            reply["error"] = self.error
        elif call["method"] == "eth_chainId":
            reply["result"] = hex(self.chain_id)
        else:
            assert call["method"] == "eth_call"
            assert call["params"][1] == "latest"
            assert call["params"][0]["to"].lower() == MULTICALL
            data = bytes.fromhex(call["params"][0]["data"].removeprefix("0x"))
            reply["result"] = "0x" + self._aggregate(data).hex()
        return web.json_response(reply)

    def _aggregate(self, data: bytes) -> bytes:
        assert data[:4] == AGGREGATE3
        (calls,) = decode(["(address,bool,bytes)[]"], data[4:])
        results = []
        for target, allow_failure, selector in calls:
            assert allow_failure
            coin = FEEDS[target]
            results.append((False, b"") if coin in self.failing else (True, self._read(coin, selector)))
        return encode(["(bool,bytes)[]"], [results])

    def _read(self, coin: Coin, selector: bytes) -> bytes:
        if selector == DESCRIPTION:
            return encode(["string"], [self.names.get(coin, f"{coin.upper()} / USD")])
        if selector == DECIMALS:
            return encode(["uint8"], [8])
        assert selector == LATEST
        round_id = (4 << 64) + 77
        words = [round_id, ANSWERS[coin], self.updated_at, self.updated_at, round_id]
        return encode(["uint80", "int256", "uint256", "uint256", "uint80"], words)


@asynccontextmanager
async def node(chain: Chain) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v2/MY-KEY", chain.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/v2/MY-KEY"))


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
async def reader(chain: Chain) -> AsyncIterator[ChainReader]:
    async with node(chain) as url:
        reader = ChainReader(url, COINS)
        yield reader
        await reader.close()


async def test_all_coins_are_read_in_one_call(chain: Chain, reader: ChainReader) -> None:
    rounds = await reader.rounds()
    assert rounds == (
        Round("btc", 65000.12345678, NOW_S - 20),
        Round("eth", 1900.0, NOW_S - 20),
        Round("sol", 80.0, NOW_S - 20),
        Round("xrp", 1.4, NOW_S - 20),
    )
    chain.requests.clear()
    assert await reader.rounds() == rounds
    assert chain.requests == {"eth_call": 1}


async def test_a_coin_that_fails_is_left_out(chain: Chain, reader: ChainReader) -> None:
    await reader.rounds()
    chain.failing = {"sol"}
    assert [found.coin for found in await reader.rounds()] == ["btc", "eth", "xrp"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"chain_id": 1}, "serves chain 1, not Polygon (137)"),
        ({"names": {"btc": "DOGE / USD"}}, "names the btc feed 'DOGE / USD'"),
        ({"failing": {"xrp"}}, "names the xrp feed 'nothing'"),
        ({"status": 429}, "asks us to slow down (HTTP 429)"),
        ({"status": 403}, "refuses access (HTTP 403)"),
        ({"status": 502}, "is out of order (HTTP 502)"),
        ({"error": {"code": -32005, "message": "limit for MY-KEY"}}, "answers with an error (RPC -32005)"),
        ({"body": "<html>"}, "answers nonsense"),
        ({"body": "{}"}, "answers nonsense"),
    ],
)
async def test_a_bad_endpoint_is_refused_in_words(
    chain: Chain, reader: ChainReader, fault: dict[str, object], words: str
) -> None:
    for name, value in fault.items():
        setattr(chain, name, value)
    with pytest.raises(FeedError) as caught:
        await reader.rounds()
    assert str(caught.value).startswith(f"{reader.host} {words}")
    assert "MY-KEY" not in str(caught.value)


@asynccontextmanager
async def running(*urls: str, board: Board, clock: ManualClock) -> AsyncIterator[FeedHealth]:
    feed = ChainlinkFeed(FeedSettings(polygon_rpc=urls), COINS, board, clock, random.Random(1))
    task = asyncio.create_task(feed.run())
    try:
        yield feed.health
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_S * 1000)


async def test_prints_carry_the_stamp_of_the_round(chain: Chain, clock: ManualClock) -> None:
    board = Board()
    async with node(chain) as url, running(url, board=board, clock=clock) as health:
        assert health.row().state == "connecting"
        await eventually(lambda: health.row().state == "live")
    at_ms = (NOW_S - 20) * 1000
    assert board.oracle("btc") == OraclePrint("btc", 65000.12345678, "chainlink-polygon", at_ms, NOW_S * 1000)
    assert board.twap("btc") is None


async def test_a_failed_endpoint_is_passed_over(chain: Chain, clock: ManualClock) -> None:
    bad = Chain()
    bad.status = 402
    board = Board()
    async with node(bad) as first, node(chain) as second, running(first, second, board=board, clock=clock) as health:
        await eventually(lambda: health.row().state == "live")
        assert health.row().host == second.split("/")[2]


async def test_an_endpoint_that_lags_is_passed_over(chain: Chain, clock: ManualClock) -> None:
    late = Chain()
    late.updated_at = NOW_S - 181
    board = Board()
    async with node(late) as first, node(chain) as second, running(first, second, board=board, clock=clock) as health:
        await eventually(lambda: health.row().state == "live")
        assert health.row().host == second.split("/")[2]


async def test_when_none_works_it_says_why_and_when_it_tries_again(chain: Chain, clock: ManualClock) -> None:
    chain.status = 503
    async with node(chain) as url, running(url, board=Board(), clock=clock) as health:
        await eventually(lambda: health.row().state == "down")
        row = health.row()
    assert row.reason == f"{url.split('/')[2]} is out of order (HTTP 503)"
    assert row.retry_in_s == 30.0


async def test_an_old_price_makes_the_feed_stale(chain: Chain, clock: ManualClock) -> None:
    chain.updated_at = NOW_S - 100
    board = Board()
    async with node(chain) as url, running(url, board=board, clock=clock) as health:
        await eventually(lambda: health.row().state == "stale")
        assert health.row().reason == "the newest price is 100 s old"
    assert board.oracle("xrp") is not None


async def test_without_an_endpoint_it_is_off(clock: ManualClock) -> None:
    async with running(board=Board(), clock=clock) as health:
        await eventually(lambda: health.row().state == "off")


def test_a_breaker_stays_open_longer_after_each_failure() -> None:
    breaker, now_s, waits = Breaker(), 1000.0, []
    assert breaker.wait_s(now_s) == 0
    for _ in range(7):
        breaker.trip(now_s)
        waits.append(breaker.wait_s(now_s))
    assert waits == [30, 60, 120, 240, 480, 600, 600]
    assert breaker.wait_s(now_s + 599) == 1
    assert breaker.wait_s(now_s + 600) == 0
    breaker.reset()
    assert breaker.wait_s(now_s) == 0
