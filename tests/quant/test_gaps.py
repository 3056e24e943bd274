"""Gaps of a series, second by second."""

from typing import Any

import msgspec

from polyterm.core.gap import Gap
from polyterm.core.input import WindowEnded
from polyterm.core.tick import Tick
from polyterm.quant.gaps import GapWatch
from tests.engine.scenes import KEY, tick

T0 = KEY.epoch
NEXT = KEY.next()
SERIES = ("btc", "15m")


def gap(feed: str, first: int, end: int, missing: int, reason: str) -> Gap:
    """Seconds of the first window, the last excluded."""
    return Gap("btc", "15m", feed, (T0 + first) * 1000, (T0 + end) * 1000, missing, reason)  # type: ignore[arg-type]


def seen(watch: GapWatch, *ticks: Tick) -> list[Gap]:
    return [found for each in ticks for found in watch.see(each)]


def lacking(second: int, **changes: Any) -> Tick:
    return msgspec.structs.replace(tick(second), **changes)


def test_seconds_without_a_tick_are_a_gap_when_the_next_one_comes() -> None:
    watch = GapWatch({SERIES: T0 - 1})
    assert seen(watch, tick(0), tick(1), tick(5)) == [gap("ticks", 2, 5, 3, "the engine was late")]


def test_the_seconds_since_an_earlier_session_are_one_gap_over_any_windows() -> None:
    watch = GapWatch({SERIES: T0 + 10})
    (found,) = seen(watch, tick(3, NEXT), tick(4, NEXT))
    assert found == gap("ticks", 11, 903, 892, "the engine was not running")


def test_a_first_window_that_was_joined_late_lacks_its_beginning() -> None:
    assert seen(GapWatch(), tick(60), tick(61)) == [gap("ticks", 0, 60, 60, "the engine was not running")]
    assert seen(GapWatch(), tick(0)) == []


def test_other_series_have_gaps_of_their_own() -> None:
    watch = GapWatch({SERIES: T0 - 1})
    eth = msgspec.structs.replace(KEY, coin="eth")
    assert [found.coin for found in seen(watch, tick(0), tick(3, eth), tick(1), tick(4, eth))] == ["eth"]


def test_a_feed_that_fell_silent_is_missed_from_its_limit_on_until_it_is_back() -> None:
    watch = GapWatch({SERIES: T0 - 1})
    ticks = [lacking(second, spot_age_ms=age) for second, age in enumerate((10, 5_000, 5_001, 6_000, 20))]
    assert seen(watch, *ticks) == [gap("spot", 2, 4, 2, "it fell silent")]


def test_a_limit_is_stretched_on_a_fast_clock() -> None:
    watch = GapWatch({SERIES: T0 - 1}, stretch=3.0)
    ticks = [lacking(second, spot_age_ms=age) for second, age in enumerate((15_000, 15_001, 0))]
    assert seen(watch, *ticks) == [gap("spot", 1, 2, 1, "it fell silent")]


def test_a_missing_or_doubted_book_is_a_gap_and_a_one_sided_one_is_not() -> None:
    watch = GapWatch({SERIES: T0 - 1})
    empty = {"up_bid": None, "up_ask": None, "book_age_ms": None}
    found = seen(
        watch, tick(0, up_ask=None), lacking(1, **empty), lacking(2, invalid="book_quarantined"), tick(3),
    )  # fmt: skip
    assert found == [gap("book", 1, 3, 2, "nothing was heard of it")]


def test_settlement_prices_are_missed_once_they_were_there() -> None:
    watch = GapWatch({SERIES: T0 - 1})
    assert seen(watch, tick(0), tick(1)) == []
    heard = {"twap": 100.0, "twap_age_ms": 900}
    found = seen(watch, tick(2, **heard), tick(3), tick(4, twap=100.0, twap_age_ms=5_001), tick(5, **heard))
    assert found == [gap("settlement", 3, 5, 2, "nothing was heard of it")]


def test_a_gap_of_a_feed_ends_with_its_window() -> None:
    watch = GapWatch({SERIES: T0 + 897})
    assert seen(watch, lacking(898, spot=None), lacking(899, spot=None)) == []
    first = gap("spot", 898, 900, 2, "nothing was heard of it")
    assert watch.see(WindowEnded(KEY)) == (first,)
    assert seen(watch, lacking_next(0), lacking_next(1)) == []
    assert watch.see(WindowEnded(NEXT)) == (gap("spot", 900, 902, 2, "nothing was heard of it"),)


def test_a_window_whose_end_was_not_heard_ends_with_the_next() -> None:
    watch = GapWatch({SERIES: T0 + 897})
    found = seen(watch, lacking(898, spot=None), lacking(899, spot=None), tick(0, NEXT))
    assert found == [gap("spot", 898, 900, 2, "nothing was heard of it")]


def lacking_next(second: int) -> Tick:
    return msgspec.structs.replace(tick(second, NEXT), spot=None)
