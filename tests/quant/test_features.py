"""What a rule may look at, on the newest tick."""

import math

import msgspec
import pytest

from polyterm.core.market import MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.quant.tick_features import LongHistory, TickFeatures

KEY = MarketKey("eth", "15m", 1_790_000_100)


def tick(second: int, **fields: object) -> Tick:
    slot = KEY.epoch + second
    base = Tick(
        key=KEY, slot=slot, made_ms=slot * 1000, up_bid=0.49, up_ask=0.50, up_bid_size=30.0, up_ask_size=10.0,
        book_age_ms=0, spot=2000.0, spot_age_ms=0, strike=Reference(1998.0, "binance", "spot", KEY.epoch * 1000),
    )  # fmt: skip
    return msgspec.structs.replace(base, **fields)


def test_one_tick() -> None:
    f = TickFeatures()
    f.observe(tick(30))
    assert f.time_remaining == 870
    assert f.up_mid == 0.495
    assert f.spread == 0.50 - 0.49
    assert f.imbalance == 0.5
    assert f.distance == (2000.0 - 1998.0) / 1998.0
    assert f.favourite_mid == 0.505
    assert f.favourite_spread_pct == pytest.approx(1.980198, abs=1e-6)


def test_look_backs_count_slots_not_ticks() -> None:
    f = TickFeatures()
    f.observe(tick(0, spot=2000.0))
    f.observe(tick(1, spot=2010.0))
    f.observe(tick(5, spot=2020.0))
    assert f.spot_return(5) == 2020.0 / 2000.0 - 1
    assert f.spot_return(4) == 2020.0 / 2010.0 - 1
    assert math.isnan(f.spot_return(1)), "the second before was missed: there is nothing to compare with"


def test_a_missing_value_is_a_gap_in_its_own_series_only() -> None:
    f = TickFeatures()
    f.observe(tick(0, spot=None, invalid="spot_missing"))
    f.observe(tick(1, up_bid=0.51, up_ask=0.53))
    assert math.isnan(f.spot_return(1))
    assert f.mid_change(1) == 0.52 - 0.495


@pytest.mark.parametrize("reason", ["book_stale", "book_quarantined", "book_crossed"])
def test_a_book_in_doubt_is_no_observation(reason: str) -> None:
    f = TickFeatures()
    f.observe(tick(0, invalid=reason))
    assert math.isnan(f.up_mid)
    assert math.isnan(f.imbalance)
    f.observe(tick(1))
    assert math.isnan(f.mid_change(1))
    assert f.spot_return(1) == 0.0


def test_a_leftover_spot_is_no_observation() -> None:
    f = TickFeatures()
    f.observe(tick(0, invalid="mid_at_edge", spot_age_ms=30_000))
    assert math.isnan(f.spot)
    assert math.isnan(f.distance)


def test_a_window_starts_without_history() -> None:
    f = TickFeatures()
    f.observe(tick(0))
    f.start_window()
    f.observe(tick(1))
    assert math.isnan(f.spot_return(1))
    assert f.spot_return(0) == 0.0


def test_the_distance_needs_the_basis_when_the_strike_is_no_exchange_price() -> None:
    stream = Reference(1998.0, "twap60", "stream", KEY.epoch * 1000)
    f = TickFeatures()
    f.observe(tick(0, strike=stream))
    assert math.isnan(f.distance)
    f.observe(tick(1, strike=stream, spot_basis=0.001))
    assert f.distance == (2000.0 * math.exp(-0.001) - 1998.0) / 1998.0


def test_the_long_history_stays_within_its_bound_however_long_it_goes_on() -> None:
    long, day = LongHistory(), 86_400
    most = 0
    for slot in range(3 * day):
        long.put(slot, 1.0)
        most = max(most, len(long._prices))
    assert most == 2 * day
    assert len(long.saved().prices) == (day + 1) * 8
    sparse = LongHistory()
    for slot in range(0, 2 * day + 1, 2):
        sparse.put(slot, 1.0)
    assert len(sparse.saved().runs) == day // 2 + 1


def test_combinators() -> None:
    f = TickFeatures()
    assert f.low(1.0, 2.0) == 1.0
    assert f.high(1.0, 2.0) == 2.0
    assert f.low(math.nan, 2.0) == 2.0
    assert math.isnan(f.low(2.0, math.nan))
    assert math.isnan(f.ratio(1.0, 0.0))
    assert f.where(True, 1.0, 2.0) == 1.0
    assert f.not_(False)


def test_a_look_back_beyond_the_memory_is_a_mistake_of_the_rule() -> None:
    f = TickFeatures()
    f.observe(tick(0))
    f.spot_return(120)
    with pytest.raises(ValueError, match="does not fit"):
        f.spot_return(121)
