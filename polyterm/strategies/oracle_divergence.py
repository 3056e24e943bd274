"""Exchange and oracle disagree about the strike, or the end is near and the oracle is sure: buy the oracle's side."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Parameters, Price, Seconds, Share


class OracleParameters(Parameters, frozen=True, kw_only=True):
    """``min_distance`` is from the strike; ``max_price`` is what a share of the bought side may cost."""

    min_distance: Fraction
    max_price: Price
    min_remaining_s: Seconds
    max_remaining_s: Seconds
    stop: Share = 0.99


class OracleDivergence(Rule):
    """Buys the oracle's side while exchange and oracle stand on opposite sides of the strike, each clear of it, and a
    share is not dear; holds to expiry.

    Experimental: one entry a window, and none in its last 30 seconds, are our choice.
    """

    def __init__(self, parameters: OracleParameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        in_time = (f.time_remaining >= p.min_remaining_s) & (f.time_remaining <= p.max_remaining_s)
        above = (f.oracle_distance >= p.min_distance) & (f.distance <= -p.min_distance)
        below = (f.oracle_distance <= -p.min_distance) & (f.distance >= p.min_distance)
        yield Branch(
            up=in_time & above & (f.up_ask < p.max_price),
            down=in_time & below & (1 - f.up_bid < p.max_price),
            reason="oracle_divergence",
        )

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "extreme_stop"


class FinalSecondsParameters(OracleParameters, frozen=True, kw_only=True):
    """``min_oracle_age_s`` and ``max_oracle_age_s`` bound the age of the oracle's price."""

    min_oracle_age_s: Seconds = 5
    max_oracle_age_s: Seconds = 50


class OracleFinalSeconds(OracleDivergence):
    """In the last seconds, buys the side on which the oracle stands clear of the strike when a share costs next to
    nothing; holds to expiry.

    The oracle's price must be neither new nor forgotten. Experimental: one entry a window is our choice.
    """

    parameters: FinalSecondsParameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        in_time = (f.time_remaining >= p.min_remaining_s) & (f.time_remaining <= p.max_remaining_s)
        settled = (f.oracle_age_s >= p.min_oracle_age_s) & (f.oracle_age_s <= p.max_oracle_age_s)
        go = in_time & settled
        yield Branch(
            up=go & (f.oracle_distance >= p.min_distance) & (f.up_ask <= p.max_price),
            down=go & (f.oracle_distance <= -p.min_distance) & (1 - f.up_bid <= p.max_price),
            reason="oracle_final_seconds",
        )
