"""Windows on a clock that the test moves, with a board and a catalogue that the test writes."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import FeeSchedule, Grade, MarketKey, Reference, Side
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.feeds import windows
from polyterm.feeds.board import Board, OraclePrint, SpotQuote
from polyterm.feeds.polymarket.channel import MarketFeed
from polyterm.feeds.polymarket.discovery import Discovery
from polyterm.feeds.references import References
from polyterm.feeds.windows import Series, WindowDesk
from polyterm.transport.clock import ManualClock
from polyterm.transport.http import http_client
from tests.feeds.polymarket_venue import Venue, condition, event, tokens
from tests.waiting import eventually

T0 = 1_790_000_100
KEY = MarketKey("btc", "15m", T0)
KEY_SLUG = "btc-updown-15m-1790000100"
LATER = KEY.next()
FEE = FeeSchedule(0.07, 1.0)


class World:
    """A desk, its clock and board, and everything it emitted."""

    def __init__(self, desk: WindowDesk, clock: ManualClock, board: Board, emitted: list[Payload]) -> None:
        self.desk = desk
        self.clock = clock
        self.board = board
        self.emitted = emitted

    @property
    def now_s(self) -> float:
        return self.clock.market_ms() / 1000

    def at(self, unix_s: float) -> None:
        """Move to that second, slot by slot, as the collector would."""
        while self.clock.market_ms() < int(unix_s * 1000):
            self.clock.advance_to(min(self.clock.market_ms() + 1000, int(unix_s * 1000)))
            self.desk.advance()

    def twap(self, unix_s: int, price: float) -> None:
        self.board.post_twap(OraclePrint("btc", price, "twap60", unix_s * 1000, self.clock.market_ms()))

    def oracle(self, unix_s: int, price: float) -> None:
        self.board.post_oracle(OraclePrint("btc", price, "chainlink-polygon", unix_s * 1000, self.clock.market_ms()))

    def spot(self, price: float) -> None:
        self.board.post_spot(SpotQuote("btc", price, "binance", self.clock.market_ms()))

    def outcomes(self) -> list[tuple[Side, Grade, float | None]]:
        return [(each.side, each.grade, each.final_price) for each in self.emitted if isinstance(each, Outcome)]

    def strike(self, key: MarketKey = KEY) -> tuple[float, Grade] | None:
        strike = self.desk.strike(key)
        return None if strike is None else (strike.price, strike.grade)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "LOOK_EVERY_S", 0.002)


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with Venue() as venue:
        venue.list(event(KEY), event(LATER))
        yield venue


@asynccontextmanager
async def running(
    venue: Venue,
    start_s: int,
    speed: float = 1.0,
    series: Sequence[Series] = (("btc", "15m"),),
    unresolved: Sequence[UnresolvedWindow] = (),
) -> AsyncIterator[World]:
    clock, board, rng = ManualClock(start_s * 1000, speed), Board(), random.Random(1)
    emitted: list[Payload] = []
    async with http_client() as client:
        feed = MarketFeed(venue.settings, board, clock, rng)
        desk = WindowDesk(
            clock, board, Discovery(client, venue.settings), feed, series=series, emit=emitted.append, rng=rng
        )
        desk.resume(unresolved)
        desk.advance()
        task = asyncio.create_task(desk.run())
        try:
            yield World(desk, clock, board, emitted)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def world(venue: Venue) -> AsyncIterator[World]:
    """A minute before the window begins, with its market found."""
    async with running(venue, T0 - 60) as world:
        await eventually(lambda: world.desk.market(KEY))
        yield world


# From one window to the next


async def test_a_window_opens_and_ends_on_its_seconds(world: World) -> None:
    await eventually(lambda: world.desk.market(MarketKey("btc", "15m", T0 - 900)) is None)  # that one is not listed
    world.at(T0 - 1)
    assert world.emitted == []
    world.at(T0)
    assert world.emitted == [WindowOpened(KEY, None, FEE)]
    world.twap(T0, 100.0)
    world.at(T0 + 1)
    world.at(T0 + 899)
    await eventually(lambda: world.desk.market(LATER))
    assert len(world.emitted) == 1
    world.at(T0 + 900)
    assert world.emitted[1:] == [WindowEnded(KEY, None), WindowOpened(LATER, None, FEE)]


async def test_the_next_market_is_found_two_minutes_ahead(venue: Venue) -> None:
    async with running(venue, T0 - 125) as world:
        later = f"/events/slug/btc-updown-15m-{T0}"
        await eventually(lambda: world.desk.note(("btc", "15m")) == f"btc-updown-15m-{T0 - 900} is not listed")
        assert later not in venue.asked
        world.at(T0 - 120)
        await eventually(lambda: world.desk.market(KEY))
        assert venue.asked.count(later) == 1


async def test_in_a_fast_demo_there_are_seconds_of_wall_time_to_find_it(venue: Venue) -> None:
    async with running(venue, T0 - 500, speed=100) as world:  # 5 wall seconds
        await eventually(lambda: world.desk.market(KEY))


async def test_a_window_joined_in_its_middle_opens_when_its_market_is_found(venue: Venue) -> None:
    async with running(venue, T0 + 400) as world:
        world.spot(100.0)
        world.at(T0 + 401)
        assert world.emitted == []
        await eventually(lambda: world.desk.market(KEY))
        world.at(T0 + 402)
        assert world.emitted == [WindowOpened(KEY, None, FEE)]
        world.at(T0 + 420)
        assert world.strike() is None  # spot at 402 s is not the price at the start


async def test_two_windows_of_a_coin_share_their_second(venue: Venue) -> None:
    short = MarketKey("btc", "5m", T0)
    venue.list(event(short))
    async with running(venue, T0 - 30, series=(("btc", "15m"), ("btc", "5m"))) as world:
        await eventually(lambda: world.desk.market(KEY) and world.desk.market(short))
        world.at(T0 + 1)
        world.twap(T0, 100.0)
        world.at(T0 + 2)
        assert world.strike(KEY) == world.strike(short) == (100.0, "stream")


# Strike


async def test_the_stream_gives_the_strike_and_nothing_waits_longer_than_it(world: World) -> None:
    world.spot(100.2)
    world.at(T0 + 1)
    assert world.strike() is None
    world.twap(T0 - 1, 99.0)
    world.twap(T0 + 1, 101.0)
    world.at(T0 + 2)
    assert world.strike() is None
    world.twap(T0, 100.0)
    world.at(T0 + 2.5)
    assert world.strike() == (100.0, "stream")
    world.twap(T0 + 2, 107.0)
    world.at(T0 + 30)
    assert world.strike() == (100.0, "stream")


async def test_without_oracle_the_spot_of_the_first_second_is_the_strike(world: World) -> None:
    world.at(T0 - 1)
    world.spot(100.0)
    world.at(T0)
    world.spot(101.0)
    world.at(T0 + 2.9)
    assert world.strike() is None
    world.at(T0 + 3)
    assert world.desk.strike(KEY) == Reference(100.0, "binance", "spot", (T0 - 1) * 1000)


async def test_a_spot_from_before_the_boundary_is_no_spot_of_it(world: World) -> None:
    world.at(T0 - 3)
    world.spot(100.0)
    world.at(T0 + 30)
    assert world.strike() is None


async def test_the_oracle_as_of_the_start_is_better_than_spot_and_gets_time_to_be_polled(world: World) -> None:
    world.oracle(T0 - 40, 99.5)
    world.at(T0)
    world.spot(100.0)
    world.at(T0 + 5)
    assert world.strike() is None
    world.oracle(T0 - 2, 99.9)  # written before the start, read after it
    world.at(T0 + 6)
    assert world.strike() == (99.9, "oracle")


async def test_an_oracle_that_fell_silent_long_ago_is_not_asked(world: World) -> None:
    world.oracle(T0 - 61, 99.5)
    world.at(T0)
    world.spot(100.0)
    world.at(T0 + 6)
    assert world.strike() == (100.0, "spot")


async def test_a_better_strike_replaces_a_worse_one(world: World) -> None:
    world.at(T0)
    world.spot(100.0)
    world.at(T0 + 3)
    assert world.strike() == (100.0, "spot")
    world.twap(T0, 100.5)
    world.at(T0 + 4)
    assert world.strike() == (100.5, "stream")


async def test_the_venues_own_strike_is_asked_for_while_ours_is_weak(venue: Venue, world: World) -> None:
    world.at(T0)
    world.spot(100.0)
    venue.list(event(KEY, strike=100.4))
    asked = len(venue.asked)
    world.at(T0 + 59)
    assert world.strike() == (100.0, "spot")
    assert len(venue.asked) == asked
    world.at(T0 + 60)
    await eventually(lambda: len(venue.asked) > asked)
    await eventually(lambda: world.desk.advance() or world.strike() == (100.4, "official"))


async def test_a_fast_clock_waits_longer_in_market_time(venue: Venue) -> None:
    async with running(venue, T0 - 60, speed=15) as world:
        world.at(T0)
        world.spot(100.0)
        world.at(T0 + 14)
        assert world.strike() is None
        world.at(T0 + 15)
        assert world.strike() == (100.0, "spot")


# Results


async def settled(world: World, strike: float, final: float) -> None:
    """Through the whole window on the settlement stream."""
    world.at(T0 + 1)
    world.twap(T0, strike)
    world.at(T0 + 901)
    world.twap(T0 + 900, final)
    world.at(T0 + 902)


@pytest.mark.parametrize(
    ("final", "side"), [(100.0, "up"), (100.000001, "up"), (99.999999, "down")], ids=["tie", "above", "below"]
)
async def test_a_tie_is_up(world: World, final: float, side: Side) -> None:
    await settled(world, 100.0, final)
    assert world.outcomes() == [(side, "stream", final)]


async def test_the_end_of_one_window_is_the_start_of_the_next(world: World) -> None:
    await eventually(lambda: world.desk.market(KEY))
    await settled(world, 100.0, 103.0)
    assert world.strike(LATER) == (103.0, "stream")


async def test_a_late_official_result_that_differs_is_a_second_outcome(venue: Venue, world: World) -> None:
    await settled(world, 100.0, 100.5)
    assert world.outcomes() == [("up", "stream", 100.5)]
    world.at(T0 + 1000)
    await eventually(lambda: any("btc-updown-15m-1790000100?_=" in asked for asked in venue.asked))
    assert len(world.outcomes()) == 1  # not resolved yet
    venue.list(event(KEY, strike=100.0, final=99.5, outcome="down"))
    await eventually(lambda: world.at(world.now_s + 5) or len(world.outcomes()) == 2)
    official = world.emitted[-1]
    assert official == Outcome(KEY, "down", "official", "gamma", 99.5, Reference(100.0, "gamma", "official", T0 * 1000))
    world.at(world.now_s + 1)
    assert world.strike(LATER) == (99.5, "official")  # the venue's final is its next price to beat
    asked = len(venue.asked)
    world.at(world.now_s + 100)
    assert world.desk.market(KEY) is None  # done with
    assert len(venue.asked) == asked


async def test_a_mentioned_result_is_asked_for_at_once(venue: Venue, world: World) -> None:
    await settled(world, 100.0, 100.5)
    await eventually(lambda: world.desk.market(LATER))
    venue.list(event(KEY, final=100.5, outcome="up"))
    asked = len(venue.asked)
    market = condition(KEY).replace("0x0", "0x")  # shorter, as the venue sometimes writes it
    feed = world.desk._market_feed
    feed.on_text(
        f'{{"event_type":"market_resolved","market":"{market}","assets_ids":["1","2"],"winning_asset_id":"1",'
        '"winning_outcome":"Up","timestamp":"1"}'
    )
    await eventually(lambda: world.outcomes()[-1] == ("up", "official", 100.5))
    assert len(venue.asked) == asked + 1


async def test_a_result_that_never_comes_is_given_up_after_a_day_and_counted(world: World) -> None:
    await settled(world, 100.0, 100.5)
    window = world.desk._windows[KEY]
    await eventually(lambda: world.at(world.now_s + 20) or window.answers >= 5)
    world.clock.advance_to((KEY.end + 24 * 3600) * 1000 - 1)
    world.desk.advance()
    assert world.desk.market(KEY) is not None
    world.clock.advance_to((KEY.end + 24 * 3600) * 1000)
    world.desk.advance()
    assert world.desk.market(KEY) is None
    assert "official results that never came: 1" in world.desk.row().reason


async def test_a_result_that_is_days_old_is_still_asked_for_a_few_times(venue: Venue) -> None:
    known = UnresolvedWindow(KEY, grade="stream")
    async with running(venue, KEY.end + 3 * 86_400, unresolved=(known,)) as world:
        await eventually(lambda: world.at(world.now_s + 20) or KEY not in world.desk._windows)
        assert sum(KEY_SLUG in each for each in venue.asked) == 5


async def test_a_window_without_any_judgement_is_asked_for_a_week(world: World) -> None:
    world.at(KEY.end + 1)
    world.clock.advance_to((KEY.end + 7 * 24 * 3600) * 1000)
    world.desk.advance()
    assert world.desk.market(KEY) is not None, "there were not answers enough"


async def test_a_market_that_was_voided_is_not_asked_again_and_shown(venue: Venue, world: World) -> None:
    await settled(world, 100.0, 100.5)
    venue.list(event(KEY, closed=True, umaResolutionStatus="resolved"))  # at 0.5 each
    await eventually(lambda: world.at(world.now_s + 5) or "without a winner" in world.desk.row().reason)
    assert world.outcomes() == [("up", "stream", 100.5)], "what was settled stays as it is"
    asked = len(venue.asked)
    world.at(world.now_s + 200)
    assert world.desk.market(KEY) is None
    assert sum(KEY_SLUG in each for each in venue.asked[asked:]) == 0
    assert world.desk.row().reason == "markets that ended without a winner: 1, the last btc-15m-1790000100"


# Windows of an earlier session


async def test_a_window_that_ended_while_nobody_ran_is_asked_for(venue: Venue) -> None:
    venue.list(event(KEY, strike=100.0, final=99.5, outcome="down"))
    async with running(venue, KEY.end + 7200, unresolved=(UnresolvedWindow(KEY, grade="spot"),)) as world:
        world.at(KEY.end + 7214)
        assert KEY_SLUG not in " ".join(venue.asked)
        world.at(KEY.end + 7215)
        await eventually(lambda: world.outcomes() == [("down", "official", 99.5)])
        assert f"{KEY_SLUG}?_=" in " ".join(venue.asked), "an answer of the venue's cache may be minutes old"
        world.at(KEY.end + 7216)
        assert world.desk.market(KEY) is None


async def test_a_window_whose_end_was_never_told_ends_first(venue: Venue) -> None:
    """The stream's own history reaches back two minutes: it gives the final, and the store the strike."""
    strike = Reference(100.0, "twap60", "stream", T0 * 1000)
    async with running(venue, KEY.end + 30, unresolved=(UnresolvedWindow(KEY, strike, closed=False),)) as world:
        assert world.emitted == [WindowEnded(KEY, None)]
        world.twap(KEY.end, 99.0)
        world.at(KEY.end + 31)
        assert world.outcomes() == [("down", "stream", 99.0)]


async def test_a_window_that_still_runs_keeps_its_strike(venue: Venue) -> None:
    strike = Reference(100.0, "twap60", "stream", T0 * 1000)
    async with running(venue, T0 + 300, unresolved=(UnresolvedWindow(KEY, strike, closed=False),)) as world:
        await eventually(lambda: world.desk.advance() or world.emitted)
        assert world.emitted == [WindowOpened(KEY, strike, FEE)]


async def test_a_settlement_of_an_earlier_session_is_not_repeated_in_a_worse_grade(venue: Venue) -> None:
    known = UnresolvedWindow(
        KEY,
        Reference(100.0, "chainlink-polygon", "oracle", T0 * 1000),
        Reference(101.0, "chainlink-polygon", "oracle", KEY.end * 1000),
        grade="oracle",
    )
    async with running(venue, KEY.end + 30, unresolved=(known,)) as world:
        world.at(KEY.end + 100)
        assert world.emitted == []


async def test_a_running_window_of_a_coin_that_is_no_longer_followed_is_left_alone(venue: Venue) -> None:
    eth = MarketKey("eth", "15m", T0)
    async with running(venue, T0 + 300, unresolved=(UnresolvedWindow(eth, closed=False),)) as world:
        await eventually(lambda: world.desk.market(KEY))
        assert world.desk.market(eth) is None


async def test_results_are_asked_for_ever_more_rarely(venue: Venue) -> None:
    """10 s after an answer, times 1.5 for each that there was, and a quarter of an hour at most."""
    async with running(venue, KEY.end + 7200, unresolved=(UnresolvedWindow(KEY),)) as world:
        world.at(KEY.end + 7215)
        window, waits = world.desk._windows[KEY], []
        for answers in range(1, 15):
            await eventually(lambda: window.answers == answers and window.ask_ms is not None)  # noqa: B023
            waits.append((window.ask_ms - world.clock.market_ms()) / 1000)
            world.clock.advance_to(window.ask_ms)
        assert waits[:4] == [15.0, 22.5, 33.75, 50.625]
        assert waits[-2:] == [900.0, 900.0]


async def test_a_machine_that_slept_for_hours_still_asks_how_its_window_ended(venue: Venue, world: World) -> None:
    world.at(T0 + 100)
    world.twap(T0, 100.0)
    world.at(T0 + 101)
    venue.list(event(KEY, strike=100.0, final=99.0, outcome="down"))
    world.clock.advance_to((T0 + 8 * 3600) * 1000)
    world.desk.advance()
    await eventually(lambda: world.outcomes() == [("down", "official", 99.0)])
    world.at(world.now_s + 1)
    assert world.desk.market(KEY) is None


async def test_a_result_is_asked_for_until_there_were_answers_enough(
    venue: Venue, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "UNSETTLED_ANSWERS", 3)
    world.at(KEY.end)
    world.clock.advance_to((KEY.end + 8 * 24 * 3600) * 1000)
    world.desk.advance()
    await eventually(lambda: world.at(world.now_s + 100) or world.desk.market(KEY) is None)
    assert sum("1790000100?_=" in asked for asked in venue.asked) == 3


async def test_a_catalogue_that_says_at_once_is_not_asked_in_a_loop(venue: Venue) -> None:
    venue.refusal = (429, {"Retry-After": "0"})
    async with running(venue, T0 + 10) as world:
        await eventually(lambda: (world.desk.health.row().retry_in_s or 0) >= 0.5)
        assert len(venue.asked) == 2


async def test_ended_tokens_are_unsubscribed_after_a_minute(world: World) -> None:
    feed = world.desk._market_feed
    await settled(world, 100.0, 100.5)
    await eventually(lambda: set(tokens(KEY)) <= set(feed._tokens))
    world.at(KEY.end + 59)
    assert set(tokens(KEY)) <= set(feed._tokens)
    world.at(KEY.end + 60)
    assert set(tokens(KEY)).isdisjoint(feed._tokens)


# Judging like with like


def references(speed: float = 1.0, start_s: int = T0 - 60) -> tuple[References, Board, ManualClock]:
    clock, board = ManualClock(start_s * 1000, speed), Board()
    return References(board, clock, ("btc",)), board, clock


def quotes(board: Board, clock: ManualClock, seconds: Sequence[int], spot: float, oracle: float) -> Iterator[int]:
    for second in seconds:
        clock.advance_to(second * 1000)
        board.post_spot(SpotQuote("btc", spot, "binance", clock.market_ms()))
        board.post_oracle(OraclePrint("btc", oracle, "chainlink-stream", second * 1000, clock.market_ms()))
        yield second


def test_spot_meets_spot_and_never_a_settlement_price_as_it_stands() -> None:
    known, board, clock = references(start_s=T0 - 100)
    for second in quotes(board, clock, range(T0 - 100, T0 - 70), 100.1, 100.0):
        known.observe(second)
    board.post_twap(OraclePrint("btc", 100.0, "twap60", T0 * 1000, clock.market_ms()))
    clock.advance_to((T0 + 900) * 1000)
    board.post_spot(SpotQuote("btc", 100.05, "binance", clock.market_ms()))  # below the strike without its basis
    known.best("btc", T0 + 900)
    clock.advance_to((T0 + 904) * 1000)
    judged = known.judge("btc", T0, T0 + 900)
    assert judged is not None
    assert (judged.side, judged.grade, judged.strike.price) == ("down", "spot", 100.0)
    assert judged.final.price == pytest.approx(100.05 / 1.001)
    assert judged.final.source == "binance less basis"


def test_without_a_basis_a_stream_strike_and_a_spot_final_cannot_be_compared() -> None:
    known, board, clock = references()
    known.observe(T0 - 60)
    board.post_twap(OraclePrint("btc", 100.0, "twap60", T0 * 1000, clock.market_ms()))
    clock.advance_to((T0 + 900) * 1000)
    board.post_spot(SpotQuote("btc", 100.05, "binance", clock.market_ms()))
    known.best("btc", T0 + 900)
    clock.advance_to((T0 + 960) * 1000)
    assert known.best("btc", T0 + 900) == Reference(100.05, "binance", "spot", (T0 + 900) * 1000)
    assert known.judge("btc", T0, T0 + 900) is None


@pytest.mark.parametrize(("source", "side"), [("binance", "down"), ("coinbase", None)])
def test_two_spots_are_compared_when_they_are_of_one_exchange(source: str, side: Side | None) -> None:
    known, board, clock = references()
    known.observe(T0 - 60)
    for second, price, name in ((T0, 100.0, "binance"), (T0 + 900, 99.9, source)):
        clock.advance_to(second * 1000)
        board.post_spot(SpotQuote("btc", price, name, clock.market_ms()))
        known.best("btc", second)
    clock.advance_to((T0 + 904) * 1000)
    judged = known.judge("btc", T0, T0 + 900)
    assert (None if judged is None else judged.side) == side


def test_the_basis_follows_the_freshest_settlement_price() -> None:
    known, board, clock = references(start_s=T0)
    for second in quotes(board, clock, range(T0, T0 + 20), 100.1, 100.0):
        known.observe(second)
    assert known.basis("btc") == pytest.approx(0.0009995, abs=1e-7)  # ln(1.001)
    assert References(board, clock, ("eth",)).basis("eth") is None


# The catalogue is away


async def test_everything_goes_on_while_the_catalogue_is_away(venue: Venue) -> None:
    venue.refusal = (429, {"Retry-After": "0"})
    async with running(venue, T0 + 10) as world:
        await eventually(lambda: world.desk.health.row().state == "down")
        row = world.desk.health.row()
        assert row.name == "gamma"
        assert "slow down" in row.reason
        assert "slow down" in world.desk.note(("btc", "15m"))
        world.at(T0 + 20)
        assert world.emitted == []
        venue.refusal = None
        await eventually(lambda: world.desk.market(KEY))
        assert world.desk.health.row().state == "live"
        assert world.desk.note(("btc", "15m")) == ""


async def test_a_dead_catalogue_is_asked_ever_more_rarely(venue: Venue) -> None:
    venue.refusal = (503, {})
    async with running(venue, T0 + 10) as world:
        await eventually(lambda: world.desk.health.row().state == "down")
        asked = len(venue.asked)
        for _ in range(50):
            world.at(world.now_s + 1)
            await asyncio.sleep(0)
        assert len(venue.asked) == asked  # at most once per back-off, whatever market time does


async def test_one_market_that_is_not_listed_does_not_hold_up_another(venue: Venue) -> None:
    eth = MarketKey("eth", "15m", T0)
    venue.list(event(eth))
    venue.events.pop("btc-updown-15m-1790000100")
    async with running(venue, T0 + 10, series=(("btc", "15m"), ("eth", "15m"))) as world:
        await eventually(lambda: world.desk.market(eth))
        assert world.desk.note(("btc", "15m")) == "btc-updown-15m-1790000100 is not listed"
        assert world.desk.note(("eth", "15m")) == ""
        venue.list(event(KEY))
        world.at(T0 + 60)
        await eventually(lambda: world.desk.market(KEY))
