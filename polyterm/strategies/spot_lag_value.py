"""Spot-lag entries that also look at the price they pay, or at the side of the strike."""

from polyterm.quant.features import Features, Flag
from polyterm.strategies.parameters import Fraction, Price, Seconds
from polyterm.strategies.spot_lag_exits import AdaptiveLag, AdaptiveLagParameters, Trailing, TrailingParameters


class CheapLagParameters(AdaptiveLagParameters, frozen=True, kw_only=True):
    """``max_price`` is what a share of the bought side may cost."""

    max_price: Price
    max_remaining_s: Seconds


class CheapLag(AdaptiveLag):
    """Late in the window, buys the side that the market lags behind when a share of it is cheap; holds to expiry.

    Experimental: one entry a window is our choice.
    """

    parameters: CheapLagParameters

    def lagging(self, f: Features) -> tuple[Flag, Flag]:
        p = self.parameters
        up, down = super().lagging(f)
        late = f.time_remaining <= p.max_remaining_s
        return up & late & (f.up_ask <= p.max_price), down & late & (1 - f.up_bid <= p.max_price)


class CorrectSideParameters(AdaptiveLagParameters, frozen=True, kw_only=True):
    """``min_distance`` is how far beyond the strike spot must stand on the bought side."""

    min_distance: Fraction = 0.0005


class CorrectSide(AdaptiveLag):
    """Buys the side that the market lags behind only when spot already stands on that side of the strike; holds to
    expiry. Experimental: one entry a window is our choice."""

    parameters: CorrectSideParameters

    def lagging(self, f: Features) -> tuple[Flag, Flag]:
        p = self.parameters
        up, down = super().lagging(f)
        return up & (f.distance >= p.min_distance), down & (f.distance <= -p.min_distance)


class RightSideTrailingParameters(TrailingParameters, frozen=True, kw_only=True):
    """``min_distance`` is how far beyond the strike spot must stand on the bought side."""

    min_distance: Fraction


class RightSideTrailing(Trailing):
    """Buys the side that the market lags behind when spot stands beyond the strike there, and trails the peak.

    V1 is the strictest, V5 the loosest. Experimental: the distances from the strike, the trail (5 %, 10 % below the
    peak, floor 3 %) and one entry a window are our choice.
    """

    parameters: RightSideTrailingParameters

    def lagging(self, f: Features) -> tuple[Flag, Flag]:
        p = self.parameters
        up, down = super().lagging(f)
        return up & (f.distance >= p.min_distance), down & (f.distance <= -p.min_distance)


class ExtremeReversalParameters(TrailingParameters, frozen=True, kw_only=True):
    """Up is bought with its mid below ``low_mid``, Down with it above ``high_mid``."""

    low_mid: Price = 0.25
    high_mid: Price = 0.75


class ExtremeReversal(Trailing):
    """Buys the underdog of a lopsided market on a large move of spot towards it; trails the peak.

    Experimental: "large" is our 0.05 % in seven seconds before it grows away from 50 cents; the trail and one entry a
    window are our choice as well.
    """

    parameters: ExtremeReversalParameters

    def lagging(self, f: Features) -> tuple[Flag, Flag]:
        p = self.parameters
        up, down = super().lagging(f)
        return up & (f.up_mid < p.low_mid), down & (f.up_mid > p.high_mid)
