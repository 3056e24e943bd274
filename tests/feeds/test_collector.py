"""Ticks as the collector makes them: on the second, of what is known, and honest about what is not."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from polyterm.core.input import Payload, WindowEnded, WindowOpened
from polyterm.core.market import MarketKey, Reference
from polyterm.core.tick import Invalid, Levels, Tick
from polyterm.feeds import windows
from polyterm.feeds.board import Board, BookView, OraclePrint, SpotQuote
from polyterm.feeds.collector import Collector
from polyterm.feeds.polymarket.channel import MarketFeed
from polyterm.feeds.polymarket.discovery import Discovery
from polyterm.feeds.windows import WindowDesk
from polyterm.transport.clock import ManualClock
from polyterm.transport.http import http_client
from tests.feeds.polymarket_venue import Venue, event, tokens
from tests.waiting import eventually

T0 = 1_790_000_100
KEY = MarketKey("btc", "15m", T0)
UP, DOWN = tokens(KEY)
BIDS: Levels = ((0.40, 10.0), (0.38, 3.0))
ASKS: Levels = ((0.42, 20.0), (0.45, 7.0))


class World:
    def __init__(self, clock: ManualClock, board: Board, emitted: list[Payload], collector: Collector) -> None:
        self.clock = clock
        self.board = board
        self.emitted = emitted
        self.collector = collector

    @property
    def ticks(self) -> list[Tick]:
        return [each for each in self.emitted if isinstance(each, Tick)]

    async def to(self, unix_s: float) -> None:
        """One jump of the clock, and time for the collector to answer it."""
        self.clock.advance_to(int(unix_s * 1000))
        for _ in range(5):
            await asyncio.sleep(0)

    async def tick(self) -> Tick:
        """The tick of the next second."""
        await self.to(self.clock.market_ms() // 1000 + 1)
        return self.ticks[-1]

    def spot(self, price: float = 100.0, age_ms: int = 0) -> None:
        self.board.post_spot(SpotQuote("btc", price, "binance", self.clock.market_ms() - age_ms))

    def book(self, bids: Levels = BIDS, asks: Levels = ASKS, *, age_ms: int = 0, doubt: Invalid | None = None) -> None:
        recv_ms = self.clock.market_ms() - age_ms
        self.board.post_book(BookView(UP, bids, asks, 0.41, recv_ms, doubt))
        mirror = [tuple((round(1 - price, 4), size) for price, size in levels) for levels in (asks, bids)]
        self.board.post_book(BookView(DOWN, mirror[0], mirror[1], None, recv_ms))

    def twap(self, unix_s: int, price: float) -> None:
        self.board.post_twap(OraclePrint("btc", price, "twap60", unix_s * 1000, self.clock.market_ms()))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "LOOK_EVERY_S", 0.002)


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with Venue() as venue:
        venue.list(event(KEY), event(KEY.next()))
        yield venue


@asynccontextmanager
async def running(venue: Venue, start_s: float, speed: float = 1.0) -> AsyncIterator[World]:
    clock, board, rng = ManualClock(int(start_s * 1000), speed), Board(), random.Random(1)
    emitted: list[Payload] = []
    async with http_client() as client:
        feed = MarketFeed(venue.settings, board, clock, rng)
        desk = WindowDesk(
            clock, board, Discovery(client, venue.settings), feed, series=[("btc", "15m")], emit=emitted.append, rng=rng
        )
        collector = Collector(clock, board, desk, [("btc", "15m")], emitted.append)
        desk.advance()
        tasks = [asyncio.create_task(desk.run()), asyncio.create_task(collector.run())]
        try:
            await eventually(lambda: desk.market(KEY) or venue.refusal)
            yield World(clock, board, emitted, collector)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def world(venue: Venue) -> AsyncIterator[World]:
    """Ten seconds into a window whose strike the stream gave."""
    async with running(venue, T0 - 60) as world:
        await world.to(T0 + 1)
        world.twap(T0, 99.0)
        await world.to(T0 + 10)
        world.emitted.clear()
        yield world


async def test_a_tick_says_all_that_is_known(world: World) -> None:
    await world.to(T0 + 10.4)
    world.spot(100.0)
    world.book()
    await world.to(T0 + 10.6)
    world.twap(T0 + 9, 99.5)
    world.board.post_oracle(OraclePrint("btc", 99.75, "chainlink-stream", (T0 + 10) * 1000, world.clock.market_ms()))
    tick = await world.tick()
    assert tick == Tick(
        key=KEY,
        slot=T0 + 11,
        made_ms=(T0 + 11) * 1000,
        up_bid=0.40, up_bid_size=10.0, up_ask=0.42, up_ask_size=20.0,
        down_bid=0.58, down_bid_size=20.0, down_ask=0.60, down_ask_size=10.0,
        up_bids=BIDS, up_asks=ASKS,
        down_bids=((0.58, 20.0), (0.55, 7.0)), down_asks=((0.60, 10.0), (0.62, 3.0)),
        up_last_trade=0.41,
        book_age_ms=600,
        spot=100.0, spot_source="binance", spot_age_ms=600, spot_basis=None,
        strike=Reference(99.0, "twap60", "stream", T0 * 1000),
        oracle=99.75, oracle_source="chainlink-stream", oracle_at_ms=(T0 + 10) * 1000, oracle_age_ms=1000,
        twap=99.5, twap_at_ms=(T0 + 9) * 1000, twap_age_ms=2000,
        invalid=None,
    )  # fmt: skip


async def test_one_tick_a_second_and_none_for_seconds_slept_through(world: World) -> None:
    for unix_s in (T0 + 11, T0 + 11.5, T0 + 12, T0 + 16.25, T0 + 17):
        await world.to(unix_s)
    assert [(tick.slot - T0, tick.made_ms - T0 * 1000) for tick in world.ticks] == [
        (11, 11_000), (12, 12_000), (16, 16_250), (17, 17_000),
    ]  # fmt: skip


async def test_windows_change_before_the_tick_of_their_second(world: World) -> None:
    for unix_s in (T0 + 700, T0 + 800):
        await world.to(unix_s)
    await eventually(lambda: world.collector._desk.market(KEY.next()))
    await world.to(T0 + 899)
    world.emitted.clear()
    await world.to(T0 + 900)
    assert [type(each) for each in world.emitted] == [WindowEnded, WindowOpened, Tick]
    assert world.ticks[0].key == KEY.next()
    assert world.ticks[0].time_remaining_s == 900


async def test_what_is_missing_is_none_and_named(world: World) -> None:
    tick = await world.tick()
    assert tick.invalid == "book_missing"
    assert (tick.up_bid, tick.spot, tick.spot_age_ms, tick.book_age_ms, tick.oracle) == (None, None, None, None, None)
    world.book()
    assert (await world.tick()).invalid == "spot_missing"
    world.spot()
    assert (await world.tick()).invalid is None


@pytest.mark.parametrize(
    ("bids", "asks", "doubt", "invalid"),
    [
        ((), ASKS, None, "book_one_sided"),
        (BIDS, (), None, "book_one_sided"),
        (((0.42, 1.0),), ASKS, None, "book_crossed"),
        (((0.005, 1.0),), ((0.01, 1.0),), None, "mid_at_edge"),
        (BIDS, ASKS, "book_quarantined", "book_quarantined"),
    ],
)
async def test_a_bad_book_is_named(
    world: World, bids: Levels, asks: Levels, doubt: Invalid | None, invalid: Invalid
) -> None:
    world.spot()
    world.book(bids, asks, doubt=doubt)
    assert (await world.tick()).invalid == invalid


async def test_either_tokens_doubt_counts(world: World) -> None:
    world.spot()
    world.book()
    down = world.board.book(DOWN)
    assert down is not None
    world.board.post_book(msgspec.structs.replace(down, doubt="book_quarantined"))
    assert (await world.tick()).invalid == "book_quarantined"


async def test_old_books_and_spots_are_stale_after_five_seconds(world: World) -> None:
    world.spot()
    world.book(age_ms=4_000)
    assert (await world.tick()).invalid is None
    assert (await world.tick()).invalid == "book_stale"
    world.book()
    world.spot(age_ms=4_001)
    tick = await world.tick()
    assert (tick.invalid, tick.spot, tick.spot_age_ms) == ("spot_stale", 100.0, 5_001)


async def test_on_a_fast_clock_a_second_of_the_wall_is_fresh(venue: Venue) -> None:
    async with running(venue, T0 - 60, speed=15) as world:
        await world.to(T0 + 1)
        world.twap(T0, 99.0)
        await world.to(T0 + 30)
        world.spot()
        world.book(age_ms=14_000)
        assert (await world.tick()).invalid is None
        assert (await world.tick()).invalid == "book_stale"


async def test_a_window_without_a_strike_is_not_traded(venue: Venue) -> None:
    async with running(venue, T0 + 400) as world:
        world.spot()
        world.book()
        assert (await world.tick()).invalid == "strike_missing"


async def test_before_the_market_is_found_ticks_say_so_and_a_note_says_why(venue: Venue) -> None:
    venue.refusal = (503, {})
    async with running(venue, T0 + 10) as world:
        await eventually(lambda: "out of order" in world.collector.notes()["btc", "15m"])
        world.spot(100.0)
        tick = await world.tick()
        assert (tick.invalid, tick.key, tick.spot) == ("window_not_open", KEY, 100.0)


async def test_the_basis_reaches_the_tick(world: World) -> None:
    for second in range(20):
        world.spot(100.1)
        world.board.post_oracle(
            OraclePrint("btc", 100.0, "chainlink-stream", (T0 + 10 + second) * 1000, world.clock.market_ms())
        )
        world.book()
        tick = await world.tick()
    assert tick.spot_basis == pytest.approx(0.0009995, abs=1e-7)  # ln(1.001)
    assert tick.distance == pytest.approx((100.0 - 99.0) / 99.0)
