"""Which ticks may be traded on."""

import math

import msgspec
import pytest

from polyterm.core.market import MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.quant.validity import book_usable, judge, spot_usable

KEY = MarketKey("btc", "15m", 1_790_000_100)
GOOD = Tick(
    key=KEY, slot=KEY.epoch + 10, made_ms=(KEY.epoch + 10) * 1000,
    up_bid=0.49, up_ask=0.50, book_age_ms=200, spot=64_000.0, spot_age_ms=100,
    strike=Reference(63_990.0, "twap60", "stream", KEY.epoch * 1000),
)  # fmt: skip


def changed(**fields: object) -> Tick:
    return msgspec.structs.replace(GOOD, **fields)


@pytest.mark.parametrize(
    ("tick", "reason"),
    [
        (GOOD, None),
        (changed(slot=KEY.epoch), None),
        (changed(slot=KEY.epoch - 1), "window_not_open"),
        (changed(slot=KEY.end), "window_not_open"),
        (changed(up_bid=None, up_ask=None), "book_missing"),
        (changed(up_bid=None), "book_one_sided"),
        (changed(up_ask=None, book_age_ms=5001), "book_stale"),
        (changed(up_ask=0.49), "book_crossed"),
        (changed(up_ask=0.48), "book_crossed"),
        (changed(book_age_ms=5000), None),
        (changed(book_age_ms=5001), "book_stale"),
        (changed(book_age_ms=None), "book_stale"),
        (changed(up_bid=0.005, up_ask=0.015), "mid_at_edge"),
        (changed(up_bid=0.005, up_ask=0.016), None),
        (changed(up_bid=0.98, up_ask=0.999), None),
        (changed(up_bid=0.985, up_ask=0.997), "mid_at_edge"),
        (changed(spot=None), "spot_missing"),
        (changed(spot_age_ms=5001), "spot_stale"),
        (changed(spot_age_ms=None), "spot_stale"),
        (changed(strike=None), "strike_missing"),
        (changed(spot=math.nan), "spot_missing"),
        (changed(spot=math.inf), "spot_missing"),
        (changed(spot=0.0), "spot_missing"),
        (changed(strike=Reference(0.0, "twap60", "stream", 0)), "strike_missing"),
        (changed(up_bid=math.nan), "mid_at_edge"),
        (changed(up_ask=math.inf), "mid_at_edge"),
    ],
)
def test_the_first_reason_is_named(tick: Tick, reason: str | None) -> None:
    assert judge(tick) == reason


def test_doubt_outranks_everything_a_book_shows() -> None:
    assert judge(GOOD, doubt="book_quarantined") == "book_quarantined"
    assert judge(changed(up_bid=None), doubt="book_quarantined") == "book_quarantined"


def test_limits_can_be_scaled_for_a_fast_clock() -> None:
    assert judge(changed(book_age_ms=14_000), book_max_age_ms=15_000) is None
    assert judge(changed(spot_age_ms=14_000), spot_max_age_ms=15_000) is None


def test_a_market_that_was_not_found_is_not_open() -> None:
    assert judge(GOOD, window_open=False) == "window_not_open"


def test_a_one_sided_book_is_still_evidence_and_a_stale_one_is_not() -> None:
    assert book_usable(changed(up_bid=None, invalid="book_one_sided"))
    assert not book_usable(changed(book_age_ms=9000, invalid="book_stale"))
    assert spot_usable(changed(invalid="mid_at_edge"))
    assert not spot_usable(changed(invalid="mid_at_edge", spot_age_ms=6000))
    assert not spot_usable(changed(spot=None, invalid="spot_missing"))
