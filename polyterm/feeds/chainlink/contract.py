"""Reading Chainlink's aggregators through Multicall3. The only module that imports web3: 1.5 s, so import it lazily.

Addresses are the aggregators' proxies on Polygon PoS (chain id 137), from Chainlink's reference data directory.
"""

import asyncio
import logging
import warnings
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import ClientConnectorError, ClientError, ClientResponseError, ClientSession, ClientTimeout
from eth_abi.exceptions import DecodingError
from eth_typing import ABI, ChecksumAddress

from polyterm.core.market import Coin
from polyterm.errors import FeedError
from polyterm.feeds.chainlink.rounds import Round
from polyterm.transport.address import host_of, is_loopback
from polyterm.transport.http import USER_AGENT
from polyterm.transport.reasons import failure_reason, status_reason

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # web3 7 imports a deprecated part of websockets
    from web3 import AsyncHTTPProvider, AsyncWeb3
    from web3.exceptions import Web3Exception, Web3RPCError

CHAIN_ID: Final = 137
TIMEOUT_S: Final = 4.0

_PROXIES: Final[dict[Coin, ChecksumAddress]] = {
    "btc": AsyncWeb3.to_checksum_address("0xc907E116054Ad103354f2D350FD2514433D57F6f"),
    "eth": AsyncWeb3.to_checksum_address("0xF9680D99D6C9589e2a93a78A04A279e509205945"),
    "sol": AsyncWeb3.to_checksum_address("0x10C8264C0935b3B9870013e057f330Ff3e9C56dC"),
    "xrp": AsyncWeb3.to_checksum_address("0x785ba89291f676b5386652eB12b30cF361020694"),
}
_MULTICALL3: Final = AsyncWeb3.to_checksum_address("0xcA11bde05977b3631167028862bE2a173976CA11")

_MULTICALL_ABI: Final[ABI] = [
    {
        "type": "function",
        "name": "aggregate3",
        "stateMutability": "payable",
        "inputs": [
            {
                "name": "calls",
                "type": "tuple[]",
                "components": [
                    {"name": "target", "type": "address"},
                    {"name": "allowFailure", "type": "bool"},
                    {"name": "callData", "type": "bytes"},
                ],
            }
        ],
        "outputs": [
            {
                "name": "returnData",
                "type": "tuple[]",
                "components": [{"name": "success", "type": "bool"}, {"name": "returnData", "type": "bytes"}],
            }
        ],
    }
]
_DESCRIPTION: Final = "description()"
_DECIMALS: Final = "decimals()"
_LATEST: Final = "latestRoundData()"
_OUTPUTS: Final[dict[str, tuple[str, ...]]] = {
    _DESCRIPTION: ("string",),
    _DECIMALS: ("uint8",),
    _LATEST: ("uint80", "int256", "uint256", "uint256", "uint80"),
}
_SELECTORS: Final = {signature: bytes(AsyncWeb3.keccak(text=signature)[:4]) for signature in _OUTPUTS}

# Its lower levels print the address of the endpoint, which may hold the user's key.
logging.getLogger("web3").setLevel(logging.WARNING)


class ChainReader:
    """One JSON-RPC endpoint. Create it on the event loop that uses it, and close it."""

    def __init__(self, url: str, coins: Sequence[Coin]) -> None:
        self.host = host_of(url)
        self._coins = tuple(coins)
        self._decimals: dict[Coin, int] = {}
        self._session = ClientSession(trust_env=not is_loopback(url))
        self._provider = AsyncHTTPProvider(
            url,
            request_kwargs={
                "timeout": ClientTimeout(total=TIMEOUT_S),
                "headers": {"Content-Type": "application/json", "User-Agent": USER_AGENT},
            },
            exception_retry_configuration=None,
            cache_allowed_requests=True,
        )
        self._provider.global_ccip_read_enabled = False  # an answer must not send us to other addresses
        self._web3 = AsyncWeb3(self._provider)
        self._multicall = self._web3.eth.contract(address=_MULTICALL3, abi=_MULTICALL_ABI)

    async def close(self) -> None:
        await self._session.close()

    async def rounds(self) -> tuple[Round, ...]:
        """One call for all coins; a coin whose aggregator fails is left out. The first use checks the endpoint.

        Raises:
            FeedError: the endpoint failed, is on another chain, or its contracts are not the ones we mean.
        """
        try:
            async with asyncio.timeout(3 * TIMEOUT_S):
                if not self._decimals:
                    await self._check()
                answers = await self._ask(_LATEST)
        except (ClientError, OSError, Web3Exception, DecodingError, ValueError) as error:
            raise FeedError(_reason(error, self.host)) from error
        found = []
        for coin, answer in answers.items():
            _, value, _, updated_at, _ = answer
            if value > 0 and updated_at > 0:
                found.append(Round(coin, value / 10 ** self._decimals[coin], updated_at))
        return tuple(found)

    async def _check(self) -> None:
        await self._provider.cache_async_session(self._session)
        chain_id = await self._web3.eth.chain_id
        if chain_id != CHAIN_ID:
            raise FeedError(f"{self.host} serves chain {chain_id}, not Polygon ({CHAIN_ID})")
        names = await self._ask(_DESCRIPTION)
        for coin in self._coins:
            (name,) = names.get(coin, ("nothing",))
            if name != f"{coin.upper()} / USD":
                raise FeedError(f"{self.host} names the {coin} feed {name!r}")
        decimals = await self._ask(_DECIMALS)
        if len(decimals) < len(self._coins):
            raise FeedError(f"{self.host} does not tell the scale of every feed")
        self._decimals = {coin: answer[0] for coin, answer in decimals.items()}

    async def _ask(self, signature: str) -> dict[Coin, tuple[Any, ...]]:
        """What each coin's aggregator returns for a function without arguments; those that fail are left out."""
        calls = [(_PROXIES[coin], True, _SELECTORS[signature]) for coin in self._coins]
        results = await self._multicall.functions.aggregate3(calls).call()
        return {
            coin: self._web3.codec.decode(_OUTPUTS[signature], data)
            for coin, (success, data) in zip(self._coins, results, strict=True)
            if success
        }


def _reason(error: Exception, host: str) -> str:
    """Never the error's own text as a whole: it may quote the address with its key."""
    match error:
        case ClientResponseError(status=status):
            return status_reason(host, status)
        case ClientConnectorError(os_error=cause):
            return failure_reason(cause, host)
        case TimeoutError():
            return failure_reason(error, host)
        case Web3RPCError(rpc_response={"error": {"code": code}}):
            return f"{host} answers with an error (RPC {code})"
        case ClientError() | OSError():
            return f"{host} cannot be reached ({type(error).__name__})"
        case _:
            return f"{host} answers nonsense ({type(error).__name__})"
