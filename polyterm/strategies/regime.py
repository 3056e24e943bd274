"""What kind of market is it? Follow trends, fade extremes of a quiet one, stay out of a choppy one."""

from collections.abc import Iterator

from polyterm.quant.fair_value import FULL_CONFIDENCE_EDGE
from polyterm.quant.features import Features, Flag, Number
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Parameters, Price, Seconds, Share, Shares


class RegimeParameters(Parameters, frozen=True, kw_only=True):
    """``full_size_shares`` is scaled by the regime. ``follow_above`` … are Up mids."""

    follow_above: Price = 0.55
    follow_below: Price = 0.45
    fade_above: Price = 0.65
    fade_below: Price = 0.35
    min_edge: Price = 0.03
    full_size_shares: Shares = 100
    min_remaining_s: Seconds = 120
    stop: Share = 0.30


class Regime(Rule):
    """Follows the trend in a trending regime, fades extremes in a reverting one, stays out of a choppy one.

    In every other regime it buys the side of the edge between the digital and the mid. Holds to expiry or the stop. The
    size is the full one times 1 in momentum and reversion, 0.8 in a trend, 0.5 in a thin book and 0.7 otherwise. The
    confidence is always that edge in units of ten points, also above 1.
    """

    resets = "The regime remembers the last ten samples of the window before; look-backs begin anew."

    def __init__(self, parameters: RegimeParameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        in_time = f.time_remaining >= p.min_remaining_s
        trending = in_time & (f.regime_momentum | f.regime_trend_following)
        size = self.size(f)
        edge = f.fair_value(f.model_volatility) - f.up_mid
        sure = f.ratio(abs(edge), FULL_CONFIDENCE_EDGE)
        rises = trending & f.regime_trend_up & (f.up_mid >= p.follow_above)
        falls = trending & f.regime_trend_down & (f.up_mid <= p.follow_below)
        yield Branch(up=rises, reason="momentum_up", size=size, confidence=sure)
        yield Branch(down=falls, reason="momentum_down", size=size, confidence=sure)
        reverting = in_time & f.regime_reversion
        high, low = reverting & (f.up_mid > p.fade_above), reverting & (f.up_mid < p.fade_below)
        yield Branch(down=high, reason="reversion_fade_high", size=size, confidence=sure)
        yield Branch(up=low, reason="reversion_fade_low", size=size, confidence=sure)
        spoken_for = f.regime_momentum | f.regime_trend_following | f.regime_reversion | f.regime_choppy
        free = in_time & f.not_(spoken_for)
        up, down = free & (edge > p.min_edge), free & (edge < -p.min_edge)
        yield Branch(up=up, down=down, reason="fair_value_edge", size=size, confidence=sure, edge=edge)

    def size(self, f: Features) -> Number:
        calm = f.where(f.regime_thin, 0.5, f.where(f.regime_trend_following, 0.8, 0.7))
        return self.parameters.full_size_shares * f.where(f.regime_momentum | f.regime_reversion, 1.0, calm)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "max_drawdown"
