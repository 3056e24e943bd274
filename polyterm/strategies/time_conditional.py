"""A different idea for each part of the window: fade early extremes, follow the middle, trade the late edge."""

from collections.abc import Iterator
from typing import Final

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Parameters, Price, Seconds

MOMENTUM_SPAN_S: Final = 4


class TimeConditionalParameters(Parameters, frozen=True, kw_only=True):
    """The phases end when ``early_s``, ``middle_s`` and ``late_s`` remain; ``fade_above`` … are Up mids."""

    early_s: Seconds = 600
    middle_s: Seconds = 180
    late_s: Seconds = 60
    fade_above: Price = 0.85
    fade_below: Price = 0.15
    follow_above: Price = 0.55
    follow_below: Price = 0.45
    min_edge: Price = 0.10
    stop: Fraction = 0.30


class TimeConditional(Rule):
    """Early it fades extreme prices, in the middle it follows the leader, late it buys a wide edge, at last it sells.

    In the middle the mid's move over four seconds must not point the other way. The late edge is the digital's over the
    mid. Whatever is held when the last phase begins is sold.
    """

    def __init__(self, parameters: TimeConditionalParameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        early = f.time_remaining > p.early_s
        yield Branch(down=early & (f.up_mid > p.fade_above), reason="early_fade_high")
        yield Branch(up=early & (f.up_mid < p.fade_below), reason="early_fade_low")
        middle = (f.time_remaining > p.middle_s) & (f.time_remaining <= p.early_s)
        momentum = f.mid_change(MOMENTUM_SPAN_S)
        rises = middle & (f.up_mid >= p.follow_above) & f.not_(momentum < 0)
        falls = middle & (f.up_mid <= p.follow_below) & f.not_(momentum > 0)
        yield Branch(up=rises, reason="mid_trend_up")
        yield Branch(down=falls, reason="mid_trend_down")
        late = (f.time_remaining > p.late_s) & (f.time_remaining <= p.middle_s)
        edge = f.fair_value(f.model_volatility) - f.up_mid
        yield Branch(up=late & (edge >= p.min_edge), down=late & (edge <= -p.min_edge), reason="late_edge", edge=edge)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield f.time_remaining <= self.parameters.late_s, "exit_phase"
        yield position.r <= -self.parameters.stop, "max_drawdown"
