"""What a paper trade gets and pays."""

import pytest

from polyterm.core.market import FeeSchedule, MarketKey
from polyterm.core.position import Leg
from polyterm.engine.fills import FREE, historical_schedule, open_legs, sell_legs, settle_legs, taker_fee

NOW = FeeSchedule(rate=0.07, exponent=1.0)


@pytest.mark.parametrize(
    ("price", "fee"),
    [(0.10, 0.63), (0.50, 1.75), (0.90, 0.63), (0.05, 0.3325), (0.95, 0.3325), (0.30, 1.47), (0.70, 1.47)],
)
def test_the_venues_table_for_100_shares(price: float, fee: float) -> None:
    assert taker_fee(NOW, price, 100) == fee


def test_the_first_schedule_peaks_at_156_basis_points() -> None:
    assert taker_fee(FeeSchedule(rate=0.25, exponent=2.0), 0.5, 100) == 1.5625


def test_a_fee_has_five_decimals_and_is_at_least_the_last_of_them() -> None:
    assert taker_fee(NOW, 0.333, 1) == 0.01555  # 0.07 * 0.333 * 0.667 = 0.01554777
    assert taker_fee(NOW, 0.01, 0.001) == 0.00001
    assert taker_fee(FREE, 0.5, 100) == 0.0


def test_a_fee_comes_on_top_of_a_buy_and_out_of_a_sale() -> None:
    touch, costed = sell_legs(open_legs(0.50, 100, NOW), 0.90, NOW)
    assert touch == Leg("touch", 100, 0.50, 0.0, "full", 0.90, 40.0)
    assert (costed.fee, costed.pnl) == (pytest.approx(2.38), pytest.approx(89.37 - 51.75))


def test_settlement_is_free() -> None:
    touch, costed = settle_legs(open_legs(0.50, 100, NOW), won=True)
    assert (touch.pnl, costed.pnl) == (50.0, 48.25)
    touch, costed = settle_legs(open_legs(0.50, 100, NOW), won=False)
    assert (touch.pnl, costed.pnl) == (-50.0, -51.75)


def test_the_other_outcome_settles_a_leg_anew() -> None:
    lost = settle_legs(open_legs(0.50, 100, NOW), won=False)
    assert settle_legs(lost, won=True) == settle_legs(open_legs(0.50, 100, NOW), won=True)


@pytest.mark.parametrize(
    ("horizon", "epoch", "schedule"),
    [
        ("15m", 1_767_570_300, FREE),  # 2026-01-04 23:45 UTC
        ("15m", 1_767_571_200, FeeSchedule(0.25, 2.0)),  # 2026-01-05 00:00
        ("5m", 1_767_571_200, FREE),
        ("5m", 1_772_755_200, FeeSchedule(0.25, 2.0)),  # 2026-03-06: every crypto market
        ("1h", 1_774_828_800, FeeSchedule(0.072, 1.0)),  # 2026-03-30
        ("15m", 1_795_305_600, FeeSchedule(0.07, 1.0)),  # 2026-11-22
    ],
)
def test_the_schedule_of_the_day(horizon: str, epoch: int, schedule: FeeSchedule) -> None:
    assert historical_schedule(MarketKey("btc", horizon, epoch)) == schedule
