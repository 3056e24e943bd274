"""What the servers may rely on: books, windows, prints and determinism of the simulated world."""

import math
import random
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyterm.core.market import MarketKey
from polyterm.sim.events import (
    ChainUpdated,
    LevelChanged,
    MarketEnded,
    MarketListed,
    MarketResolved,
    MarketTraded,
    OraclePrinted,
    SpotChanged,
    TickSizeChanged,
    TwapPrinted,
    WorldEvent,
)
from polyterm.sim.schedule import Schedule, outcome
from polyterm.sim.views import MarketView
from polyterm.sim.world import World

START_S = 1_790_000_100
START_MS = START_S * 1000


class Follower:
    """Keeps one market's Up book from events alone, and minds that no event is impossible."""

    def __init__(self, view: MarketView | None = None) -> None:
        self.per_dollar = 100 if view is None else view.ticks_per_dollar
        self.bids = {} if view is None else dict(view.bids)
        self.asks = {} if view is None else dict(view.asks)
        self.check()

    def apply(self, event: WorldEvent) -> None:
        match event:
            case LevelChanged():
                side = self.bids if event.is_bid else self.asks
                if event.size == 0:
                    del side[event.price_ticks]
                else:
                    side[event.price_ticks] = event.size
            case TickSizeChanged():
                assert (event.old_ticks_per_dollar, event.new_ticks_per_dollar) == (self.per_dollar, 1000)
                self.per_dollar = event.new_ticks_per_dollar
                self.bids, self.asks = {}, {}
            case MarketTraded():
                # Buying Up takes the Up ask; buying Down is its mirror and takes the Up bid.
                up_ticks = event.price_ticks if event.side == "up" else self.per_dollar - event.price_ticks
                takes_ask = event.taker_buys == (event.side == "up")
                best = min(self.asks) if takes_ask else max(self.bids)
                assert up_ticks == best
                assert 0 < event.size < (self.asks if takes_ask else self.bids)[best]
        self.check()

    def check(self) -> None:
        for ticks, size in [*self.bids.items(), *self.asks.items()]:
            assert 1 <= ticks <= self.per_dollar - 1
            assert size > 0
        if self.bids and self.asks:
            assert max(self.bids) < min(self.asks)


def run(world: World, seconds: int) -> list[WorldEvent]:
    return world.advance(world.now_ms + seconds * 1000)


@pytest.fixture(scope="module")
def told() -> tuple[dict[MarketKey, MarketView], list[WorldEvent], World]:
    """Twelve five-minute windows of two coins: the views at the start, all events, and the world afterwards."""
    world = World(5, START_MS + 120_000, ("btc", "xrp"), "5m", 500)
    views = {view.key: view for view in world.markets()}
    return views, run(world, 12 * 300), world


def test_books_stay_possible_event_by_event_and_end_as_the_views_say(told) -> None:
    views, events, world = told
    books = {key: Follower(view) for key, view in views.items()}
    seen: set[type] = set()
    for event in events:
        if isinstance(event, MarketListed):
            assert event.key not in books
            books[event.key] = Follower()
        elif isinstance(event, LevelChanged | TickSizeChanged | MarketTraded):
            books[event.key].apply(event)
        seen.add(type(event))
    assert {LevelChanged, TickSizeChanged, MarketTraded} <= seen
    for view in world.markets():
        book = books[view.key]
        assert view.ticks_per_dollar == book.per_dollar
        assert view.bids == tuple(sorted(book.bids.items(), reverse=True))
        assert view.asks == tuple(sorted(book.asks.items()))


def test_windows_settle_on_the_average_and_chain_into_each_other(told) -> None:
    _, events, _ = told
    averages = {(e.coin, e.at_ms): e.price for e in events if isinstance(e, TwapPrinted)}
    ended = {e.key: e for e in events if isinstance(e, MarketEnded)}
    assert len(ended) == 2 * 12
    checked = 0
    for key, end in ended.items():
        assert end.at_ms == key.end * 1000
        assert end.outcome == ("up" if end.final >= end.strike else "down")
        if (key.coin, key.end * 1000) in averages:
            assert averages[key.coin, key.end * 1000] == end.final
            checked += 1
        if key.next() in ended:
            assert ended[key.next()].strike == end.final
    assert checked >= 20


def test_the_average_is_of_the_sixty_seconds_that_end_three_seconds_earlier(told) -> None:
    _, events, _ = told
    prints = {(e.coin, e.at_ms): e.price for e in events if isinstance(e, OraclePrinted)}
    checked = 0
    for event in events:
        if isinstance(event, TwapPrinted):
            window = [prints.get((event.coin, event.at_ms - 1000 * back)) for back in range(3, 63)]
            known = [price for price in window if price is not None]
            if len(known) == 60:
                assert event.price == pytest.approx(math.fsum(known) / 60, abs=1e-8)
                checked += 1
    assert checked > 300


def test_prints_are_delivered_in_order_one_to_two_seconds_late() -> None:
    world = World(3, START_MS, ("eth",), "5m", 100)
    stamps: dict[type, list[int]] = defaultdict(list)
    for _ in range(3000):
        for event in world.advance(world.now_ms + 100):
            if isinstance(event, TwapPrinted | OraclePrinted):
                assert 1000 <= world.now_ms - event.at_ms <= 2300
                assert event.at_ms % 1000 == 0
                stamps[type(event)].append(event.at_ms)
    for kind in (TwapPrinted, OraclePrinted):
        assert stamps[kind] == sorted(set(stamps[kind]))
    assert world.twap_history("eth", 120)[-1].at_ms == stamps[TwapPrinted][-1]


def test_a_market_is_listed_with_a_book_two_windows_ahead_and_resolved_soon_after_its_end(told) -> None:
    _, events, world = told
    resolved = {e.key: e for e in events if isinstance(e, MarketResolved)}
    ended = {e.key: e for e in events if isinstance(e, MarketEnded)}
    for key, end in resolved.items():
        assert end.outcome == ended[key].outcome
        assert 20_000 <= end.at_ms - ended[key].at_ms <= 90_000
    for event in events:
        if isinstance(event, MarketListed):
            assert event.key.epoch * 1000 - event.at_ms == 2 * 300_000
    for coin in world.coins:
        views = [view for view in world.markets() if view.key.coin == coin]
        assert [view.state for view in views if view.key.end * 1000 > world.now_ms] == ["open", "listed", "listed"]
        assert all(view.bids and view.asks for view in views if view.state == "listed")
        assert all(not view.bids and not view.asks for view in views if view.state == "resolved")


def test_it_starts_in_the_middle_of_a_window_with_a_past() -> None:
    world = World(1, START_MS + 437_250, step_ms=50)
    assert world.now_ms == START_MS + 437_250
    for coin in world.coins:
        view = world.market(MarketKey(coin, "15m", START_S))
        assert view is not None
        assert view.state == "open"
        assert view.strike is not None
        assert view.bids or view.asks
        assert len(world.twap_history(coin, 120)) >= 100
        assert world.spot(coin).ask > world.spot(coin).bid
        assert 0 <= START_S + 437 - world.chain_round(coin).updated_at <= 60
        assert world.chain_round(coin).answer / 1e8 == pytest.approx(world.spot(coin).bid, rel=0.01)


def test_a_window_that_starts_with_the_world_has_its_strike() -> None:
    view = World(1, START_MS, ("sol",)).market(MarketKey("sol", "15m", START_S))
    assert view is not None
    assert view.strike is not None


def test_market_ids_follow_from_key_and_seed() -> None:
    first, again, other = (World(seed, START_MS, ("btc",)).markets()[1] for seed in (1, 1, 2))
    assert (first.condition_id, first.up_token) == (again.condition_id, again.up_token)
    assert other.condition_id != first.condition_id
    assert len(first.condition_id) == 66
    assert len({first.up_token, first.down_token}) == 2
    assert first.up_token.isdigit()


def test_a_tie_is_up() -> None:
    assert outcome(64_000.5, 64_000.5) == "up"
    assert outcome(64_000.5, 64_000.49999999) == "down"
    schedule = Schedule("btc", "5m", 1, random.Random(1))
    schedule.begin(START_S, 100.0)
    events: list[WorldEvent] = []
    schedule.second(START_S + 300, 100.0, events)
    (ended,) = (event for event in events if isinstance(event, MarketEnded))
    assert (ended.strike, ended.final, ended.outcome) == (100.0, 100.0, "up")


def test_spot_is_one_tick_wide_and_rounds_are_numbered(told) -> None:
    _, events, _ = told
    for event in events:
        if isinstance(event, SpotChanged):
            tick = {"btc": 0.01, "xrp": 0.0001}[event.coin]
            assert event.ask - event.bid == pytest.approx(tick, rel=1e-6)
            assert min(event.bid_size, event.ask_size) > 0
    for coin in ("btc", "xrp"):
        numbers = [e.round_id for e in events if isinstance(e, ChainUpdated) and e.coin == coin]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("step_ms", [0, -100, 300, 2000])
def test_a_step_must_divide_a_second(step_ms: int) -> None:
    with pytest.raises(ValueError, match="must divide 1000"):
        World(1, START_MS, step_ms=step_ms)


def test_seeds_differ() -> None:
    one, two = (run(World(seed, START_MS, ("btc",), "5m", 500), 5) for seed in (1, 2))
    assert one != two


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    offset_ms=st.integers(0, 299_999),
    cuts=st.lists(st.integers(0, 40_000), max_size=12),
)
def test_cutting_the_advances_changes_nothing(seed: int, offset_ms: int, cuts: list[int]) -> None:
    start_ms = START_MS + offset_ms
    whole, pieces = (World(seed, start_ms, ("btc", "sol"), "5m", 250) for _ in range(2))
    expected = whole.advance(start_ms + 40_000)
    events = [event for cut in [*sorted(cuts), 40_000] for event in pieces.advance(start_ms + cut)]
    assert events == expected
    assert pieces.markets() == whole.markets()
    assert pieces.now_ms == whole.now_ms
