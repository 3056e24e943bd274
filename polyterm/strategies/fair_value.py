"""The market's price against a digital option's: buy the cheap side and hold it to expiry."""

from collections.abc import Iterator

from polyterm.quant.fair_value import EDGE_THRESHOLD, FULL_CONFIDENCE_EDGE
from polyterm.quant.features import Features, Flag, Number
from polyterm.quant.primitives import NAN
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Parameters, Price, Seconds, Share, Shares, Volatility


class FairValueParameters(Parameters, frozen=True, kw_only=True):
    """Edges are fair value less the Up mid. ``default_volatility`` stands in for one that is missing or 0."""

    min_edge: Price = 0.03
    full_size_edge: Price = 0.06
    full_size_shares: Shares = 100
    weak_size_shares: Shares = 70
    default_volatility: Volatility = 0.8
    min_remaining_s: Seconds = 120
    stop: Share = 0.30


class FairValue(Rule):
    """Buys the side of the edge between fair value and mid when it is wide enough; holds to expiry or the stop.

    Fair value is the probability of a digital under the realised volatility of spot's last 30 prices. A wide edge buys
    the full size, a narrower one the weak size.
    """

    def __init__(self, parameters: FairValueParameters) -> None:
        self.parameters = parameters

    def volatility(self, f: Features) -> Number:
        return f.spot_volatility(30)

    def fair_value(self, f: Features) -> Number:
        measured = self.volatility(f)
        return f.fair_value(f.where(measured > 0, measured, self.parameters.default_volatility))

    def allowed(self, f: Features) -> tuple[Flag, Flag]:
        """What else Up, and Down, needs."""
        late_enough = f.time_remaining >= self.parameters.min_remaining_s
        return late_enough, late_enough

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        edge = self.fair_value(f) - f.up_mid
        up, down = self.allowed(f)
        yield Branch(
            up=up & (edge >= p.min_edge),
            down=down & (edge <= -p.min_edge),
            reason="fair_value_edge",
            size=f.where(abs(edge) >= p.full_size_edge, p.full_size_shares, p.weak_size_shares),
            confidence=self.confidence(f, edge),
            edge=edge,
        )

    def confidence(self, f: Features, edge: Number) -> Number:
        """Ten points of edge are certain; an edge too narrow to be significant has no confidence."""
        return f.where(abs(edge) > EDGE_THRESHOLD, f.low(1.0, f.ratio(abs(edge), FULL_CONFIDENCE_EDGE)), NAN)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "max_drawdown"


class FairValueEwma(FairValue):
    """As FairValue_RealizedVol with the exponentially weighted volatility of spot, and a slightly narrower edge.

    The side is the sign of the edge, also below the three points from which an edge counts as significant.
    """

    def volatility(self, f: Features) -> Number:
        return f.spot_ewma_volatility


class FairValueWithDriftParameters(FairValueParameters, frozen=True, kw_only=True):
    """``at_strike_distance``: nearer to the strike than this, either side will do."""

    at_strike_distance: Fraction = 0.0001


class FairValueWithDrift(FairValue):
    """As FairValue_RealizedVol, but only on the side of the strike where spot stands, or with spot at the strike."""

    parameters: FairValueWithDriftParameters

    def allowed(self, f: Features) -> tuple[Flag, Flag]:
        up, down = super().allowed(f)
        at_strike = abs(f.distance) < self.parameters.at_strike_distance
        return up & ((f.distance > 0) | at_strike), down & ((f.distance < 0) | at_strike)
