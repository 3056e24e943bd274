"""The node, read by the same library that reads Polygon."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import eth_abi
import httpx
import pytest

from polyterm.sim.box import Box
from tests.sim.clients import MARKET0_MS

pytestmark = pytest.mark.filterwarnings("ignore:websockets.legacy is deprecated:DeprecationWarning")

FEEDS = {
    "btc": "0xc907E116054Ad103354f2D350FD2514433D57F6f",
    "eth": "0xF9680D99D6C9589e2a93a78A04A279e509205945",
    "sol": "0x10C8264C0935b3B9870013e057f330Ff3e9C56dC",
    "xrp": "0x785ba89291f676b5386652eB12b30cF361020694",
}
MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"


def function(name: str, outputs: list[str], inputs: list[dict[str, object]] | None = None) -> dict[str, object]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": inputs or [],
        "outputs": [{"name": "", "type": kind} for kind in outputs],
    }


FEED_ABI = [
    function("latestRoundData", ["uint80", "int256", "uint256", "uint256", "uint80"]),
    function("decimals", ["uint8"]),
    function("description", ["string"]),
]
CALL3 = [
    {"name": "target", "type": "address"},
    {"name": "allowFailure", "type": "bool"},
    {"name": "callData", "type": "bytes"},
]
RESULT = [{"name": "success", "type": "bool"}, {"name": "returnData", "type": "bytes"}]
AGGREGATE3 = function("aggregate3", [], [{"name": "calls", "type": "tuple[]", "components": CALL3}])
AGGREGATE3["outputs"] = [{"name": "results", "type": "tuple[]", "components": RESULT}]
MULTICALL_ABI = [AGGREGATE3, function("getCurrentBlockTimestamp", ["uint256"])]


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box(seed=7, market0_ms=MARKET0_MS) as box:
        yield box


@asynccontextmanager
async def web3_of(box: Box) -> AsyncIterator[Any]:
    library = importlib.import_module("web3")  # here, because importing it warns
    web3 = library.AsyncWeb3(library.AsyncHTTPProvider(box.endpoints.feeds.polygon_rpc[0]))
    try:
        yield web3
    finally:
        await web3.provider.disconnect()


async def rpc(box: Box, method: str, *params: object) -> dict[str, object]:
    body = {"jsonrpc": "2.0", "id": 5, "method": method, "params": params}
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return (await client.post(box.endpoints.feeds.polygon_rpc[0], json=body)).json()


async def test_web3_reads_all_four_feeds_in_one_multicall(box: Box) -> None:
    async with web3_of(box) as web3:
        assert await web3.eth.chain_id == 137
        multicall = web3.eth.contract(address=MULTICALL3, abi=MULTICALL_ABI)
        latest = web3.eth.contract(abi=FEED_ABI).encode_abi("latestRoundData")
        calls = [(address, True, latest) for address in FEEDS.values()]
        timestamp = (MULTICALL3, True, multicall.encode_abi("getCurrentBlockTimestamp"))
        *rounds, block = await multicall.functions.aggregate3([*calls, timestamp]).call()
    for coin, (success, data) in zip(FEEDS, rounds, strict=True):
        number, answer, started, updated, answered_in = eth_abi.decode(
            ["uint80", "int256", "uint256", "uint256", "uint80"], data
        )
        expected = box.scene.world.chain_round(coin)
        assert success
        assert (answer, updated) == (expected.answer, expected.updated_at)
        assert number == expected.round_id
        assert number >> 64 > 0  # the proxy's phase
        assert (answered_in, started) == (number, updated)
        assert 0 <= MARKET0_MS // 1000 - updated <= 60
    (at,) = eth_abi.decode(["uint256"], block[1])
    assert 0 <= MARKET0_MS // 1000 - at <= 2


async def test_web3_reads_a_feed_directly(box: Box) -> None:
    async with web3_of(box) as web3:
        feed = web3.eth.contract(address=FEEDS["xrp"], abi=FEED_ABI)
        assert await feed.functions.decimals().call() == 8
        assert await feed.functions.description().call() == "XRP / USD"


async def test_a_failing_call_inside_a_multicall_fails_alone(box: Box) -> None:
    calls = [(FEEDS["btc"], True, bytes.fromhex("deadbeef")), (FEEDS["btc"], False, bytes.fromhex("313ce567"))]
    data = "0x82ad56cb" + eth_abi.encode(["(address,bool,bytes)[]"], [calls]).hex()
    answer = await rpc(box, "eth_call", {"to": MULTICALL3, "data": data}, "latest")
    (results,) = eth_abi.decode(["(bool,bytes)[]"], bytes.fromhex(str(answer["result"])[2:]))
    assert results == ((False, b""), (True, (8).to_bytes(32, "big")))


async def test_blocks_follow_market_time(box: Box) -> None:
    before = int(str((await rpc(box, "eth_blockNumber"))["result"]), 16)
    await box.step(10_000)
    assert int(str((await rpc(box, "eth_blockNumber"))["result"]), 16) == before + 5


async def test_anything_else_is_a_json_rpc_error(box: Box) -> None:
    unknown = await rpc(box, "eth_sendRawTransaction", "0x00")
    assert unknown["id"] == 5
    assert unknown["error"]["code"] == -32601
    reverted = await rpc(box, "eth_call", {"to": FEEDS["btc"], "data": "0xdeadbeef"}, "latest")
    assert reverted["error"] == {"code": 3, "message": "execution reverted"}
    truncated = await rpc(box, "eth_call", {"to": MULTICALL3, "data": "0x82ad56cb00"}, "latest")
    assert truncated["error"]["code"] == 3
    assert (await rpc(box, "eth_call", {"to": FEEDS["btc"], "data": "0xzz"}, "latest"))["error"]["code"] == -32602
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        broken = await client.post(box.endpoints.feeds.polygon_rpc[0], content="{")
    assert broken.json()["error"]["code"] == -32700
