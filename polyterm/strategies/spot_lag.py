"""Spot moved and the market has not followed yet: buy the side of the move and hold it to expiry."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag, Number
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Parameters, Seconds, Share, Ticks


class SpotLagParameters(Parameters, frozen=True):
    """``lookback_ticks`` samples span one second less. ``min_move`` is a return of spot.

    ``max_followed`` is the share of the expected move of the mid (ten times the return of spot) that may already have
    happened, in either direction.
    """

    lookback_ticks: Ticks
    min_move: Fraction
    max_followed: Fraction
    min_remaining_s: Seconds = 120
    stop: Share = 0.40


class LagRule(Rule):
    def lag(self, f: Features, span_s: int, min_move: Number, max_followed: float) -> tuple[Flag, Flag]:
        """Whether the mid lags behind a move of spot up, and behind one down, over ``span_s``.

        It does when it went less than ``max_followed`` of ten times the return of spot, either way.
        """
        move = f.spot_return(span_s)
        followed = f.ratio(abs(f.mid_change(span_s)), abs(10 * move))
        lags = (followed <= max_followed) & (abs(move) >= min_move)
        return lags & (move > 0), lags & (move < 0)


class SpotLag(LagRule):
    """Buys the side of a move of spot that the mid has followed by less than its share; holds to expiry or the stop.

    The expected move of the mid is ten times the return of spot, a guess: near the strike of a fresh 15-minute window a
    move of 0.1 % shifts the probability by roughly ten points. A mid that went the wrong way counts as having moved.
    """

    def __init__(self, parameters: SpotLagParameters) -> None:
        self.parameters = parameters
        self.span_s = parameters.lookback_ticks - 1

    def threshold(self, f: Features) -> Number:
        """The least return of spot that counts as a move."""
        return self.parameters.min_move

    def lagging(self, f: Features) -> tuple[Flag, Flag]:
        """Whether Up, and whether Down, is to be bought."""
        p = self.parameters
        up, down = self.lag(f, self.span_s, self.threshold(f), p.max_followed)
        in_time = f.time_remaining >= p.min_remaining_s
        return in_time & up, in_time & down

    def entry(self, f: Features) -> Iterator[Branch]:
        up, down = self.lagging(f)
        yield Branch(up=up, down=down, reason="spot_lag_detected")

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "extreme_stop"
