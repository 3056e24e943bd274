"""A different idea for each part of the window: fade early extremes, follow the middle, trade the late edge."""

from collections.abc import Iterator
from typing import Final

from polyterm.quant.fair_value import FULL_CONFIDENCE_EDGE
from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Parameters, Price, Seconds, Share

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
    stop: Share = 0.30


class TimeConditional(Rule):
    """Early it fades extreme prices, in the middle it follows the leader, late it buys a wide edge, at last it sells.

    In the middle the mid's move over four seconds must not point the other way. The late edge is the digital's over the
    mid; that edge, ten points of it being certain, is the confidence of every phase. Whatever is held when the last
    phase begins is sold.
    """

    def __init__(self, parameters: TimeConditionalParameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        edge = f.fair_value(f.model_volatility) - f.up_mid
        sure = f.low(1.0, f.ratio(abs(edge), FULL_CONFIDENCE_EDGE))
        early = f.time_remaining > p.early_s
        yield Branch(down=early & (f.up_mid > p.fade_above), reason="early_fade_high", confidence=sure)
        yield Branch(up=early & (f.up_mid < p.fade_below), reason="early_fade_low", confidence=sure)
        middle = (f.time_remaining > p.middle_s) & (f.time_remaining <= p.early_s)
        momentum = f.mid_change(MOMENTUM_SPAN_S)
        rises = middle & (f.up_mid >= p.follow_above) & f.not_(momentum < 0)
        falls = middle & (f.up_mid <= p.follow_below) & f.not_(momentum > 0)
        yield Branch(up=rises, reason="mid_trend_up", confidence=sure)
        yield Branch(down=falls, reason="mid_trend_down", confidence=sure)
        late = (f.time_remaining > p.late_s) & (f.time_remaining <= p.middle_s)
        up, down = late & (edge >= p.min_edge), late & (edge <= -p.min_edge)
        yield Branch(up=up, down=down, reason="late_edge", confidence=sure, edge=edge)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield f.time_remaining <= self.parameters.late_s, "exit_phase"
        yield position.r <= -self.parameters.stop, "max_drawdown"
