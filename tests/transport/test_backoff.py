import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.transport.backoff import Backoff


@pytest.mark.parametrize(
    ("failures", "ceiling"),
    [(0, 1.0), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 16.0), (6, 30.0), (7, 30.0), (10_000, 30.0)],
)
def test_the_ceiling_doubles_up_to_the_cap(failures: int, ceiling: float) -> None:
    assert Backoff(base_s=1.0, cap_s=30.0).ceiling(failures) == ceiling


@given(
    failures=st.integers(1, 10**9),
    base_s=st.floats(0.001, 100),
    cap_s=st.floats(0.001, 1000),
    seed=st.integers(0, 2**32),
)
def test_a_delay_is_between_half_and_all_of_a_ceiling_that_never_falls(
    failures: int, base_s: float, cap_s: float, seed: int
) -> None:
    backoff = Backoff(base_s, cap_s)
    ceiling = backoff.ceiling(failures)
    assert ceiling / 2 <= backoff.delay(failures, random.Random(seed)) <= ceiling <= cap_s
    assert ceiling <= backoff.ceiling(failures + 1)


def test_clients_that_failed_together_come_back_apart() -> None:
    delays = {Backoff().delay(3, random.Random(seed)) for seed in range(20)}
    assert len(delays) == 20
