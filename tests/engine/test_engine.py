"""Ticks, and what strategies make of them."""

import pytest

from polyterm.core.event import (
    PositionOpened,
    StrategyDisabled,
    StrikeSet,
)
from polyterm.core.input import OrderUpdate
from polyterm.core.market import MarketKey
from polyterm.core.signal import Signal
from polyterm.core.snapshot import CoinConflict, ConflictPair, Lineup
from polyterm.core.tick import Tick
from polyterm.strategies.base import Context, Held, Limits, Strategy
from tests.engine.scenes import BUY_DOWN, BUY_UP, KEY, SELL, Always, Scene, Scripted, WantsIn, book, kinds


def test_an_entry_pays_the_ask_and_the_costed_leg_the_fee_on_top() -> None:
    scene = Scene(book(Scripted({10: BUY_UP})))
    scene.open()
    (opened,) = (event for event in scene.tick(10) if isinstance(event, PositionOpened))
    position = opened.position
    assert (position.side, position.entry_price, position.shares, position.reason) == ("up", 0.50, 100, "go")
    assert [(leg.model, leg.fee) for leg in position.legs] == [("touch", 0.0), ("costed", 1.75)]
    assert (position.strike, position.strike_grade) == (999.0, "spot")
    assert (position.entry.bid_size, position.entry.ask_size, position.entry.imbalance) == (30.0, 10.0, 0.5)
    assert scene.engine.exposure() == 50.0


def test_a_down_trade_is_priced_by_the_up_book_and_reports_its_own_sizes() -> None:
    scene = Scene(book(Scripted({10: BUY_DOWN, 20: SELL})))
    scene.open()
    scene.tick(10)
    scene.tick(20, up_bid=0.38, up_ask=0.40)
    (trade,) = scene.trades
    assert (trade.leg("touch").entry_price, trade.leg("touch").exit_price) == (1 - 0.49, 1 - 0.40)
    assert (trade.entry.bid_size, trade.entry.ask_size) == (10.0, 30.0)
    assert (trade.outcome, trade.exit_reason) == (None, "leave")
    assert trade.pnl == pytest.approx(9.0)
    # 100 * 0.07 * 0.51 * 0.49 = 1.7493 to get in, 100 * 0.07 * 0.60 * 0.40 = 1.68 to get out
    assert trade.costed_pnl == pytest.approx(9.0 - 1.7493 - 1.68)


def test_dollars_buy_as_many_shares_as_they_pay_for() -> None:
    scene = Scene(book(Scripted({10: BUY_UP})), sizing="usd")
    scene.open()
    scene.tick(10, up_bid=0.48, up_ask=0.49)
    (position,) = scene.engine.open_positions()
    assert position.shares == pytest.approx(204.08, abs=0.01)


def test_a_signal_may_bring_its_own_size() -> None:
    scene = Scene(book(Scripted({10: Signal("buy", "up", "go", size=70)})))
    scene.open()
    scene.tick(10)
    assert scene.engine.open_positions()[0].shares == 70


def test_one_action_per_tick_and_a_fresh_entry_on_the_next() -> None:
    scene = Scene(book(Always()))
    scene.open()
    assert [kinds(scene.tick(second))[-1:] for second in range(10, 13)] == [
        ["PositionOpened"], ["TradeClosed"], ["PositionOpened"],
    ]  # fmt: skip


def test_events_carry_session_input_and_place() -> None:
    scene = Scene(book(WantsIn(), "A"), book(WantsIn(), "B"))
    scene.open()
    events = scene.tick(10)
    assert [(str(event.id), type(event)) for event in events] == [
        ("s/2/0", StrikeSet), ("s/2/1", PositionOpened), ("s/2/2", PositionOpened),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "why",
    [{"up_bid": None}, {"book_age_ms": 6000}, {"spot": None}, {"strike": None}, {"up_bid": 0.004, "up_ask": 0.006}],
)
def test_no_entry_on_a_tick_that_may_not_be_traded_on(why: dict[str, object]) -> None:
    scene = Scene(book(WantsIn()))
    scene.open()
    scene.tick(10, **why)
    assert scene.engine.open_positions() == ()
    scene.tick(11)
    assert len(scene.engine.open_positions()) == 1


@pytest.mark.parametrize(
    ("why", "sells"),
    [
        ({"up_ask": None}, True),  # the bid that an exit needs is there
        ({"spot": None}, True),
        ({"strike": None}, True),
        ({"up_bid": 0.004, "up_ask": 0.006}, True),
        ({"up_bid": None}, False),
        ({"up_bid": 0.0, "up_ask": 0.01}, False),
        ({"book_age_ms": 6000}, False),
        ({"up_bid": 0.60}, False),  # crossed
        ({"invalid": "book_quarantined"}, False),
    ],
)
def test_an_exit_needs_its_own_quote_fresh_and_above_zero(why: dict[str, object], *, sells: bool) -> None:
    scene = Scene(book(Scripted({10: BUY_UP, 20: SELL, 21: SELL})))
    scene.open()
    scene.tick(10)
    scene.tick(20, **why)
    assert len(scene.trades) == sells
    scene.tick(21)
    assert len(scene.trades) == 1


class Broken(Strategy):
    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        raise KeyError("gamma")


class Nonsense(Strategy):
    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        return Signal("buy", "up", "go", size=float("nan"))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (Broken, "KeyError: 'gamma' (test_engine.py:"),
        (Nonsense, "ValueError: a size of nan cannot be bought (books.py:"),
    ],
)
def test_a_strategy_that_raises_is_taken_out_alone(broken: type[Strategy], says: str) -> None:
    scene = Scene(book(broken, "Bad"), book(WantsIn(), "Good"))
    scene.open()
    events = scene.tick(10)
    assert kinds(events) == ["StrikeSet", "StrategyDisabled", "PositionOpened"]
    disabled = events[1]
    assert isinstance(disabled, StrategyDisabled)
    assert disabled.strategy == "Bad"
    assert disabled.error.startswith(says)
    assert scene.tick(11) == []
    assert [row.disabled for row in scene.engine.leaderboard_rows()] == [disabled.error, None]


class Fails(WantsIn):
    """Raises once it holds something."""

    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        if position is not None:
            raise RuntimeError("lost")
        return super().on_tick(tick, position, context)


def test_what_a_disabled_strategy_holds_is_still_settled() -> None:
    scene = Scene(book(Fails))
    scene.open()
    scene.tick(10)
    scene.tick(11)
    scene.end()
    assert kinds(scene.outcome("up")) == ["WindowSettled", "TradeClosed"]


def test_a_strategy_remembers_only_what_was_accepted() -> None:
    strategy = Scripted({10: BUY_UP, 11: BUY_UP, 20: SELL, 21: SELL})
    scene = Scene(book(strategy))
    scene.open()
    scene.command("pause")
    scene.tick(10)
    scene.command("resume")
    scene.tick(11)
    scene.command("kill")
    scene.tick(20)
    scene.command("resume")
    scene.tick(21)
    assert strategy.accepted_at == [BUY_UP, SELL]
    assert [second for second, _ in strategy.seen] == [10, 11, 20, 21], "it is asked in every trading state"


def test_a_position_as_its_strategy_sees_it() -> None:
    strategy = Scripted({10: BUY_UP})
    scene = Scene(book(strategy))
    scene.open()
    scene.tick(10)
    scene.tick(12, up_bid=0.59, up_ask=0.61)
    scene.tick(13, up_bid=0.54, up_ask=0.56)
    held = strategy.seen[-1][1]
    assert held is not None
    assert (held.entry_price, held.held_s, held.r, held.peak_r) == (
        0.5, 3.0, pytest.approx(0.1), pytest.approx(0.2),
    )  # fmt: skip
    assert scene.engine.open_positions()[0].peak_r == pytest.approx(0.2)
    (row,) = scene.engine.position_rows()
    assert (row.mark, row.unrealised) == (0.55, pytest.approx(5.0))


def entries(limits: Limits, plan: dict[int, Signal], key: MarketKey = KEY) -> list[int]:
    """The seconds at which a strategy that always asks gets in."""
    scene = Scene(book(Scripted(plan), limits=limits))
    scene.open(key)
    for second in range(1, 30):
        scene.tick(second, key)
    return [event.at_ms // 1000 - key.epoch for event in scene.events if isinstance(event, PositionOpened)]


def test_limits() -> None:
    asks = dict.fromkeys(range(1, 30), BUY_UP)
    stop = Signal("sell", reason="stop")
    plan = asks | {5: stop}
    assert entries(Limits(), plan) == [1, 6]
    assert entries(Limits(closed_after=("stop",)), plan) == [1]
    assert entries(Limits(closed_after=("other",)), plan) == [1, 6]
    assert entries(Limits(max_entries_per_window=1), plan) == [1]
    assert entries(Limits(cooldown_s=10), plan) == [1, 15]
    assert entries(Limits(coins=("eth",)), plan) == []
    assert entries(Limits(horizons=("1h",)), plan) == []


def test_a_window_closed_to_a_strategy_does_not_close_the_next() -> None:
    scene = Scene(book(WantsIn(), limits=Limits(max_entries_per_window=1)))
    scene.open()
    scene.tick(10)
    scene.end()
    scene.open(KEY.next())
    scene.tick(10, KEY.next())
    assert len(scene.engine.open_positions()) == 2


def test_who_opposes_whom() -> None:
    up, down = Scripted({10: BUY_UP}), Scripted({11: BUY_DOWN, 20: SELL, 21: BUY_UP})
    scene = Scene(book(up, "A"), book(down, "B"), book(Scripted({12: BUY_UP}), "C"))
    scene.open()
    for second in range(10, 30):
        scene.tick(second)
    strategies, pairs, coins, lineup = scene.engine.conflicts()
    assert strategies == ("A", "B", "C")
    assert pairs == (ConflictPair("A", "B", 1, 1), ConflictPair("A", "C", 1, 0), ConflictPair("B", "C", 1, 1))
    assert coins == (CoinConflict("btc", 1, 1),)
    # B has changed sides: all three hold 100 shares of Up, bought at 0.50.
    assert lineup == (Lineup(KEY, ("A", "C"), ("B",), up_shares=300.0, up_cost=150.0),)
    scene.end()
    strategies, pairs, coins, lineup = scene.engine.conflicts()
    assert (len(pairs), coins, lineup) == (3, (CoinConflict("btc", 1, 1),), ())


def test_order_traffic_is_not_for_paper() -> None:
    assert Scene().apply(OrderUpdate("1", "live")) == []
