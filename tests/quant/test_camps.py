"""Clusters of strategies, on counts small enough to work out by hand."""

import numpy as np
import pytest

from polyterm.quant.camps import Clusters, camp_name, clusters, distances


def symmetric(size: int, pairs: dict[tuple[int, int], int]) -> np.ndarray:
    counts = np.zeros((size, size), np.int64)
    for (one, other), count in pairs.items():
        counts[one, other] = counts[other, one] = count
    return counts


def test_distance_is_the_chance_of_opposite_sides_by_the_rule_of_succession() -> None:
    apart = distances(symmetric(3, {(0, 1): 8, (0, 2): 1}), symmetric(3, {(0, 1): 8}))
    assert apart[0, 1] == pytest.approx(0.1)  # 1 - 9/10
    assert apart[0, 2] == pytest.approx(2 / 3)  # 1 - 1/3
    assert apart[1, 2] == 0.5, "never met"
    assert apart.diagonal().tolist() == [0, 0, 0]


def test_two_camps_that_oppose_each_other_stand_side_by_side() -> None:
    met = np.full((4, 4), 18)
    agreed = symmetric(4, {(0, 2): 18, (1, 3): 18})  # distances 0.05 inside, 0.95 across
    found = clusters(met, agreed)
    assert sorted(map(sorted, found.camps)) == [[0, 2], [1, 3]]
    places = [found.order.index(place) for place in (0, 2, 1, 3)]
    assert abs(places[0] - places[1]) == abs(places[2] - places[3]) == 1


def test_a_camp_needs_evidence() -> None:
    """Agreeing in all of 7 meetings leaves a distance of 1/9, in all of 8 one of 1/10."""
    few, enough = symmetric(2, {(0, 1): 7}), symmetric(2, {(0, 1): 9})
    assert clusters(few, few).camps == ()
    assert [sorted(camp) for camp in clusters(enough, enough).camps] == [[0, 1]]
    assert [sorted(camp) for camp in clusters(few, few, share=0.85).camps] == [[0, 1]]


def test_a_camp_is_held_together_by_its_average() -> None:
    """0 and 1 agree (0.02); 2 is 0.02 from 0 and 0.14 from 1, 0.08 on average: within 0.1, though the pair is not."""
    met = symmetric(3, {(0, 1): 48, (0, 2): 48, (1, 2): 48})
    agreed = symmetric(3, {(0, 1): 48, (0, 2): 48, (1, 2): 42})
    assert [sorted(camp) for camp in clusters(met, agreed).camps] == [[0, 1, 2]]


def test_a_camp_is_led_by_the_one_that_is_closest_to_the_rest() -> None:
    """2 agrees with both others (0.02 each), they with each other less often (0.14)."""
    met = symmetric(3, {(0, 1): 48, (0, 2): 48, (1, 2): 48})
    (camp,) = clusters(met, symmetric(3, {(0, 1): 42, (0, 2): 48, (1, 2): 48})).camps
    assert camp[0] == 2
    assert camp_name([("A", "B", "C")[place] for place in camp]) == "C +2"


@pytest.mark.parametrize("size", [0, 1])
def test_nobody_and_one_are_no_camp(size: int) -> None:
    nothing = np.zeros((size, size), np.int64)
    assert clusters(nothing, nothing) == Clusters(tuple(range(size)), ())
