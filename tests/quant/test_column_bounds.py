"""Conditions that are told from bounds hold on the same cells as when they are worked out."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from polyterm.quant.column_bounds import ERFC_ERROR, near_erfc
from polyterm.quant.column_features import Evaluator
from polyterm.quant.columns import Column
from polyterm.quant.expression import Node, operation, source

X, Y = source("x"), source("y")
ERFC = operation("erfc", X)
PROBABILITY = operation("where", Y > 0, 0.5 * operation("erfc", -X), 2 - ERFC)
CONDITIONS = (
    ERFC - Y >= 0.05,
    Y - PROBABILITY < 0.1,
    (PROBABILITY > Y) & (ERFC * -2.0 <= Y),
    (operation("low", PROBABILITY, Y) > 0.2) | (operation("high", Y, -ERFC) >= 1.5),
    operation("not_", ERFC > Y) & (PROBABILITY + Y > 0.3),
    operation("ratio", ERFC, Y) >= abs(ERFC - 1),
    ERFC >= 1,
)

values = st.lists(st.tuples(st.floats(), st.floats()) | st.tuples(st.floats(-3, 3), st.floats(-1, 2)), max_size=40)


class TwoColumns(Evaluator):
    def __init__(self, x: Column, y: Column) -> None:
        super().__init__(None)
        self.columns = {"x": x, "y": y}

    def leaf(self, node: Node) -> Column:
        return self.columns[node.name]


def exactly(condition: Node, x: Column, y: Column) -> list[int]:
    found = TwoColumns(x, y).value(condition)
    return np.broadcast_to(found, x.shape).nonzero()[0].tolist()


@given(values)
def test_bounds_find_the_cells_that_exact_values_find(pairs: list[tuple[float, float]]) -> None:
    x, y = np.array(pairs, np.float64).reshape(-1, 2).T.copy()
    with np.errstate(all="ignore"):
        for condition in CONDITIONS:
            found = TwoColumns(x, y).cells_where(condition, np.ones(len(x), np.bool_))
            assert found.tolist() == exactly(condition, x, y)


def test_values_at_a_threshold_are_worked_out() -> None:
    x = np.linspace(-2, 2, 20_001)
    edges = np.array([math.erfc(value) for value in x.tolist()])  # each cell is its own threshold
    for y, held in ((edges, True), (np.nextafter(edges, 3), False)):
        found = TwoColumns(x, y).cells_where(ERFC >= Y, np.ones(len(x), np.bool_))
        assert len(found) == (len(x) if held else 0)


def test_how_near_the_approximation_is() -> None:
    x = np.concatenate((np.linspace(-30, 30, 200_001), [math.inf, -math.inf, 0.0, -0.0, 5e-324, math.nan]))
    exact = np.array([math.erfc(value) for value in x.tolist()])
    with np.errstate(all="ignore"):
        error = np.abs(near_erfc(x) - exact)
    assert np.isnan(error[-1])
    assert error[:-1].max() < ERFC_ERROR / 2


def test_bounds_are_on_both_sides_of_the_value() -> None:
    x, y = np.linspace(-4, 4, 999), np.linspace(-1, 1, 999)
    exact = TwoColumns(x, y)
    least, most = exact.pair(PROBABILITY)
    value = exact.value(PROBABILITY)
    assert (least <= value).all()
    assert (value <= most).all()
    assert (most - least).max() < 4 * ERFC_ERROR
