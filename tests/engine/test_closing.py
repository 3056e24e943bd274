"""What closes a position, in words, for the registered rules."""

import pytest

from polyterm.core.market import MarketKey
from polyterm.core.position import Conditions, Position
from polyterm.engine.closing import closing_words
from polyterm.strategies.registry import REGISTRY
from polyterm.strategies.traced import traced

_NOWHERE = Conditions(None, None, None, None, None, None, None, 0)
RULES = {entry.name: traced(entry) for entry in REGISTRY}


def position(entry_price: float, peak_r: float = 0.0) -> Position:
    key = MarketKey("btc", "15m", 1_795_356_900)
    return Position("s", key, "up", 0, entry_price, 100.0, "in", None, _NOWHERE, None, None, (), peak_r)


@pytest.mark.parametrize(
    ("strategy", "entry_price", "words"),
    [
        ("SpotLagSimple", 0.60, "stop ≤0.36"),
        ("SpotLag_30sec", 0.50, "after 30s, target ≥0.55, stop ≤0.30"),
        ("SpotLag_30sec", 0.95, "after 30s, stop ≤0.57"),  # 0.95 x 1.1 is out of reach
        ("TimeConditional", 0.50, "last 60s, stop ≤0.35"),
        ("SpotLag_Trailing", 0.50, "trails from 0.53"),
        ("PureProb_Base", 0.50, "expiry only"),  # stops at a loss of 99 %: at half a cent nothing is traded
        ("SpotLag_VolAdapt", 0.50, "take profit"),  # its target depends on the market's range
    ],
)
def test_exits_are_prices_and_times(strategy: str, entry_price: float, words: str) -> None:
    assert closing_words(RULES[strategy], position(entry_price)) == words


def test_a_trailing_stop_moves_with_the_peak() -> None:
    # It gives back a tenth of the position's value at the peak, and never more than down to +3 %.
    assert closing_words(RULES["SpotLag_Trailing"], position(0.50, peak_r=0.5)) == "trail ≤0.68"
    assert closing_words(RULES["SpotLag_Trailing"], position(0.50, peak_r=0.05)) == "trail ≤0.52"


def test_a_strategy_that_is_no_rule_keeps_its_counsel() -> None:
    assert closing_words(None, position(0.5)) == "its own judgement"
