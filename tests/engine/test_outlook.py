"""What is made of a market beside its quotes."""

import pytest

from polyterm.core.market import MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.engine.engine import Engine
from polyterm.engine.outlook import NOTHING_SEEN, outlook
from polyterm.quant.tick_features import TickFeatures

KEY = MarketKey("btc", "15m", 1_795_356_900)


def tick(second: int, spot: float | None, bid: float, ask: float) -> Tick:
    slot = KEY.epoch + second
    strike = Reference(100.0, "binance", "spot", KEY.epoch * 1000)
    return Tick(
        key=KEY, slot=slot, made_ms=slot * 1000, up_bid=bid, up_ask=ask, book_age_ms=100, spot=spot, spot_age_ms=50,
        strike=strike,
    )  # fmt: skip


def seen(*ticks: Tick) -> TickFeatures:
    features = TickFeatures()
    features.start_window()
    for each in ticks:
        features.observe(each)
    return features


def test_at_the_strike_up_is_as_likely_as_down_but_for_the_volatility() -> None:
    view = outlook(seen(tick(0, 100.0, 0.39, 0.41)))
    assert view.volatility == 0.8  # nothing else is known in the first second
    assert view.fair == pytest.approx(0.5, abs=0.002)
    assert view.edge == pytest.approx(0.1, abs=0.002)


def test_without_a_spot_there_is_no_fair_value() -> None:
    view = outlook(seen(tick(0, None, 0.39, 0.41)))
    assert (view.fair, view.edge) == (None, None)


def test_once_the_average_is_known_it_decides() -> None:
    # Above the strike for the whole of the averaging, and far below it in the last seconds, which are not averaged.
    ticks = [tick(second, 101.0 if second <= 897 else 90.0, 0.5, 0.52) for second in range(800, 900)]
    assert outlook(seen(*ticks)).fair == 1.0


@pytest.mark.parametrize(
    ("spread", "step", "words"),
    [(0.03, 0.0, "thin"), (0.01, 0.0, "ranging"), (0.01, 0.004, "fast up"), (0.01, -0.004, "fast down")],
)
def test_regimes_in_words(spread: float, step: float, words: str) -> None:
    bids = [0.5 + step * second for second in range(40)]
    ticks = [tick(second, 100.0, bid, bid + spread) for second, bid in enumerate(bids)]
    assert outlook(seen(*ticks)).regime == words


def test_nothing_is_said_of_a_series_that_nobody_watches() -> None:
    assert Engine("s").outlook(("btc", "15m")) == NOTHING_SEEN
    assert outlook(seen(tick(0, 100.0, 0.5, 0.51))).regime == ""
