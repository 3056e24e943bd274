"""The path of a window, worked out again from its ticks, is the one that was shown while it ran."""

import pytest

from polyterm.core.input import WindowOpened
from polyterm.engine.outlook import outlook
from polyterm.engine.path import window_path
from tests.engine.scenes import FEE, Always, Scene, book
from tests.strategies.market import KEY, tick

# Spot rises by 0.01 % a second; a second is missing, then the book is gone, and the average settles at the end.
TICKS = [
    *(tick(second, spot=1000.0 + 0.1 * (second % 40), mid=0.5 + 0.001 * (second % 60)) for second in range(100, 180)),
    tick(182, spot=1004.0, mid=0.55),
    *(tick(second, spot=1003.0 + 0.2 * (second % 9), mid=0.6) for second in range(820, 900)),
]


def test_fair_values_are_those_of_the_engine() -> None:
    scene = Scene(book(Always(), "Own"))
    scene.apply(WindowOpened(KEY, TICKS[0].strike, FEE))
    shown = []
    for each in TICKS:
        scene.apply(each, each.at_ms)
        shown.append(outlook(scene.engine.desk(("btc", "15m")).features).fair)
    path = window_path(TICKS, points=900)
    assert [point.fair for point in path] == shown
    assert sum(fair is not None for fair in shown) > 100
    assert [point.slot for point in path] == [each.slot for each in TICKS]
    assert [point.mid for point in path] == [each.up_mid for each in TICKS]


def test_a_path_is_thinned_to_the_newest_of_each_stretch() -> None:
    path = window_path(TICKS, points=9)  # of 100 s each
    assert [point.slot - KEY.epoch for point in path] == [182, 899]
    assert window_path(()) == ()


def test_the_price_is_spot_as_the_strike_counts_it() -> None:
    (point,) = window_path([tick(100, spot=1002.0)])
    newest = tick(100, spot=1002.0)
    assert newest.strike is not None
    assert newest.distance is not None
    assert point.price == pytest.approx(newest.strike.price * (1 + newest.distance))
    (unknown,) = window_path([tick(100, spot=1002.0, strike=None)])
    assert unknown.price is None
