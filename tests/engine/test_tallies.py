"""What closed trades come to, by strategy, day, window and coin."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.core.market import MarketKey
from polyterm.core.position import Conditions, Leg, Trade
from polyterm.core.snapshot import LeaderboardRow, Tally
from polyterm.engine.scoreboard import UNCOUNTED, Scoreboard
from polyterm.engine.tallies import CURVE_POINTS, Curve

EPOCH = 1_795_356_900
DAY = EPOCH // 86_400
_NOWHERE = Conditions(None, None, None, None, None, None, None, 0)


def trade(touch: float, costed: float, coin: str = "btc", epoch: int = EPOCH) -> Trade:
    legs = (Leg("touch", 100.0, 0.5, 0.0, pnl=touch), Leg("costed", 100.0, 0.5, 1.0, pnl=costed))
    key = MarketKey(coin, "15m", epoch)
    return Trade(
        "a", key, "up", epoch * 1000, (epoch + 60) * 1000, "in", "out", None, _NOWHERE, None, None, None, legs, None
    )


def row(*trades: Trade) -> LeaderboardRow:
    board = Scoreboard([("a", "A")])
    for each in trades:
        board.closed(each)
    return board.rows()[0]


def test_a_drawdown_is_the_deepest_fall_below_a_peak() -> None:
    # Costed: 10, 4, 14, 5, 8: the falls are 6 and 9.
    shown = row(trade(12, 10), trade(-5, -6), trade(11, 10), trade(-8, -9), trade(4, 3))
    assert (shown.trades, shown.wins, shown.pnl_costed, shown.drawdown) == (5, 3, 8.0, 9.0)
    assert shown.squares == 100 + 36 + 100 + 81 + 9
    assert shown.equity == (0.0, 10.0, 4.0, 14.0, 5.0, 8.0)


def test_breakdowns_by_coin_window_and_day() -> None:
    shown = row(trade(12, 10), trade(-5, -6, "sol"), trade(3, 2, epoch=EPOCH + 900))
    assert shown.coins == (Tally(0, 2, 2, 15.0, 12.0, 104.0, 0.0), Tally(2, 1, 0, -5.0, -6.0, 36.0, 6.0))
    assert shown.windows == (
        Tally(EPOCH, 2, 1, 7.0, 4.0, 136.0, 6.0),
        Tally(EPOCH + 900, 1, 1, 3.0, 2.0, 4.0, 0.0),
    )
    assert shown.days == (Tally(DAY, 3, 2, 10.0, 6.0, 140.0, 6.0),)


def test_only_the_newest_windows_and_day_are_kept_apart() -> None:
    shown = row(*(trade(1, 1, epoch=EPOCH + 900 * number) for number in range(5)), trade(1, 1, epoch=EPOCH))
    assert [tally.part for tally in shown.windows] == [EPOCH + 1800, EPOCH + 2700, EPOCH + 3600]
    next_day = row(trade(1, 1), trade(2, 2, epoch=EPOCH + 86_400))
    assert next_day.days == (Tally(DAY + 1, 1, 1, 2.0, 2.0, 4.0, 0.0),)


def test_a_correction_replaces_the_old_judgement_everywhere() -> None:
    lost, won = trade(-50, -51), trade(50, 49)
    board = Scoreboard([("a", "A")])
    board.closed(lost)
    assert board.rows()[0].pnl_costed == -51.0
    board.corrected(lost, msgspec.structs.replace(lost, legs=won.legs))
    shown = board.rows()[0]
    assert (shown.trades, shown.wins, shown.pnl_touch, shown.pnl_costed, shown.squares) == (1, 1, 50.0, 49.0, 2401.0)
    assert [(tally.trades, tally.wins, tally.costed) for tally in (*shown.coins, *shown.windows, *shown.days)] == [
        (1, 1, 49.0)
    ] * 3


_CLOSED = st.builds(
    trade,
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.sampled_from(["btc", "eth", "sol", "xrp"]),
    st.integers(0, 200).map(lambda hour: EPOCH + 3_600 * hour),
)


@given(st.lists(_CLOSED, max_size=60), st.sets(st.integers(0, 59)))
def test_it_does_not_matter_when_somebody_looks(trades: list[Trade], looks: set[int]) -> None:
    together, watched = Scoreboard([("a", "A")]), Scoreboard([("a", "A")])
    for number, each in enumerate(trades):
        together.closed(each)
        watched.closed(each)
        if number in looks:
            watched.rows()
    assert msgspec.json.encode(together.saved()) == msgspec.json.encode(watched.saved())
    assert together.rows() == watched.rows()


def test_what_is_not_looked_at_is_counted_all_the_same() -> None:
    board = Scoreboard([("a", "A")])
    for _ in range(UNCOUNTED + 1):
        board.closed(trade(1, 0.5))
    assert (board.rows()[0].trades, board.rows()[0].pnl_costed) == (UNCOUNTED + 1, (UNCOUNTED + 1) / 2)


@pytest.mark.parametrize("steps", [0, 1, 31, 32, 63, 64, 65, 10_000])
def test_a_curve_stays_short_and_ends_with_the_newest(steps: int) -> None:
    curve = Curve()
    for number in range(steps):
        curve.add(float(number))
    shown = curve.shown(steps - 1.0)
    assert len(shown) <= 2 * CURVE_POINTS + 1
    if steps:
        assert (shown[0], shown[-1]) == (0.0, steps - 1.0)
        assert list(shown[1:]) == sorted(set(shown[1:]))
    else:
        assert shown == ()
