"""The digital against computations that share nothing with it, and what is made of its edge."""

import itertools
import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from polyterm.quant.fair_value import (
    EDGE_HISTORY,
    FairValueAnalysis,
    annual_drift,
    digital,
    digital_vega,
    edge_confidence,
    edge_side,
    fair_value,
    log_ratio,
    normal_cdf,
    probability_above,
    usable_volatility,
)

NAN = math.nan
YEAR_S = 31_536_000


def exact_digital(spot: float, strike: float, volatility: float, remaining_s: float, drift: float) -> float:
    """The textbook formula with 50 digits up to its argument, then scipy's normal distribution."""
    with localcontext() as context:
        context.prec = 50
        years = Decimal(remaining_s) / YEAR_S
        sigma = Decimal(volatility)
        log = (Decimal(spot) / Decimal(strike)).ln()
        d = (log + (Decimal(drift) - sigma * sigma / 2) * years) / (sigma * years.sqrt())
        return float(ndtr(float(d)))


def test_agrees_with_an_independent_computation_to_twelve_digits() -> None:
    distances = (-0.5, -0.03, -0.004, -0.001, -1e-4, -1e-6, 0.0, 1e-9, 2e-5, 3e-4, 0.002, 0.01, 0.3, 4.0)
    grid = itertools.product(
        (0.137, 1.9052, 2931.5, 98_765.43),
        distances,
        (0.05, 0.2, 0.55, 0.8, 1.7, 5.0),
        (0.25, 1, 7, 60, 333, 899, 14_400, 86_400, YEAR_S),
        (0.0, -3.0, 20.0),
    )
    compared = 0
    for strike, distance, volatility, remaining_s, drift in grid:
        spot = strike * (1 + distance)
        expected = exact_digital(spot, strike, volatility, remaining_s, drift)
        assert digital(spot, strike, volatility, remaining_s, drift) == pytest.approx(expected, rel=0, abs=1e-12)
        compared += 1
    assert compared == 4 * 14 * 6 * 9 * 3


def test_the_normal_distribution_is_exact_in_both_tails() -> None:
    for i in range(-3700, 801):
        assert normal_cdf(i / 100) == pytest.approx(ndtr(i / 100), rel=3e-13, abs=1e-300)
    # The value at which the reference's polynomial is worst: it says 0.728.
    assert normal_cdf(0.5) == pytest.approx(0.6914624612740131, abs=1e-15)


@given(st.floats(1e-3, 1e6), st.floats(-0.02, 0.02), st.floats(0.05, 5), st.floats(0.1, 20_000))
def test_shares_the_settlement_formula(strike: float, distance: float, volatility: float, remaining_s: float) -> None:
    spot = strike * (1 + distance)
    deviation = volatility * math.sqrt(remaining_s / YEAR_S)
    assert digital(spot, strike, volatility, remaining_s) == probability_above(log_ratio(spot, strike), deviation)


def test_no_time_left_is_certain_and_a_tie_is_up() -> None:
    assert digital(100.0, 100.0, 0.8, 0) == 1.0
    assert digital(99.99, 100.0, 0.8, 0) == 0.0
    assert digital(100.01, 100.0, NAN, -5) == 1.0


@pytest.mark.parametrize(
    ("spot", "strike", "volatility", "remaining_s"),
    [
        (0.0, 100.0, 0.8, 60),
        (100.0, 0.0, 0.8, 60),
        (-1.0, 100.0, 0.8, 0),
        (NAN, 100.0, 0.8, 0),
        (100.0, NAN, 0.8, 60),
        (math.inf, 100.0, 0.8, 60),
        (100.0, 100.0, 0.0, 60),
        (100.0, 100.0, -1.0, 60),
        (100.0, 100.0, NAN, 60),
        (100.0, 100.0, 0.8, NAN),
    ],
)
def test_what_is_missing_is_neither_a_half_nor_a_certainty(
    spot: float, strike: float, volatility: float, remaining_s: float
) -> None:
    assert math.isnan(digital(spot, strike, volatility, remaining_s))
    assert math.isnan(fair_value(spot, strike, volatility, remaining_s))


@given(st.floats(), st.floats(), st.floats(), st.floats(), st.floats())
def test_any_float_gives_a_probability_or_nothing(
    spot: float, strike: float, volatility: float, remaining_s: float, drift: float
) -> None:
    result = fair_value(spot, strike, volatility, remaining_s, drift)
    assert math.isnan(result) or 0 <= result <= 1


def test_volatility_is_held_between_five_and_five_hundred_percent() -> None:
    assert usable_volatility(0.8) == 0.8
    assert usable_volatility(0.0001) == 0.05
    assert usable_volatility(80.0) == 5.0
    assert math.isnan(usable_volatility(0.0))
    assert math.isnan(usable_volatility(NAN))
    assert fair_value(100.1, 100.0, 1e-6, 300) == digital(100.1, 100.0, 0.05, 300)
    assert fair_value(100.1, 100.0, 90.0, 300) == digital(100.1, 100.0, 5.0, 300)


def test_drift_is_the_simple_return_per_year_and_capped() -> None:
    assert annual_drift(0.001, 14_400) == pytest.approx(0.001 * 2190)
    assert annual_drift(0.004, 3600) == 20.0
    assert annual_drift(-0.004, 3600) == -20.0
    assert annual_drift(-0.004, 3600, max_drift=5.0) == -5.0
    assert math.isnan(annual_drift(NAN, 3600))
    assert math.isnan(annual_drift(0.001, 0))


@given(st.floats(-0.01, 0.01), st.floats(0.1, 3), st.floats(5, 14_400), st.floats(-20, 20))
def test_vega_is_the_slope_of_the_price(distance: float, volatility: float, remaining_s: float, drift: float) -> None:
    def price(sigma: float) -> float:
        return digital(100 * (1 + distance), 100, sigma, remaining_s, drift)

    h = 1e-4 * volatility
    # Four-point differences: their own error is of the order of the fifth derivative times h^4.
    slope = 8 * (price(volatility + h) - price(volatility - h)) - price(volatility + 2 * h) + price(volatility - 2 * h)
    expected = slope / (12 * h)
    assert digital_vega(100 * (1 + distance), 100, volatility, remaining_s, drift) == pytest.approx(
        expected, abs=1e-12 / h + 1e-7
    )


def test_vega_is_missing_where_the_price_is() -> None:
    assert math.isnan(digital_vega(100, 0, 0.5, 60))
    assert math.isnan(digital_vega(100, 100, 0, 60))
    assert digital_vega(100, 100, 0.5, 0) == 0.0


def test_the_side_starts_beyond_three_percent() -> None:
    assert edge_side(0.0301) == "up"
    assert edge_side(-0.0301) == "down"
    assert edge_side(0.03) is None
    assert edge_side(-0.03) is None
    assert edge_side(NAN) is None


def test_confidence_is_full_at_ten_percent() -> None:
    assert edge_confidence(0.05) == pytest.approx(0.5)
    assert edge_confidence(-0.25) == 1.0


def test_the_view_of_a_tick() -> None:
    analysis = FairValueAnalysis()
    first = analysis.observe(0.50, 0.52, 0.9, 0.6)
    view = analysis.observe(0.60, 0.54, None, 0.6)
    assert first is not None
    assert view is not None
    assert first.volatility_spread == pytest.approx(0.3)
    assert (view.side, view.significant) == ("up", True)
    assert view.edge == pytest.approx(0.06)
    assert view.confidence == pytest.approx(0.6)
    assert view.signal_strength == pytest.approx(2.0)
    assert (view.implied_volatility, view.volatility_spread) == (None, None)
    # Edges -0.02 and 0.06: mean 0.02, each 0.04 away from it.
    assert view.mean_edge == pytest.approx(0.02)
    assert view.edge_sd == pytest.approx(0.04)
    assert view.mean_implied_volatility == pytest.approx(0.9)


def test_the_history_ends_with_its_window_and_its_length() -> None:
    analysis = FairValueAnalysis()
    analysis.observe(0.9, 0.1, None, 0.6)
    for _ in range(EDGE_HISTORY):
        view = analysis.observe(0.5, 0.4, None, 0.6)
    assert view is not None
    assert view.mean_edge == pytest.approx(0.1)
    assert view.mean_implied_volatility is None
    assert analysis.observe(NAN, 0.4, None, 0.6) is None
    analysis.start_window()
    view = analysis.observe(0.7, 0.4, None, 0.6)
    assert view is not None
    assert view.mean_edge == pytest.approx(0.3)
