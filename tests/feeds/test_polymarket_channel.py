"""The market channel against a venue on loopback: what it asks for, what reaches the board, and how it heals."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from polyterm.core.market import MarketKey, Side
from polyterm.core.tick import Invalid
from polyterm.feeds.board import Board, BookView
from polyterm.feeds.polymarket.channel import MarketFeed
from polyterm.feeds.polymarket.wire import MarketResolved
from polyterm.transport.clock import ManualClock, system_clock
from tests.feeds.polymarket_venue import Venue, book, condition, price_change, tokens
from tests.waiting import eventually

KEY = MarketKey("btc", "15m", 1_790_000_100)
UP, DOWN = tokens(KEY)


class Watching:
    """A running feed and what its board says."""

    def __init__(self, venue: Venue, clock: ManualClock | None = None) -> None:
        self.board = Board()
        self.feed = MarketFeed(venue.settings, self.board, clock or system_clock(), random.Random(1))

    def view(self, side: Side = "up") -> BookView:
        view = self.board.book(tokens(KEY)[side == "down"])
        assert view is not None
        return view

    def doubt(self, side: Side = "up") -> Invalid | None:
        return self.view(side).doubt

    def known(self) -> bool:
        return self.board.book(UP) is not None and self.board.book(DOWN) is not None


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with Venue() as venue:
        venue.stock(
            book(KEY, "up", {0.38: 3, 0.40: 10}, {0.45: 7, 0.42: 20}),
            book(KEY, "down", {0.55: 7, 0.58: 20}, {0.62: 3, 0.60: 10}),
        )
        yield venue


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock(1_790_000_200_000)


@pytest.fixture
async def watching(venue: Venue, clock: ManualClock) -> AsyncIterator[Watching]:
    watching = Watching(venue, clock)
    watching.feed.subscribe((UP, DOWN))
    task = asyncio.create_task(watching.feed.run())
    await eventually(watching.known)
    yield watching
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_first_frame_names_every_token_and_the_dump_reaches_the_board(
    venue: Venue, watching: Watching
) -> None:
    assert venue.heard == [{"type": "market", "assets_ids": [UP, DOWN], "custom_feature_enabled": True}]
    view = watching.view()
    assert view.bids == ((0.40, 10.0), (0.38, 3.0))
    assert view.asks == ((0.42, 20.0), (0.45, 7.0))
    assert (view.doubt, view.recv_ms) == (None, 1_790_000_200_000)
    assert watching.feed.health.row().state == "live"


async def test_nothing_is_connected_before_there_is_a_token(venue: Venue) -> None:
    watching = Watching(venue)
    task = asyncio.create_task(watching.feed.run())
    await asyncio.sleep(0)
    assert (venue.sockets, watching.feed.health.row().reason) == ([], "no market to watch yet")
    watching.feed.subscribe((UP,))
    await eventually(lambda: watching.board.book(UP))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_next_window_is_added_and_the_old_one_dropped_on_the_same_socket(
    venue: Venue, watching: Watching
) -> None:
    later = KEY.next()
    venue.stock(book(later, "up", {0.49: 5}, {0.51: 5}))
    watching.feed.subscribe((*tokens(later), UP))  # UP is watched already
    await eventually(lambda: watching.board.book(tokens(later)[0]))
    assert venue.heard[1] == {
        "operation": "subscribe", "assets_ids": list(tokens(later)), "custom_feature_enabled": True,
    }  # fmt: skip
    watching.feed.unsubscribe((UP, DOWN, "unheard-of"))
    assert watching.board.book(UP) is None
    await eventually(lambda: len(venue.heard) == 3)
    assert (venue.heard[2]["operation"], venue.heard[2]["assets_ids"]) == ("unsubscribe", [UP, DOWN])
    await venue.say(book(KEY, "up", {0.1: 1}, {0.2: 1}), book(later, "up", {0.48: 5}, {0.51: 5}))
    await eventually(lambda: watching.board.book(tokens(later)[0]).bids == ((0.48, 5.0),))
    assert watching.board.book(UP) is None
    assert len(venue.sockets) == 1


async def test_changes_are_totals_and_are_compared_with_the_venues_best(venue: Venue, watching: Watching) -> None:
    await venue.say(
        price_change(KEY, "up", "BUY", 0.41, 6, bid="0.41", ask="0.42"),
        price_change(KEY, "up", "SELL", 0.42, 0, bid="0.41", ask="0.45"),
        price_change(KEY, "up", "BUY", 0.40, 11, bid="0.41", ask="0.45"),
    )
    await eventually(lambda: watching.feed.counts.comparisons == 3)
    assert watching.view().bids == ((0.41, 6.0), (0.40, 11.0), (0.38, 3.0))
    assert watching.view().asks == ((0.45, 7.0),)
    assert (watching.feed.counts.mismatches, watching.doubt()) == (0, None)


async def test_a_lost_delta_quarantines_the_book_until_it_was_sent_anew(
    venue: Venue, watching: Watching, clock: ManualClock
) -> None:
    await venue.say(price_change(KEY, "up", "SELL", 0.45, 8, bid="0.41", ask="0.42"))  # 0.41 never came
    await eventually(lambda: watching.doubt() == "book_quarantined")
    venue.stock(
        book(KEY, "up", {0.41: 9}, {0.42: 20}, at_ms=3_000), book(KEY, "down", {0.58: 20}, {0.59: 9}, at_ms=3_000)
    )
    clock.advance_to(clock.market_ms() + 2_000)
    await eventually(lambda: watching.view().bids == ((0.41, 9.0),))
    assert watching.doubt() is None
    sent = [(frame["operation"], frame["assets_ids"]) for frame in venue.heard[1:]]
    assert sent[:2] == [("unsubscribe", [UP]), ("subscribe", [UP])]
    assert watching.feed.health.row().gaps == 1


async def test_after_a_lost_connection_every_book_waits_for_a_whole_one(venue: Venue, watching: Watching) -> None:
    venue.dumps = False
    await venue.hang_up()
    await eventually(lambda: watching.doubt() == watching.doubt("down") == "book_quarantined")
    assert watching.view().bids[0] == (0.40, 10.0)  # still shown, as doubted
    assert watching.feed.health.row().state == "down"
    await eventually(lambda: len(venue.heard) == 2)
    await venue.say(price_change(KEY, "up", "BUY", 0.40, 12, bid="0.40", ask="0.42"))
    await venue.say(book(KEY, "down", {0.58: 20}, {0.60: 12}))
    await eventually(lambda: watching.doubt("down") is None)
    assert watching.doubt() == "book_quarantined"
    assert watching.feed.health.row().reconnects == 1


async def test_a_token_that_stays_silent_after_subscribing_is_asked_for_again(
    venue: Venue, watching: Watching, clock: ManualClock
) -> None:
    later = tokens(KEY.next())[0]
    watching.feed.subscribe((later,))
    await eventually(lambda: len(venue.heard) == 2)
    venue.stock(book(KEY.next(), "up", {0.49: 5}, {0.51: 5}))
    clock.advance_to(clock.market_ms() + 10_000)
    await eventually(lambda: watching.board.book(later))


async def test_a_quiet_book_is_confirmed_by_rest(venue: Venue, watching: Watching, clock: ManualClock) -> None:
    subscribed_ms = clock.market_ms()
    clock.advance_to(subscribed_ms + 2_900)
    assert watching.view().recv_ms == subscribed_ms
    clock.advance_to(subscribed_ms + 3_000)
    await eventually(lambda: watching.view().recv_ms == watching.view("down").recv_ms == subscribed_ms + 3_000)
    assert sorted(venue.asked) == [f"/book?token_id={UP}", f"/book?token_id={DOWN}"]


@pytest.mark.parametrize("resolved", [True, False])
async def test_a_distant_venue_confirms_a_quiet_book_in_time_beside_many_others(
    venue: Venue, watching: Watching, clock: ManualClock, resolved: bool
) -> None:
    """Two seconds are left when a book counts as quiet, an answer takes 0.15 s. REST has no book of the resolved."""
    venue.latency_s = 0.15
    others = [MarketKey("eth", "15m", KEY.epoch + 900 * place) for place in range(2, 10)]
    books = [book(key, "up", {0.40: 10}, {0.42: 20}) for key in others]
    books += [book(key, "down", {0.58: 20}, {0.60: 10}) for key in others]
    venue.stock(*books)
    watching.feed.subscribe(each["asset_id"] for each in books)
    await eventually(lambda: all(watching.board.book(each["asset_id"]) for each in books))
    if resolved:
        for each in books:
            del venue.books[each["asset_id"]]
    clock.advance_to(clock.market_ms() + 1_000)
    await venue.say(book(KEY, "up", {0.38: 3, 0.40: 10}, {0.45: 7, 0.42: 20}))
    await eventually(lambda: watching.view().recv_ms == clock.market_ms())
    began = clock.market_ms() + 3_000
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    clock.advance_to(began)
    while watching.view().recv_ms < began and loop.time() < started_s + 2:
        clock.advance_to(began + int((loop.time() - started_s) * 1000))
        await asyncio.sleep(0)
    assert watching.view().recv_ms >= began


async def test_a_refusing_rest_is_left_alone_for_as_long_as_it_asks(
    venue: Venue, watching: Watching, clock: ManualClock
) -> None:
    venue.refusal = (429, {"Retry-After": "20"})
    clock.advance_to(clock.market_ms() + 3_000)
    await eventually(lambda: len(venue.asked) == 2)  # about both books, at once
    venue.refusal = None
    for _ in range(4):
        clock.advance_to(clock.market_ms() + 4_900)
        await asyncio.sleep(0)
    assert len(venue.asked) == 2
    clock.advance_to(clock.market_ms() + 400)
    await eventually(lambda: watching.view().recv_ms == clock.market_ms())


async def test_a_quiet_book_that_rest_contradicts_twice_is_subscribed_anew(
    venue: Venue, watching: Watching, clock: ManualClock
) -> None:
    venue.stock(
        book(KEY, "up", {0.30: 9}, {0.32: 20}, at_ms=9_000), book(KEY, "down", {0.68: 20}, {0.70: 9}, at_ms=9_000)
    )
    clock.advance_to(clock.market_ms() + 3_000)
    await eventually(lambda: len(venue.asked) == 2)
    assert watching.view().bids[0] == (0.40, 10.0)
    clock.advance_to(clock.market_ms() + 1_000)
    await eventually(lambda: watching.view().bids == ((0.30, 9.0),))
    await eventually(lambda: watching.view("down").bids == ((0.68, 20.0),))
    assert watching.feed.counts.resyncs == 2


async def test_a_lively_book_is_checked_too_for_what_its_best_prices_do_not_show(
    venue: Venue, watching: Watching, clock: ManualClock
) -> None:
    venue.stock(book(KEY, "up", {0.38: 99, 0.40: 10}, {0.45: 7, 0.42: 20}, at_ms=2_000))
    clock.advance_to(clock.market_ms() + 30_000)
    await venue.say(price_change(KEY, "up", "BUY", 0.37, 5, bid="0.40", ask="0.42"))  # venue time 2,000
    await eventually(lambda: watching.view().bids[1] == (0.38, 99.0))
    assert (watching.feed.counts.mismatches, watching.feed.counts.resyncs) == (0, 1)


async def test_a_refusing_rest_leaves_the_books_to_age(venue: Venue, watching: Watching, clock: ManualClock) -> None:
    venue.refusal = (503, {})
    before = watching.view()
    clock.advance_to(clock.market_ms() + 6_000)
    await eventually(lambda: venue.asked)
    assert watching.view() == before


async def test_unknown_and_malformed_frames_are_counted_and_harmless(venue: Venue, watching: Watching) -> None:
    await venue.say_text('{"event_type":"market_weather","outlook":"cloudy"}')
    await venue.say_text('{"event_type":"price_change","market":"0x' + "y" * 500)
    await venue.say(price_change(KEY, "up", "BUY", 1.7, 6, bid="0.40", ask="0.42"))  # no price of this world
    await venue.say(price_change(KEY, "up", "BUY", 0.39, 6, bid="0.40", ask="0.42"))
    await eventually(lambda: watching.feed.counts.comparisons == 1)
    row = watching.feed.health.row()
    assert (row.unknown, row.malformed) == (1, 2)
    assert watching.view().bids == ((0.40, 10.0), (0.39, 6.0), (0.38, 3.0))


async def test_other_markets_and_pongs_are_no_data(venue: Venue, watching: Watching) -> None:
    """A socket that speaks of everything but our tokens must count as silent."""
    feed = watching.feed
    assert not feed.on_text("PONG")
    assert not feed.on_text(
        '{"event_type":"new_market","market":"0x1","slug":"s","assets_ids":["1"],"outcomes":["Yes"],"timestamp":"1"}'
    )
    assert not feed.on_text('{"event_type":"best_bid_ask","market":"0x1","asset_id":"9","best_bid":"0.1",'
                            '"best_ask":"0.2","timestamp":"1"}')  # fmt: skip
    assert feed.on_text(f'{{"event_type":"best_bid_ask","market":"0x1","asset_id":"{UP}","best_bid":"0.4",'
                        f'"best_ask":"0.42","timestamp":"1"}}')  # fmt: skip
    assert feed.keepalive == (10.0, "PING")


async def test_last_trades_and_results_are_passed_on(venue: Venue, watching: Watching) -> None:
    resolved: list[MarketResolved] = []
    watching.feed.on_resolved = resolved.append
    await venue.say(
        {
            "event_type": "last_trade_price", "market": condition(KEY), "asset_id": UP, "price": "0.42", "size": "5",
            "side": "BUY", "timestamp": "7", "fee_rate_bps": "0",
        },
        {
            "event_type": "market_resolved", "market": condition(KEY), "assets_ids": [UP, DOWN], "timestamp": "8",
            "winning_asset_id": UP, "winning_outcome": "Up",
        },
    )  # fmt: skip
    await eventually(lambda: resolved)
    assert (resolved[0].market, watching.view().last_trade) == (condition(KEY), 0.42)
