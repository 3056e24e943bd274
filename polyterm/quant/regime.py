"""What kind of market this is: how volatile, with which trend, how liquid, and what these make together.

Volatility is the Up mid's, per root year; trend a fraction of the mid; spreads are dollars. The classes are the
reference's and crude: one cent of movement at 50 cents already is HIGH, and a spread of three cents is THIN.
"""

import math
from collections import deque
from typing import Final, Literal

import msgspec

from polyterm.quant.moments import mean
from polyterm.quant.primitives import NAN, relative_change
from polyterm.quant.volatility import realised

VolatilityClass = Literal["LOW", "MEDIUM", "HIGH", "UNKNOWN"]
TrendClass = Literal["STRONG_TREND", "TRENDING", "RANGING", "UNKNOWN"]
LiquidityClass = Literal["THIN", "NORMAL", "THICK", "UNKNOWN"]
Direction = Literal["up", "down"]
Combined = Literal[
    "CAUTION_THIN_LIQUIDITY",
    "MOMENTUM_FAVORABLE",
    "CHOPPY_AVOID",
    "MEAN_REVERSION_FAVORABLE",
    "TREND_FOLLOWING",
    "NEUTRAL",
]

VOLATILITY_SAMPLES: Final = 30
LOW_VOLATILITY: Final = 0.3
HIGH_VOLATILITY: Final = 0.8
TREND_SAMPLES: Final = 20
TREND: Final = 0.02
STRONG_TREND: Final = 0.05
LIQUIDITY_SAMPLES: Final = 10
THIN_SPREAD: Final = 0.02
THICK_SPREAD: Final = 0.005
KEPT_SAMPLES: Final = 60
KEPT_ACROSS_WINDOWS: Final = 10

SIZE_HINTS: Final[dict[Combined, float]] = {
    "MOMENTUM_FAVORABLE": 1.0,
    "MEAN_REVERSION_FAVORABLE": 1.0,
    "TREND_FOLLOWING": 0.8,
    "NEUTRAL": 0.7,
    "CAUTION_THIN_LIQUIDITY": 0.5,
    "CHOPPY_AVOID": 0.3,
}


class Regime(msgspec.Struct, frozen=True):
    """``direction`` is that of the trend, None without one; ``size_hint`` multiplies a strategy's usual size."""

    volatility: VolatilityClass
    trend: TrendClass
    direction: Direction | None
    liquidity: LiquidityClass
    combined: Combined
    size_hint: float

    @property
    def words(self) -> str:
        """What a console shows."""
        if self.combined in {"MOMENTUM_FAVORABLE", "TREND_FOLLOWING"}:
            return f"trending {self.direction}"
        if self.trend == "UNKNOWN":
            return "unknown"
        return "ranging" if self.trend == "RANGING" else "mixed"


def volatility_class(volatility: float) -> VolatilityClass:
    """Of the annualised volatility of the mid over ``VOLATILITY_SAMPLES`` seconds."""
    if math.isnan(volatility):
        return "UNKNOWN"
    if volatility < LOW_VOLATILITY:
        return "LOW"
    return "HIGH" if volatility > HIGH_VOLATILITY else "MEDIUM"


def trend_class(change: float) -> TrendClass:
    """Of the relative change of the mid from the first to the last of ``TREND_SAMPLES`` samples."""
    if math.isnan(change):
        return "UNKNOWN"
    if abs(change) > STRONG_TREND:
        return "STRONG_TREND"
    return "TRENDING" if abs(change) > TREND else "RANGING"


def liquidity_class(spread: float) -> LiquidityClass:
    """Of the mean spread of ``LIQUIDITY_SAMPLES`` samples."""
    if math.isnan(spread):
        return "UNKNOWN"
    if spread > THIN_SPREAD:
        return "THIN"
    return "THICK" if spread < THICK_SPREAD else "NORMAL"


def combine(volatility: VolatilityClass, trend: TrendClass, liquidity: LiquidityClass) -> Combined:
    """The first that fits."""
    if liquidity == "THIN":
        return "CAUTION_THIN_LIQUIDITY"
    moving = trend in {"TRENDING", "STRONG_TREND"}
    if volatility == "HIGH" and moving:
        return "MOMENTUM_FAVORABLE"
    if volatility == "HIGH" and trend == "RANGING":
        return "CHOPPY_AVOID"
    if volatility == "LOW" and trend == "RANGING":
        return "MEAN_REVERSION_FAVORABLE"
    return "TREND_FOLLOWING" if volatility == "MEDIUM" and moving else "NEUTRAL"


def classify(volatility: float, change: float, spread: float) -> Regime:
    """From the three measures, nan where one is missing."""
    of_volatility, of_trend, of_liquidity = volatility_class(volatility), trend_class(change), liquidity_class(spread)
    combined = combine(of_volatility, of_trend, of_liquidity)
    moving = of_trend in {"TRENDING", "STRONG_TREND"}
    return Regime(
        of_volatility,
        of_trend,
        ("up" if change > 0 else "down") if moving else None,
        of_liquidity,
        combined,
        SIZE_HINTS[combined],
    )


class RegimeDetector:
    """Classifies one (coin, horizon) from its last samples, one per second."""

    def __init__(self) -> None:
        self._mids: deque[float] = deque(maxlen=KEPT_SAMPLES)
        self._spreads: deque[float] = deque(maxlen=KEPT_SAMPLES)
        self._newest: int | None = None

    def start_window(self) -> None:
        """Keep a few samples of the last window, so that liquidity is known at once."""
        for samples in (self._mids, self._spreads):
            while len(samples) > KEPT_ACROSS_WINDOWS:
                samples.popleft()

    def observe(self, slot: int, mid: float, spread: float) -> Regime:
        """Take the sample of a slot, nan where a value is missing, and classify. Slots must grow."""
        missed = 0 if self._newest is None else min(slot - self._newest - 1, KEPT_SAMPLES)
        self._newest = slot
        for _ in range(missed):
            self._append(NAN, NAN)
        self._append(mid, spread)
        mids, spreads = list(self._mids), list(self._spreads)
        oldest = mids[-TREND_SAMPLES] if len(mids) >= TREND_SAMPLES else NAN
        spread_mean = mean(spreads[-LIQUIDITY_SAMPLES:]) if len(spreads) >= LIQUIDITY_SAMPLES else NAN
        return classify(realised(mids, VOLATILITY_SAMPLES), relative_change(mid, oldest), spread_mean)

    def _append(self, mid: float, spread: float) -> None:
        self._mids.append(mid)
        self._spreads.append(spread)
