"""The features of a tick are the formulas of their modules, over what was really seen."""

import math
import random

import pytest

from polyterm.core.market import MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.quant.book import imbalance, microprice, spread_zscore
from polyterm.quant.fair_value import fair_value
from polyterm.quant.regime import RegimeDetector
from polyterm.quant.settlement import AVERAGE_DELAY_S, KnownAverage, settlement_probability
from polyterm.quant.tick_features import TickFeatures
from polyterm.quant.volatility import best_estimate, ewma, model_volatility, parkinson, realised, rolling_bars

NAN = math.nan
FIRST = MarketKey("eth", "15m", 1_790_000_100)


def window(key: MarketKey, rng: random.Random) -> list[Tick]:
    """A window with lost seconds, lost books, lost spots and quiet stretches."""
    ticks = []
    spot, mid, spread = 2000.0, 0.5, 0.02
    strike = Reference(2000.0, "binance", "spot", key.epoch * 1000)
    for slot in range(key.epoch, key.end):
        if rng.random() < 0.5:
            spot *= math.exp(rng.gauss(0, 2e-4))
            mid = min(0.95, max(0.05, mid + rng.choice((-0.01, 0, 0.01))))
            spread = rng.choice((0.01, 0.02, 0.03))
        if rng.random() < 0.03:
            continue
        bid = None if rng.random() < 0.02 else mid - spread / 2
        ticks.append(
            Tick(
                key=key,
                slot=slot,
                made_ms=slot * 1000,
                up_bid=bid,
                up_ask=mid + spread / 2,
                up_bid_size=None if bid is None else rng.choice((0.0, 40.0, 90.5)),
                up_ask_size=25.0,
                book_age_ms=0,
                spot=None if rng.random() < 0.03 else spot,
                spot_age_ms=0,
                strike=strike,
            )
        )
    return ticks


class Seen:
    """One value a second, nan where there was none."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._newest: int | None = None

    def put(self, slot: int, value: float) -> None:
        if self._newest is not None:
            self.values += [NAN] * (slot - self._newest - 1)
        self._newest = slot
        self.values.append(value)

    def newest(self, count: int) -> list[float]:
        """Padded with nan, so that nothing reaches beyond the window's start."""
        return ([NAN] * count + self.values)[-count:]


def number(value: float | None) -> float:
    return NAN if value is None else value


@pytest.mark.parametrize("seed", range(4))
def test_every_second_of_two_windows(seed: int) -> None:
    rng = random.Random(seed)
    f, detector = TickFeatures(), RegimeDetector()
    compared = 0
    for key in (FIRST, FIRST.next()):
        spots, mids, spreads, elapsed = Seen(), Seen(), Seen(), KnownAverage(key.end - AVERAGE_DELAY_S)
        f.start_window()
        detector.start_window()
        for tick in window(key, rng):
            f.observe(tick)
            spot, mid, spread = number(tick.spot), number(tick.up_mid), number(tick.spread)
            for seen, value in ((spots, spot), (mids, mid), (spreads, spread)):
                seen.put(tick.slot, value)
            elapsed.observe(tick.slot, spot)
            regime = detector.observe(tick.slot, mid, spread)
            best = best_estimate(
                realised(mids.newest(30), 30), ewma(mids.newest(30)), parkinson(rolling_bars(mids.newest(50)))
            )
            model = model_volatility(realised(spots.newest(30), 30), ewma(spots.newest(30)), best)
            left_s = tick.time_remaining_s - AVERAGE_DELAY_S
            expected = {
                "spot_volatility": (f.spot_volatility(10), realised(spots.newest(10), 10)),
                "mid_volatility": (f.mid_volatility(60), realised(mids.newest(60), 60)),
                "spot_ewma": (f.spot_ewma_volatility, ewma(spots.newest(30))),
                "mid_ewma": (f.mid_ewma_volatility, ewma(mids.newest(30))),
                "parkinson": (f.parkinson_volatility, parkinson(rolling_bars(mids.newest(50)))),
                "best": (f.best_volatility, best),
                "model": (f.model_volatility, model),
                "fair": (f.fair_value(model), fair_value(spot, 2000.0, model, tick.time_remaining_s)),
                "settlement": (
                    f.settlement_fair_value(0.7),
                    settlement_probability(spot, 2000.0, 0.7, left_s, elapsed.mean),
                ),
                "imbalance": (f.imbalance, imbalance(number(tick.up_bid_size), 25.0)),
                "microprice": (
                    f.microprice,
                    microprice(number(tick.up_bid), number(tick.up_ask), number(tick.up_bid_size), 25.0),
                ),
                "zscore": (f.spread_zscore, spread_zscore(spreads.newest(30))),
            }
            for name, (feature, formula) in expected.items():
                assert feature == formula or (math.isnan(feature) and math.isnan(formula)), (
                    name,
                    tick.slot - key.epoch,
                )
            flags = {
                "CAUTION_THIN_LIQUIDITY": f.regime_thin,
                "MOMENTUM_FAVORABLE": f.regime_momentum,
                "CHOPPY_AVOID": f.regime_choppy,
                "MEAN_REVERSION_FAVORABLE": f.regime_reversion,
                "TREND_FOLLOWING": f.regime_trend_following,
            }
            assert [name for name, flag in flags.items() if flag] == [regime.combined] * (regime.combined != "NEUTRAL")
            compared += 1
    assert compared > 1700
