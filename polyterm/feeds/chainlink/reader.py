"""Prices of the coins from Chainlink on Polygon, polled through whichever endpoint works."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from polyterm.core.market import Coin
from polyterm.errors import FeedError
from polyterm.feeds.board import Board, OraclePrint
from polyterm.feeds.chainlink.breaker import Breaker
from polyterm.feeds.chainlink.rounds import Round
from polyterm.settings import FeedSettings
from polyterm.transport.address import host_of
from polyterm.transport.clock import Clock, freshness_ms
from polyterm.transport.health import FeedHealth
from polyterm.transport.tap import SILENT, Tap

if TYPE_CHECKING:
    from polyterm.feeds.chainlink.contract import ChainReader

log = logging.getLogger("polyterm.feeds")

SOURCE: Final = "chainlink-polygon"
POLL_S: Final = 5.0
# The feeds are updated every 33 s or so, 57 s at worst.
STALE_AFTER_MS: Final = 90_000
DEAD_AFTER_MS: Final = 180_000


class _Endpoint:
    def __init__(self, reader: "ChainReader") -> None:
        self.reader = reader
        self.breaker = Breaker()


class ChainlinkFeed:
    """Asks the first endpoint that works, every ``POLL_S`` of machine time; prints carry the round's ``updatedAt``.

    An endpoint that fails, or whose newest price is older than ``DEAD_AFTER_MS`` of market time, is left alone for a
    while and the next one asked.
    """

    name = "chainlink"

    def __init__(
        self,
        settings: FeedSettings,
        coins: Sequence[Coin],
        board: Board,
        clock: Clock,
        rng: random.Random,
        *,
        tap: Tap = SILENT,
    ) -> None:
        self._tap = tap
        self.health = FeedHealth(self.name, clock, stale_after_s=3 * POLL_S)
        self._urls = settings.polygon_rpc
        self._endpoints: list[_Endpoint] = []
        self._serving: _Endpoint | None = None
        self._coins = tuple(coins)
        self._board = board
        self._clock = clock
        self._rng = rng

    async def run(self) -> None:
        if not self._urls:
            self.health.off("no Polygon endpoint is set")
            await asyncio.Event().wait()
        self.health.connecting(host_of(self._urls[0]))
        try:
            make_reader = await asyncio.to_thread(_load)
        except ImportError as error:
            self.health.off(f"web3 cannot be loaded: {error}")
            await asyncio.Event().wait()
        async with contextlib.AsyncExitStack() as stack:
            for url in self._urls:
                reader = make_reader(url, self._coins)
                stack.push_async_callback(reader.close)
                self._endpoints.append(_Endpoint(reader))
            while True:
                wait_s = await self._poll()
                await asyncio.sleep(wait_s)

    async def _poll(self) -> float:
        """Ask the first endpoint that is not shut out. Returns the seconds until the next poll."""
        reason = ""
        for endpoint in self._endpoints:
            if endpoint.breaker.wait_s(self._clock.monotonic()) > 0:
                continue
            self.health.host = endpoint.reader.host
            try:
                await self._read(endpoint.reader)
            except FeedError as error:
                reason = str(error)
            except Exception as error:  # the one supervisor: no answer of an endpoint may end the feed
                log.exception("feed.bug", extra={"feed": self.name, "host": endpoint.reader.host})
                reason = f"internal error: {type(error).__name__}"
            else:
                endpoint.breaker.reset()
                if endpoint is not self._serving:
                    self._serving = endpoint
                    self.health.opened()
                return POLL_S + self._rng.uniform(0, POLL_S / 10)
            endpoint.breaker.trip(self._clock.monotonic())
            self.health.warn("feed.endpoint_failed", reason=reason)
        now_s = self._clock.monotonic()
        wait_s = min(endpoint.breaker.wait_s(now_s) for endpoint in self._endpoints)
        self.health.down(reason or self.health.reason, wait_s)
        return wait_s

    async def _read(self, reader: "ChainReader") -> None:
        asked_s = self._clock.monotonic()
        rounds = await reader.rounds()
        self.health.latency_s = self._clock.monotonic() - asked_s
        self._tap.hear("answer", self.name, reader.host, msgspec.json.encode(rounds).decode())
        recv_ms = self.take(rounds)
        if not rounds:
            raise FeedError(f"{reader.host} has no price")
        age_ms = recv_ms - max(found.updated_at for found in rounds) * 1000
        if age_ms > freshness_ms(DEAD_AFTER_MS, self._clock.speed):
            raise FeedError(f"{reader.host} serves prices {age_ms / 1000:.0f} s old")
        if age_ms > freshness_ms(STALE_AFTER_MS, self._clock.speed):
            self.health.stale(f"the newest price is {age_ms / 1000:.0f} s old")
        else:
            self.health.data()

    def take(self, rounds: Iterable[Round]) -> int:
        """Post what was read now; the market time of it."""
        recv_ms = self._clock.market_ms()
        for found in rounds:
            at_ms = found.updated_at * 1000
            self._board.post_oracle(OraclePrint(found.coin, found.price, SOURCE, at_ms, recv_ms))
        return recv_ms


def _load() -> "Callable[[str, Sequence[Coin]], ChainReader]":
    from polyterm.feeds.chainlink.contract import ChainReader  # noqa: PLC0415 - imports web3, 1.5 s

    return ChainReader
