"""A Polygon node's JSON-RPC, as far as reading the four price feeds takes it: directly or through Multicall3."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from polyterm.core.market import Coin
from polyterm.sim.venues import abi
from polyterm.sim.venues.scene import Scene

CHAIN_ID: Final = 137
BLOCK_S: Final = 2
FIRST_BLOCK: Final = 60_000_000
FEED_VERSION: Final = 4
FEED_DECIMALS: Final = 8
MULTICALL3: Final = "0xca11bde05977b3631167028862be2a173976ca11"
PROXIES: Final[dict[str, Coin]] = {
    "0xc907e116054ad103354f2d350fd2514433d57f6f": "btc",
    "0xf9680d99d6c9589e2a93a78a04a279e509205945": "eth",
    "0x10c8264c0935b3b9870013e057f330ff3e9c56dc": "sol",
    "0x785ba89291f676b5386652eb12b30cf361020694": "xrp",
}
_LATEST_ROUND_DATA: Final = bytes.fromhex("feaf968c")
_DECIMALS: Final = bytes.fromhex("313ce567")
_DESCRIPTION: Final = bytes.fromhex("7284e416")
_VERSION: Final = bytes.fromhex("54fd4d50")
_AGGREGATE3: Final = bytes.fromhex("82ad56cb")
_BLOCK_TIMESTAMP: Final = bytes.fromhex("0f28c97d")
_BLOCK_NUMBER: Final = bytes.fromhex("42cbb15c")


class RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class RevertedError(RpcError):
    def __init__(self) -> None:
        super().__init__(3, "execution reverted")


class _Request(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: list[Any] = []


class ChainNode:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._requests = msgspec.json.Decoder(_Request)
        self._methods: dict[str, Callable[[list[Any]], str]] = {
            "eth_chainId": lambda _: hex(CHAIN_ID),
            "net_version": lambda _: str(CHAIN_ID),
            "eth_blockNumber": lambda _: hex(self._block_number()),
            "eth_call": self._eth_call,
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/", self._post)]

    async def _post(self, request: web.Request) -> web.Response:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": None}
        try:
            call = self._requests.decode(await request.read())
            answer["id"] = call.id
            answer["result"] = self._result(call)
        except msgspec.ValidationError as error:
            answer["error"] = {"code": -32600, "message": f"invalid request: {error}"}
        except msgspec.DecodeError as error:
            answer["error"] = {"code": -32700, "message": f"parse error: {error}"}
        except RpcError as error:
            answer["error"] = {"code": error.code, "message": str(error)}
        return web.json_response(answer)

    def _result(self, call: _Request) -> str:
        method = self._methods.get(call.method)
        if method is None:
            raise RpcError(-32601, f"the method {call.method} does not exist/is not available")
        return method(call.params)

    def _timestamp(self) -> int:
        second = self._scene.now_ms // 1000
        return second - second % BLOCK_S

    def _block_number(self) -> int:
        return FIRST_BLOCK + self._timestamp() // BLOCK_S % 100_000_000

    def _eth_call(self, params: list[Any]) -> str:
        if not params or not isinstance(params[0], dict):
            raise RpcError(-32602, "missing value for required argument 0")
        target = str(params[0].get("to", "")).lower()
        text = str(params[0].get("data", params[0].get("input", "0x")))
        try:
            data = bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            raise RpcError(-32602, "invalid argument 0: data is not hex") from None
        return "0x" + self._call(target, data).hex()

    def _call(self, target: str, data: bytes) -> bytes:
        """What the contract returns; an address without code returns nothing, as on the chain."""
        if target == MULTICALL3:
            return self._multicall(data)
        coin = PROXIES.get(target)
        if coin is None or coin not in self._scene.coins:
            return b""
        match data[:4]:
            case b if b == _LATEST_ROUND_DATA:
                return self._latest_round(coin)
            case b if b == _DECIMALS:
                return abi.uint(FEED_DECIMALS)
            case b if b == _DESCRIPTION:
                return abi.string(f"{coin.upper()} / USD")
            case b if b == _VERSION:
                return abi.uint(FEED_VERSION)
        raise RevertedError

    def _multicall(self, data: bytes) -> bytes:
        match data[:4]:
            case b if b == _BLOCK_TIMESTAMP:
                return abi.uint(self._timestamp())
            case b if b == _BLOCK_NUMBER:
                return abi.uint(self._block_number())
            case b if b == _AGGREGATE3:
                return self._aggregate(data[4:])
        raise RevertedError

    def _aggregate(self, arguments: bytes) -> bytes:
        try:
            calls = abi.decode_subcalls(arguments)
        except abi.AbiError:
            raise RevertedError from None
        results: list[tuple[bool, bytes]] = []
        for call in calls:
            try:
                results.append((True, self._call(call.target, call.data)))
            except RevertedError:
                if not call.allow_failure:
                    raise
                results.append((False, b""))
        return abi.encode_results(results)

    def _latest_round(self, coin: Coin) -> bytes:
        """(roundId, answer, startedAt, updatedAt, answeredInRound)."""
        latest = self._scene.world.chain_round(coin)
        number, updated = abi.uint(latest.round_id), abi.uint(latest.updated_at)
        return number + abi.sint(latest.answer) + updated + updated + number
