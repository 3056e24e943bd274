"""Spot-lag entries that want more distance from the strike the more time is left."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import HeldValues
from polyterm.strategies.parameters import Fraction, Price, Seconds, Share
from polyterm.strategies.spot_lag_exits import Trailing, TrailingParameters


class TimeAwareParameters(TrailingParameters, frozen=True, kw_only=True):
    """``*_distance`` is how far beyond the strike spot must stand early (more than ``early_s`` left), in the middle and
    late (``late_s`` left or less). An underdog, a side that costs less than 50 cents, must cost
    ``min_underdog_price``."""

    early_distance: Fraction = 0.0015
    middle_distance: Fraction = 0.0010
    late_distance: Fraction = 0.0005
    early_s: Seconds = 600
    late_s: Seconds = 180
    min_underdog_price: Price = 0.20
    min_remaining_s: Seconds = 60
    max_remaining_s: Seconds = 900
    activate: Fraction = 0.15
    trail: Share = 0.30
    floor: Fraction = 0.05


class TimeAware(Trailing):
    """Buys the side that the market lags behind when spot stands beyond the strike there, by more the earlier it is;
    trails the peak.

    Underdogs are never bought late, and before that only from a least price on. Experimental: the phases of 600 and 180
    seconds, the underdog's least price, the figures of the variants and one entry a window are our choice.
    """

    parameters: TimeAwareParameters

    def lagging(self, f: Features) -> tuple[Flag, Flag]:
        p = self.parameters
        up, down = super().lagging(f)
        late = f.time_remaining <= p.late_s
        later = f.where(late, p.late_distance, p.middle_distance)
        enough = f.where(f.time_remaining > p.early_s, p.early_distance, later)
        in_time = f.time_remaining <= p.max_remaining_s
        least = f.where(late, 0.5, p.min_underdog_price)
        up = up & in_time & (f.distance >= enough) & (f.up_ask >= least)
        return up, down & in_time & (f.distance <= -1 * enough) & (1 - f.up_bid >= least)


class TimeAwareTakeProfitParameters(TimeAwareParameters, frozen=True, kw_only=True):
    """``take_profit`` is a mark return."""

    take_profit: Fraction = 0.10


class TimeAwareTakeProfit(TimeAware):
    """Enters as SpotLag_TimeAware and sells at a profit target. Experimental: the target of 10 % is our choice too."""

    parameters: TimeAwareTakeProfitParameters

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r >= self.parameters.take_profit, "take_profit"
        yield position.r <= -self.parameters.stop, "extreme_stop"


class ProbabilityEdgeParameters(TimeAwareParameters, frozen=True, kw_only=True):
    """``min_edge`` is what fair value must be above the price of a share of the bought side."""

    min_edge: Price = 0.05


class LagWithProbabilityEdge(TimeAware):
    """As SpotLag_TimeAware, and the digital's fair value must be above the price by the least edge.

    Experimental: the least edge of 5 points and the volatility behind it (the model's) are our choice too.
    """

    parameters: ProbabilityEdgeParameters

    def lagging(self, f: Features) -> tuple[Flag, Flag]:
        p = self.parameters
        up, down = super().lagging(f)
        fair = f.fair_value(f.model_volatility)
        return up & (fair - f.up_ask >= p.min_edge), down & (f.up_bid - fair >= p.min_edge)
