"""Bitcoin moved: buy the same side of the other coins."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Parameters, Price, Seconds, Share, Shares


class CrossAssetParameters(Parameters, frozen=True, kw_only=True):
    """Moves are returns of btc's spot over about ten seconds."""

    min_move: Fraction = 0.001
    strong_move: Fraction = 0.003
    up_only_below_mid: Price = 0.55
    down_only_above_mid: Price = 0.45
    weak_size_shares: Shares = 70
    full_size_shares: Shares = 100
    min_remaining_s: Seconds = 180
    sell_below_s: Seconds = 5
    stop: Share = 0.30


class CrossAsset(Rule):
    """Buys the side of btc's move of the last ten seconds in eth, sol and xrp while their price is not there yet.

    A strong move buys the full size. Sells in the last seconds, or at the stop.
    """

    resets = "btc's tape begins anew with btc's window."

    def __init__(self, parameters: CrossAssetParameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        move = f.btc_move
        in_time = f.time_remaining >= p.min_remaining_s
        strong = abs(move) >= p.strong_move
        yield Branch(
            up=in_time & (move >= p.min_move) & (f.up_mid < p.up_only_below_mid),
            down=in_time & (move <= -p.min_move) & (f.up_mid > p.down_only_above_mid),
            reason="btc_lead",
            size=f.where(strong, p.full_size_shares, p.weak_size_shares),
            confidence=f.where(strong, 0.8, 0.5),
        )

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield f.time_remaining < self.parameters.sell_below_s, "time_exit"
        yield position.r <= -self.parameters.stop, "max_drawdown"
