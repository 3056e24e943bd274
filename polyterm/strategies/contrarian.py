"""Spot ran one way for half a minute: buy the other side and hold it to expiry."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Parameters, Seconds, Share, Ticks


class ContrarianParameters(Parameters, frozen=True, kw_only=True):
    """``min_run`` is the size of the sum of the last ``lookback_ticks`` one-second returns of spot."""

    lookback_ticks: Ticks
    min_run: Fraction
    min_remaining_s: Seconds = 120
    stop: Share = 0.40


class Contrarian(Rule):
    """Buys against the running sum of spot's last one-second returns; holds to expiry or the stop.

    The sum goes on while a position is held and begins anew with each entry and each window.
    """

    resets = "The running sum begins anew with every window and with every entry of its own."
    restarts_on_entry = True

    def __init__(self, parameters: ContrarianParameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        run = f.spot_return_sum(p.lookback_ticks)
        in_time = f.time_remaining >= p.min_remaining_s
        yield Branch(
            up=in_time & (run <= -p.min_run),
            down=in_time & (run >= p.min_run),
            reason="contrarian_fade",
            confidence=f.low(1.0, f.ratio(abs(100 * run), 0.5)),
        )

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "extreme_drawdown"
