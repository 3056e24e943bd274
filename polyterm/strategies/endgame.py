"""The last minute with the market nearly sure and spot agreeing: buy the favourite and hold it to expiry."""

from collections.abc import Iterator
from typing import Final

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Parameters, Percent, Probability, Seconds, Share

MOMENTUM_SPAN_S: Final = 4


class EndgameParameters(Parameters, frozen=True):
    """``min_distance`` is how far beyond the strike spot must stand on the favourite's side, a fraction."""

    min_probability: Probability
    max_remaining_s: Seconds
    min_remaining_s: Seconds
    min_distance: Fraction
    stop: Share
    max_spread_pct: Percent = 5


class Endgame(Rule):
    """Buys the favourite in the last seconds when it is nearly sure, the spread narrow and spot on its side.

    The spread is measured against the favourite's own mid, so that favourites of both sides pass alike. Holds to expiry
    or the stop.
    """

    def __init__(self, parameters: EndgameParameters) -> None:
        self.parameters = parameters

    def favourite(self, f: Features) -> tuple[Flag, Flag]:
        """Whether Up, and whether Down, is the favourite with spot on its side."""
        buffer = self.parameters.min_distance
        return (f.up_mid > 0.5) & (f.distance > buffer), (f.up_mid <= 0.5) & (f.distance < -buffer)

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        up, down = self.favourite(f)
        ending = (f.time_remaining >= p.min_remaining_s) & (f.time_remaining <= p.max_remaining_s)
        sure = (f.favourite_mid >= p.min_probability) & (f.favourite_spread_pct <= p.max_spread_pct)
        go = ending & sure
        yield Branch(up=go & up, down=go & down, reason="endgame_entry", confidence=f.favourite_mid)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "emergency_stop"


class EndgameMomentum(Endgame):
    """As Endgame, and the mid must be moving towards the favourite; without a mid four seconds ago it stays out."""

    def favourite(self, f: Features) -> tuple[Flag, Flag]:
        up, down = super().favourite(f)
        drift = f.mid_change(MOMENTUM_SPAN_S)
        return up & (drift > 0), down & (drift < 0)
