"""The spot-lag entry with a threshold that grows away from even odds, and several ways to take a profit."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag, Number
from polyterm.strategies.base import HeldValues
from polyterm.strategies.parameters import Fraction, Multiple, Price, Seconds, Share, Ticks, WholeSeconds
from polyterm.strategies.spot_lag import SpotLag, SpotLagParameters


class AdaptiveLagParameters(SpotLagParameters, frozen=True, kw_only=True):
    """``widening``: the least move grows by this factor times the mid's distance from 50 cents.

    The stop of 0.99 is as good as none.
    """

    lookback_ticks: Ticks = 8
    min_move: Fraction = 0.0002
    max_followed: Fraction = 0.6
    widening: Multiple = 4
    stop: Share = 0.99


class AdaptiveLag(SpotLag):
    """Enters as SpotLag_Aggressive, where the least move is multiplied by 1 + 4 * |mid - 0.5|: 2.6 at 10 and 90 c."""

    parameters: AdaptiveLagParameters

    def threshold(self, f: Features) -> Number:
        p = self.parameters
        return p.min_move * (1 + p.widening * abs(f.up_mid - 0.5))


class TakeProfitParameters(AdaptiveLagParameters, frozen=True, kw_only=True):
    """``take_profit`` is a mark return."""

    take_profit: Fraction


class TakeProfit(AdaptiveLag):
    """Enters where the market lags behind spot, with a threshold that grows away from 50 cents; sells at its profit
    target. Experimental: one entry a window is our choice."""

    parameters: TakeProfitParameters

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r >= self.parameters.take_profit, "take_profit"
        yield position.r <= -self.parameters.stop, "extreme_stop"


class TrailingParameters(AdaptiveLagParameters, frozen=True, kw_only=True):
    """Mark returns: from ``activate`` on, the position is sold once it falls ``trail`` of its value below its peak, or
    to ``floor``, whichever comes first."""

    activate: Fraction
    trail: Share
    floor: Fraction


class Trailing(AdaptiveLag):
    """Enters where the market lags behind spot, with a threshold that grows away from 50 cents; in profit, trails the
    peak. Experimental: one entry a window is our choice."""

    parameters: TrailingParameters

    def trailed(self, f: Features, position: HeldValues) -> Flag:
        p = self.parameters
        trail = (1 + position.peak_r) * (1 - p.trail) - 1
        return (position.peak_r >= p.activate) & (position.r <= f.high(trail, p.floor))

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield self.trailed(f, position), "trailing_stop"
        yield position.r <= -self.parameters.stop, "extreme_stop"


class QuickThenTrailingParameters(TrailingParameters, frozen=True, kw_only=True):
    """``quick_profit`` is taken within ``quick_s`` of the entry."""

    quick_profit: Fraction = 0.03
    quick_s: Seconds = 30


class QuickThenTrailing(Trailing):
    """As SpotLag_Trailing, but a small profit is taken at once while the position is young.

    Experimental: that "quick" means 30 seconds, below the trail's activation, is our choice; so is one entry a window.
    """

    parameters: QuickThenTrailingParameters

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        p = self.parameters
        young = (position.held_s <= p.quick_s) & (position.peak_r < p.activate)
        yield young & (position.r >= p.quick_profit), "take_profit"
        yield self.trailed(f, position), "trailing_stop"
        yield position.r <= -p.stop, "extreme_stop"


class RangeAdaptedParameters(AdaptiveLagParameters, frozen=True, kw_only=True):
    """The range is that of the Up mid over ``range_s``; profits are mark returns."""

    range_s: WholeSeconds = 60
    wide_range: Price = 0.08
    middle_range: Price = 0.04
    wide_profit: Fraction = 0.12
    middle_profit: Fraction = 0.06


class RangeAdapted(AdaptiveLag):
    """Enters where the market lags behind spot; its profit target follows the mid's recent range, with none in a calm
    market. Experimental: "recent" is our 60 seconds, and one entry a window is our choice."""

    parameters: RangeAdaptedParameters

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        p = self.parameters
        width = f.mid_high(p.range_s) - f.mid_low(p.range_s)
        yield (width > p.wide_range) & (position.r >= p.wide_profit), "take_profit"
        middling = (width >= p.middle_range) & (width <= p.wide_range)
        yield middling & (position.r >= p.middle_profit), "take_profit"
        yield position.r <= -p.stop, "extreme_stop"
