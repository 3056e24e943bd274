"""Each estimator finds the volatility of a simulated path, as exactly as it can, and says nothing from too little."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.quant.volatility import (
    RISING_RATIO,
    Bar,
    best_estimate,
    ewma,
    model_volatility,
    parkinson,
    realised,
    rolling_bars,
    volatility_ratio,
    yang_zhang,
)

NAN = math.nan
ROOT_YEAR = math.sqrt(31_536_000)
SIGMA = 0.8


def paths(seed: int, count: int, samples: int) -> list[list[float]]:
    """Driftless lognormal prices, one a second, ``SIGMA`` per root year."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, SIGMA / ROOT_YEAR, (count, samples))
    prices: list[list[float]] = (3000 * np.exp(np.cumsum(steps, axis=1))).tolist()
    return prices


def true_bars(seed: int, count: int, bars: int, ticks: int, drift: float = 0.0) -> list[list[Bar]]:
    """Bars of ``ticks`` seconds that see every extreme: between two points of the path the highest and the lowest of a
    Brownian bridge are drawn, (a + b +- sqrt((a - b)^2 - 2 v ln U)) / 2. ``drift`` is in standard deviations a bar."""
    steps = 40
    rng = np.random.default_rng(seed)
    variance = (SIGMA / ROOT_YEAR) ** 2 * ticks / steps
    moves = rng.normal(drift * math.sqrt(variance / steps), math.sqrt(variance), (count, bars * steps))
    ends = np.cumsum(moves, axis=1).reshape(count, bars, steps)
    first = np.concatenate([np.zeros((count, 1)), ends[:, :-1, -1]], axis=1)
    starts = np.concatenate([first[:, :, None], ends[:, :, :-1]], axis=2)

    def reach() -> np.ndarray:
        return np.sqrt((ends - starts) ** 2 - 2 * variance * np.log(rng.random(ends.shape)))

    high = ((starts + ends + reach()) / 2).max(axis=2)
    low = ((starts + ends - reach()) / 2).min(axis=2)
    columns = [np.exp(values).tolist() for values in (first, high, low, ends[:, :, -1])]
    return [[Bar(*bar) for bar in zip(*rows, strict=True)] for rows in zip(*columns, strict=True)]


def check(estimates: Sequence[float], mean_square: float, error: float) -> None:
    """``mean_square`` and ``error`` are in units of sigma; the sample's own error is allowed four times."""
    found = np.array(estimates) / SIGMA
    count = len(found)
    assert (found**2).mean() == pytest.approx(mean_square, abs=4 * (found**2).std() / math.sqrt(count))
    # A sample standard deviation has a relative error of about 1 / sqrt(2 n); these are near normal.
    assert found.std() == pytest.approx(error, rel=0.04 + 4 / math.sqrt(2 * count))


@pytest.mark.parametrize("count", [10, 30, 60])
def test_realised_finds_sigma_within_its_error(count: int) -> None:
    returns = count - 1
    estimates = [realised(path, count) for path in paths(count, 3000, 60)]
    # A population variance of n values is (n - 1) / n of the true one.
    check(estimates, (returns - 1) / returns, 1 / math.sqrt(2 * returns))


def test_ewma_finds_sigma_within_its_error() -> None:
    weights = [0.9**28] + [0.1 * 0.9**age for age in range(27, -1, -1)]
    assert sum(weights) == pytest.approx(1)
    check([ewma(path) for path in paths(2, 3000, 60)], 1.0, math.sqrt(sum(w * w for w in weights) / 2))


def test_parkinson_finds_sigma_within_its_error() -> None:
    check([parkinson(bars, 5) for bars in true_bars(3, 2000, 10, 5)], 1.0, 0.319 / math.sqrt(10))


def test_yang_zhang_finds_sigma_within_its_error() -> None:
    check([yang_zhang(bars, 5) for bars in true_bars(4, 2000, 11, 5)], 1.0, 0.084)


def test_yang_zhang_does_not_take_drift_for_volatility() -> None:
    """A drift of one standard deviation per bar: ranges grow with it, Yang and Zhang's variance does not."""
    drifting = true_bars(5, 2000, 11, 5, drift=1.0)
    squares = np.array([yang_zhang(bars, 5) for bars in drifting]) ** 2 / SIGMA**2
    assert squares.mean() == pytest.approx(1.0, abs=4 * squares.std() / math.sqrt(len(squares)))
    assert np.mean([parkinson(bars, 5) for bars in drifting]) > 1.1 * SIGMA


@pytest.mark.parametrize(
    ("estimate", "share", "error"), [(parkinson, 0.657, 0.48 / math.sqrt(10)), (yang_zhang, 0.728, 0.132)]
)
def test_bars_of_five_samples_see_a_known_share(
    estimate: Callable[[list[Bar | None]], float], share: float, error: float
) -> None:
    estimates = [estimate(rolling_bars(path)) for path in paths(6, 3000, 60)]
    check(estimates, share**2, share * error)


def test_by_hand() -> None:
    # Log returns 0.001 and -0.001: mean 0, standard deviation 0.001.
    prices = [100.0, 100 * math.exp(0.001), 100.0]
    assert realised(prices, 3) == pytest.approx(0.001 * ROOT_YEAR)
    # 0.90 * 1e-6 + 0.10 * 4e-6 = 1.3e-6.
    prices = [100.0, 100 * math.exp(0.001), 100 * math.exp(0.003)]
    assert ewma(prices, minimum=3) == pytest.approx(math.sqrt(1.3e-6) * ROOT_YEAR)
    # ln(H/L) of 0.002 in each of three bars of 5 s: 0.002 / sqrt(4 ln 2) / sqrt(5).
    bars = [Bar(100.0, 100 * math.exp(0.002), 100.0, 100.0)] * 3
    assert parkinson(bars) == pytest.approx(0.002 / math.sqrt(4 * math.log(2)) / math.sqrt(5) * ROOT_YEAR)


def test_yang_zhang_by_hand() -> None:
    # Jumps +a and -a, moves 0, ranges u = a, d = 0 around them: sample variance 2 a^2, 0 and a^2.
    a = 0.001
    top = math.exp(a)
    bars = [Bar(1, 1, 1, 1), Bar(top, top * top, top, top), Bar(1, top, 1, 1)]
    k = 0.34 / (1.34 + 3)
    expected = math.sqrt((2 * a * a + (1 - k) * a * a) / 5) * ROOT_YEAR
    assert yang_zhang(bars, minimum=2) == pytest.approx(expected)


@given(st.floats(1e-6, 1e6), st.integers(2, 60))
def test_a_price_that_stands_still_has_exactly_none(price: float, count: int) -> None:
    flat = [price] * 60
    assert realised(flat, count) == 0.0
    assert ewma(flat) == 0.0
    assert parkinson(rolling_bars(flat)) == 0.0
    assert yang_zhang(rolling_bars(flat)) == 0.0


def test_bars_roll_with_every_sample() -> None:
    prices = [float(i) for i in range(1, 13)]
    assert rolling_bars(prices) == [Bar(3, 7, 3, 7), Bar(8, 12, 8, 12)]
    assert rolling_bars([*prices, 2.0]) == [Bar(4, 8, 4, 8), Bar(9, 12, 2, 2)]
    assert len(rolling_bars([1.0] * 500)) == 10


def test_a_gap_is_left_out_and_not_bridged() -> None:
    gap = [100.0, 100 * math.exp(0.001), NAN, 200.0, 200 * math.exp(0.001), 200.0]
    # Known returns: 0.001, 0.001, -0.001.
    sd = math.sqrt(8 / 9) * 0.001
    assert realised(gap, 6) == pytest.approx(sd * ROOT_YEAR)
    assert rolling_bars([1.0, NAN, 1.0, 2.0], ticks=2) == [None, Bar(1, 2, 1, 2)]


@pytest.mark.parametrize(
    "prices",
    [
        [100.0] * 9,
        [NAN, *[100.0] * 9],
        [*[100.0] * 9, NAN],
        [100.0, *[NAN, 100.0] * 4, 100.0],
        [100.0, *[0.0] * 8, 100.0],
        [100.0, *[-5.0] * 8, 100.0],
        [100.0, *[math.inf] * 8, 100.0],
        [],
    ],
)
def test_too_little_says_nothing(prices: list[float]) -> None:
    assert math.isnan(realised(prices, 10))
    assert math.isnan(ewma(prices))
    assert math.isnan(parkinson(rolling_bars(prices)))
    assert math.isnan(yang_zhang(rolling_bars(prices)))


def test_the_best_estimate_is_the_mean_of_the_known_ones() -> None:
    assert best_estimate(1.0, 2.0, 6.0) == 3.0
    assert best_estimate(NAN, 2.0, 6.0) == 4.0
    assert math.isnan(best_estimate(NAN, NAN, NAN))


def test_the_model_takes_the_first_that_says_anything() -> None:
    assert model_volatility(0.5, 0.6, 0.7) == 0.5
    assert model_volatility(0.0, 0.6, 0.7) == 0.6
    assert model_volatility(NAN, NAN, 0.7) == 0.7
    assert model_volatility(NAN, 0.0, NAN) == 0.8


def test_short_over_long() -> None:
    assert volatility_ratio(0.6, 0.5) == 1.2
    assert math.isnan(volatility_ratio(0.6, 0.0))
    assert math.isnan(volatility_ratio(NAN, 0.5))
    assert not volatility_ratio(0.6, 0.5) > RISING_RATIO
