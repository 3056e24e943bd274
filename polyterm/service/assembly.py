"""The one place that names the concrete feeds."""

import random
from collections.abc import Iterable
from typing import Protocol

from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.snapshot import FeedRow
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.feeds.binance.channel import BinanceFeed
from polyterm.feeds.board import Board
from polyterm.feeds.chainlink.reader import ChainlinkFeed
from polyterm.feeds.collector import Collector
from polyterm.feeds.polymarket.channel import MarketFeed
from polyterm.feeds.polymarket.discovery import Discovery
from polyterm.feeds.recorder import Recorder
from polyterm.feeds.settlement.channel import SettlementFeed
from polyterm.feeds.windows import WindowDesk
from polyterm.service.sources import Emit
from polyterm.service.status.operations import Market
from polyterm.service.tasks import RESTART_S, keep_alive, together
from polyterm.settings import Settings
from polyterm.transport.clock import Clock
from polyterm.transport.health import FeedHealth
from polyterm.transport.http import http_client
from polyterm.transport.tap import SILENT, Tap


class Feed(Protocol):
    health: FeedHealth

    async def run(self) -> None: ...


class Venues:
    """Spot from Binance, books and results from Polymarket, settlement prices from its stream.

    Without credentials for that stream the oracle is read on the chain instead; with them web3 is never imported. What
    they say is recorded where the settings ask for it.
    """

    def __init__(self, settings: Settings, clock: Clock, emit: Emit) -> None:
        series = tuple((coin, settings.horizon) for coin in settings.coins)
        hosts, coins, rng, board = settings.feeds, settings.coins, random.Random(), Board()
        recorder = _recorder(settings, clock)
        tap: Tap = SILENT if recorder is None else recorder
        market = MarketFeed(hosts, board, clock, rng, tap=tap)
        settlement = SettlementFeed(hosts, settings.credentials, coins, board, clock, rng, tap=tap)
        self._spot = BinanceFeed(hosts, coins, board, clock, rng, tap=tap)
        self._feeds: list[Feed] = [self._spot, market, settlement]
        if not settings.credentials.complete:
            self._feeds.append(ChainlinkFeed(hosts, coins, board, clock, rng, tap=tap))
        if recorder is not None:
            self._feeds.append(recorder)
        self._client = http_client()
        discovery = Discovery(self._client, hosts, tap=tap)
        self._desk = WindowDesk(clock, board, discovery, market, series=series, emit=emit, rng=rng)
        self._collector = Collector(clock, board, self._desk, series, emit, tap=tap)

    async def run(self) -> None:
        """What emits is not kept alive: an engine that failed in the middle of an input must not be given another."""
        async with self._client:
            await together(self._desk.run(), self._collector.run(), *(_keep_alive(feed) for feed in self._feeds))

    def resume(self, unresolved: Iterable[UnresolvedWindow]) -> None:
        self._desk.resume(unresolved)

    def rows(self) -> tuple[FeedRow, ...]:
        return (*(feed.health.row() for feed in self._feeds), self._desk.row())

    def market(self, key: MarketKey) -> Market:
        info = self._desk.market(key)
        if info is None:
            return Market(key, None, None, None)
        return Market(key, info.slug, info.up_token, info.down_token)

    def note(self, coin: Coin, horizon: Horizon) -> str:
        return self._desk.note((coin, horizon))

    def clock_skew_ms(self) -> int | None:
        return self._spot.skew_ms


def _recorder(settings: Settings, clock: Clock) -> Recorder | None:
    folder, file_bytes = settings.recorder.folder, settings.recorder.file_mb * 2**20
    if folder is None:
        return None
    return Recorder(folder, clock, coins=settings.coins, horizon=settings.horizon, file_bytes=file_bytes)


async def _keep_alive(feed: Feed) -> None:
    await keep_alive(feed.health.name, feed.run, lambda reason: feed.health.down(reason, RESTART_S))
