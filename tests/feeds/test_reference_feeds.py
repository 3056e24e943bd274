"""The three price feeds against the simulator's venues: what arrives is what happened in its world."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from polyterm.core.market import COINS, Coin
from polyterm.feeds.binance.channel import BinanceFeed
from polyterm.feeds.board import Board
from polyterm.feeds.chainlink.reader import ChainlinkFeed
from polyterm.feeds.settlement.channel import SettlementFeed
from polyterm.settings import Credentials, FeedSettings
from polyterm.sim.box import Box
from polyterm.transport.clock import ManualClock
from tests.waiting import eventually


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box(seed=7) as box:
        yield box


@pytest.fixture
def settings(box: Box) -> FeedSettings:
    return FeedSettings(**msgspec.structs.asdict(box.endpoints.feeds))


@pytest.fixture
def clock(box: Box) -> ManualClock:
    return ManualClock(box.now_ms)


@asynccontextmanager
async def running(feed: BinanceFeed | SettlementFeed | ChainlinkFeed, box: Box) -> AsyncIterator[None]:
    """Runs the feed, and the world until the feed is live."""

    async def live() -> bool:
        await box.step(1000)
        return feed.health.row().state == "live"

    task = asyncio.create_task(feed.run())
    try:
        await eventually(live)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_the_spot_is_the_exchanges_mid(box: Box, settings: FeedSettings, clock: ManualClock) -> None:
    board = Board()

    async def all_quoted() -> bool:
        await box.step(100)
        return all(board.spot(coin) for coin in COINS)

    def agrees(coin: Coin) -> bool:
        quote, found = box.scene.world.spot(coin), board.spot(coin)
        return found is not None and found.price == pytest.approx((quote.bid + quote.ask) / 2, rel=1e-12)

    async with running(BinanceFeed(settings, COINS, board, clock, random.Random(1)), box):
        await eventually(all_quoted)
        await eventually(lambda: all(agrees(coin) for coin in COINS))


async def test_every_print_of_the_settling_average_arrives(
    box: Box, settings: FeedSettings, clock: ManualClock
) -> None:
    board = Board()
    credentials = Credentials.model_validate(msgspec.structs.asdict(box.endpoints.credentials))
    feed = SettlementFeed(settings, credentials, COINS, board, clock, random.Random(1))
    async with running(feed, box):
        for _ in range(20):
            await box.step(1000)
        for coin in COINS:
            prints = box.scene.world.twap_history(coin, 60)
            await eventually(lambda coin=coin, last=prints[-1].at_ms: board.twap_at(coin, last // 1000))
            assert len(prints) > 50
            for print_ in prints:
                found = board.twap_at(coin, print_.at_ms // 1000)
                assert found is not None
                assert found.price == pytest.approx(print_.price, rel=1e-12)
        assert (feed.health.gaps, feed.health.unknown, feed.health.malformed) == (0, 0, 0)


async def test_the_chain_is_read_as_it_stands(box: Box, settings: FeedSettings, clock: ManualClock) -> None:
    board = Board()
    async with running(ChainlinkFeed(settings, COINS, board, clock, random.Random(1)), box):
        for coin in COINS:
            found = board.oracle(coin)
            assert found is not None
            assert found.source == "chainlink-polygon"
            assert 0 <= box.now_ms - found.at_ms < 300_000
            assert found.price == pytest.approx(box.scene.world.chain_round(coin).answer / 1e8, rel=0.01)
