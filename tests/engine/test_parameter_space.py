"""How a sweep's parameters are written, and which variants follow."""

import random
import re

import pytest

from polyterm.engine.parameter_space import Axis, draw, grid, read_axis
from polyterm.strategies.entry import Entry
from polyterm.strategies.parameters import Fraction, Parameters, Price, Ticks
from polyterm.strategies.spot_lag import SpotLag, SpotLagParameters


class BandParameters(Parameters, frozen=True):
    min_price: Price = 0.2
    max_price: Price = 0.8
    lookback_ticks: Ticks = 10
    threshold: Fraction = 0.1


LAG = Entry("Lag", "SpotLag", SpotLag, SpotLagParameters(10, 0.0005, 0.5))
BAND = Entry("Band", "Test", SpotLag, BandParameters())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("threshold=0.1", (0.1,)),
        ("threshold=0.3,0.1,0.2", (0.3, 0.1, 0.2)),
        (" threshold = 1 , 2,1 ", (1.0, 2.0)),
        ("threshold=0.1:0.5:9", (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)),
        ("threshold=0:1:3", (0.0, 0.5, 1.0)),
        ("threshold=0.001:1:4:log", (0.001, 0.01, 0.1, 1.0)),
        ("threshold=1e-4:1e-2:3:log", (0.0001, 0.001, 0.01)),
        ("lookback_ticks=5,10", (5, 10)),
        ("lookback_ticks=5:20:4", (5, 10, 15, 20)),
        ("lookback_ticks=2:4:5", (2, 3, 4)),  # 2.5 and 3.5 round to the even number
    ],
)
def test_values_of_a_parameter(text: str, values: tuple[float, ...]) -> None:
    axis = read_axis(text, BAND)
    assert axis.values == values
    assert {type(value) for value in axis.values} == {int if axis.name == "lookback_ticks" else float}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("threshold", "write NAME=1,2,3"),
        ("=1", "write NAME=1,2,3"),
        ("threshold=", "write NAME=1,2,3"),
        ("treshold=1", "Band has no parameter 'treshold': did you mean 'threshold'?"),
        ("threshold=abc", "threshold cannot be 'abc'"),
        ("threshold=1,,2", "threshold cannot be ''"),
        ("threshold=nan", "threshold cannot be 'nan'"),
        ("threshold=11", "at most 10"),
        ("threshold=-1:1:3", "at least 0"),
        ("lookback_ticks=2.5", "a whole number"),
        ("lookback_ticks=1:5:5", "at least 2"),
        ("threshold=1:2", "LOW:HIGH:COUNT"),
        ("threshold=1:2:3:4", "LOW:HIGH:COUNT"),
        ("threshold=2:1:3", "2 is not below 1"),
        ("threshold=1:1:3", "1 is not below 1"),
        ("threshold=0:1:3:log", "begins above 0"),
        ("threshold=0:1:1", "a count from 2 to 10,000, not '1'"),
        ("threshold=0:1:1e9", "not '1e9'"),
    ],
)
def test_what_is_refused_and_how(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read_axis(text, BAND)


def test_a_grid_varies_the_last_parameter_fastest() -> None:
    space = grid(LAG, [read_axis("lookback_ticks=5,10", LAG), read_axis("stop=0.3,0.4,0.5", LAG)])
    assert [variant.values for variant in space.variants] == [
        (5, 0.3), (5, 0.4), (5, 0.5), (10, 0.3), (10, 0.4), (10, 0.5),
    ]  # fmt: skip
    assert [variant.number for variant in space.variants] == [0, 1, 2, 3, 4, 5]
    assert space.variants[3].entry.parameters == SpotLagParameters(10, 0.0005, 0.5, stop=0.3)
    assert space.variants[3].entry.limits == LAG.limits


def test_combinations_that_contradict_themselves_are_left_out_and_counted() -> None:
    axes = [read_axis("min_price=0.1,0.5", BAND), read_axis("max_price=0.3,0.6", BAND)]
    space = grid(BAND, axes)
    assert [variant.values for variant in space.variants] == [(0.1, 0.3), (0.1, 0.6), (0.5, 0.6)]
    assert space.impossible == 1
    with pytest.raises(ValueError, match=r"Band refuses every combination: min_price 0.9 lies above max_price 0.8"):
        grid(BAND, [read_axis("min_price=0.9", BAND)])


def test_no_parameter_means_the_strategy_as_it_is() -> None:
    assert [variant.entry for variant in grid(LAG, []).variants] == [LAG]


def test_a_parameter_given_twice_and_too_many_combinations_are_refused() -> None:
    axis = read_axis("stop=0.3,0.4", LAG)
    with pytest.raises(ValueError, match="stop is given twice"):
        grid(LAG, [axis, axis])
    many = tuple(float(number) for number in range(2_000))
    with pytest.raises(ValueError, match="4,000,000 combinations are too many"):
        grid(LAG, [Axis("stop", many), Axis("min_move", many)])


def test_a_draw_is_decided_by_its_seed_and_stays_in_its_ranges() -> None:
    axes = [
        read_axis("lookback_ticks=5:20", LAG, drawn=True),
        read_axis("min_move=0.0001:0.01:log", LAG, drawn=True),
        read_axis("stop=0.3,0.4", LAG, drawn=True),
    ]
    first, again, other = (draw(LAG, axes, 200, random.Random(seed).random) for seed in (7, 7, 8))
    assert first == again != other
    assert len({variant.values for variant in first.variants}) == 200
    lookbacks, moves, stops = zip(*(variant.values for variant in first.variants), strict=True)
    assert (min(lookbacks), max(lookbacks)) == (5, 20)
    assert 0.0001 <= min(moves) < 0.0002
    assert 0.005 < max(moves) <= 0.01
    # evenly in the logarithm: half of the draws lie below the geometric middle, 0.001
    assert 70 < sum(move < 0.001 for move in moves) < 130
    assert set(stops) == {0.3, 0.4}


def test_a_draw_finds_no_more_variants_than_there_are() -> None:
    space = draw(LAG, [read_axis("stop=0.3,0.4", LAG)], 50, random.Random(1).random)
    assert sorted(variant.values for variant in space.variants) == [(0.3,), (0.4,)]
    with pytest.raises(ValueError, match="a draw has from 1"):
        draw(LAG, [], 0, random.Random(1).random)
