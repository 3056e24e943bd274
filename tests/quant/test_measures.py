"""Measures of books, edges, fees and results, by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.core.market import FeeSchedule
from polyterm.quant.book import imbalance, microprice, relative_divergence, spread_zscore
from polyterm.quant.efficiency import KEPT_PER_PHASE, EfficiencyRecord, phase, verdict
from polyterm.quant.fees import break_even_price, break_even_probability, fee_per_share
from polyterm.quant.moments import mean, population_sd
from polyterm.quant.performance import Performance, sharpe, wilson_interval
from polyterm.quant.roots import bracketed_root

NAN = math.nan
FEE = FeeSchedule(rate=0.07, exponent=1.0)
FIRST_FEE = FeeSchedule(rate=0.25, exponent=2.0)


def test_imbalance() -> None:
    assert imbalance(30, 10) == 0.5
    assert imbalance(10, 30) == -0.5
    for sizes in ((0, 10), (10, 0), (NAN, 10), (10, NAN)):
        assert math.isnan(imbalance(*sizes))


def test_the_microprice_leans_to_the_thinner_side() -> None:
    assert microprice(0.49, 0.51, 30, 10) == pytest.approx(0.505)
    assert microprice(0.49, 0.51, 10, 10) == pytest.approx(0.50)
    assert math.isnan(microprice(0.49, 0.51, 0, 0))
    assert math.isnan(microprice(NAN, 0.51, 1, 1))


def test_the_spread_against_its_last_thirty() -> None:
    # Nine of 0.01 and one of 0.02: mean 0.011, sd 0.003.
    assert spread_zscore([0.01] * 9 + [0.02]) == pytest.approx(3.0)
    assert spread_zscore([0.5] * 50 + [0.01] * 29 + [0.02]) == pytest.approx(math.sqrt(29))
    assert spread_zscore([NAN] * 5 + [0.01] * 9 + [0.02]) == pytest.approx(3.0)
    for spreads in ([0.01] * 8 + [0.02], [0.03] * 30, [0.01] * 9 + [0.02, NAN], []):
        assert math.isnan(spread_zscore(spreads))


def test_divergence_from_the_oracle() -> None:
    assert relative_divergence(101.0, 100.0) == 0.01
    assert math.isnan(relative_divergence(101.0, 0.0))
    assert math.isnan(relative_divergence(101.0, NAN))


def test_moments() -> None:
    assert mean([1.0, 2.0, 6.0]) == 3.0
    assert population_sd([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]) == 2.0
    assert population_sd([0.0] * 30) == 0.0
    for values in ([], [1.0, NAN], [1.0, math.inf]):
        assert math.isnan(population_sd(values))


@pytest.mark.parametrize(("price", "fee"), [(0.05, 0.3325), (0.10, 0.63), (0.30, 1.47), (0.50, 1.75), (0.90, 0.63)])
def test_fees_are_those_of_the_venues_page(price: float, fee: float) -> None:
    assert 100 * fee_per_share(price, FEE) == pytest.approx(fee)
    assert break_even_probability(price, FEE) == pytest.approx(price + fee / 100)


@given(st.floats(0, 1), st.sampled_from([FEE, FIRST_FEE, FeeSchedule(0.0, 1.0), FeeSchedule(0.072, 1.5)]))
def test_a_price_breaks_even_at_its_probability(price: float, schedule: FeeSchedule) -> None:
    found = break_even_price(break_even_probability(price, schedule), schedule)
    assert found == pytest.approx(price, abs=1e-12)
    assert 0 <= found <= break_even_probability(price, schedule)


def test_roots() -> None:
    assert bracketed_root(lambda x: x * x - 2, 0.0, 2.0) == pytest.approx(math.sqrt(2), abs=1e-15)
    assert bracketed_root(lambda x: x * x - 2, 2.0, 0.0 + 1.5) is None
    assert bracketed_root(lambda x: x - 1, 1.0, 3.0) == 1.0
    assert bracketed_root(lambda x: x - 3, 1.0, 3.0) == 3.0
    assert bracketed_root(lambda _: NAN, 1.0, 3.0) is None
    # Flat at both ends and steep between: where Newton's steps fly away.
    assert bracketed_root(lambda x: math.erf(1e6 * (x - 0.3)), 0.0, 1e3) == pytest.approx(0.3, abs=1e-12)


@pytest.mark.parametrize(
    ("remaining_s", "window_s", "expected"),
    [
        (601, 900, "early"),
        (600, 900, "mid"),
        (181, 900, "mid"),
        (180, 900, "late"),
        (0, 900, "late"),
        (190, 300, "mid"),
    ],
)
def test_phases(remaining_s: float, window_s: float, expected: str) -> None:
    assert phase(remaining_s, window_s) == expected


@pytest.mark.parametrize(
    ("edge", "expected"),
    [(0.0099, "efficient"), (0.01, "moderate"), (0.03, "exploitable"), (0.05, "significant")],
)
def test_verdicts(edge: float, expected: str) -> None:
    assert verdict(edge) == expected


def test_edges_by_phase_and_coin() -> None:
    record = EfficiencyRecord()
    record.observe("btc", 700, 0.04)
    record.observe("btc", 300, -0.02)
    record.observe("eth", 100, 0.0)
    record.observe("eth", 100, NAN)
    report = record.report()
    assert report.overall.count == 3
    assert report.overall.mean == pytest.approx(0.02 / 3)
    assert report.overall.mean_absolute == pytest.approx(0.02)
    assert report.overall.verdict == "moderate"
    phases = dict(report.phases)
    assert [phases[name].count for name in ("early", "mid", "late")] == [1, 1, 1]
    assert phases["early"].verdict == "exploitable"
    coins = dict(report.coins)
    assert coins["btc"].mean == pytest.approx(0.01)
    assert coins["btc"].sd == pytest.approx(0.03)
    assert (coins["sol"].count, coins["sol"].mean, coins["sol"].verdict) == (0, None, None)


def test_the_edge_record_forgets_the_oldest() -> None:
    record = EfficiencyRecord()
    for _ in range(KEPT_PER_PHASE + 10):
        record.observe("btc", 100, 0.04)
    assert dict(record.report().phases)["late"].count == KEPT_PER_PHASE


def test_sharpe_is_mean_over_population_deviation() -> None:
    assert sharpe([3.0, 1.0]) == 2.0
    for pnls in ([], [5.0], [5.0, 5.0]):
        assert sharpe(pnls) is None


def test_wilson_interval() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 gives 0.2553 to 0.3662.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson_interval(0, 0) is None


def test_results_of_a_strategy() -> None:
    performance = Performance()
    for pnl in (10.0, -4.0, 6.0, -3.0, -8.0, 0.0, 5.0):
        performance.add(pnl)
    report = performance.report()
    assert (report.trades, report.wins, report.pnl) == (7, 3, 6.0)
    assert report.win_rate == pytest.approx(3 / 7)
    assert report.mean_pnl == pytest.approx(6 / 7)
    # 10, 6, 12, 9, 1, 1, 6: from 12 down to 1.
    assert report.max_drawdown == 11.0
    assert not report.significant


def test_thirty_steady_trades_are_significant_and_two_are_not() -> None:
    performance = Performance()
    for trade in range(29):
        performance.add(3.0 if trade % 2 else 1.0)
    assert not performance.report().significant
    performance.add(3.0)
    assert performance.report().sharpe == 2.0
    assert performance.report().significant


def test_the_sharpe_looks_at_the_last_hundred_trades() -> None:
    performance = Performance()
    performance.add(-1e6)
    for trade in range(100):
        performance.add(3.0 if trade % 2 else 1.0)
    assert performance.report().sharpe == 2.0
    assert performance.report().max_drawdown == 1e6


def test_no_trade_is_no_figure() -> None:
    report = Performance().report()
    assert (report.trades, report.pnl, report.max_drawdown, report.significant) == (0, 0.0, 0.0, False)
    assert (report.win_rate, report.win_interval, report.mean_pnl, report.sharpe) == (None, None, None, None)
