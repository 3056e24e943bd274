"""A look-back that is worked out on a few cells is the same there as the whole column."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.quant import column_folds
from polyterm.quant.column_parts import Part
from polyterm.quant.columns import Column
from tests.quant.test_pairs import SERIES, rows, same

FOLDS: dict[str, tuple[int, Callable[[Column], Column]]] = {
    "total": (6, lambda x: column_folds.total(x, 7)),
    "average": (6, lambda x: column_folds.average(x, 7, 3)),
    "deviation": (6, lambda x: column_folds.deviation(x, 7, 2)),
    "decayed_square": (6, lambda x: column_folds.decayed_square(x, 7, 2, 0.9, 0.1)),
    "highest": (6, lambda x: column_folds.highest(x, 7)),
    "lowest": (6, lambda x: column_folds.lowest(x, 7)),
    "range_squares": (14, lambda x: column_folds.range_squares(x, 3, 5)),
}


@pytest.mark.parametrize("name", FOLDS)
@given(values=SERIES, asked=st.lists(st.sets(st.integers(0, 400), min_size=1, max_size=6), max_size=6))
def test_a_part_is_what_the_whole_is_there(name: str, values: list[float], asked: list[set[int]]) -> None:
    before, work = FOLDS[name]
    x = np.array((values * 12)[:401], np.float64)
    with np.errstate(all="ignore"):
        whole, part = work(x), Part(work, x, before)
        for cells in (np.array(sorted(cell for cell in some if cell < len(x)), np.int64) for some in asked):
            found = part.at(cells)
            if found is None:
                break
            same(rows(found, len(cells)), rows(whole[cells], len(cells)))


def test_what_is_asked_for_nearly_everywhere_is_left_to_the_whole() -> None:
    part = Part(lambda x: column_folds.total(x, 5), np.ones(1_000), 4)
    assert part.at(np.arange(100, 200)) is not None
    assert part.at(np.arange(100, 900)) is None
