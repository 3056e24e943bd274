"""What the features say about a market beside its quotes: fair value, edge and regime, for people to look at."""

from typing import Final

import msgspec

from polyterm.quant.primitives import known
from polyterm.quant.tick_features import TickFeatures


class Outlook(msgspec.Struct, frozen=True):
    """``fair`` is the probability that the settling average ends at or above the strike, ``edge`` it minus the Up mid.

    ``volatility`` is what the fair value uses, per root year; ``regime`` is empty while too little has been seen. None
    where something is missing.
    """

    fair: float | None = None
    edge: float | None = None
    volatility: float | None = None
    regime: str = ""


NOTHING_SEEN: Final = Outlook()


def outlook(features: TickFeatures) -> Outlook:
    """Of the newest tick."""
    volatility = features.model_volatility
    fair = features.settlement_fair_value(volatility)
    return Outlook(known(fair), known(fair - features.up_mid), known(volatility), regime_words(features))


def regime_words(features: TickFeatures) -> str:
    """The combined regime in a word or two; trends carry their direction."""
    if features.regime_thin:
        return "thin"
    trend = "up" if features.regime_trend_up else "down"
    if features.regime_momentum:
        return f"fast {trend}"
    if features.regime_trend_following:
        return f"trend {trend}"
    if features.regime_choppy:
        return "choppy"
    if features.regime_reversion:
        return "ranging"
    seen = features.regime_high_volatility or features.regime_low_volatility or features.regime_trending
    return "mixed" if seen else ""
