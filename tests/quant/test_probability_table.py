"""The table against the digital formula worked out by hand, and its edges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.quant.probability_table import DISTANCES, PROBABILITIES, REMAINING_S, expected_probability


@pytest.mark.parametrize(
    ("remaining_s", "distance", "expected"),
    [
        # Phi(distance / (0.6 * sqrt(middle / 31536000)) and a hair): middles 525, 15 and 90 s
        (500, 0.0012, 0.6575),  # 0.001 / 0.0024481 = 0.408
        (0, 0.0007, 0.8862),  # 0.0005 / 0.00041381 = 1.208
        (60, 0.0015, 0.9304),  # 0.0015 / 0.0010136 = 1.479
        (500, -0.0012, 0.3425),
    ],
)
def test_cells(remaining_s: float, distance: float, expected: float) -> None:
    assert expected_probability(remaining_s, distance) == pytest.approx(expected, abs=1e-3)


def test_a_cell_begins_at_its_lower_edges() -> None:
    assert expected_probability(119.0, 0.0005) == expected_probability(60.0, 0.00099)
    assert expected_probability(120.0, 0.0005) < expected_probability(119.0, 0.0005)
    assert expected_probability(60.0, 0.0010) > expected_probability(60.0, 0.00099)
    assert expected_probability(900.0, 0.0010) == expected_probability(750.0, 0.0010)


def test_what_is_not_in_the_table_is_missing() -> None:
    for remaining_s, distance in ((901, 0.001), (-1, 0.001), (math.nan, 0.001), (100, math.nan)):
        assert math.isnan(expected_probability(remaining_s, distance))


def test_more_distance_and_less_time_are_worth_more() -> None:
    for row in PROBABILITIES:
        assert list(row) == sorted(row)
    for column in range(1, len(DISTANCES)):
        falling = [row[column] for row in PROBABILITIES]
        assert falling == sorted(falling, reverse=True)
    assert len(PROBABILITIES) == len(REMAINING_S) - 1


@given(st.floats(0, 900), st.floats(-0.1, 0.1).filter(lambda value: value != 0))
def test_the_two_sides_of_the_strike_share_one_certainty(remaining_s: float, distance: float) -> None:
    up, down = expected_probability(remaining_s, distance), expected_probability(remaining_s, -distance)
    assert up + down == pytest.approx(1.0, abs=1e-15)
