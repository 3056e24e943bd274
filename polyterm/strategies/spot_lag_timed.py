"""The spot-lag entry with a profit target and a clock."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import HeldValues
from polyterm.strategies.parameters import Fraction, Seconds
from polyterm.strategies.spot_lag import SpotLag, SpotLagParameters


class SpotLagTimedParameters(SpotLagParameters, frozen=True, kw_only=True):
    """``take_profit`` and ``stop`` are mark returns."""

    hold_s: Seconds
    take_profit: Fraction


class SpotLagTimed(SpotLag):
    """Enters as SpotLag does; sells when its time is up, at its profit target, or at the stop.

    Its look-backs see every tick, also those of a held position, so that an entry never compares with an old price.
    """

    parameters: SpotLagTimedParameters

    def __init__(self, parameters: SpotLagTimedParameters) -> None:
        super().__init__(parameters)
        self.time_is_up = timed_exit(parameters.hold_s)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.held_s >= self.parameters.hold_s, self.time_is_up
        yield position.r >= self.parameters.take_profit, "take_profit"
        yield position.r <= -self.parameters.stop, "extreme_stop"


def timed_exit(hold_s: float) -> str:
    """The reason of an exit by the clock, e.g. ``timed_exit_30s``."""
    return f"timed_exit_{hold_s:g}s"
