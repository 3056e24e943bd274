"""Which kind of market the classes of the facts make of its last samples."""

import math
from typing import get_args

import pytest

from polyterm.quant.regime import (
    Combined,
    LiquidityClass,
    RegimeDetector,
    TrendClass,
    VolatilityClass,
    classify,
    combine,
    liquidity_class,
    trend_class,
    volatility_class,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("volatility", "expected"), [(0.29, "LOW"), (0.3, "MEDIUM"), (0.8, "MEDIUM"), (0.81, "HIGH"), (NAN, "UNKNOWN")]
)
def test_volatility_classes(volatility: float, expected: str) -> None:
    assert volatility_class(volatility) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (0.02, "RANGING"),
        (0.021, "TRENDING"),
        (-0.05, "TRENDING"),
        (-0.051, "STRONG_TREND"),
        (0.2, "STRONG_TREND"),
        (NAN, "UNKNOWN"),
    ],
)
def test_trend_classes(change: float, expected: str) -> None:
    assert trend_class(change) == expected


@pytest.mark.parametrize(
    ("spread", "expected"), [(0.0049, "THICK"), (0.005, "NORMAL"), (0.02, "NORMAL"), (0.03, "THIN"), (NAN, "UNKNOWN")]
)
def test_liquidity_classes(spread: float, expected: str) -> None:
    assert liquidity_class(spread) == expected


def test_the_first_combination_that_fits() -> None:
    expected: dict[Combined, set[tuple[str, str]]] = {
        "MOMENTUM_FAVORABLE": {("HIGH", "TRENDING"), ("HIGH", "STRONG_TREND")},
        "CHOPPY_AVOID": {("HIGH", "RANGING")},
        "MEAN_REVERSION_FAVORABLE": {("LOW", "RANGING")},
        "TREND_FOLLOWING": {("MEDIUM", "TRENDING"), ("MEDIUM", "STRONG_TREND")},
    }
    by_pair = {pair: name for name, pairs in expected.items() for pair in pairs}
    for volatility in get_args(VolatilityClass):
        for trend in get_args(TrendClass):
            for liquidity in get_args(LiquidityClass):
                wanted = by_pair.get((volatility, trend), "NEUTRAL")
                if liquidity == "THIN":
                    wanted = "CAUTION_THIN_LIQUIDITY"
                assert combine(volatility, trend, liquidity) == wanted


@pytest.mark.parametrize(
    ("measures", "hint", "words"),
    [
        ((1.5, 0.03, 0.01), 1.0, "trending up"),
        ((1.5, -0.09, 0.01), 1.0, "trending down"),
        ((0.5, -0.03, 0.01), 0.8, "trending down"),
        ((1.5, 0.01, 0.01), 0.3, "ranging"),
        ((0.1, 0.01, 0.01), 1.0, "ranging"),
        ((1.5, 0.01, 0.04), 0.5, "ranging"),
        ((1.5, 0.03, 0.04), 0.5, "mixed"),
        ((0.1, 0.03, 0.01), 0.7, "mixed"),
        ((NAN, NAN, NAN), 0.7, "unknown"),
    ],
)
def test_size_hint_and_words(measures: tuple[float, float, float], hint: float, words: str) -> None:
    regime = classify(*measures)
    assert (regime.size_hint, regime.words) == (hint, words)


def test_a_market_that_runs_up() -> None:
    detector = RegimeDetector()
    for second in range(40):
        regime = detector.observe(1000 + second, 0.50 + 0.002 * second, 0.01)
        if second == 8:
            assert (regime.volatility, regime.trend, regime.liquidity) == ("UNKNOWN", "UNKNOWN", "UNKNOWN")
        if second == 18:
            assert (regime.volatility, regime.trend, regime.liquidity) == ("UNKNOWN", "UNKNOWN", "NORMAL")
        if second == 19:
            assert (regime.trend, regime.direction) == ("STRONG_TREND", "up")
    # Even steps: returns of 0.4 % to 0.35 %, whose deviation of 0.013 % a second is 0.7 a root year.
    assert (regime.volatility, regime.combined, regime.words) == ("MEDIUM", "TREND_FOLLOWING", "trending up")


def test_a_cent_of_movement_is_high_and_no_movement_low() -> None:
    still, moving = RegimeDetector(), RegimeDetector()
    for second in range(30):
        quiet = still.observe(second, 0.50, 0.01)
        choppy = moving.observe(second, 0.51 if second % 3 == 0 else 0.50, 0.01)
    assert (quiet.volatility, quiet.combined) == ("LOW", "MEAN_REVERSION_FAVORABLE")
    assert (choppy.volatility, choppy.combined) == ("HIGH", "CHOPPY_AVOID")


def test_ten_samples_cross_a_window_change() -> None:
    detector = RegimeDetector()
    for second in range(60):
        detector.observe(second, 0.50, 0.03)
    detector.start_window()
    regime = detector.observe(60, 0.50, 0.03)
    assert (regime.volatility, regime.trend, regime.liquidity) == ("UNKNOWN", "UNKNOWN", "THIN")


def test_missed_seconds_are_gaps() -> None:
    detector = RegimeDetector()
    for second in range(30):
        detector.observe(second, 0.50, 0.01)
    regime = detector.observe(60, 0.50, 0.01)
    assert (regime.volatility, regime.trend, regime.liquidity) == ("UNKNOWN", "UNKNOWN", "UNKNOWN")
