"""Fair value with the trend of hours in it: buy the cheap side when the trend agrees."""

from collections.abc import Iterator

from polyterm.quant.annual import YEAR_S
from polyterm.quant.fair_value import MAX_DRIFT
from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch
from polyterm.strategies.fair_value import FairValue, FairValueParameters
from polyterm.strategies.parameters import Fraction, Rate, WholeSeconds


class DriftParameters(FairValueParameters, frozen=True, kw_only=True):
    """``min_return`` is a plain return of spot over the look-back; ``max_drift`` caps its annual rate."""

    lookback_s: WholeSeconds
    min_return: Fraction
    max_drift: Rate = MAX_DRIFT


class DriftAwareFairValue(FairValue):
    """Buys the side of the edge when spot's return over hours points to the same side; holds to expiry or the stop.

    Fair value takes that return, annualised and capped, as its drift. The direction is judged by the plain return.
    Under half the look-back of history there is no trade.
    """

    resets = "The long history of spot is kept across windows; everything else begins anew with each."

    parameters: DriftParameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        trend = f.long_return(p.lookback_s)
        drift = f.high(-p.max_drift, f.low(p.max_drift, f.ratio(YEAR_S, f.long_span_s(p.lookback_s)) * trend))
        measured = self.volatility(f)
        volatility = f.where(measured > 0, measured, p.default_volatility)
        edge = f.fair_value_drift(volatility, drift) - f.up_mid
        up, down = self.allowed(f)
        yield Branch(
            up=up & (edge >= p.min_edge) & (trend > p.min_return),
            down=down & (edge <= -p.min_edge) & (trend < -p.min_return),
            reason="drift_aligned_edge",
            size=f.where(abs(edge) >= p.full_size_edge, p.full_size_shares, p.weak_size_shares),
            confidence=self.confidence(f, edge),
            edge=edge,
        )


class DriftUpOnly(DriftAwareFairValue):
    """As the FV_Drift strategies, but it only ever buys Up: cheap by its edge, with spot risen over the look-back."""

    def allowed(self, f: Features) -> tuple[Flag, Flag]:
        up, _ = super().allowed(f)
        return up, False
