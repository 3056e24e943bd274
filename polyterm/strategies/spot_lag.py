"""Spot moved and the market has not followed yet: buy the side of the move and hold it to expiry."""

from collections.abc import Iterator

import msgspec

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule


class SpotLagParameters(msgspec.Struct, frozen=True):
    """``lookback_ticks`` samples span one second less. ``min_move`` is a return of spot.

    ``max_followed`` is the share of the expected move of the mid (ten times the return of spot) that may already have
    happened, in either direction.
    """

    lookback_ticks: int
    min_move: float
    max_followed: float
    min_remaining_s: float = 120
    stop: float = 0.40


class SpotLag(Rule):
    def __init__(self, parameters: SpotLagParameters) -> None:
        self.parameters = parameters
        self.span_s = parameters.lookback_ticks - 1

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        move = f.spot_return(self.span_s)
        followed = f.ratio(abs(f.mid_change(self.span_s)), abs(10 * move))
        lagging = (f.time_remaining >= p.min_remaining_s) & (followed <= p.max_followed)
        yield Branch(
            up=lagging & (move >= p.min_move),
            down=lagging & (move <= -p.min_move),
            reason="spot_lag_detected",
        )

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "extreme_stop"
