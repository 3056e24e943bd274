"""Figures of a sweep, worked out by hand."""

import math

import numpy as np
import pytest

from polyterm.engine.sweep_results import (
    Fold,
    Score,
    Step,
    VariantResult,
    VariantTrades,
    evaluate,
    fold_up,
    joined,
    ranked,
    walk_forward,
)

DAY = 1_790_035_200  # 2026-09-22 00:00 UTC
WINDOW = 900


def trades(*rows: tuple[int, int, float, float]) -> VariantTrades:
    """(epoch, exit second, touch, costed)"""
    epochs, exits, touch, costed = zip(*rows, strict=True) if rows else ((), (), (), ())
    return VariantTrades(
        np.array(epochs, np.int64), np.array(exits, np.int64) * 1000, np.array(touch, float), np.array(costed, float)
    )


FOUR = trades((0, 10, 4.0, 3.0), (0, 20, -6.0, -7.0), (900, 910, -1.0, -1.0), (1800, 2700, 8.0, 7.0))


def test_totals_average_ratio_and_drawdown() -> None:
    result = evaluate(3, FOUR, "costed")
    assert (result.number, result.score) == (3, Score(4, 2, 5.0, 2.0))
    assert result.average == 0.5
    # deviations from 0.5: 2.5, -7.5, -1.5, 6.5; their squares sum to 107
    assert result.ratio == pytest.approx(0.5 / math.sqrt(107 / 4), rel=1e-15)
    # running: 3, -4, -5, 2; the deepest fall is from 3 to -5
    assert result.drawdown == 8.0
    by_touch = evaluate(3, FOUR, "touch")
    assert (by_touch.score, by_touch.average, by_touch.drawdown) == (result.score, 1.25, 7.0)


def test_a_fall_from_the_start_is_a_drawdown_too() -> None:
    assert evaluate(0, trades((0, 1, -2.0, -2.0), (0, 2, 5.0, 5.0)), "costed").drawdown == 2.0


@pytest.mark.parametrize(
    ("rows", "average"), [((), None), (((0, 1, 5.0, 4.0),), 4.0), (((0, 1, 5.0, 4.0), (0, 2, 5.0, 4.0)), 4.0)]
)
def test_there_is_no_ratio_without_a_spread(rows: tuple[tuple[int, int, float, float], ...], average: float) -> None:
    result = evaluate(0, trades(*rows), "costed")
    assert (result.average, result.ratio, result.drawdown) == (average, None, 0.0)


def test_trades_of_several_series_are_put_in_order_of_time() -> None:
    first = trades((0, 10, 1.0, 1.0), (900, 30, 2.0, 2.0))
    second = trades((0, 10, 3.0, 3.0), (0, 20, 4.0, 4.0))
    whole = joined([first, second])
    assert whole.touch.tolist() == [1.0, 3.0, 4.0, 2.0]
    assert whole.exit_ms.tolist() == [10_000, 10_000, 20_000, 30_000]
    assert whole.epoch.tolist() == [0, 0, 0, 900]


def test_trades_belong_to_the_fold_of_their_window() -> None:
    folds = (Fold(0, 900, 1), Fold(900, 2701, 2))
    assert evaluate(0, FOUR, "costed", folds).folds == (Score(2, 1, -2.0, -4.0), Score(2, 1, 7.0, 6.0))


def test_folds_are_whole_days_where_there_are_enough() -> None:
    epochs = [DAY + 86_400 * day + WINDOW * window for day in range(5) for window in (0, 40, 95)]
    assert fold_up(epochs, 2) == (
        Fold(DAY, DAY + 2 * 86_400, 6),
        Fold(DAY + 2 * 86_400, DAY + 4 * 86_400 + 95 * WINDOW + 1, 9),
    )
    assert [fold.windows for fold in fold_up(epochs, 5)] == [3, 3, 3, 3, 3]


def test_folds_are_runs_of_windows_where_there_are_too_few_days() -> None:
    epochs = [DAY + WINDOW * window for window in (3, 0, 1, 2, 4, 0)]
    assert fold_up(epochs, 2) == (Fold(DAY, DAY + 2 * WINDOW, 2), Fold(DAY + 2 * WINDOW, DAY + 4 * WINDOW + 1, 3))
    assert [fold.windows for fold in fold_up(epochs, 5)] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(("count", "words"), [(1, "folds begin at 2"), (4, "there are only 3")])
def test_folds_that_cannot_be(count: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fold_up([0, 900, 1800], count)


def variant(number: int, *totals: float) -> VariantResult:
    folds = tuple(Score(1, 1, total + 1, total) for total in totals)
    return VariantResult(number, sum(folds, Score()), None, None, 0.0, folds)


def test_walking_forward_shows_a_choice_that_did_not_last() -> None:
    lucky, steady, poor = variant(0, 10.0, -8.0, 3.0), variant(1, 4.0, 2.0, 1.0), variant(2, -5.0, 1.0, 9.0)
    assert walk_forward([lucky, steady, poor], "costed") == (
        # the lucky one leads the first fold with 10 and comes last in the second
        Step(1, 0, Score(1, 1, 11.0, 10.0), Score(1, 1, -7.0, -8.0), 3, Score(1, 1, 3.0, 2.0)),
        # after two folds: 2, 6 and -4
        Step(2, 1, Score(2, 2, 8.0, 6.0), Score(1, 1, 2.0, 1.0), 3, Score(1, 1, 10.0, 9.0)),
    )


def test_the_best_comes_first_and_of_equals_the_one_asked_for_first() -> None:
    results = [variant(0, 1.0), variant(1, 3.0), variant(2, 1.0), variant(3, 2.0)]
    assert [result.number for result in ranked(results, "costed")] == [1, 3, 0, 2]
    assert walk_forward([], "costed") == ()
