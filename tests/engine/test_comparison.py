import msgspec

from polyterm.core.event import EventId, StrategyDisabled, WindowSettled
from polyterm.core.market import MarketKey
from polyterm.engine.comparison import compare

KEY = MarketKey("btc", "15m", 1_790_000_100)
SETTLED = WindowSettled(EventId("s", 7, 0), 1_790_001_000_000, KEY, "up", "stream", "twap60", 100.5, corrects=False)
DISABLED = StrategyDisabled(EventId("s", 7, 1), 1_790_001_000_000, "Regime", "ValueError: no")


def test_equal_events_are_counted() -> None:
    agreement = compare([SETTLED, DISABLED], iter([SETTLED, DISABLED]))
    assert (agreement.events, agreement.difference) == (2, None)


def test_the_first_difference_names_input_field_and_both_values() -> None:
    other = msgspec.structs.replace(SETTLED, final_price=100.50000000000001)
    found = compare([SETTLED, DISABLED], [other, DISABLED]).difference
    assert found is not None
    assert (found.input, found.at_ms, found.field) == (7, 1_790_001_000_000, "final_price")
    assert (found.one, found.other) == ("100.5", "100.50000000000001")


def test_zero_and_minus_zero_differ() -> None:
    one, other = (msgspec.structs.replace(SETTLED, final_price=zero) for zero in (0.0, -0.0))
    assert compare([one], [other]).difference is not None


def test_an_event_that_only_one_side_has_names_its_strategy() -> None:
    agreement = compare([SETTLED, DISABLED], [SETTLED])
    assert agreement.events == 1
    assert agreement.difference is not None
    assert (agreement.difference.strategy, agreement.difference.one) == ("Regime", "strategy_disabled")
    assert agreement.difference.other == "nothing"
