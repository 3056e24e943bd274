import math

import numpy as np
import pytest

from polyterm.sim.fairvalue import up_probability

YEAR_S = 365 * 86400


def test_far_from_the_end_only_the_average_shortens_the_time() -> None:
    # 640 s to the end of a 60 s average are 600 s of variance: one standard deviation above the strike, and d = 1.
    spread = 0.6 * math.sqrt(600 / YEAR_S)
    strike = 100 * math.exp(-spread - spread**2 / 2)
    assert up_probability(100, strike, 0.6, 640) == pytest.approx(0.8413447, abs=1e-6)


def test_the_known_part_counts_for_its_share() -> None:
    # Half is known at 101 and half is open at 100: the expected average is 100.5, with 30^3 / (3 * 60^2) = 2.5 s open.
    spread = 0.6 * math.sqrt(2.5 / YEAR_S)
    assert up_probability(100, 100.5 * math.exp(-(spread**2) / 2), 0.6, 30, 101.0) == pytest.approx(0.5, abs=1e-9)
    assert up_probability(100, 100.6, 0.6, 30, 101.0) < 0.01


@pytest.mark.parametrize(("known", "expected"), [(100.0, 1.0), (100.1, 1.0), (99.9, 0.0)])
def test_nothing_open_is_certain_and_a_tie_is_up(known: float, expected: float) -> None:
    assert up_probability(50.0, 100.0, 0.6, 0, known) == expected


def test_inside_the_averaging_the_known_part_is_needed() -> None:
    with pytest.raises(ValueError, match="elapsed part"):
        up_probability(100, 100, 0.6, 59)


@pytest.mark.parametrize("left_s", [300, 60, 30, 10])
def test_agrees_with_simulated_averages(left_s: int) -> None:
    rng = np.random.default_rng(left_s)
    elapsed = max(0, 60 - left_s)
    steps = rng.normal(0, 0.8 / math.sqrt(YEAR_S), (15_000, left_s))
    paths = 100 * np.exp(np.cumsum(steps, axis=1))
    averages = (paths[:, -60:].sum(axis=1) + elapsed * 100.01) / 60
    for strike in (99.95, 100.0, 100.02):
        known = 100.01 if elapsed else None
        # The formula's average is continuous, the simulated one of whole seconds: half a second apart.
        expected = up_probability(100, strike, 0.8, left_s + 0.5 if elapsed == 0 else left_s, known)
        assert (averages >= strike).mean() == pytest.approx(expected, abs=0.025), (left_s, strike)
