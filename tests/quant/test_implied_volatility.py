"""Which volatility the market's price means, where there is one."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from polyterm.quant.fair_value import digital, digital_vega
from polyterm.quant.implied_volatility import HIGHEST, LOWEST, implied_volatility

NAN = math.nan
YEAR_S = 31_536_000


@given(
    st.floats(-0.02, 0.02),
    st.floats(0.02, 9.9),
    st.floats(1, 14_400),
    st.floats(-20, 20),
    st.sampled_from([0.5, 98_000.0]),
)
def test_a_price_gives_back_its_volatility(
    distance: float, volatility: float, remaining_s: float, drift: float, strike: float
) -> None:
    spot = strike * (1 + distance)
    price = digital(spot, strike, volatility, remaining_s, drift)
    assume(0.01 < price < 0.99)
    found = implied_volatility(price, spot, strike, remaining_s, drift)
    assert found is not None, "the price itself came from a volatility in range"
    # Whatever root was found, it costs what was asked.
    assert digital(spot, strike, found, remaining_s, drift) == pytest.approx(price, abs=1e-12)
    years = remaining_s / YEAR_S
    log_distance = math.log(spot / strike) + drift * years
    peak = math.sqrt(max(0.0, -2 * log_distance) / years)
    if volatility <= peak or log_distance >= 0:
        vega = abs(digital_vega(spot, strike, volatility, remaining_s, drift))
        assert found == pytest.approx(volatility, rel=1e-9, abs=1e-14 / max(vega, 1e-9))
    else:
        assert found <= max(volatility, peak) * (1 + 1e-9), "of two volatilities the lower one is meant"


def test_a_price_below_the_strike_belongs_to_two_volatilities() -> None:
    # x = ln(S/K) = -0.001 and d = x / s - s / 2 = -0.5 at s^2 - s + 0.002 = 0, s = 0.5 -+ sqrt(0.25 - 0.002).
    spot, strike, remaining_s = 100 * math.exp(-0.001), 100.0, 900
    root = math.sqrt(remaining_s / YEAR_S)
    lower, upper = 0.5 - math.sqrt(0.248), 0.5 + math.sqrt(0.248)
    price = 0.3085375387259869
    assert digital(spot, strike, lower / root, remaining_s) == pytest.approx(price, abs=1e-9)
    assert digital(spot, strike, upper / root, remaining_s) == pytest.approx(price, abs=1e-9)
    assert implied_volatility(price, spot, strike, remaining_s) == pytest.approx(lower / root, rel=1e-9)


@pytest.mark.parametrize(
    ("probability", "spot", "remaining_s"),
    [
        (0.45, 100.2, 600),  # above the strike, and the market says below
        (0.55, 99.8, 600),  # below the strike, and the market says above
        (0.80, 100.0, 600),  # at the strike more than one half is never due
        (0.995, 100.2, 600),
        (0.005, 99.8, 600),
        (0.50, 100.0, 0),
        (0.50, 100.0, -1),
        (0.97, 100.000001, 900),  # less than the lowest volatility
        (0.51, 103.0, 5),  # more than the highest
        (NAN, 100.0, 60),
        (0.6, NAN, 60),
        (0.6, 0.0, 60),
        (0.6, 100.0, NAN),
    ],
)
def test_no_volatility_is_no_number(probability: float, spot: float, remaining_s: float) -> None:
    assert implied_volatility(probability, spot, 100.0, remaining_s) is None


@given(st.floats(), st.floats(), st.floats(), st.floats(), st.floats())
def test_any_float_gives_a_volatility_in_range_or_none(
    probability: float, spot: float, strike: float, remaining_s: float, drift: float
) -> None:
    found = implied_volatility(probability, spot, strike, remaining_s, drift)
    assert found is None or LOWEST <= found <= HIGHEST
