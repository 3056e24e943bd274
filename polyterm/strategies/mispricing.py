"""Spot stands clearly on one side of the strike and the market disagrees: buy the side where spot is."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Parameters, Price, Seconds, Share


class MispricingParameters(Parameters, frozen=True, kw_only=True):
    """``min_distance`` is how far spot must stand from the strike; Up is cheap below ``cheap_up_mid`` and dear above
    ``dear_up_mid``."""

    min_distance: Fraction
    cheap_up_mid: Price
    dear_up_mid: Price
    min_remaining_s: Seconds = 180
    max_remaining_s: Seconds = 840
    stop: Share = 0.50


class Mispricing(Rule):
    """Buys Up with spot above the strike while the mid is low, Down with spot below it while the mid is high.

    Holds to expiry or the stop. Confidence is twice the gap to a probability of 50 points plus half a point for every
    basis point from the strike.
    """

    def __init__(self, parameters: MispricingParameters) -> None:
        self.parameters = parameters

    def agreed(self, f: Features) -> Flag:
        """What else an entry needs."""
        p = self.parameters
        return (f.time_remaining >= p.min_remaining_s) & (f.time_remaining <= p.max_remaining_s)

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        agreed = self.agreed(f)
        gap = (0.5 + 50 * f.distance) - f.up_mid
        yield Branch(
            up=agreed & (f.distance > p.min_distance) & (f.up_mid < p.cheap_up_mid),
            reason="mispriced_up",
            confidence=f.low(1.0, 2 * gap),
        )
        yield Branch(
            down=agreed & (f.distance < -p.min_distance) & (f.up_mid > p.dear_up_mid),
            reason="mispriced_down",
            confidence=f.low(1.0, -2 * gap),
        )

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "extreme_stop"
