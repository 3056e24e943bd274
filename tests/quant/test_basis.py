"""The running median of ln(spot / settlement price)."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.quant.basis import SpotBasis


def test_nothing_is_known_before_the_tenth_pair() -> None:
    basis = SpotBasis()
    answers = [basis.update(slot, 100.1, 100.0) for slot in range(10)]
    assert answers[:9] == [None] * 9
    assert answers[9] == pytest.approx(math.log(1.001))


def test_a_jump_of_one_source_does_not_move_it() -> None:
    basis = SpotBasis(min_samples=1)
    for slot in range(20):
        basis.update(slot, 100.0, 100.0)
    assert basis.update(20, 105.0, 100.0) == 0.0


def test_it_is_forgotten_when_the_settlement_price_stays_away() -> None:
    basis = SpotBasis(slots=600, min_samples=1)
    assert basis.update(0, 101.0, 100.0) == math.log(1.01)
    assert basis.update(599, 101.0, None) == math.log(1.01)
    assert basis.update(600, 101.0, None) is None


@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0.9, 1.1), st.booleans()), max_size=60), st.integers(1, 20))
def test_it_is_the_median_of_the_pairs_of_the_last_slots(steps: list[tuple[int, float, bool]], slots: int) -> None:
    basis, slot, seen = SpotBasis(slots=slots, min_samples=1), 0, []
    for step, spot, has_oracle in steps:
        slot += step
        answer = basis.update(slot, spot, 1.0 if has_oracle else None)
        if has_oracle:
            seen.append((slot, math.log(spot)))
        recent = [value for at, value in seen if at > slot - slots]
        assert answer == (statistics.median(recent) if recent else None)
