"""Windows: strike, end, settlement, correction."""

import msgspec
import pytest

from polyterm.core.event import (
    StrikeSet,
    TradeClosed,
    TradeCorrected,
    WindowClosed,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.market import FeeSchedule, MarketKey, Reference
from polyterm.core.signal import HOLD, Signal
from polyterm.core.tick import Tick
from polyterm.engine.windows import REMEMBERED_WINDOWS
from polyterm.strategies.base import Context, Held, Strategy
from tests.engine.scenes import BUY_DOWN, BUY_UP, FEE, KEY, SELL, Scene, Scripted, WantsIn, book, kinds


def test_settlement_pays_one_or_nothing_and_takes_no_fee() -> None:
    scene = Scene(book(Scripted({10: BUY_UP}), "A"), book(Scripted({10: BUY_DOWN}), "B"))
    scene.open()
    scene.tick(10)
    scene.end(final=Reference(1003.0, "binance", "spot", KEY.end * 1000))
    scene.outcome("up")
    won, lost = scene.trades
    assert (won.pnl, won.costed_pnl, won.outcome, won.grade) == (50.0, 48.25, "up", "stream")
    assert (lost.pnl, lost.costed_pnl) == (pytest.approx(-51.0), pytest.approx(-51.0 - 1.7493))
    assert (won.exit_ms, won.exit_reason, won.exit, won.exit_spot) == (KEY.end * 1000, "window_expiry", None, 1003.0)
    assert scene.engine.open_positions() == ()


def test_a_pending_position_does_not_block_the_next_window() -> None:
    scene = Scene(book(WantsIn()))
    scene.open()
    scene.tick(10)
    (closed,) = scene.end()
    assert isinstance(closed, WindowClosed)
    assert closed.pending == 1
    scene.open(KEY.next())
    scene.tick(10, KEY.next())
    assert [row.pending for row in scene.engine.position_rows()] == [False, True]
    scene.outcome("up")
    assert [trade.key for trade in scene.trades] == [KEY]
    assert [position.key for position in scene.engine.open_positions()] == [KEY.next()]


def test_a_better_graded_different_outcome_corrects() -> None:
    scene = Scene(book(WantsIn()))
    scene.open()
    scene.tick(10)
    scene.end()
    assert kinds(scene.outcome("up", "spot")) == ["WindowSettled", "TradeClosed"]
    settled, corrected = scene.outcome("down", "official")
    assert isinstance(settled, WindowSettled)
    assert settled.corrects
    assert isinstance(corrected, TradeCorrected)
    assert (corrected.before.pnl, corrected.after.pnl) == (50.0, -50.0)
    assert (corrected.after.costed_pnl, corrected.after.outcome, corrected.after.grade) == (-51.75, "down", "official")
    (row,) = scene.engine.leaderboard_rows()
    assert (row.trades, row.wins, row.pnl_touch, row.pnl_costed, row.open) == (1, 0, -50.0, -51.75, 0)
    assert scene.engine.pnl_since(0) == (-50.0, -51.75)


def test_an_outcome_that_is_no_better_changes_nothing() -> None:
    scene = Scene(book(WantsIn()))
    scene.open()
    scene.tick(10)
    scene.end()
    scene.outcome("up", "stream")
    assert scene.outcome("down", "stream") == []
    assert scene.outcome("down", "oracle") == []
    (settled,) = scene.outcome("up", "official")
    assert isinstance(settled, WindowSettled)
    assert not settled.corrects


def test_an_early_exit_is_not_settled() -> None:
    scene = Scene(book(Scripted({10: BUY_UP, 20: SELL})))
    scene.open()
    scene.tick(10)
    scene.tick(20)
    scene.end()
    assert kinds(scene.outcome("down")) == ["WindowSettled"]


def test_a_window_that_was_never_said_to_end_ends_with_its_outcome_or_with_the_next() -> None:
    scene = Scene(book(WantsIn()))
    scene.open()
    scene.tick(10)
    assert kinds(scene.outcome("up")) == ["WindowClosed", "WindowSettled", "TradeClosed"]
    scene.open(KEY.next())
    assert kinds(scene.open(KEY.next().next())) == ["WindowClosed", "WindowStarted"]


def test_an_outcome_of_a_window_before_this_session_is_reported_once() -> None:
    before = MarketKey("btc", "15m", KEY.epoch - 900)
    scene = Scene()
    scene.open()
    assert kinds(scene.outcome("up", "official", before)) == ["WindowSettled"]
    assert scene.outcome("up", "official", before) == []
    assert scene.outcome("up", "official", KEY.next()) == [], "nobody knows the outcome of a window to come"
    scene.end()
    assert scene.outcome("up", "official", KEY.next()) == []


def test_the_strike_is_raised_to_a_better_grade_and_never_lowered() -> None:
    def strike(price: float, grade: str) -> Reference:
        return Reference(price, "test", grade, 0)

    scene = Scene()
    scene.open()
    (first,) = scene.tick(1, strike=strike(999.0, "oracle"))
    assert isinstance(first, StrikeSet)
    assert scene.tick(2, strike=strike(998.0, "spot")) == []
    assert scene.tick(3, strike=strike(998.0, "oracle")) == []
    (better,) = scene.tick(4, strike=strike(998.5, "stream"))
    assert isinstance(better, StrikeSet)
    assert better.strike.price == 998.5
    (closed,) = scene.end()
    assert isinstance(closed, WindowClosed)
    assert closed.strike == strike(998.5, "stream")


def test_a_window_takes_the_fee_its_market_says_and_else_that_of_its_day() -> None:
    scene = Scene()
    (said,) = scene.open(fee=FeeSchedule(0.02, 1.0))
    scene.end()
    (of_the_day,) = scene.open(KEY.next(), fee=None)
    assert isinstance(said, WindowStarted)
    assert isinstance(of_the_day, WindowStarted)
    assert (said.fee, of_the_day.fee) == (FeeSchedule(0.02, 1.0), FEE)


def test_a_window_is_described_by_its_ticks() -> None:
    scene = Scene()
    scene.open()
    scene.tick(1, up_bid=0.49, up_ask=0.51)
    scene.tick(2, up_bid=0.49, up_ask=0.51)
    scene.tick(3, up_bid=0.59, up_ask=0.61, spot=1010.0)
    scene.tick(4, book_age_ms=60_000)
    scene.tick(7, up_bid=0.39, up_ask=0.41)
    (closed,) = scene.end()
    assert isinstance(closed, WindowClosed)
    stats = closed.stats
    assert (stats.ticks, stats.price_changes) == (5, 2)
    assert (stats.opening_mid, stats.closing_mid, stats.high_mid, stats.low_mid) == (0.5, 0.4, 0.6, 0.4)
    # two neighbouring returns of the mid: 0 and ln 1.2 = 0.18232, whose population sd is half of it
    assert stats.mid_return_sd == pytest.approx(0.0911608)
    assert stats.max_abs_distance == (1010.0 - 999.0) / 999.0


def test_a_flat_window_has_no_spread_of_returns() -> None:
    scene = Scene()
    scene.open()
    for second in range(100):
        scene.tick(second, spot=0.1)
    (closed,) = scene.end()
    assert isinstance(closed, WindowClosed)
    assert closed.stats.spot_return_sd == 0.0


@pytest.mark.parametrize("late", ["same second", "earlier", "window over", "window unknown"])
def test_a_tick_out_of_place_changes_nothing(late: str) -> None:
    scene = Scene(book(Scripted({10: HOLD, 9: BUY_UP})))
    scene.open()
    scene.tick(10)
    if late == "window over":
        scene.end()
    key = KEY.next() if late == "window unknown" else KEY
    second = {"same second": 10, "earlier": 9, "window over": 11, "window unknown": 9}[late]
    assert scene.tick(second, key) == []


def test_an_ended_window_does_not_open_again() -> None:
    scene = Scene()
    scene.open()
    scene.end()
    assert scene.open() == []


def test_features_start_anew_with_a_window() -> None:
    class Looks(Strategy):
        saw: list[float]

        def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
            self.saw = [context.features.spot_return(n) for n in (0, 10)]
            return HOLD

    looks = Looks()
    scene = Scene(book(looks))
    scene.open()
    scene.tick(889)
    scene.tick(899)
    assert looks.saw == [0.0, 0.0]
    scene.end()
    scene.open(KEY.next())
    scene.tick(9, KEY.next())
    assert looks.saw[0] == 0.0
    assert looks.saw[1] != looks.saw[1], "the last window's spot is another window's"


def test_memory_is_bounded_but_no_open_position_is_forgotten() -> None:
    scene = Scene(book(WantsIn()))
    key = KEY
    for _ in range(3 * REMEMBERED_WINDOWS):
        scene.open(key)
        scene.tick(10, key)
        scene.end(key)
        if key != KEY:
            scene.outcome("up", "stream", key)
        key = key.next()
    first_two = scene.outcome("up", "official", KEY), scene.outcome("up", "official", KEY.next())
    assert kinds(first_two[0]) == ["WindowSettled", "TradeClosed"]
    assert kinds(first_two[1]) == ["WindowSettled"], "a forgotten window has no trades left to correct"
    assert len(msgspec.json.encode(scene.engine.leaderboard_rows())) < 1000
    (market,) = scene.engine.desks.values()
    assert len(market.windows._finished) <= REMEMBERED_WINDOWS + 1


def test_profit_since_midnight() -> None:
    scene = Scene(book(WantsIn()))
    scene.open()
    scene.tick(10)
    scene.end()
    scene.outcome("up")
    hour = KEY.end * 1000 // 3_600_000 * 3_600_000
    assert scene.engine.pnl_since(hour) == (50.0, 48.25)
    assert scene.engine.pnl_since(hour + 3_600_000) == (0, 0)


def test_trades_close_in_the_order_of_the_table() -> None:
    scene = Scene(book(WantsIn(), "B"), book(WantsIn(), "A"))
    scene.open()
    scene.tick(10)
    scene.end()
    closed = [event.trade.strategy for event in scene.outcome("up") if isinstance(event, TradeClosed)]
    assert closed == ["B", "A"]
