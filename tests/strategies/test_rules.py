"""What the rules decide, on ticks worked out by hand."""

import math
from collections.abc import Iterator

import pytest

from polyterm.core.signal import HOLD, Signal
from polyterm.core.tick import Tick
from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, Held, HeldValues, Rule
from tests.strategies.market import KEY, holding, signal, tick


@pytest.mark.parametrize(
    ("spot", "up_ask", "expected"),
    [
        (1000.4, 0.51, "up"),
        (999.6, 0.51, "down"),
        (1000.2, 0.51, None),  # a return of 2 bp is below the 3 bp of SpotLag_Fast
        (1000.4, 0.5123, "up"),  # the mid went 0.00115, which is 29 % of the expected 0.004 ...
        (1000.4, 0.5126, None),  # ... and 0.0013 is 33 %, above its 30 %
        (1000.4, 0.5074, None),  # a mid that went the wrong way has moved as well
    ],
)
def test_spot_lag_wants_a_move_the_market_has_not_followed(spot: float, up_ask: float, expected: str | None) -> None:
    first = [tick(second) for second in range(10, 14)]
    found = signal("SpotLag_Fast", *first, tick(14, spot=spot, up_ask=up_ask))
    assert found.side == expected


def test_spot_lag_needs_its_whole_look_back() -> None:
    rule = "SpotLag_Fast"
    assert signal(rule, tick(11), tick(12), tick(13), tick(14, spot=1001.0)) is HOLD
    assert signal(rule, tick(10), tick(14, spot=1001.0)).side == "up"


def test_spot_lag_leaves_the_last_two_minutes_alone() -> None:
    rule = "SpotLag_Fast"
    assert signal(rule, tick(776), tick(780, spot=1001.0)).side == "up"
    assert signal(rule, tick(777), tick(781, spot=1001.0)) is HOLD


def test_spot_lag_holds_until_its_stop() -> None:
    rule = "SpotLagSimple"
    assert signal(rule, tick(20), held=holding(-0.39)) is HOLD
    assert signal(rule, tick(20), held=holding(-0.40)).reason == "extreme_stop"
    assert signal(rule, tick(20), held=holding(math.nan)) is HOLD


def test_endgame_buys_a_favourite_of_either_side() -> None:
    up = tick(860, up_bid=0.93, up_ask=0.95, spot=1001.5)
    down = tick(860, up_bid=0.05, up_ask=0.07, spot=998.5)
    rule = "Endgame"
    assert signal(rule, up) == Signal("buy", "up", "endgame_entry", confidence=0.94)
    assert signal(rule, down) == Signal("buy", "down", "endgame_entry", confidence=0.94)


@pytest.mark.parametrize(
    "not_this",
    [
        tick(839, up_bid=0.93, up_ask=0.95, spot=1001.5),  # 61 s left
        tick(896, up_bid=0.93, up_ask=0.95, spot=1001.5),  # 4 s left
        tick(860, up_bid=0.88, up_ask=0.90, spot=1001.5),  # only 89 %
        tick(860, up_bid=0.90, up_ask=0.96, spot=1001.5),  # 6 cents wide at 93 cents: 6.5 %
        tick(860, up_bid=0.93, up_ask=0.95, spot=1001.0),  # no more than 10 bp beyond the strike
        tick(860, up_bid=0.93, up_ask=0.95, spot=998.5),  # spot on the other side
        tick(860, up_bid=0.93, up_ask=0.95, spot=1001.5, strike=None),
    ],
)
def test_endgame_stays_out_otherwise(not_this: Tick) -> None:
    assert signal("Endgame", not_this) is HOLD


def test_endgame_momentum_wants_the_mid_to_move_to_the_favourite() -> None:
    rule = "Endgame_Momentum"
    now = tick(864, up_bid=0.93, up_ask=0.95, spot=1001.5)
    assert signal(rule, tick(860, up_bid=0.92, up_ask=0.94), now).side == "up"
    assert signal(rule, tick(860, up_bid=0.93, up_ask=0.95), now) is HOLD
    assert signal(rule, now) is HOLD, "nothing is known of four seconds ago"


class Ordered(Rule):
    def entry(self, f: Features) -> Iterator[Branch]:
        yield Branch(up=f.spread > 5, down=f.spread > 0, reason="first", confidence=f.imbalance, edge=f.spread)
        yield Branch(up=f.spread > 0, down=f.spread > 0, reason="second")

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r > 0.1, "first"
        yield position.peak_r > 0.1, "second"


def test_the_first_true_branch_wins_and_nan_stays_inside() -> None:
    found = signal(Ordered(), tick(5, up_bid_size=None))
    assert (found.side, found.reason, found.confidence) == ("down", "first", None)
    assert found.edge == pytest.approx(0.02)


def test_the_first_true_exit_wins() -> None:
    held = Held("up", KEY.epoch * 1000, 0.5, 1.0, r=0.05, peak_r=0.2)
    assert signal(Ordered(), tick(5), held=held).reason == "second"
