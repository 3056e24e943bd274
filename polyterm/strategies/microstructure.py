"""The book leans to one side: buy that side before the price goes there."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Deviations, Parameters, Price, Seconds, Share, Ticks


class MicrostructureParameters(Parameters, frozen=True, kw_only=True):
    """Imbalances are of the Up book's touch. ``max_up_mid`` and ``min_up_mid`` say when the price is gone already."""

    wide_spread_imbalance: Share = 0.3
    strong_imbalance: Share = 0.5
    min_spread_zscore: Deviations = 2
    up_only_below_mid: Price = 0.52
    down_only_above_mid: Price = 0.48
    min_spreads: Ticks = 10
    min_remaining_s: Seconds = 180
    stop: Share = 0.40


class Microstructure(Rule):
    """Buys the heavier side of Up's touch when the spread is unusually wide, or when the imbalance is strong.

    Up only while its mid is low, Down only while it is high. Needs ten spreads of the last 30 seconds. Holds to expiry
    or the stop.
    """

    def __init__(self, parameters: MicrostructureParameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        ready = (f.time_remaining >= p.min_remaining_s) & (f.spread_samples >= p.min_spreads)
        up = ready & (f.imbalance > 0) & (f.up_mid < p.up_only_below_mid)
        down = ready & (f.imbalance < 0) & (f.up_mid > p.down_only_above_mid)
        leaning = abs(f.imbalance)
        wide = (leaning >= p.wide_spread_imbalance) & (f.spread_zscore >= p.min_spread_zscore)
        yield Branch(up=up & wide, down=down & wide, reason="imbalance_spread", confidence=leaning)
        strong = leaning >= p.strong_imbalance
        yield Branch(up=up & strong, down=down & strong, reason="strong_imbalance", confidence=leaning)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "extreme_drawdown"
