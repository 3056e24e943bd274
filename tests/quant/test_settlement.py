"""The settling average: what is known of it, what is open, and what a price may cost."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.core.market import FeeSchedule
from polyterm.quant.annual import YEAR_S
from polyterm.quant.settlement import (
    KnownAverage,
    average_outlook,
    settlement_probability,
    settlement_view,
    winning_side,
)

FEE = FeeSchedule(rate=0.07, exponent=1.0)
NAN = math.nan


def test_a_tie_is_up() -> None:
    assert winning_side(100.0, 100.0) == "up"
    assert winning_side(100.0, 99.99) == "down"


def test_far_from_the_end_only_the_average_shortens_the_time() -> None:
    # 640 s to the end of a 60 s average are 600 s of variance: one standard deviation above the strike, and d = 1.
    spread = 0.6 * math.sqrt(600 / YEAR_S)
    strike = 100 * math.exp(-spread - spread**2 / 2)
    assert settlement_probability(100, strike, 0.6, 640) == pytest.approx(0.8413447460685429, abs=1e-12)


def test_the_known_part_counts_for_its_share() -> None:
    # Half is known at 101 and half is open at 100: the expected average is 100.5, with 30^3 / (3 * 60^2) = 2.5 s open.
    outlook = average_outlook(100.0, 30, 101.0)
    assert (outlook.mean_price, outlook.known_share, outlook.open_s) == (100.5, 0.5, 2.5)
    spread = 0.6 * math.sqrt(2.5 / YEAR_S)
    assert settlement_probability(100, 100.5 * math.exp(-(spread**2) / 2), 0.6, 30, 101.0) == pytest.approx(0.5)
    assert settlement_probability(100, 100.6, 0.6, 30, 101.0) < 0.01


def test_the_open_variance_has_no_step_where_the_averaging_begins() -> None:
    assert average_outlook(100.0, 60).open_s == pytest.approx(20)
    assert average_outlook(100.0, math.nextafter(60, 0), 100.0).open_s == pytest.approx(20)


@pytest.mark.parametrize(("known", "expected"), [(100.0, 1.0), (100.1, 1.0), (99.9, 0.0)])
@pytest.mark.parametrize("spot", [50.0, NAN])
def test_nothing_open_is_certain_and_needs_no_spot(known: float, expected: float, spot: float) -> None:
    assert settlement_probability(spot, 100.0, 0.6, 0, known) == expected
    assert settlement_probability(spot, 100.0, NAN, -3, known) == expected


@pytest.mark.parametrize(
    ("spot", "strike", "volatility", "remaining_s", "known"),
    [
        (100, 100, 0.6, 59, NAN),
        (NAN, 100, 0.6, 59, 100),
        (100, 0, 0.6, 300, NAN),
        (-1, 100, 0.6, 300, NAN),
        (100, 100, 0, 300, NAN),
        (100, 100, NAN, 300, NAN),
        (100, 100, 0.6, NAN, NAN),
    ],
)
def test_what_is_missing_is_not_guessed(
    spot: float, strike: float, volatility: float, remaining_s: float, known: float
) -> None:
    assert math.isnan(settlement_probability(spot, strike, volatility, remaining_s, known))


@pytest.mark.parametrize("left_s", [600, 60, 59, 45, 30, 10, 2])
def test_agrees_with_simulated_continuous_averages(left_s: int) -> None:
    """Ten thousand paths of a tenth of a second, averaged by the trapezoid rule: within four standard errors."""
    rng = np.random.default_rng(left_s)
    paths, per_s, volatility, spot, known = 10_000, 10, 0.8, 100.0, 100.01
    averaged_s = min(60, left_s)
    free = rng.normal(0, volatility * math.sqrt((left_s - averaged_s) / YEAR_S), paths) if left_s > 60 else 0.0
    steps = rng.normal(0, volatility / math.sqrt(YEAR_S * per_s), (paths, averaged_s * per_s))
    logs = np.cumsum(steps, axis=1) + np.reshape(free, (-1, 1))
    prices = spot * np.exp(logs)
    before = spot * np.exp(free)
    open_mean = (prices.sum(axis=1) - prices[:, -1] / 2 + before / 2) / (averaged_s * per_s)
    averages = (open_mean * averaged_s + known * (60 - averaged_s)) / 60
    deviation = 100 * volatility * math.sqrt(average_outlook(spot, left_s, known).open_s / YEAR_S)
    for shift in (-1.5, -0.5, 0.0, 0.7):
        strike = average_outlook(spot, left_s, known).mean_price + shift * deviation
        expected = settlement_probability(spot, strike, volatility, left_s, known)
        error = math.sqrt(expected * (1 - expected) / paths)
        assert (averages >= strike).mean() == pytest.approx(expected, abs=4 * error), (left_s, shift)


@pytest.mark.parametrize("left_s", [45, 20, 5])
def test_averages_of_whole_seconds_vary_by_a_known_factor_more(left_s: int) -> None:
    rng = np.random.default_rng(left_s)
    steps = rng.normal(0, 1, (40_000, left_s))
    simulated = (np.cumsum(steps, axis=1).sum(axis=1) / 60).var()
    factor = (left_s + 1) * (left_s + 0.5) / left_s**2
    # A sample variance of n normal values has a standard error of sqrt(2 / n).
    assert simulated == pytest.approx(average_outlook(1.0, left_s, 1.0).open_s * factor, rel=4 * math.sqrt(2 / 40_000))


def test_the_elapsed_part_is_the_mean_of_the_seconds_that_were_seen() -> None:
    elapsed = KnownAverage(end_s=897)
    assert math.isnan(elapsed.mean)
    for slot, price in ((837, 1.0), (838, 100.0), (839, NAN), (840, 103.0), (840, 7.0), (898, 7.0)):
        elapsed.observe(slot, price)
    assert (elapsed.mean, elapsed.seconds) == (101.5, 2)


def test_the_view_gives_what_either_side_may_cost() -> None:
    spread = 0.6 * math.sqrt(600 / YEAR_S)
    view = settlement_view(100, 100 * math.exp(-(spread**2) / 2), 0.6, 640, schedule=FEE)
    # At even odds 0.5 = p + 0.07 p (1 - p): p = (1.07 - sqrt(1.07^2 - 0.14)) / 0.14.
    assert view.probability == pytest.approx(0.5, abs=1e-12)
    assert view.break_even_up == pytest.approx(0.48252139, abs=1e-8)
    assert view.break_even_down == pytest.approx(0.48252139, abs=1e-8)
    assert view.known_share == 0.0
    assert view.mean_price == 100


def test_a_view_without_the_elapsed_part_says_so() -> None:
    view = settlement_view(100.0, 100.0, 0.6, 20, schedule=FEE)
    assert (view.probability, view.mean_price, view.break_even_up, view.break_even_down) == (None, None, None, None)
    assert view.known_share == pytest.approx(2 / 3)


@given(st.floats(1, 1e5), st.floats(-0.01, 0.01), st.floats(0.05, 5), st.floats(0, 900), st.floats(-0.01, 0.01))
def test_is_a_probability_and_falls_with_the_strike(
    strike: float, distance: float, volatility: float, remaining_s: float, known: float
) -> None:
    def at(level: float) -> float:
        return settlement_probability(strike * (1 + distance), level, volatility, remaining_s, strike * (1 + known))

    assert 0 <= at(strike * 1.001) <= at(strike) <= 1
