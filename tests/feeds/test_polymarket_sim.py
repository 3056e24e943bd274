"""Feeds, windows and ticks against the simulator, which speaks the venues' protocols and knows the truth."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import Coin, MarketKey
from polyterm.core.tick import Tick
from polyterm.feeds.binance.channel import BinanceFeed
from polyterm.feeds.board import Board
from polyterm.feeds.collector import Collector
from polyterm.feeds.polymarket.channel import MarketFeed
from polyterm.feeds.polymarket.discovery import Discovery
from polyterm.feeds.settlement.channel import SettlementFeed
from polyterm.feeds.windows import WindowDesk
from polyterm.settings import Credentials, FeedSettings
from polyterm.sim.box import Box
from polyterm.transport.http import http_client
from tests.waiting import eventually

COINS: tuple[Coin, ...] = ("btc", "xrp")
FIRST = 1_790_000_100
SECOND = FIRST + 300


class Session:
    def __init__(self, box: Box, feed: MarketFeed, emitted: list[Payload]) -> None:
        self.box = box
        self.feed = feed
        self.emitted = emitted

    @property
    def ticks(self) -> list[Tick]:
        return [each for each in self.emitted if isinstance(each, Tick)]

    def outcomes(self, grade: str) -> dict[MarketKey, Outcome]:
        return {each.key: each for each in self.emitted if isinstance(each, Outcome) and each.grade == grade}

    def tradable(self) -> bool:
        """The newest tick of every coin may be traded on."""
        newest = {tick.key.coin: tick for tick in self.ticks}
        return len(newest) == len(COINS) and all(tick.invalid is None for tick in newest.values())


@asynccontextmanager
async def session(market0_ms: int, speed: float) -> AsyncIterator[Session]:
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(
            Box(seed=11, speed=speed, market0_ms=market0_ms, horizon="5m", coins=COINS)
        )
        client = await stack.enter_async_context(http_client())
        settings = FeedSettings(**msgspec.to_builtins(box.endpoints.feeds))
        credentials = Credentials(**msgspec.to_builtins(box.endpoints.credentials))
        clock, board, rng = box.endpoints.clock, Board(), random.Random(1)
        emitted: list[Payload] = []
        series = [(coin, "5m") for coin in COINS]
        feed = MarketFeed(settings, board, clock, rng)
        desk = WindowDesk(clock, board, Discovery(client, settings), feed, series=series, emit=emitted.append, rng=rng)
        parts = (
            BinanceFeed(settings, COINS, board, clock, rng),
            SettlementFeed(settings, credentials, COINS, board, clock, rng),
            feed,
            desk,
            Collector(clock, board, desk, series, emitted.append),
        )
        tasks = [asyncio.create_task(part.run()) for part in parts]
        try:
            yield Session(box, feed, emitted)
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(result, asyncio.CancelledError), result


async def test_a_window_is_followed_to_its_official_result_on_books_that_equal_the_venues(
    measured: Callable[[str], None],
) -> None:
    """From 60 s before a window's end, at 20 times the pace of the world."""
    async with session((SECOND - 60) * 1000, speed=20) as running:
        first = [MarketKey(coin, "5m", FIRST) for coin in COINS]
        await eventually(lambda: len(running.outcomes("official")) == len(COINS), timeout_s=20)
        for key in first:
            truth = running.box.scene.view(key)
            assert truth is not None
            official, ours = running.outcomes("official")[key], running.outcomes("stream")[key]
            assert official.side == ours.side == truth.outcome
            assert official.final_price == ours.final_price == truth.final
            after = running.box.scene.view(key.next())
            assert after is not None
            ticks = [tick for tick in running.ticks if tick.key == key.next()]
            assert ticks[-1].strike is not None
            assert ticks[-1].strike.price == after.strike == truth.final
            order = [
                type(each)
                for each in running.emitted
                if not isinstance(each, Tick | Outcome) and each.key.coin == key.coin
            ]
            assert order == [WindowOpened, WindowEnded, WindowOpened]
        slots = [tick.slot for tick in running.ticks if tick.key.coin == "btc"]
        assert slots == sorted(set(slots))
        counts = running.feed.counts
        assert counts.comparisons > 500, f"only {counts.comparisons} books were compared"
        assert counts.mismatches == 0, f"{counts.mismatches} of {counts.comparisons} books differed from the venue's"
    measured(f"simulated price changes equal to the venue's best: {counts.comparisons}")


async def test_lost_deltas_are_never_traded_on_and_heal() -> None:
    async with session((FIRST + 60) * 1000, speed=15) as running:
        await eventually(running.tradable)
        running.box.faults.on("lost_delta")
        await eventually(lambda: running.feed.counts.resyncs > 0)
        await eventually(lambda: any(tick.invalid == "book_quarantined" for tick in running.ticks))
        running.box.faults.off("lost_delta")
        seen = len(running.ticks)
        await eventually(lambda: len(running.ticks) > seen + 2 * len(COINS) and running.tradable())
        best = {tick.key: (tick.up_bid, tick.up_ask) for tick in running.ticks}
        assert all(bid is not None and ask is not None and bid < ask for bid, ask in best.values())
