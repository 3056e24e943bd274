"""Every primitive has two forms, and they give the same bits."""

import math
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polyterm.quant import column_folds, columns, folds, primitives
from polyterm.quant.definitions import LOOKBACK_S
from polyterm.quant.probability_table import expected_probability

NAN, INF = math.nan, math.inf
TINY = 5e-324

SPECIAL = st.sampled_from((NAN, INF, -INF, 0.0, -0.0, TINY, -TINY, 2.2e-308, 1.0, 0.5, 1e308))
NUMBERS = st.one_of(SPECIAL, st.floats(), st.floats(0, 1), st.floats(1, 1e5), st.floats(-1e-3, 1e-3))
FLAT = st.tuples(NUMBERS, st.integers(1, 90)).map(lambda flat: [flat[0]] * flat[1])
GAPPY = st.lists(st.one_of(st.just(NAN), st.floats(0.01, 0.99)), max_size=90)
MARKET = st.lists(st.sampled_from((0.49, 0.5, 0.505, 0.51, NAN)), max_size=120)
SERIES = st.one_of(
    st.lists(NUMBERS, max_size=60), FLAT, GAPPY, MARKET, st.tuples(FLAT, GAPPY).map(lambda p: p[0] + p[1])
)
N = st.integers(1, 40)


def bits(value: float | bool) -> bytes:
    """nan is nan, whichever of its many bit patterns it has: none of them leaves features."""
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


def same(ours: list[float], theirs: list[float]) -> None:
    assert [bits(value) for value in ours] == [bits(value) for value in theirs]


def rows(column: object, count: int) -> list[float]:
    """What leaves a column: plain numbers."""
    listed = np.broadcast_to(np.asarray(column), (count,)).tolist()
    assert all(type(value) in (float, bool) for value in listed)
    return listed


@pytest.mark.parametrize("name", ["log", "log1p", "exp", "erfc", "sqrt", "is_known"])
@given(values=st.lists(NUMBERS, max_size=50))
@example(values=[1.0, 1.0, NAN, 0.0, -0.0, TINY, INF, -INF, 709.8, 710.0, -1.0, -0.9999999999999999, 38.0, -38.0])
@example(values=[0.0, -0.0, -0.0, -0.0])
def test_one_argument(name: str, values: list[float]) -> None:
    scalar = getattr(primitives, name)
    with np.errstate(all="ignore"):
        column = getattr(columns, name)(np.array(values, np.float64))
    same(rows(column, len(values)), [scalar(value) for value in values])


@pytest.mark.parametrize("name", ["ratio", "low", "high", "expected_probability"])
@given(pairs=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=50), constant=NUMBERS)
def test_two_arguments(name: str, pairs: list[tuple[float, float]], constant: float) -> None:
    scalar = expected_probability if name == "expected_probability" else getattr(primitives, name)
    first, second = (np.array(values, np.float64) for values in zip(*pairs, strict=True))
    column = getattr(columns, name)
    with np.errstate(all="ignore"):
        same(rows(column(first, second), len(pairs)), [scalar(a, b) for a, b in pairs])
        same(rows(column(first, constant), len(pairs)), [scalar(a, constant) for a, _ in pairs])
        same(rows(column(constant, second), len(pairs)), [scalar(constant, b) for _, b in pairs])


@given(st.lists(st.tuples(st.floats(-5, 1000), st.floats(-0.01, 0.01)), min_size=1, max_size=50))
def test_the_table_of_probabilities(pairs: list[tuple[float, float]]) -> None:
    remaining, distance = (np.array(values, np.float64) for values in zip(*pairs, strict=True))
    column = columns.expected_probability(remaining, distance)
    same(rows(column, len(pairs)), [expected_probability(a, b) for a, b in pairs])


@given(st.lists(st.tuples(st.booleans(), NUMBERS, NUMBERS), min_size=1, max_size=50))
def test_where(choices: list[tuple[bool, float, float]]) -> None:
    condition, then, otherwise = zip(*choices, strict=True)
    column = columns.where(np.array(condition), np.array(then), np.array(otherwise))
    same(rows(column, len(choices)), [primitives.where(*choice) for choice in choices])


def histories(values: list[float]) -> list[list[float]]:
    """What the scalar form sees at each row: a history that begins with missing seconds."""
    return [[NAN] * (LOOKBACK_S + 1) + values[: row + 1] for row in range(len(values))]


def check_fold(name: str, values: list[float], *numbers: object) -> None:
    scalar: Callable[..., float] = getattr(folds, name)
    with np.errstate(all="ignore"):
        column = getattr(column_folds, name)(np.array(values, np.float64), *numbers)
    same(rows(column, len(values)), [scalar(history, *numbers) for history in histories(values)])


@given(SERIES, st.integers(0, 40))
def test_lag(values: list[float], n: int) -> None:
    check_fold("lag", values, n)


@pytest.mark.parametrize("name", ["count", "total", "highest", "lowest"])
@given(values=SERIES, n=N)
def test_folds(name: str, values: list[float], n: int) -> None:
    check_fold(name, values, n)


@pytest.mark.parametrize("name", ["average", "deviation"])
@given(values=SERIES, n=N, least=st.integers(1, 40))
def test_moments(name: str, values: list[float], n: int, least: int) -> None:
    check_fold(name, values, n, least)


@given(SERIES, N, st.integers(1, 40))
def test_decayed_square(values: list[float], n: int, least: int) -> None:
    check_fold("decayed_square", values, n, least, 0.9, 0.1)


@pytest.mark.parametrize("name", ["range_squares", "whole_bars"])
@given(values=SERIES, bars=st.integers(1, 10), length=st.integers(1, 6))
@example(values=[INF, -INF], bars=1, length=2)
def test_bars(name: str, values: list[float], bars: int, length: int) -> None:
    check_fold(name, values, bars, length)


@given(SERIES, st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_first_known(values: list[float], lags: list[int]) -> None:
    check_fold("first_known", values, lags)


@given(st.lists(st.tuples(NUMBERS, st.integers(-2, 60), st.integers(-1, 3)), max_size=60))
def test_elapsed_mean(steps: list[tuple[float, int, int]]) -> None:
    values, asked = [step[0] for step in steps], [step[1:] for step in steps]
    seconds, late = (np.array([float(pair[place]) for pair in asked]) for place in (0, 1))
    column = column_folds.elapsed_mean(np.array(values, np.float64), seconds, late)
    expected = [
        folds.elapsed_mean(history, float(pair[0]), float(pair[1]))
        for history, pair in zip(histories(values), asked, strict=True)
    ]
    same(rows(column, len(values)), expected)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_accumulating_is_a_left_fold(values: list[float]) -> None:
    total = 0.0
    for value in values:
        total += value
    assert bits(np.add.accumulate(np.array(values))[-1].item() + 0.0) == bits(total + 0.0)


def test_a_flat_series_does_not_vary() -> None:
    flat = np.full(40, 0.010000000000000009)
    assert folds.deviation(np.log(flat / flat).tolist(), 29, 15) == 0.0
