"""Strategies that enter only while the oracle stands on the same side of the strike as spot."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.mispricing import Mispricing
from polyterm.strategies.parameters import Fraction, Parameters, Price, Seconds, Share
from polyterm.strategies.spot_lag import SpotLag


class OracleConfirmed(Rule):
    def oracle_agrees(self, f: Features) -> Flag:
        """Spot and oracle both above the strike, or both not above it; false without an oracle."""
        above = (f.distance > 0) & (f.oracle_distance > 0)
        return above | ((f.distance <= 0) & (f.oracle_distance <= 0))


class SpotLagOracleConfirmed(SpotLag, OracleConfirmed):
    """Enters and leaves as SpotLag does, but enters only while the oracle stands where spot does.

    Without an oracle it never enters. Its look-backs see every tick, whether the two agree or not.
    """

    def lagging(self, f: Features) -> tuple[Flag, Flag]:
        up, down = super().lagging(f)
        agreed = self.oracle_agrees(f)
        return up & agreed, down & agreed


class MispricingOracleConfirmed(Mispricing, OracleConfirmed):
    """Enters and leaves as MispricingOnly does, but enters only while the oracle stands where spot does."""

    def agreed(self, f: Features) -> Flag:
        return super().agreed(f) & self.oracle_agrees(f)


class UpOnlyParameters(Parameters, frozen=True, kw_only=True):
    """``min_distance`` is how far above the strike spot must stand; the oracle need only be above it."""

    min_distance: Fraction = 0.0005
    max_up_mid: Price = 0.52
    min_remaining_s: Seconds = 180
    max_remaining_s: Seconds = 780
    stop: Share = 0.50


class UpOnlyOracleConfirmed(Rule):
    """Buys Up, once in a window, while spot and oracle are above the strike and the market is still undecided.

    Holds to expiry or the stop.
    """

    def __init__(self, parameters: UpOnlyParameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        in_time = (f.time_remaining >= p.min_remaining_s) & (f.time_remaining <= p.max_remaining_s)
        above = (f.distance > p.min_distance) & (f.oracle_distance > 0)
        yield Branch(up=in_time & above & (f.up_mid <= p.max_up_mid), reason="both_sources_up")

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "extreme_stop"
